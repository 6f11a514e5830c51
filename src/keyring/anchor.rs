//! The anchor: how far the journal had come, remembered where the journal is not.
//!
//! It is renewed far more often than the root, so it lies apart from it, in two copies written in
//! turn: renewing it never writes the root again, which on a solid-state disk would leave another
//! remnant each time. A copy is `magic (8) ‖ version (4) ‖ sequence (8) ‖ epoch (8) ‖ journal size
//! (8) ‖ Merkle root (32) ‖ HMAC-SHA256 (32)`, under a key derived from the journal key.

use ring::hmac;

use crate::sealing;

use super::position::{BLOCK, Rest};
use super::slot::Root;

/// Length of one copy, in bytes.
pub(super) const COPY_BYTES: usize = BLOCK;

const MAGIC: &[u8; 8] = b"stranch\n";
const VERSION: u32 = 1;
const MERKLE_BYTES: usize = 32;
const TAGGED_BYTES: usize = 8 + 4 + 8 + 8 + 8 + MERKLE_BYTES;

/// How far the journal had come when it was last looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotAnchor {
    /// The epoch of the key tree.
    pub epoch: u64,
    /// Records in the journal.
    pub journal_size: u64,
    /// The root of the journal's Merkle tree at that size.
    pub merkle_root: [u8; MERKLE_BYTES],
}

/// What lies in one copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copy {
    Blank,
    Torn,
    Whole { sequence: u64, anchor: SlotAnchor },
}

impl Copy {
    pub(super) fn parse(bytes: &[u8], root: &Root) -> Self {
        if bytes.iter().all(|byte| *byte == 0) {
            return Self::Blank;
        }
        parse(bytes, root).unwrap_or(Self::Torn)
    }

    pub(super) fn sequence(&self) -> Option<u64> {
        match self {
            Self::Whole { sequence, .. } => Some(*sequence),
            _ => None,
        }
    }
}

/// The copy as it is written, a block long.
pub(super) fn to_bytes(anchor: &SlotAnchor, sequence: u64, root: &Root) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(COPY_BYTES);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    for number in [sequence, anchor.epoch, anchor.journal_size] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&anchor.merkle_root);
    let tag = hmac::sign(&key(root), &bytes);
    bytes.extend_from_slice(tag.as_ref());
    bytes.resize(COPY_BYTES, 0);
    bytes
}

fn parse(bytes: &[u8], root: &Root) -> Option<Copy> {
    let (tagged, rest) = bytes.split_at_checked(TAGGED_BYTES)?;
    let (tag, _) = rest.split_at_checked(hmac::HMAC_SHA256.digest_algorithm().output_len())?;
    hmac::verify(&key(root), tagged, tag).ok()?;
    let mut rest = Rest(tagged);
    let known = rest.take(MAGIC.len())? == MAGIC && rest.u32()? == VERSION;
    let sequence = rest.u64()?;
    let anchor = SlotAnchor {
        epoch: rest.u64()?,
        journal_size: rest.u64()?,
        merkle_root: rest.array()?,
    };
    known.then_some(Copy::Whole { sequence, anchor })
}

fn key(root: &Root) -> hmac::Key {
    let vault = root.vault.to_string();
    let journal_key = root.journal_key.expose_secret();
    let derived = sealing::derive(journal_key, vault.as_bytes(), b"strongroom slot anchor v1");
    hmac::Key::new(hmac::HMAC_SHA256, derived.expose_secret())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::id::VaultId;

    #[test]
    fn only_the_vaults_own_key_vouches_for_it() {
        let entropy = SystemEntropy::new();
        let vault = VaultId::random(&entropy).expect("entropy");
        let root = Root::first(vault, &entropy).expect("entropy");
        let other = Root::first(vault, &entropy).expect("entropy");
        let anchor = SlotAnchor {
            epoch: 3,
            journal_size: 70,
            merkle_root: [9; 32],
        };
        let bytes = to_bytes(&anchor, 5, &root);
        let whole = Copy::Whole {
            sequence: 5,
            anchor,
        };
        assert_eq!(Copy::parse(&bytes, &root), whole);
        assert_eq!(Copy::parse(&bytes, &other), Copy::Torn);
        assert_eq!(Copy::parse(&[0; COPY_BYTES], &root), Copy::Blank);
        for place in 0..TAGGED_BYTES + 32 {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(Copy::parse(&changed, &root), Copy::Torn, "byte {place}");
        }
    }
}
