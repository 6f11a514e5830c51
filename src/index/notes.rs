//! Notes in sled of what each batch made of the sections it changed.
//!
//! The file of sections is as old as the last time the index was made durable, and after a crash sled
//! has more. Each batch carries a note of the sections it changed, by which the file is brought up to
//! what sled has; that it is, is known by the sum of all. Notes no file needs any more are removed by
//! later batches. Neither counts among the rows.

use std::ops::Bound::{Excluded, Included};

use super::engine::{Engine, Failure};
use super::seal::Seals;
use super::sections::Sections;
use super::table::RESERVED;
use crate::entropy::{Entropy, EntropyError};

/// What the keys of notes begin with: less than that of any row, and more than that of any pack.
pub(super) const NOTES: [u8; 2] = [RESERVED, 3];
const AFTER_NOTES: [u8; 2] = [RESERVED, 4];

/// Most notes that one batch removes.
const REMOVED_AT_ONCE: usize = 64;

/// The key of the note that the batch up to `position` carries.
fn key(position: u64) -> Vec<u8> {
    [&NOTES[..], &position.to_be_bytes()].concat()
}

/// A note, sealed, and its key.
pub(super) struct Note {
    pub(super) key: Vec<u8>,
    pub(super) sealed: Vec<u8>,
}

/// The notes in sled, by the position of their batches.
#[derive(Default)]
pub(super) struct Notes {
    needed: Vec<u64>,
    superfluous: Vec<u64>,
}

impl Notes {
    /// Makes and counts the note of the batch up to `position`, which changes these sections.
    pub(super) fn add(
        &mut self,
        position: u64,
        changes: &[u8],
        seals: &Seals,
        entropy: &dyn Entropy,
    ) -> Result<Note, EntropyError> {
        let key = key(position);
        let sealed = seals.seal_row(&key, changes, entropy)?;
        self.needed.push(position);
        Ok(Note { key, sealed })
    }

    /// Takes in that the file of sections is as of `position`.
    pub(super) fn settle(&mut self, position: u64) {
        let settled = self.needed.extract_if(.., |noted| *noted <= position);
        self.superfluous.extend(settled);
    }

    /// The keys of some that are to be removed now.
    pub(super) fn take_superfluous(&mut self) -> impl Iterator<Item = Vec<u8>> {
        let left = self.superfluous.len().saturating_sub(REMOVED_AT_ONCE);
        self.superfluous.drain(left..).map(key)
    }

    /// Those in sled, none of which any file needs.
    pub(super) fn superfluous(engine: &Engine) -> Result<Self, Failure> {
        let mut notes = Self::default();
        for note in engine.scan((Included(&NOTES), Excluded(&AFTER_NOTES)), false)? {
            notes.superfluous.extend(position_of(&note?.0));
        }
        Ok(notes)
    }

    /// Brings `sections`, which are as of `position`, up to what the notes say; nothing when one of them
    /// is not what was written.
    pub(super) fn catch_up(
        engine: &Engine,
        seals: &Seals,
        sections: &mut Sections,
        position: u64,
    ) -> Result<Option<Self>, Failure> {
        let mut notes = Self::default();
        for note in engine.scan((Included(&NOTES), Excluded(&AFTER_NOTES)), false)? {
            let (key, sealed) = note?;
            let Some(noted) = position_of(&key) else {
                return Ok(None);
            };
            if noted <= position {
                notes.superfluous.push(noted);
                continue;
            }
            let changed = seals.open_row(&key, &sealed).ok();
            let taken_in = changed.and_then(|changed| sections.change(changed.expose_secret()));
            if taken_in.is_none() {
                return Ok(None);
            }
            notes.needed.push(noted);
        }
        Ok(Some(notes))
    }
}

fn position_of(key: &[u8]) -> Option<u64> {
    let position = key.strip_prefix(&NOTES)?.try_into().ok()?;
    Some(u64::from_be_bytes(position))
}
