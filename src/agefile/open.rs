//! Opening: stored bytes come in pieces of any length, authenticated plaintext goes out.

use std::fmt;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{
    AgeError, CHUNK_BYTES, ChunkSpan, Last, PayloadKey, SEALED_CHUNK_BYTES, TAG_BYTES, Workers,
};

/// Opens a run of stored chunks where it lies, on `workers`, and gives its plaintext.
///
/// # Errors
/// [`AgeError::ChunkDamaged`] for the first chunk that does not open, [`AgeError::Truncated`] when
/// the bytes are not whole chunks, [`AgeError::EmptyLastChunk`] when the last is empty and not the
/// only one, and [`AgeError::TooLong`] when no payload has so many chunks.
pub fn open_chunks(
    key: &PayloadKey,
    first_chunk: u64,
    mut sealed: BytesMut,
    last: Last,
    workers: &Workers,
) -> Result<BytesMut, AgeError> {
    let chunks = sealed.len().div_ceil(SEALED_CHUNK_BYTES);
    let tail = sealed.len() - chunks.saturating_sub(1) * SEALED_CHUNK_BYTES;
    let least = if last == Last::Yes {
        TAG_BYTES
    } else {
        SEALED_CHUNK_BYTES
    };
    if let Some(missing) = NonZeroU64::new(least.saturating_sub(tail) as u64) {
        return Err(AgeError::Truncated { missing });
    }
    let end = first_chunk
        .checked_add(chunks as u64)
        .ok_or(AgeError::TooLong)?;
    if tail == TAG_BYTES && end > 1 {
        return Err(AgeError::EmptyLastChunk);
    }
    let stream = key.stream(first_chunk, chunks, last);
    let refused = if workers.threads() == 1 {
        (0..chunks).find(|place| stream.open_closing_up(*place, &mut sealed).is_err())
    } else {
        let refused = workers.first_refused(&mut sealed, |place, chunk| stream.open(place, chunk));
        close_up(&mut sealed);
        refused
    };
    match refused {
        Some(place) => Err(AgeError::ChunkDamaged {
            chunk: first_chunk + place as u64,
        }),
        None => {
            sealed.truncate(sealed.len() - chunks * TAG_BYTES);
            Ok(sealed)
        }
    }
}

/// Opens a stored payload, or a span of one, as it arrives.
///
/// Memory is bounded: stored bytes are gathered into a batch of chunks, opened together, and
/// released. Nothing unauthenticated is released, and after an error nothing is. Plaintext that was
/// released is the caller's; it is not wiped.
///
/// The caller loops, since one piece may complete several batches:
/// ```
/// # use bytes::{Buf, Bytes};
/// # use strongroom::agefile::{AgeError, Opener};
/// # fn receive(opener: &mut Opener, mut piece: Bytes, out: &mut Vec<u8>) -> Result<(), AgeError> {
/// while piece.has_remaining() {
///     out.extend_from_slice(&opener.push(&mut piece)?);
/// }
/// # Ok(()) }
/// ```
/// and calls [`Opener::finish`] when the store has no more to give.
#[must_use = "a payload is known to be whole only when `finish` says so"]
pub struct Opener {
    key: Arc<PayloadKey>,
    workers: Workers,
    gathered: BytesMut,
    batch: usize,
    most: usize,
    next_chunk: u64,
    end: End,
    skip: usize,
    take: u64,
    failed: bool,
}

/// Where the stored bytes end.
#[derive(Debug, Clone, Copy)]
enum End {
    /// After `awaited` more bytes.
    Pinned { awaited: u64, last: Last },
    /// Wherever they do; the last chunk says whether that is right.
    Open,
}

impl Opener {
    /// Opens `span`, whose bounds the caller knows from a source other than the stored bytes.
    pub fn new(key: impl Into<Arc<PayloadKey>>, span: &ChunkSpan, workers: Workers) -> Self {
        let stored = span.stored();
        let end = End::Pinned {
            awaited: stored.end - stored.start,
            last: if span.includes_final() {
                Last::Yes
            } else {
                Last::No
            },
        };
        Self::starting(key.into(), span.first_chunk(), end, workers)
            .within(span.skip(), span.take())
    }

    /// Gathers up to `chunks` at a time, however many threads there are: of many who read at once, each
    /// that stands still holds a batch. The first chunk is given out by itself, and every batch is
    /// twice the one before, so that whoever seeks hears something as soon as there is something.
    pub fn in_batches_of(mut self, chunks: NonZeroUsize) -> Self {
        self.most = chunks.get().saturating_mul(SEALED_CHUNK_BYTES);
        self.batch = SEALED_CHUNK_BYTES;
        self
    }

    /// Opens a whole payload, after its nonce, of a length that only its own last chunk vouches for.
    pub fn of_unknown_length(key: PayloadKey, workers: Workers) -> Self {
        Self::starting(key.into(), 0, End::Open, workers)
    }

    /// Takes stored bytes from the front of `piece`, and gives the plaintext they complete, which may be empty.
    ///
    /// # Errors
    /// [`AgeError::Overlong`] for a byte past the span, [`AgeError::ChunkDamaged`] for a chunk
    /// that was changed, moved or sealed under another key, and [`AgeError::AlreadyFailed`] ever after.
    pub fn push(&mut self, piece: &mut impl Buf) -> Result<Bytes, AgeError> {
        self.guarded(|opener| opener.gather(piece))
    }

    /// Ends the payload: gives the plaintext still held back, or says that it is not whole.
    ///
    /// # Errors
    /// [`AgeError::Truncated`] when bytes are missing, [`AgeError::ChunkDamaged`] when a payload of
    /// unknown length does not end here, and [`AgeError::AlreadyFailed`] after an error.
    pub fn finish(mut self) -> Result<Bytes, AgeError> {
        self.guarded(|opener| match opener.end {
            End::Open => opener.release(Last::Yes),
            End::Pinned { awaited, .. } => match NonZeroU64::new(awaited) {
                Some(missing) => Err(AgeError::Truncated { missing }),
                None => Ok(Bytes::new()),
            },
        })
    }

    /// Stored bytes that a pinned span still awaits: a broken transfer resumes that far before its end.
    pub fn awaited(&self) -> Option<u64> {
        match self.end {
            End::Pinned { awaited, .. } => Some(awaited),
            End::Open => None,
        }
    }

    fn starting(key: Arc<PayloadKey>, first_chunk: u64, end: End, workers: Workers) -> Self {
        let batch = workers.batch_chunks() * SEALED_CHUNK_BYTES;
        Self {
            key,
            batch,
            most: batch,
            workers,
            gathered: BytesMut::new(),
            next_chunk: first_chunk,
            end,
            skip: 0,
            take: u64::MAX,
            failed: false,
        }
    }

    fn within(self, skip: usize, take: u64) -> Self {
        Self { skip, take, ..self }
    }

    fn guarded(
        &mut self,
        step: impl FnOnce(&mut Self) -> Result<Bytes, AgeError>,
    ) -> Result<Bytes, AgeError> {
        if self.failed {
            return Err(AgeError::AlreadyFailed);
        }
        let outcome = step(self);
        self.failed = outcome.is_err();
        outcome
    }

    fn gather(&mut self, piece: &mut impl Buf) -> Result<Bytes, AgeError> {
        match self.end {
            // A full batch is held back until more arrives, since it may end with the payload's last chunk.
            End::Open => {
                let more = piece.has_remaining() && self.gathered.len() == self.batch;
                let released = if more {
                    self.release(Last::No)?
                } else {
                    Bytes::new()
                };
                self.accept(piece, u64::MAX);
                Ok(released)
            }
            End::Pinned { awaited: 0, .. } if piece.has_remaining() => Err(AgeError::Overlong),
            End::Pinned { awaited, last } => {
                let awaited = awaited - self.accept(piece, awaited);
                self.end = End::Pinned { awaited, last };
                match awaited {
                    0 if !self.gathered.is_empty() => self.release(last),
                    _ if self.gathered.len() == self.batch => self.release(Last::No),
                    _ => Ok(Bytes::new()),
                }
            }
        }
    }

    /// Takes bytes from `piece` until the batch is full, `most` are taken or none are left.
    fn accept(&mut self, piece: &mut impl Buf, most: u64) -> u64 {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if self.gathered.is_empty() {
            self.gathered.reserve(self.batch.min(most));
        }
        let room = self.batch - self.gathered.len();
        let taken = piece.remaining().min(room).min(most);
        self.gathered.put(piece.take(taken));
        taken as u64
    }

    /// Opens what was gathered and cuts it to the range asked for.
    fn release(&mut self, last: Last) -> Result<Bytes, AgeError> {
        let sealed = self.gathered.split();
        let chunks = sealed.len().div_ceil(SEALED_CHUNK_BYTES) as u64;
        let opened = open_chunks(&self.key, self.next_chunk, sealed, last, &self.workers)?;
        self.next_chunk += chunks;
        self.batch = self.batch.saturating_mul(2).min(self.most);
        let mut plain = opened.freeze();
        plain.advance(std::mem::take(&mut self.skip).min(plain.len()));
        plain.truncate(usize::try_from(self.take).unwrap_or(usize::MAX));
        self.take -= plain.len() as u64;
        Ok(plain)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("next_chunk", &self.next_chunk)
            .field("end", &self.end)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// Moves the plaintext of each opened chunk up to the one before, over the tags between them.
fn close_up(opened: &mut BytesMut) {
    let length = opened.len();
    let chunks = length.div_ceil(SEALED_CHUNK_BYTES);
    for place in 1..chunks {
        let begin = place * SEALED_CHUNK_BYTES;
        let end = (begin + CHUNK_BYTES).min(length - TAG_BYTES);
        opened.copy_within(begin..end, place * CHUNK_BYTES);
    }
}
