//! sled, held at arm's length: its panics become errors, and dropping it does too.
//!
//! sled 0.34 panics on some damage where it means to return an error (spacejam/sled#1145, #1189,
//! #1387). It runs here without its own flushing thread: what is not flushed is in the journal.

use std::any::Any;
use std::fmt;
use std::io::{self, ErrorKind};
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

use sled::{IVec, Mode};

use crate::limits;

/// How often, and how far apart, an open is tried again while sled lets go of its own lock.
const LOCK_TRIES: usize = 200;
const LOCK_WAIT: Duration = Duration::from_millis(10);

/// What sled answers when its file is locked.
const LOCK_WORDS: &str = "could not acquire lock";

/// Why sled did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// The operating system refused, for a reason that is not in the files.
    Refused(io::Error),
    /// It gave an error or panicked.
    Broken(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(source) => fmt::Display::fmt(source, f),
            Self::Broken(words) => f.write_str(words),
        }
    }
}

/// An open sled database, of which only the default tree is used.
pub(super) struct Engine(Option<sled::Db>);

impl Engine {
    /// Opens what is at `path`, or makes an empty one there.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let config = || {
            sled::Config::new()
                .path(path)
                .mode(Mode::LowSpace)
                .cache_capacity(limits::INDEX_CACHE_BYTES)
                .flush_every_ms(None)
        };
        let mut opened = contained(|| config().open());
        for _ in 0..LOCK_TRIES {
            // The caller holds the folder, so a lock is an earlier sled's of this process, on its way out.
            if !matches!(&opened, Err(Failure::Broken(words)) if words.contains(LOCK_WORDS)) {
                break;
            }
            std::thread::sleep(LOCK_WAIT);
            opened = contained(|| config().open());
        }
        opened.map(|db| Self(Some(db)))
    }

    /// The value under `row`.
    pub(super) fn get(&self, row: &[u8]) -> Result<Option<IVec>, Failure> {
        self.ask(|db| db.get(row))
    }

    /// Puts a value under `row` and returns the one before.
    pub(super) fn insert(&self, row: &[u8], value: Vec<u8>) -> Result<Option<IVec>, Failure> {
        self.ask(|db| db.insert(row, value))
    }

    /// Removes the value under `row` and returns it.
    pub(super) fn remove(&self, row: &[u8]) -> Result<Option<IVec>, Failure> {
        self.ask(|db| db.remove(row))
    }

    /// Writes all of `batch`, or nothing that survives a restart.
    pub(super) fn apply(&self, batch: sled::Batch) -> Result<(), Failure> {
        self.ask(|db| db.apply_batch(batch))
    }

    /// Hands everything written to the operating system.
    pub(super) fn flush(&self) -> Result<(), Failure> {
        self.ask(|db| db.flush().map(|_| ()))
    }

    /// The rows within `bounds` in the order of their keys, from the last one if `backwards`.
    pub(super) fn scan(
        &self,
        bounds: (Bound<&[u8]>, Bound<&[u8]>),
        backwards: bool,
    ) -> Result<Scan, Failure> {
        let rows = self.ask(|db| Ok(db.range::<&[u8], _>(bounds)))?;
        Ok(Scan { rows, backwards })
    }

    /// Flushes and lets go of the files.
    pub(super) fn close(mut self) -> Result<(), Failure> {
        let flushed = self.flush();
        flushed.and(self.let_go())
    }

    fn ask<T>(&self, work: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, Failure> {
        match &self.0 {
            Some(db) => contained(|| work(db)),
            None => Err(Failure::Broken("it is closed".to_owned())),
        }
    }

    fn let_go(&mut self) -> Result<(), Failure> {
        let db = self.0.take();
        contained(|| {
            drop(db);
            Ok(())
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Err(failure) = self.let_go() {
            tracing::warn!(%failure, "sled did not close cleanly; the index is checked when it is next opened");
        }
    }
}

/// Rows in order. After an error it is not asked again.
pub(super) struct Scan {
    rows: sled::Iter,
    backwards: bool,
}

impl Iterator for Scan {
    type Item = Result<(IVec, IVec), Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = contained(|| {
            let next = match self.backwards {
                true => self.rows.next_back(),
                false => self.rows.next(),
            };
            next.transpose()
        });
        next.transpose()
    }
}

/// Runs `work` on sled; what a panic left half done is not used again.
fn contained<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(sled::Error::Io(source))) if is_refusal(source.kind()) => {
            Err(Failure::Refused(source))
        }
        Ok(Err(error)) => Err(Failure::Broken(error.to_string())),
        Err(panic) => Err(Failure::Broken(format!(
            "it panicked: {}",
            words_of(&*panic)
        ))),
    }
}

fn is_refusal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::OutOfMemory
    )
}

fn words_of(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    let formatted = panic.downcast_ref::<String>().map(String::as_str);
    literal.or(formatted).unwrap_or("without saying why")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_that_says_why() {
        let words = |work: fn() -> sled::Result<()>| match contained(work) {
            Err(Failure::Broken(words)) => words,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            words(|| panic!("page {} is gone", 7)),
            "it panicked: page 7 is gone"
        );
        assert_eq!(
            words(|| std::panic::panic_any(7)),
            "it panicked: without saying why"
        );
    }

    #[test]
    fn a_full_disk_is_no_damage() {
        let full = || io::Error::from(ErrorKind::StorageFull);
        let failed = contained::<()>(|| Err(sled::Error::Io(full())));
        assert!(matches!(failed, Err(Failure::Refused(_))));
        let torn = || io::Error::from(ErrorKind::UnexpectedEof);
        let failed = contained::<()>(|| Err(sled::Error::Io(torn())));
        assert!(matches!(failed, Err(Failure::Broken(_))));
    }
}
