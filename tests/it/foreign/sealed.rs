//! Sealed copies for recipients somebody else made, and recipients there is no copy for.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use age::secrecy::ExposeSecret as _;
use http::Method;

use super::house::{House, How, said};
use super::recording;
use crate::support::programs::on_path;

/// As the plugin's own documentation gives it.
const YUBIKEY: &str = "age1yubikey1q2w7u3vpya839jxxuq8g0sedh3d740d4xvn639sqhr95ejj8vu3hyfumptt";

fn argument(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Runs `program`, which must succeed; gives what it printed.
fn run(program: &Path, arguments: &[&str]) -> Vec<u8> {
    said(
        Command::new(program)
            .args(arguments)
            .output()
            .expect("it runs"),
    )
}

/// Fetches a sealed copy of `item` for `recipients`.
fn seal(house: &House, item: &str, recipients: &[&str], to: &Path) -> Output {
    let mut command = house.command(&["fetch", item, "--sealed", "--force", "-o", argument(to)]);
    for recipient in recipients {
        command.args(["--recipient", recipient]);
    }
    command.output().expect("it runs")
}

/// What the command says that refuses, with its exit code.
fn refusal(refused: &Output) -> (Option<i32>, String) {
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    (refused.status.code(), why)
}

/// A key pair as `ssh-keygen` makes it.
fn ssh_key(keygen: &Path, folder: &Path) -> (PathBuf, String) {
    let file = folder.join("id_ed25519");
    let comment = "somebody+some@where.example & co";
    let made = [
        "-q",
        "-t",
        "ed25519",
        "-N",
        "",
        "-C",
        comment,
        "-f",
        argument(&file),
    ];
    run(keygen, &made);
    let public = std::fs::read_to_string(file.with_extension("pub")).expect("a public key");
    (file, public.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_for_an_ssh_key_opens_with_age_and_rage() {
    let Some(keygen) = on_path("ssh-keygen") else {
        return;
    };
    let house = House::open();
    let study = house.study().await;
    let whole = recording(200_000);
    let item = study
        .lead
        .upload(&study.session, "audio", "a.wav", &whole)
        .await;
    let folder = tempfile::tempdir().expect("a folder");
    let (secret, public) = ssh_key(&keygen, folder.path());
    assert!(public.starts_with("ssh-ed25519 "));
    let identity = age::x25519::Identity::generate();
    let beside = folder.path().join("beside");
    std::fs::write(&beside, identity.to_string().expose_secret()).expect("written");

    let copy = folder.path().join("a.age");
    said(seal(&house, &item, &[&public], &copy));
    let openers = ["age", "rage"].map(on_path);
    for opener in openers.iter().flatten() {
        let opened = run(opener, &["-d", "-i", argument(&secret), argument(&copy)]);
        assert!(opened == whole, "{}", opener.display());
    }
    // A second recipient opens the same copy, and neither takes anything from the other.
    let both = identity.to_public().to_string();
    said(seal(&house, &item, &[&public, &both], &copy));
    for opener in openers.iter().flatten() {
        for identity in [&secret, &beside] {
            let opened = run(opener, &["-d", "-i", argument(identity), argument(&copy)]);
            assert!(
                opened == whole,
                "{} {}",
                opener.display(),
                identity.display()
            );
        }
    }
}

/// A plugin's recipient would have the gateway run a program: it does not, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn recipients_that_need_a_program_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (plugin, ran) = (
        folder.path().join("age-plugin-yubikey"),
        folder.path().join("ran"),
    );
    std::fs::write(&plugin, format!("#!/bin/sh\ntouch {}\n", ran.display())).expect("written");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&plugin, executable).expect("executable");
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", folder.path().display());
    let house = House::open_with(How::default().with("PATH", &path));
    let study = house.study().await;
    let item = study
        .lead
        .upload(&study.session, "audio", "a.wav", &recording(100))
        .await;

    let asked = format!("/v1/items/{item}/sealed?recipient={YUBIKEY}");
    let answer = study.lead.answer(Method::GET, &asked).await;
    let problem = answer.problem();
    assert_eq!(problem["status"], 422);
    let detail = problem["detail"].as_str().expect("a detail");
    assert!(
        detail.contains("age-plugin-yubikey") && detail.contains("native"),
        "{detail}"
    );

    let copy = folder.path().join("a.age");
    let (code, why) = refusal(&seal(&house, &item, &[YUBIKEY], &copy));
    assert_eq!(code, Some(2), "{why}");
    assert!(
        why.contains("age-plugin-yubikey") && why.contains("native"),
        "{why}"
    );
    assert!(!ran.exists() && !copy.exists());
    // The trap would have worked.
    run(&plugin, &[]);
    assert!(ran.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_for_twenty_at_most_and_never_for_a_secret_key() {
    let house = House::open();
    let study = house.study().await;
    let whole = recording(100_000);
    let item = study
        .lead
        .upload(&study.session, "audio", "a.wav", &whole)
        .await;
    let copy = house.dir().join("a.age");
    let identities: Vec<_> = (0..21).map(|_| age::x25519::Identity::generate()).collect();
    let recipients: Vec<_> = identities
        .iter()
        .map(|i| i.to_public().to_string())
        .collect();
    let recipients: Vec<_> = recipients.iter().map(String::as_str).collect();

    said(seal(&house, &item, &recipients[..20], &copy));
    let sealed = std::fs::read(&copy).expect("a copy");
    for identity in [&identities[0], &identities[19]] {
        assert!(age::decrypt(identity, &sealed).expect("it opens") == whole);
    }
    assert!(age::decrypt(&identities[20], &sealed).is_err());
    std::fs::remove_file(&copy).expect("removed");

    let (code, why) = refusal(&seal(&house, &item, &recipients, &copy));
    assert_eq!(code, Some(2), "{why}");
    assert!(why.contains("21 recipients") && why.contains("20"), "{why}");

    // It does not even leave this machine.
    let before = house.log();
    let secret = identities[0].to_string();
    let secret = secret.expose_secret();
    for secret in [secret, &secret.to_lowercase()] {
        let (code, why) = refusal(&seal(&house, &item, &[secret], &copy));
        assert_eq!(code, Some(2), "{why}");
        assert!(why.contains("secret key") && !why.contains(secret), "{why}");
    }
    assert!(house.log() == before && !copy.exists());
}
