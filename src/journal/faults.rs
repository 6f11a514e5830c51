//! Disks that fill up, fail, and lose power, and what must hold on them.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Barrier, Mutex};

use tempfile::TempDir;

use super::disk::{Disk, LogFile, RealDisk};
use super::{Error, Journal, Keys, Means, Record, Recovery};
use crate::entropy::SystemEntropy;
use crate::id::VaultId;
use crate::secret::Key;

/// A real disk that fails as told and remembers what was done to it.
#[derive(Debug, Default)]
struct FaultyDisk(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Bytes that can still be written; nothing when there is no end of room.
    room: Option<u64>,
    fail_syncs: bool,
    fail_cuts: bool,
    /// Where the next sync waits twice: once to say that it began, once to be let go.
    pause: Option<Arc<Barrier>>,
    events: Vec<Event>,
}

#[derive(Clone, Debug)]
enum Event {
    Create(PathBuf),
    Write(PathBuf, u64, Vec<u8>),
    Cut(PathBuf, u64),
    SyncBegins(PathBuf),
    SyncEnds(PathBuf),
    Remove(PathBuf),
    SyncDir,
    /// So many records were acknowledged.
    Acknowledged(u64),
}

impl FaultyDisk {
    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock().expect("no panic"));
    }

    fn note(&self, event: Event) {
        self.set(|state| state.events.push(event));
    }
}

/// The disk as a journal takes it.
#[derive(Debug)]
struct Handle(Arc<FaultyDisk>);

#[derive(Debug)]
struct FaultyFile {
    disk: Arc<FaultyDisk>,
    path: PathBuf,
    file: Arc<dyn LogFile>,
}

impl Handle {
    fn file(&self, path: &Path, file: Arc<dyn LogFile>) -> Arc<dyn LogFile> {
        Arc::new(FaultyFile {
            disk: Arc::clone(&self.0),
            path: path.to_path_buf(),
            file,
        })
    }
}

impl Disk for Handle {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        let file = RealDisk.create(path)?;
        self.0.note(Event::Create(path.to_path_buf()));
        Ok(self.file(path, file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        Ok(self.file(path, RealDisk.open(path)?))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.note(Event::Remove(path.to_path_buf()));
        RealDisk.remove(path)
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        self.0.note(Event::SyncDir);
        Ok(())
    }
}

impl LogFile for FaultyFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.0.lock().expect("no panic");
        let room = state.room.unwrap_or(u64::MAX);
        let fits = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        if fits == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        state.room = state.room.map(|room| room - fits as u64);
        let written = bytes[..fits].to_vec();
        state
            .events
            .push(Event::Write(self.path.clone(), offset, written));
        self.file.write_at(&bytes[..fits], offset)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.0.lock().expect("no panic");
        if state.fail_cuts {
            return Err(io::Error::other("the cut was made to fail"));
        }
        state.events.push(Event::Cut(self.path.clone(), length));
        self.file.cut(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.note(Event::SyncBegins(self.path.clone()));
        let pause = self.disk.0.lock().expect("no panic").pause.take();
        if let Some(pause) = pause {
            pause.wait();
            pause.wait();
        }
        if self.disk.0.lock().expect("no panic").fail_syncs {
            return Err(io::Error::other("the sync was made to fail"));
        }
        self.disk.note(Event::SyncEnds(self.path.clone()));
        Ok(())
    }
}

/// A place for a journal, with the keys and the disk it lives on.
struct Place {
    _place: TempDir,
    dir: PathBuf,
    vault: VaultId,
    key: Key,
    disk: Arc<FaultyDisk>,
    segment_bytes: u64,
}

impl Place {
    fn new(segment_bytes: u64) -> Self {
        let place = TempDir::new().expect("a directory");
        let entropy = SystemEntropy::new();
        Self {
            dir: place.path().join("journal"),
            _place: place,
            vault: VaultId::random(&entropy).expect("entropy"),
            key: Key::random(&entropy).expect("entropy"),
            disk: Arc::default(),
            segment_bytes,
        }
    }

    fn keys(&self) -> Keys {
        Keys {
            vault: self.vault,
            journal: self.key.duplicate(),
        }
    }

    fn means(&self) -> Means {
        Means {
            entropy: Arc::new(SystemEntropy::new()),
            disk: Arc::new(Handle(Arc::clone(&self.disk))),
            segment_bytes: self.segment_bytes,
            verified_first: u64::MAX,
        }
    }

    fn create(&self) -> Journal {
        Journal::create_with(&self.dir, self.keys(), self.means()).expect("creates")
    }

    fn open(&self) -> (Journal, Recovery, Vec<Vec<u8>>) {
        self.open_in(&self.dir).expect("opens")
    }

    fn open_in(&self, dir: &Path) -> Result<(Journal, Recovery, Vec<Vec<u8>>), Error> {
        let mut payloads = Vec::new();
        let (journal, recovery) = Journal::open_with(
            dir,
            self.keys(),
            None,
            0,
            self.means(),
            |record: Record<'_>| {
                payloads.push(record.payload.to_vec());
                Ok::<(), Error>(())
            },
        )?;
        Ok((journal, recovery, payloads))
    }

    fn segments(&self) -> usize {
        super::segment::list(&self.dir).expect("lists").len()
    }
}

fn commit(journal: &Journal, payload: &[u8]) -> Result<u64, Error> {
    let position = journal.append(b"public", payload)?;
    journal.durable_blocking(position)?;
    Ok(position)
}

/// Wherever the disk fills up, the record is refused whole, and the journal goes on once there is room.
#[test]
fn a_full_disk_refuses_a_record_and_keeps_the_rest() {
    for room in 0..420 {
        let place = Place::new(64 * 1024);
        let journal = place.create();
        place.disk.set(|state| state.room = Some(room));
        let mut kept = Vec::new();
        let refused = loop {
            let payload = vec![kept.len() as u8; 60];
            match commit(&journal, &payload) {
                Ok(_) => kept.push(payload),
                Err(error) => break error,
            }
        };
        assert!(matches!(refused, Error::Full { .. }), "{room}: {refused}");
        assert!(matches!(
            commit(&journal, b"still full"),
            Err(Error::Full { .. })
        ));
        assert_eq!(journal.size(), kept.len() as u64);
        place.disk.set(|state| state.room = None);
        for payload in [vec![0xEE; 300], vec![0xDD; 3]] {
            commit(&journal, &payload).expect("there is room again");
            kept.push(payload);
        }
        let anchor = journal.anchor();
        assert_eq!(journal.verify().expect("verifies"), anchor);
        drop(journal);
        let (_, recovery, found) = place.open();
        assert_eq!(
            (recovery.anchor, recovery.torn_bytes),
            (anchor, 0),
            "{room}"
        );
        assert_eq!(found, kept);
    }
}

/// After a failed sync nothing is acknowledged and no sync is tried again, until a restart.
#[test]
fn a_failed_sync_poisons_the_journal() {
    let place = Place::new(64 * 1024);
    let journal = place.create();
    commit(&journal, b"acknowledged").expect("commits");
    let anchor = journal.anchor();
    let waiting = journal.append(b"", b"in doubt").expect("writes");
    place.disk.set(|state| state.fail_syncs = true);
    let told = journal.durable_blocking(waiting);
    assert!(matches!(told, Err(Error::Poisoned(_))), "{told:?}");
    let syncs = journal.syncs();
    place.disk.set(|state| state.fail_syncs = false);
    assert!(matches!(
        journal.durable_blocking(waiting),
        Err(Error::Poisoned(_))
    ));
    assert!(matches!(
        journal.append(b"", b"more"),
        Err(Error::Poisoned(_))
    ));
    assert_eq!(journal.syncs(), syncs);
    assert_eq!(journal.anchor(), anchor);
    journal
        .durable_blocking(0)
        .expect("this one was durable before");
    assert_eq!(
        journal.get(0).expect("reads").payload.expose_secret(),
        b"acknowledged"
    );
    assert!(matches!(journal.close(), Err(Error::Poisoned(_))));
    let (journal, _, found) = place.open();
    assert_eq!(found, [b"acknowledged".to_vec(), b"in doubt".to_vec()]);
    commit(&journal, b"goes on").expect("commits");
}

/// What is written while a sync runs is not durable because of it.
#[test]
fn a_sync_vouches_only_for_what_was_written_before_it() {
    let place = Place::new(64 * 1024);
    let journal = place.create();
    commit(&journal, b"zero").expect("commits");
    let pause = Arc::new(Barrier::new(2));
    place
        .disk
        .set(|state| state.pause = Some(Arc::clone(&pause)));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| commit(&journal, b"one"));
        pause.wait();
        let late = journal.append(b"", b"two").expect("writes");
        pause.wait();
        first.join().expect("no panic").expect("commits");
        assert_eq!((journal.anchor().size, journal.size()), (2, 3));
        journal.durable_blocking(late).expect("durable");
        assert_eq!(journal.anchor(), journal.written_anchor());
    });
}

/// Everybody who waits for a failing sync is told, and nobody is told that it succeeded.
#[test]
fn all_who_wait_learn_of_a_failed_sync() {
    let place = Place::new(64 * 1024);
    let journal = place.create();
    commit(&journal, b"first").expect("commits");
    place.disk.set(|state| state.fail_syncs = true);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| commit(&journal, b"doomed")))
            .collect();
        for thread in threads {
            let told = thread.join().expect("no panic");
            assert!(matches!(told, Err(Error::Poisoned(_))), "{told:?}");
        }
    });
    assert_eq!(journal.anchor().size, 1);
}

/// A write that failed and could not be taken back leaves a torn tail, which the next start cuts off.
#[test]
fn a_failed_cut_poisons_the_journal_and_the_next_start_mends_it() {
    let place = Place::new(64 * 1024);
    let journal = place.create();
    commit(&journal, b"whole").expect("commits");
    place
        .disk
        .set(|state| (state.room, state.fail_cuts) = (Some(20), true));
    assert!(matches!(
        journal.append(b"", b"torn"),
        Err(Error::Poisoned(_))
    ));
    place
        .disk
        .set(|state| (state.room, state.fail_cuts) = (None, false));
    assert!(matches!(
        journal.append(b"", b"more"),
        Err(Error::Poisoned(_))
    ));
    drop(journal);
    let (journal, recovery, found) = place.open();
    assert_eq!((found, recovery.torn_bytes), (vec![b"whole".to_vec()], 20));
    commit(&journal, b"goes on").expect("commits");
    drop(journal);
    assert_eq!(place.open().2, [b"whole".to_vec(), b"goes on".to_vec()]);
}

#[test]
fn segments_rotate_and_read_as_one() {
    let place = Place::new(4 * 1024);
    let journal = place.create();
    let payloads: Vec<Vec<u8>> = (0..600_usize)
        .map(|n| n.to_be_bytes().repeat(n % 7))
        .chain([vec![7; 20_000]])
        .collect();
    for payload in &payloads {
        journal.append(b"", payload).expect("writes");
    }
    let last = payloads.len() as u64 - 1;
    journal.durable_blocking(last).expect("durable");
    assert!(place.segments() > 8, "{}", place.segments());
    let check = |journal: &Journal| {
        for start in (0..=last).step_by(37).chain([last]) {
            let (end, mut next) = ((start + 90).min(last + 1), start);
            let visit = |record: Record<'_>| {
                assert_eq!(record.position, next);
                assert_eq!(record.payload, payloads[next as usize]);
                next += 1;
                Ok::<(), Error>(())
            };
            journal.read(start..end, visit).expect("reads");
            assert_eq!(next, end);
        }
        assert_eq!(journal.verify().expect("verifies"), journal.anchor());
    };
    check(&journal);
    let anchor = journal.anchor();
    drop(journal);
    let (journal, recovery, found) = place.open();
    assert_eq!((found, recovery.anchor), (payloads.clone(), anchor));
    assert!(!recovery.hashes_rebuilt);
    check(&journal);
}

/// The files a power cut after `events` may leave behind, one choice for each of them.
fn after_power_cut(
    events: &[Event],
    choose: &mut impl FnMut(u64) -> u64,
) -> BTreeMap<PathBuf, Vec<u8>> {
    #[derive(Default, Clone)]
    struct Image {
        durable: Vec<u8>,
        syncing: Vec<u8>,
        now: Vec<u8>,
        /// What a cut took off, though it may have reached the disk before.
        uncut: Option<Vec<u8>>,
        listed: bool,
        removed: bool,
    }
    let mut files: BTreeMap<PathBuf, Image> = BTreeMap::new();
    for event in events {
        match event {
            Event::Create(path) => {
                files.insert(path.clone(), Image::default());
            }
            Event::Write(path, offset, bytes) => {
                let now = &mut files.get_mut(path).expect("created").now;
                now.truncate(*offset as usize);
                now.extend_from_slice(bytes);
            }
            Event::Cut(path, length) => {
                let file = files.get_mut(path).expect("created");
                file.uncut = Some(file.now.clone());
                file.now.truncate(*length as usize);
            }
            Event::SyncBegins(path) => {
                let file = files.get_mut(path).expect("created");
                file.syncing = file.now.clone();
            }
            Event::SyncEnds(path) => {
                let file = files.get_mut(path).expect("created");
                file.durable = file.syncing.clone();
                file.uncut = None;
            }
            Event::Remove(path) => files.get_mut(path).expect("created").removed = true,
            Event::SyncDir => {
                files.retain(|_, file| !file.removed);
                files.values_mut().for_each(|file| file.listed = true);
            }
            Event::Acknowledged(_) => {}
        }
    }
    let mut left = BTreeMap::new();
    for (path, file) in files {
        let unsure = !file.listed || file.removed;
        if unsure && choose(2) == 0 {
            continue;
        }
        let (durable, mut bytes) = (file.durable.len(), file.now);
        let grown = bytes.len().saturating_sub(durable) as u64;
        match choose(5) {
            0 => bytes = file.uncut.unwrap_or(file.durable),
            1 if grown > 0 => bytes.truncate(durable + choose(grown) as usize),
            2 if grown > 0 => bytes[durable..].fill(0),
            3 if grown > 0 => {
                let from = (durable + choose(grown) as usize).next_multiple_of(512);
                if let Some(unwritten) = bytes.get_mut(from..) {
                    unwritten.fill(0);
                }
            }
            _ => {}
        }
        left.insert(path, bytes);
    }
    left
}

/// Invariant 5: what was acknowledged survives a power cut at any moment; what was not is absent or whole.
#[test]
fn a_power_cut_at_any_moment_loses_nothing_acknowledged() {
    let place = Place::new(3000);
    let journal = place.create();
    let payloads: Vec<Vec<u8>> = (0..40_usize)
        .map(|n| vec![n as u8 + 1; n * 97 % 1400])
        .collect();
    for (n, payload) in payloads.iter().enumerate() {
        // All before is durable, so that no later sync covers the cut by chance.
        if n == 16 {
            place.disk.set(|state| state.room = Some(50));
            assert!(journal.append(b"", payload).is_err());
            place.disk.set(|state| state.room = None);
        }
        let position = journal.append(b"", payload).expect("writes");
        if n % 3 == 0 {
            journal.durable_blocking(position).expect("durable");
            place.disk.note(Event::Acknowledged(position + 1));
        }
    }
    drop(journal);
    let events = std::mem::take(&mut place.disk.0.lock().expect("no panic").events);
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    let mut choose = |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut cut_off = 0;
    for moment in 0..=events.len() {
        let (before, _) = events.split_at(moment);
        let acknowledged = before.iter().rev().find_map(|event| match event {
            Event::Acknowledged(size) => Some(*size),
            _ => None,
        });
        for _ in 0..4 {
            let left = TempDir::new().expect("a directory");
            for (path, bytes) in after_power_cut(before, &mut choose) {
                let name = path.file_name().expect("named");
                std::fs::write(left.path().join(name), bytes).expect("writes");
            }
            let (journal, recovery, mut found) = place
                .open_in(left.path())
                .unwrap_or_else(|error| panic!("at {moment}: {error}"));
            assert!(
                found.len() as u64 >= acknowledged.unwrap_or(0),
                "at {moment}"
            );
            assert_eq!(found, payloads[..found.len()]);
            cut_off += u64::from(recovery.torn_bytes > 0);
            found.push(b"goes on".to_vec());
            commit(&journal, b"goes on").expect("commits");
            drop(journal);
            assert_eq!(place.open_in(left.path()).expect("opens again").2, found);
        }
    }
    assert!(cut_off > 50, "the test tore only {cut_off} tails");
}
