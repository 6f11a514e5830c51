//! What a log has to promise that several gateways would share.
//!
//! One gateway has its journal to itself: whoever decides holds a lock until the record is written. With
//! several, that lock would be the log's own: a record is taken only behind the very records it was
//! decided over. Everything else that makes a journal true (sealing, the Merkle tree, checkpoints, replay)
//! is done by the gateways and asks no more of an engine than this. `docs/scaling.md` weighs the engines.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

/// A log that is appended to by comparing its length.
pub trait SharedLog: Send + Sync {
    /// Why it did not answer; whether an append was made is then unknown, and found out by reading.
    type Error: std::error::Error;

    /// Records in it.
    ///
    /// # Errors
    /// Those of the engine.
    fn size(&self) -> Result<u64, Self::Error>;

    /// Appends all of `records`, durably, if there are exactly `after` records before them; nothing
    /// otherwise.
    ///
    /// # Errors
    /// Those of the engine.
    fn append(&self, after: u64, records: &[Bytes]) -> Result<Appended, Self::Error>;

    /// Up to `most` records from `from` on, in their order: every one that was appended before this was
    /// asked.
    ///
    /// # Errors
    /// Those of the engine.
    fn read(&self, from: u64, most: usize) -> Result<Vec<Bytes>, Self::Error>;
}

/// What became of records that were to be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// They are in the log, which has so many records now.
    All(u64),
    /// There are other records, so many in all: they are to be read, and decided over again.
    Behind(u64),
}

/// A log in memory, which keeps what the trait promises: for simulations.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<Vec<Bytes>>);

impl MemoryLog {
    fn records(&self) -> std::sync::MutexGuard<'_, Vec<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedLog for MemoryLog {
    type Error = std::convert::Infallible;

    fn size(&self) -> Result<u64, Self::Error> {
        Ok(self.records().len() as u64)
    }

    fn append(&self, after: u64, records: &[Bytes]) -> Result<Appended, Self::Error> {
        let mut held = self.records();
        let size = held.len() as u64;
        if size != after {
            return Ok(Appended::Behind(size));
        }
        held.extend_from_slice(records);
        Ok(Appended::All(held.len() as u64))
    }

    fn read(&self, from: u64, most: usize) -> Result<Vec<Bytes>, Self::Error> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let held = self.records();
        Ok(held.iter().skip(from).take(most).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gateways that decide over what they have read, and try again when they are behind: nobody takes
    /// a place that is taken, whoever was told yes is in the log once, and each record was decided over
    /// exactly what lies before it.
    #[test]
    fn whoever_is_behind_decides_again() {
        const GATEWAYS: u8 = 4;
        const EACH: usize = 200;
        let log = MemoryLog::default();
        let retried: usize = std::thread::scope(|scope| {
            let gateways: Vec<_> = (0..GATEWAYS)
                .map(|gateway| {
                    scope.spawn({
                        let log = &log;
                        move || decide(log, gateway, EACH)
                    })
                })
                .collect();
            let retried = gateways
                .into_iter()
                .map(|one| one.join().expect("no panic"));
            retried.sum()
        });
        let all = log.read(0, usize::MAX).expect("in memory");
        assert_eq!(all.len(), usize::from(GATEWAYS) * EACH);
        for (place, record) in all.iter().enumerate() {
            let seen = u64::from_be_bytes(record[1..9].try_into().expect("a number"));
            assert_eq!(seen, place as u64, "decided over what lies before it");
        }
        for gateway in 0..GATEWAYS {
            let theirs = all.iter().filter(|record| record[0] == gateway);
            let order: Vec<u64> = theirs
                .map(|record| u64::from_be_bytes(record[9..].try_into().expect("a number")))
                .collect();
            assert_eq!(order, (0..EACH as u64).collect::<Vec<_>>());
        }
        println!("{retried} times behind");
    }

    fn decide(log: &MemoryLog, gateway: u8, each: usize) -> usize {
        let (mut seen, mut retried) = (0, 0);
        for number in 0..each as u64 {
            loop {
                seen += log.read(seen, usize::MAX).expect("in memory").len() as u64;
                std::thread::yield_now();
                let mut record = vec![gateway];
                record.extend_from_slice(&seen.to_be_bytes());
                record.extend_from_slice(&number.to_be_bytes());
                match log.append(seen, &[record.into()]).expect("in memory") {
                    Appended::All(size) => break seen = size,
                    Appended::Behind(_) => retried += 1,
                }
            }
        }
        retried
    }
}
