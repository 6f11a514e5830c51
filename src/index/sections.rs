//! Sections: stretches of the rows in sled, each with what its rows come to, so that one can be verified
//! without the others.
//!
//! A section reaches from its start to before the next one's, and there is a section for every key there
//! could be. Each row is in one section, so the sections' tallies come to the whole index's: as long as
//! that holds, a section that was put back from an older copy, rows and tally, is noticed by the others.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{self, Excluded, Included, Unbounded};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::seal::Tally;

/// All sections, from the one that begins before every key.
pub(super) struct Sections {
    by_start: BTreeMap<Vec<u8>, Section>,
    unverified: AtomicUsize,
    /// Rows after which a new section begins.
    rows: u64,
    /// Those that have grown to twice as many.
    long: BTreeSet<Vec<u8>>,
    /// Those that were changed and not noted since.
    changed: BTreeSet<Vec<u8>>,
}

struct Section {
    tally: Tally,
    verified: AtomicBool,
}

impl Section {
    fn new(tally: Tally, verified: bool) -> Self {
        Self {
            tally,
            verified: AtomicBool::new(verified),
        }
    }

    fn write(&self, start: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
        let length = u16::try_from(start.len()).ok()?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(start);
        bytes.extend_from_slice(&self.tally.to_bytes());
        Some(())
    }
}

/// The keys of a section: from its start to before the next one's, if there is a next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) start: Vec<u8>,
    pub(super) end: Option<Vec<u8>>,
}

impl Reach {
    pub(super) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let end = self.end.as_deref().map_or(Unbounded, Excluded);
        (Included(&self.start), end)
    }
}

impl Sections {
    /// One section without rows.
    pub(super) fn empty(rows: u64) -> Self {
        Self {
            by_start: BTreeMap::from([(Vec::new(), Section::new(Tally::default(), true))]),
            unverified: AtomicUsize::new(0),
            rows,
            long: BTreeSet::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Those that `rows`, which were found in order, fall into.
    pub(super) fn of(rows: Divided, length: u64) -> Self {
        let mut sections = Self::empty(length);
        for (start, tally) in rows.sections {
            sections.by_start.insert(start, Section::new(tally, true));
        }
        sections
    }

    /// Counts a row with this fingerprint.
    pub(super) fn take_in(&mut self, row: &[u8], fingerprint: u128) {
        let Some((start, section)) = self.by_start.range_mut::<[u8], _>(upto(row)).next_back()
        else {
            return;
        };
        section.tally.take_in(fingerprint);
        if section.tally.rows >= self.rows.saturating_mul(2) {
            add(&mut self.long, start);
        }
        add(&mut self.changed, start);
    }

    /// Counts a row with this fingerprint no more.
    pub(super) fn leave_out(&mut self, row: &[u8], fingerprint: u128) {
        let Some((start, section)) = self.by_start.range_mut::<[u8], _>(upto(row)).next_back()
        else {
            return;
        };
        section.tally.leave_out(fingerprint);
        add(&mut self.changed, start);
    }

    /// A section that has grown long, until it is [divided](Self::divide).
    pub(super) fn long(&self) -> Option<(Reach, Tally)> {
        let start = self.long.first()?;
        let section = self.by_start.get(start)?;
        Some((self.reach(start.clone()), section.tally))
    }

    /// Puts those that its rows fall into in the place of a section whose rows were just looked through.
    pub(super) fn divide(&mut self, reach: &Reach, rows: Divided) {
        self.long.remove(&reach.start);
        for (start, tally) in rows.sections {
            add(&mut self.changed, &start);
            let section = Section::new(tally, true);
            if let Some(before) = self.by_start.insert(start, section)
                && !before.verified.load(Ordering::Acquire)
            {
                self.unverified.fetch_sub(1, Ordering::AcqRel);
            }
        }
    }

    pub(super) fn are_verified(&self) -> bool {
        self.unverified.load(Ordering::Acquire) == 0
    }

    /// The first section not yet verified that has keys between `from` and `to`.
    pub(super) fn unverified(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Option<(Reach, Tally)> {
        let from = match from {
            Included(row) | Excluded(row) => row,
            Unbounded => &[],
        };
        let (first, _) = self.by_start.range::<[u8], _>(upto(from)).next_back()?;
        let reaching = |start: &[u8]| match to {
            Included(row) => start <= row,
            Excluded(row) => start < row || start == first.as_slice(),
            Unbounded => true,
        };
        self.by_start
            .range::<[u8], _>((Included(&first[..]), Unbounded))
            .take_while(|(start, _)| reaching(start))
            .find(|(_, section)| !section.verified.load(Ordering::Acquire))
            .map(|(start, section)| (self.reach(start.clone()), section.tally))
    }

    /// Those that have keys from `from` on and before `to`.
    pub(super) fn between(&self, from: &[u8], to: &[u8]) -> Vec<(Reach, Tally)> {
        let first = self.by_start.range::<[u8], _>(upto(from)).next_back();
        let first = first.map_or(from, |(start, _)| start);
        self.by_start
            .range::<[u8], _>((Included(first), Excluded(to)))
            .map(|(start, section)| (self.reach(start.clone()), section.tally))
            .collect()
    }

    /// Notes that the rows of a section are what they should be.
    pub(super) fn verified(&self, reach: &Reach) {
        if let Some(section) = self.by_start.get(&reach.start)
            && !section.verified.swap(true, Ordering::AcqRel)
        {
            self.unverified.fetch_sub(1, Ordering::AcqRel);
        }
    }

    /// What all of them come to.
    pub(super) fn total(&self) -> Tally {
        let mut total = Tally::default();
        for section in self.by_start.values() {
            total.add(section.tally);
        }
        total
    }

    /// For each `length of its start (2) ‖ start ‖ tally`; nothing when there is only one, or when not all
    /// of them were verified.
    pub(super) fn to_bytes(&self) -> Option<Vec<u8>> {
        if self.by_start.len() < 2 || !self.are_verified() {
            return None;
        }
        let mut bytes = Vec::new();
        for (start, section) in &self.by_start {
            section.write(start, &mut bytes)?;
        }
        Some(bytes)
    }

    /// The sections that were changed since this was asked last, written as all of them are; nothing when
    /// there is only one.
    pub(super) fn take_changes(&mut self) -> Option<Vec<u8>> {
        let changed = std::mem::take(&mut self.changed);
        if self.by_start.len() < 2 {
            return None;
        }
        let mut bytes = Vec::new();
        for (start, section) in changed
            .iter()
            .filter_map(|one| self.by_start.get_key_value(one))
        {
            section.write(start, &mut bytes)?;
        }
        Some(bytes)
    }

    /// Takes in what [`take_changes`](Self::take_changes) gave; none of that is verified.
    pub(super) fn change(&mut self, changes: &[u8]) -> Option<()> {
        for (start, section) in read(changes)? {
            if self.by_start.insert(start, section).is_none() {
                self.unverified.fetch_add(1, Ordering::AcqRel);
            }
        }
        Some(())
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote; none of them is verified.
    pub(super) fn from_bytes(bytes: &[u8], rows: u64) -> Option<Self> {
        let by_start: BTreeMap<_, _> = read(bytes)?.into_iter().collect();
        by_start.contains_key(&[][..]).then(|| Self {
            unverified: AtomicUsize::new(by_start.len()),
            by_start,
            rows,
            long: BTreeSet::new(),
            changed: BTreeSet::new(),
        })
    }

    fn reach(&self, start: Vec<u8>) -> Reach {
        let later = (Excluded(&start[..]), Unbounded);
        let next = self.by_start.range::<[u8], _>(later).next();
        let end = next.map(|(next, _)| next.clone());
        Reach { start, end }
    }
}

/// Sections as they were written, by their starts; none of them is verified.
fn read(mut bytes: &[u8]) -> Option<Vec<(Vec<u8>, Section)>> {
    let mut sections = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let (start, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        let (tally, rest) = rest.split_first_chunk()?;
        let section = Section::new(Tally::from_bytes(tally), false);
        sections.push((start.to_vec(), section));
        bytes = rest;
    }
    Some(sections)
}

fn add(starts: &mut BTreeSet<Vec<u8>>, start: &[u8]) {
    if !starts.contains(start) {
        starts.insert(start.to_vec());
    }
}

fn upto(row: &[u8]) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (Unbounded, Included(row))
}

/// Rows in order, divided into sections as they come.
pub(super) struct Divided {
    sections: Vec<(Vec<u8>, Tally)>,
    length: u64,
}

impl Divided {
    /// From `start` on, in sections of so many rows.
    pub(super) fn from(start: Vec<u8>, length: u64) -> Self {
        Self {
            sections: vec![(start, Tally::default())],
            length,
        }
    }

    /// Takes in the next row.
    pub(super) fn push(&mut self, row: &[u8], fingerprint: u128) {
        match self.sections.last_mut() {
            Some((_, tally)) if tally.rows < self.length => tally.take_in(fingerprint),
            _ => {
                let mut tally = Tally::default();
                tally.take_in(fingerprint);
                self.sections.push((row.to_vec(), tally));
            }
        }
    }

    /// Takes in rows that come after all before.
    pub(super) fn extend(&mut self, others: Self) {
        for (start, tally) in others.sections {
            match self.sections.last_mut() {
                Some((_, last)) if last.rows + tally.rows <= self.length => last.add(tally),
                _ => self.sections.push((start, tally)),
            }
        }
    }

    /// What all of them come to.
    pub(super) fn total(&self) -> Tally {
        let mut total = Tally::default();
        for (_, tally) in &self.sections {
            total.add(*tally);
        }
        total
    }
}
