//! The C2SP age test kit.

use std::io::Read;

use age::Identity;
use age::secrecy::SecretString;
use base64::prelude::{BASE64_STANDARD, Engine};
use ring::digest::{SHA256, digest};
use strongroom::agefile::{AgeError, open_file};

use super::workers;

const KIT: &str = include_str!("../../data/age-testkit.txt");

/// Passphrase stanzas of a work factor above this are refused, as the kit expects.
const WORK_FACTOR_MAX: u8 = 16;

struct Vector<'a>(&'a str);

impl<'a> Vector<'a> {
    fn all(&self, field: &str) -> Vec<&'a str> {
        let lines = self.0.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(name, _)| *name == field)
            .map(|(_, value)| value)
            .collect()
    }

    fn one(&self, field: &str) -> &'a str {
        self.all(field).first().copied().unwrap_or_default()
    }

    fn file(&self) -> Vec<u8> {
        let pieces = self.one("file").split_whitespace();
        let written = pieces.map(|piece| match piece.strip_prefix("zeros:") {
            Some(length) => vec![0; length.parse().expect("a length")],
            None => BASE64_STANDARD.decode(piece).expect("base64"),
        });
        written.collect::<Vec<_>>().concat()
    }

    fn identities(&self) -> Vec<Box<dyn Identity>> {
        let mut identities = Vec::<Box<dyn Identity>>::new();
        for bare in self.all("identity") {
            let identity = format!("AGE-SECRET-KEY-{bare}").parse::<age::x25519::Identity>();
            identities.push(Box::new(identity.expect("an identity")));
        }
        for passphrase in self.all("passphrase") {
            let mut identity =
                age::scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
            identity.set_max_work_factor(WORK_FACTOR_MAX);
            identities.push(Box::new(identity));
        }
        identities
    }
}

fn as_expected(expected: &str, ended: &Result<u64, AgeError>) -> bool {
    match ended {
        Ok(_) => expected == "success",
        Err(AgeError::NoIdentityFits) => expected == "no match",
        Err(AgeError::HeaderAltered) => expected == "HMAC failure",
        Err(
            AgeError::NotAge
            | AgeError::UnknownVersion
            | AgeError::HeaderTruncated
            | AgeError::HeaderMalformed
            | AgeError::Identity(_),
        ) => expected == "header failure" || expected == "no match",
        Err(
            AgeError::ChunkDamaged { .. } | AgeError::Truncated { .. } | AgeError::EmptyLastChunk,
        ) => expected == "payload failure",
        Err(_) => false,
    }
}

fn sha256(bytes: &[u8]) -> String {
    let found = digest(&SHA256, bytes);
    found
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// What the `age` crate gives out before it fails.
fn released_by_crate(file: &[u8], identity: &dyn Identity) -> Vec<u8> {
    let mut released = Vec::new();
    if let Ok(mut reader) =
        age::Decryptor::new_buffered(file).and_then(|d| d.decrypt([identity].into_iter()))
    {
        assert!(reader.read_to_end(&mut released).is_err());
    }
    released
}

#[test]
fn every_vector_ends_as_published() {
    let vectors: Vec<Vector<'_>> = KIT
        .split("\n\n")
        .filter(|block| block.contains("name: "))
        .map(Vector)
        .collect();
    assert_eq!(vectors.len(), 92);
    for vector in vectors {
        let (name, expected) = (vector.one("name"), vector.one("expect"));
        let (file, identities) = (vector.file(), vector.identities());
        let most = match expected {
            "payload failure" => released_by_crate(&file, identities[0].as_ref()),
            _ => Vec::new(),
        };
        let most_threads = if name.starts_with("stream") { 2 } else { 1 };
        for threads in 1..=most_threads {
            let mut opened = Vec::new();
            let given = identities.iter().map(AsRef::as_ref);
            let ended = open_file(&mut &file[..], &mut opened, given, &workers(threads));
            assert!(
                as_expected(expected, &ended),
                "{name}: {ended:?}, not {expected}"
            );
            match expected {
                "success" => assert_eq!(sha256(&opened), vector.one("payload"), "{name}"),
                "payload failure" => {
                    assert_eq!(sha256(&most), vector.one("payload"), "{name}");
                    assert!(
                        most.starts_with(&opened),
                        "{name}: more than may be given out"
                    );
                }
                _ => assert!(opened.is_empty(), "{name}"),
            }
        }
    }
}
