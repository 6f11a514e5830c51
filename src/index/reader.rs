//! Reading rows, all as of one moment.

use std::collections::btree_map;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::RwLockReadGuard;

use serde::de::DeserializeOwned;
use sled::IVec;

use super::engine::{Failure, Scan};
use super::error::IndexError;
use super::key::{Leads, RowKey};
use super::store::{Index, State};
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
        let stored = match self.state.waiting().get(&row) {
            Some(waiting) => waiting.as_deref().map(Stored::Waiting),
            None => self
                .sled(|index| index.engine().get(&row))?
                .map(Stored::Sealed),
        };
        stored
            .map(|stored| self.value_of(table, &row, stored))
            .transpose()
    }

    /// Whether there is a row under `key`.
    ///
    /// # Errors
    /// [`IndexError::Sled`], after which the index is stopped.
    pub fn contains<K: RowKey, V>(&self, table: &Table<K, V>, key: &K) -> Result<bool, IndexError> {
        let row = table.row(key);
        self.index.looks().note(table.byte(), 0);
        match self.state.waiting().get(&row) {
            Some(waiting) => Ok(waiting.is_some()),
            None => self.sled(|index| index.engine().contains(&row)),
        }
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
    /// [`IndexError::Sled`], after which the index is stopped.
    pub fn count<K: RowKey, V, L: Leads<K>>(
        &self,
        table: &Table<K, V>,
        lead: &L,
    ) -> Result<u64, IndexError> {
        let start = table.rows_under(lead);
        let mut count = 0;
        let merged = self.merged(&start, None, false)?;
        for row in merged.into_iter().flatten() {
            row.map_err(|failure| self.index.stop(failure.into()))?;
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
        let merged = self.merged(&start, cursor.as_deref(), backwards)?;
        for row in merged.into_iter().flatten().take(limit) {
            let (row, stored) = row.map_err(|failure| self.index.stop(failure.into()))?;
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

    /// The rows whose keys begin with `start`, on the far side of `cursor`, on disk and waiting.
    fn merged(
        &self,
        start: &[u8],
        cursor: Option<&[u8]>,
        backwards: bool,
    ) -> Result<Option<Merged<'_>>, IndexError> {
        let Some(bounds) = bounds(start, cursor, backwards) else {
            return Ok(None);
        };
        let sealed = self.sled(|index| index.engine().scan(as_slices(&bounds), backwards))?;
        let waiting = Waiting {
            rows: self.state.waiting().range::<[u8], _>(as_slices(&bounds)),
            backwards,
        };
        Ok(Some(Merged {
            sealed: sealed.peekable(),
            waiting: waiting.peekable(),
            backwards,
        }))
    }

    fn value_of<K, V: DeserializeOwned>(
        &self,
        table: &Table<K, V>,
        row: &[u8],
        stored: Stored<'_>,
    ) -> Result<V, IndexError> {
        let table = table.name();
        let parsed = match stored {
            Stored::Waiting(value) => serde_json::from_slice(value),
            Stored::Sealed(sealed) => {
                let opened = self.index.seals().open_row(row, &sealed);
                let value = opened.map_err(|_| self.index.stop(IndexError::Damaged { table }))?;
                serde_json::from_slice(value.expose_secret())
            }
        };
        parsed.map_err(|_| IndexError::NotOfThisVersion { table })
    }

    fn sled<T>(&self, ask: impl FnOnce(&Index) -> Result<T, Failure>) -> Result<T, IndexError> {
        self.index.check_running()?;
        ask(self.index).map_err(|failure| self.index.stop(failure.into()))
    }
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader(at {})", self.position())
    }
}

/// A value as it is found.
enum Stored<'a> {
    /// Put by a batch that is not yet in sled.
    Waiting(&'a [u8]),
    /// In sled.
    Sealed(IVec),
}

/// The key of a row, wherever it was found.
enum Row<'a> {
    Waiting(&'a [u8]),
    Sealed(IVec),
}

impl AsRef<[u8]> for Row<'_> {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Waiting(row) => row,
            Self::Sealed(row) => row,
        }
    }
}

/// The rows in sled, with those that wait in their place.
struct Merged<'a> {
    sealed: Peekable<Scan>,
    waiting: Peekable<Waiting<'a>>,
    backwards: bool,
}

impl<'a> Iterator for Merged<'a> {
    type Item = Result<(Row<'a>, Stored<'a>), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (in_sled, waits) = match (self.sealed.peek(), self.waiting.peek()) {
                (Some(Ok((sealed, _))), Some((waiting, _))) => {
                    let order = sealed.as_ref().cmp(waiting);
                    let order = if self.backwards {
                        order.reverse()
                    } else {
                        order
                    };
                    (order.is_le(), order.is_ge())
                }
                (sealed, waiting) => (sealed.is_some(), waiting.is_some()),
            };
            let sealed = if in_sled { self.sealed.next() } else { None };
            let waiting = if waits { self.waiting.next() } else { None };
            match (waiting, sealed) {
                (_, Some(Err(failure))) => return Some(Err(failure)),
                (Some((row, Some(value))), _) => {
                    return Some(Ok((Row::Waiting(row), Stored::Waiting(value))));
                }
                (Some((_, None)), _) => {}
                (None, Some(Ok((row, sealed)))) => {
                    return Some(Ok((Row::Sealed(row), Stored::Sealed(sealed))));
                }
                (None, None) => return None,
            }
        }
    }
}

/// The rows of batches that are not yet in sled.
struct Waiting<'a> {
    rows: btree_map::Range<'a, Vec<u8>, Option<Vec<u8>>>,
    backwards: bool,
}

impl<'a> Iterator for Waiting<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let next = match self.backwards {
            true => self.rows.next_back(),
            false => self.rows.next(),
        };
        next.map(|(row, value)| (row.as_slice(), value.as_deref()))
    }
}

type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The keys that begin with `start`, less those up to the cursor in the direction of travel; nothing
/// when none are left.
fn bounds(start: &[u8], cursor: Option<&[u8]>, backwards: bool) -> Option<Bounds> {
    let end = end_of(start);
    let past_end = |key: &[u8]| end.as_ref().is_some_and(|end| key >= end.as_slice());
    let first = Bound::Included(start.to_vec());
    let last = end.clone().map_or(Bound::Unbounded, Bound::Excluded);
    match cursor {
        Some(cursor) if backwards && cursor <= start => None,
        Some(cursor) if backwards && !past_end(cursor) => {
            Some((first, Bound::Excluded(cursor.to_vec())))
        }
        Some(cursor) if !backwards && past_end(cursor) => None,
        Some(cursor) if !backwards && cursor >= start => {
            Some((Bound::Excluded(cursor.to_vec()), last))
        }
        _ => Some((first, last)),
    }
}

/// The first key after all that begin with `start`.
fn end_of(start: &[u8]) -> Option<Vec<u8>> {
    let mut end = start.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

fn as_slices((first, end): &Bounds) -> (Bound<&[u8]>, Bound<&[u8]>) {
    (
        first.as_ref().map(Vec::as_slice),
        end.as_ref().map(Vec::as_slice),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_the_next_begins() {
        assert_eq!(end_of(&[1, 2]), Some(vec![1, 3]));
        assert_eq!(end_of(&[1, 0xFF, 0xFF]), Some(vec![2]));
        assert_eq!(end_of(&[0xFF, 0xFF]), None);
    }

    #[test]
    fn a_cursor_outside_the_prefix_does_not_widen_it() {
        let start = [5, 5];
        let whole = bounds(&start, None, false);
        assert!(whole.is_some());
        assert_eq!(bounds(&start, Some(&[4, 9]), false), whole);
        assert_eq!(bounds(&start, Some(&[6, 0]), true), whole);
        assert_eq!(bounds(&start, Some(&[6, 0]), false), None);
        assert_eq!(bounds(&start, Some(&[5, 5]), true), None);
        assert_eq!(bounds(&start, Some(&[4, 0]), true), None);
    }
}
