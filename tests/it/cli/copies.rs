//! Copies of the journal in the bucket: losing the machine, and nobody erased coming back.

use std::fs;
use std::sync::Arc;

use serde_json::Value;
use strongroom::clock::SystemClock;
use strongroom::entropy::SystemEntropy;
use strongroom::keyring::{FileSlot, RootSlot as _, unlock};
use strongroom::vault::{Means, Rotation, Vault, VaultError};

use crate::support::cli::{BUCKET, Said, Site, noise, plain, text, wait_until};
use crate::support::peers::{KEY_ID, Moto, SECRET};

const KEYS: [(&str, &str); 4] = [
    ("AWS_ACCESS_KEY_ID", KEY_ID),
    ("AWS_SECRET_ACCESS_KEY", SECRET),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("STRONGROOM_COPY_EVERY", "1"),
];

/// A vault whose store is elsewhere and whose root lies on another disk, its gateway running.
struct Scene {
    site: Site,
    moto: Moto,
    study: String,
    person: String,
    session: String,
    item: String,
}

impl Scene {
    fn set() -> Option<Self> {
        let moto = Moto::start()?;
        block_on(async {
            moto.make_bucket(BUCKET, "eu-west-2").await;
            moto.keep_versions(BUCKET).await;
            moto.make_bucket("second", "eu-west-2").await;
            moto.make_bucket("abroad", "us-east-1").await;
        });
        let mut site = Site::empty();
        site.set(&KEYS);
        site.init(&["--s3-endpoint", &moto.endpoint(), "--slot", "root.slot"]);
        let identity = site.vault().join("unlock-identity.txt");
        fs::copy(identity, site.path("unlock-identity.txt")).expect("copied");
        site.serve();
        let study = site.study();
        let (person, session) = site.interview(&study);
        let file = site.file("interview.wav", &noise(90_000));
        let item = site.upload(&file, &session, "audio");
        site.enrol("ig2", "information-governance", None);
        Some(Self {
            site,
            moto,
            study,
            person,
            session,
            item,
        })
    }

    fn status(&self) -> Value {
        self.site.run("admin", &["vault", "status"]).json()
    }

    /// Waits until everything that is on record now is in the bucket; asking is on record, too.
    fn until_copied(&self) -> Option<u64> {
        let records = self.status()["journal_records"].as_u64();
        wait_until("the copies", || {
            let copied = self.status()["copies"]["records"].as_u64();
            (copied >= records).then_some(records)
        })
    }

    /// The vault's folder is lost, with whatever was under way.
    fn lose_the_machine(&mut self) {
        self.site.kill();
        fs::remove_dir_all(self.site.vault()).expect("gone");
    }

    fn operate(&self, verb: &str, more: &[&str]) -> Said {
        let vault = self.site.vault();
        let fixed = ["vault", verb, "--vault", plain(&vault)];
        self.site.run("operator", &[&fixed[..], more].concat())
    }

    fn restore(&self, bucket: &str, more: &[&str]) -> Said {
        let endpoint = self.moto.endpoint();
        let place = [
            "--from-bucket",
            bucket,
            "--region",
            "eu-west-2",
            "--s3-endpoint",
            &endpoint,
        ];
        self.put_back(&[&place[..], more].concat())
    }

    fn put_back(&self, from: &[&str]) -> Said {
        let unlocked = ["--slot", "root.slot", "--identity", "unlock-identity.txt"];
        self.operate("restore", &[&unlocked[..], from].concat())
    }

    fn doctor(&self, more: &[&str]) -> Said {
        let identity = ["--identity", "unlock-identity.txt"];
        self.operate("doctor", &[&identity[..], more].concat())
    }

    fn serve(&mut self) {
        let identity = self.site.path("unlock-identity.txt");
        fs::copy(identity, self.site.vault().join("unlock-identity.txt")).expect("copied");
        self.site.serve();
    }

    fn approve(&self, erasure: &str) -> Value {
        self.site
            .run("ig2", &["erasure", "approve", erasure])
            .json()
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(work)
}

#[test]
fn losing_the_machine_loses_nothing_that_was_copied() {
    let Some(mut scene) = Scene::set() else {
        return;
    };
    let records = scene.until_copied();
    let status = scene.status();
    assert_eq!(status["copies"]["every_seconds"], 1, "{status}");
    assert_eq!(status["copies"]["trouble"], Value::Null);
    // What left is sealed: nothing anybody wrote is in the bucket to be read.
    let (objects, _) = block_on(scene.moto.everything(BUCKET));
    let journal: Vec<_> = objects
        .iter()
        .filter(|(key, _)| key.starts_with("journal/"))
        .collect();
    assert!(!journal.is_empty());
    for (key, bytes) in &objects {
        for canary in ["Victim support", "MoJ", "Ada Admin", "interview.wav"] {
            let found = bytes
                .windows(canary.len())
                .any(|window| window == canary.as_bytes());
            assert!(!found, "{canary} is in {key}");
        }
    }
    scene.lose_the_machine();
    let restored = scene.restore(BUCKET, &[]).json();
    assert!(restored["records"].as_u64() >= records, "{restored}");
    assert!(
        restored["remarks"].to_string().contains("vouches for"),
        "{restored}"
    );
    let healthy = scene.doctor(&[]).json();
    assert_eq!(
        (&healthy["items"], &healthy["findings"]),
        (&1.into(), &serde_json::json!([]))
    );
    scene.serve();
    assert!(scene.site.fetch("res", &scene.item) == noise(90_000));
    // It goes on where it was, in the same bucket.
    let second = scene.site.file("second.wav", &noise(5_000));
    scene.site.upload(&second, &scene.session, "audio");
    scene.until_copied();
    // Something missing from the bucket is told from something that never was.
    scene.site.stop();
    let (objects, _) = block_on(scene.moto.everything(BUCKET));
    let piece = objects
        .iter()
        .filter_map(|(key, _)| key.starts_with("journal/").then_some(key));
    let last = piece.max().expect("a piece").parse().expect("a key");
    block_on(scene.moto.delete_plainly(BUCKET, last));
    fs::remove_dir_all(scene.site.vault()).expect("gone");
    let refused = scene.restore(BUCKET, &[]);
    refused.fails(1);
    let left = fs::read_dir(scene.site.vault()).expect("a folder").count();
    assert_eq!(left, 0, "nothing half done is left");
}

#[test]
fn r20_no_earlier_copy_brings_back_somebody_who_was_erased() {
    let Some(mut scene) = Scene::set() else {
        return;
    };
    let (_, session) = scene.site.interview(&scene.study);
    let file = scene.site.file("stays.wav", &noise(4_000));
    let staying = scene.site.upload(&file, &session, "audio");
    let mut earlier = Vec::new();
    let mut keep = |scene: &Scene| {
        let name = format!("image-{}", earlier.len());
        scene.operate("backup", &["--to", &name]).json();
        earlier.push(name);
    };
    keep(&scene);
    let erasure = scene.site.withdraw(&scene.person);
    keep(&scene);
    scene.until_copied();
    keep(&scene);
    assert_eq!(scene.approve(&erasure)["stage"], "certified");
    // Lost at once: the root slot on the other disk is at the new epoch already, and so is the bucket.
    scene.lose_the_machine();
    for image in &earlier {
        for more in [&[][..], &["--accept-loss"]] {
            let refused = scene.put_back(&[&["--from", image], more].concat());
            refused.fails(1);
        }
    }
    let restored = scene.restore(BUCKET, &[]);
    if restored.code != Some(0) {
        // What came after the destruction may not have been copied yet: the slot knows of it, and says so.
        restored.fails_saying(1, &["rolled back"]);
        scene.restore(BUCKET, &["--accept-loss"]).json();
    }
    scene.serve();
    scene.site.fetch_in_vain("res", &scene.item).fails(4);
    assert!(scene.site.fetch("res", &staying) == noise(4_000));
    wait_until("the certificate", || {
        let shown = scene.site.run("ig", &["erasure", "show", &erasure]).json();
        (shown["stage"] == "certified").then_some(())
    });
}

#[test]
fn the_old_root_stays_until_the_bucket_has_the_record_and_then_goes() {
    let Some(mut scene) = Scene::set() else {
        return;
    };
    scene.until_copied();
    scene.operate("backup", &["--to", "before"]).json();
    let erasure = scene.site.withdraw(&scene.person);
    scene.until_copied();
    scene.moto.hold(true);
    let waiting = scene.approve(&erasure);
    assert_eq!(waiting["stage"], "keys-destroyed", "{waiting}");
    scene.site.fetch_in_vain("res", &scene.item).fails(4);
    wait_until("the concern", || {
        let concerns = scene.status()["concerns"].to_string();
        concerns.contains("the bucket lacks").then_some(())
    });
    // Should the machine be lost now, what was copied before still opens for everybody else.
    scene.site.kill();
    let vault = scene.site.vault();
    fs::copy(scene.site.path("root.slot"), scene.site.path("held.slot")).expect("copied");
    let slot = FileSlot::open(&scene.site.path("held.slot"));
    let held = slot.expect("a slot").held().expect("readable");
    assert_eq!(held.epochs, [0, 1]);
    scene.moto.hold(false);
    assert!(vault.exists());
    scene.site.serve();
    wait_until("the certificate", || {
        let shown = scene.site.run("ig", &["erasure", "show", &erasure]).json();
        (shown["stage"] == "certified").then_some(())
    });
    scene.site.stop();
    let slot = FileSlot::open(&scene.site.path("root.slot"));
    let held = slot.expect("a slot").held().expect("readable");
    assert_eq!(held.epochs, [1]);
}

#[test]
fn a_rotation_waits_for_the_bucket_as_an_erasure_does() {
    let Some(mut scene) = Scene::set() else {
        return;
    };
    scene.until_copied();
    scene.site.stop();
    // A gateway that runs holds the slot itself.
    let epochs = |scene: &Scene| {
        let copy = scene.site.path("looked-at.slot");
        fs::copy(scene.site.path("root.slot"), &copy).expect("copied");
        let slot = FileSlot::open(&copy).expect("a slot");
        slot.held().expect("readable").epochs
    };
    let rotate = |scene: &Scene, more: &[&str]| {
        let identity = ["--identity", "unlock-identity.txt"];
        scene.operate("rotate", &[&identity[..], more].concat())
    };
    // While the bucket does not answer nothing is begun, unless the operator says so.
    scene.moto.hold(true);
    rotate(&scene, &[]).fails_saying(1, &["nothing is changed", "--without-copy"]);
    assert_eq!(epochs(&scene), [0]);
    let rotated = rotate(&scene, &["--without-copy"]).json();
    assert_eq!((&rotated["epoch"], epochs(&scene)), (&1.into(), vec![1]));
    scene.moto.hold(false);

    // It goes away in the middle: the old root stays, whoever opens the vault to serve it keeps it, and
    // it goes when the bucket has the record.
    let file = scene.site.path("unlock-identity.txt");
    let identities = || {
        let unlocked = unlock::identities_from_file(&file, &unlock::no_answer());
        unlocked.expect("an identity")
    };
    let means = || Means {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::new()),
    };
    let vault = scene.site.vault();
    let mut asked = 0;
    let went_away = Vault::rotate(&vault, &identities(), means(), Rotation::default(), |_| {
        asked += 1;
        match asked {
            1 => Ok(()),
            _ => Err("the store went away".to_owned()),
        }
    });
    let stays = went_away.expect_err("it is not copied");
    assert!(matches!(stays, VaultError::OldRootStays(_)), "{stays}");
    assert_eq!(epochs(&scene), [1, 2]);
    let (served, opening) =
        Vault::open_to_serve(&vault, &identities(), means(), u64::MAX).expect("opens");
    let remarks = opening.remarks.join(" ");
    assert!(remarks.contains("old root is still beside"), "{remarks}");
    served.close().expect("closed");
    assert_eq!(epochs(&scene), [1, 2]);
    scene.serve();
    wait_until("the old root to go", || {
        (epochs(&scene) == [2]).then_some(())
    });
    assert!(scene.site.fetch("res", &scene.item) == noise(90_000));
    scene.site.stop();

    // Lost right after a rotation, the machine is put together again from the bucket without any loss.
    let rotated = rotate(&scene, &[]).json();
    assert_eq!(
        (&rotated["epoch"], &rotated["behind"]),
        (&3.into(), &Value::Null)
    );
    assert_eq!(epochs(&scene), [3]);
    fs::remove_dir_all(&vault).expect("gone");
    scene.restore(BUCKET, &[]).json();
    scene.serve();
    assert!(scene.site.fetch("res", &scene.item) == noise(90_000));
}

#[test]
fn a_second_bucket_serves_too_and_another_history_is_found_and_taken_away() {
    let Some(mut scene) = Scene::set() else {
        return;
    };
    let endpoint = scene.moto.endpoint();
    let to = |bucket: &str, region: &str, more: &[&str]| {
        let place = [
            "--to-bucket",
            bucket,
            "--region",
            region,
            "--s3-endpoint",
            &endpoint,
        ];
        scene.operate("backup", &[&place[..], more].concat())
    };
    to("abroad", "us-east-1", &[]).fails_saying(1, &["us-east-1"]);
    let first = to("second", "eu-west-2", &[]).json();
    assert!(first["added"].as_u64() > Some(1000), "{first}");
    assert!(to("second", "eu-west-2", &[]).json()["added"].as_u64() < Some(1000));
    // A part of that bucket knows nothing of the rest, and the rest nothing of it.
    let part = ["--prefix", "backups/house"];
    for bad in ["../up", "journal/x", "a//b"] {
        to("second", "eu-west-2", &["--prefix", bad]).fails_saying(2, &["backups/house"]);
    }
    let in_part = to("second", "eu-west-2", &part).json();
    assert!(in_part["added"].as_u64() > Some(1000), "{in_part}");
    assert!(to("second", "eu-west-2", &part).json()["added"].as_u64() < Some(1000));
    let (objects, _) = block_on(scene.moto.everything("second"));
    let inside = objects
        .iter()
        .filter(|(key, _)| key.starts_with("backups/house/"));
    let inside = inside.count();
    assert!(
        inside > 1 && inside < objects.len(),
        "{inside} of {}",
        objects.len()
    );
    scene.operate("backup", &["--to", "old"]).json();
    let second = scene.site.file("second.wav", &noise(5_000));
    scene.site.upload(&second, &scene.session, "audio");
    scene.until_copied();
    scene.lose_the_machine();
    // The older copy is put back by somebody's word: the vault's own bucket has more than that.
    let nowhere = ["--accept-loss", "--prefix", "backups/another"];
    scene
        .restore("second", &nowhere)
        .fails_saying(1, &["no copy of any vault"]);
    let from = [&["--accept-loss"][..], &part].concat();
    let older = scene.restore("second", &from).json();
    assert!(
        older["records"].as_u64() >= in_part["records"].as_u64(),
        "{older}"
    );
    scene.serve();
    let concern = wait_until("the concern", || {
        let concerns = scene.status()["concerns"].to_string();
        concerns.contains("the bucket lacks").then_some(concerns)
    });
    assert!(concern.contains("losing this machine now"), "{concern}");
    scene.site.stop();
    let said = scene.doctor(&[]);
    assert_eq!(said.code, Some(1));
    let told: Value = serde_json::from_slice(&said.stdout).expect("JSON");
    assert!(
        told["findings"].to_string().contains("not of this journal"),
        "{told}"
    );
    scene.doctor(&["--tidy"]).json();
    assert_eq!(scene.doctor(&[]).json()["findings"], serde_json::json!([]));
    scene.serve();
    scene.until_copied();
    assert!(scene.site.fetch("res", &scene.item) == noise(90_000));
    assert_eq!(text(&scene.status(), "bucket"), BUCKET);
}
