//! Memory for the parts of one payload, used again for the next part when one is stored.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::AgeError;

/// The buffers of one payload's parts. What a stored part lay in is used for a later one, so that an
/// upload of any length asks the system for memory as often as it has parts at once, and no more.
///
/// They hold ciphertext between two uses: plaintext that was never sealed is wiped and not kept.
#[derive(Clone, Default)]
pub struct PartBuffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl PartBuffers {
    /// An empty buffer with room for `length` bytes.
    pub(super) fn take(&self, length: usize) -> Result<Vec<u8>, AgeError> {
        let kept = self.kept().pop();
        let mut buffer = kept.unwrap_or_default();
        buffer.clear();
        buffer
            .try_reserve_exact(length)
            .map_err(|_| AgeError::OutOfMemory)?;
        Ok(buffer)
    }

    /// The sealed part in `buffer`, which comes back when the last who reads it lets go.
    pub(super) fn lend(&self, buffer: Vec<u8>) -> Bytes {
        Bytes::from_owner(Lent {
            buffer,
            home: self.clone(),
        })
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for PartBuffers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PartBuffers({} at hand)", self.kept().len())
    }
}

/// A sealed part that is being read.
struct Lent {
    buffer: Vec<u8>,
    home: PartBuffers,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        self.home.kept().push(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_once_nobody_reads_it() {
        let buffers = PartBuffers::default();
        let mut buffer = buffers.take(1000).expect("room");
        buffer.extend_from_slice(&[7; 1000]);
        let place = buffer.as_ptr();
        let part = buffers.lend(buffer);
        let slice = part.slice(10..20);
        drop(part);
        let other = buffers.take(1000).expect("room");
        assert_ne!(other.as_ptr(), place);
        assert_eq!(&slice[..], &[7; 10]);
        drop(slice);
        let again = buffers.take(1000).expect("room");
        assert_eq!(again.as_ptr(), place);
        assert!(again.is_empty());
    }
}
