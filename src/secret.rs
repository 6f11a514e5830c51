//! Secrets: boxed, wiped when dropped, and silent in logs.
//!
//! Reading one is spelled `expose_secret`, so that every place that does can be found.

use std::fmt;

use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};

/// Length of a [`Key`] in bytes.
pub const KEY_BYTES: usize = 32;

/// A 256-bit symmetric key.
///
/// It has no `Clone`, `Copy`, `Default` or `PartialEq`, and its `Debug` shows nothing.
pub struct Key(Box<Zeroizing<[u8; KEY_BYTES]>>);

impl Key {
    /// Draws a new key.
    ///
    /// # Errors
    /// [`EntropyError`] when the source gives nothing.
    pub fn random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut bytes = Box::new(Zeroizing::new([0; KEY_BYTES]));
        entropy.fill(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Takes a copy of `bytes` as a key, or nothing when there are not exactly 32 of them.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Box::new(Zeroizing::new([0; KEY_BYTES]));
        (bytes.len() == KEY_BYTES).then(|| {
            key.copy_from_slice(bytes);
            Self(key)
        })
    }

    /// The key's bytes.
    pub fn expose_secret(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// A second copy of the key, wiped on its own when dropped.
    pub fn duplicate(&self) -> Self {
        Self(self.0.clone())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(redacted)")
    }
}

/// Secret bytes of any length: an opened payload, a name, a serialised root.
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes ownership of `bytes`; they are wiped when this is dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes.
    pub fn expose_secret(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn debug_shows_nothing() {
        let key = Key::from_slice(&[0xAB; 32]).expect("32 bytes");
        let bytes = SecretBytes::new(b"canary".to_vec());
        let shown = format!("{key:?} {bytes:?}").to_lowercase();
        assert!(!shown.contains("ab, ab") && !shown.contains("171") && !shown.contains("canary"));
    }

    #[test]
    fn a_key_is_exactly_32_bytes() {
        assert!(Key::from_slice(&[0; 31]).is_none());
        assert!(Key::from_slice(&[0; 33]).is_none());
        let drawn = Key::random(&SystemEntropy::new()).expect("entropy");
        assert_ne!(drawn.expose_secret(), &[0; 32]);
        assert_eq!(drawn.expose_secret(), drawn.duplicate().expose_secret());
    }
}
