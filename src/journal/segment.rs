//! A segment's name and header, and the key that is its own.
//!
//! ```text
//! magic and version           16   "strongroom-log", 0, 1
//! vault identifier            24   text, padded with zeros
//! position of first record     8   big-endian
//! salt                        32   random
//! Merkle root before it       32   so that a segment of another history does not fit
//! CRC-32 of all that           4
//! ```

use std::path::{Path, PathBuf};

use super::error::{Damage, Error};
use super::frame::Cipher;
use super::{Keys, RECORD_KEY_INFO};
use crate::entropy::Entropy;
use crate::sealing;

pub(super) const HEADER_BYTES: usize = 16 + 24 + 8 + 32 + 32 + 4;
const MAGIC: &[u8; 16] = b"strongroom-log\x00\x01";
const VAULT_BYTES: usize = 24;
const SUFFIX: &str = ".seg";
const NAME_DIGITS: usize = 20;

/// What a segment's header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    vault: [u8; VAULT_BYTES],
    pub(super) first: u64,
    salt: [u8; 32],
    pub(super) root: [u8; 32],
}

impl Header {
    /// The header of a new segment, with a fresh salt.
    pub(super) fn draw(
        keys: &Keys,
        first: u64,
        root: [u8; 32],
        entropy: &dyn Entropy,
    ) -> Result<Self, Error> {
        let mut salt = [0; 32];
        entropy.fill(&mut salt)?;
        Ok(Self {
            vault: vault_text(keys),
            first,
            salt,
            root,
        })
    }

    /// Reads the header of a segment of this vault.
    pub(super) fn parse(bytes: &[u8; HEADER_BYTES], keys: &Keys) -> Result<Self, Damage> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(Damage::Header)?;
        let header = Self {
            vault: take(&mut rest)?,
            first: u64::from_be_bytes(take(&mut rest)?),
            salt: take(&mut rest)?,
            root: take(&mut rest)?,
        };
        if header.bytes() != *bytes {
            return Err(Damage::HeaderChecksum);
        }
        if header.vault != vault_text(keys) {
            let vault = String::from_utf8_lossy(&header.vault);
            return Err(Damage::WrongVault(
                vault.trim_end_matches('\0').escape_debug().to_string(),
            ));
        }
        Ok(header)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.vault);
        bytes.extend_from_slice(&self.first.to_be_bytes());
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&self.root);
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
        bytes
    }

    /// The cipher of this segment, whose key nothing else has: the salt is drawn anew for every segment.
    pub(super) fn cipher(&self, keys: &Keys) -> Cipher {
        let key = sealing::derive(keys.journal.expose_secret(), &self.salt, RECORD_KEY_INFO);
        Cipher::new(&key, &self.bytes(), self.first)
    }
}

/// Where the segment that begins at `first` lies.
pub(super) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(name(first))
}

/// The file name of the segment that begins at `first`.
pub(super) fn name(first: u64) -> String {
    format!("{first:0NAME_DIGITS$}{SUFFIX}")
}

/// The first position of the segment with this file name, or nothing when it names none.
pub(super) fn first_of(name: &str) -> Option<u64> {
    let first = name.strip_suffix(SUFFIX)?.parse().ok()?;
    (self::name(first) == name).then_some(first)
}

/// The first positions of the segments in `dir`, in order.
pub(super) fn list(dir: &Path) -> Result<Vec<u64>, Error> {
    let failed = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => Error::NotThere(dir.to_path_buf()),
        _ => Error::io("list", dir, source),
    };
    let mut firsts = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        firsts.extend(name.to_str().and_then(first_of));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

fn vault_text(keys: &Keys) -> [u8; VAULT_BYTES] {
    let mut text = [0; VAULT_BYTES];
    for (place, byte) in text.iter_mut().zip(keys.vault.to_string().bytes()) {
        *place = byte;
    }
    text
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Damage> {
    let (taken, left) = rest.split_first_chunk().ok_or(Damage::Header)?;
    *rest = left;
    Ok(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::id::VaultId;
    use crate::secret::Key;

    fn keys() -> Keys {
        let entropy = SystemEntropy::new();
        Keys {
            vault: VaultId::random(&entropy).expect("entropy"),
            journal: Key::random(&entropy).expect("entropy"),
        }
    }

    #[test]
    fn a_header_is_read_back_and_no_changed_bit_is() {
        let keys = keys();
        let header = Header::draw(&keys, 42, [9; 32], &SystemEntropy::new()).expect("entropy");
        let bytes: [u8; HEADER_BYTES] = header.bytes().try_into().expect("as long as a header");
        assert_eq!(Header::parse(&bytes, &keys), Ok(header.clone()));
        for bit in 0..HEADER_BYTES * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::parse(&changed, &keys).is_err(), "bit {bit}");
        }
        assert!(matches!(
            Header::parse(&bytes, &self::keys()),
            Err(Damage::WrongVault(vault)) if vault == keys.vault.to_string()
        ));
    }

    #[test]
    fn salts_are_drawn_anew() {
        let (keys, entropy) = (keys(), SystemEntropy::new());
        let one = Header::draw(&keys, 0, [0; 32], &entropy).expect("entropy");
        let other = Header::draw(&keys, 0, [0; 32], &entropy).expect("entropy");
        assert_ne!(one.salt, other.salt);
    }

    #[test]
    fn names_are_twenty_digits() {
        assert_eq!(name(7), "00000000000000000007.seg");
        for first in [0, 7, u64::MAX] {
            assert_eq!(first_of(&name(first)), Some(first));
        }
        for other in [
            "7.seg",
            "hashes",
            "00000000000000000007.seg.old",
            "+0000000000000000007.seg",
        ] {
            assert_eq!(first_of(other), None, "{other}");
        }
    }
}
