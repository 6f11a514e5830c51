//! How often each table was looked at.
//!
//! It is the work that a question took. Where the time an answer takes must not tell what there is,
//! this is compared instead of clocks.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Looks at each table since the index was opened, by the table's byte.
pub(super) struct Looks(Vec<AtomicU64>);

impl Looks {
    pub(super) fn none() -> Self {
        Self((0..=u8::MAX).map(|_| AtomicU64::new(0)).collect())
    }

    /// Notes a look at a table, and so many rows found there.
    pub(super) fn note(&self, byte: u8, rows: usize) {
        if let Some(looks) = self.0.get(usize::from(byte)) {
            looks.fetch_add(1 + rows as u64, Ordering::Relaxed);
        }
    }

    pub(super) fn all(&self) -> Vec<u64> {
        let looks = self.0.iter();
        looks.map(|looks| looks.load(Ordering::Relaxed)).collect()
    }
}

impl fmt::Debug for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looks")
    }
}
