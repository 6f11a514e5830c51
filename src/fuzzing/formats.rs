//! Formats: what lies in the bucket, comes from an age program, or is read back from the disk.

use std::num::NonZeroUsize;

use age::x25519::Identity;
use bytes::BytesMut;

use crate::agefile::{
    CHUNK_BYTES, ChunkBuffer, ChunkSpan, FileKey, Last, NONCE_BYTES, Opener, PayloadKey, Workers,
    open_chunks, open_header, plain_length, sealed_length,
};
use crate::journal;

/// Two chunks and some bytes: long enough for every kind of chunk there is.
const LONGEST: usize = 2 * CHUNK_BYTES + 1000;

fn file_key() -> FileKey {
    FileKey::new(Box::new([7; 16]))
}

/// The first bytes as a number, and the rest.
fn number(bytes: &[u8]) -> (u16, &[u8]) {
    match bytes.split_first_chunk() {
        Some((first, rest)) => (u16::from_be_bytes(*first), rest),
        None => (0, bytes),
    }
}

/// A payload opens to what was sealed, in pieces of any length and in any part; one with a byte
/// changed, and bytes that are no payload, never open to an end.
///
/// # Panics
/// When that does not hold.
pub fn payload(input: &[u8]) {
    let (piece, rest) = number(input);
    let (place, plain) = number(rest);
    let piece = usize::from(piece).max(1 + LONGEST / 1000);
    let Some((nonce, _)) = plain.split_first_chunk::<NONCE_BYTES>() else {
        return;
    };
    let key = PayloadKey::derive(&file_key(), *nonce);
    // As it comes: nobody sealed this.
    assert!(
        opened(plain, piece).is_none(),
        "bytes of a stranger's opened"
    );

    // As it should be: several chunks, of which the input is the pattern.
    let length = plain.len() * (1 + usize::from(place) % 700);
    let length = length.min(LONGEST);
    let plain: Vec<u8> = plain.iter().copied().cycle().take(length).collect();
    let mut sealed = sealed(&key, &plain);
    let whole = sealed_length(plain.len() as u64);
    assert_eq!(Some(sealed.len() as u64), whole);
    assert_eq!(
        whole.and_then(|whole| plain_length(whole).ok()),
        Some(plain.len() as u64)
    );
    assert_eq!(opened(&sealed, piece).as_ref(), Some(&plain));
    part(&key, &plain, &sealed, usize::from(place));
    let at = usize::from(place) * 31 % sealed.len();
    if let Some(byte) = sealed.get_mut(at) {
        *byte ^= 1;
    }
    assert!(
        opened(&sealed, piece).is_none(),
        "a changed byte was not noticed"
    );
}

/// Two chunks at a time.
fn sealed(key: &PayloadKey, plain: &[u8]) -> Vec<u8> {
    let parts = plain.chunks(2 * CHUNK_BYTES);
    let (count, mut next, mut all) = (parts.len(), 0, Vec::new());
    for (place, part) in parts.enumerate() {
        let buffer = ChunkBuffer::new(NonZeroUsize::MIN.saturating_add(1), next);
        let mut buffer = buffer.unwrap_or_else(|error| panic!("no room: {error}"));
        assert_eq!(buffer.fill(part), part.len());
        let last = match place + 1 == count {
            true => Last::Yes,
            false => Last::No,
        };
        let part = buffer.seal(key, last, &Workers::one());
        let part = part.unwrap_or_else(|error| panic!("not sealed: {error}"));
        next = part.next_chunk;
        all.extend(part.bytes);
    }
    all
}

/// What a payload opens to, in pieces of that length.
fn opened(payload: &[u8], piece: usize) -> Option<Vec<u8>> {
    let (nonce, sealed) = payload.split_first_chunk()?;
    let key = PayloadKey::derive(&file_key(), *nonce);
    let mut opener = Opener::of_unknown_length(key, Workers::one());
    let mut plain = Vec::new();
    for mut piece in sealed.chunks(piece) {
        while !piece.is_empty() {
            plain.extend(opener.push(&mut piece).ok()?);
        }
    }
    plain.extend(opener.finish().ok()?);
    Some(plain)
}

/// Some part of it, opened alone.
fn part(key: &PayloadKey, plain: &[u8], sealed: &[u8], place: usize) {
    let first = place * 97 % plain.len();
    let last = (first + 1 + place % (2 * CHUNK_BYTES)).min(plain.len());
    let Some(span) = ChunkSpan::covering(first as u64..last as u64, plain.len() as u64) else {
        panic!("{first}..{last} lies in {}", plain.len());
    };
    let bound = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    let stored = span.stored();
    let stored = sealed.get(bound(stored.start)..bound(stored.end));
    let ends = match span.includes_final() {
        true => Last::Yes,
        false => Last::No,
    };
    let chunks = BytesMut::from(stored.unwrap_or_default());
    let chunks = open_chunks(key, span.first_chunk(), chunks, ends, &Workers::one());
    let chunks = chunks.unwrap_or_else(|error| panic!("a part does not open: {error}"));
    let wanted = chunks
        .get(span.skip()..)
        .and_then(|rest| rest.get(..last - first));
    assert_eq!(wanted, plain.get(first..last), "another part was opened");
}

/// A header that nobody wrote for us gives no key, whatever it says.
///
/// # Panics
/// When it does.
pub fn header(input: &[u8]) {
    let identity = Identity::generate();
    let opened = open_header(&mut &*input, [&identity as &dyn age::Identity]);
    assert!(
        opened.is_err(),
        "a header nobody wrote for this identity opened"
    );
}

/// A frame of the journal opens to what was written; with a byte changed it does not open.
///
/// # Panics
/// When that does not hold.
pub fn journal_frame(input: &[u8]) {
    let (place, rest) = number(input);
    let (public, secret) = rest.split_at(usize::from(place) % (rest.len() + 1));
    journal::fuzzing::frame(rest);
    journal::fuzzing::written(public, secret, usize::from(place));
}
