//! What the journal costs: commits with one and with many waiting, and reading it all again.

#![allow(
    missing_docs,
    reason = "criterion's macros write functions without them"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use strongroom::entropy::SystemEntropy;
use strongroom::id::VaultId;
use strongroom::journal::{Error, Journal, Keys, Record};
use strongroom::secret::Key;
use tempfile::TempDir;

/// An event's usual length, in bytes: public part and payload.
const PUBLIC: [u8; 40] = [1; 40];
const PAYLOAD: [u8; 160] = [2; 160];
const RECORDS: u64 = 300_000;

struct Place {
    root: TempDir,
    vault: VaultId,
    key: Key,
}

impl Place {
    fn new() -> Self {
        let entropy = SystemEntropy::new();
        Self {
            root: TempDir::new().expect("a directory"),
            vault: VaultId::random(&entropy).expect("entropy"),
            key: Key::random(&entropy).expect("entropy"),
        }
    }

    fn keys(&self) -> Keys {
        Keys {
            vault: self.vault,
            journal: self.key.duplicate(),
        }
    }

    fn create(&self) -> Journal {
        let dir = self.root.path().join("journal");
        Journal::create(&dir, self.keys(), Arc::new(SystemEntropy::new())).expect("creates")
    }

    fn replay(&self) -> u64 {
        let (dir, mut bytes) = (self.root.path().join("journal"), 0);
        let visit = |record: Record<'_>| {
            bytes += black_box(record.payload).len() as u64;
            Ok::<(), Error>(())
        };
        let entropy = Arc::new(SystemEntropy::new());
        Journal::open(&dir, self.keys(), None, 0, entropy, visit).expect("opens");
        bytes
    }
}

/// Time for `commits` commits by so many committers, each waiting for its own before the next.
fn commit(committers: u64, commits: u64) -> Duration {
    let place = Place::new();
    let journal = place.create();
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for committer in 0..committers {
            let share = commits / committers + u64::from(committer < commits % committers);
            let journal = &journal;
            scope.spawn(move || {
                for _ in 0..share {
                    let position = journal.append(&PUBLIC, &PAYLOAD).expect("writes");
                    journal.durable_blocking(position).expect("durable");
                }
            });
        }
    });
    begun.elapsed()
}

fn commits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("journal/commit");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    for committers in [1, 8, 64] {
        group.bench_function(committers.to_string(), |bencher| {
            bencher.iter_custom(|commits| commit(committers, commits));
        });
    }
    group.finish();
}

fn replay(criterion: &mut Criterion) {
    let place = Place::new();
    let journal = place.create();
    for _ in 0..RECORDS {
        journal.append(&PUBLIC, &PAYLOAD).expect("writes");
    }
    journal.close().expect("closes");
    let mut group = criterion.benchmark_group("journal/replay");
    group
        .throughput(Throughput::Elements(RECORDS))
        .sample_size(10);
    group.bench_function("verify", |bencher| bencher.iter(|| place.replay()));
    group.finish();
    let mut group = criterion.benchmark_group("journal/append");
    group.throughput(Throughput::Elements(1)).sample_size(10);
    group.bench_function("not durable", |bencher| {
        bencher.iter_custom(|count| {
            let place = Place::new();
            let journal = place.create();
            let begun = Instant::now();
            for _ in 0..count {
                black_box(journal.append(&PUBLIC, &PAYLOAD).expect("writes"));
            }
            begun.elapsed()
        });
    });
    group.finish();
}

criterion_group!(benches, commits, replay);
criterion_main!(benches);
