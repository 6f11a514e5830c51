//! File keys, payload keys, and the STREAM construction they seal with.

use std::fmt;

use age_core::format::FileKey;
use age_core::secrecy::ExposeSecret;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::{CHUNK_BYTES, NONCE_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES};
use crate::entropy::{Entropy, EntropyError};
use crate::sealing::derive;
use crate::secret::Key;

/// Draws the key of a new file.
///
/// # Errors
/// [`EntropyError`] when the source gives nothing.
pub fn new_file_key(entropy: &dyn Entropy) -> Result<FileKey, EntropyError> {
    FileKey::try_init_with_mut(|bytes| entropy.fill(bytes))
}

/// Whether a run of chunks ends the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// Its last chunk is the payload's last.
    Yes,
    /// More chunks follow.
    No,
}

/// The key that one payload's chunks are sealed with, and the nonce it was derived from.
///
/// The bytes kept here are wiped when dropped. The working copy inside ring is made for one run of
/// chunks at a time and lives on the stack: ring does not wipe it.
pub struct PayloadKey {
    key: Key,
    nonce: [u8; NONCE_BYTES],
}

impl PayloadKey {
    /// Derives the key of the payload that begins with `nonce`: HKDF-SHA256(file key, nonce, "payload").
    ///
    /// A file key and a nonce together must never seal two different plaintexts.
    pub fn derive(file_key: &FileKey, nonce: [u8; NONCE_BYTES]) -> Self {
        Self {
            key: derive(file_key.expose_secret(), &nonce, b"payload"),
            nonce,
        }
    }

    /// Draws the nonce of a new payload and derives its key.
    ///
    /// # Errors
    /// [`EntropyError`] when the source gives nothing.
    pub fn fresh(file_key: &FileKey, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce)?;
        Ok(Self::derive(file_key, nonce))
    }

    /// The nonce that the stored payload begins with.
    pub fn nonce(&self) -> &[u8; NONCE_BYTES] {
        &self.nonce
    }

    /// Readies the key for `chunks` chunks from `first_chunk` on.
    pub(super) fn stream(&self, first_chunk: u64, chunks: usize, last: Last) -> Stream {
        let key = UnboundKey::new(&CHACHA20_POLY1305, self.key.expose_secret())
            .unwrap_or_else(|_| unreachable!("a key is as long as ChaCha20-Poly1305's"));
        Stream {
            cipher: LessSafeKey::new(key),
            first_chunk,
            final_place: (last == Last::Yes).then(|| chunks.saturating_sub(1)),
        }
    }
}

impl fmt::Debug for PayloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayloadKey(redacted)")
    }
}

/// A run of chunks under STREAM (<https://eprint.iacr.org/2015/189>), as age instantiates it.
pub(super) struct Stream {
    cipher: LessSafeKey,
    first_chunk: u64,
    final_place: Option<usize>,
}

impl Stream {
    /// Seals the chunk at `place` of the run where it lies; its last 16 bytes are room for the tag.
    pub(super) fn seal(&self, place: usize, chunk: &mut [u8]) -> Result<(), Refused> {
        let (plain, tag) = chunk.split_last_chunk_mut::<TAG_BYTES>().ok_or(Refused)?;
        let sealed = self
            .cipher
            .seal_in_place_separate_tag(self.nonce(place), Aad::empty(), plain)
            .map_err(|_| Refused)?;
        tag.copy_from_slice(sealed.as_ref());
        Ok(())
    }

    /// Opens the chunk at `place` of the run where it lies, leaving its last 16 bytes as they are.
    pub(super) fn open(&self, place: usize, chunk: &mut [u8]) -> Result<(), Refused> {
        self.cipher
            .open_in_place(self.nonce(place), Aad::empty(), chunk)
            .map(|_| ())
            .map_err(|_| Refused)
    }

    /// Opens the chunk at `place` of the run into the room before it: the tags of the chunks before it
    /// are gone, so that the plaintext of a run lies together without being moved afterwards.
    pub(super) fn open_closing_up(&self, place: usize, run: &mut [u8]) -> Result<(), Refused> {
        let chunk = run.get_mut(place * CHUNK_BYTES..).ok_or(Refused)?;
        let end = chunk.len().min(place * TAG_BYTES + SEALED_CHUNK_BYTES);
        let chunk = chunk.get_mut(..end).ok_or(Refused)?;
        self.cipher
            .open_within(self.nonce(place), Aad::empty(), chunk, place * TAG_BYTES..)
            .map(|_| ())
            .map_err(|_| Refused)
    }

    /// An 11-byte big-endian counter and a byte that marks the final chunk.
    fn nonce(&self, place: usize) -> Nonce {
        let [a, b, c, d, e, f, g, h] = (self.first_chunk + place as u64).to_be_bytes();
        let last = u8::from(self.final_place == Some(place));
        let nonce: [u8; NONCE_LEN] = [0, 0, 0, a, b, c, d, e, f, g, h, last];
        Nonce::assume_unique_for_key(nonce)
    }
}

/// A chunk that cannot be sealed, or does not open.
#[derive(Debug)]
pub(super) struct Refused;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let file_key = FileKey::init_with_mut(|key| key.fill(0xAB));
        let key = PayloadKey::derive(&file_key, [0xCD; NONCE_BYTES]);
        assert_eq!(format!("{key:?}"), "PayloadKey(redacted)");
    }

    #[test]
    fn a_nonce_is_a_counter_and_a_mark() {
        let file_key = FileKey::init_with_mut(|_| ());
        let stream =
            PayloadKey::derive(&file_key, [0; NONCE_BYTES]).stream(0x0102_0304, 2, Last::Yes);
        assert_eq!(
            stream.nonce(0).as_ref(),
            &[0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0]
        );
        assert_eq!(
            stream.nonce(1).as_ref(),
            &[0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 5, 1]
        );
    }
}
