//! The index at a million rows of about 200 bytes: rebuilding, applying, opening, reading.
//!
//! `cargo bench --bench index [ROWS]`

#![allow(clippy::print_stdout, reason = "a measurement is printed")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom::entropy::{Entropy, SystemEntropy};
use strongroom::id::{ItemId, StudyId};
use strongroom::index::{Batch, Index, Table};
use strongroom::secret::Key;

const ITEMS: Table<ItemId, String> = Table::new(1, "items");
const BY_STUDY: Table<(StudyId, ItemId), String> = Table::new(2, "items by study");

/// Rows of two tables for two records out of three, so that a record changes 1.5 rows.
const ROWS_IN_TWO_RECORDS: u64 = 3;
const READS: usize = 100_000;
const APPLIED_SINGLY: usize = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let rows: u64 = wanted.unwrap_or(1_000_000);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let home = tempfile::tempdir()?;
    let dir = home.path().join("index");
    let key = Key::random(&*entropy)?;
    let records = usize::try_from(rows * 2 / ROWS_IN_TWO_RECORDS)?;
    let items = (0..records + APPLIED_SINGLY).map(|_| ItemId::random(&*entropy));
    let items = items.collect::<Result<Vec<_>, _>>()?;
    let (replayed, later) = items.split_at(records);
    let study = StudyId::random(&*entropy)?;
    println!("{rows} rows, {records} records");

    let index = Index::create(&dir, &key, entropy.clone())?;
    let watch = Stopwatch::start();
    for (number, item) in replayed.iter().enumerate() {
        let position = number as u64 + 1;
        index.apply_gathering(record(number, study, item)?, position, [7; 32])?;
    }
    index.make_durable()?;
    watch.report("records replayed and made durable", records);
    println!("{} MB on disk", size_of(&dir)? / 1_000_000);

    let watch = Stopwatch::start();
    for (number, item) in later.iter().enumerate() {
        let position = (records + number) as u64 + 1;
        index.apply(record(number, study, item)?, position, [7; 32])?;
    }
    watch.report("records applied singly", later.len());

    let watch = Stopwatch::start();
    index.make_durable()?;
    watch.report("made durable", 1);
    index.close()?;

    let watch = Stopwatch::start();
    let index = Index::open(&dir, &key, entropy.clone())?;
    watch.report("opened, every row verified", 1);

    let watch = Stopwatch::start();
    for turn in 0..READS {
        let item = items.get(turn * 7919 % items.len()).ok_or("an item")?;
        index.read()?.get(&ITEMS, item)?.ok_or("a row")?;
    }
    watch.report("rows read at random", READS);

    let watch = Stopwatch::start();
    let pages = 1000;
    let mut after = None;
    for _ in 0..pages {
        let page = index.read()?.page(&BY_STUDY, &study, after.as_ref(), 100)?;
        after = page.last().map(|(key, _)| *key);
    }
    watch.report("pages of 100 rows", pages);
    index.close()?;
    println!("{} MB on disk", size_of(&dir)? / 1_000_000);
    Ok(())
}

fn record(number: usize, study: StudyId, item: &ItemId) -> Result<Batch, Box<dyn Error>> {
    let mut batch = Batch::new();
    batch.put(&ITEMS, item, &"x".repeat(170))?;
    if number.is_multiple_of(2) {
        batch.put(&BY_STUDY, &(study, *item), &"y".repeat(150))?;
    }
    Ok(batch)
}

/// Processor time used so far, by all threads: a busy machine stretches only the other figure.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let hundredths: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    Duration::from_millis(hundredths * 10)
}

struct Stopwatch(Instant, Duration);

impl Stopwatch {
    fn start() -> Self {
        Self(Instant::now(), processor())
    }

    fn report(self, what: &str, times: usize) {
        let (taken, worked) = (self.0.elapsed(), processor() - self.1);
        let each = taken / u32::try_from(times).unwrap_or(u32::MAX);
        let rate = times as f64 / taken.as_secs_f64();
        println!(
            "{what}: {taken:.2?} (processor {worked:.2?}); {each:.2?} each, {rate:.0} a second; {}",
            memory()
        );
    }
}

fn size_of(dir: &Path) -> Result<u64, std::io::Error> {
    std::fs::read_dir(dir)?.try_fold(0, |sum, entry| {
        let path = entry?.path();
        let size = match path.is_dir() {
            true => size_of(&path)?,
            false => path.metadata()?.len(),
        };
        Ok(sum + size)
    })
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines = status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"));
    lines.collect::<Vec<_>>().join(", ").replace('\t', " ")
}
