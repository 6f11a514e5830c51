//! Comparing what is in sled with what was written there, row by row.
//!
//! Either all of it before anything is answered, on all processors; or each section before the first
//! answer from it, and the others meanwhile. Nothing is answered from what was not looked at.

use std::ops::Bound::{self, Excluded, Included, Unbounded};

use rayon::prelude::*;
use sled::IVec;

use super::engine::{Engine, Failure, Scan};
use super::error::Unusable;
use super::merged::Bounds;
use super::notes::NOTES;
use super::pack::{AFTER_PACKS, PACKS};
use super::seal::{Fingerprints, Seals, Standing, Tally};
use super::sections::{Divided, Reach, Sections};
use super::shelf::{Firsts, Trouble};
use super::store::STANDING_ROW;

/// Parts into which the keys after any one byte are divided.
const PARTS: u8 = 16;

/// Why the record of what was applied was not read.
pub(super) enum Problem {
    Failure(Failure),
    Unusable(Unusable),
}

/// What was applied, as the index itself says.
pub(super) fn recorded_standing(engine: &Engine, seals: &Seals) -> Result<Standing, Problem> {
    let row = engine.get(&STANDING_ROW).map_err(Problem::Failure)?;
    let row = row.ok_or(Problem::Unusable(Unusable::Unfinished))?;
    seals.open_standing_row(&row).map_err(Problem::Unusable)
}

/// What the rows themselves come to; a pack counts as one.
pub(super) struct Found {
    pub(super) rows: Divided,
    /// The packs among them.
    pub(super) packs: Firsts,
}

/// Looks at every row and every pack, and divides them into sections of so many.
pub(super) fn count_rows(
    engine: &Engine,
    fingerprints: &Fingerprints,
    length: u64,
) -> Result<Found, Failure> {
    let starts = starts();
    let ends = starts.iter().skip(1).cloned().map(Some).chain([None]);
    let parts = starts.iter().zip(ends).map(|(start, end)| Reach {
        start: start.clone(),
        end,
    });
    let parts: Vec<_> = parts.collect();
    let mut all = Found::from(Vec::new(), length);
    for found in count_each(engine, fingerprints, &parts, length)? {
        all.rows.extend(found.rows);
        all.packs.extend(&found.packs);
    }
    Ok(all)
}

/// Looks at the rows within each reach, on all processors.
pub(super) fn count_each(
    engine: &Engine,
    fingerprints: &Fingerprints,
    parts: &[Reach],
    length: u64,
) -> Result<Vec<Found>, Failure> {
    let parts = parts.into_par_iter().with_max_len(1);
    parts
        .map(|reach| count_within(engine, fingerprints, reach, length))
        .collect()
}

/// Where the parts begin that are counted each by itself: packs, then rows, by their table and by what
/// follows, which is an identifier drawn at random more often than not.
fn starts() -> Vec<Vec<u8>> {
    let parts = |lead: &'static [u8]| {
        (0..=u8::MAX).flat_map(move |table| {
            (0..=u8::MAX)
                .step_by(usize::from(u8::MAX / PARTS + 1))
                .map(move |next| [lead, &[table, next]].concat())
        })
    };
    let mut starts = vec![Vec::new()];
    starts.extend(parts(&PACKS));
    starts.extend(parts(&[]).filter(|start| !start.starts_with(&STANDING_ROW)));
    starts
}

/// Whether it is among the rows that are counted: the standing row is not, nor is a note of sections.
fn is_counted(row: &[u8]) -> bool {
    row != STANDING_ROW && !row.starts_with(&NOTES)
}

/// Looks at the rows within `reach`.
pub(super) fn count_within(
    engine: &Engine,
    fingerprints: &Fingerprints,
    reach: &Reach,
    length: u64,
) -> Result<Found, Failure> {
    let mut found = Found::from(reach.start.clone(), length);
    for row in engine.scan(reach.bounds(), false)? {
        let (row, sealed) = row?;
        if !is_counted(&row) {
            continue;
        }
        found.rows.push(&row, fingerprints.of(&row, &sealed));
        if let Some(first) = row.strip_prefix(&PACKS) {
            found.packs.push(first);
        }
    }
    Ok(found)
}

impl Found {
    fn from(start: Vec<u8>, length: u64) -> Self {
        Self {
            rows: Divided::from(start, length),
            packs: Firsts::default(),
        }
    }
}

/// Verifies the sections that have packs, on all processors, and gives where the packs begin: that has to
/// be known before any row is looked for.
pub(super) fn verify_packs(
    engine: &Engine,
    seals: &Seals,
    sections: &Sections,
) -> Result<Result<Firsts, Unusable>, Failure> {
    let fingerprints = seals.fingerprints();
    let recorded = sections.between(&PACKS, &AFTER_PACKS);
    let reaches: Vec<_> = recorded.iter().map(|(reach, _)| reach.clone()).collect();
    let mut packs = Firsts::default();
    let found = count_each(engine, &fingerprints, &reaches, u64::MAX)?;
    for ((reach, recorded), found) in recorded.iter().zip(found) {
        let tally = found.rows.total();
        if tally != *recorded {
            let bounds = reach.bounds();
            return why_they_differ(engine, seals, bounds, *recorded, tally).map(Err);
        }
        sections.verified(reach);
        packs.extend(&found.packs);
    }
    Ok(Ok(packs))
}

/// Why rows do not come to what they should: whether some were changed, or other ones are there.
pub(super) fn why_they_differ(
    engine: &Engine,
    seals: &Seals,
    bounds: (Bound<&[u8]>, Bound<&[u8]>),
    recorded: Tally,
    found: Tally,
) -> Result<Unusable, Failure> {
    let mut damaged = 0;
    for row in engine.scan(bounds, false)? {
        let (row, sealed) = row?;
        if is_counted(&row) {
            damaged += u64::from(seals.open_row(&row, &sealed).is_err());
        }
    }
    Ok(if damaged > 0 {
        Unusable::RowsDamaged {
            damaged,
            found: found.rows,
        }
    } else if found.rows != recorded.rows {
        Unusable::CountDiffers {
            recorded: recorded.rows,
            found: found.rows,
        }
    } else {
        Unusable::ChecksumDiffers
    })
}

/// Whether the index is no older than its anchor.
pub(super) fn compare(recorded: Standing, anchored: Standing) -> Result<(), Unusable> {
    if recorded.position < anchored.position {
        return Err(Unusable::WentBack {
            anchored: anchored.position,
            found: recorded.position,
        });
    }
    if recorded.position == anchored.position && recorded != anchored {
        return Err(Unusable::AnchorDiffers(anchored.position));
    }
    Ok(())
}

/// Verifies sections as they are needed.
#[derive(Clone, Copy)]
pub(super) struct Check<'a> {
    pub(super) engine: &'a Engine,
    pub(super) seals: &'a Seals,
    pub(super) sections: &'a Sections,
}

impl<'a> Check<'a> {
    /// Has the section verified that `row` is in, or would be in.
    pub(super) fn row(self, row: &[u8]) -> Result<(), Trouble> {
        self.between(Included(row), Included(row))
    }

    /// Has every section verified that has keys between `from` and `to`.
    pub(super) fn between(self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Result<(), Trouble> {
        if self.sections.are_verified() {
            return Ok(());
        }
        while self.next_between(from, to)? {}
        Ok(())
    }

    /// Has the next section verified that was not yet, wherever it is; false when there is none.
    pub(super) fn next(self) -> Result<bool, Trouble> {
        self.next_between(Unbounded, Unbounded)
    }

    fn next_between(self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Result<bool, Trouble> {
        let Some((reach, recorded)) = self.sections.unverified(from, to) else {
            return Ok(false);
        };
        let fingerprints = self.seals.fingerprints();
        let found = count_within(self.engine, &fingerprints, &reach, u64::MAX)?;
        let found = found.rows.total();
        if found != recorded {
            let bounds = reach.bounds();
            let why = why_they_differ(self.engine, self.seals, bounds, recorded, found)?;
            return Err(Trouble::Unusable(why));
        }
        self.sections.verified(&reach);
        Ok(true)
    }

    /// The rows within `bounds` in the order of their keys, from the last one if `backwards`, none before
    /// the sections up to it were verified.
    pub(super) fn scan(self, bounds: &Bounds, backwards: bool) -> Result<CheckedScan<'a>, Failure> {
        let (from, to) = super::merged::as_slices(bounds);
        Ok(CheckedScan {
            rows: self.engine.scan((from, to), backwards)?,
            check: self,
            backwards,
            ahead: bounds.clone(),
        })
    }
}

/// Rows in order. After an error it is not asked again.
pub(super) struct CheckedScan<'a> {
    rows: Scan,
    check: Check<'a>,
    backwards: bool,
    /// The keys not yet passed.
    ahead: Bounds,
}

impl CheckedScan<'_> {
    /// Has the sections verified that are passed on the way to `row`, or to the end.
    fn pass(&mut self, row: Option<&[u8]>) -> Result<(), Trouble> {
        let (from, to) = super::merged::as_slices(&self.ahead);
        let Some(row) = row else {
            return self.check.between(from, to);
        };
        match self.backwards {
            false => self.check.between(from, Included(row))?,
            true => self.check.between(Included(row), to)?,
        }
        let passed = Excluded(row.to_vec());
        match self.backwards {
            false => self.ahead.0 = passed,
            true => self.ahead.1 = passed,
        }
        Ok(())
    }
}

impl Iterator for CheckedScan<'_> {
    type Item = Result<(IVec, IVec), Trouble>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.rows.next().transpose();
        if self.check.sections.are_verified() {
            return next.map_err(Trouble::from).transpose();
        }
        let next = next.map_err(Trouble::from).and_then(|next| {
            self.pass(next.as_ref().map(|(row, _)| &row[..]))?;
            Ok(next)
        });
        next.transpose()
    }
}
