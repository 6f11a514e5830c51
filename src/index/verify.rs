//! Comparing what is in sled with what was written there, row by row, on all processors.

use std::ops::Bound::{Excluded, Unbounded};

use rayon::prelude::*;

use super::engine::{Engine, Failure};
use super::error::Unusable;
use super::pack::PACKS;
use super::seal::{Fingerprints, Seals, Standing};
use super::shelf::Firsts;
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
#[derive(Default)]
pub(super) struct Found {
    pub(super) rows: u64,
    pub(super) damaged: u64,
    pub(super) checksum: u128,
    /// The packs among them.
    pub(super) packs: Firsts,
}

/// Opens every row and every pack.
pub(super) fn count_rows(engine: &Engine, seals: &Seals) -> Result<Found, Failure> {
    let fingerprints = seals.fingerprints();
    let starts = starts();
    let ends = starts.iter().skip(1).map(Some).chain([None]);
    let parts: Vec<_> = starts.iter().zip(ends).collect();
    let parts = parts.into_par_iter().with_max_len(1);
    let found: Vec<Found> = parts
        .map(|(start, end)| count_between(engine, seals, &fingerprints, start, end))
        .collect::<Result<_, _>>()?;
    let mut all = Found::default();
    for part in found {
        all.rows += part.rows;
        all.damaged += part.damaged;
        all.checksum = all.checksum.wrapping_add(part.checksum);
        all.packs.extend(&part.packs);
    }
    Ok(all)
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
    let mut starts = vec![STANDING_ROW.to_vec()];
    starts.extend(parts(&PACKS));
    starts.extend(parts(&[]).filter(|start| !start.starts_with(&STANDING_ROW)));
    starts
}

/// Counts what lies from `start`, the standing row excepted, to before `end`.
fn count_between(
    engine: &Engine,
    seals: &Seals,
    fingerprints: &Fingerprints,
    start: &[u8],
    end: Option<&Vec<u8>>,
) -> Result<Found, Failure> {
    let mut found = Found::default();
    let from = match start == STANDING_ROW {
        true => Excluded(start),
        false => std::ops::Bound::Included(start),
    };
    let to = end.map_or(Unbounded, |end| Excluded(&end[..]));
    for row in engine.scan((from, to), false)? {
        let (row, sealed) = row?;
        found.rows += 1;
        found.damaged += u64::from(seals.open_row(&row, &sealed).is_err());
        let fingerprint = fingerprints.of(&row, &sealed);
        found.checksum = found.checksum.wrapping_add(fingerprint);
        if let Some(first) = row.strip_prefix(&PACKS) {
            found.packs.push(first);
        }
    }
    Ok(found)
}

/// Whether the rows are the ones that were written, and no older than the anchor.
pub(super) fn compare(
    recorded: Standing,
    found: &Found,
    anchored: Standing,
) -> Result<(), Unusable> {
    if found.damaged > 0 {
        return Err(Unusable::RowsDamaged {
            damaged: found.damaged,
            found: found.rows,
        });
    }
    if found.rows != recorded.rows {
        return Err(Unusable::CountDiffers {
            recorded: recorded.rows,
            found: found.rows,
        });
    }
    if found.checksum != recorded.checksum {
        return Err(Unusable::ChecksumDiffers);
    }
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
