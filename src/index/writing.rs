//! Writing what was applied to sled: all or nothing, in order, or in packs.

use std::sync::mpsc::{self, SyncSender};

use super::batch::Rows;
use super::error::IndexError;
use super::merged::{Bounds, Merged, Stored};
use super::notes::{Note, Notes};
use super::pack::{Packer, Place, SealedPack};
use super::seal::{self, Fingerprints, REMOVED, Standing};
use super::sections::{Divided, Sections};
use super::shelf::{Firsts, SEALED_AT_ONCE, Shelf, seal_all};
use super::state::State;
use super::store::{Index, STANDING_ROW};
use super::verify::{count_within, why_they_differ};
use crate::limits;

/// Lots of packs that are sealed ahead of sled.
const LOTS_AHEAD: usize = 4;
const ALL_ROWS: Bounds = (std::ops::Bound::Unbounded, std::ops::Bound::Unbounded);

/// What the rows come to, all of them and by sections, while they are written.
pub(super) struct Tallied {
    pub(super) standing: Standing,
    pub(super) sections: Sections,
    pub(super) notes: Notes,
    pub(super) fingerprints: Fingerprints,
}

impl Tallied {
    fn take_in(&mut self, row: &[u8], sealed: &[u8]) {
        let fingerprint = self.fingerprints.of(row, sealed);
        self.standing.tally.take_in(fingerprint);
        self.sections.take_in(row, fingerprint);
    }

    fn leave_out(&mut self, row: &[u8], sealed: &[u8]) {
        let fingerprint = self.fingerprints.of(row, sealed);
        self.standing.tally.leave_out(fingerprint);
        self.sections.leave_out(row, fingerprint);
    }
}

impl Index {
    /// Writes what waits to sled, with the standing it leads to.
    pub(super) fn write(&self, state: &mut State) -> Result<(), IndexError> {
        if state.position() == state.standing().position {
            return Ok(());
        }
        let written = if state.is_being_built() && self.is_much(state) {
            self.write_packed(state)
        } else {
            let standing = Standing {
                position: state.position(),
                root: state.root(),
                ..state.standing()
            };
            let rows = state.take_waiting();
            let (sections, notes) = state.take_sections();
            let mut tally = Tallied {
                standing,
                sections,
                notes,
                fingerprints: self.seals().fingerprints(),
            };
            let written = match rows.len() <= limits::INDEX_BATCH_ROWS {
                true => self.write_whole(rows, &mut tally, state.shelves()),
                false => self.write_in_order(rows, &mut tally, state.shelves()),
            };
            let divided = written.and_then(|()| self.divide_sections(&mut tally.sections));
            divided.map(|()| state.written(tally.standing, tally.sections, tally.notes))
        };
        written.map_err(|error| self.stop(error))
    }

    /// Puts what waits aside in a run, while the index is built.
    pub(super) fn shelve(&self, state: &mut State) -> Result<(), IndexError> {
        let number = u32::try_from(state.shelves().len()).unwrap_or(u32::MAX);
        let shelved = self.folder().run(number).map_err(IndexError::from);
        let rows = state.take_waiting();
        let shelved = shelved.and_then(|path| {
            Shelf::run(
                number,
                &path,
                rows,
                self.sizes().pack_bytes,
                self.seals(),
                self.entropy(),
            )
        });
        state.shelve(shelved.map_err(|error| self.stop(error))?);
        Ok(())
    }

    /// Whether an index being built is better packed.
    fn is_much(&self, state: &State) -> bool {
        !state.shelves().is_empty() || state.waiting().len() > self.sizes().loose_rows
    }

    /// Writes all or nothing.
    pub(super) fn write_whole(
        &self,
        rows: Rows,
        tally: &mut Tallied,
        packs: &[Shelf],
    ) -> Result<(), IndexError> {
        let mut batch = sled::Batch::default();
        for (row, value) in rows {
            if let Some(old) = self.engine().get(&row)? {
                tally.leave_out(&row, &old);
            }
            match self.sealed(&row, value, packs)? {
                Some(sealed) => {
                    tally.take_in(&row, &sealed);
                    batch.insert(row, sealed);
                }
                None => batch.remove(row),
            }
        }
        if let Some(note) = self.note(tally)? {
            batch.insert(note.key, note.sealed);
        }
        for key in tally.notes.take_superfluous() {
            batch.remove(key);
        }
        batch.insert(&STANDING_ROW, self.stamp(tally.standing, seal::Place::Row)?);
        Ok(self.engine().apply(batch)?)
    }

    /// Writes in the order of the keys, which costs sled little more than half of what batches do,
    /// since it takes those in no order. Until the end there is no standing row, by which an
    /// interruption is noticed.
    pub(super) fn write_in_order(
        &self,
        rows: Rows,
        tally: &mut Tallied,
        packs: &[Shelf],
    ) -> Result<(), IndexError> {
        self.engine().remove(&STANDING_ROW)?;
        for (row, value) in rows {
            let old = match self.sealed(&row, value, packs)? {
                Some(sealed) => {
                    tally.take_in(&row, &sealed);
                    self.engine().insert(&row, sealed)?
                }
                None => self.engine().remove(&row)?,
            };
            if let Some(old) = old {
                tally.leave_out(&row, &old);
            }
        }
        if let Some(note) = self.note(tally)? {
            self.engine().insert(&note.key, note.sealed)?;
        }
        for key in tally.notes.take_superfluous() {
            self.engine().remove(&key)?;
        }
        let stamp = self.stamp(tally.standing, seal::Place::Row)?;
        self.engine().insert(&STANDING_ROW, stamp)?;
        Ok(())
    }

    /// The note of the sections that are being changed.
    fn note(&self, tally: &mut Tallied) -> Result<Option<Note>, IndexError> {
        let Some(changes) = tally.sections.take_changes() else {
            return Ok(None);
        };
        let (position, seals) = (tally.standing.position, self.seals());
        let note = tally.notes.add(position, &changes, seals, self.entropy())?;
        Ok(Some(note))
    }

    /// Divides the sections that have grown long, which looks through them once more.
    fn divide_sections(&self, sections: &mut Sections) -> Result<(), IndexError> {
        let fingerprints = self.seals().fingerprints();
        while let Some((reach, recorded)) = sections.long() {
            let length = self.sizes().section_rows;
            let found = count_within(self.engine(), &fingerprints, &reach, length)?;
            let tally = found.rows.total();
            if tally != recorded {
                let (engine, bounds) = (self.engine(), reach.bounds());
                let why = why_they_differ(engine, self.seals(), bounds, recorded, tally)?;
                return Err(IndexError::Unusable(why));
            }
            sections.divide(&reach, found.rows);
        }
        Ok(())
    }

    /// What is to lie under `row`: nothing for one that is removed, but in place of one that a pack has.
    fn sealed(
        &self,
        row: &[u8],
        value: Option<Vec<u8>>,
        packs: &[Shelf],
    ) -> Result<Option<Vec<u8>>, IndexError> {
        let value = match &value {
            Some(value) => value.as_slice(),
            None => {
                let mut hides = false;
                for shelf in packs {
                    let found = shelf.find(row, self.opener());
                    hides |= found.map_err(|trouble| trouble.with("packs"))?.is_some();
                }
                if !hides {
                    return Ok(None);
                }
                REMOVED
            }
        };
        Ok(Some(self.seals().seal_row(row, value, self.entropy())?))
    }

    /// Writes everything that was ever applied, each row as it stands now, into an empty sled. Until
    /// the end there is no standing row: what is interrupted is built anew.
    fn write_packed(&self, state: &mut State) -> Result<(), IndexError> {
        self.engine().remove(&STANDING_ROW)?;
        let mut standing = Standing {
            position: state.position(),
            root: state.root(),
            ..Standing::beginning()
        };
        let fingerprints = self.seals().fingerprints();
        let mut firsts = Firsts::default();
        let mut packs = Divided::from(Vec::new(), self.sizes().section_rows);
        let mut insert = |pack: SealedPack| {
            packs.push(&pack.key, fingerprints.of(&pack.key, &pack.sealed));
            firsts.push(&pack.first);
            self.engine().insert(&pack.key, pack.sealed).map(drop)
        };
        let (send, lots) = mpsc::sync_channel(LOTS_AHEAD);
        let everything: &State = state;
        std::thread::scope(|threads| {
            let packing = threads.spawn(move || self.pack(everything, &send));
            let inserted = lots.iter().flatten().try_for_each(&mut insert);
            // Whoever still packs sees that nobody takes it any more.
            drop(lots);
            let packed = packing.join().map_err(|_| IndexError::Stopped)?;
            inserted.map_err(IndexError::from).and(packed)
        })?;
        standing.tally = packs.total();
        let stamp = self.stamp(standing, seal::Place::Row)?;
        self.engine().insert(&STANDING_ROW, stamp)?;
        let sections = Sections::of(packs, self.sizes().section_rows);
        state.packed(standing, sections, Shelf::in_sled(firsts));
        Ok(self.folder().discard_runs()?)
    }

    /// Packs and seals everything that was applied, and sends it on in lots.
    fn pack(&self, state: &State, lots: &SyncSender<Vec<SealedPack>>) -> Result<(), IndexError> {
        let (waiting, shelves) = (state.waiting(), state.shelves());
        let mut rows = Merged::new(&ALL_ROWS, false, waiting, None, shelves, self.opener());
        let (mut packer, mut loose) = (Packer::default(), Vec::new());
        loop {
            let row = rows.next();
            let is_last = row.is_none();
            loose.extend(match row {
                Some(row) => {
                    let (row, stored) = row.map_err(|trouble| trouble.with("runs"))?;
                    let value = match &stored {
                        Stored::Open(value) => &value[..],
                        Stored::Sealed(_) => return Err(IndexError::Damaged { table: "runs" }),
                    };
                    packer.push(row.as_ref(), Some(value), self.sizes().pack_bytes)
                }
                None => packer.take(),
            });
            if is_last || loose.len() >= SEALED_AT_ONCE {
                let lot = std::mem::take(&mut loose);
                let lot = seal_all(lot, Place::Sled, self.seals(), self.entropy())?;
                if lots.send(lot).is_err() || is_last {
                    return Ok(());
                }
            }
        }
    }
}
