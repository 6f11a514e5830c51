//! One recording's whole life, with each of the stores at hand.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use strongroom::agefile::sealed_length;
use strongroom::objects::ObjectKey;

use super::media;
use super::traces::Traces;
use crate::support::cli::{BUCKET, EMBEDDED, Site, day, plain, program, text};
use crate::support::peers::{KEY_ID, Moto, Rclone, SECRET};
use crate::support::programs::{files, on_path};

const IN_THE_FILE: &str = "canary-in-the-file-zq7";
const NAME: &str = "Canary Name-zq7";
const EMAIL: &str = "canary-zq7@example.org";
const FILE_NAME: &str = "canary-file-name-zq7.wav";
const FILM_NAME: &str = "canary-film-name-zq7.mp4";
const TRANSCRIPT: &str = "canary-in-the-transcript-zq7";

const EVERYBODY: [&str; 6] = ["admin", "lead", "res", "ig", "com", "tr"];

const AWS: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", KEY_ID),
    ("AWS_SECRET_ACCESS_KEY", SECRET),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// The bucket, looked at from behind: not through Strongroom.
trait Bucket {
    /// Every object's key and bytes, in every version.
    fn objects(&self) -> Vec<(String, Vec<u8>)>;
    /// What is left of uploads that are not finished.
    fn unfinished(&self) -> usize;
}

/// A bucket that is a folder.
struct Folder {
    bucket: PathBuf,
    uploads: Option<PathBuf>,
}

impl Bucket for Folder {
    fn objects(&self) -> Vec<(String, Vec<u8>)> {
        let mut parts: Vec<_> = files(&self.bucket)
            .into_iter()
            .map(|file| {
                let inside = file.strip_prefix(&self.bucket).expect("inside");
                // An object that came in parts is a folder of them.
                let (key, part) = match plain(inside).split_once("/.part") {
                    None => (plain(inside), 0),
                    Some((key, part)) => (key, part.trim_start_matches('-').parse().unwrap_or(0)),
                };
                (key.to_owned(), part, file.clone())
            })
            .collect();
        parts.sort();
        let mut objects: Vec<(String, Vec<u8>)> = Vec::new();
        for (key, _, file) in parts {
            if objects.last().is_none_or(|(last, _)| *last != key) {
                objects.push((key, Vec::new()));
            }
            let list_of_parts = file.file_name().is_some_and(|name| name == ".parts");
            if let Some((_, bytes)) = objects.last_mut()
                && !list_of_parts
            {
                bytes.extend(std::fs::read(&file).expect("read"));
            }
        }
        objects
    }

    fn unfinished(&self) -> usize {
        let uploads = self.uploads.as_deref().filter(|path| path.exists());
        uploads.map_or(0, |uploads| files(uploads).len())
    }
}

/// A bucket of a server that keeps versions, asked over HTTP.
struct Versioned {
    moto: Moto,
    runtime: tokio::runtime::Runtime,
}

impl Versioned {
    fn start() -> Option<Self> {
        let moto = Moto::start()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(moto.make_bucket(BUCKET, "eu-west-2"));
        runtime.block_on(moto.keep_versions(BUCKET));
        Some(Self { moto, runtime })
    }
}

impl Bucket for Versioned {
    fn objects(&self) -> Vec<(String, Vec<u8>)> {
        self.runtime.block_on(self.moto.everything(BUCKET)).0
    }

    fn unfinished(&self) -> usize {
        self.runtime.block_on(self.moto.everything(BUCKET)).1
    }
}

#[test]
fn with_the_embedded_store() {
    let site = Site::found(EMBEDDED, &[]);
    let store = site.vault().join("store");
    let bucket = Folder {
        bucket: store.join(BUCKET),
        uploads: Some(store.join(".uploads")),
    };
    live(site, &bucket);
}

#[test]
fn with_a_store_that_keeps_versions() {
    let Some(bucket) = Versioned::start() else {
        return;
    };
    let endpoint = bucket.moto.endpoint();
    live(Site::found(&["--s3-endpoint", &endpoint], &AWS), &bucket);
}

#[test]
fn with_a_store_that_cannot_say_where_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(rclone) = Rclone::start(folder.path(), BUCKET) else {
        return;
    };
    let endpoint = rclone.endpoint();
    let mut site = Site::empty();
    site.set(&AWS);
    let silent = site.try_init(&["--s3-endpoint", &endpoint]);
    silent.fails_saying(1, &["cannot say where", "--attest-region", "--attested-by"]);
    let word = [
        "--attest-region",
        "eu-west-2",
        "--attested-by",
        "A. Operator",
    ];
    site.init(&[&["--s3-endpoint", &endpoint], &word[..]].concat());
    let bucket = Folder {
        bucket: folder.path().join(BUCKET),
        uploads: None,
    };
    live(site, &bucket);
}

fn live(mut site: Site, bucket: &dyn Bucket) {
    site.serve();
    let cast = Cast::assemble(&site);
    let recording = site.path(FILE_NAME);
    media::wav(&recording, 60, IN_THE_FILE);
    let film = site.path(FILM_NAME);
    let film = media::mp4(&film, 4, IN_THE_FILE).then_some(film);

    // The researcher brings it; what lies in the bucket is not what was brought.
    let item = site.upload(&recording, &cast.session, "audio");
    let film = film.map(|film| (site.upload(&film, &cast.session, "video"), film));
    let notes = site.file("field-notes.txt", b"somebody else's notes");
    let notes_item = site.upload(&notes, &cast.other_session, "notes");
    let brought = std::fs::read(&recording).expect("read");
    comes_back(&site, "res", &item, &brought);
    if let Some((item, film)) = &film {
        assert!(site.fetch("lead", item) == std::fs::read(film).expect("read"));
    }
    lies_sealed(bucket, &item, brought.len());

    // The supplier sees nothing, then what it is assigned, and sends its transcript back.
    knows_nothing(&site, &cast, &item);
    let assigned = ["assign", &item, "--to", &cast.supplier, "--until", &day(9)];
    site.run("lead", &assigned).id();
    sees_only(&site, &item, &notes_item);
    sealed_copy_opens(&site, &item, &brought);
    let transcript = site.file("canary-transcript-zq7.txt", TRANSCRIPT.as_bytes());
    let answer = ["upload", plain(&transcript), "--session", &cast.session];
    let answer = [&answer[..], &["--kind", "transcript"]].concat();
    let transcript_item = site.run("tr", &answer).id();
    assert_eq!(site.fetch("lead", &transcript_item), TRANSCRIPT.as_bytes());
    commissioner_knows_nothing(&site, &item, &cast);
    leaves_no_trace(&site, bucket);

    // The participant withdraws; a second person approves; it is gone.
    let erasure = site.withdraw(&cast.participant);
    for profile in ["res", "lead"] {
        let frozen = site.fetch_in_vain(profile, &item);
        frozen.fails_saying(3, &["withdrawal is under way"]);
    }
    for profile in ["lead", "res", "tr", "com"] {
        let refused = site.run(profile, &["erasure", "approve", &erasure]);
        assert!(matches!(refused.code, Some(3 | 4)), "{refused:?}");
    }
    let erased = site.run("ig", &["erasure", "approve", &erasure]).json();
    assert_eq!(erased["stage"], "certified", "{erased}");
    certificate_verifies(&site, &erasure);
    let gone: Vec<&str> = film.iter().map(|(item, _)| item.as_str()).collect();
    let gone = [&gone[..], &[&item, &transcript_item]].concat();
    is_gone(&site, bucket, &gone);
    assert_eq!(site.fetch("res", &notes_item), b"somebody else's notes");

    // A restart brings nothing back and loses nothing.
    site.stop();
    site.serve();
    is_gone(&site, bucket, &[&item]);
    assert_eq!(site.fetch("res", &notes_item), b"somebody else's notes");
    let again = site.run("lead", &["withdraw", &cast.participant]);
    again.fails(4);
    leaves_no_trace(&site, bucket);
}

/// Who takes part in the life.
struct Cast {
    study: String,
    supplier: String,
    participant: String,
    session: String,
    other_session: String,
}

impl Cast {
    fn assemble(site: &Site) -> Self {
        let study = site.study();
        site.enrol("com", "commissioner", None);
        let approve = ["supplier", "approve", "McGowan Transcriptions"];
        let signed = ["--contract-signed", &day(-30)];
        let supplier = site.run("admin", &[&approve[..], &signed].concat()).id();
        site.enrol("tr", "transcriber", Some(&supplier));
        let permit = "audio,video,transcript";
        let named = ["--name", NAME, "--email", EMAIL];
        let participant = site.participant(&study, permit, &named);
        let other = site.participant(&study, "notes", &["--name", "Somebody Else"]);
        Self {
            session: site.session(&study, &[&participant]),
            other_session: site.session(&study, &[&other]),
            study,
            supplier,
            participant,
        }
    }
}

/// Whole, in ranges, and on standard output.
fn comes_back(site: &Site, profile: &str, item: &str, brought: &[u8]) {
    assert!(site.fetch(profile, item) == brought);
    let last = brought.len() - 1;
    for (range, expected) in [
        ("0-0".to_owned(), &brought[..1]),
        ("65530-65550".to_owned(), &brought[65_530..=65_550]),
        (format!("8388000-{last}"), &brought[8_388_000..]),
        (format!("{last}-{last}"), &brought[last..]),
    ] {
        let got = site.fetch_as(profile, item, &["--range", &range]);
        assert!(got == expected, "{range}");
    }
    let beyond = format!("{}-{}", last + 1, last + 9);
    let outside = site.run(profile, &["fetch", item, "--range", &beyond]);
    outside.fails_saying(1, &["outside the item", &brought.len().to_string()]);
    let piped = site.run(profile, &["fetch", item, "-o", "-"]);
    assert_eq!(piped.code, Some(0), "{}", piped.stderr);
    assert!(piped.stdout == brought);
}

fn lies_sealed(bucket: &dyn Bucket, item: &str, length: usize) {
    let objects = bucket.objects();
    let key = ObjectKey::Material(item.parse().expect("an item")).to_string();
    let (_, stored) = objects.iter().find(|(at, _)| *at == key).expect("stored");
    let sealed = sealed_length(length as u64).expect("a length");
    assert_eq!(stored.len() as u64, sealed);
    assert!(!media::contains(stored, b"RIFF"));
    assert_eq!(bucket.unfinished(), 0);
}

/// Everything a supplier might try with what it is not assigned.
fn knows_nothing(site: &Site, cast: &Cast, item: &str) {
    assert!(site.run("tr", &["item", "list"]).rows().is_empty());
    assert!(site.run("tr", &["study", "list"]).rows().is_empty());
    let file = site.file("unasked.txt", b"unasked");
    let file = plain(&file);
    let (study, session) = (cast.study.as_str(), cast.session.as_str());
    let participant = cast.participant.as_str();
    let (tomorrow, supplier) = (day(1), cast.supplier.as_str());
    let attempts: &[&[&str]] = &[
        &["fetch", item],
        &["fetch", item, "--sealed"],
        &["fetch", item, "--range", "0-9"],
        &["item", "show", item],
        &["upload", file, "--session", session, "--kind", "transcript"],
        &["upload", file, "--session", session, "--kind", "audio"],
        &["assign", item, "--to", supplier, "--until", &tomorrow],
        &["study", "show", study],
        &["participant", "list", "--study", study],
        &["participant", "add", "--study", study, "--permit", "audio"],
        &["session", "list", "--study", study],
        &["withdraw", participant],
        &["person", "list"],
        &["audit", "show"],
        &["audit", "verify"],
        &["vault", "status"],
    ];
    for attempt in attempts {
        let said = site.run("tr", attempt);
        assert!(matches!(said.code, Some(3 | 4)), "{said:?}");
    }
}

fn sees_only(site: &Site, item: &str, other: &str) {
    let rows = site.run("tr", &["item", "list"]).rows();
    let ids: Vec<_> = rows.iter().map(|row| text(row, "id")).collect();
    assert_eq!(ids, [item]);
    let row: &Value = &rows[0];
    for hidden in ["study", "participants", "file_name", "depositor"] {
        assert_eq!(row.get(hidden), None, "{row}");
    }
    site.fetch_in_vain("tr", other).fails(4);
    site.run("tr", &["item", "show", other]).fails(4);
}

/// A sealed copy is a plain age file: other people's programs open it with the supplier's identity.
fn sealed_copy_opens(site: &Site, item: &str, brought: &[u8]) {
    let sealed = site.fetch_as("tr", item, &["--sealed"]);
    assert!(sealed.starts_with(b"age-encryption.org/v1\n"));
    let identity = site.home().join("tr").join("identity.txt");
    for program in ["age", "rage"] {
        let Some(program) = on_path(program) else {
            continue;
        };
        let mut opening = Command::new(&program)
            .args(["-d", "-i", plain(&identity)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut stdin = opening.stdin.take().expect("its input");
        let opened = std::thread::scope(|scope| {
            let sealed = &sealed;
            scope.spawn(move || stdin.write_all(sealed).expect("it reads"));
            opening.wait_with_output().expect("it ends")
        });
        assert!(opened.status.success(), "{}", program.display());
        assert!(opened.stdout == brought, "{}", program.display());
    }
}

fn commissioner_knows_nothing(site: &Site, item: &str, cast: &Cast) {
    assert!(site.run("com", &["item", "list"]).rows().is_empty());
    site.fetch_in_vain("com", item).fails(4);
    let attempts: [&[&str]; 3] = [
        &["withdraw", &cast.participant],
        &["participant", "list", "--study", &cast.study],
        &["erasure", "list"],
    ];
    for attempt in attempts {
        let said = site.run("com", attempt);
        let nothing = said.code == Some(0) && said.stdout.starts_with(b"[]");
        assert!(nothing || matches!(said.code, Some(3 | 4)), "{said:?}");
    }
}

fn certificate_verifies(site: &Site, erasure: &str) {
    let (note, key) = (site.path("certificate.txt"), site.path("key.txt"));
    let ask = ["erasure", "certificate", erasure, "-o", plain(&note)];
    site.run("ig", &ask).json();
    let signer = site.run("ig", &["vault", "key"]).json();
    std::fs::write(&key, text(&signer, "key")).expect("written");
    let verify = |note: &Path| {
        let verify = ["certificate", "verify", plain(note), "--key", plain(&key)];
        site.run("nobody", &verify)
    };
    verify(&note).json();
    let changed = std::fs::read_to_string(&note)
        .expect("read")
        .replacen('1', "2", 1);
    let changed = site.file("changed.txt", changed.as_bytes());
    verify(&changed).fails(1);
    a_stranger_reads_it(&note, &key);
    let page = site.path("certificate.pdf");
    let ask = ["erasure", "certificate", erasure, "-o", plain(&page)];
    site.run("ig", &ask).json();
    let [page, note] = [&page, &note].map(|path| std::fs::read(path).expect("read"));
    assert!(page.starts_with(b"%PDF"));
    let attached = page.windows(note.len()).any(|bytes| bytes == note);
    assert!(attached, "the signed certificate is not in the page");
}

/// With the two files, the program and nothing else: no profile, no gateway, no variables.
fn a_stranger_reads_it(note: &Path, key: &Path) {
    let elsewhere = tempfile::tempdir().expect("a folder");
    std::fs::copy(note, elsewhere.path().join("certificate.txt")).expect("copied");
    std::fs::copy(key, elsewhere.path().join("key.txt")).expect("copied");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(elsewhere.path());
        let output = command.env_clear().output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("text")
    };
    let said = run(&[
        "certificate",
        "verify",
        "certificate.txt",
        "--key",
        "key.txt",
    ]);
    for words in [
        "Verified: it is signed with that key",
        "Everything that was recorded of participant",
        "The old root lay in a file of its own",
        "Not yet gone everywhere: waiting for",
        "What this proves",
        "What this does not prove",
        "solid-state disk",
    ] {
        assert!(said.contains(words), "{words:?} is not in\n{said}");
    }
    println!("{said}");
    let shown = run(&["certificate", "show", "certificate.txt"]);
    assert!(shown.starts_with("NOT VERIFIED"), "{shown}");
    assert!(shown.contains("Everything that was recorded"), "{shown}");
    let left = std::fs::read_dir(elsewhere.path()).expect("listed").count();
    assert_eq!(left, 2, "it left something behind");
}

/// Nobody opens it, and nothing of it is in the bucket, in any version.
fn is_gone(site: &Site, bucket: &dyn Bucket, items: &[&str]) {
    for item in items {
        for profile in EVERYBODY {
            site.fetch_in_vain(profile, item).fails(4);
        }
        let sealed = ["fetch", item, "--sealed", "-o", "sealed"];
        site.run("tr", &sealed).fails(4);
        site.run("lead", &["item", "show", item]).fails(4);
        let objects = bucket.objects();
        assert!(objects.iter().all(|(key, _)| !key.contains(item)));
    }
    assert_eq!(bucket.unfinished(), 0);
    assert!(site.run("tr", &["item", "list"]).rows().is_empty());
}

/// What was in the file, the name, the address and the file's name are nowhere.
fn leaves_no_trace(site: &Site, bucket: &dyn Bucket) {
    let words = [IN_THE_FILE, NAME, EMAIL, FILE_NAME, FILM_NAME, TRANSCRIPT];
    let traces = Traces::of(&words);
    traces.absent_under(&site.vault());
    traces.absent_under(&site.home());
    for (key, bytes) in bucket.objects() {
        traces.absent_from(&bytes, &key);
    }
    let log = site.log();
    assert!(
        log.contains("DEBUG") && log.contains("/v1/uploads"),
        "a quiet log"
    );
    traces.absent_from(log.as_bytes(), "the log");
}
