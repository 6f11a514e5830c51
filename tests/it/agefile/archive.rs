//! Archives in age files: other people's `age` and `tar` read what is sealed here as a stream.

use std::path::Path;
use std::process::Command;

use age::secrecy::{ExposeSecret, SecretString};
use jiff::Timestamp;
use strongroom::agefile::{CHUNK_BYTES, Recipients, Sealer, open_file};
use strongroom::entropy::SystemEntropy;
use strongroom::work::tar;

use super::{recording, to, workers};
use crate::support::programs::on_path;

/// Seals `pieces` as they come.
fn sealed<'a>(recipients: &Recipients, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let batch = std::num::NonZeroUsize::new(2).expect("two");
    let (header, mut sealer) =
        Sealer::new(recipients, &SystemEntropy::new(), batch, workers(1)).expect("begins");
    let mut file = header.to_vec();
    for mut piece in pieces {
        while !piece.is_empty() {
            if let Some(part) = sealer.push(&mut piece).expect("seals") {
                file.extend_from_slice(&part);
            }
        }
    }
    file.extend_from_slice(&sealer.finish().expect("ends"));
    file
}

fn archive(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, bytes) in files {
        let length = bytes.len() as u64;
        archive.extend(tar::file_header(name, length, Timestamp::UNIX_EPOCH));
        archive.extend_from_slice(bytes);
        archive.extend_from_slice(tar::padding(length));
    }
    archive.extend_from_slice(&tar::END);
    archive
}

#[test]
fn r7_a_sealed_archive_is_read_by_other_peoples_age_and_tar() {
    let (Some(age), Some(tar)) = (on_path("age"), on_path("tar")) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let identity = age::x25519::Identity::generate();
    std::fs::write(at("identity"), identity.to_string().expose_secret()).expect("writes");
    let long = format!("items/{}/Siân’s words.wav", "x".repeat(180));
    let files = [
        ("about.json", b"{}\n".to_vec()),
        ("items/empty", Vec::new()),
        ("items/block", recording(512)),
        (long.as_str(), recording(3 * CHUNK_BYTES + 77)),
    ];
    let archive = archive(&files);
    let file = sealed(&to(&identity), archive.chunks(10_007));
    std::fs::write(at("bundle.age"), file).expect("writes");
    let run = |program: &Path, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.current_dir(folder.path()).args(arguments);
        assert!(
            command.status().expect("it runs").success(),
            "{arguments:?}"
        );
    };
    run(
        &age,
        &["-d", "-i", "identity", "-o", "bundle.tar", "bundle.age"],
    );
    run(&tar, &["-xf", "bundle.tar"]);
    for (name, bytes) in &files {
        assert!(&std::fs::read(at(name)).expect(name) == bytes, "{name}");
    }
}

#[test]
fn r7_a_passphrase_opens_what_is_sealed_under_it() {
    let phrase = SecretString::from("correct horse battery staple".to_owned());
    let recipients = Recipients::passphrase(phrase.clone());
    let plain = recording(CHUNK_BYTES + 1);
    let file = sealed(&recipients, plain.chunks(1000));
    let identity = age::scrypt::Identity::new(phrase);
    let mut opened = Vec::new();
    open_file(&mut &file[..], &mut opened, [&identity as _], &workers(1)).expect("opens");
    assert!(opened == plain);
    let other = age::scrypt::Identity::new(SecretString::from("another".to_owned()));
    let refused = open_file(&mut &file[..], &mut Vec::new(), [&other as _], &workers(1));
    assert!(refused.is_err());
}
