//! From the journal to the index: catching up after a restart, or from nothing.

use std::ops::Range;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::thread::{self, Scope};

use jiff::Timestamp;

use super::error::VaultError;
use crate::index::{Index, project};
use crate::journal::{self, Anchor, Journal, Record};
use crate::model::Entry;

/// Threads that read ahead of the projection, each every so many'th stretch.
const READERS: u64 = 2;
/// Records of a stretch.
const STRETCH: u64 = 1024;
/// Payload handed on at a time, in bytes; one record may be longer.
const LOT_BYTES: usize = 128 * 1024;
/// Lots that wait for the projection, of each reader.
const LOTS_AHEAD: usize = 4;

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
    let applied = Anchor {
        size: index.position()?,
        root: index.merkle_root()?,
    };
    match journal.begins_with(&applied) {
        // They are put right while the rest of the journal is verified.
        Err(journal::Error::StaleHashes(_)) => {
            while journal.verify_next()? {}
            Ok(journal.begins_with(&applied)?)
        }
        follows => Ok(follows?),
    }
}

/// Applies to the index every record it has not seen.
pub(super) fn catch_up(index: &Index, journal: &Journal) -> Result<u64, VaultError> {
    let whole = journal.written_anchor();
    let from = index.position()?;
    let mut position = from;
    read_ahead(journal, from..whole.size, |entry| {
        let batch = project(&index.read()?, &entry)?;
        position += 1;
        let root = if position == whole.size {
            whole.root
        } else {
            CATCHING_UP
        };
        Ok(index.apply_gathering(batch, position, root)?)
    })?;
    if from < whole.size {
        index.make_durable()?;
    }
    Ok(whole.size - from)
}

/// Reads the entries in `range` and hands them to `visit` in order, while other threads verify, open
/// and parse those that come next. What is read ahead is bounded by its length in bytes.
fn read_ahead(
    journal: &Journal,
    range: Range<u64>,
    mut visit: impl FnMut(Entry) -> Result<(), VaultError>,
) -> Result<(), VaultError> {
    let stretches = || {
        let starts = range.clone().step_by(STRETCH as usize);
        starts.map(|start| start..range.end.min(start + STRETCH))
    };
    thread::scope(|threads| {
        let readers: Vec<_> = (0..READERS)
            .map(|turn| {
                let every = stretches().skip(turn as usize).step_by(READERS as usize);
                reader(threads, journal, every)
            })
            .collect();
        for (stretch, reader) in stretches().zip(readers.iter().cycle()) {
            let mut left = stretch.end - stretch.start;
            while left > 0 {
                let lot = reader.recv().map_err(|_| VaultError::Interrupted)??;
                left = left.saturating_sub(lot.len() as u64);
                lot.into_iter().try_for_each(&mut visit)?;
            }
        }
        Ok(())
    })
}

/// Reads `stretches` on a thread of its own, until nobody takes them any more.
fn reader<'scope>(
    threads: &'scope Scope<'scope, '_>,
    journal: &'scope Journal,
    stretches: impl Iterator<Item = Range<u64>> + Send + 'scope,
) -> Receiver<Result<Vec<Entry>, VaultError>> {
    let (lots, received) = mpsc::sync_channel(LOTS_AHEAD);
    threads.spawn(move || {
        for stretch in stretches {
            if let Err(error) = read_stretch(journal, stretch, &lots) {
                // Nobody is there to be told when it was the other end that stopped.
                let _ = lots.send(Err(error));
                return;
            }
        }
    });
    received
}

fn read_stretch(
    journal: &Journal,
    stretch: Range<u64>,
    lots: &SyncSender<Result<Vec<Entry>, VaultError>>,
) -> Result<(), VaultError> {
    let (mut lot, mut bytes) = (Vec::new(), 0);
    let last = stretch.end - 1;
    journal.read(stretch, |record| {
        lot.push(entry_of(&record)?);
        bytes += record.payload.len();
        if bytes < LOT_BYTES && record.position < last {
            return Ok(());
        }
        bytes = 0;
        let sent = lots.send(Ok(std::mem::take(&mut lot)));
        sent.map_err(|_| VaultError::Interrupted)
    })
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
