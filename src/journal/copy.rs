//! Copying a journal while it is written, without its keys.
//!
//! Only whole frames are copied, and only after the file they are in was synced: a whole frame that
//! the disk has is never cut off again, whatever happens to the machine. So a copy is a beginning of
//! the journal, and every later copy of it only adds.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::error::Error;
use super::frame::{self, Lengths};
use super::segment;

/// Bytes copied at a time.
const PIECE: usize = 1 << 20;

/// What copying a journal did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Copied {
    /// Segments in the copy.
    pub segments: u64,
    /// Records in the copy.
    pub records: u64,
    /// Bytes in the copy.
    pub bytes: u64,
    /// Bytes of it that were not there before.
    pub added: u64,
}

/// Adds to the copy of a journal in `to` what the journal in `from` has gained. `to` may be empty or
/// not exist yet. The copy is durable when this returns.
///
/// # Errors
/// [`Error::NotThere`] without a journal; [`Error::CopyDiffers`] when `to` holds anything that is not
/// a beginning of it, which is then left as it was; [`Error::Io`] and [`Error::Full`].
pub fn copy(from: &Path, to: &Path) -> Result<Copied, Error> {
    let firsts = segment::list(from)?;
    make_folder(to)?;
    let stray = segment::list(to)?
        .into_iter()
        .find(|first| !firsts.contains(first));
    if let Some(stray) = stray {
        return Err(Error::CopyDiffers(segment::path(to, stray)));
    }
    let mut copied = Copied::default();
    for first in firsts {
        let (source, target) = (segment::path(from, first), segment::path(to, first));
        copy_segment(&source, &target, &mut copied)?;
    }
    let synced = File::open(to).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Error::io("sync", to, error))?;
    Ok(copied)
}

pub(super) fn make_folder(dir: &Path) -> Result<(), Error> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    made.map_err(|source| Error::io("create", dir, source))
}

fn copy_segment(source: &Path, target: &Path, copied: &mut Copied) -> Result<(), Error> {
    let reading = |error| Error::io("read", source, error);
    let from = File::open(source).map_err(reading)?;
    // What is written now is on the disk from here on.
    from.sync_all()
        .map_err(|error| Error::io("sync", source, error))?;
    let length = from.metadata().map_err(reading)?.len();
    let (whole, records) = whole_frames(&from, length).map_err(reading)?;
    if whole == 0 {
        return Ok(());
    }
    let writing = |error| Error::io("write", target, error);
    let to = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(target)
        .map_err(writing)?;
    let had = to.metadata().map_err(writing)?.len();
    // A copy that was interrupted ends in the middle of a frame: that is written again.
    let kept = match whole_frames(&to, had).map_err(writing)? {
        // Without a whole frame even its header may never have reached the disk.
        (_, 0) => 0,
        (kept, _) => kept,
    };
    if kept > whole || !begins_alike(&from, &to, kept).map_err(reading)? {
        return Err(Error::CopyDiffers(target.to_path_buf()));
    }
    if kept < whole || had != kept {
        write_from(&from, &to, kept..whole).map_err(writing)?;
        to.set_len(whole).map_err(writing)?;
        to.sync_all().map_err(|e| Error::io("sync", target, e))?;
    }
    copied.segments += 1;
    copied.records += records;
    copied.bytes += whole;
    copied.added += whole - kept;
    Ok(())
}

/// The bytes up to the end of the last whole frame, and how many frames that are; none without a
/// whole header. What follows is being written, or was torn.
fn whole_frames(file: &File, length: u64) -> io::Result<(u64, u64)> {
    let mut end = segment::HEADER_BYTES as u64;
    if length < end {
        return Ok((0, 0));
    }
    let mut records = 0;
    loop {
        let mut header = [0; frame::HEADER_BYTES];
        if end + header.len() as u64 > length {
            return Ok((end, records));
        }
        file.read_exact_at(&mut header, end)?;
        let Ok(lengths) = Lengths::parse(&header) else {
            return Ok((end, records));
        };
        let next = end + lengths.frame();
        let mut mark = [0];
        if next > length {
            return Ok((end, records));
        }
        file.read_exact_at(&mut mark, next - 1)?;
        if mark == [0] {
            return Ok((end, records));
        }
        (end, records) = (next, records + 1);
    }
}

fn begins_alike(from: &File, to: &File, length: u64) -> io::Result<bool> {
    let (mut one, mut other) = (vec![0; PIECE], vec![0; PIECE]);
    for piece in pieces(0..length) {
        let count = usize::try_from(piece.end - piece.start).unwrap_or(PIECE);
        let (Some(one), Some(other)) = (one.get_mut(..count), other.get_mut(..count)) else {
            return Ok(false);
        };
        from.read_exact_at(one, piece.start)?;
        to.read_exact_at(other, piece.start)?;
        if one != other {
            return Ok(false);
        }
    }
    Ok(true)
}

fn write_from(from: &File, to: &File, range: std::ops::Range<u64>) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    for piece in pieces(range) {
        let count = usize::try_from(piece.end - piece.start).unwrap_or(PIECE);
        let Some(bytes) = buffer.get_mut(..count) else {
            continue;
        };
        from.read_exact_at(bytes, piece.start)?;
        to.write_all_at(bytes, piece.start)?;
    }
    Ok(())
}

fn pieces(range: std::ops::Range<u64>) -> impl Iterator<Item = std::ops::Range<u64>> {
    let end = range.end;
    let starts = range.step_by(PIECE);
    starts.map(move |start| start..end.min(start + PIECE as u64))
}
