//! Sealing: a part is filled with plaintext and encrypted where it lies.

use std::fmt;
use std::num::NonZeroUsize;

use bytes::Bytes;
use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use zeroize::Zeroizing;

use super::{
    AgeError, CHUNK_BYTES, Last, NONCE_BYTES, PartBuffers, PayloadKey, SEALED_CHUNK_BYTES,
    TAG_BYTES, Workers,
};

/// A part of a payload while it is filled: plaintext laid out so that every chunk is sealed in place.
///
/// The buffer becomes the stored part without a copy, and a later part's buffer after that. The payload's first
/// part begins with the nonce. Plaintext that was never sealed is wiped when the buffer is dropped.
pub struct ChunkBuffer {
    bytes: Zeroizing<Vec<u8>>,
    front: usize,
    first_chunk: u64,
    capacity: usize,
    home: PartBuffers,
}

impl ChunkBuffer {
    /// An empty buffer for up to `capacity` chunks, the first of which is the payload's chunk `first_chunk`.
    ///
    /// # Errors
    /// [`AgeError::OutOfMemory`] when there is no room for it, and [`AgeError::TooLong`] when no
    /// payload has so many chunks.
    pub fn new(capacity: NonZeroUsize, first_chunk: u64) -> Result<Self, AgeError> {
        Self::new_in(&PartBuffers::default(), capacity, first_chunk)
    }

    /// The same, in memory that an earlier part of the payload lay in, if there is any.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn new_in(
        home: &PartBuffers,
        capacity: NonZeroUsize,
        first_chunk: u64,
    ) -> Result<Self, AgeError> {
        let capacity = capacity.get();
        let front = if first_chunk == 0 { NONCE_BYTES } else { 0 };
        first_chunk
            .checked_add(capacity as u64)
            .ok_or(AgeError::TooLong)?;
        let length = capacity
            .checked_mul(SEALED_CHUNK_BYTES)
            .and_then(|chunks| chunks.checked_add(front))
            .ok_or(AgeError::OutOfMemory)?;
        let mut bytes = Zeroizing::new(home.take(length)?);
        bytes.resize(front, 0);
        Ok(Self {
            bytes,
            front,
            first_chunk,
            capacity,
            home: home.clone(),
        })
    }

    /// Takes plaintext from the front of `plain` until it or the room ends, and gives the bytes taken.
    pub fn fill(&mut self, plain: &[u8]) -> usize {
        let mut rest = plain;
        while !rest.is_empty() && !self.is_full() {
            let room = CHUNK_BYTES - self.unfinished();
            let (now, later) = rest.split_at(rest.len().min(room));
            self.bytes.extend_from_slice(now);
            if self.unfinished() == CHUNK_BYTES {
                self.bytes.extend_from_slice(&[0; TAG_BYTES]);
            }
            rest = later;
        }
        plain.len() - rest.len()
    }

    /// Whether every chunk is whole, so that nothing more can be taken.
    pub fn is_full(&self) -> bool {
        self.whole_chunks() == self.capacity
    }

    /// Bytes of plaintext held.
    pub fn plain_len(&self) -> usize {
        self.whole_chunks() * CHUNK_BYTES + self.unfinished()
    }

    /// Seals what is held, on `workers`, into a part ready to be stored.
    ///
    /// # Errors
    /// [`AgeError::PartNotWhole`] when more parts follow and this one has not whole chunks only, or
    /// none; [`AgeError::EmptyLastChunk`] when the last part of a payload that is not empty has no plaintext.
    pub fn seal(
        mut self,
        key: &PayloadKey,
        last: Last,
        workers: &Workers,
    ) -> Result<SealedPart, AgeError> {
        let plain_len = self.plain_len();
        let unfinished = self.unfinished() > 0 || plain_len == 0;
        match last {
            Last::No if unfinished => return Err(AgeError::PartNotWhole { plain_len }),
            Last::Yes if plain_len == 0 && self.first_chunk > 0 => {
                return Err(AgeError::EmptyLastChunk);
            }
            Last::Yes if unfinished => self.bytes.extend_from_slice(&[0; TAG_BYTES]),
            _ => {}
        }
        let (front, run) = self.bytes.split_at_mut(self.front);
        front.copy_from_slice(key.nonce().get(..front.len()).unwrap_or_default());
        let chunks = run.len().div_ceil(SEALED_CHUNK_BYTES);
        let stream = key.stream(self.first_chunk, chunks, last);
        // ring refuses only a chunk that is longer than ChaCha20 counts.
        if workers
            .first_refused(run, |place, chunk| stream.seal(place, chunk))
            .is_some()
        {
            return Err(AgeError::TooLong);
        }
        let digest = digest_of_tags(run);
        Ok(SealedPart {
            bytes: self.home.lend(std::mem::take(&mut *self.bytes)),
            digest,
            plain_len,
            next_chunk: self.first_chunk + chunks as u64,
        })
    }

    /// The chunk of the payload that follows those held.
    pub(super) fn next_chunk(&self) -> u64 {
        self.first_chunk + self.whole_chunks() as u64
    }

    fn whole_chunks(&self) -> usize {
        (self.bytes.len() - self.front) / SEALED_CHUNK_BYTES
    }

    /// Bytes of plaintext in the chunk that is not whole yet.
    fn unfinished(&self) -> usize {
        (self.bytes.len() - self.front) % SEALED_CHUNK_BYTES
    }
}

impl fmt::Debug for ChunkBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkBuffer")
            .field("first_chunk", &self.first_chunk)
            .field("capacity", &self.capacity)
            .field("plain_len", &self.plain_len())
            .finish_non_exhaustive()
    }
}

/// A sealed part of a payload, ready to be stored.
pub struct SealedPart {
    /// What is stored: the payload's nonce if this is its first part, then whole sealed chunks.
    pub bytes: Bytes,
    /// SHA-256 over the chunks' tags in order: the same again only for the same plaintext under the
    /// same key and nonce, so that other plaintext is refused when an upload resumes.
    pub digest: [u8; SHA256_OUTPUT_LEN],
    /// Bytes of plaintext sealed.
    pub plain_len: usize,
    /// The chunk that the next part begins with.
    pub next_chunk: u64,
}

impl fmt::Debug for SealedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedPart")
            .field("stored_len", &self.bytes.len())
            .field("plain_len", &self.plain_len)
            .field("next_chunk", &self.next_chunk)
            .finish_non_exhaustive()
    }
}

fn digest_of_tags(run: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut tags = Context::new(&SHA256);
    for chunk in run.chunks(SEALED_CHUNK_BYTES) {
        if let Some(tag) = chunk.last_chunk::<TAG_BYTES>() {
            tags.update(tag);
        }
    }
    let mut digest = [0; SHA256_OUTPUT_LEN];
    digest.copy_from_slice(tags.finish().as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use age_core::format::FileKey;

    #[test]
    fn the_part_is_the_buffer_itself() {
        let key = PayloadKey::derive(&FileKey::init_with_mut(|_| ()), [7; NONCE_BYTES]);
        for last in [Last::No, Last::Yes] {
            let mut buffer =
                ChunkBuffer::new(NonZeroUsize::MIN.saturating_add(1), 0).expect("room");
            assert_eq!(buffer.fill(&[1; 3 * CHUNK_BYTES]), 2 * CHUNK_BYTES);
            assert!(buffer.is_full());
            let place = buffer.bytes.as_ptr();
            let part = buffer.seal(&key, last, &Workers::one()).expect("seals");
            assert_eq!(part.bytes.as_ptr(), place);
            assert_eq!(part.bytes.len(), NONCE_BYTES + 2 * SEALED_CHUNK_BYTES);
        }
    }

    #[test]
    fn filling_never_moves_the_plaintext() {
        let mut buffer = ChunkBuffer::new(NonZeroUsize::MIN.saturating_add(2), 9).expect("room");
        let place = buffer.bytes.as_ptr();
        while !buffer.is_full() {
            buffer.fill(&[5; 10_007]);
        }
        assert_eq!(buffer.bytes.as_ptr(), place);
        assert_eq!(buffer.bytes.len(), 3 * SEALED_CHUNK_BYTES);
    }
}
