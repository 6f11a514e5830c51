//! Appending: one record after another into the segment in use, and back out when a write fails.
//!
//! A segment's key comes from a salt drawn for it alone, and a record's nonce is its place in the
//! segment. So no nonce may ever be used twice in one segment, and whoever cannot know what was
//! written there must not write there again: opening the journal and a failed write both end the
//! segment in use, and the next record begins a new one with a new salt. That holds whatever was
//! torn, cut off, or put back from an old copy of the disk.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::commits::Commits;
use super::disk::{self, Disk, LogFile};
use super::error::Error;
use super::frame::{Cipher, Lengths};
use super::hashes::Hashes;
use super::segment::{self, Header};
use super::{Keys, Means};
use crate::limits::JOURNAL_RECORD_MAX;

/// Records between two places in a segment whose offsets are kept in memory.
const STRIDE: u64 = 256;
/// Largest buffer kept from one record to the next, in bytes.
const KEPT_BYTES: usize = 1024 * 1024;

/// What is known of a segment without reading it.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) first: u64,
    pub(super) records: u64,
    /// Length of header and whole frames, in bytes.
    pub(super) length: u64,
    /// Offset of every [`STRIDE`]th record, in bytes.
    marks: Vec<u64>,
}

impl Segment {
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            records: 0,
            length: segment::HEADER_BYTES as u64,
            marks: Vec::new(),
        }
    }

    /// One that has so many records in so many bytes, of which nothing was read.
    pub(super) fn said_to_be(first: u64, records: u64, length: u64) -> Self {
        Self {
            first,
            records,
            length,
            marks: Vec::new(),
        }
    }

    /// Counts a record whose frame ends at `end`.
    pub(super) fn add(&mut self, end: u64) {
        if self.records.is_multiple_of(STRIDE) {
            self.marks.push(self.length);
        }
        self.records += 1;
        self.length = end;
    }

    /// The last position that is not after `position` and whose offset is known, with that offset.
    pub(super) fn mark(&self, position: u64) -> (u64, u64) {
        let stride = position.saturating_sub(self.first) / STRIDE;
        let place = usize::try_from(stride).unwrap_or(usize::MAX);
        match self.marks.get(place) {
            Some(offset) => (self.first + stride * STRIDE, *offset),
            None => (self.first, segment::HEADER_BYTES as u64),
        }
    }
}

pub(super) struct Writer {
    dir: PathBuf,
    keys: Arc<Keys>,
    means: Means,
    active: Option<Active>,
    pub(super) segments: Vec<Segment>,
    pub(super) hashes: Hashes,
    frame: Vec<u8>,
}

/// The segment in use: the last of `segments`.
struct Active {
    file: Arc<dyn LogFile>,
    cipher: Cipher,
}

impl Writer {
    pub(super) fn new(
        dir: PathBuf,
        keys: Arc<Keys>,
        means: Means,
        segments: Vec<Segment>,
        hashes: Hashes,
    ) -> Self {
        Self {
            dir,
            keys,
            means,
            active: None,
            segments,
            hashes,
            frame: Vec::new(),
        }
    }

    /// Writes a record and gives its position. It is not durable yet.
    pub(super) fn append(
        &mut self,
        commits: &Commits,
        public: &[u8],
        plaintext: &[u8],
    ) -> Result<u64, Error> {
        commits.check()?;
        let too_long = || Error::TooLong {
            bytes: public.len().saturating_add(plaintext.len()),
            max: JOURNAL_RECORD_MAX,
        };
        let lengths = Lengths::of(public, plaintext).ok_or_else(too_long)?;
        let position = commits.size();
        let mut active = match self.active.take() {
            Some(active) if self.has_room(lengths) => active,
            _ => self.begin(commits, position)?,
        };
        let offset = self.segments.last().map_or(0, |segment| segment.length);
        let leaf = active
            .cipher
            .seal(&mut self.frame, position, lengths, public, plaintext)
            .ok_or_else(too_long)?;
        if let Err(error) = disk::write_all(&*active.file, &self.frame, offset) {
            return Err(self.back_out(commits, &active, error));
        }
        if let Some(segment) = self.segments.last_mut() {
            segment.add(offset + lengths.frame());
        }
        commits.publish(leaf.hash(public), |hash| self.hashes.push(hash));
        self.active = Some(active);
        self.frame.clear();
        self.frame.shrink_to(KEPT_BYTES);
        Ok(position)
    }

    fn has_room(&self, lengths: Lengths) -> bool {
        self.segments.last().is_some_and(|segment| {
            segment.records == 0 || segment.length + lengths.frame() <= self.means.segment_bytes
        })
    }

    /// Begins a new segment. All before it is made durable first, so that only the last segment
    /// can ever be torn; and it is itself on the disk, by name, before it takes a record.
    fn begin(&mut self, commits: &Commits, first: u64) -> Result<Active, Error> {
        commits.sync()?;
        self.drop_empty(commits)?;
        let root = commits.written().root;
        let header = Header::draw(&self.keys, first, root, &*self.means.entropy)?;
        let path = segment::path(&self.dir, first);
        let disk = &*self.means.disk;
        let file = disk
            .create(&path)
            .map_err(|source| Error::io("create", &path, source))?;
        if let Err(source) = disk::write_all(&*file, &header.bytes(), 0) {
            commits.settle(|| remove(disk, &self.dir, first))?;
            return Err(Error::io("write", &path, source));
        }
        commits.settle(|| file.sync().and_then(|()| disk.sync_dir(&self.dir)))?;
        self.segments.push(Segment::new(first));
        commits.attach(Arc::clone(&file));
        let cipher = header.cipher(&self.keys);
        Ok(Active { file, cipher })
    }

    /// Cuts off what a failed write left, and leaves the segment for good.
    fn back_out(&mut self, commits: &Commits, active: &Active, error: io::Error) -> Error {
        let Some(segment) = self.segments.last() else {
            return Error::io("write", &self.dir, error);
        };
        let (first, length) = (segment.first, segment.length);
        let cut = commits.settle(|| active.file.cut(length).and_then(|()| active.file.sync()));
        match cut.and_then(|()| self.drop_empty(commits)) {
            Ok(()) => Error::io("write", &segment::path(&self.dir, first), error),
            Err(poisoned) => poisoned,
        }
    }

    /// Removes the last segment if it has no record: the next one needs its name.
    fn drop_empty(&mut self, commits: &Commits) -> Result<(), Error> {
        let empty = self.segments.last().filter(|last| last.records == 0);
        let Some(first) = empty.map(|segment| segment.first) else {
            return Ok(());
        };
        commits.settle(|| remove(&*self.means.disk, &self.dir, first))?;
        self.segments.pop();
        Ok(())
    }
}

fn remove(disk: &dyn Disk, dir: &std::path::Path, first: u64) -> io::Result<()> {
    disk.remove(&segment::path(dir, first))?;
    disk.sync_dir(dir)
}
