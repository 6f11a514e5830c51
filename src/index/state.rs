//! What has been applied: the part in sled, and the part that waits to be written.

use super::batch::{Batch, Rows};
use super::error::IndexError;
use super::notes::Notes;
use super::seal::Standing;
use super::sections::Sections;
use super::shelf::Shelf;

/// What has been applied. While an index is built from nothing, all of it is here and in runs; then
/// packs are written, and it is at most what was gathered since.
pub(super) struct State {
    standing: Standing,
    /// What each section of the rows in sled comes to.
    sections: Sections,
    /// What is noted of them in sled.
    notes: Notes,
    position: u64,
    root: [u8; 32],
    waiting: Rows,
    waiting_bytes: usize,
    /// From the oldest: the runs of an index being built, or the packs in sled.
    shelves: Vec<Shelf>,
}

impl State {
    pub(super) fn at(standing: Standing, sections: Sections, packs: Option<Shelf>) -> Self {
        Self {
            standing,
            sections,
            notes: Notes::default(),
            position: standing.position,
            root: standing.root,
            waiting: Rows::new(),
            waiting_bytes: 0,
            shelves: packs.into_iter().collect(),
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn root(&self) -> [u8; 32] {
        self.root
    }

    /// What is in sled.
    pub(super) fn standing(&self) -> Standing {
        self.standing
    }

    /// What each section of the rows in sled comes to.
    pub(super) fn sections(&self) -> &Sections {
        &self.sections
    }

    /// Takes out the sections and what is noted of them, to change them with what is in sled.
    pub(super) fn take_sections(&mut self) -> (Sections, Notes) {
        let none = Sections::empty(0);
        let sections = std::mem::replace(&mut self.sections, none);
        (sections, std::mem::take(&mut self.notes))
    }

    /// Takes in that the file of sections is as of `position`.
    pub(super) fn settle_notes(&mut self, position: u64) {
        self.notes.settle(position);
    }

    /// With the notes that are in sled.
    pub(super) fn with_notes(self, notes: Notes) -> Self {
        Self { notes, ..self }
    }

    /// Whether nothing is in sled yet.
    pub(super) fn is_being_built(&self) -> bool {
        self.standing.position == 0
    }

    /// Rows put and removed by batches that are not yet in sled.
    pub(super) fn waiting(&self) -> &Rows {
        &self.waiting
    }

    /// How much waits, in bytes.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Where packs are, from the oldest.
    pub(super) fn shelves(&self) -> &[Shelf] {
        &self.shelves
    }

    /// Adds a batch to what waits, if it is the next one.
    pub(super) fn gather(
        &mut self,
        batch: Batch,
        position: u64,
        root: [u8; 32],
    ) -> Result<(), IndexError> {
        let applied = self.position;
        if applied.checked_add(1) != Some(position) {
            return Err(IndexError::OutOfOrder {
                applied,
                given: position,
            });
        }
        for (row, value) in batch.into_rows() {
            let (row_bytes, bytes) = (row.len(), value.as_ref().map_or(0, Vec::len));
            self.waiting_bytes += row_bytes + bytes;
            if let Some(before) = self.waiting.insert(row, value) {
                let before = row_bytes + before.map_or(0, |value| value.len());
                self.waiting_bytes = self.waiting_bytes.saturating_sub(before);
            }
        }
        self.position = position;
        self.root = root;
        Ok(())
    }

    /// Takes out what waits.
    pub(super) fn take_waiting(&mut self) -> Rows {
        self.waiting_bytes = 0;
        std::mem::take(&mut self.waiting)
    }

    /// Notes a run of what waited.
    pub(super) fn shelve(&mut self, run: Shelf) {
        self.shelves.push(run);
    }

    /// Notes what is in sled now; the packs stay as they are.
    pub(super) fn written(&mut self, standing: Standing, sections: Sections, notes: Notes) {
        self.standing = standing;
        self.sections = sections;
        self.notes = notes;
    }

    /// Notes that all of it is in sled, in `packs`.
    pub(super) fn packed(&mut self, standing: Standing, sections: Sections, packs: Shelf) {
        *self = Self::at(standing, sections, Some(packs));
    }
}
