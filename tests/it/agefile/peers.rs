//! Other people's programs: `age`, `rage` and `ssh-keygen`.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use age::secrecy::ExposeSecret;
use strongroom::agefile::{
    CHUNK_BYTES, ChunkBuffer, Last, PayloadKey, Plugins, Recipients, new_file_key, write_header,
};
use strongroom::entropy::SystemEntropy;

use super::{open_here, recording, seal_here, to, workers};
use crate::support::programs::on_path;

const LENGTHS: [usize; 5] = [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 1, 20 * CHUNK_BYTES];

/// Runs `program`, gives it `input` and takes its output.
fn run(program: &Path, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("its input");
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).expect("it reads"));
        child.wait_with_output().expect("it ends")
    });
    assert!(
        output.status.success(),
        "{} {arguments:?}",
        program.display()
    );
    output.stdout
}

fn path(file: &Path) -> &str {
    file.to_str().expect("a plain path")
}

fn exchange_with(program: &str) {
    let Some(program) = on_path(program) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let identity = age::x25519::Identity::generate();
    let (public, file) = (
        identity.to_public().to_string(),
        folder.path().join("identity"),
    );
    std::fs::write(&file, identity.to_string().expose_secret()).expect("writes");
    for length in LENGTHS {
        let plain = recording(length);
        let ours = seal_here(&plain, &to(&identity), &workers(2));
        assert!(
            run(&program, &["-d", "-i", path(&file)], &ours) == plain,
            "{length} bytes, ours"
        );
        let theirs = run(&program, &["-e", "-r", &public], &plain);
        assert!(
            open_here(&theirs, &identity, &workers(2)) == plain,
            "{length} bytes, theirs"
        );
    }
}

#[test]
fn age_opens_ours_and_we_its() {
    exchange_with("age");
}

#[test]
fn rage_opens_ours_and_we_its() {
    exchange_with("rage");
}

#[test]
fn recipients_that_age_keygen_made_are_recipients_here() {
    let Some(keygen) = on_path("age-keygen") else {
        return;
    };
    let file = String::from_utf8(run(&keygen, &[], b"")).expect("text");
    let identity: age::x25519::Identity = file
        .lines()
        .last()
        .expect("a line")
        .parse()
        .expect("an identity");
    let public = file
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .expect("a recipient");
    let recipients = Recipients::parse(&[public], Plugins::Refuse).expect("a recipient");
    let sealed = seal_here(b"a voice", &recipients, &workers(1));
    assert_eq!(open_here(&sealed, &identity, &workers(1)), b"a voice");
}

#[test]
fn ssh_keys_are_recipients() {
    let (Some(keygen), Some(age)) = (on_path("ssh-keygen"), on_path("age")) else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    for (kind, bits) in [("ed25519", "256"), ("rsa", "2048")] {
        let file = folder.path().join(kind);
        let made = [
            "-q",
            "-t",
            kind,
            "-b",
            bits,
            "-N",
            "",
            "-C",
            "a comment",
            "-f",
            path(&file),
        ];
        run(&keygen, &made, b"");
        let public = std::fs::read_to_string(file.with_extension("pub")).expect("a recipient");
        let recipients = Recipients::parse(&[public], Plugins::Refuse).expect("a recipient");
        let sealed = seal_here(b"a voice", &recipients, &workers(1));
        assert_eq!(run(&age, &["-d", "-i", path(&file)], &sealed), b"a voice");
        let secret = std::fs::read(&file).expect("an identity");
        let identity = age::ssh::Identity::from_buffer(&secret[..], None).expect("an identity");
        assert_eq!(open_here(&sealed, &identity, &workers(1)), b"a voice");
    }
}

/// An item is given to somebody by a fresh header in front of the stored payload, which stays as it is.
#[test]
fn a_fresh_header_re_addresses_a_stored_payload() {
    let Some(age) = on_path("age") else { return };
    let entropy = SystemEntropy::new();
    let plain = recording(3 * CHUNK_BYTES + 5);
    let file_key = new_file_key(&entropy).expect("entropy");
    let key = PayloadKey::fresh(&file_key, &entropy).expect("entropy");
    let mut buffer =
        ChunkBuffer::new(std::num::NonZeroUsize::MIN.saturating_add(3), 0).expect("room");
    assert_eq!(buffer.fill(&plain), plain.len());
    let stored = buffer
        .seal(&key, Last::Yes, &workers(2))
        .expect("seals")
        .bytes;
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["first", "second"] {
        let identity = age::x25519::Identity::generate();
        let file = folder.path().join(name);
        std::fs::write(&file, identity.to_string().expose_secret()).expect("writes");
        let header = write_header(&file_key, &to(&identity)).expect("a header");
        let given = [&header, &stored[..]].concat();
        assert!(run(&age, &["-d", "-i", path(&file)], &given) == plain);
    }
}
