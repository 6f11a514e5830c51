//! The demo, played by the real program: every check in it holds, and what it keeps is a vault.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::Value;
use strongroom::clock::SystemClock;
use strongroom::entropy::SystemEntropy;
use strongroom::keyring::unlock;
use strongroom::model::Role;
use strongroom::objects::CredentialsSource;
use strongroom::vault::Means;
use strongroom::work::{self, enrol};

/// Fewer checks than this would be another story.
const CHECKS_MIN: usize = 30;

fn play(temporary: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_strongroom"))
        .arg("demo")
        .args(arguments)
        .env("TMPDIR", temporary)
        .output()
        .expect("the program runs")
}

fn is_empty(folder: &Path) -> bool {
    let mut entries = std::fs::read_dir(folder).expect("a folder");
    entries.next().is_none()
}

#[tokio::test]
async fn every_check_of_the_story_holds_and_a_vault_is_kept() {
    let home = tempfile::tempdir().expect("a folder");
    let temporary = home.path().join("temporary");
    std::fs::create_dir(&temporary).expect("a folder");
    let kept = home.path().join("kept");
    let keep = kept.to_str().expect("a plain path");
    let played = play(&temporary, &["--json", "--keep", keep]);
    let (told, errors) = (
        String::from_utf8(played.stdout).expect("text"),
        String::from_utf8_lossy(&played.stderr),
    );
    assert!(played.status.success(), "{told}\n{errors}");

    // One object and nothing beside it: the narration is for people.
    assert_eq!(told.lines().count(), 1, "{told}");
    let answer: Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(answer["held"], true);
    assert_eq!(answer["kept"], keep);
    assert!(
        answer["seconds"]
            .as_f64()
            .is_some_and(|seconds| seconds > 0.0)
    );
    let checks = answer["checks"].as_array().expect("an array");
    assert!(checks.len() >= CHECKS_MIN, "{checks:?}");
    for check in checks {
        assert!(check["what"].as_str().is_some_and(|what| !what.is_empty()));
        assert_eq!(check["held"], true, "{check}");
    }
    assert!(is_empty(&temporary), "recordings were left behind");

    let mode = std::fs::metadata(&kept).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o700);
    let ask = unlock::no_answer();
    let identities = unlock::identities_from_file(&kept.join("unlock-identity.txt"), &ask);
    let means = Means {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::new()),
    };
    let identities = identities.expect("an identity");
    let opened = work::open(&kept, &identities, CredentialsSource::Standard, means).await;
    let (service, opening) = opened.expect("the vault opens");
    assert!(opening.remarks.is_empty(), "{:?}", opening.remarks);
    assert_eq!(service.vault().epoch(), 1);
    service.vault().verify().expect("the journal verifies");

    // The codes left with it let people in, and were told nowhere else.
    let codes = std::fs::read_to_string(kept.join("demo-codes.txt")).expect("codes");
    assert_eq!(codes.lines().count(), 7);
    let words = codes
        .lines()
        .map(|line| line.split_once(' ').expect("a code and who"));
    for (code, who) in words {
        assert!(!told.contains(code) && !errors.contains(code));
        let enrolled = enrol::enrol(&service, code, None, None).await.expect(who);
        if who == "the administrator" {
            assert_eq!(enrolled.person.role, Role::Administrator);
        }
    }
    service.close().await.expect("closed");
}

#[test]
fn a_folder_that_holds_something_is_not_touched() {
    let home = tempfile::tempdir().expect("a folder");
    let (temporary, kept) = (home.path().join("temporary"), home.path().join("kept"));
    for folder in [&temporary, &kept] {
        std::fs::create_dir(folder).expect("a folder");
    }
    std::fs::write(kept.join("thesis.txt"), "chapter one").expect("written");
    let played = play(
        &temporary,
        &["--keep", kept.to_str().expect("a plain path")],
    );
    let errors = String::from_utf8_lossy(&played.stderr);
    assert_eq!(played.status.code(), Some(1), "{errors}");
    assert!(
        errors.contains("at step 1") && errors.contains("is not empty"),
        "{errors}"
    );
    assert_eq!(std::fs::read_dir(&kept).expect("there").count(), 1);
    assert!(is_empty(&temporary));
}
