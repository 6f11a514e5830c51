//! Reading a segment from one end to the other, checking every byte.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::{Damage, Error};
use super::frame::{self, Cipher, Lengths};
use super::segment::{self, Header};
use super::{Keys, Record};

/// Smallest unit in which a disk writes, in bytes: what a crash leaves unwritten begins at a multiple of it.
const SECTOR_BYTES: u64 = 512;
/// Bytes read at a time; wiping more would cost more than reading it.
const WINDOW_BYTES: u64 = 64 * 1024;

/// What lies at the start of a segment.
pub(super) enum Opened {
    /// A segment of this vault, ready to be read.
    Reader(Box<Reader>),
    /// Fewer bytes than a header, or none but zeros: creating it was interrupted.
    Unborn { bytes: u64 },
}

/// What comes next in a segment.
pub(super) enum Next<'r> {
    /// A record that verified.
    Record(Record<'r>),
    /// The end of the segment.
    End,
    /// A frame that was not wholly written, with nothing after it.
    Torn { offset: u64, bytes: u64 },
}

/// A place in a segment, from which records are read in order.
pub(super) struct Reader {
    path: PathBuf,
    window: Window,
    cipher: Cipher,
    header: Header,
    position: u64,
}

impl Reader {
    /// Opens the segment that begins at `first`, of which the first `length` bytes count.
    pub(super) fn open(
        dir: &Path,
        first: u64,
        file: File,
        length: u64,
        keys: &Keys,
    ) -> Result<Opened, Error> {
        let path = segment::path(dir, first);
        let mut window = Window::new(file, length);
        let failed = |source| Error::io("read", &path, source);
        let damaged = |what| damaged(first, 0, what);
        if window.zeros_from().map_err(failed)? == 0 || length < segment::HEADER_BYTES as u64 {
            return Ok(Opened::Unborn { bytes: length });
        }
        let bytes = window.take(segment::HEADER_BYTES).map_err(failed)?;
        let header = bytes
            .first_chunk()
            .ok_or(Damage::Header)
            .and_then(|bytes| Header::parse(bytes, keys))
            .map_err(damaged)?;
        if header.first != first {
            return Err(damaged(Damage::Renamed(header.first)));
        }
        let cipher = header.cipher(keys);
        Ok(Opened::Reader(Box::new(Self {
            path,
            window,
            cipher,
            header,
            position: first,
        })))
    }

    /// The Merkle root of all records before the segment, as its header has it.
    pub(super) fn root_before(&self) -> [u8; 32] {
        self.header.root
    }

    /// Offset of the next frame, in bytes.
    pub(super) fn offset(&self) -> u64 {
        self.window.offset
    }

    /// Goes to the frame of `position`, which begins at `offset`.
    pub(super) fn seek(&mut self, position: u64, offset: u64) {
        self.position = position;
        self.window.seek(offset);
    }

    /// Passes over the next frame, checking only its header.
    pub(super) fn skip(&mut self) -> Result<(), Error> {
        let lengths = self.lengths()?.map_err(|what| self.damaged(what))?;
        self.position += 1;
        self.window.seek(self.window.offset + lengths.frame());
        Ok(())
    }

    /// Checks and opens the next record.
    pub(super) fn next(&mut self) -> Result<Next<'_>, Error> {
        let (offset, left) = (self.window.offset, self.window.left());
        if left == 0 {
            return Ok(Next::End);
        }
        let torn = Ok(Next::Torn {
            offset,
            bytes: left,
        });
        if left < frame::HEADER_BYTES as u64 {
            return torn;
        }
        let lengths = match self.lengths()? {
            Ok(lengths) => lengths,
            Err(_) if self.unwritten_before(offset + frame::HEADER_BYTES as u64)? => return torn,
            Err(what) => return Err(self.damaged(what)),
        };
        if left < lengths.frame() {
            return torn;
        }
        let position = self.position;
        let bytes = usize::try_from(lengths.frame()).unwrap_or(usize::MAX);
        // Told before the frame is opened in place, while the window can still be borrowed.
        let unwritten = self
            .window
            .ends_in_zero(bytes)
            .map_err(|e| self.failed(e))?
            && self.unwritten_before(offset + lengths.frame())?;
        let body = self
            .window
            .take(bytes)
            .map_err(|source| Error::io("read", &self.path, source))?
            .split_at_mut_checked(frame::HEADER_BYTES)
            .map_or(&mut [][..], |(_, body)| body);
        let first = self.header.first;
        match self.cipher.open(body, position, lengths) {
            Ok((public, payload, leaf)) => {
                self.position += 1;
                Ok(Next::Record(Record {
                    position,
                    public,
                    payload,
                    leaf,
                }))
            }
            Err(_) if unwritten => torn,
            Err(what) => Err(damaged(first, offset, what)),
        }
    }

    fn lengths(&mut self) -> Result<Result<Lengths, Damage>, Error> {
        let header = self
            .window
            .peek(frame::HEADER_BYTES)
            .map_err(|source| Error::io("read", &self.path, source))?;
        let header = header.first_chunk().ok_or(Damage::CutShort);
        Ok(header.and_then(Lengths::parse))
    }

    /// Whether the file is zero from where the next frame begins, or from a sector boundary
    /// between there and `end`: then the frame never reached the disk whole.
    fn unwritten_before(&self, end: u64) -> Result<bool, Error> {
        let zeros = self.window.zeros_from().map_err(|e| self.failed(e))?;
        Ok(zeros <= self.window.offset || zeros.next_multiple_of(SECTOR_BYTES) < end)
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::io("read", &self.path, source)
    }

    fn damaged(&self, what: Damage) -> Error {
        damaged(self.header.first, self.window.offset, what)
    }
}

pub(super) fn damaged(first: u64, offset: u64, what: Damage) -> Error {
    Error::Damaged {
        segment: segment::name(first),
        offset,
        what,
    }
}

/// A stretch of the file in memory, wiped when dropped: records are opened in place in it.
struct Window {
    file: File,
    length: u64,
    /// Offset in the file of what is read next.
    offset: u64,
    bytes: Zeroizing<Vec<u8>>,
    /// Which part of `bytes` is still to be read.
    unread: std::ops::Range<usize>,
}

impl Window {
    fn new(file: File, length: u64) -> Self {
        Self {
            file,
            length,
            offset: 0,
            bytes: Zeroizing::new(Vec::new()),
            unread: 0..0,
        }
    }

    fn left(&self) -> u64 {
        self.length.saturating_sub(self.offset)
    }

    fn seek(&mut self, offset: u64) {
        let step = offset
            .checked_sub(self.offset)
            .and_then(|step| usize::try_from(step).ok())
            .filter(|step| *step <= self.unread.len());
        match step {
            Some(step) => self.unread.start += step,
            None => self.unread = 0..0,
        }
        self.offset = offset;
    }

    /// The next `count` bytes, which must be there.
    fn take(&mut self, count: usize) -> io::Result<&mut [u8]> {
        self.fill(count)?;
        let start = self.unread.start;
        self.unread.start += count;
        self.offset += count as u64;
        let taken = self.bytes.get_mut(start..start + count);
        taken.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// The next `count` bytes, which stay to be read.
    fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        self.fill(count)?;
        let seen = self.bytes.get(self.unread.start..self.unread.start + count);
        seen.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn ends_in_zero(&mut self, count: usize) -> io::Result<bool> {
        Ok(self.peek(count)?.last() == Some(&0))
    }

    fn fill(&mut self, count: usize) -> io::Result<()> {
        if self.unread.len() >= count {
            return Ok(());
        }
        if count as u64 > self.left() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let kept = self.unread.len();
        if self.bytes.len() < count {
            let window = usize::try_from(self.left().min(WINDOW_BYTES)).unwrap_or(count);
            let mut larger = Zeroizing::new(vec![0; count.max(window)]);
            let unread = self.bytes.get(self.unread.clone()).unwrap_or_default();
            for (place, byte) in larger.iter_mut().zip(unread) {
                *place = *byte;
            }
            self.bytes = larger;
        } else {
            self.bytes.copy_within(self.unread.clone(), 0);
        }
        self.unread = 0..kept;
        let ahead = usize::try_from(self.left() - kept as u64).unwrap_or(usize::MAX);
        let room = self.bytes.get_mut(kept..).unwrap_or_default();
        let wanted = room.len().min(ahead);
        let room = room.get_mut(..wanted).unwrap_or_default();
        self.file.read_exact_at(room, self.offset + kept as u64)?;
        self.unread.end += wanted;
        Ok(())
    }

    /// Offset from which there are only zeros to the end; the length itself when the last byte is not zero.
    fn zeros_from(&self) -> io::Result<u64> {
        let mut chunk = [0; 4096];
        let mut end = self.length;
        while end > 0 {
            let start = end.saturating_sub(chunk.len() as u64);
            let (seen, _) = chunk.split_at_mut((end - start) as usize);
            self.file.read_exact_at(seen, start)?;
            if let Some(place) = seen.iter().rposition(|byte| *byte != 0) {
                return Ok(start + place as u64 + 1);
            }
            end = start;
        }
        Ok(0)
    }
}
