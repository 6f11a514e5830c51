//! What goes into a journal and what comes out of it.

use std::fmt;

use super::anchor::Anchor;
use super::frame::Leaf;
use crate::id::VaultId;
use crate::secret::{Key, SecretBytes};

/// What a journal is sealed with and whose it is.
#[derive(Debug)]
pub struct Keys {
    /// The vault whose journal it is.
    pub vault: VaultId,
    /// The key from which every segment's own key is derived.
    pub journal: Key,
}

/// One record, as it is handed on while the journal is read.
pub struct Record<'r> {
    /// Its place in the journal, from 0.
    pub position: u64,
    /// The part that is readable without a key.
    pub public: &'r [u8],
    /// The opened payload.
    pub payload: &'r [u8],
    pub(super) leaf: Leaf,
}

impl Record<'_> {
    /// The data of the record's leaf in the Merkle tree, for whoever checks a proof of it:
    /// `sealed length (4) ‖ public length (4) ‖ public part ‖ SHA-256(sealed part)`, big-endian.
    pub fn leaf(&self) -> Vec<u8> {
        self.leaf.data(self.public)
    }

    /// A copy that outlives the reading.
    pub fn to_stored(&self) -> StoredRecord {
        StoredRecord {
            position: self.position,
            public: self.public.to_vec(),
            payload: SecretBytes::new(self.payload.to_vec()),
            leaf: self.leaf(),
        }
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record({}, redacted)", self.position)
    }
}

/// One record, on its own.
#[derive(Debug)]
pub struct StoredRecord {
    /// Its place in the journal, from 0.
    pub position: u64,
    /// The part that is readable without a key.
    pub public: Vec<u8>,
    /// The opened payload.
    pub payload: SecretBytes,
    /// The data of its leaf in the Merkle tree, as [`Record::leaf`] gives them.
    pub leaf: Vec<u8>,
}

/// What opening found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovery {
    /// The whole journal: its records, all of them durable, and its root.
    pub anchor: Anchor,
    /// Length of the torn tail that was cut off, in bytes.
    pub torn_bytes: u64,
    /// Whether the file of derived tree hashes had to be mended.
    pub hashes_rebuilt: bool,
}

/// What proves to an outsider that a record is in the log, and under which checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The record's leaf data, as [`Record::leaf`] gives them.
    pub leaf: Vec<u8>,
    /// A C2SP `tlog-proof`: position, audit path and signed checkpoint.
    pub proof: String,
}
