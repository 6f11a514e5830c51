//! Whole age files, from one stream into another.

use std::io::{BufRead, ErrorKind, Write};
use std::num::NonZeroUsize;

use age::Identity;

use super::{AgeError, ChunkBuffer, Last, NONCE_BYTES, Opener, PayloadKey, Recipients, Workers};
use super::{new_file_key, open_header, write_header};
use crate::entropy::Entropy;

/// Encrypts `input` to `recipients` as an age file, and gives the bytes of plaintext in it.
///
/// # Errors
/// As [`write_header`], [`AgeError::Read`] and [`AgeError::Write`]; what was written is then to be discarded.
pub fn seal_file(
    input: &mut impl BufRead,
    output: &mut impl Write,
    recipients: &Recipients,
    entropy: &dyn Entropy,
    workers: &Workers,
) -> Result<u64, AgeError> {
    let file_key = new_file_key(entropy)?;
    let key = PayloadKey::fresh(&file_key, entropy)?;
    output
        .write_all(&write_header(&file_key, recipients)?)
        .map_err(AgeError::Write)?;
    let capacity = NonZeroUsize::new(workers.batch_chunks()).unwrap_or(NonZeroUsize::MIN);
    let mut sealed = 0;
    let mut buffer = ChunkBuffer::new(capacity, 0)?;
    loop {
        let piece = next_piece(input)?;
        let ended = piece.is_empty();
        if !ended && !buffer.is_full() {
            let taken = buffer.fill(piece);
            input.consume(taken);
            continue;
        }
        let last = if ended { Last::Yes } else { Last::No };
        let part = buffer.seal(&key, last, workers)?;
        output.write_all(&part.bytes).map_err(AgeError::Write)?;
        sealed += part.plain_len as u64;
        if ended {
            return Ok(sealed);
        }
        buffer = ChunkBuffer::new(capacity, part.next_chunk)?;
    }
}

/// Decrypts the age file in `input`, and gives the bytes of plaintext written.
///
/// # Errors
/// As [`open_header`] and [`Opener`], [`AgeError::Read`] and [`AgeError::Write`]. What was written
/// before an error is authentic, but it is not the whole file.
pub fn open_file<'a>(
    input: &mut impl BufRead,
    output: &mut impl Write,
    identities: impl IntoIterator<Item = &'a dyn Identity>,
    workers: &Workers,
) -> Result<u64, AgeError> {
    let file_key = open_header(input, identities)?;
    let mut nonce = [0; NONCE_BYTES];
    input
        .read_exact(&mut nonce)
        .map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => AgeError::HeaderTruncated,
            _ => AgeError::Read(error),
        })?;
    let key = PayloadKey::derive(&file_key, nonce);
    let mut opener = Opener::of_unknown_length(key, workers.clone());
    let mut opened = 0;
    loop {
        let mut piece = next_piece(input)?;
        let arrived = piece.len();
        if arrived == 0 {
            break;
        }
        let plain = opener.push(&mut piece)?;
        let taken = arrived - piece.len();
        input.consume(taken);
        output.write_all(&plain).map_err(AgeError::Write)?;
        opened += plain.len() as u64;
    }
    let plain = opener.finish()?;
    output.write_all(&plain).map_err(AgeError::Write)?;
    Ok(opened + plain.len() as u64)
}

/// What can be read now; nothing at the end.
fn next_piece(input: &mut impl BufRead) -> Result<&[u8], AgeError> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(AgeError::Read(error)),
        }
    }
    // What the loop saw cannot leave it, since the next turn would borrow the input again.
    input.fill_buf().map_err(AgeError::Read)
}
