//! Reading rows, all as of one moment.

use std::borrow::Cow;
use std::sync::RwLockReadGuard;

use serde::de::DeserializeOwned;

use super::error::IndexError;
use super::key::{Leads, RowKey};
use super::merged::{Merged, Stored, bounds};
use super::seal;
use super::shelf::Trouble;
use super::state::State;
use super::store::Index;
use super::table::Table;

/// The index as of one moment: while it is held no batch is applied.
///
/// Hold it briefly, never across an `await`, and take only one at a time on a thread.
pub struct Reader<'a> {
    index: &'a Index,
    state: RwLockReadGuard<'a, State>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(index: &'a Index, state: RwLockReadGuard<'a, State>) -> Self {
        Self { index, state }
    }

    /// Journal records applied.
    pub fn position(&self) -> u64 {
        self.state.position()
    }

    #[cfg(test)]
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// The value under `key`, if there is one.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] and [`IndexError::Sled`], after which the index is stopped, and
    /// [`IndexError::NotOfThisVersion`].
    pub fn get<K: RowKey, V: DeserializeOwned>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<V>, IndexError> {
        let row = table.row(key);
        self.index.looks().note(table.byte(), 0);
        self.stored(table, &row)?
            .map(|stored| self.value_of(table, &row, stored))
            .transpose()
    }

    /// Whether there is a row under `key`.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] and [`IndexError::Sled`], after which the index is stopped.
    pub fn contains<K: RowKey, V>(&self, table: &Table<K, V>, key: &K) -> Result<bool, IndexError> {
        let row = table.row(key);
        self.index.looks().note(table.byte(), 0);
        Ok(self.stored(table, &row)?.is_some())
    }

    /// Up to `limit` rows under `lead` in the order of their keys, beginning after `after`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn page<K: RowKey, V: DeserializeOwned, L: Leads<K>>(
        &self,
        table: &Table<K, V>,
        lead: &L,
        after: Option<&K>,
        limit: usize,
    ) -> Result<Vec<(K, V)>, IndexError> {
        self.rows(table, lead, after, false, limit)
    }

    /// Up to `limit` rows under `lead` from the last key to the first, beginning before `before`.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn page_back<K: RowKey, V: DeserializeOwned, L: Leads<K>>(
        &self,
        table: &Table<K, V>,
        lead: &L,
        before: Option<&K>,
        limit: usize,
    ) -> Result<Vec<(K, V)>, IndexError> {
        self.rows(table, lead, before, true, limit)
    }

    /// How many rows there are under `lead`; it walks over all of them.
    ///
    /// # Errors
    /// [`IndexError::Damaged`] and [`IndexError::Sled`], after which the index is stopped.
    pub fn count<K: RowKey, V, L: Leads<K>>(
        &self,
        table: &Table<K, V>,
        lead: &L,
    ) -> Result<u64, IndexError> {
        let start = table.rows_under(lead);
        let mut count = 0;
        let merged = self.merged(table, &start, None, false)?;
        for row in merged.into_iter().flatten() {
            row.map_err(|trouble| self.stop(trouble, table))?;
            count += 1;
        }
        let rows = usize::try_from(count).unwrap_or(usize::MAX);
        self.index.looks().note(table.byte(), rows);
        Ok(count)
    }

    fn rows<K: RowKey, V: DeserializeOwned, L: Leads<K>>(
        &self,
        table: &Table<K, V>,
        lead: &L,
        cursor: Option<&K>,
        backwards: bool,
        limit: usize,
    ) -> Result<Vec<(K, V)>, IndexError> {
        let start = table.rows_under(lead);
        let cursor = cursor.map(|key| table.row(key));
        let mut rows = Vec::new();
        let merged = self.merged(table, &start, cursor.as_deref(), backwards)?;
        for row in merged.into_iter().flatten().take(limit) {
            let (row, stored) = row.map_err(|trouble| self.stop(trouble, table))?;
            let value = self.value_of(table, row.as_ref(), stored)?;
            let key = table
                .key_of(row.as_ref())
                .ok_or(IndexError::NotOfThisVersion {
                    table: table.name(),
                })?;
            rows.push((key, value));
        }
        self.index.looks().note(table.byte(), rows.len());
        Ok(rows)
    }

    /// What lies under `row`, wherever it was last written.
    fn stored<K, V>(
        &self,
        table: &Table<K, V>,
        row: &[u8],
    ) -> Result<Option<Stored<'_>>, IndexError> {
        if let Some(waiting) = self.state.waiting().get(row) {
            let waiting = waiting.as_deref().map(Cow::Borrowed);
            return Ok(waiting.map(Stored::Open));
        }
        self.index.check_running()?;
        let found = self.find(row);
        found.map_err(|trouble| self.stop(trouble, table))
    }

    fn find(&self, row: &[u8]) -> Result<Option<Stored<'_>>, Trouble> {
        self.index.check(&self.state).row(row)?;
        if let Some(sealed) = self.index.engine().get(row)? {
            let removed = seal::is_removed(&sealed);
            return Ok((!removed).then_some(Stored::Sealed(sealed)));
        }
        for shelf in self.state.shelves().iter().rev() {
            if let Some(value) = shelf.find(row, self.index.opener())? {
                return Ok(value.map(Cow::Owned).map(Stored::Open));
            }
        }
        Ok(None)
    }

    /// The rows whose keys begin with `start`, on the far side of `cursor`, wherever they lie.
    fn merged<K, V>(
        &self,
        table: &Table<K, V>,
        start: &[u8],
        cursor: Option<&[u8]>,
        backwards: bool,
    ) -> Result<Option<Merged<'_>>, IndexError> {
        let Some(bounds) = bounds(start, cursor, backwards) else {
            return Ok(None);
        };
        self.index.check_running()?;
        let sealed = self.index.check(&self.state).scan(&bounds, backwards);
        let sealed = sealed.map_err(|failure| self.stop(failure.into(), table))?;
        let opener = self.index.opener();
        Ok(Some(Merged::new(
            &bounds,
            backwards,
            self.state.waiting(),
            Some(sealed),
            self.state.shelves(),
            opener,
        )))
    }

    fn value_of<K, V: DeserializeOwned>(
        &self,
        table: &Table<K, V>,
        row: &[u8],
        stored: Stored<'_>,
    ) -> Result<V, IndexError> {
        let table = table.name();
        let parsed = match stored {
            Stored::Open(value) => serde_json::from_slice(&value),
            Stored::Sealed(sealed) => {
                let opened = self.index.seals().open_row(row, &sealed);
                let value = opened.map_err(|_| self.index.stop(IndexError::Damaged { table }))?;
                serde_json::from_slice(value.expose_secret())
            }
        };
        parsed.map_err(|_| IndexError::NotOfThisVersion { table })
    }

    fn stop<K, V>(&self, trouble: Trouble, table: &Table<K, V>) -> IndexError {
        self.index.stop(trouble.with(table.name()))
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader(at {})", self.position())
    }
}
