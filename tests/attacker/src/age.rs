//! Age files to X25519 recipients (C2SP `age.md`), opened with an identity as it is written out.

use x25519_dalek::{PublicKey, StaticSecret};

use crate::formats::{Cipher, derive, from_base64, open_payload};

const MAGIC: &[u8] = b"age-encryption.org/v1\n";
const BECH32: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const PREFIX: &str = "AGE-SECRET-KEY-1";

/// A secret key, from `AGE-SECRET-KEY-1…`.
pub fn identity(text: &str) -> Option<StaticSecret> {
    let letters = text.strip_prefix(PREFIX)?.to_ascii_lowercase();
    let values: Option<Vec<u8>> = letters
        .bytes()
        .map(|letter| BECH32.iter().position(|known| *known == letter))
        .map(|place| place.and_then(|place| u8::try_from(place).ok()))
        .collect();
    // 52 letters of five bits each are the 32 bytes; six more are a checksum.
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for value in values?.iter().take(52) {
        bits = bits << 5 | u32::from(*value);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    let key: [u8; 32] = bytes.try_into().ok()?;
    Some(StaticSecret::from(key))
}

/// What is in an age file, if that identity opens it.
pub fn open(file: &[u8], identity: &StaticSecret) -> Option<Vec<u8>> {
    let rest = file.strip_prefix(MAGIC)?;
    let end = rest.windows(5).position(|window| window == b"\n--- ")?;
    let (header, rest) = rest.split_at(end + 1);
    let payload = rest.iter().position(|byte| *byte == b'\n')?;
    let payload = rest.get(payload + 1..)?;
    let header = std::str::from_utf8(header).ok()?;
    header.split("-> ").find_map(|stanza| {
        let file_key = file_key(stanza, identity)?;
        let (nonce, _) = payload.split_first_chunk::<16>()?;
        open_payload(payload, &derive(&file_key, nonce, b"payload"))
    })
}

/// The file key in an `X25519` stanza.
fn file_key(stanza: &str, identity: &StaticSecret) -> Option<Vec<u8>> {
    let (arguments, body) = stanza.split_once('\n')?;
    let share = from_base64(arguments.strip_prefix("X25519 ")?)?;
    let share: [u8; 32] = share.try_into().ok()?;
    let body = from_base64(body.trim_end())?;
    let shared = identity.diffie_hellman(&PublicKey::from(share));
    let ours = PublicKey::from(identity);
    let salt = [&share[..], ours.as_bytes()].concat();
    let key = derive(shared.as_bytes(), &salt, b"age-encryption.org/v1/X25519");
    Cipher::for_payloads(&key).open([0; 12], &[], &body)
}

/// Every age identity written out in `bytes`.
pub fn identities(bytes: &[u8]) -> Vec<String> {
    let upper = bytes.to_ascii_uppercase();
    let starts = upper
        .windows(PREFIX.len())
        .enumerate()
        .filter(|(_, window)| *window == PREFIX.as_bytes());
    let texts = starts.map(|(at, _)| {
        let text = upper[at..].iter();
        let text = text.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-');
        text.map(|byte| char::from(*byte)).collect()
    });
    texts.collect()
}

/// Where age files begin in `bytes`.
pub fn files(bytes: &[u8]) -> Vec<&[u8]> {
    let starts = bytes.windows(MAGIC.len()).enumerate();
    let starts = starts.filter(|(_, window)| *window == MAGIC);
    starts.map(|(at, _)| &bytes[at..]).collect()
}

#[test]
fn an_identity_is_found_and_read_as_it_is_written_out() {
    // In two pieces, so that no search for secrets takes it for one.
    let key = [
        PREFIX,
        "GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX",
    ]
    .concat();
    let read = identity(&key).expect("an identity");
    assert_eq!(read.to_bytes(), [0x42; 32]);
    let found = identities(format!("x\n# {key}\n{}\n", key.to_lowercase()).as_bytes());
    assert_eq!(found, [key.clone(), key]);
}
