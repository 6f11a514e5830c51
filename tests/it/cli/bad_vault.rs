//! Vaults that do not open as they should: in use, locked, damaged, or short of room.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::cli::{EMBEDDED, Site, noise, plain, text, wait_until};
use crate::support::programs::{files, tell};

#[test]
fn a_vault_is_open_in_one_process_only() {
    let site = Site::running();
    let said = site.serve_in_vain(&["--listen", "127.0.0.1:0"]);
    said.fails_saying(1, &["open in another process", "stop that gateway"]);
    let vault = site.vault();
    let rebuild = ["vault", "rebuild-index", "--vault", plain(&vault)];
    site.run("admin", &rebuild)
        .fails_saying(1, &["open in another process"]);
    // The first one noticed nothing.
    site.enter();
}

#[test]
fn a_gateway_that_cannot_listen_says_so() {
    let mut site = Site::found(EMBEDDED, &[]);
    let said = site.serve_in_vain(&["--listen", "0.0.0.0:0"]);
    said.fails_saying(1, &["TLS", "--tls-cert"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let said = site.serve_in_vain(&["--listen", &address]);
    said.fails_saying(1, &[&address, "in use"]);
    let said = site.serve_in_vain(&["--tls-cert", "nowhere.pem", "--tls-key", "nowhere.pem"]);
    said.fails_saying(1, &["nowhere.pem"]);
    site.serve();
}

#[test]
fn only_the_identity_it_is_sealed_to_unlocks_a_vault() {
    let mut site = Site::running();
    site.enter();
    site.stop();
    let identity = site.vault().join("unlock-identity.txt");
    let aside = site.path("identity.txt");
    fs::rename(&identity, &aside).expect("moved");
    site.serve_in_vain(&[])
        .fails_saying(1, &["no identity", "--identity FILE"]);
    // The administrator's own identity is a whole one, and not the vault's.
    let other = site.home().join("admin").join("identity.txt");
    let said = site.serve_in_vain(&["--identity", plain(&other)]);
    said.fails_saying(
        1,
        &["does not open", "root.slot", "the one it is sealed to"],
    );
    let nothing = site.path("nothing.txt");
    write_privately(&nothing, b"nothing of the kind\n");
    let said = site.serve_in_vain(&["--identity", plain(&nothing)]);
    said.fails(1);
    let said = site.serve_in_vain(&["--identity", "nowhere.txt"]);
    said.fails_saying(1, &["nowhere.txt"]);
    let said = site.run("admin", &["serve", "--vault", "nowhere"]);
    said.fails_saying(1, &["nowhere", "holds no vault", "vault init"]);
    fs::rename(&aside, &identity).expect("moved back");
    site.serve();
}

#[test]
fn a_root_slot_that_is_not_right_is_never_replaced() {
    let mut site = Site::running();
    site.stop();
    let slot = site.vault().join("root.slot");
    let right = fs::read(&slot).expect("read");
    let before = everything(&site.vault());

    fs::remove_file(&slot).expect("removed");
    let said = site.serve_in_vain(&[]);
    said.fails_saying(1, &["no root slot", "root.slot", "No new one is made"]);
    assert!(!slot.exists());

    let garbage = noise(right.len());
    let mut flipped = right.clone();
    for byte in flipped.iter_mut().skip(100).step_by(97) {
        *byte ^= 0x40;
    }
    let damaged: [(&[u8], &str); 4] = [
        (b"", "is not a root slot"),
        (&garbage, "root.slot"),
        (&right[..right.len() / 3], "root.slot"),
        (&flipped, "root.slot"),
    ];
    for (bytes, words) in damaged {
        write_privately(&slot, bytes);
        site.serve_in_vain(&[]).fails_saying(1, &[words]);
        assert!(fs::read(&slot).expect("read") == bytes, "it was changed");
    }
    write_privately(&slot, &right);
    assert!(everything(&site.vault()) == before, "something was changed");
    site.serve();
    site.enter();
}

#[test]
fn an_index_that_is_gone_or_damaged_is_rebuilt_and_nothing_is_lost() {
    let mut site = Site::running();
    let study = site.study();
    let (participant, session) = site.interview(&study);
    let file = site.file("a.wav", &noise(300_000));
    let item = site.upload(&file, &session, "audio");
    let before = shown(&site);
    site.stop();
    let index = site.vault().join("index");
    let mut check = |line: &str| {
        let said_before = site.log().len();
        site.serve();
        let log = site.log();
        let said = &log[said_before..];
        assert!(
            said.contains(line) && said.contains("rebuilt"),
            "{line}: {said}"
        );
        assert_eq!(shown(&site), before);
        assert!(site.fetch("res", &item) == noise(300_000));
        site.stop();
    };
    // What follows is done to a gateway that was stopped, and once to one that was killed.
    let database = index.join("sled").join("db");
    fs::remove_dir_all(&index).expect("removed");
    check("the index");
    damage(&database, |bytes| bytes.truncate(bytes.len() / 2));
    check("the index");
    damage(&database, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    });
    check("the index");
    damage(&database, |bytes| bytes[20] ^= 0xff);
    check("the index");
    fs::remove_dir_all(&index).expect("removed");
    fs::write(&index, b"a file in its place").expect("written");
    check("the index");
    // As after a power cut.
    site.serve();
    site.kill();
    fs::remove_dir_all(&index).expect("removed");
    site.serve();
    assert_eq!(shown(&site), before);
    // It is a vault like any other: it erases.
    let erasure = site.withdraw(&participant);
    let said = site.run("ig", &["erasure", "approve", &erasure]).json();
    assert_eq!(said["stage"], "certified");
    site.stop();

    fs::remove_dir_all(&index).expect("removed");
    let vault = site.vault();
    let rebuild = ["vault", "rebuild-index", "--vault", plain(&vault)];
    let said = site.run("admin", &rebuild).json();
    assert!(said["records"].as_u64() > Some(10), "{said}");
    site.serve();
    site.fetch_in_vain("res", &item).fails(4);
}

#[test]
fn a_journal_that_was_changed_keeps_the_vault_shut() {
    let mut site = Site::running();
    site.enter();
    site.stop();
    let journal = site.vault().join("journal");
    let before = everything(&journal);
    let mut segments = before.iter().filter(|(path, _)| is_segment(path));
    let (segment, right) = segments.next_back().expect("a segment");
    for at in [9, right.len() / 3, right.len() / 2] {
        let mut changed = right.clone();
        changed[at] ^= 1;
        fs::write(segment, &changed).expect("written");
        let said = site.serve_in_vain(&[]);
        said.fails_saying(
            1,
            &[
                "the journal is damaged",
                ".seg",
                "Nothing was changed",
                "backup",
            ],
        );
        assert!(fs::read(segment).expect("read") == changed);
    }
    // Whole records are missing at its end, which a crash cannot have done.
    fs::write(segment, &right[..right.len() / 2]).expect("written");
    let said = site.serve_in_vain(&[]);
    said.fails_saying(1, &["the journal was rolled back", "nothing was changed"]);
    fs::remove_dir_all(&journal).expect("removed");
    site.serve_in_vain(&[])
        .fails_saying(1, &["no journal", "backup"]);
    fs::create_dir(&journal).expect("made");
    for (path, bytes) in &before {
        fs::write(path, bytes).expect("written");
    }
    site.serve();
    site.run("admin", &["whoami"]).json();
}

/// A large vault answers before all of its journal was looked at: what is found then seals it at once, and
/// keeps it shut at the next start.
#[test]
fn a_journal_that_is_found_changed_while_it_serves_seals_the_gateway() {
    let mut site = Site::running();
    site.set(&[("STRONGROOM_VERIFIED_FIRST", "0")]);
    let study = site.study();
    let (_, session) = site.interview(&study);
    let notes = site.file("notes.txt", b"what was said");
    let item = site.upload(&notes, &session, "notes");
    // Each start begins a segment: of these, one is behind the last.
    for _ in 0..2 {
        site.stop();
        site.serve();
        assert_eq!(site.fetch("lead", &item), b"what was said");
    }
    wait_until("everything is verified", || {
        let verified = "what was not verified before the start is verified";
        site.log().contains(verified).then_some(())
    });
    site.stop();
    let journal = site.vault().join("journal");
    let mut segments: Vec<_> = everything(&journal).into_iter().collect();
    segments.retain(|(path, _)| is_segment(path));
    let (segment, right) = &segments[1];
    damage(segment, |bytes| bytes[right.len() / 2] ^= 1);
    site.serve();
    let said = wait_until("it is sealed", || {
        let said = site.run("admin", &["whoami"]);
        (said.code != Some(0)).then_some(said)
    });
    said.fails_saying(5, &["the vault is sealed", "administrator"]);
    let log = site.log();
    let why = log
        .lines()
        .rfind(|line| line.contains("the gateway is sealed"));
    let why = why.expect("a reason");
    assert!(why.contains("the journal is damaged"), "{why}");
    site.run("lead", &["fetch", &item, "-o", "out"]).fails(5);
    site.kill();
    for _ in 0..2 {
        site.serve_in_vain(&[])
            .fails_saying(1, &["the journal is damaged", "Nothing was changed"]);
    }
    fs::write(segment, right).expect("written");
    site.serve();
    assert_eq!(site.fetch("lead", &item), b"what was said");
}

#[test]
fn a_full_disk_takes_nothing_in_and_loses_nothing() {
    let mut site = Site::empty();
    let Some(_disk) = SmallDisk::mount(&site.vault()) else {
        return;
    };
    site.init(EMBEDDED);
    site.serve();
    let study = site.study();
    let (_, session) = site.interview(&study);
    let small = site.file("small.txt", b"kept before");
    let kept = site.upload(&small, &session, "notes");

    // The bucket's disk has no room for a long recording.
    let long = site.file("long.wav", &noise(40 * 1024 * 1024));
    let said = site.try_upload(&long, &session, "audio");
    said.fails_saying(5, &["full"]);

    // The journal's disk has no room for a record.
    let add = ["participant", "add", "--study", &study, "--permit", "notes"];
    // The last page of its file may have room for some more, and what is thrown away frees some.
    let filler = site.vault().join("filler");
    let mut added = 1;
    let refused = loop {
        fill(&filler);
        let said = site.run("res", &add);
        if said.code != Some(0) {
            break said;
        }
        added += 1;
        assert!(added < 100, "the disk is never full");
    };
    refused.fails_saying(5, &["disk is full", "nothing was taken in"]);
    let said = site.try_upload(&small, &session, "notes");
    said.fails_saying(5, &["full"]);
    let said = site.fetch_in_vain("res", &kept);
    said.fails_saying(5, &["full"]);

    // Once there is room again, everything goes on; what was acknowledged is there.
    fs::remove_file(filler).expect("removed");
    if site.run("res", &add).code != Some(0) {
        site.stop();
        site.serve();
        site.run("res", &add).json();
    }
    assert_eq!(site.fetch("res", &kept), b"kept before");
    let item = site.upload(&small, &session, "notes");
    assert_eq!(site.fetch("res", &item), b"kept before");
    site.stop();
    site.serve();
    assert_eq!(site.fetch("res", &item), b"kept before");
    assert_eq!(site.run("res", &["item", "list"]).rows().len(), 2);
    let list = ["participant", "list", "--study", &study];
    assert_eq!(site.run("res", &list).rows().len(), added + 1);
    site.run("ig", &["audit", "verify"]).json();
}

/// A disk in memory, of 24 MiB.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(place: &Path) -> Option<Self> {
        fs::create_dir(place).expect("made");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs"])
            .arg(place)
            .stderr(Stdio::null())
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(place.to_path_buf()));
        }
        tell("skipped: a full disk, because none may be mounted here");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the gateway may still be there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Takes up all the room that is left where `path` lies.
fn fill(path: &Path) {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .create(true)
        .append(true)
        .open(path)
        .expect("opened");
    for length in [1 << 20, 4096, 1] {
        let piece = vec![0; length];
        while file.write_all(&piece).is_ok() {}
    }
}

/// What people see of a vault.
fn shown(site: &Site) -> Vec<String> {
    let lists: [&[&str]; 3] = [&["item", "list"], &["study", "list"], &["person", "list"]];
    let shown = lists.iter().zip(["res", "lead", "admin"]);
    shown
        .flat_map(|(list, who)| site.run(who, list).rows())
        .map(|row| text(&row, "id") + &row.to_string())
        .collect()
}

fn damage(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("read");
    change(&mut bytes);
    fs::write(path, bytes).expect("written");
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "seg")
}

fn write_privately(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::write(path, bytes).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
}

fn everything(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let all = files(folder).into_iter();
    let mut all: Vec<_> = all
        .map(|path| (path.clone(), fs::read(path).expect("read")))
        .collect();
    all.sort();
    all
}
