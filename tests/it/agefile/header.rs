//! Headers: recipients, labels, bounds and damage.

use std::collections::HashSet;
use std::io::{BufReader, Read};
use std::time::{Duration, Instant};

use age::secrecy::{ExposeSecret, SecretString};
use age::{EncryptError, Identity};
use age_core::format::Stanza;
use proptest::prelude::*;
use strongroom::agefile::{
    AgeError, BoxedRecipient, FileKey, Plugins, Recipients, new_file_key, open_header, write_header,
};
use strongroom::entropy::SystemEntropy;
use strongroom::limits::{AGE_HEADER_MAX, AGE_RECIPIENTS_MAX, AGE_STANZAS_MAX};

use super::{open_here, open_with_crate, seal_here, seal_with_crate, to, workers};

const LINE: &[u8] = b"age-encryption.org/v1\n";

/// `--- `, 43 symbols and a newline.
const MAC_LINE: usize = 48;

/// A published example of the type for hardware keys, which is native though it looks like a plugin's.
const TAG: &str = "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e";

/// A recipient of a plugin that nobody has.
const PLUGIN: &str = "age1strongroomtest1qqqpazmnp6";

fn open(mut header: &[u8], identities: &[&dyn Identity]) -> Result<FileKey, AgeError> {
    open_header(&mut header, identities.iter().copied())
}

fn file_key() -> FileKey {
    new_file_key(&SystemEntropy::new()).expect("entropy")
}

/// A recipient with the labels given and nothing wrapped, or as many stanzas as asked for.
struct Labelled(&'static [&'static str], usize);

impl age::Recipient for Labelled {
    fn wrap_file_key(&self, _: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), EncryptError> {
        let stanza = || Stanza {
            tag: "labelled".to_owned(),
            args: vec![],
            body: vec![0; 1000],
        };
        let labels = self.0.iter().map(|label| (*label).to_owned()).collect();
        Ok(((0..self.1).map(|_| stanza()).collect(), labels))
    }
}

fn write_to(recipients: Vec<BoxedRecipient>) -> Result<Vec<u8>, AgeError> {
    write_header(&file_key(), &Recipients::new(recipients)?)
}

#[test]
fn each_recipient_opens_the_header_and_it_alone() {
    let identities: Vec<_> = (0..AGE_RECIPIENTS_MAX)
        .map(|_| age::x25519::Identity::generate())
        .collect();
    let texts: Vec<_> = identities
        .iter()
        .map(|i| format!(" {}\n", i.to_public()))
        .collect();
    let key = file_key();
    let recipients = Recipients::parse(&texts, Plugins::Refuse).expect("recipients");
    let header = write_header(&key, &recipients).expect("a header");
    assert!(header.starts_with(LINE) && header.ends_with(b"\n"));
    for identity in &identities {
        let mut file = header.clone();
        file.extend_from_slice(b"the payload");
        let mut rest = &file[..];
        let opened = open_header(&mut rest, [identity as &dyn Identity]).expect("opens");
        assert_eq!(opened.expose_secret(), key.expose_secret());
        assert_eq!(rest, b"the payload");
    }
    let stranger = age::x25519::Identity::generate();
    assert!(matches!(
        open(&header, &[&stranger]),
        Err(AgeError::NoIdentityFits)
    ));
    assert!(matches!(open(&header, &[]), Err(AgeError::NoIdentityFits)));
    let opened = open(&header, &[&stranger, &identities[3]]).expect("opens");
    assert_eq!(opened.expose_secret(), key.expose_secret());
}

#[test]
fn a_passphrase_opens_with_the_age_crate_and_back() {
    let phrase = SecretString::from("a long walk by the river".to_owned());
    let mut recipient = age::scrypt::Recipient::new(phrase.clone());
    recipient.set_work_factor(2);
    let identity = age::scrypt::Identity::new(phrase);
    let theirs = seal_with_crate(b"a voice", &recipient);
    assert_eq!(open_here(&theirs, &identity, &workers(1)), b"a voice");
    let recipients = Recipients::new(vec![Box::new(recipient)]).expect("one");
    let ours = seal_here(b"a voice", &recipients, &workers(1));
    assert_eq!(open_with_crate(&ours, &identity), b"a voice");
}

#[test]
fn labels_decide_who_may_share_a_file() {
    let native = || Box::new(age::x25519::Identity::generate().to_public()) as BoxedRecipient;
    let labelled = |labels| Box::new(Labelled(labels, 1)) as BoxedRecipient;
    let passphrase = || {
        let mut recipient = age::scrypt::Recipient::new(SecretString::from("phrase".to_owned()));
        recipient.set_work_factor(2);
        Box::new(recipient) as BoxedRecipient
    };
    assert!(write_to(vec![native(), native(), labelled(&[])]).is_ok());
    assert!(write_to(vec![labelled(&["a", "b"]), labelled(&["b", "a"])]).is_ok());
    assert!(write_to(vec![passphrase()]).is_ok());
    for mixed in [
        vec![native(), labelled(&["postquantum"])],
        vec![labelled(&["a"]), labelled(&["a", "b"])],
        vec![labelled(&["a"]), labelled(&["b"])],
        vec![native(), passphrase()],
        vec![passphrase(), passphrase()],
    ] {
        assert!(matches!(write_to(mixed), Err(AgeError::RecipientsDoNotMix)));
    }
    for unwritable in [&["two words"], &[""]] {
        assert!(matches!(
            write_to(vec![labelled(unwritable)]),
            Err(AgeError::Recipient(EncryptError::InvalidRecipientLabels(_)))
        ));
    }
}

#[test]
fn a_header_that_could_not_be_read_back_is_not_written() {
    let many = vec![Box::new(Labelled(&[], AGE_STANZAS_MAX + 1)) as BoxedRecipient];
    assert!(matches!(write_to(many), Err(AgeError::TooManyStanzas)));
    let long = vec![Box::new(Labelled(&[], AGE_STANZAS_MAX)) as BoxedRecipient];
    assert!(matches!(write_to(long), Err(AgeError::HeaderTooLong)));
}

#[test]
fn recipients_that_cannot_be_used_are_named_by_place_and_never_repeated() {
    let good = age::x25519::Identity::generate();
    let public = good.to_public().to_string();
    let secret = good.to_string().expose_secret().to_owned();
    let parsed = |text: &str| Recipients::parse(&[&public, text], Plugins::Refuse);
    assert!(parsed(TAG).is_ok());
    let cut = &public[..public.len() - 1];
    for wrong in [
        "",
        "age1",
        "somebody@example.org",
        "ssh-rsa AAAA",
        "ssh-dss AAAAB3Nza",
        cut,
    ] {
        let error = parsed(wrong).expect_err("not a recipient");
        assert!(
            matches!(error, AgeError::NotARecipient { place: 2 }),
            "{wrong}: {error}"
        );
    }
    assert!(matches!(
        parsed(&TAG.replace("qdj4e", "qdj4f")),
        Err(AgeError::NotARecipient { place: 2 })
    ));
    for text in [
        secret.clone(),
        secret.to_lowercase(),
        "-----BEGIN OPENSSH PRIVATE KEY-----".to_owned(),
    ] {
        let error = parsed(&text).expect_err("a secret");
        assert!(matches!(error, AgeError::SecretAsRecipient { place: 2 }));
        assert!(!format!("{error} {error:?}").contains(&text));
    }
    let none: [&str; 0] = [];
    assert!(matches!(
        Recipients::parse(&none, Plugins::Refuse),
        Err(AgeError::NoRecipients)
    ));
    let many = vec![public; AGE_RECIPIENTS_MAX + 1];
    assert!(matches!(
        Recipients::parse(&many, Plugins::Refuse),
        Err(AgeError::TooManyRecipients { given }) if given == AGE_RECIPIENTS_MAX + 1
    ));
}

#[test]
fn a_plugin_runs_only_where_it_may() {
    let refused = Recipients::parse(&[PLUGIN], Plugins::Refuse).expect_err("refused");
    assert!(
        matches!(&refused, AgeError::PluginNotAllowed { place: 1, plugin } if plugin == "strongroomtest")
    );
    let missing = Recipients::parse(&[PLUGIN], Plugins::Run).expect_err("not installed");
    assert!(matches!(&missing, AgeError::PluginMissing { plugin } if plugin == "strongroomtest"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_changed_header_never_opens(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let identity = age::x25519::Identity::generate();
        let mut header = write_header(&file_key(), &to(&identity)).expect("a header");
        let at = at.index(header.len());
        header[at] ^= 1 << bit;
        prop_assert!(open(&header, &[&identity]).is_err());
        prop_assert!(open(&header[..at], &[&identity]).is_err());
    }

    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400), begun in any::<bool>()) {
        let header = if begun { [LINE, &bytes].concat() } else { bytes };
        prop_assert!(open(&header, &[]).is_err());
    }
}

#[test]
fn another_recipients_stanza_cannot_be_added() {
    let (mine, theirs) = (
        age::x25519::Identity::generate(),
        age::x25519::Identity::generate(),
    );
    let key = file_key();
    let ours = write_header(&key, &to(&mine)).expect("a header");
    let added = write_header(&key, &to(&theirs)).expect("a header");
    let stanza = &added[LINE.len()..added.len() - MAC_LINE];
    let spliced = [LINE, stanza, &ours[LINE.len()..]].concat();
    for identity in [&mine, &theirs] {
        assert!(matches!(
            open(&spliced, &[identity]),
            Err(AgeError::HeaderAltered)
        ));
    }
}

/// What reading a header may cost, in a debug build on a busy machine; it takes a few milliseconds in a release build.
const BOUND: Duration = Duration::from_secs(1);

/// An input that counts what is taken from it.
struct Counted<R>(R, usize);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(out)?;
        self.1 += read;
        Ok(read)
    }
}

fn hostile(unit: &[u8], length: usize) -> Vec<u8> {
    let mut header = LINE.to_vec();
    while header.len() < length {
        header.extend_from_slice(unit);
    }
    header.extend_from_slice(b"--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    header
}

/// A header made to be slow is an error in under a second, and little of it is read.
#[test]
fn hostile_headers_are_refused_at_once() {
    let identities: Vec<_> = (0..4).map(|_| age::x25519::Identity::generate()).collect();
    let identities: Vec<&dyn Identity> = identities.iter().map(|i| i as &dyn Identity).collect();
    let full_line = [b"A".repeat(64), b"\n".to_vec()].concat();
    let one_body = [b"-> X25519 A\n".to_vec(), full_line.repeat(900)].concat();
    let arguments = [b"-> a".to_vec(), b" b".repeat(30_000), b"\n\n".to_vec()].concat();
    let share = "-> X25519 TEiF0ypqr+bpvcqXNyCVJpL7OuwPdVwPL7KQEbFDOCc\nhjabGXwSLQ9c3S6Lw2i+S2Tu2fiwQHHslbBN6B41FLE\n";
    for (name, unit) in [
        ("one endless line", &b"A"[..]),
        ("empty lines", b"\n"),
        ("the shortest stanzas", b"-> a\n\n"),
        ("half stanzas", b"->"),
        ("full body lines", &full_line),
        ("a stanza of one long body", &one_body),
        ("a stanza of many arguments", &arguments),
        ("key shares to try", share.as_bytes()),
    ] {
        for length in [4_000, AGE_HEADER_MAX - 100, AGE_HEADER_MAX, 1 << 20] {
            let header = hostile(unit, length);
            let mut input = BufReader::new(Counted(&header[..], 0));
            let begun = Instant::now();
            let ended = open_header(&mut input, identities.iter().copied());
            let took = begun.elapsed();
            assert!(ended.is_err(), "{name}, {length} bytes");
            assert!(took < BOUND, "{name}, {length} bytes: {took:?}");
            let read = input.get_ref().1;
            assert!(
                read <= AGE_HEADER_MAX + (8 << 10),
                "{name}, {length} bytes: {read} read"
            );
        }
    }
}

/// The dearest header within the bounds: every stanza a key share that every identity must try.
#[test]
fn the_dearest_header_allowed_is_answered_in_time() {
    let mine = age::x25519::Identity::generate();
    let stranger = age::x25519::Identity::generate();
    let once = write_header(&file_key(), &to(&stranger)).expect("a header");
    let (stanza, mac) = once[LINE.len()..].split_at(once.len() - LINE.len() - MAC_LINE);
    let header = [LINE, &stanza.repeat(AGE_STANZAS_MAX), mac].concat();
    let begun = Instant::now();
    assert!(matches!(
        open(&header, &[&mine]),
        Err(AgeError::NoIdentityFits)
    ));
    let took = begun.elapsed();
    println!("{AGE_STANZAS_MAX} key shares tried in {took:?}");
    assert!(took < BOUND, "{took:?}");
}

#[test]
fn what_is_not_an_age_file_is_said_to_be() {
    for (bytes, said) in [
        (&b""[..], "does not begin"),
        (b"ID3\x04 a recording", "does not begin"),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n", "armor"),
        (b"age-encryption.org/v2\n", "version 1"),
        (b"age-encryption.org/v1", "too soon"),
        (b"age-encryption.org/v1\n-> X25519 abc\n", "too soon"),
        (b"age-encryption.org/v1\n---\n", "malformed"),
    ] {
        let error = open(bytes, &[])
            .map(|_| ())
            .expect_err("no header")
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}
