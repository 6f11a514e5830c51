//! Sealing small things under a [`Key`]: AES-256-GCM with a random nonce, and key derivation.
//!
//! A sealed value is `nonce (12) ‖ ciphertext ‖ tag (16)`. The context is authenticated and not
//! stored, so that a value moved elsewhere does not open. One key may seal up to 2³² values
//! (NIST SP 800-38D, section 8.3). Keys are derived with HKDF-SHA256 (RFC 5869).

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::secret::{KEY_BYTES, Key, SecretBytes};

const TAG_BYTES: usize = 16;

/// Bytes that sealing adds to a value.
pub const OVERHEAD: usize = NONCE_LEN + TAG_BYTES;

/// A key made ready, for whoever seals or opens many values under it.
pub struct Cipher(LessSafeKey);

impl Cipher {
    /// Makes `key` ready.
    pub fn new(key: &Key) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, key.expose_secret())
            .unwrap_or_else(|_| unreachable!("a key is as long as AES-256-GCM's"));
        Self(LessSafeKey::new(unbound))
    }

    /// Seals `value`, bound to `context`.
    ///
    /// # Errors
    /// [`EntropyError`] when no nonce can be drawn.
    pub fn seal(
        &self,
        context: &[u8],
        value: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyError> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce)?;
        let mut sealed = Vec::with_capacity(value.len() + OVERHEAD);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(value);
        let (_, body) = sealed.split_at_mut(NONCE_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(context), body)
            .map_err(|_| EntropyError)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) made under the same key and `context`.
    ///
    /// # Errors
    /// [`DoesNotOpen`] for another key, another context or a changed byte; which one is not said.
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Result<SecretBytes, DoesNotOpen> {
        let (nonce, body) = sealed.split_first_chunk().ok_or(DoesNotOpen)?;
        let mut opened = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self
            .0
            .open_in_place(nonce, Aad::from(context), &mut opened)
            .map_err(|_| DoesNotOpen)?
            .len();
        opened.truncate(length);
        Ok(SecretBytes::new(std::mem::take(&mut *opened)))
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(redacted)")
    }
}

/// Seals one `value` under `key`, bound to `context`.
///
/// # Errors
/// Those of [`Cipher::seal`].
pub fn seal(
    key: &Key,
    context: &[u8],
    value: &[u8],
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, EntropyError> {
    Cipher::new(key).seal(context, value, entropy)
}

/// Opens what [`seal`] made under the same `key` and `context`.
///
/// # Errors
/// Those of [`Cipher::open`].
pub fn open(key: &Key, context: &[u8], sealed: &[u8]) -> Result<SecretBytes, DoesNotOpen> {
    Cipher::new(key).open(context, sealed)
}

/// Derives a key from `secret` for the use that `salt` and `info` name.
pub fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Key {
    struct KeyLength;
    impl KeyType for KeyLength {
        fn len(&self) -> usize {
            KEY_BYTES
        }
    }
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    let filled = Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], KeyLength)
        .and_then(|okm| okm.fill(&mut bytes[..]));
    assert!(filled.is_ok(), "32 bytes are within HKDF-SHA256's bound");
    Key::from_slice(&bytes[..]).unwrap_or_else(|| unreachable!("the buffer is a key long"))
}

/// A sealed value that does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: it was changed, or the key is another")]
pub struct DoesNotOpen;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_changed_byte_or_context_does_not_open(
            value in proptest::collection::vec(any::<u8>(), 0..200), place in any::<prop::sample::Index>(),
        ) {
            let entropy = SystemEntropy::new();
            let key = Key::random(&entropy).expect("entropy");
            let sealed = seal(&key, b"here", &value, &entropy).expect("entropy");
            let opened = open(&key, b"here", &sealed).expect("opens");
            prop_assert_eq!(opened.expose_secret(), &value[..]);
            prop_assert!(open(&key, b"there", &sealed).is_err());
            let mut changed = sealed.clone();
            changed[place.index(sealed.len())] ^= 1;
            prop_assert!(open(&key, b"here", &changed).is_err());
            prop_assert!(open(&key, b"here", &sealed[..sealed.len() - 1]).is_err());
        }
    }

    /// RFC 5869, appendix A.1, cut to the first 32 bytes of its 42.
    #[test]
    fn derivation_is_hkdf_sha256() {
        let salt: Vec<u8> = (0x00..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let derived = derive(&[0x0b; 22], &salt, &info);
        assert_eq!(derived.expose_secret()[..4], [0x3c, 0xb2, 0x5f, 0x25]);
        assert_eq!(derived.expose_secret()[28..], [0xec, 0xc4, 0xc5, 0xbf][..]);
    }
}
