//! A root slot in a token: the real program with Debian's SoftHSM, from founding to loss.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::cli::{EMBEDDED, Said, Site, noise, plain};
use crate::support::programs::{files, search, tell};
use crate::support::softhsm::{PIN, SoftHsm};

/// A vault whose root lies in a token and, where asked, in a file as well.
struct Scene {
    site: Site,
    hsm: SoftHsm,
    slot: String,
}

impl Scene {
    fn set(also: &[&str]) -> Option<Self> {
        let hsm = SoftHsm::start()?;
        hsm.make_token("one");
        let mut site = Site::empty();
        let (name, value) = hsm.variable();
        site.set(&[(&name, &value)]);
        let pin = site.file("pin", format!("{PIN}\n").as_bytes());
        fs::set_permissions(&pin, fs::Permissions::from_mode(0o600)).expect("chmod");
        let slot = hsm.uri("one", &site.path("one.sealed"), &pin);
        let slots: Vec<&str> = [slot.as_str()]
            .into_iter()
            .chain(also.iter().copied())
            .collect();
        let named = slots.iter().flat_map(|slot| ["--slot", *slot]);
        let arguments: Vec<&str> = EMBEDDED.iter().copied().chain(named).collect();
        site.init(&arguments);
        Some(Self { site, hsm, slot })
    }

    fn identity(&self) -> PathBuf {
        self.site.vault().join("unlock-identity.txt")
    }

    fn doctor(&self) -> Said {
        let vault = self.site.vault();
        self.site
            .run("operator", &["vault", "doctor", "--vault", plain(&vault)])
    }

    fn rotate(&self, more: &[&str]) -> Said {
        let vault = self.site.vault();
        let fixed = ["vault", "rotate", "--vault", plain(&vault)];
        self.site.run("operator", &[&fixed[..], more].concat())
    }

    /// Begins a rotation that is killed before its so manieth call of that name; says whether it was,
    /// or came to its end before.
    fn rotation_is_killed(&self, strace: &Path, call: &str, number: usize) -> bool {
        let vault = self.site.vault();
        let rotation = self.site.command("operator");
        let mut traced = Command::new(strace);
        traced
            .args(["-f", "-qq", "-o", "/dev/null", "-e"])
            .arg(format!("trace={call}"))
            .arg("-e")
            .arg(format!("inject={call}:signal=KILL:when={number}"))
            .arg(rotation.get_program())
            .args(rotation.get_args())
            .args(["vault", "rotate", "--vault", plain(&vault)])
            .current_dir(self.site.path(""))
            .env_clear()
            .envs([self.hsm.variable()])
            .env("STRONGROOM_HOME", self.site.home());
        !traced.output().expect("it runs").status.success()
    }

    /// Everything on the token's and the slot's disks.
    fn image(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut paths = files(&self.hsm.tokens());
        paths.push(self.site.path("one.sealed"));
        let read = |path: PathBuf| fs::read(&path).ok().map(|bytes| (path, bytes));
        paths.into_iter().filter_map(read).collect()
    }
}

#[test]
fn an_erasure_destroys_the_old_key_in_the_token_and_no_copy_of_the_file_brings_it_back() {
    let Some(mut scene) = Scene::set(&["root.slot"]) else {
        return;
    };
    assert_eq!(scene.hsm.keys(), 1);
    scene.site.serve();
    let study = scene.site.study();
    let (person, session) = scene.site.interview(&study);
    let file = scene.site.file("goes.wav", &noise(70_000));
    let item = scene.site.upload(&file, &session, "audio");
    let status = scene.site.run("admin", &["vault", "status"]).json();
    let slot = status["slots"][0].as_str().expect("a slot");
    assert!(slot.starts_with("token \"one\", with"), "{slot}");
    let sealed = scene.site.path("one.sealed");
    let before = fs::read(&sealed).expect("the file beside");
    let erasure = scene.site.withdraw(&person);
    let approved = scene
        .site
        .run("ig", &["erasure", "approve", &erasure])
        .json();
    assert_eq!(approved["stage"], "certified", "{approved}");
    assert_eq!(scene.hsm.keys(), 1, "one key, of the new epoch");
    scene.site.fetch_in_vain("res", &item).fails(4);
    let confirmed = scene.site.run("ig", &["audit", "show"]).json().to_string();
    assert!(
        confirmed.contains("pkcs11") && confirmed.contains("SoftHSM"),
        "what the token confirmed is on record"
    );
    scene.site.stop();
    // The file as it was before: with the token as it is now it is noise.
    let now = fs::read(&sealed).expect("the file beside");
    fs::write(&sealed, before).expect("put back");
    scene.doctor().fails_saying(1, &["holds no whole root"]);
    fs::write(&sealed, now).expect("put right");
    let healthy = scene.doctor().json();
    assert_eq!(healthy["findings"], serde_json::json!([]), "{healthy}");
    assert!(healthy["slots"].to_string().contains("one.sealed"));
}

#[test]
fn what_keeps_a_token_from_opening_is_said_and_nothing_is_made_in_its_place() {
    let Some(scene) = Scene::set(&[]) else {
        return;
    };
    let before = scene.image();
    let refuses = |code: i32, words: &[&str]| {
        scene.doctor().fails_saying(code, words);
    };
    let pin = scene.site.path("pin");
    let set = |path: &Path, text: &str, mode| {
        fs::write(path, text).expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
    };
    set(&pin, "99999999", 0o600);
    refuses(1, &["refuses the PIN", "tried once"]);
    set(&pin, PIN, 0o644);
    refuses(1, &["PIN cannot be read", "chmod 600"]);
    fs::remove_file(&pin).expect("removed");
    refuses(1, &["PIN cannot be read"]);
    set(&pin, PIN, 0o600);
    scene.doctor().json();
    // Without a file named in the URI nobody gives it: there is no terminal and no credential.
    let config = scene.site.vault().join("vault.json");
    let named = fs::read_to_string(&config).expect("a configuration");
    let with = |from: &str, to: &str| {
        let changed = named.replace(from, to);
        assert_ne!(changed, named, "{from}");
        fs::write(&config, changed).expect("written");
    };
    with(&format!("&pin-source=file:{}", plain(&pin)), "");
    refuses(1, &["nobody gave its PIN", "pkcs11-pin"]);
    with("token=one", "token=two");
    refuses(1, &["not connected", "No other is used"]);
    with("libsofthsm2.so", "libnothing.so");
    refuses(1, &["no PKCS#11 module", "module-path"]);
    with("token=one", "token=one;object=another");
    refuses(1, &["no whole root"]);
    fs::write(&config, &named).expect("put right");
    let sealed = scene.site.path("one.sealed");
    let away = scene.site.path("away");
    fs::rename(&sealed, &away).expect("moved");
    refuses(1, &["no root slot at", "No new one is made"]);
    assert!(!sealed.exists());
    fs::rename(&away, &sealed).expect("put back");
    scene.doctor().json();
    let keys = |image: Vec<(PathBuf, Vec<u8>)>| image.into_iter().map(|(path, _)| path).collect();
    let (now, then): (Vec<_>, Vec<_>) = (keys(scene.image()), keys(before));
    assert_eq!(now, then, "nothing was made");
    // A PIN on the command line is refused, and not said again.
    let shown = scene.slot.replace("pin-source=file:", "pin-value=");
    let said = scene.rotate(&["--add-slot", &shown]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("never stands in the URI"), "{said:?}");
    // A second slot under the same name would mix with the first.
    let again = scene.slot.replace("one.sealed", "again.sealed");
    scene
        .rotate(&["--add-slot", &again])
        .fails_saying(1, &["holds keys of this slot already"]);
    assert!(!scene.site.path("again.sealed").exists());
    assert_eq!(scene.hsm.keys(), 1);
}

#[test]
fn a_lost_token_is_replaced_by_another_and_recipients_change() {
    let Some(mut scene) = Scene::set(&["root.slot"]) else {
        return;
    };
    scene.hsm.lose_token("one");
    scene.doctor().fails_saying(1, &["not connected"]);
    // The slot that is left serves, and the next token takes the lost one's place.
    scene.hsm.make_token("two");
    let second = scene.site.path("two.sealed");
    let second = scene.hsm.uri("two", &second, &scene.site.path("pin"));
    let (secret, recipient) = strongroom::keyring::unlock::generate_identity();
    let new = scene.site.path("new.txt");
    strongroom::keyring::unlock::write_identity(&new, &secret).expect("written");
    let rotated = scene.rotate(&[
        "--drop-slot",
        &scene.slot,
        "--add-slot",
        &second,
        "--recipient",
        &recipient,
    ]);
    let rotated = rotated.json();
    assert_eq!(
        rotated["slots"].as_array().map(Vec::len),
        Some(2),
        "{rotated}"
    );
    assert_eq!(scene.hsm.keys(), 1);
    scene.doctor().fails_saying(1, &["does not open"]);
    fs::copy(&new, scene.identity()).expect("copied");
    scene.doctor().json();
    // The file slot goes, and the token alone holds the root.
    let file = scene.site.vault().join("root.slot");
    let named = fs::read_to_string(scene.site.vault().join("vault.json")).expect("named");
    let named: serde_json::Value = serde_json::from_str(&named).expect("JSON");
    let slot = named["slots"][0].as_str().expect("a slot");
    scene.rotate(&["--drop-slot", slot]).json();
    fs::remove_file(file)
        .or_else(|_| fs::remove_file(scene.site.path("root.slot")))
        .expect("destroyed");
    assert_eq!(scene.hsm.keys(), 1);
    scene.site.serve();
    scene.site.stop();
}

/// Every change of a rotation, in the vault, the file beside the token and the token, but for those
/// in the middle of which SoftHSM writes a file of its own in place: killed there it loses the whole
/// token, which no hardware does and no slot can mend.
const CHANGES: &str =
    "pwrite64,fsync,fdatasync,fallocate,rename,renameat,renameat2,unlink,unlinkat";
/// The most time that may go by before no further kill is begun.
const TIME: Duration = Duration::from_secs(45);

#[test]
fn a_rotation_killed_before_any_change_leaves_a_vault_that_opens_with_one_key() {
    let Some(scene) = Scene::set(&[]) else { return };
    let Some(strace) = search("strace") else {
        tell("skipped: no strace on the path");
        return;
    };
    let began = Instant::now();
    let (mut tried, mut kills) = (Vec::new(), 0);
    for call in CHANGES.split(',') {
        // The first, the second, the fourth and so on, until the rotation outruns the kill.
        let mut number = 1;
        while began.elapsed() < TIME && scene.rotation_is_killed(&strace, call, number) {
            let healthy = scene.doctor().json();
            let found = &healthy["findings"];
            assert_eq!(*found, serde_json::json!([]), "{call} {number}");
            assert_eq!(scene.hsm.keys(), 1, "{call} {number}");
            (kills, number) = (kills + 1, number + 1 + number / 2);
            tried.push(call);
        }
    }
    tried.dedup();
    tell(&format!(
        "rotation in a token: killed {kills} times in {:.0?}, before {}; the vault opened each time",
        began.elapsed(),
        tried.join(", ")
    ));
    assert!(kills >= 10, "only {kills} kills");
}
