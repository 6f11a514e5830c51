//! Whole age files, from one stream into another.

use std::io::{BufRead, ErrorKind, Write};
use std::num::NonZeroUsize;

use age::Identity;

use super::open_header;
use super::{AgeError, NONCE_BYTES, Opener, PayloadKey, Recipients, Sealer, Workers};
use crate::entropy::Entropy;

/// Encrypts `input` to `recipients` as an age file, and gives the bytes of plaintext in it.
///
/// # Errors
/// As [`super::write_header`], [`AgeError::Read`] and [`AgeError::Write`]; what was written is then to be discarded.
pub fn seal_file(
    input: &mut impl BufRead,
    output: &mut impl Write,
    recipients: &Recipients,
    entropy: &dyn Entropy,
    workers: &Workers,
) -> Result<u64, AgeError> {
    let batch = NonZeroUsize::new(workers.batch_chunks()).unwrap_or(NonZeroUsize::MIN);
    let (header, mut sealer) = Sealer::new(recipients, entropy, batch, workers.clone())?;
    output.write_all(&header).map_err(AgeError::Write)?;
    let mut sealed = 0;
    loop {
        let mut piece = next_piece(input)?;
        let arrived = piece.len();
        if arrived == 0 {
            break;
        }
        let part = sealer.push(&mut piece)?;
        let taken = arrived - piece.len();
        input.consume(taken);
        sealed += taken as u64;
        if let Some(part) = part {
            output.write_all(&part).map_err(AgeError::Write)?;
        }
    }
    output
        .write_all(&sealer.finish()?)
        .map_err(AgeError::Write)?;
    Ok(sealed)
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
