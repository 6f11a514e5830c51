//! Typed tables: key prefixes inside the one sled tree, so that one batch is atomic over all.

use std::fmt;
use std::marker::PhantomData;

use super::key::{Leads, RowKey};

/// The first byte of keys that belong to the index itself.
pub(super) const RESERVED: u8 = 0;

/// A table whose rows have keys of type `K` and values of type `V`.
///
/// Make each one a `const`, with a byte that no other table has.
pub struct Table<K, V> {
    byte: u8,
    name: &'static str,
    holds: PhantomData<fn(K) -> V>,
}

impl<K, V> Table<K, V> {
    /// The table whose row keys begin with `byte`, called `name` in errors.
    ///
    /// # Panics
    /// When `byte` is 0, which is the index's own; for a `const` that is at compile time.
    pub const fn new(byte: u8, name: &'static str) -> Self {
        assert!(byte != RESERVED, "byte 0 belongs to the index itself");
        Self {
            byte,
            name,
            holds: PhantomData,
        }
    }

    /// The byte that the table's row keys begin with.
    pub const fn byte(&self) -> u8 {
        self.byte
    }

    /// What errors call the table.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<K: RowKey, V> Table<K, V> {
    /// The whole key of a row, as sled orders it.
    pub(super) fn row(&self, key: &K) -> Vec<u8> {
        let mut row = vec![self.byte];
        key.write(&mut row);
        row
    }

    /// What the keys of all rows under `lead` begin with.
    pub(super) fn rows_under<L: Leads<K>>(&self, lead: &L) -> Vec<u8> {
        let mut start = vec![self.byte];
        lead.write_lead(&mut start);
        start
    }

    /// Reads back what [`row`](Self::row) wrote, or nothing when it is not that.
    pub(super) fn key_of(&self, row: &[u8]) -> Option<K> {
        let (byte, mut rest) = row.split_first()?;
        let key = K::read(&mut rest)?;
        (*byte == self.byte && rest.is_empty()).then_some(key)
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} {})", self.byte, self.name)
    }
}
