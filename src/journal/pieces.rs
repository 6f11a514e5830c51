//! A journal in pieces: whole records that the disk has, a stretch of a segment at a time, without
//! its keys. What is cut here is what is copied to a bucket, and put together again from one.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::copy::make_folder;
use super::error::Error;
use super::frame::{self, Lengths};
use super::segment;

/// How far a journal was followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// The segment, by the position of its first record.
    pub segment: u64,
    /// The bytes of it that were followed, whole records all.
    pub bytes: u64,
    /// The records of the journal that were followed.
    pub records: u64,
}

/// A stretch of one segment: whole records, and the segment's header when it is the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The segment, by the position of its first record.
    pub segment: u64,
    /// Where in the segment it lies, in bytes.
    pub span: Range<u64>,
    /// The records in it.
    pub records: u64,
}

/// The next piece of the journal in `dir` after what was followed, of records before `size`; nothing
/// when there is none. It is at most `longest` bytes, or one record.
///
/// Records before `size` must be on the disk already.
///
/// # Errors
/// [`Error::CopyDiffers`] when the journal does not go on where it was left; [`Error::NotThere`] and
/// [`Error::Io`].
pub fn next_piece(
    dir: &Path,
    followed: Followed,
    size: u64,
    longest: u64,
) -> Result<Option<Piece>, Error> {
    if followed.records >= size {
        return Ok(None);
    }
    let piece = piece_in(dir, followed.segment, followed, size, longest)?;
    if piece.is_some() {
        return Ok(piece);
    }
    // This segment is at its end; the next one begins with the record after it.
    let begun = segment::list(dir)?;
    let next = begun.into_iter().find(|first| *first > followed.segment);
    match next {
        Some(first) if first == followed.records => {
            let whole = Followed {
                segment: first,
                bytes: 0,
                records: first,
            };
            piece_in(dir, first, whole, size, longest)
        }
        Some(first) => Err(Error::CopyDiffers(segment::path(dir, first))),
        None => Ok(None),
    }
}

fn piece_in(
    dir: &Path,
    first: u64,
    followed: Followed,
    size: u64,
    longest: u64,
) -> Result<Option<Piece>, Error> {
    let path = segment::path(dir, first);
    let reading = |error| Error::io("read", &path, error);
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(reading)?,
    };
    let length = file.metadata().map_err(reading)?.len();
    let mut frames = Frames::after(&file, length, followed.bytes);
    let (mut end, mut records) = (followed.bytes, 0);
    while followed.records + records < size {
        let Some(next) = frames.next_end().map_err(reading)? else {
            break;
        };
        if records > 0 && next - followed.bytes > longest {
            break;
        }
        (end, records) = (next, records + 1);
    }
    Ok((records > 0).then_some(Piece {
        segment: first,
        span: followed.bytes..end,
        records,
    }))
}

/// The bytes of a piece.
///
/// # Errors
/// [`Error::Io`].
pub fn read_piece(dir: &Path, segment: u64, span: &Range<u64>) -> Result<Vec<u8>, Error> {
    let path = segment::path(dir, segment);
    let reading = |error| Error::io("read", &path, error);
    let length = span.end.saturating_sub(span.start);
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    let file = File::open(&path).map_err(reading)?;
    file.read_exact_at(&mut bytes, span.start)
        .map_err(reading)?;
    Ok(bytes)
}

/// How far the journal is followed by pieces that end where `spans` say, segment by segment.
///
/// # Errors
/// [`Error::CopyDiffers`] when the journal does not have whole records up to just there;
/// [`Error::Io`].
pub fn followed_to(dir: &Path, segment: u64, bytes: u64) -> Result<Followed, Error> {
    let path = segment::path(dir, segment);
    let reading = |error| Error::io("read", &path, error);
    let differs = || Error::CopyDiffers(path.clone());
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(differs()),
        file => file.map_err(reading)?,
    };
    let length = file.metadata().map_err(reading)?.len();
    let mut frames = Frames::after(&file, length, 0);
    let (mut end, mut records) = (0, segment);
    while end < bytes {
        end = frames.next_end().map_err(reading)?.ok_or_else(differs)?;
        records += 1;
    }
    match end == bytes {
        true => Ok(Followed {
            segment,
            bytes,
            records,
        }),
        false => Err(differs()),
    }
}

/// Makes what is written to the journal in `dir` durable, and says how many whole records it has.
///
/// # Errors
/// [`Error::NotThere`] and [`Error::Io`].
pub fn synced_size(dir: &Path) -> Result<u64, Error> {
    let mut size = 0;
    for first in segment::list(dir)? {
        let path = segment::path(dir, first);
        let reading = |error| Error::io("read", &path, error);
        let file = File::open(&path).map_err(reading)?;
        file.sync_all()
            .map_err(|error| Error::io("sync", &path, error))?;
        let length = file.metadata().map_err(reading)?.len();
        let mut frames = Frames::after(&file, length, 0);
        size = first;
        while frames.next_end().map_err(reading)?.is_some() {
            size += 1;
        }
    }
    Ok(size)
}

/// Writes a piece into its place in the journal in `dir`, which is being put together. What two
/// pieces both have must be the same.
///
/// # Errors
/// [`Error::CopyDiffers`] when it is not, or when something before the piece is missing;
/// [`Error::Io`] and [`Error::Full`].
pub fn place_piece(dir: &Path, segment: u64, from: u64, bytes: &[u8]) -> Result<(), Error> {
    make_folder(dir)?;
    let path = segment::path(dir, segment);
    let writing = |error| Error::io("write", &path, error);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.mode(0o600).open(&path).map_err(writing)?;
    let length = file.metadata().map_err(writing)?.len();
    let there = usize::try_from(length.saturating_sub(from)).unwrap_or(usize::MAX);
    let (both, new) = bytes.split_at(there.min(bytes.len()));
    let mut known = vec![0; both.len()];
    file.read_exact_at(&mut known, from.min(length))
        .map_err(writing)?;
    if length < from || known != both {
        return Err(Error::CopyDiffers(path));
    }
    file.write_all_at(new, length.max(from)).map_err(writing)
}

/// Makes a journal that was put together durable.
///
/// # Errors
/// [`Error::NotThere`] and [`Error::Io`].
pub fn sync_pieces(dir: &Path) -> Result<(), Error> {
    synced_size(dir)?;
    let synced = File::open(dir).and_then(|folder| folder.sync_all());
    synced.map_err(|error| Error::io("sync", dir, error))
}

/// The ends of a segment's whole records, one after another.
struct Frames<'a> {
    file: &'a File,
    length: u64,
    end: u64,
}

impl<'a> Frames<'a> {
    fn after(file: &'a File, length: u64, bytes: u64) -> Self {
        let end = bytes.max(segment::HEADER_BYTES as u64);
        Self { file, length, end }
    }

    /// Where the next whole record ends; what follows the last is being written, or was torn.
    fn next_end(&mut self) -> io::Result<Option<u64>> {
        let mut header = [0; frame::HEADER_BYTES];
        if self.end + header.len() as u64 > self.length {
            return Ok(None);
        }
        self.file.read_exact_at(&mut header, self.end)?;
        let Ok(lengths) = Lengths::parse(&header) else {
            return Ok(None);
        };
        let next = self.end + lengths.frame();
        if next > self.length {
            return Ok(None);
        }
        let mut mark = [0];
        self.file.read_exact_at(&mut mark, next - 1)?;
        if mark == [0] {
            return Ok(None);
        }
        self.end = next;
        Ok(Some(next))
    }
}
