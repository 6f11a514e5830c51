//! What one journal record changes, gathered before it is applied.

use std::collections::BTreeMap;

use serde::Serialize;

use super::error::IndexError;
use super::key::RowKey;
use super::table::Table;

/// Rows by their whole key; nothing stands for a row that is removed.
pub(super) type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Rows to put and remove together, over any number of tables.
///
/// Of two changes to one row the later stands.
#[derive(Default)]
pub struct Batch {
    rows: Rows,
    /// Where values are written before it is known how long they are.
    scratch: Vec<u8>,
}

impl Batch {
    /// A batch that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts `value` under `key`, in place of what is there.
    ///
    /// # Errors
    /// [`IndexError::NotAValue`] when the value has no form in JSON, such as a map whose keys are not texts.
    pub fn put<K: RowKey, V: Serialize>(
        &mut self,
        table: &Table<K, V>,
        key: &K,
        value: &V,
    ) -> Result<(), IndexError> {
        self.scratch.clear();
        let written = serde_json::to_writer(&mut self.scratch, value);
        written.map_err(|reason| IndexError::NotAValue {
            table: table.name(),
            reason: reason.to_string(),
        })?;
        let value = self.scratch.as_slice().to_vec();
        self.rows.insert(table.row(key), Some(value));
        Ok(())
    }

    /// Removes the row under `key`, if there is one.
    pub fn remove<K: RowKey, V>(&mut self, table: &Table<K, V>, key: &K) {
        self.rows.insert(table.row(key), None);
    }

    /// Whether the batch changes no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows the batch puts or removes.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn into_rows(self) -> Rows {
        self.rows
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Batch({} rows)", self.rows.len())
    }
}
