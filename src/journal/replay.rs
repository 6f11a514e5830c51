//! Opening: every record is verified once, from the first to the last, and handed on in the same pass;
//! of a long journal, those at its end.
//!
//! What a crash can leave is told from damage. A crash leaves the last segment short, or zero
//! from where the disk stopped writing; that tail was never acknowledged and is cut off. Anything
//! else that does not verify was changed after it was written, and is an error. No segment
//! is altered before the whole journal has verified.

use std::fs::File;
use std::path::Path;

use rustix::fs::{Advice, fadvise};

use super::anchor::{Anchor, Frontier};
use super::behind::Behind;
use super::disk::Disk;
use super::error::{Damage, Error};
use super::hashes::{Comparison, Hashes};
use super::reader::{self, Next, Opened, Reader};
use super::segment;
use super::writer::Segment;
use super::{Keys, Record, Recovery};

/// A journal that verified.
pub(super) struct Replayed {
    pub(super) tree: Frontier,
    pub(super) segments: Vec<Segment>,
    pub(super) hashes: Hashes,
    pub(super) recovery: Recovery,
    pub(super) behind: Option<Behind>,
}

/// Verifies the journal in `dir`, hands every record from position `from` on to `visit`, and cuts
/// off a torn tail that `anchor` does not vouch for. Of a journal of more records than `verified_first`,
/// what the anchor vouches for is left to be verified later, but for the last of it.
pub(super) fn replay<E: From<Error>>(
    dir: &Path,
    keys: &Keys,
    anchor: Option<Anchor>,
    (from, verified_first): (u64, u64),
    disk: &dyn Disk,
    visit: impl FnMut(Record<'_>) -> Result<(), E>,
) -> Result<Replayed, E> {
    let firsts = segment::list(dir)?;
    let proven = match anchor.filter(|anchor| anchor.size > verified_first) {
        Some(anchor) => before_the_last(dir, &firsts, anchor)?,
        None => None,
    };
    let (behind, tree) = proven.unzip();
    let tree = tree.unwrap_or_default();
    let left = firsts.partition_point(|first| *first < tree.size());
    let (before, firsts) = firsts.split_at(left);
    let mut pass = Pass {
        dir,
        keys,
        anchor,
        from,
        disk,
        visit,
        hashes: Hashes::compare(dir, tree.size())?,
        tree,
        segments: Vec::new(),
    };
    pass.segments = said_to_be(dir, before, pass.tree.size())?;
    pass.check_anchor()?;
    let mut torn = None;
    for (place, first) in firsts.iter().enumerate() {
        torn = pass.segment(*first, place + 1 == firsts.len())?;
    }
    let Pass {
        tree,
        mut segments,
        hashes,
        ..
    } = pass;
    if let Some(anchor) = anchor.filter(|anchor| anchor.size > tree.size()) {
        let records = tree.size();
        return Err(Error::RolledBack { records, anchor }.into());
    }
    let torn_bytes = torn.map_or(0, |torn| torn.bytes);
    tidy(dir, disk, torn, &mut segments)?;
    let (hashes, hashes_rebuilt) = hashes.finish();
    let recovery = Recovery {
        anchor: tree.anchor(),
        torn_bytes,
        hashes_rebuilt,
    };
    Ok(Replayed {
        tree,
        segments,
        hashes,
        recovery,
        behind,
    })
}

/// What lies before the last segment that begins within the anchor.
fn before_the_last(
    dir: &Path,
    firsts: &[u64],
    anchor: Anchor,
) -> Result<Option<(Behind, Frontier)>, Error> {
    let within = firsts.iter().rfind(|first| **first <= anchor.size);
    let Some(first) = within.filter(|first| **first > 0 && firsts.first() == Some(&0)) else {
        return Ok(None);
    };
    Ok(Behind::proven(&Hashes::unverified(dir)?, *first, anchor))
}

/// The segments that begin at `firsts`, before the one at `end`, as their names and lengths have it.
fn said_to_be(dir: &Path, firsts: &[u64], end: u64) -> Result<Vec<Segment>, Error> {
    let ends = firsts.iter().skip(1).copied().chain([end]);
    let segments = firsts.iter().zip(ends).map(|(first, end)| {
        let path = segment::path(dir, *first);
        let length = std::fs::metadata(&path).map_err(|source| Error::io("open", &path, source));
        Ok(Segment::said_to_be(*first, end - first, length?.len()))
    });
    segments.collect()
}

/// What a crash left at the end of the last segment.
#[derive(Clone, Copy)]
struct Torn {
    first: u64,
    /// Where whole frames end, in bytes; nothing when not even the header is whole.
    whole: Option<u64>,
    bytes: u64,
}

struct Pass<'p, V> {
    dir: &'p Path,
    keys: &'p Keys,
    anchor: Option<Anchor>,
    from: u64,
    disk: &'p dyn Disk,
    visit: V,
    tree: Frontier,
    segments: Vec<Segment>,
    hashes: Comparison,
}

impl<V> Pass<'_, V> {
    fn check_anchor(&self) -> Result<(), Error> {
        match self.anchor {
            Some(anchor) if anchor.size == self.tree.size() => {
                let found = self.tree.root().0;
                (found == anchor.root)
                    .then_some(())
                    .ok_or(Error::AnotherHistory { anchor, found })
            }
            _ => Ok(()),
        }
    }

    fn segment<E: From<Error>>(&mut self, first: u64, last: bool) -> Result<Option<Torn>, E>
    where
        V: FnMut(Record<'_>) -> Result<(), E>,
    {
        let expected = self.tree.size();
        if first != expected {
            let gap = Damage::Gap {
                expected,
                found: first,
            };
            return Err(reader::damaged(first, 0, gap).into());
        }
        let (file, length) = open(self.dir, first, last, self.disk)?;
        let mut reader = match Reader::open(self.dir, first, file, length, self.keys)? {
            Opened::Reader(reader) => reader,
            Opened::Unborn { bytes } if last => {
                return Ok(Some(Torn {
                    first,
                    whole: None,
                    bytes,
                }));
            }
            Opened::Unborn { .. } => {
                return Err(reader::damaged(first, 0, Damage::CutShort).into());
            }
        };
        if reader.root_before() != self.tree.root().0 {
            return Err(reader::damaged(first, 0, Damage::History).into());
        }
        let mut segment = Segment::new(first);
        let torn = self.records(&mut reader, &mut segment)?;
        if let Some(torn) = torn.filter(|_| !last) {
            let offset = torn.whole.unwrap_or_default();
            return Err(reader::damaged(first, offset, Damage::CutShort).into());
        }
        self.segments.push(segment);
        Ok(torn)
    }

    fn records<E: From<Error>>(
        &mut self,
        reader: &mut Reader,
        segment: &mut Segment,
    ) -> Result<Option<Torn>, E>
    where
        V: FnMut(Record<'_>) -> Result<(), E>,
    {
        loop {
            match reader.next()? {
                Next::End => return Ok(None),
                Next::Torn { offset, bytes } => {
                    return Ok(Some(Torn {
                        first: segment.first,
                        whole: Some(offset),
                        bytes,
                    }));
                }
                Next::Record(record) => {
                    let hash = record.leaf.hash(record.public);
                    self.tree.push(hash, |hash| self.hashes.push(hash));
                    self.check_anchor()?;
                    if record.position >= self.from {
                        (self.visit)(record)?;
                    }
                }
            }
            segment.add(reader.offset());
        }
    }
}

/// Opens a segment for reading; the last one only after what it holds is on the disk and read from there.
fn open(dir: &Path, first: u64, last: bool, disk: &dyn Disk) -> Result<(File, u64), Error> {
    let path = segment::path(dir, first);
    let failed = |source| Error::io("open", &path, source);
    let file = File::open(&path).map_err(failed)?;
    if last {
        disk.open(&path)
            .and_then(|file| file.sync())
            .map_err(|source| Error::io("sync", &path, source))?;
        // After a sync that failed, memory holds records the disk does not, and calls them clean.
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
    }
    let length = file.metadata().map_err(failed)?.len();
    Ok((file, length))
}

/// Cuts off what was torn and removes a last segment that has no record.
fn tidy(
    dir: &Path,
    disk: &dyn Disk,
    torn: Option<Torn>,
    segments: &mut Vec<Segment>,
) -> Result<(), Error> {
    let empty = segments.pop_if(|segment| segment.records == 0);
    let unborn = torn.filter(|torn| torn.whole.is_none());
    if let Some(first) = empty.map(|s| s.first).or(unborn.map(|torn| torn.first)) {
        let path = segment::path(dir, first);
        let removed = disk.remove(&path).and_then(|()| disk.sync_dir(dir));
        return removed.map_err(|source| Error::io("remove", &path, source));
    }
    let Some((torn, whole)) = torn.and_then(|torn| Some((torn, torn.whole?))) else {
        return Ok(());
    };
    let path = segment::path(dir, torn.first);
    disk.open(&path)
        .and_then(|file| file.cut(whole).and_then(|()| file.sync()))
        .map_err(|source| Error::io("cut the torn end off", &path, source))
}
