//! Uploads that are not finished.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::UploadId;
use crate::model::item::Item;
use crate::model::token::Digest;

/// An upload under way: the item it will become, and the parts that are already durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Which.
    pub id: UploadId,
    /// What it becomes when the last byte is stored.
    pub item: Item,
    /// Whole chunks in each part but the last.
    pub part_chunks: u64,
    /// The store's own name for the multipart upload; none when one part holds everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipart: Option<String>,
    /// The moment from which it is given up.
    pub expires: Timestamp,
    /// The parts that were sealed and are not confirmed, by number and digest of their
    /// authentication tags.
    ///
    /// Written down before a part's bytes leave, so that after a crash the same place in the stream
    /// is never sealed a second time with other bytes under the same key and nonce.
    #[serde(default)]
    pub sealed: Vec<(u16, Digest)>,
    /// The parts the store has confirmed, in order from 1.
    #[serde(default)]
    pub stored: Vec<StoredPart>,
}

impl Upload {
    /// Bytes of plaintext that are durable, given the length of a chunk in bytes.
    pub fn durable_bytes(&self, chunk_bytes: u64) -> u64 {
        let whole = self.stored.len() as u64 * self.part_chunks * chunk_bytes;
        whole.min(self.item.length)
    }
}

/// A part the store has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPart {
    /// Its number, from 1.
    pub number: u16,
    /// Its length, in bytes of ciphertext.
    pub bytes: u64,
    /// The store's tag for it.
    pub etag: String,
}
