//! Backing up while the gateway works, putting a backup back, and looking a vault over.

use std::fs;
use std::path::Path;

use crate::support::cli::{Said, Site, day, noise};

/// A vault with one recording and a backup of it, its gateway running.
struct Scene {
    site: Site,
    session: String,
    person: String,
    item: String,
    recording: Vec<u8>,
}

impl Scene {
    fn set() -> Self {
        let site = Site::running();
        let study = site.study();
        let (person, session) = site.interview(&study);
        let recording = noise(300_000);
        let file = site.file("interview.wav", &recording);
        let item = site.upload(&file, &session, "audio");
        Self {
            site,
            session,
            person,
            item,
            recording,
        }
    }

    fn back_up(&self, to: &str) -> serde_json::Value {
        let vault = self.site.vault();
        let vault = vault.to_str().expect("plain");
        let command = ["vault", "backup", "--vault", vault, "--to", to];
        self.site.run("operator", &command).json()
    }

    /// The vault's folder is lost; its slot and its identity lie elsewhere.
    fn lose_the_machine(&mut self) {
        self.site.kill();
        let vault = self.site.vault();
        for kept in ["root.slot", "unlock-identity.txt"] {
            fs::rename(vault.join(kept), self.site.path(kept)).expect("moved");
        }
        fs::remove_dir_all(&vault).expect("gone");
    }

    fn restore(&self, from: &str, more: &[&str]) -> Said {
        let vault = self.site.vault();
        let fixed = [
            "vault",
            "restore",
            "--from",
            from,
            "--vault",
            vault.to_str().expect("plain"),
            "--slot",
            "root.slot",
            "--identity",
            "unlock-identity.txt",
        ];
        self.site.run("operator", &[&fixed[..], more].concat())
    }

    fn doctor(&self, more: &[&str]) -> Said {
        let vault = self.site.vault();
        let fixed = [
            "vault",
            "doctor",
            "--vault",
            vault.to_str().expect("plain"),
            "--identity",
            "unlock-identity.txt",
        ];
        self.site.run("operator", &[&fixed[..], more].concat())
    }

    /// The gateway is started with the identity that was kept.
    fn serve(&mut self) {
        let identity = self.site.path("unlock-identity.txt");
        fs::copy(identity, self.site.vault().join("unlock-identity.txt")).expect("copied");
        self.site.serve();
    }
}

#[test]
fn what_was_backed_up_while_the_gateway_worked_comes_back_whole() {
    let mut scene = Scene::set();
    let first = scene.back_up("backup");
    assert!(first["records"].as_u64() > Some(10), "{first}");
    // Only what is new is copied, and no root is among it.
    let again = scene.back_up("backup");
    assert!(again["added"].as_u64() < Some(4000), "{again}");
    let second = scene.site.file("second.wav", &noise(200_000));
    let second = scene.site.upload(&second, &scene.session, "audio");
    let grown = scene.back_up("backup");
    assert!(grown["records"].as_u64() > first["records"].as_u64());
    let mut names = Vec::new();
    for entry in fs::read_dir(scene.site.path("backup")).expect("a folder") {
        names.push(entry.expect("an entry").file_name());
    }
    names.sort();
    assert_eq!(names, ["journal", "store", "vault.json"]);

    scene.lose_the_machine();
    let restored = scene.restore("backup", &[]).json();
    assert_eq!(restored["records"], grown["records"]);
    let healthy = scene.doctor(&[]).json();
    assert_eq!(healthy["items"], 2, "{healthy}");
    scene.serve();
    assert!(scene.site.fetch("res", &scene.item) == scene.recording);
    assert!(scene.site.fetch("res", &second) == noise(200_000));
}

#[test]
fn an_older_backup_is_put_back_only_by_somebodys_word_and_the_loss_is_on_record() {
    let mut scene = Scene::set();
    scene.back_up("old");
    let second = scene.site.file("second.wav", &noise(200_000));
    let second = scene.site.upload(&second, &scene.session, "audio");
    // Closing properly makes the slot vouch for everything.
    scene.site.stop();
    scene.site.serve();
    scene.lose_the_machine();
    scene
        .restore("old", &[])
        .fails_saying(1, &["rolled back", "newest"]);
    assert!(
        fs::read_dir(scene.site.vault())
            .expect("a folder")
            .next()
            .is_none(),
        "nothing half done is left"
    );
    let restored = scene.restore("old", &["--accept-loss"]).json();
    assert!(
        restored["remarks"].to_string().contains("are lost"),
        "{restored}"
    );
    scene.serve();
    assert!(scene.site.fetch("res", &scene.item) == scene.recording);
    scene.site.fetch_in_vain("res", &second).fails(4);
    let audit = scene.site.run("ig", &["audit", "show"]).json();
    assert!(audit.to_string().contains("records-lost"));
}

#[test]
fn r20_no_backup_brings_back_somebody_who_was_erased() {
    let mut scene = Scene::set();
    scene.back_up("before");
    scene.site.enrol("ig2", "information-governance", None);
    let withdrawn = scene.site.run("ig", &["withdraw", &scene.person]).id();
    scene
        .site
        .run("ig2", &["erasure", "approve", &withdrawn])
        .json();
    scene.back_up("after");
    scene.lose_the_machine();
    scene
        .restore("before", &[])
        .fails_saying(1, &["rolled back"]);
    // Nor on anybody's word: the root that opened them is gone.
    scene
        .restore("before", &["--accept-loss"])
        .fails_saying(1, &["older journal", "sealed"]);
    scene.restore("after", &[]).json();
    scene.serve();
    scene.site.fetch_in_vain("res", &scene.item).fails(4);
}

#[test]
fn the_doctor_finds_what_is_missing_changed_or_belongs_to_nothing() {
    let mut scene = Scene::set();
    scene.site.stop();
    let identity = scene.site.vault().join("unlock-identity.txt");
    fs::copy(identity, scene.site.path("unlock-identity.txt")).expect("copied");
    let healthy = scene.doctor(&[]).json();
    assert_eq!(
        (&healthy["items"], &healthy["findings"]),
        (&1.into(), &serde_json::json!([]))
    );
    let lies = object_of(&scene);
    let whole = fs::read(&lies).expect("ciphertext");
    fs::write(&lies, &whole[..whole.len() - 1]).expect("cut");
    assert_eq!(scene.doctor(&[]).code, Some(1));
    fs::remove_file(&lies).expect("removed");
    let said = scene.doctor(&[]);
    let told: serde_json::Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert!(
        told["findings"][0]
            .as_str()
            .is_some_and(|text| text.contains(&scene.item) && text.contains("not in the bucket")),
        "{told}"
    );
    // Put back under its own name it is whole again, and under another it is an orphan.
    fs::write(&lies, &whole).expect("put back");
    let (other, folder) = ("itm-00000000000000000", "00");
    let name = lies.file_name().and_then(|name| name.to_str());
    let name = name.expect("plain").replace(&scene.item, other);
    let material = lies.parent().and_then(Path::parent).expect("a folder");
    let orphan = material.join(folder).join(name);
    fs::create_dir_all(material.join(folder)).expect("made");
    fs::write(&orphan, b"noise").expect("written");
    assert_eq!(scene.doctor(&[]).code, Some(1));
    let tidied = scene.doctor(&["--tidy"]).json();
    assert_eq!(tidied["tidied"], 1, "{tidied}");
    assert!(!orphan.exists());
    assert_eq!(scene.doctor(&[]).json()["findings"], serde_json::json!([]));
}

/// Where the embedded store keeps the item's ciphertext.
fn object_of(scene: &Scene) -> std::path::PathBuf {
    let mut folders = vec![scene.site.vault().join("store")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let named = path.to_str().is_some_and(|path| path.contains(&scene.item));
            if path.is_dir() {
                folders.push(path);
            } else if named {
                return path;
            }
        }
    }
    panic!("the item is not in the store");
}

#[test]
fn a_rotation_changes_who_unlocks_the_vault_and_where_its_root_lies() {
    let mut scene = Scene::set();
    scene.site.stop();
    let vault = scene.site.vault();
    let plain = vault.to_str().expect("plain").to_owned();
    let old = vault.join("unlock-identity.txt");
    fs::copy(&old, scene.site.path("old.txt")).expect("copied");
    fs::copy(vault.join("root.slot"), scene.site.path("stolen.slot")).expect("copied");
    let (secret, recipient) = strongroom::keyring::unlock::generate_identity();
    let new = scene.site.path("new.txt");
    strongroom::keyring::unlock::write_identity(&new, &secret).expect("written");
    let rotate = |identity: &str, more: &[&str]| {
        let fixed = ["vault", "rotate", "--vault", &plain, "--identity", identity];
        scene.site.run("operator", &[&fixed[..], more].concat())
    };
    let rotated = rotate(
        "old.txt",
        &["--recipient", &recipient, "--add-slot", "second.slot"],
    )
    .json();
    assert_eq!(rotated["slots"].as_array().map(Vec::len), Some(2));
    // Whoever could unlock it before cannot any more, not even with the slot as it was before.
    rotate("old.txt", &[]).fails(1);
    let slot = fs::read(vault.join("root.slot")).expect("a slot");
    let stolen = fs::read(scene.site.path("stolen.slot")).expect("a slot");
    fs::write(vault.join("root.slot"), stolen).expect("put back");
    rotate("old.txt", &[]).fails(1);
    fs::write(vault.join("root.slot"), slot).expect("put right");
    // The first slot is lost; the second serves, and the vault goes on.
    fs::remove_file(vault.join("root.slot")).expect("lost");
    rotate("new.txt", &[]).fails(1);
    let rotated = rotate("new.txt", &["--drop-slot", "root.slot"]).json();
    assert_eq!(rotated["slots"].as_array().map(Vec::len), Some(1));
    rotate("new.txt", &["--drop-slot", "root.slot"]).fails_saying(1, &["none of the vault's"]);
    let only = scene.site.path("second.slot");
    let only = only.to_str().expect("plain");
    rotate("new.txt", &["--drop-slot", only]).fails_saying(1, &["at least one"]);
    fs::copy(&new, &old).expect("copied");
    scene.site.serve();
    assert!(scene.site.fetch("res", &scene.item) == scene.recording);
}

/// How long backups are kept is declared once; certificates count on it, and a restored vault knows it.
#[test]
fn what_is_declared_of_backups_is_on_certificates() {
    let mut scene = Scene::set();
    let vault = scene.site.vault();
    let vault = vault.to_str().expect("plain");
    let declare = ["vault", "declare", "--vault", vault];
    let declare = [&declare[..], &["--backups-kept-days", "35"]].concat();
    let status = |scene: &Scene| scene.site.run("admin", &["vault", "status"]).json();
    let undeclared = "nobody has declared how long backups are kept";
    assert!(status(&scene)["concerns"].to_string().contains(undeclared));
    let busy = scene.site.run("operator", &declare);
    busy.fails_saying(1, &["another process"]);
    scene.site.stop();
    let declared = scene.site.run("operator", &declare).json();
    assert_eq!(declared["backups_kept_days"], 35);
    scene.site.serve();
    let status = status(&scene);
    assert_eq!(status["backups_kept_days"], 35);
    assert!(!status["concerns"].to_string().contains(undeclared));

    let erasure = scene.site.withdraw(&scene.person);
    let approve = ["erasure", "approve", &erasure];
    scene.site.run("ig", &approve).json();
    let written = ["erasure", "certificate", &erasure, "-o", "certificate.txt"];
    scene.site.run("ig", &written).json();
    let show = ["certificate", "show", "certificate.txt"];
    let shown = scene.site.run("nobody", &show).json();
    assert_eq!(shown["irrecoverable"]["on"], day(35));
    assert_eq!(shown["slots"][0]["effaced"]["kind"], "file");
    scene.back_up("backup");
    let config = fs::read_to_string(scene.site.path("backup/vault.json")).expect("read");
    assert!(config.contains("\"backups_kept_days\": 35"), "{config}");
}
