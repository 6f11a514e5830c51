//! Signed notes (C2SP `signed-note`) with Ed25519 keys: checkpoints and certificates are such.
//!
//! `signed_note` keeps the format; the signatures themselves are ring's.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use signed_note::{Note, NoteError, Signature, Verifier, VerifierList, is_key_name_valid, key_id};

use super::error::Error;
use crate::secret::Key;

/// Signature type of an Ed25519 key (C2SP `signed-note`, "Signature types").
const ED25519_TYPE: u8 = 1;
const PUBLIC_KEY_BYTES: usize = 32;

/// A key that signs notes, and the name it signs under.
pub struct NoteSigner {
    seed: Key,
    public: PublicKey,
}

impl NoteSigner {
    /// The signer named `name` whose Ed25519 private key (RFC 8032, section 5.1.5) is `seed`.
    ///
    /// # Errors
    /// [`Error::SignerName`] when the name is empty or has a space, a plus or a control character in it.
    pub fn from_seed(name: &str, seed: Key) -> Result<Self, Error> {
        if !is_key_name_valid(name) || name.chars().any(char::is_control) {
            return Err(Error::SignerName(name.to_owned()));
        }
        let key = public_key(&key_pair(&seed));
        let public = PublicKey::new(name, key);
        Ok(Self { seed, public })
    }

    /// The name it signs under.
    pub fn name(&self) -> &str {
        &self.public.name
    }

    /// The public key, as `name+hash+base64`.
    pub fn verifier_key(&self) -> String {
        let PublicKey { name, id, .. } = &self.public;
        let key = BASE64_STANDARD.encode(self.public.typed());
        format!("{name}+{id:08x}+{key}")
    }

    /// What verifies this signer's notes.
    pub fn verifier(&self) -> NoteVerifier {
        NoteVerifier(self.public.clone())
    }

    /// Signs `text`, which ends in a newline, and gives the whole note.
    ///
    /// # Errors
    /// [`Error::MalformedNote`] when the text does not end in a newline, has another control
    /// character in it, or is longer than a million bytes.
    pub fn sign(&self, text: &str) -> Result<String, Error> {
        let PublicKey { name, id, .. } = &self.public;
        // Built only now: ring does not wipe its own keys, so they live no longer than a signature takes.
        let signature = key_pair(&self.seed).sign(text.as_bytes());
        let note = Signature::new(name.clone(), *id, signature.as_ref().to_vec())
            .and_then(|signature| Note::new(text.as_bytes(), &[signature]))
            .map_err(|_| Error::MalformedNote)?;
        String::from_utf8(note.to_bytes()).map_err(|_| Error::MalformedNote)
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.verifier_key())
    }
}

/// A public key that verifies notes, and the name that signs them.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteVerifier(PublicKey);

impl NoteVerifier {
    /// Reads a verifier key, `name+hash+base64`.
    ///
    /// # Errors
    /// [`Error::MalformedVerifierKey`] for any other text, one whose hash does not fit, and a
    /// key that is not Ed25519.
    pub fn parse(verifier_key: &str) -> Result<Self, Error> {
        Self::parse_parts(verifier_key.trim()).ok_or(Error::MalformedVerifierKey)
    }

    fn parse_parts(verifier_key: &str) -> Option<Self> {
        let (name, rest) = verifier_key.split_once('+')?;
        let (id, key) = rest.split_once('+')?;
        let key = BASE64_STANDARD.decode(key).ok()?;
        let (kind, key) = key.split_first()?;
        let key: [u8; PUBLIC_KEY_BYTES] = key.try_into().ok()?;
        let public = PublicKey::new(name, key);
        let fits = *kind == ED25519_TYPE
            && is_key_name_valid(name)
            && !name.chars().any(char::is_control)
            && format!("{:08x}", public.id) == id;
        fits.then_some(Self(public))
    }

    /// The name of the signer.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Checks that `note` is signed by this key and gives its text. Signatures by other keys are
    /// not looked at.
    ///
    /// # Errors
    /// [`Error::MalformedNote`] when it is not a note, [`Error::NotSigned`] when this key did not
    /// sign it, [`Error::BadSignature`] when the signature does not verify.
    pub fn verify(&self, note: &str) -> Result<String, Error> {
        let note = Note::from_bytes(note.as_bytes()).map_err(|_| Error::MalformedNote)?;
        let known = VerifierList::new(vec![Box::new(self.0.clone())]);
        note.verify(&known).map_err(|error| match error {
            NoteError::UnverifiedNote => Error::NotSigned(self.0.name.clone()),
            _ => Error::BadSignature(self.0.name.clone()),
        })?;
        String::from_utf8(note.text().to_vec()).map_err(|_| Error::MalformedNote)
    }
}

impl fmt::Debug for NoteVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteVerifier({}+{:08x})", self.0.name, self.0.id)
    }
}

#[derive(Clone, PartialEq, Eq)]
struct PublicKey {
    name: String,
    id: u32,
    key: [u8; PUBLIC_KEY_BYTES],
}

impl PublicKey {
    fn new(name: &str, key: [u8; PUBLIC_KEY_BYTES]) -> Self {
        let mut public = Self {
            name: name.to_owned(),
            id: 0,
            key,
        };
        public.id = key_id(name, &public.typed());
        public
    }

    /// The key behind the byte that says of which type it is.
    fn typed(&self) -> [u8; 1 + PUBLIC_KEY_BYTES] {
        let mut typed = [ED25519_TYPE; 1 + PUBLIC_KEY_BYTES];
        if let Some(key) = typed.last_chunk_mut() {
            *key = self.key;
        }
        typed
    }
}

impl Verifier for PublicKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key)
            .verify(text, signature)
            .is_ok()
    }
}

fn key_pair(seed: &Key) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(seed.expose_secret())
        .unwrap_or_else(|_| unreachable!("a key is as long as an Ed25519 seed"))
}

fn public_key(pair: &Ed25519KeyPair) -> [u8; PUBLIC_KEY_BYTES] {
    let mut key = [0; PUBLIC_KEY_BYTES];
    key.copy_from_slice(pair.public_key().as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use signed_note::{Signer as _, StandardSigner, StandardVerifier};

    /// The key pair and note that golang.org/x/mod/sumdb/note documents.
    const SIGNER_KEY: &str =
        "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const VERIFIER_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                        then you don't know what your problem is.\n";
    const SIGNATURE: &str = "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn peter() -> NoteSigner {
        let key = SIGNER_KEY.rsplit_once("c74f20a3+").expect("has one").1;
        let key = BASE64_STANDARD.decode(key).expect("base64");
        let seed = Key::from_slice(&key[1..]).expect("32 bytes");
        NoteSigner::from_seed("PeterNeumann", seed).expect("a name")
    }

    #[test]
    fn notes_are_those_of_the_reference_implementation() {
        let note = peter().sign(TEXT).expect("signs");
        assert_eq!(note, format!("{TEXT}{SIGNATURE}"));
        assert_eq!(peter().verifier_key(), VERIFIER_KEY);
        let verifier = NoteVerifier::parse(VERIFIER_KEY).expect("a key");
        assert_eq!(verifier, peter().verifier());
        assert_eq!(verifier.verify(&note).expect("verifies"), TEXT);
    }

    #[test]
    fn the_library_that_signs_by_itself_agrees() {
        let theirs = StandardSigner::new(SIGNER_KEY).expect("a key");
        let mut note = Note::new(TEXT.as_bytes(), &[]).expect("a text");
        note.add_sigs(&[&theirs]).expect("signs");
        let note = String::from_utf8(note.to_bytes()).expect("text");
        assert_eq!(peter().verifier().verify(&note).expect("verifies"), TEXT);
        assert_eq!(theirs.key_id(), peter().public.id);
        let ours = Note::from_bytes(peter().sign(TEXT).expect("signs").as_bytes()).expect("a note");
        let known = StandardVerifier::new(&peter().verifier_key()).expect("a key");
        assert!(
            ours.verify(&VerifierList::new(vec![Box::new(known)]))
                .is_ok()
        );
    }

    #[test]
    fn a_changed_note_is_refused() {
        let (verifier, note) = (peter().verifier(), peter().sign(TEXT).expect("signs"));
        let changed = note.replacen("cryptography", "cryptology", 1);
        assert!(matches!(
            verifier.verify(&changed),
            Err(Error::BadSignature(_))
        ));
        let seed = Key::from_slice(&[1; 32]).expect("32 bytes");
        let other = NoteSigner::from_seed("PeterNeumann", seed).expect("a name");
        assert!(matches!(
            other.verifier().verify(&note),
            Err(Error::NotSigned(_))
        ));
        assert!(matches!(verifier.verify(TEXT), Err(Error::MalformedNote)));
        for text in ["", "no newline", "a tab\t\n"] {
            assert!(
                matches!(peter().sign(text), Err(Error::MalformedNote)),
                "{text:?}"
            );
        }
    }

    #[test]
    fn malformed_keys_and_names_are_refused() {
        let other_hash = VERIFIER_KEY.replacen("c74f20a3", "c74f20a4", 1);
        for key in [
            "",
            "a+b+c",
            "PeterNeumann+c74f20a3+AR",
            SIGNER_KEY,
            &other_hash,
        ] {
            assert!(NoteVerifier::parse(key).is_err(), "{key}");
        }
        for name in ["", "with space", "with+plus", "line\nbreak"] {
            let seed = Key::from_slice(&[1; 32]).expect("32 bytes");
            assert!(NoteSigner::from_seed(name, seed).is_err(), "{name:?}");
        }
    }

    #[test]
    fn debug_shows_no_seed() {
        assert_eq!(
            format!("{:?}", peter()),
            format!("NoteSigner({VERIFIER_KEY})")
        );
    }
}
