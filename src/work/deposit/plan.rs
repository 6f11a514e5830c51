//! How an upload is cut into parts.

use std::time::Duration;

use crate::agefile::{CHUNK_BYTES, SEALED_CHUNK_BYTES, chunk_count, sealed_length};
use crate::limits::{
    MIB, OBJECT_BYTES_MAX, PART_BYTES_MIN, PARTS_IN_FLIGHT, PARTS_MAX, UPLOAD_BUFFERS_BYTES,
    UPLOAD_PART_BYTES,
};
use crate::model::Upload;

use super::super::error::WorkError;

/// How long an upload waits for room in memory before it is told to come back.
pub(super) const ROOM_WAIT: Duration = Duration::from_secs(20);
/// How often it then looks for uploads that can be put away.
pub(super) const ROOM_LOOK: Duration = Duration::from_millis(250);

/// The longest item, in bytes of plaintext: what seals into the longest object a store holds.
pub const LENGTH_MAX: u64 =
    (OBJECT_BYTES_MAX - 16) / SEALED_CHUNK_BYTES as u64 * CHUNK_BYTES as u64;

const _: () = assert!(UPLOAD_PART_BYTES >= PART_BYTES_MIN);

/// Whole chunks in each part but the last, for an upload of `length` bytes.
pub(super) fn part_chunks(length: u64) -> Result<u64, WorkError> {
    if length == 0 {
        return Err(WorkError::Unacceptable(
            "the file is empty; there is nothing to keep".to_owned(),
        ));
    }
    if length > LENGTH_MAX || sealed_length(length).is_none() {
        return Err(WorkError::TooLarge(format!(
            "an item has at most {LENGTH_MAX} bytes, this one has {length}; cut it into several"
        )));
    }
    let usual = UPLOAD_PART_BYTES / SEALED_CHUNK_BYTES as u64;
    let needed = chunk_count(length).div_ceil(PARTS_MAX);
    Ok(usual.max(needed))
}

/// Whether one part holds everything.
pub(super) fn is_single(length: u64, part_chunks: u64) -> bool {
    chunk_count(length) <= part_chunks
}

/// Bytes of plaintext that are durable in the store.
pub(super) fn durable_bytes(row: &Upload) -> u64 {
    row.durable_bytes(CHUNK_BYTES as u64)
}

/// The memory an upload may take, in MiB: the part being filled and those on their way.
pub(super) fn memory_mib(row: &Upload) -> u32 {
    let part = row.part_chunks * SEALED_CHUNK_BYTES as u64;
    let parts = 1 + PARTS_IN_FLIGHT as u64;
    let whole = sealed_length(row.item.length).unwrap_or(u64::MAX);
    let bytes = part.saturating_mul(parts).min(whole);
    // An upload whose parts are huge takes all the room there is, and goes alone.
    let bytes = bytes.min(UPLOAD_BUFFERS_BYTES);
    u32::try_from(bytes.div_ceil(MIB)).unwrap_or(u32::MAX)
}

/// Parts that may be on their way while the next is being filled: fewer, down to none, when they
/// are so long that more would not fit into the room there is.
pub(super) fn parts_in_flight(part_chunks: u64) -> usize {
    let part = part_chunks.saturating_mul(SEALED_CHUNK_BYTES as u64);
    let fit = UPLOAD_BUFFERS_BYTES / part.max(1);
    let besides = usize::try_from(fit).unwrap_or(usize::MAX).saturating_sub(1);
    besides.min(PARTS_IN_FLIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_length_fits_into_the_parts_a_store_takes(length in 1..=LENGTH_MAX) {
            let chunks = part_chunks(length).expect("accepted");
            prop_assert!(chunk_count(length).div_ceil(chunks) <= PARTS_MAX);
            prop_assert!(chunks * SEALED_CHUNK_BYTES as u64 >= PART_BYTES_MIN);
            prop_assert!(sealed_length(length).expect("fits") <= OBJECT_BYTES_MAX);
        }

        /// What is held of one upload fits into the room all have, unless one part alone does not.
        #[test]
        fn the_parts_held_at_once_fit_into_memory(length in 1..=LENGTH_MAX) {
            let chunks = part_chunks(length).expect("accepted");
            let part = chunks * SEALED_CHUNK_BYTES as u64;
            let held = part * (1 + parts_in_flight(chunks) as u64);
            prop_assert!(held <= UPLOAD_BUFFERS_BYTES.max(part));
        }
    }

    #[test]
    fn recordings_of_usual_length_are_sent_two_parts_at_a_time() {
        let chunks = part_chunks(4_000_000_000).expect("accepted");
        assert_eq!(parts_in_flight(chunks), PARTS_IN_FLIGHT);
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        assert!(matches!(part_chunks(0), Err(WorkError::Unacceptable(_))));
        assert!(matches!(
            part_chunks(LENGTH_MAX + 1),
            Err(WorkError::TooLarge(_))
        ));
        assert!(part_chunks(LENGTH_MAX).is_ok());
    }
}
