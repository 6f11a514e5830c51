//! From the journal to the index: catching up after a restart, or from nothing.

use super::error::VaultError;
use crate::index::{Index, project};
use crate::journal::{Journal, Record};
use crate::model::Entry;
use jiff::Timestamp;

/// A root that no journal has: what the index notes while it is still catching up, so that one
/// which was interrupted is never taken for whole.
const CATCHING_UP: [u8; 32] = [0; 32];

/// The entry in a record.
pub(super) fn entry_of(record: &Record<'_>) -> Result<Entry, VaultError> {
    serde_json::from_slice(record.payload).map_err(|error| VaultError::UnknownEntry {
        position: record.position,
        // serde_json quotes the offending value only for wrong types; the place says enough.
        reason: format!("line {}, column {}", error.line(), error.column()),
    })
}

/// Whether the index is a true beginning of the journal's projection.
pub(super) fn follows(index: &Index, journal: &Journal) -> Result<bool, VaultError> {
    let position = index.position()?;
    Ok(position <= journal.size() && index.merkle_root()? == journal.anchor_at(position)?.root)
}

/// Applies to the index every record it has not seen.
pub(super) fn catch_up(index: &Index, journal: &Journal) -> Result<u64, VaultError> {
    let whole = journal.written_anchor();
    let from = index.position()?;
    journal.read(from..whole.size, |record| {
        let entry = entry_of(&record)?;
        let batch = project(&index.read()?, &entry)?;
        let position = record.position + 1;
        let root = if position == whole.size {
            whole.root
        } else {
            CATCHING_UP
        };
        index.apply_gathering(batch, position, root)?;
        Ok::<(), VaultError>(())
    })?;
    if from < whole.size {
        index.make_durable()?;
    }
    Ok(whole.size - from)
}

/// The moment of the last record; the beginning of time when there is none.
pub(super) fn last_moment(journal: &Journal) -> Result<Timestamp, VaultError> {
    let size = journal.size();
    let mut last = Timestamp::MIN;
    journal.read(size.saturating_sub(1)..size, |record| {
        last = entry_of(&record)?.at;
        Ok::<(), VaultError>(())
    })?;
    Ok(last)
}
