//! Ranges: which stored chunks hold a range of the plaintext.

use std::ops::Range;

use super::length::{CHUNK_BYTES, NONCE_BYTES, SEALED_CHUNK_BYTES, chunk_count, sealed_length};

/// The run of stored chunks that holds a range of a payload's plaintext.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkSpan {
    first_chunk: u64,
    stored: Range<u64>,
    includes_final: bool,
    skip: usize,
    take: u64,
}

impl ChunkSpan {
    /// Every chunk of a payload of `plain_len` bytes; nothing when no payload is so long.
    pub fn whole(plain_len: u64) -> Option<Self> {
        if plain_len > 0 {
            return Self::covering(0..plain_len, plain_len);
        }
        Some(Self {
            first_chunk: 0,
            stored: NONCE_BYTES as u64..sealed_length(0)?,
            includes_final: true,
            skip: 0,
            take: 0,
        })
    }

    /// The chunks that hold `range` of a plaintext of `plain_len` bytes; nothing when the range is
    /// empty or goes past the end.
    pub fn covering(range: Range<u64>, plain_len: u64) -> Option<Self> {
        if range.start >= range.end || range.end > plain_len {
            return None;
        }
        let chunk = CHUNK_BYTES as u64;
        let stored_len = sealed_length(plain_len)?;
        let first_chunk = range.start / chunk;
        let after = (range.end - 1) / chunk + 1;
        let includes_final = after == chunk_count(plain_len);
        let begins = |index: u64| index * SEALED_CHUNK_BYTES as u64 + NONCE_BYTES as u64;
        let end = if includes_final {
            stored_len
        } else {
            begins(after)
        };
        Some(Self {
            first_chunk,
            stored: begins(first_chunk)..end,
            includes_final,
            skip: usize::try_from(range.start % chunk).ok()?,
            take: range.end - range.start,
        })
    }

    /// The payload's chunk that the span begins with.
    pub fn first_chunk(&self) -> u64 {
        self.first_chunk
    }

    /// The bytes to ask the store for, counted from the payload's nonce.
    pub fn stored(&self) -> Range<u64> {
        self.stored.clone()
    }

    /// Whether the span's last chunk is the payload's.
    pub fn includes_final(&self) -> bool {
        self.includes_final
    }

    /// Bytes of plaintext at the front of the span that come before the range: fewer than a chunk.
    pub fn skip(&self) -> usize {
        self.skip
    }

    /// Bytes of plaintext in the range.
    pub fn take(&self) -> u64 {
        self.take
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_span_is_the_fewest_chunks_that_hold_the_range(
            plain_len in 1..1_000_000_u64, a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(),
        ) {
            let (a, b) = (a.index(plain_len as usize) as u64, b.index(plain_len as usize) as u64);
            let range = a.min(b)..a.max(b) + 1;
            let span = ChunkSpan::covering(range.clone(), plain_len).expect("within");
            let chunk = CHUNK_BYTES as u64;
            prop_assert_eq!(span.first_chunk() * chunk + span.skip() as u64, range.start);
            prop_assert_eq!(span.take(), range.end - range.start);
            let sealed = span.stored().end - span.stored().start;
            let chunks = sealed.div_ceil(SEALED_CHUNK_BYTES as u64);
            prop_assert_eq!(chunks, (range.end - 1) / chunk - range.start / chunk + 1);
            prop_assert_eq!(span.includes_final(), Some(span.stored().end) == sealed_length(plain_len));
        }
    }

    #[test]
    fn absurd_ranges_have_no_span() {
        for (range, plain_len) in [
            (0..0, 0),
            (0..1, 0),
            (5..5, 10),
            (Range { start: 6, end: 5 }, 10),
            (9..11, 10),
            (10..11, 10),
            (0..u64::MAX, u64::MAX),
            (u64::MAX - 1..u64::MAX, 10),
        ] {
            assert_eq!(
                ChunkSpan::covering(range.clone(), plain_len),
                None,
                "{range:?}"
            );
        }
        assert_eq!(ChunkSpan::whole(u64::MAX), None);
        assert_eq!(ChunkSpan::whole(0).map(|span| span.stored()), Some(16..32));
    }
}
