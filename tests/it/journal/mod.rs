//! The journal through its public face: what it promises about order, loss, damage and proof.

mod behind;
mod commits;
mod crash;
mod damage;
mod proofs;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use strongroom::entropy::SystemEntropy;
use strongroom::id::VaultId;
use strongroom::journal::{
    Anchor, Damage, Error, Journal, Keys, NoteSigner, Record, Recovery, origin,
};
use strongroom::secret::Key;
use tempfile::TempDir;

/// Length of a segment's header, in bytes.
const SEGMENT_HEADER_BYTES: usize = 116;

/// A place for a journal and what opens it.
struct Place {
    root: TempDir,
    vault: VaultId,
    key: Key,
}

type Found = Vec<(Vec<u8>, Vec<u8>)>;

impl Place {
    /// A place in memory where there is one: these tests crash nothing but files.
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let root = TempDir::new_in(memory)
            .or_else(|_| TempDir::new())
            .expect("a directory");
        let entropy = SystemEntropy::new();
        Self {
            root,
            vault: VaultId::random(&entropy).expect("entropy"),
            key: Key::random(&entropy).expect("entropy"),
        }
    }

    /// A place whose vault and key another process can know too.
    fn known() -> Self {
        Self {
            vault: "vlt-000000000000016JD".parse().expect("an identifier"),
            key: Key::from_slice(&[5; 32]).expect("32 bytes"),
            ..Self::new()
        }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("journal")
    }

    fn keys(&self) -> Keys {
        Keys {
            vault: self.vault,
            journal: self.key.duplicate(),
        }
    }

    fn create(&self) -> Journal {
        Journal::create(&self.dir(), self.keys(), Arc::new(SystemEntropy::new())).expect("creates")
    }

    fn try_open(&self, anchor: Option<Anchor>) -> Result<(Journal, Recovery, Found), Error> {
        let mut found = Vec::new();
        let visit = |record: Record<'_>| {
            assert_eq!(record.position, found.len() as u64);
            found.push((record.public.to_vec(), record.payload.to_vec()));
            Ok::<(), Error>(())
        };
        let entropy = Arc::new(SystemEntropy::new());
        let (journal, recovery) =
            Journal::open(&self.dir(), self.keys(), anchor, 0, entropy, visit)?;
        Ok((journal, recovery, found))
    }

    fn open(&self) -> (Journal, Recovery, Found) {
        self.try_open(None).expect("opens")
    }

    fn refused(&self, anchor: Option<Anchor>) -> Error {
        match self.try_open(anchor) {
            Ok((_, recovery, _)) => panic!("opened: {recovery:?}"),
            Err(error) => error,
        }
    }

    /// Writes one segment for each count, with that many records.
    fn filled(&self, counts: &[usize]) -> (Anchor, Found) {
        let (mut journal, mut written) = (self.create(), Vec::new());
        for (segment, count) in counts.iter().enumerate() {
            for n in 0..*count {
                let public = format!("public {segment}.{n}").into_bytes();
                let payload = format!("payload {segment}.{n}").into_bytes();
                journal.append(&public, &payload).expect("writes");
                written.push((public, payload));
            }
            journal.close().expect("closes");
            journal = self.open().0;
        }
        (journal.anchor(), written)
    }

    fn segments(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.dir()).expect("lists");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("lists").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "seg"));
        paths.sort();
        paths
    }

    fn last_segment(&self) -> PathBuf {
        self.segments().pop().expect("a segment")
    }

    fn signer(&self) -> NoteSigner {
        let seed = Key::from_slice(&[3; 32]).expect("32 bytes");
        NoteSigner::from_seed(&origin(&self.vault), seed).expect("a name")
    }
}

fn damage(error: Error) -> Damage {
    match error {
        Error::Damaged { what, .. } => what,
        other => panic!("{other}"),
    }
}

fn length(path: &Path) -> usize {
    fs::metadata(path).expect("is there").len() as usize
}

#[test]
fn what_is_written_is_found_again() {
    let place = Place::new();
    let (anchor, written) = place.filled(&[3, 1, 4]);
    let (journal, recovery, found) = place.try_open(Some(anchor)).expect("opens");
    assert_eq!(found, written);
    assert_eq!(
        recovery,
        Recovery {
            anchor,
            torn_bytes: 0,
            hashes_rebuilt: false
        }
    );
    assert_eq!((journal.size(), anchor.size), (8, 8));
    for (position, (public, payload)) in (0..).zip(&written) {
        let record = journal.get(position).expect("reads");
        assert_eq!(
            (&record.public, record.payload.expose_secret()),
            (public, &payload[..])
        );
    }
    assert!(matches!(
        journal.get(8),
        Err(Error::NotWritten {
            position: 8,
            size: 8
        })
    ));
    assert!(matches!(
        journal.get(u64::MAX),
        Err(Error::NotWritten { .. })
    ));
    assert_eq!(journal.verify().expect("verifies"), anchor);
}

#[test]
fn an_empty_journal_opens_and_leaves_no_segments() {
    let place = Place::new();
    drop(place.create());
    for _ in 0..5 {
        let (journal, recovery, found) = place.try_open(Some(Anchor::EMPTY)).expect("opens");
        assert_eq!((recovery.anchor, found.len()), (Anchor::EMPTY, 0));
        assert_eq!(journal.anchor_at(0).expect("empty"), Anchor::EMPTY);
        drop(journal);
        assert_eq!(place.segments().len(), 0);
    }
    place.open().0.append(b"", b"").expect("writes");
    for _ in 0..5 {
        place.open();
        assert_eq!(place.segments().len(), 1);
    }
}

#[test]
fn a_journal_is_never_begun_over_another_nor_found_where_none_is() {
    let place = Place::new();
    assert!(matches!(place.refused(None), Error::NotThere(_)));
    drop(place.create());
    let again = Journal::create(&place.dir(), place.keys(), Arc::new(SystemEntropy::new()));
    assert!(matches!(again, Err(Error::AlreadyThere(_))));
}

#[test]
fn only_the_owner_reads_the_files_and_nobody_the_payload() {
    let place = Place::new();
    place.filled(&[2]);
    assert_eq!(
        fs::metadata(place.dir())
            .expect("is there")
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    for entry in fs::read_dir(place.dir()).expect("lists") {
        let path = entry.expect("lists").path();
        assert_eq!(
            fs::metadata(&path).expect("is there").permissions().mode() & 0o777,
            0o600
        );
        let bytes = fs::read(&path).expect("reads");
        let holds = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(!holds(b"payload"), "{}", path.display());
        assert_eq!(holds(b"public 0.1"), path.extension().is_some());
    }
}

#[test]
fn reading_begins_where_it_is_asked_to_and_stops_when_the_reader_does() {
    let place = Place::new();
    let (_, written) = place.filled(&[3, 3]);
    let open = |from, visit: &mut dyn FnMut(u64) -> Result<(), Error>| {
        let entropy = Arc::new(SystemEntropy::new());
        let visit = |record: Record<'_>| visit(record.position);
        Journal::open(&place.dir(), place.keys(), None, from, entropy, visit).map(|_| ())
    };
    for from in 0..8 {
        let mut seen = Vec::new();
        open(from, &mut |position| {
            seen.push(position);
            Ok(())
        })
        .expect("opens");
        assert_eq!(seen, (from..written.len() as u64).collect::<Vec<_>>());
    }
    let stopped = open(0, &mut |position| {
        (position < 2).then_some(()).ok_or(Error::Closed)
    });
    assert!(matches!(stopped, Err(Error::Closed)));
}

#[test]
fn a_record_longer_than_the_bound_is_refused() {
    let place = Place::new();
    let journal = place.create();
    let refused = journal.append(b"", &vec![0; 16 * 1024 * 1024]);
    assert!(matches!(refused, Err(Error::TooLong { .. })));
    let longest = vec![7; 16 * 1024 * 1024 - 16];
    let position = journal.append(b"", &longest).expect("writes");
    assert_eq!(
        journal
            .get(position)
            .expect("reads")
            .payload
            .expose_secret(),
        longest
    );
    drop(journal);
    assert_eq!(place.open().1.anchor.size, 1);
}

/// No nonce is used twice: every opening for writing begins a segment with a salt of its own.
#[test]
fn every_opening_draws_a_new_salt() {
    let place = Place::new();
    let mut salts = BTreeSet::new();
    drop(place.create());
    for n in 0..12_usize {
        let journal = place.open().0;
        journal.append(b"", b"one").expect("writes");
        drop(journal);
        let path = place.last_segment();
        let bytes = fs::read(&path).expect("reads");
        assert!(salts.insert(bytes[48..80].to_vec()), "a salt came twice");
        // Torn or put back, the same position is written again under another salt.
        if n % 3 == 0 {
            fs::write(&path, &bytes[..bytes.len() - 1]).expect("writes");
        }
    }
}
