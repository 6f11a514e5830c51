//! Identities of every kind, and where they may be read from.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use strongroom::keyring::unlock::{
    generate_identity, identities_from_credential, identities_from_file, no_answer,
};
use strongroom::keyring::{Ask, FileSlot, Recipients, RootSlot as _, UnlockError};
use strongroom::secret::Key;

use super::{Slots, entropy, parse};

fn answer(passphrase: &'static str) -> Ask {
    Arc::new(move |_| Some(SecretString::from(passphrase)))
}

fn by_passphrase(secret: &[u8], passphrase: &str) -> Vec<u8> {
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase));
    recipient.set_work_factor(6);
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients).expect("one recipient");
    let mut sealed = Vec::new();
    let armour =
        age::armor::ArmoredWriter::wrap_output(&mut sealed, age::armor::Format::AsciiArmor);
    let mut writer = encryptor
        .wrap_output(armour.expect("armour"))
        .expect("a header");
    writer.write_all(secret).expect("written");
    let armour = writer.finish().expect("finished");
    armour.finish().expect("finished");
    sealed
}

#[test]
fn a_passphrase_protected_identity_opens_a_slot() {
    let slots = Slots::new();
    let (secret, recipient) = generate_identity();
    let recipients = Recipients::parse([recipient]).expect("a recipient");
    let path = slots.directory.path().join("slot");
    let slot = FileSlot::create(&path, &slots.root, &recipients).expect("made");
    let sealed = by_passphrase(secret.expose_secret().as_bytes(), "correct horse");
    let sealed = String::from_utf8(sealed).expect("armour");
    let identities = parse(&sealed, &answer("correct horse")).expect("unlocked");
    assert_eq!(
        slot.read(slots.root.vault, &identities)
            .expect("opens")
            .roots
            .len(),
        1
    );
    let wrong = parse(&sealed, &answer("battery staple"));
    assert!(matches!(wrong, Err(UnlockError::WrongPassphrase)));
    assert!(matches!(
        parse(&sealed, &no_answer()),
        Err(UnlockError::NobodyAnswered)
    ));
}

/// An OpenSSH ed25519 key pair, spelled as `ssh-keygen` does (PROTOCOL.key in OpenSSH).
fn ssh_key_pair() -> (String, String) {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ring::signature::KeyPair as _;
    fn string(out: &mut Vec<u8>, bytes: &[u8]) {
        out.extend_from_slice(&u32::try_from(bytes.len()).expect("short").to_be_bytes());
        out.extend_from_slice(bytes);
    }
    let seed = Key::random(&entropy()).expect("entropy");
    let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(seed.expose_secret());
    let public = pair.expect("a seed").public_key().as_ref().to_vec();
    let mut blob = Vec::new();
    string(&mut blob, b"ssh-ed25519");
    string(&mut blob, &public);
    let mut private = vec![1, 2, 3, 4, 1, 2, 3, 4];
    private.extend_from_slice(&blob);
    string(&mut private, &[seed.expose_secret(), &public[..]].concat());
    string(&mut private, b"made for a test");
    private.extend((1_u8..).take(private.len().wrapping_neg() % 8));
    let mut key = b"openssh-key-v1\0".to_vec();
    for field in [&b"none"[..], b"none", b""] {
        string(&mut key, field);
    }
    key.extend_from_slice(&1_u32.to_be_bytes());
    string(&mut key, &blob);
    string(&mut key, &private);
    let body: Vec<String> = STANDARD
        .encode(key)
        .as_bytes()
        .chunks(70)
        .map(|line| String::from_utf8_lossy(line).into_owned())
        .collect();
    let (begin, end) = ("BEGIN", "END");
    let mark = |word: &str| format!("-----{word} OPENSSH PRIVATE {}-----", "KEY");
    let secret = format!("{}\n{}\n{}\n", mark(begin), body.join("\n"), mark(end));
    (
        secret,
        format!("ssh-ed25519 {} somebody@somewhere", STANDARD.encode(blob)),
    )
}

#[test]
fn an_ssh_key_opens_a_slot_beside_an_age_identity() {
    let slots = Slots::new();
    let (secret, public) = ssh_key_pair();
    let texts: Vec<&str> = slots.recipients.texts().chain([public.as_str()]).collect();
    let recipients = Recipients::parse(texts).expect("recipients");
    let path = slots.directory.path().join("slot");
    let slot = FileSlot::create(&path, &slots.root, &recipients).expect("made");
    let ssh = parse(&secret, &no_answer()).expect("an ssh key");
    for identities in [&ssh, &slots.identities] {
        assert_eq!(
            slot.read(slots.root.vault, identities)
                .expect("opens")
                .roots
                .len(),
            1
        );
    }
}

/// Secrets come from files that only their owner may read, and from systemd's credentials.
#[test]
fn identities_are_read_from_private_files_and_credentials() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let path = directory.path().join("identity");
    let (secret, _) = generate_identity();
    let text = format!("# made for a test\n{}\n", secret.expose_secret());
    fs::write(&path, text).expect("written");
    let set_mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode));
    let credential = |name: &str| identities_from_credential(directory.path(), name, &no_answer());
    for mode in [0o640, 0o604, 0o660] {
        set_mode(mode).expect("chmod");
        let refused = identities_from_file(&path, &no_answer()).expect_err("others may read it");
        assert!(matches!(refused, UnlockError::TooOpen { .. }));
        assert!(refused.to_string().contains("chmod 600"));
    }
    assert!(
        credential("identity").is_ok(),
        "systemd's access list looks like the group's"
    );
    set_mode(0o604).expect("chmod");
    assert!(matches!(
        credential("identity"),
        Err(UnlockError::TooOpen { .. })
    ));
    set_mode(0o600).expect("chmod");
    assert!(identities_from_file(&path, &no_answer()).is_ok());
    for name in [
        "",
        ".",
        "..",
        "../identity",
        "a/b",
        "/etc/passwd",
        "identity/",
    ] {
        assert!(
            matches!(credential(name), Err(UnlockError::NotACredential)),
            "{name}"
        );
    }
    let absent = identities_from_file(&directory.path().join("absent"), &no_answer());
    assert!(matches!(absent, Err(UnlockError::Read { .. })));
    let not_a_file = identities_from_file(directory.path(), &no_answer());
    assert!(matches!(not_a_file, Err(UnlockError::NotAFile { .. })));
}

#[test]
fn what_is_no_identity_is_refused_without_repeating_it() {
    let cases = [
        "",
        "# only a comment\n",
        "AGE-SECRET-KEY-1CANARY",
        "canary",
        "\u{0}\u{1}",
        "-----BEGIN OPENSSH PRIVATE CANARY",
        "age-encryption.org/v1\ncanary",
        "-----BEGIN AGE ENCRYPTED FILE-----\ncanary",
    ];
    for text in cases {
        let error = parse(text, &answer("canary")).expect_err("no identity");
        let said = format!("{error} {error:?}").to_lowercase();
        assert!(!said.contains("canary"), "{said}");
    }
    let long = "#".repeat(100_000);
    assert!(matches!(
        parse(&long, &no_answer()),
        Err(UnlockError::TooLong)
    ));
    assert!(matches!(
        parse("# empty\n", &no_answer()),
        Err(UnlockError::NoIdentity)
    ));
}

/// A work factor of 2³⁰ would take a terabyte of memory: it is refused before any work is done.
#[test]
fn an_excessive_work_factor_is_refused() {
    let mac = "A".repeat(43);
    let body = "A".repeat(43);
    let file = format!(
        "age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 30\n{body}\n--- {mac}\n{}",
        "A".repeat(64)
    );
    let refused = parse(&file, &answer("any"));
    assert!(matches!(
        refused,
        Err(UnlockError::ExcessiveWork { required: 30 })
    ));
}

#[test]
fn a_missing_plugin_is_named() {
    let identity = age::plugin::Identity::default_for_plugin("strongroomtest").expect("a name");
    let refused = parse(&identity.to_string(), &no_answer());
    assert!(matches!(refused, Err(UnlockError::NoPlugin { name }) if name == "strongroomtest"));
}
