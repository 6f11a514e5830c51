//! Sealing a stream whose length is not known beforehand, piece by piece.

use std::fmt;
use std::num::NonZeroUsize;

use bytes::Bytes;

use super::{AgeError, ChunkBuffer, Last, PayloadKey, Recipients, Workers};
use super::{new_file_key, write_header};
use crate::entropy::Entropy;

/// Makes an age file of plaintext that arrives piece by piece; it holds one batch of chunks.
pub struct Sealer {
    key: PayloadKey,
    buffer: ChunkBuffer,
    batch: NonZeroUsize,
    workers: Workers,
}

impl Sealer {
    /// Begins a file for `recipients` that is sealed `batch` chunks at a time, and gives its header.
    ///
    /// # Errors
    /// As [`write_header`], [`AgeError::Entropy`] and [`AgeError::OutOfMemory`].
    pub fn new(
        recipients: &Recipients,
        entropy: &dyn Entropy,
        batch: NonZeroUsize,
        workers: Workers,
    ) -> Result<(Bytes, Self), AgeError> {
        let file_key = new_file_key(entropy)?;
        let key = PayloadKey::fresh(&file_key, entropy)?;
        let header = write_header(&file_key, recipients)?;
        let sealer = Self {
            key,
            buffer: ChunkBuffer::new(batch, 0)?,
            batch,
            workers,
        };
        Ok((header.into(), sealer))
    }

    /// Takes plaintext from the front of `plain`: all of it, or as much as fills the batch, which is
    /// then sealed and given back. Call it until `plain` is empty.
    ///
    /// # Errors
    /// [`AgeError::TooLong`] and [`AgeError::OutOfMemory`]; the file is then not to be gone on with.
    pub fn push(&mut self, plain: &mut &[u8]) -> Result<Option<Bytes>, AgeError> {
        if !plain.is_empty() && self.buffer.is_full() {
            return self.seal_batch().map(Some);
        }
        let taken = self.buffer.fill(plain);
        *plain = plain.get(taken..).unwrap_or_default();
        Ok(None)
    }

    /// Seals what is left and ends the file.
    ///
    /// # Errors
    /// [`AgeError::TooLong`].
    pub fn finish(self) -> Result<Bytes, AgeError> {
        Ok(self.buffer.seal(&self.key, Last::Yes, &self.workers)?.bytes)
    }

    fn seal_batch(&mut self) -> Result<Bytes, AgeError> {
        let place = self.buffer.next_chunk();
        let next = ChunkBuffer::new(self.batch, place)?;
        let full = std::mem::replace(&mut self.buffer, next);
        Ok(full.seal(&self.key, Last::No, &self.workers)?.bytes)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("buffer", &self.buffer)
            .finish_non_exhaustive()
    }
}
