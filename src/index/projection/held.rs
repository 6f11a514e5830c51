//! How much studies hold, and how much people have under way: counted, so that nobody has to scan.

use super::super::error::IndexError;
use super::super::tables;
use super::Projection;
use crate::id::{PersonId, StudyId};
use crate::model::{Held, Item};

impl Projection<'_> {
    /// An upload of this item began.
    pub(super) fn count_coming(&mut self, item: &Item) -> Result<(), IndexError> {
        *self.unfinished(item.depositor)? += 1;
        let held = self.held(item.study)?;
        held.coming_items += 1;
        held.coming_bytes = held.coming_bytes.saturating_add(item.length);
        Ok(())
    }

    /// The upload of this item is over, whatever came of it.
    pub(super) fn count_come(&mut self, item: &Item) -> Result<(), IndexError> {
        let unfinished = self.unfinished(item.depositor)?;
        *unfinished = unfinished.saturating_sub(1);
        let held = self.held(item.study)?;
        held.coming_items = held.coming_items.saturating_sub(1);
        held.coming_bytes = held.coming_bytes.saturating_sub(item.length);
        Ok(())
    }

    /// The item is stored.
    pub(super) fn count_stored(&mut self, item: &Item) -> Result<(), IndexError> {
        let held = self.held(item.study)?;
        held.items += 1;
        held.bytes = held.bytes.saturating_add(item.length);
        Ok(())
    }

    /// The item is erased, and was not before.
    pub(super) fn count_erased(&mut self, item: &Item) -> Result<(), IndexError> {
        let held = self.held(item.study)?;
        held.items = held.items.saturating_sub(1);
        held.bytes = held.bytes.saturating_sub(item.length);
        Ok(())
    }

    /// Puts the counts that changed.
    pub(super) fn put_counts(&mut self) -> Result<(), IndexError> {
        for (study, held) in std::mem::take(&mut self.held) {
            match held == Held::default() {
                true => self.batch.remove(&tables::HELD, &study),
                false => self.batch.put(&tables::HELD, &study, &held)?,
            }
        }
        for (person, count) in std::mem::take(&mut self.unfinished) {
            match count {
                0 => self.batch.remove(&tables::UNFINISHED_BY, &person),
                count => self.batch.put(&tables::UNFINISHED_BY, &person, &count)?,
            }
        }
        Ok(())
    }

    fn held(&mut self, study: StudyId) -> Result<&mut Held, IndexError> {
        if !self.held.contains_key(&study) {
            let row = self.before.get(&tables::HELD, &study)?;
            self.held.insert(study, row.unwrap_or_default());
        }
        Ok(self.held.entry(study).or_default())
    }

    fn unfinished(&mut self, person: PersonId) -> Result<&mut u64, IndexError> {
        if !self.unfinished.contains_key(&person) {
            let row = self.before.get(&tables::UNFINISHED_BY, &person)?;
            self.unfinished.insert(person, row.unwrap_or_default());
        }
        Ok(self.unfinished.entry(person).or_default())
    }
}
