//! Payloads: lengths, parts, threads, ranges and damage.

use std::num::NonZeroUsize;

use bytes::{Buf, Bytes, BytesMut};
use proptest::prelude::*;
use strongroom::agefile::{
    AgeError, CHUNK_BYTES, ChunkBuffer, ChunkSpan, FileKey, Last, NONCE_BYTES, Opener, PayloadKey,
    SEALED_CHUNK_BYTES, SealedPart, Workers, open_chunks, plain_length, sealed_length,
};

use super::{open_here, open_with_crate, recording, seal_here, seal_with_crate, to, workers};

const BOUNDARIES: [usize; 11] = [
    0,
    1,
    15,
    CHUNK_BYTES - 1,
    CHUNK_BYTES,
    CHUNK_BYTES + 1,
    2 * CHUNK_BYTES - 1,
    2 * CHUNK_BYTES,
    2 * CHUNK_BYTES + 1,
    16 * CHUNK_BYTES,
    16 * CHUNK_BYTES + 1,
];

fn key(mark: u8) -> PayloadKey {
    PayloadKey::derive(
        &FileKey::init_with_mut(|key| key.fill(mark)),
        [mark; NONCE_BYTES],
    )
}

/// Seals `plain` in parts of `capacity` chunks, filled `step` bytes at a time.
fn parts(plain: &[u8], capacity: usize, step: usize, workers: &Workers) -> Vec<SealedPart> {
    let capacity = NonZeroUsize::new(capacity).expect("chunks");
    let mut parts = Vec::new();
    let mut rest = plain;
    let mut next_chunk = 0;
    loop {
        let mut buffer = ChunkBuffer::new(capacity, next_chunk).expect("room");
        while !rest.is_empty() && !buffer.is_full() {
            let (now, _) = rest.split_at(rest.len().min(step));
            (_, rest) = rest.split_at(buffer.fill(now));
        }
        let last = if rest.is_empty() { Last::Yes } else { Last::No };
        let part = buffer.seal(&key(1), last, workers).expect("seals");
        next_chunk = part.next_chunk;
        parts.push(part);
        if last == Last::Yes {
            return parts;
        }
    }
}

fn stored(plain: &[u8]) -> Vec<u8> {
    let parts = parts(plain, 64, usize::MAX, &Workers::one());
    parts.iter().flat_map(|part| part.bytes.to_vec()).collect()
}

/// Pushes `bytes` in pieces of `step`; gives what was released and how it ended.
fn received(mut opener: Opener, bytes: &[u8], step: usize) -> (Vec<u8>, Result<(), AgeError>) {
    let mut released = Vec::new();
    for piece in bytes.chunks(step) {
        let mut piece = Bytes::copy_from_slice(piece);
        while piece.has_remaining() {
            match opener.push(&mut piece) {
                Ok(plain) => released.extend_from_slice(&plain),
                Err(error) => return (released, Err(error)),
            }
        }
    }
    let ended = opener
        .finish()
        .map(|plain| released.extend_from_slice(&plain));
    (released, ended)
}

fn whole(plain_len: usize, workers: Workers) -> Opener {
    let span = ChunkSpan::whole(plain_len as u64).expect("a payload");
    Opener::new(key(1), &span, workers)
}

#[test]
fn every_boundary_opens_with_the_age_crate_and_back() {
    let identity = age::x25519::Identity::generate();
    for length in BOUNDARIES {
        let plain = recording(length);
        let theirs = seal_with_crate(&plain, &identity.to_public());
        let ours = seal_here(&plain, &to(&identity), &workers(1 + length % 2));
        assert!(
            open_with_crate(&ours, &identity) == plain,
            "{length} bytes, ours"
        );
        for threads in [1, 2] {
            let workers = workers(threads);
            assert!(
                open_here(&theirs, &identity, &workers) == plain,
                "{length} bytes, theirs"
            );
            assert!(
                open_here(&ours, &identity, &workers) == plain,
                "{length} bytes, ours to us"
            );
        }
    }
}

#[test]
fn lengths_are_what_is_stored() {
    for length in BOUNDARIES {
        let bytes = stored(&recording(length)).len() as u64;
        assert_eq!(sealed_length(length as u64), Some(bytes));
        assert_eq!(plain_length(bytes).expect("a payload"), length as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn parts_pieces_and_threads_do_not_matter(
        length in 0..24 * CHUNK_BYTES, capacity in 1..24_usize, step in 1_000..3 * CHUNK_BYTES,
        threads in 1..=8_usize, piece in 1_000..3 * CHUNK_BYTES,
    ) {
        let (plain, workers) = (recording(length), workers(threads));
        let made = parts(&plain, capacity, step, &workers);
        let bytes: Vec<u8> = made.iter().flat_map(|part| part.bytes.to_vec()).collect();
        prop_assert!(bytes == stored(&plain));
        let pinned = whole(length, workers.clone());
        for opener in [pinned, Opener::of_unknown_length(key(1), workers)] {
            let (opened, ended) = received(opener, &bytes[NONCE_BYTES..], piece);
            prop_assert!(ended.is_ok() && opened == plain);
        }
    }

    #[test]
    fn a_range_is_what_a_slice_is(
        length in 1..4 * CHUNK_BYTES, from in any::<prop::sample::Index>(), to in any::<prop::sample::Index>(),
        threads in 1..=2_usize, piece in 1_000..2 * CHUNK_BYTES,
    ) {
        let (from, to) = (from.index(length), to.index(length));
        let range = from.min(to)..from.max(to) + 1;
        let plain = recording(length);
        let bytes = stored(&plain);
        let asked = range.start as u64..range.end as u64;
        let span = ChunkSpan::covering(asked, length as u64).expect("within");
        let asked = span.stored().start as usize..span.stored().end as usize;
        let opener = Opener::new(key(1), &span, workers(threads));
        let (opened, ended) = received(opener, &bytes[asked], piece);
        prop_assert!(ended.is_ok() && opened == plain[range]);
    }

    #[test]
    fn a_flipped_bit_is_never_served(
        length in 0..3 * CHUNK_BYTES, at in any::<prop::sample::Index>(), bit in 0..8_u8,
        threads in 1..=2_usize,
    ) {
        let plain = recording(length);
        let mut body = stored(&plain).split_off(NONCE_BYTES);
        let at = at.index(body.len());
        body[at] ^= 1 << bit;
        let (released, ended) = received(whole(length, workers(threads)), &body, 50_000);
        let damaged = (at / SEALED_CHUNK_BYTES) as u64;
        let named = matches!(ended, Err(AgeError::ChunkDamaged { chunk }) if chunk == damaged);
        prop_assert!(named);
        prop_assert!(released.len() <= damaged as usize * CHUNK_BYTES && plain.starts_with(&released));
    }

    #[test]
    fn a_cut_is_noticed_wherever_it_falls(
        length in 0..3 * CHUNK_BYTES, at in any::<prop::sample::Index>(), threads in 1..=2_usize,
    ) {
        let plain = recording(length);
        let body = stored(&plain).split_off(NONCE_BYTES);
        let at = at.index(body.len());
        let lost = (body.len() - at) as u64;
        let (released, ended) = received(whole(length, workers(threads)), &body[..at], 50_000);
        let counted = matches!(ended, Err(AgeError::Truncated { missing }) if missing.get() == lost);
        prop_assert!(counted);
        prop_assert!(plain.starts_with(&released));
        let unpinned = Opener::of_unknown_length(key(1), workers(threads));
        let (released, ended) = received(unpinned, &body[..at], 50_000);
        prop_assert!(ended.is_err() && plain.starts_with(&released));
    }
}

#[test]
fn a_cut_between_chunks_is_noticed() {
    let plain = recording(3 * CHUNK_BYTES);
    let body = stored(&plain).split_off(NONCE_BYTES);
    for chunks in 0..3 {
        let cut = &body[..chunks * SEALED_CHUNK_BYTES];
        let (_, ended) = received(whole(plain.len(), Workers::one()), cut, 50_000);
        assert!(
            matches!(ended, Err(AgeError::Truncated { .. })),
            "{chunks}: {ended:?}"
        );
        let unpinned = Opener::of_unknown_length(key(1), Workers::one());
        let (released, ended) = received(unpinned, cut, 50_000);
        assert!(ended.is_err(), "{chunks}");
        assert_eq!(released.len(), chunks.saturating_sub(1) * CHUNK_BYTES);
    }
}

#[test]
fn what_comes_after_the_end_is_refused() {
    for length in [0, 5, CHUNK_BYTES, CHUNK_BYTES + 5] {
        let plain = recording(length);
        for extra in [1, 16, SEALED_CHUNK_BYTES] {
            let mut body = stored(&plain).split_off(NONCE_BYTES);
            body.resize(body.len() + extra, 0);
            let (released, ended) = received(whole(length, Workers::one()), &body, 50_000);
            assert!(
                matches!(ended, Err(AgeError::Overlong)),
                "{length} and {extra}: {ended:?}"
            );
            assert!(plain.starts_with(&released));
            let unpinned = Opener::of_unknown_length(key(1), Workers::one());
            let (released, ended) = received(unpinned, &body, 50_000);
            assert!(
                ended.is_err() && plain.starts_with(&released),
                "{length} and {extra}"
            );
        }
    }
}

#[test]
fn chunks_out_of_their_place_do_not_open() {
    let plain = recording(4 * CHUNK_BYTES);
    let body = stored(&plain).split_off(NONCE_BYTES);
    for (a, b) in [(0, 1), (1, 2), (2, 3)] {
        let mut chunks: Vec<&[u8]> = body.chunks(SEALED_CHUNK_BYTES).collect();
        chunks.swap(a, b);
        for threads in [1, 2] {
            let (released, ended) = received(
                whole(plain.len(), workers(threads)),
                &chunks.concat(),
                50_000,
            );
            assert!(matches!(ended, Err(AgeError::ChunkDamaged { chunk }) if chunk == a as u64));
            assert!(plain.starts_with(&released) && released.len() <= a * CHUNK_BYTES);
        }
    }
}

#[test]
fn a_payload_of_another_length_is_not_taken_for_the_one_recorded() {
    let body = stored(&recording(2 * CHUNK_BYTES)).split_off(NONCE_BYTES);
    let (_, ended) = received(
        whole(CHUNK_BYTES, Workers::one()),
        &body[..SEALED_CHUNK_BYTES],
        50_000,
    );
    assert!(matches!(ended, Err(AgeError::ChunkDamaged { chunk: 0 })));
    let (_, ended) = received(whole(3 * CHUNK_BYTES, Workers::one()), &body, 50_000);
    assert!(matches!(ended, Err(AgeError::ChunkDamaged { chunk: 1 })));
}

#[test]
fn another_key_or_nonce_opens_nothing() {
    let body = stored(b"a voice").split_off(NONCE_BYTES);
    let span = ChunkSpan::whole(7).expect("a payload");
    let other_nonce =
        PayloadKey::derive(&FileKey::init_with_mut(|key| key.fill(1)), [2; NONCE_BYTES]);
    for key in [key(2), other_nonce] {
        let (released, ended) = received(Opener::new(key, &span, Workers::one()), &body, 5);
        assert!(released.is_empty() && matches!(ended, Err(AgeError::ChunkDamaged { chunk: 0 })));
    }
}

#[test]
fn after_an_error_nothing_more_is_released() {
    let plain = recording(3 * CHUNK_BYTES);
    let mut body = stored(&plain).split_off(NONCE_BYTES);
    body[0] ^= 1;
    let mut opener = whole(plain.len(), Workers::one());
    let mut piece = Bytes::from(body);
    assert!(matches!(
        opener.push(&mut piece),
        Err(AgeError::ChunkDamaged { chunk: 0 })
    ));
    assert!(matches!(
        opener.push(&mut piece),
        Err(AgeError::AlreadyFailed)
    ));
    assert!(matches!(opener.finish(), Err(AgeError::AlreadyFailed)));
}

#[test]
fn a_broken_transfer_resumes_where_it_stopped() {
    let plain = recording(3 * CHUNK_BYTES + 9);
    let bytes = stored(&plain);
    let span = ChunkSpan::whole(plain.len() as u64).expect("a payload");
    let mut opener = Opener::new(key(1), &span, Workers::one());
    let mut released = Vec::new();
    for transfer in [70_000_usize, 5, usize::MAX] {
        let from = (span.stored().end - opener.awaited().expect("pinned")) as usize;
        let mut piece =
            Bytes::copy_from_slice(&bytes[from..from.saturating_add(transfer).min(bytes.len())]);
        while piece.has_remaining() {
            released.extend_from_slice(&opener.push(&mut piece).expect("authentic"));
        }
    }
    assert_eq!(opener.awaited(), Some(0));
    assert!(opener.finish().expect("whole").is_empty() && released == plain);
}

#[test]
fn an_openers_memory_is_bounded_by_its_batch() {
    let plain = recording(64 * CHUNK_BYTES);
    let mut body = Bytes::from(stored(&plain).split_off(NONCE_BYTES));
    let mut opener = whole(plain.len(), workers(2));
    while body.has_remaining() {
        assert!(opener.push(&mut body).expect("authentic").len() <= 16 * CHUNK_BYTES);
    }
    opener.finish().expect("whole");
}

#[test]
fn a_run_of_chunks_opens_in_place() {
    let plain = recording(3 * CHUNK_BYTES + 7);
    let body = BytesMut::from(&stored(&plain)[NONCE_BYTES..]);
    for threads in [1, 2] {
        let opened = open_chunks(&key(1), 0, body.clone(), Last::Yes, &workers(threads));
        assert!(opened.expect("authentic") == plain);
        let middle = BytesMut::from(&body[SEALED_CHUNK_BYTES..3 * SEALED_CHUNK_BYTES]);
        let opened = open_chunks(&key(1), 1, middle, Last::No, &workers(threads));
        assert!(opened.expect("authentic") == plain[CHUNK_BYTES..3 * CHUNK_BYTES]);
    }
    let nothing = open_chunks(&key(1), 0, BytesMut::new(), Last::Yes, &Workers::one());
    assert!(matches!(nothing, Err(AgeError::Truncated { missing }) if missing.get() == 16));
    let past = open_chunks(&key(1), u64::MAX, body, Last::Yes, &Workers::one());
    assert!(matches!(past, Err(AgeError::TooLong)));
}

#[test]
fn an_empty_last_chunk_is_refused_both_ways() {
    let capacity = NonZeroUsize::MIN;
    let buffer = ChunkBuffer::new(capacity, 1).expect("room");
    let sealed = buffer.seal(&key(1), Last::Yes, &Workers::one());
    assert!(matches!(sealed, Err(AgeError::EmptyLastChunk)));
    let tag = BytesMut::from(&[0; 16][..]);
    let opened = open_chunks(&key(1), 1, tag, Last::Yes, &Workers::one());
    assert!(matches!(opened, Err(AgeError::EmptyLastChunk)));
}

#[test]
fn a_part_that_others_follow_has_whole_chunks() {
    for length in [0, 1, CHUNK_BYTES + 1] {
        let mut buffer = ChunkBuffer::new(NonZeroUsize::new(2).expect("two"), 0).expect("room");
        assert_eq!(buffer.fill(&recording(length)), length);
        assert_eq!((buffer.plain_len(), buffer.is_full()), (length, false));
        let sealed = buffer.seal(&key(1), Last::No, &Workers::one());
        assert!(matches!(sealed, Err(AgeError::PartNotWhole { plain_len }) if plain_len == length));
    }
}

#[test]
fn a_buffer_that_cannot_be_had_is_an_error() {
    for capacity in [usize::MAX, usize::MAX / SEALED_CHUNK_BYTES] {
        let capacity = NonZeroUsize::new(capacity).expect("chunks");
        assert!(matches!(
            ChunkBuffer::new(capacity, 0),
            Err(AgeError::OutOfMemory)
        ));
    }
    let past = ChunkBuffer::new(NonZeroUsize::MIN, u64::MAX);
    assert!(matches!(past, Err(AgeError::TooLong)));
}

/// Other plaintext under the same key and nonce would give both away; a resumed upload is held against this.
#[test]
fn the_digest_tells_other_plaintext_under_the_same_key() {
    let plain = recording(4 * CHUNK_BYTES + 77);
    let made = parts(&plain, 2, usize::MAX, &Workers::one());
    let again = parts(&plain, 2, 1_000, &workers(3));
    assert_eq!(made.len(), 3);
    for (part, same) in made.iter().zip(&again) {
        assert_eq!(part.digest, same.digest);
    }
    for (at, part_changed) in [
        (0, 0),
        (2 * CHUNK_BYTES - 1, 0),
        (2 * CHUNK_BYTES, 1),
        (plain.len() - 1, 2),
    ] {
        let mut other = plain.clone();
        other[at] ^= 1;
        for (place, part) in parts(&other, 2, usize::MAX, &Workers::one())
            .iter()
            .enumerate()
        {
            assert_eq!(
                part.digest != made[place].digest,
                place == part_changed,
                "byte {at}"
            );
        }
    }
    let mut moved = made.iter().map(|part| part.digest).collect::<Vec<_>>();
    moved.sort_unstable();
    moved.dedup();
    assert_eq!(moved.len(), 3);
}

#[test]
fn nothing_secret_is_shown() {
    let mut buffer = ChunkBuffer::new(NonZeroUsize::MIN, 0).expect("room");
    buffer.fill(b"canary");
    let shown = format!("{buffer:?} {:?} {:?}", key(0xAB), whole(5, Workers::one()));
    assert!(!shown.contains("canary") && !shown.contains("99, 97") && !shown.contains("171"));
}
