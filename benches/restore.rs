//! A vault of a million records, put back: its index rebuilt from the journal, the whole of it from a
//! backup, and started. The records are made as the gateway makes them, and the journal is on the disk.
//!
//! The promise: 100,000 records a second.
//!
//! `cargo bench --bench restore -- [RECORDS]`
//!
//! With `--items N` a vault of so many items that nobody has looked at, and only started: three seconds
//! are promised for a million.

#![allow(clippy::print_stdout, reason = "a measurement is printed")]
#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "the tests use all of their support, and panic in it"
)]

#[path = "../tests/it/support/mod.rs"]
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use strongroom::id::{ItemId, SessionId, UploadId};
use strongroom::index::tables;
use strongroom::keyring::Identities;
use strongroom::limits::VERIFIED_FIRST;
use strongroom::model::item::Particulars;
use strongroom::model::{Action, Actor, Digest, Event, Item, Role, Sealed, Upload};
use strongroom::vault::{Config, Draft, MaterialKeys, Means, Vault};
use strongroom::work::WorkError;
use support::house::{House, World};

const RECORDS: u64 = 1_000_000;
/// Of a session: brought in three records each, and looked at in six.
const ITEMS_IN_SESSION: usize = 20;
const ACCESSES_OF_ITEM: usize = 6;
const LOOKS_BEFORE_A_KILL: usize = 10_000;

#[tokio::main]
async fn main() {
    let only_items = std::env::args().any(|arg| arg == "--items");
    let wanted = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let records: u64 = wanted.unwrap_or(RECORDS);
    let accesses = if only_items { 0 } else { ACCESSES_OF_ITEM };
    let house = House::new().await;
    let researcher = house.invite(Role::Researcher).await;
    let (_, first) = house.interview("Person 0", b"words").await;
    let began = Instant::now();
    let mut items = 0;
    let enough = |items: usize| match only_items {
        true => items as u64 >= records,
        false => house.service.vault().journal().size() >= records,
    };
    while !enough(items) {
        let participant = house.participant("Somebody").await;
        let session = house.session(&[participant]).await;
        add(
            &house,
            (first, session),
            Actor::Person(researcher.id),
            accesses,
        );
        items += ITEMS_IN_SESSION;
    }
    house.service.vault().make_index_durable().expect("durable");
    println!("{items} items laid out in {:.0?}", began.elapsed());

    let means = World::means(&house.world);
    let folder = house.close().await;
    let (dir, identities) = (folder.path(), folder.identities());
    started("started, the index as it grew", &dir, &identities, &means);
    if only_items {
        break_off(&dir, &identities, &means, Actor::Person(researcher.id));
        started("started after a kill", &dir, &identities, &means);
        let watch = Stopwatch::start();
        let (vault, _) = Vault::open(&dir, &identities, means).expect("opens");
        let records = vault.journal().size();
        watch.report("started, everything verified first", records);
        vault.close().expect("closes");
        return;
    }
    Vault::set_index_aside(&dir).expect("set aside");
    started("index rebuilt", &dir, &identities, &means);
    started(
        "started, the index as it was rebuilt",
        &dir,
        &identities,
        &means,
    );

    let place = tempfile::tempdir().expect("a folder");
    let backup = place.path().join("backup");
    let watch = Stopwatch::start();
    Vault::back_up(&dir, &backup).expect("backed up");
    watch.report("backed up", records);
    let slots = Config::read(&dir).expect("a vault").slots;
    let slots = slots.iter().map(|slot| slot.file(&dir).into()).collect();
    let restored = place.path().join("restored");
    let watch = Stopwatch::start();
    Vault::restore(&backup, &restored, slots).expect("restored");
    let copied = watch.0.elapsed();
    let opened = Vault::open(&restored, &identities, means).expect("opens");
    watch.report("restored and opened", records);
    println!("  of that copying the journal and the store: {copied:.2?}");
    let there = opened.0.journal().size();
    assert!(there >= records, "{there} of {records}");
    opened.0.close().expect("closes");
}

/// Starts the vault as a gateway does, and verifies what that leaves.
fn started(what: &str, dir: &Path, identities: &Identities, means: &Means) {
    let watch = Stopwatch::start();
    let opened = Vault::open_to_serve(dir, identities, means.clone(), VERIFIED_FIRST);
    let (vault, opening) = opened.expect("opens");
    let records = vault.journal().size();
    watch.report(what, records);
    println!("  records applied to the index: {}", opening.replayed);
    let watch = Stopwatch::start();
    while vault.verify_next().expect("as it was written") {}
    watch.report("verified after the start", records);
    let watch = Stopwatch::start();
    vault.close().expect("closes");
    watch.report("closed", records);
}

/// Leaves the vault as a kill does some minutes after the index was made durable: sled has more than that.
fn break_off(dir: &Path, identities: &Identities, means: &Means, by: Actor) {
    let opened = Vault::open_to_serve(dir, identities, means.clone(), VERIFIED_FIRST);
    let (vault, _) = opened.expect("opens");
    let items = {
        let view = vault.view().expect("a view");
        let some = view
            .reader()
            .page(&tables::ITEMS, &(), None, LOOKS_BEFORE_A_KILL);
        some.expect("items")
    };
    for (number, (item, _)) in items.into_iter().enumerate() {
        let look = |_: &mut Draft<'_>| {
            let looked = Event::Accessed {
                action: Action::OpenItem,
                resource: item.to_string(),
                detail: None,
            };
            Ok::<_, WorkError>((looked, ()))
        };
        // What waits for the disk is what hands rows to sled.
        let noted = match number % 100 {
            0 => vault.commit_blocking(by, look),
            _ => vault.note_unwaited(by, look),
        };
        noted.expect("noted");
    }
    drop(vault);
}

/// Adds items like `first` to a session and has them looked at, without waiting for the disk.
fn add(house: &House, (first, session): (ItemId, SessionId), by: Actor, accesses: usize) {
    let vault = house.service.vault();
    let entropy = &*vault.means().entropy;
    let note = |event| {
        let noted = vault.note_unwaited::<_, WorkError>(by, |_| Ok((event, ())));
        noted.expect("noted");
    };
    for number in 0..ITEMS_IN_SESSION {
        let (id, upload) = (ItemId::random(entropy), UploadId::random(entropy));
        let (id, upload) = (id.expect("entropy"), upload.expect("entropy"));
        let begun = vault.note_unwaited::<_, WorkError>(by, |draft| {
            let reader = draft.reader();
            let like = reader.get(&tables::ITEMS, &first)?.expect("an item");
            let row = reader.get(&tables::SESSIONS, &session)?.expect("a session");
            let [(leaf, key)] = draft.new_keys()?;
            let mut item = Item {
                id,
                session: Some(session),
                participants: row.participants,
                key: leaf,
                particulars: Sealed::new(Vec::new()),
                ..like
            };
            let keys = MaterialKeys {
                item: key,
                people: draft.view().material_keys_of(&item.participants)?,
            };
            let particulars = Particulars {
                file_key: [7; 16],
                payload_nonce: [8; 16],
                file_name: Some(format!("recording {number}.wav")),
            };
            item.particulars = vault.seal_particulars(&item, &keys, &particulars)?;
            let row = Upload {
                id: upload,
                item: item.clone(),
                part_chunks: 1,
                multipart: None,
                expires: draft.now(),
                sealed: Vec::new(),
                stored: Vec::new(),
            };
            let upload = Box::new(row);
            Ok((Event::UploadStarted { upload }, item))
        });
        let item = Box::new(begun.expect("begun"));
        note(Event::UploadPartSealed {
            upload,
            number: 1,
            digest: Digest::of(b"a part"),
        });
        note(Event::ItemDeposited { upload, item });
        for turn in 0..accesses {
            let action = match turn % 2 {
                0 => Action::ReadItem,
                _ => Action::OpenItem,
            };
            note(Event::Accessed {
                action,
                resource: id.to_string(),
                detail: None,
            });
        }
    }
}

/// Processor time used so far, by all threads.
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

    fn report(&self, what: &str, records: u64) {
        let (taken, worked) = (self.0.elapsed(), processor() - self.1);
        let rate = records as f64 / taken.as_secs_f64();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mut lines = status.lines();
        let memory = lines.find(|line| line.starts_with("VmHWM"));
        println!(
            "{what}: {taken:.2?} (processor {worked:.2?}); {rate:.0} of {records} records a second; {}",
            memory.unwrap_or_default().replace('\t', " ")
        );
    }
}
