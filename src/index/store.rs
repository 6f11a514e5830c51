//! The index itself: opening with everything verified, applying, making durable.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::batch::Batch;
use super::engine::{Engine, Failure};
use super::error::{IndexError, OpenError, Refused, Unusable};
use super::folder::Folder;
use super::looks::Looks;
use super::reader::Reader;
use super::seal::{Place, Seals, Standing};
use super::shelf::{Opener, Shelf};
use super::state::State;
use super::table::RESERVED;
use super::verify::{Problem, compare, count_rows, recorded_standing};
use crate::entropy::{Entropy, EntropyError};
use crate::limits;
use crate::secret::Key;

/// The row that says what was applied.
pub(super) const STANDING_ROW: [u8; 1] = [RESERVED];

/// A projection of the journal that can be asked questions. See the [room's page](super).
///
/// It is shared between threads; every call is short and may touch the disk.
pub struct Index {
    // Dropped in this order: sled lets go of its files before another may have the folder.
    engine: Engine,
    seals: Seals,
    entropy: Arc<dyn Entropy>,
    state: RwLock<State>,
    anchoring: Mutex<()>,
    stopped: AtomicBool,
    folder: Folder,
    looks: Looks,
    sizes: Sizes,
}

/// How much is held back or put together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Rows gathered before they are written or shelved, in bytes.
    pub(super) gather_bytes: usize,
    /// A pack is full with so many bytes.
    pub(super) pack_bytes: usize,
    /// Most rows of an index just built that are not packed.
    pub(super) loose_rows: usize,
}

impl Sizes {
    const USUAL: Self = Self {
        gather_bytes: limits::INDEX_GATHER_BYTES,
        pack_bytes: limits::INDEX_PACK_BYTES,
        loose_rows: limits::INDEX_BATCH_ROWS,
    };
}

impl Index {
    /// Makes an empty index at `dir`, where nothing may be, for the journal whose key is `journal_key`.
    ///
    /// # Errors
    /// [`OpenError::Occupied`], [`OpenError::InUse`], and whatever keeps the files from being made.
    pub fn create(
        dir: &Path,
        journal_key: &Key,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        let folder = Folder::hold(dir)?;
        folder.make()?;
        let seals = Seals::draw(journal_key, &*entropy)?;
        let standing = Standing::beginning();
        let row = seals.seal_standing(standing, Place::Row, &*entropy)?;
        let mut batch = sled::Batch::default();
        batch.insert(&STANDING_ROW, row);
        let could_not_make = |failure| refused_or_unusable(&folder, "cannot make", failure);
        let engine = Engine::open(&folder.sled()).map_err(could_not_make)?;
        engine.apply(batch).map_err(could_not_make)?;
        engine.flush().map_err(could_not_make)?;
        folder.sync_sled()?;
        folder.write_anchor(&seals.seal_standing(standing, Place::Anchor, &*entropy)?)?;
        Ok(Self::over(engine, seals, entropy, standing, None, folder))
    }

    /// Opens the index at `dir` and verifies every row in it.
    ///
    /// It may have fewer records applied than the journal has, since only what is made durable
    /// survives a crash: compare [`position`](Self::position) and [`merkle_root`](Self::merkle_root)
    /// with the journal, and apply the rest.
    ///
    /// # Errors
    /// [`OpenError::Unusable`] when it must be rebuilt, and for what reason; other errors are not
    /// about its contents, and rebuilding would not help.
    pub fn open(
        dir: &Path,
        journal_key: &Key,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        if !dir.is_dir() {
            return Err(Unusable::Missing.into());
        }
        let folder = Folder::hold(dir)?;
        let (seals, anchored) = Seals::open_anchor(journal_key, &folder.read_anchor()?)?;
        folder.discard_unfinished_snapshots()?;
        folder.discard_runs()?;
        let unreadable = |failure| refused_or_unusable(&folder, "cannot open", failure);
        let engine = Engine::open(&folder.sled()).map_err(unreadable)?;
        let recorded = recorded_standing(&engine, &seals).map_err(|problem| match problem {
            Problem::Failure(failure) => unreadable(failure),
            Problem::Unusable(reason) => reason.into(),
        })?;
        let found = count_rows(&engine, &seals).map_err(unreadable)?;
        compare(recorded, &found, anchored)?;
        let packs = Some(found.packs).filter(|packs| !packs.is_empty());
        let packs = packs.map(Shelf::in_sled);
        Ok(Self::over(engine, seals, entropy, recorded, packs, folder))
    }

    /// Journal records applied.
    ///
    /// # Errors
    /// [`IndexError::Stopped`].
    pub fn position(&self) -> Result<u64, IndexError> {
        Ok(self.state()?.position())
    }

    /// The journal's Merkle root at that position, as it was given when the record was applied.
    ///
    /// # Errors
    /// [`IndexError::Stopped`].
    pub fn merkle_root(&self) -> Result<[u8; 32], IndexError> {
        Ok(self.state()?.root())
    }

    /// The index as of now, for reading.
    ///
    /// # Errors
    /// [`IndexError::Stopped`].
    pub fn read(&self) -> Result<Reader<'_>, IndexError> {
        Ok(Reader::new(self, self.state()?))
    }

    /// Applies the rows of the journal record that makes `position` of them, whole or not at all.
    ///
    /// `merkle_root` is the journal's at that position. The rows can be read at once; they survive
    /// a crash after the next [`make_durable`](Self::make_durable), and until then the journal has them.
    ///
    /// # Errors
    /// [`IndexError::OutOfOrder`] when `position` is not the next one. Any other error stops the
    /// index: a restart opens it as it was before, or rebuilds it.
    pub fn apply(
        &self,
        batch: Batch,
        position: u64,
        merkle_root: [u8; 32],
    ) -> Result<(), IndexError> {
        self.gather(batch, position, merkle_root, |state| self.write(state))
    }

    /// Applies as [`apply`](Self::apply) does, but lets some records wait to be written together: sled
    /// takes a batch of many rows in hardly more time than one of a few.
    ///
    /// The rows can be read at once. What waits is written when there is enough of it, and by
    /// [`make_durable`](Self::make_durable); should a crash come first, the journal has it.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); and of records that waited.
    pub fn apply_waiting(
        &self,
        batch: Batch,
        position: u64,
        merkle_root: [u8; 32],
    ) -> Result<(), IndexError> {
        self.gather(batch, position, merkle_root, |state| {
            match state.waiting().len() < limits::INDEX_WAITING_ROWS {
                true => Ok(()),
                false => self.write(state),
            }
        })
    }

    /// Applies as [`apply`](Self::apply) does, but gathers many records into one write to sled, for
    /// replaying a journal at speed.
    ///
    /// Into an index that has nothing in sled yet, everything is written at the end, each row once and
    /// packed; what does not fit in memory waits in files of the index's folder, sealed. A crash before
    /// the end leaves an index that is empty, or one that says it was not finished.
    ///
    /// The rows can be read at once. The last records are written by the next
    /// [`apply`](Self::apply), [`make_durable`](Self::make_durable) or [`close`](Self::close).
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn apply_gathering(
        &self,
        batch: Batch,
        position: u64,
        merkle_root: [u8; 32],
    ) -> Result<(), IndexError> {
        self.gather(batch, position, merkle_root, |state| {
            match state.waiting_bytes() < self.sizes.gather_bytes {
                true => Ok(()),
                false if state.is_being_built() => self.shelve(state),
                false => self.write(state),
            }
        })
    }

    /// Takes in the rows of a record, and lets `keep` decide whether sled has them now.
    fn gather(
        &self,
        batch: Batch,
        position: u64,
        merkle_root: [u8; 32],
        keep: impl FnOnce(&mut State) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut state = self.state_mut()?;
        state.gather(batch, position, merkle_root)?;
        keep(&mut state)
    }

    /// Has the disk keep what was applied so far, and notes it in the anchor file.
    ///
    /// # Errors
    /// Any error stops the index.
    pub fn make_durable(&self) -> Result<(), IndexError> {
        let _alone = self.anchoring.lock().map_err(|_| IndexError::Stopped)?;
        // Readers go on while the disk is waited for; what is applied meanwhile is past the anchor.
        let standing = {
            let mut state = self.state_mut()?;
            self.write(&mut state)?;
            state.standing()
        };
        let anchored = self.anchor(standing);
        anchored.map_err(|error| self.stop(error))
    }

    /// Makes everything durable and lets go of the files.
    ///
    /// An index that is only dropped loses nothing that the journal does not have.
    ///
    /// # Errors
    /// As [`make_durable`](Self::make_durable).
    pub fn close(self) -> Result<(), IndexError> {
        self.make_durable()?;
        Ok(self.engine.close()?)
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn seals(&self) -> &Seals {
        &self.seals
    }

    pub(super) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// What opens packs.
    pub(super) fn opener(&self) -> Opener<'_> {
        Opener {
            engine: &self.engine,
            seals: &self.seals,
        }
    }

    /// Stops the index because of `error`.
    pub(super) fn stop(&self, error: IndexError) -> IndexError {
        self.stopped.store(true, Ordering::SeqCst);
        error
    }

    pub(super) fn check_running(&self) -> Result<(), IndexError> {
        match self.stopped.load(Ordering::SeqCst) {
            true => Err(IndexError::Stopped),
            false => Ok(()),
        }
    }

    fn over(
        engine: Engine,
        seals: Seals,
        entropy: Arc<dyn Entropy>,
        standing: Standing,
        packs: Option<Shelf>,
        folder: Folder,
    ) -> Self {
        Self {
            engine,
            seals,
            entropy,
            state: RwLock::new(State::at(standing, packs)),
            anchoring: Mutex::new(()),
            stopped: AtomicBool::new(false),
            folder,
            looks: Looks::none(),
            sizes: Sizes::USUAL,
        }
    }

    #[cfg(test)]
    pub(super) fn with_sizes(self, sizes: Sizes) -> Self {
        Self { sizes, ..self }
    }

    pub(super) fn looks(&self) -> &Looks {
        &self.looks
    }

    /// How often each table was looked at since the index was opened, by the table's byte; rows found
    /// count as looks.
    pub fn looked(&self) -> Vec<u64> {
        self.looks.all()
    }

    fn state(&self) -> Result<RwLockReadGuard<'_, State>, IndexError> {
        self.check_running()?;
        self.state.read().map_err(|_| IndexError::Stopped)
    }

    fn state_mut(&self) -> Result<RwLockWriteGuard<'_, State>, IndexError> {
        let state = self.state.write().map_err(|_| IndexError::Stopped)?;
        self.check_running()?;
        Ok(state)
    }

    pub(super) fn stamp(&self, standing: Standing, place: Place) -> Result<Vec<u8>, EntropyError> {
        self.seals.seal_standing(standing, place, &*self.entropy)
    }

    /// Has the disk keep what sled has, then notes `standing` in the anchor file.
    fn anchor(&self, standing: Standing) -> Result<(), IndexError> {
        self.engine.flush()?;
        self.folder.sync_sled()?;
        let stamp = self.stamp(standing, Place::Anchor)?;
        Ok(self.folder.write_anchor(&stamp)?)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({})", self.folder.path().display())
    }
}

fn refused_or_unusable(folder: &Folder, what: &'static str, failure: Failure) -> OpenError {
    match failure {
        Failure::Refused(source) => Refused::new(what, folder.path(), source).into(),
        Failure::Broken(words) => Unusable::WouldNotOpen(words).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::index::Table;
    use crate::index::batch::Rows;

    const TEXTS: Table<u64, String> = Table::new(9, "texts");

    fn created() -> (tempfile::TempDir, Key, Index) {
        let home = tempfile::tempdir().expect("a temporary folder");
        let entropy = Arc::new(SystemEntropy::new());
        let key = Key::random(&*entropy).expect("entropy");
        let index = Index::create(&home.path().join("index"), &key, entropy).expect("made");
        let mut batch = Batch::new();
        batch.put(&TEXTS, &1, &"here".to_owned()).expect("a value");
        index.apply(batch, 1, [1; 32]).expect("applies");
        (home, key, index)
    }

    fn why_unusable(home: &tempfile::TempDir, key: &Key) -> Unusable {
        let entropy = Arc::new(SystemEntropy::new());
        match Index::open(&home.path().join("index"), key, entropy) {
            Err(OpenError::Unusable(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_row_changed_while_open_stops_the_index() {
        let (home, key, index) = created();
        let row = TEXTS.row(&1);
        index.engine.insert(&row, vec![7; 60]).expect("written");
        let reader = index.read().expect("runs");
        let read = reader.get(&TEXTS, &1);
        assert!(matches!(read, Err(IndexError::Damaged { table: "texts" })));
        assert!(matches!(reader.get(&TEXTS, &2), Err(IndexError::Stopped)));
        drop(reader);
        drop(index);
        let found = Unusable::RowsDamaged {
            damaged: 1,
            found: 1,
        };
        assert_eq!(why_unusable(&home, &key), found);
    }

    #[test]
    fn an_interrupted_replay_is_told() {
        let (home, key, index) = created();
        index
            .engine
            .remove(&STANDING_ROW)
            .expect("as replaying begins");
        drop(index);
        assert_eq!(why_unusable(&home, &key), Unusable::Unfinished);
    }

    #[test]
    fn both_ways_of_writing_come_to_the_same() {
        let (_home, _, index) = created();
        let rows = || {
            let put = (TEXTS.row(&1), Some(b"\"there\"".to_vec()));
            Rows::from([
                put,
                (TEXTS.row(&2), None),
                (TEXTS.row(&3), Some(b"\"\"".to_vec())),
            ])
        };
        for turn in 0..4 {
            let before = index.state().expect("runs").standing();
            let written = match turn % 2 {
                0 => index.write_whole(rows(), before, &[]),
                _ => index.write_in_order(rows(), before, &[]),
            };
            let standing = written.expect("written");
            let found = count_rows(&index.engine, &index.seals).expect("read");
            assert_eq!(
                (found.rows, found.checksum),
                (standing.rows, standing.checksum)
            );
            let recorded = recorded_standing(&index.engine, &index.seals);
            assert!(recorded.is_ok_and(|recorded| recorded == standing));
            index.state_mut().expect("runs").written(standing);
        }
    }
}
