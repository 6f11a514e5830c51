//! The index itself: applying, making durable, verifying what opening left to be verified.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::batch::Batch;
use super::engine::Engine;
use super::error::IndexError;
use super::folder::Folder;
use super::looks::Looks;
use super::reader::Reader;
use super::seal::{Place, Seals, Standing};
use super::shelf::Opener;
use super::state::State;
use super::table::RESERVED;
use super::verify::Check;
use crate::entropy::{Entropy, EntropyError};
use crate::limits;

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
    /// Records that were applied when it was opened.
    opened_at: u64,
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
    /// Rows that are verified together.
    pub(super) section_rows: u64,
}

impl Sizes {
    pub(super) const USUAL: Self = Self {
        gather_bytes: limits::INDEX_GATHER_BYTES,
        pack_bytes: limits::INDEX_PACK_BYTES,
        loose_rows: limits::INDEX_BATCH_ROWS,
        section_rows: limits::INDEX_SECTION_ROWS,
    };
}

impl Index {
    /// Verifies some of what was not yet; false when there is nothing left.
    ///
    /// # Errors
    /// [`IndexError::Unusable`] when it is not what was written, which stops the index: the next opening
    /// looks at all of it, and says that it must be rebuilt. And other errors as from reading.
    pub fn verify_next(&self) -> Result<bool, IndexError> {
        let state = self.state()?;
        let verified = self.check(&state).next();
        verified.map_err(|trouble| self.stop(trouble.with("rows")))
    }

    /// Whether every row was verified.
    #[cfg(test)]
    pub(super) fn is_verified(&self) -> Result<bool, IndexError> {
        Ok(self.state()?.sections().are_verified())
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
        let (standing, sections) = {
            let mut state = self.state_mut()?;
            self.write(&mut state)?;
            (state.standing(), state.sections().to_bytes())
        };
        let anchored = self.anchor(standing, sections.as_deref());
        anchored.map_err(|error| self.stop(error))?;
        if sections.is_some() {
            self.state_mut()?.settle_notes(standing.position);
        }
        Ok(())
    }

    /// Makes everything durable and lets go of the files.
    ///
    /// An index that is only dropped loses nothing that the journal does not have.
    ///
    /// # Errors
    /// As [`make_durable`](Self::make_durable).
    pub fn close(self) -> Result<(), IndexError> {
        self.make_durable()?;
        let grown = self.position()?.saturating_sub(self.opened_at);
        self.engine.close()?;
        if grown > limits::INDEX_SETTLED_RECORDS {
            // sled notes where everything lies only when it is opened, and reads what came after then.
            Engine::open(&self.folder.sled())?.close()?;
        }
        Ok(())
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

    /// What verifies sections before they are read.
    pub(super) fn check<'a>(&'a self, state: &'a State) -> Check<'a> {
        Check {
            engine: &self.engine,
            seals: &self.seals,
            sections: state.sections(),
        }
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
        if !self.stopped.swap(true, Ordering::SeqCst)
            && let Err(failure) = self.folder.discard_sections()
        {
            tracing::warn!(%failure, "delete the file yourself before the next start, so that every row is looked at");
        }
        error
    }

    pub(super) fn check_running(&self) -> Result<(), IndexError> {
        match self.stopped.load(Ordering::SeqCst) {
            true => Err(IndexError::Stopped),
            false => Ok(()),
        }
    }

    pub(super) fn over(
        engine: Engine,
        seals: Seals,
        entropy: Arc<dyn Entropy>,
        state: State,
        folder: Folder,
        sizes: Sizes,
    ) -> Self {
        let opened_at = state.position();
        Self {
            engine,
            seals,
            entropy,
            state: RwLock::new(state),
            anchoring: Mutex::new(()),
            stopped: AtomicBool::new(false),
            folder,
            looks: Looks::none(),
            sizes,
            opened_at,
        }
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
    fn anchor(&self, standing: Standing, sections: Option<&[u8]>) -> Result<(), IndexError> {
        self.engine.flush()?;
        self.folder.sync_sled()?;
        if let Some(sections) = sections {
            let entropy = &*self.entropy;
            let stamp = self.seals.seal_sections(standing, sections, entropy)?;
            self.folder.write_sections(&stamp)?;
        }
        let stamp = self.stamp(standing, Place::Anchor)?;
        Ok(self.folder.write_anchor(&stamp)?)
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({})", self.folder.path().display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::index::batch::Rows;
    use crate::index::verify::{count_rows, recorded_standing};
    use crate::index::writing::Tallied;
    use crate::index::{OpenError, Table, Unusable};
    use crate::secret::Key;

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
            let standing = index.state().expect("runs").standing();
            let (sections, notes) = index.state_mut().expect("runs").take_sections();
            let mut tally = Tallied {
                standing,
                sections,
                notes,
                fingerprints: index.seals.fingerprints(),
            };
            let written = match turn % 2 {
                0 => index.write_whole(rows(), &mut tally, &[]),
                _ => index.write_in_order(rows(), &mut tally, &[]),
            };
            written.expect("written");
            let found = count_rows(&index.engine, &tally.fingerprints, 2).expect("read");
            assert_eq!(found.rows.total(), tally.standing.tally);
            assert_eq!(found.rows.total(), tally.sections.total());
            let recorded = recorded_standing(&index.engine, &index.seals);
            assert!(recorded.is_ok_and(|recorded| recorded == tally.standing));
            let mut state = index.state_mut().expect("runs");
            state.written(tally.standing, tally.sections, tally.notes);
        }
    }
}
