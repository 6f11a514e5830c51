//! Uploads that are not finished.

use std::str::FromStr;

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

/// What a file is announced by, so that announcing it again finds the same upload
/// (`Idempotency-Key`, draft-ietf-httpapi-idempotency-key-header). Whoever brings it draws it at random.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The fewest characters it has: what is short was not drawn at random.
    pub const SHORTEST: usize = 16;
    /// The most.
    pub const LONGEST: usize = 128;

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = BadKey;

    fn from_str(text: &str) -> Result<Self, BadKey> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(&byte);
        let fits =
            (Self::SHORTEST..=Self::LONGEST).contains(&text.len()) && text.bytes().all(is_plain);
        fits.then(|| Self(text.to_owned())).ok_or(BadKey)
    }
}

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an idempotency key has {} to {} letters, digits or characters of `-_.:+/=`; draw one at random, such as a UUID",
    IdempotencyKey::SHORTEST,
    IdempotencyKey::LONGEST
)]
pub struct BadKey;

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
