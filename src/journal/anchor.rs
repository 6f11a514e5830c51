//! How far a journal is vouched for: a number of records and the root of their Merkle tree.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use tlog_tiles::{EMPTY_HASH, Hash, HashReader, node_hash, stored_hash_index};

/// A prefix of the journal, pinned: its length and its root (RFC 6962, section 2.1).
///
/// It is kept outside the journal, in the root slot. A journal that does not contain the prefix
/// was rolled back or replaced.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Anchor {
    /// Records in the prefix.
    pub size: u64,
    /// Merkle root of the prefix; in text, standard base64.
    #[serde(with = "base64_hash")]
    pub root: [u8; 32],
}

impl Anchor {
    /// The anchor of a journal without records.
    pub const EMPTY: Self = Self {
        size: 0,
        root: EMPTY_HASH.0,
    };
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.size, Hash(self.root))
    }
}

impl fmt::Debug for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Anchor({self})")
    }
}

/// The right edge of a growing Merkle tree: one hash for each complete subtree, O(log n) in all.
#[derive(Clone, Debug, Default)]
pub(super) struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// The edge of the tree of the first `size` records, if `hashes` has all of it.
    pub(super) fn of(size: u64, hashes: &impl HashReader) -> Option<Self> {
        let mut places = Vec::new();
        let mut before = 0;
        for level in (0..u64::BITS as u8).rev() {
            let records = 1 << level;
            if size & records != 0 {
                places.push(stored_hash_index(level, before >> level));
                before += records;
            }
        }
        let peaks = hashes.read_hashes(&places).ok()?;
        Some(Self { size, peaks })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf and hands `store` the hashes it completes, in tlog's stored-hash order
    /// (Crosby and Wallach, "Efficient Data Structures for Tamper-Evident Logging", section 3.3).
    pub(super) fn push(&mut self, leaf: Hash, mut store: impl FnMut(Hash)) {
        let mut hash = leaf;
        store(hash);
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(left, hash);
                store(hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    pub(super) fn root(&self) -> Hash {
        self.peaks
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(left, right))
            .unwrap_or(EMPTY_HASH)
    }

    pub(super) fn anchor(&self) -> Anchor {
        Anchor {
            size: self.size,
            root: self.root().0,
        }
    }
}

/// Hashes in text as tlog writes them.
pub(super) fn hash_from_text(text: &str) -> Option<[u8; 32]> {
    BASE64_STANDARD.decode(text).ok()?.try_into().ok()
}

mod base64_hash {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use tlog_tiles::Hash;

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(&Hash(*hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = Cow::<str>::deserialize(from)?;
        super::hash_from_text(&text)
            .ok_or_else(|| D::Error::custom("a hash is 32 bytes in standard base64"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tlog_tiles::{record_hash, stored_hash_count, tree_hash};

    struct Stored(Vec<Hash>);

    impl tlog_tiles::HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
            Ok(indexes.iter().map(|i| self.0[*i as usize]).collect())
        }
    }

    #[test]
    fn the_frontier_agrees_with_tlog_at_every_size() {
        let (mut tree, mut stored) = (Frontier::default(), Stored(Vec::new()));
        for n in 0..300_u64 {
            assert_eq!(tree.root(), tree_hash(n, &stored).expect("in memory"));
            assert_eq!(stored.0.len() as u64, stored_hash_count(n));
            assert_eq!(stored.0.len() as u64, stored_hash_index(0, n));
            let read = Frontier::of(n, &stored).expect("in memory");
            assert_eq!((read.size, read.peaks), (n, tree.peaks.clone()));
            tree.push(record_hash(&n.to_be_bytes()), |hash| stored.0.push(hash));
        }
        assert_eq!(tree.size(), 300);
    }

    /// The roots of the trees over the eight inputs that certificate-transparency-go tests with.
    #[test]
    fn roots_are_rfc_6962s() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
            "+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU=",
            "rra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=",
            "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
            "Tju7H3tHjc/nH7YxYxUZo7yhLJrvyhYSv85ME6hiZNQ=",
            "duZ9rbzfHhDht03cYIq9L5jfsW+851J3tSMqEn8gh+8=",
            "3bib5AOAnjJXUNPSY814kpwpQreUKjS3fhIslZSnTIw=",
            "XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=",
        ];
        let mut tree = Frontier::default();
        for (leaf, root) in leaves.into_iter().zip(roots) {
            tree.push(record_hash(leaf), |_| ());
            assert_eq!(tree.root().to_string(), root);
        }
    }

    #[test]
    fn an_anchor_in_text_is_read_back() {
        let text = serde_json::to_string(&Anchor::EMPTY).expect("json");
        assert_eq!(
            text,
            r#"{"size":0,"root":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}"#
        );
        let read: Anchor = serde_json::from_str(&text).expect("json");
        assert_eq!(read, Anchor::EMPTY);
        assert!(serde_json::from_str::<Anchor>(r#"{"size":0,"root":"AAAA"}"#).is_err());
    }
}
