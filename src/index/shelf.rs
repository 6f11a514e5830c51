//! Packs in order, of which no two share a row: those in sled, or those of one run.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::ops::{Bound, RangeBounds};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::vec;

use rayon::prelude::*;

use super::batch::Rows;
use super::engine::{Engine, Failure};
use super::error::{IndexError, Refused, Unusable};
use super::merged::{Bounds, as_slices};
use super::pack::{Loose, Pack, Packer, Place, SealedPack};
use super::seal::Seals;
use crate::entropy::{Entropy, EntropyError};

/// Packs sealed together, on all processors.
pub(super) const SEALED_AT_ONCE: usize = 256;

/// What opens packs.
#[derive(Clone, Copy)]
pub(super) struct Opener<'a> {
    pub(super) engine: &'a Engine,
    pub(super) seals: &'a Seals,
}

/// Why a pack was not opened.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It could not be read.
    Failure(Failure),
    /// It is not there, or not what was written.
    Damaged,
    /// The rows about it are not what was written.
    Unusable(Unusable),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Trouble {
    /// As it is told to who asked for rows of `table`.
    pub(super) fn with(self, table: &'static str) -> IndexError {
        match self {
            Self::Failure(failure) => failure.into(),
            Self::Damaged => IndexError::Damaged { table },
            Self::Unusable(reason) => IndexError::Unusable(reason),
        }
    }
}

/// Packs in order. Only the keys of their first rows are in memory.
pub(super) struct Shelf {
    firsts: Firsts,
    place: Place,
    /// A run's file, and where each of its packs ends there.
    file: Option<(File, Vec<u64>)>,
}

impl Shelf {
    /// The packs in sled that begin with these rows.
    pub(super) fn in_sled(firsts: Firsts) -> Self {
        Self {
            firsts,
            place: Place::Sled,
            file: None,
        }
    }

    /// Writes `rows` to `path` as the run of that number. Nothing waits for the disk: a run is of no
    /// use after a crash.
    pub(super) fn run(
        number: u32,
        path: &Path,
        rows: Rows,
        pack_bytes: usize,
        seals: &Seals,
        entropy: &dyn Entropy,
    ) -> Result<Self, IndexError> {
        let failed = |source| Refused::new("cannot write", path, source);
        let options = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path);
        let file = options.map_err(failed)?;
        let place = Place::Run(number);
        let (mut firsts, mut ends, mut end) = (Firsts::default(), Vec::new(), 0);
        let mut writer = BufWriter::with_capacity(1 << 20, &file);
        let (mut packer, mut loose) = (Packer::default(), Vec::new());
        let mut rows = rows.into_iter();
        loop {
            let row = rows.next();
            let is_last = row.is_none();
            loose.extend(match row {
                Some((row, value)) => packer.push(&row, value.as_deref(), pack_bytes),
                None => packer.take(),
            });
            if is_last || loose.len() >= SEALED_AT_ONCE {
                for pack in seal_all(std::mem::take(&mut loose), place, seals, entropy)? {
                    writer.write_all(&pack.sealed).map_err(failed)?;
                    end += pack.sealed.len() as u64;
                    ends.push(end);
                    firsts.push(&pack.first);
                }
            }
            if is_last {
                break;
            }
        }
        writer.flush().map_err(failed)?;
        drop(writer);
        Ok(Self {
            firsts,
            place,
            file: Some((file, ends)),
        })
    }

    /// What the packs say of `row`: nothing, or its value, or that it is removed.
    pub(super) fn find(
        &self,
        row: &[u8],
        opener: Opener<'_>,
    ) -> Result<Option<Option<Vec<u8>>>, Trouble> {
        let Some(at) = self.firsts.holding(row) else {
            return Ok(None);
        };
        let pack = self.pack(at, opener)?;
        Ok(pack.find(row).map(|value| value.map(<[u8]>::to_vec)))
    }

    /// The rows within `bounds`, from the last one if `backwards`.
    pub(super) fn scan<'a>(
        &'a self,
        bounds: Bounds,
        backwards: bool,
        opener: Opener<'a>,
    ) -> ShelfScan<'a> {
        let (first, end) = as_slices(&bounds);
        let from = match (if backwards { end } else { first }, backwards) {
            (Bound::Included(row) | Bound::Excluded(row), false) => {
                Some(self.firsts.holding(row).unwrap_or(0))
            }
            (Bound::Included(row) | Bound::Excluded(row), true) => self.firsts.holding(row),
            (Bound::Unbounded, false) => Some(0),
            (Bound::Unbounded, true) => self.firsts.len().checked_sub(1),
        };
        ShelfScan {
            shelf: self,
            opener,
            bounds,
            backwards,
            next: from,
            rows: Vec::new().into_iter(),
        }
    }

    fn pack(&self, at: usize, opener: Opener<'_>) -> Result<Pack, Trouble> {
        let first = self.firsts.at(at).ok_or(Trouble::Damaged)?;
        let key = self.place.of(first);
        let opened = match &self.file {
            None => {
                let sealed = opener.engine.get(&key)?.ok_or(Trouble::Damaged)?;
                Pack::open(opener.seals, &key, &sealed)
            }
            Some((file, ends)) => {
                let sealed = read_from(file, ends, at)?;
                Pack::open(opener.seals, &key, &sealed)
            }
        };
        opened.ok_or(Trouble::Damaged)
    }
}

/// Seals packs on all processors.
pub(super) fn seal_all(
    packs: Vec<Loose>,
    place: Place,
    seals: &Seals,
    entropy: &dyn Entropy,
) -> Result<Vec<SealedPack>, EntropyError> {
    let sealed = packs.into_par_iter().with_min_len(16);
    sealed
        .map(|pack| pack.seal(place, seals, entropy))
        .collect()
}

fn read_from(file: &File, ends: &[u64], at: usize) -> Result<Vec<u8>, Trouble> {
    let end = ends.get(at).copied().ok_or(Trouble::Damaged)?;
    let start = at.checked_sub(1).and_then(|at| ends.get(at).copied());
    let start = start.unwrap_or(0);
    let length = usize::try_from(end - start).map_err(|_| Trouble::Damaged)?;
    let mut sealed = vec![0; length];
    match file.read_exact_at(&mut sealed, start) {
        Ok(()) => Ok(sealed),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(Trouble::Damaged),
        Err(error) => Err(Failure::Refused(error).into()),
    }
}

/// The rows of a shelf in order.
pub(super) struct ShelfScan<'a> {
    shelf: &'a Shelf,
    opener: Opener<'a>,
    bounds: Bounds,
    backwards: bool,
    /// The pack to be opened next.
    next: Option<usize>,
    /// What is left of the pack before.
    rows: vec::IntoIter<PackedRow>,
}

/// A row out of a pack; nothing stands for one that is removed.
pub(super) type PackedRow = (Vec<u8>, Option<Vec<u8>>);

impl ShelfScan<'_> {
    /// The rows within reach of the next pack that has any; none when no pack is left.
    fn turn(&mut self) -> Result<Option<PackedRow>, Trouble> {
        loop {
            if let Some(row) = self.rows.next() {
                return Ok(Some(row));
            }
            let (lower, upper) = as_slices(&self.bounds);
            let within = |at: &usize| match (self.shelf.firsts.at(*at), upper) {
                (None, _) => false,
                (Some(first), Bound::Excluded(end)) => self.backwards || first < end,
                (Some(first), Bound::Included(end)) => self.backwards || first <= end,
                (Some(_), Bound::Unbounded) => true,
            };
            let Some(at) = self.next.filter(within) else {
                return Ok(None);
            };
            let pack = self.shelf.pack(at, self.opener)?;
            let within = (lower, upper);
            let rows = pack
                .rows()
                .filter(|(row, _)| RangeBounds::<[u8]>::contains::<[u8]>(&within, row));
            let mut rows: Vec<PackedRow> = rows
                .map(|(row, value)| (row.to_vec(), value.map(<[u8]>::to_vec)))
                .collect();
            self.next = match self.backwards {
                false => Some(at + 1),
                true => {
                    rows.reverse();
                    // Nothing before a pack that begins at or before the lower bound is within it.
                    let first = self.shelf.firsts.at(at);
                    let more = match (first, lower) {
                        (Some(first), Bound::Included(row) | Bound::Excluded(row)) => first > row,
                        _ => true,
                    };
                    at.checked_sub(1).filter(|_| more)
                }
            };
            self.rows = rows.into_iter();
        }
    }
}

impl Iterator for ShelfScan<'_> {
    type Item = Result<PackedRow, Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        self.turn().transpose()
    }
}

/// The keys of the first rows of packs, in order, end to end.
#[derive(Default)]
pub(super) struct Firsts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Firsts {
    /// Adds the next, which is greater than all before.
    pub(super) fn push(&mut self, first: &[u8]) {
        self.bytes.extend_from_slice(first);
        self.ends.push(self.bytes.len());
    }

    /// Adds all of `others`, which are greater than all before.
    pub(super) fn extend(&mut self, others: &Self) {
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&others.bytes);
        self.ends.extend(others.ends.iter().map(|end| end + shift));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn at(&self, place: usize) -> Option<&[u8]> {
        let end = self.ends.get(place)?;
        let start = place
            .checked_sub(1)
            .and_then(|before| self.ends.get(before));
        self.bytes.get(start.copied().unwrap_or(0)..*end)
    }

    /// The last that is not greater than `row`: if any pack has the row, it is that one.
    fn holding(&self, row: &[u8]) -> Option<usize> {
        let (mut least, mut end) = (0, self.len());
        while least < end {
            let middle = least + (end - least) / 2;
            match self.at(middle).is_some_and(|first| first <= row) {
                true => least = middle + 1,
                false => end = middle,
            }
        }
        least.checked_sub(1)
    }
}
