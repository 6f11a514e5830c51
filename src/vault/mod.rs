//! The vault: journal, index and keyring as one.
//!
//! [`Vault::commit`] is the one way anything changes: a decision is made against the index as it
//! stands, its event is written to the journal, the index follows, and the caller goes on when the
//! record is on the disk. [`Vault::destroy`] is the one way a key goes.

mod backup;
mod commit;
mod config;
mod error;
mod material;
mod notes;
mod open;
mod opening;
mod replay;
mod rotate;
mod search;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::id::VaultId;
use crate::index::{Index, Reader};
use crate::journal::{Anchor, Journal, NoteSigner};
use crate::keyring::{KeyError, KeyTree, Root, SlotAnchor, SlotSet};
use crate::model::{Entry, LeafNumber};
use crate::secret::Key;

pub use backup::BackedUp;
pub(crate) use backup::STORE_DIR;
pub use commit::Draft;
pub use config::{Config, StoreChoice};
pub use error::VaultError;
pub use material::{MaterialKeys, particulars_context};
pub use open::NewVault;
pub use opening::Opening;
pub use rotate::{Rotated, Rotation};

use config::Lock;

/// Time and randomness, as the vault is given them.
#[derive(Debug, Clone)]
pub struct Means {
    /// The clock that dates every record.
    pub clock: Arc<dyn Clock>,
    /// Where keys and identifiers are drawn from.
    pub entropy: Arc<dyn Entropy>,
}

/// An open vault. Only one process has it open at a time.
#[derive(Debug)]
pub struct Vault {
    dir: PathBuf,
    config: Config,
    means: Means,
    journal: Journal,
    index: Index,
    root: RwLock<Rooted>,
    slots: SlotSet,
    signer: NoteSigner,
    committing: Mutex<()>,
    /// One erasure at a time, from the new root to the end of the old one.
    destroying: tokio::sync::Mutex<()>,
    /// Whether an old root is still in the slots that no erasure is to take.
    left: AtomicBool,
    narrowed: watch::Sender<u64>,
    /// The latest moment on record.
    latest: Mutex<Timestamp>,
    _lock: Lock,
}

/// The root in force, and the tree that hangs from it.
#[derive(Debug)]
struct Rooted {
    root: Root,
    tree: KeyTree,
}

impl Rooted {
    fn new(root: Root) -> Self {
        let tree = root.tree();
        Self { root, tree }
    }
}

impl Vault {
    /// Which vault this is.
    pub fn id(&self) -> VaultId {
        self.config.vault
    }

    /// The folder it lives in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The journal's folder.
    pub fn journal_dir(&self) -> PathBuf {
        config::journal_dir(&self.dir)
    }

    /// What its configuration file says.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its clock and its source of randomness.
    pub fn means(&self) -> &Means {
        &self.means
    }

    /// The present moment: the clock's, or the last record's if the clock has been set back, so that
    /// what has expired stays expired.
    pub fn now(&self) -> Timestamp {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        self.means.clock.now().max(*latest)
    }

    /// Who signs checkpoints and certificates.
    pub fn signer(&self) -> &NoteSigner {
        &self.signer
    }

    /// The journal, for proofs and checkpoints.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// How often the root has been replaced.
    pub fn epoch(&self) -> u64 {
        self.rooted().tree.epoch()
    }

    /// What holds the root, for people: one line a slot.
    pub fn slots(&self) -> Vec<String> {
        self.slots.describe()
    }

    /// The index as of now, with the keys that belong to it.
    ///
    /// # Errors
    /// [`VaultError::Index`] when the index stopped after an earlier failure.
    pub fn view(&self) -> Result<View<'_>, VaultError> {
        // The root first: a destruction holds it while the index changes under it.
        let rooted = self.rooted();
        let reader = self.index.read()?;
        Ok(View { rooted, reader })
    }

    /// How often each table of the index was looked at since it was opened, by the table's byte: the
    /// work done, where the time taken must tell nothing (R14).
    pub fn looked(&self) -> Vec<u64> {
        self.index.looked()
    }

    /// Tells whenever somebody's access may have become narrower than it was.
    pub fn narrowed(&self) -> watch::Receiver<u64> {
        self.narrowed.subscribe()
    }

    /// Hands the entries from position `from` up to but not including `to` to `visit`, in order.
    ///
    /// # Errors
    /// [`VaultError::Journal`] when a record no longer verifies, and whatever `visit` gives.
    pub fn entries<E: From<VaultError>>(
        &self,
        from: u64,
        to: u64,
        mut visit: impl FnMut(u64, Entry) -> Result<(), E>,
    ) -> Result<(), E> {
        let to = to.min(self.journal.size());
        let mut visited = Ok(());
        let read = self.journal.read(from.min(to)..to, |record| {
            let entry = replay::entry_of(&record)?;
            visited = visit(record.position, entry);
            match visited {
                Ok(()) => Ok(()),
                Err(_) => Err(VaultError::Interrupted),
            }
        });
        match (visited, read) {
            (Err(error), _) => Err(error),
            (Ok(()), read) => read.map_err(E::from),
        }
    }

    /// Reads the whole journal from the disk again and compares it with its Merkle root.
    ///
    /// # Errors
    /// [`VaultError::Journal`] when it is not what was written.
    pub fn verify(&self) -> Result<Anchor, VaultError> {
        Ok(self.journal.verify()?)
    }

    /// Verifies some of what [`Vault::open_to_serve`] left to be verified; false when there is nothing left.
    ///
    /// # Errors
    /// [`VaultError::Journal`] or [`VaultError::Index`] when something is not what was written: nothing
    /// more is written, and the next opening verifies all of it first.
    pub fn verify_next(&self) -> Result<bool, VaultError> {
        Ok(self.journal.verify_next()? || self.index.verify_next()?)
    }

    /// Notes in every root slot how far the journal has come.
    ///
    /// # Errors
    /// [`VaultError::Slot`] when a slot cannot be written.
    pub fn anchor(&self) -> Result<Anchor, VaultError> {
        let rooted = self.rooted();
        let anchor = self.journal.anchor();
        self.slots
            .write_anchor(&rooted.root, &slot_anchor(rooted.tree.epoch(), anchor))?;
        Ok(anchor)
    }

    /// Makes everything durable and lets go of the files.
    ///
    /// # Errors
    /// The first failure to write; what was acknowledged is durable all the same.
    pub fn close(self) -> Result<(), VaultError> {
        let anchored = self.anchor().map(drop);
        let indexed = self.index.close().map_err(VaultError::from);
        let journaled = self.journal.close().map_err(VaultError::from);
        anchored.and(indexed).and(journaled)
    }

    /// Makes the index durable, so that the next start replays less.
    ///
    /// # Errors
    /// [`VaultError::Index`]; the index is then stopped until a restart.
    pub fn make_index_durable(&self) -> Result<(), VaultError> {
        Ok(self.index.make_durable()?)
    }

    fn rooted(&self) -> RwLockReadGuard<'_, Rooted> {
        self.root.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The index as of one moment, and the keys to what it holds. Hold it briefly, never across an `await`.
#[derive(Debug)]
pub struct View<'a> {
    rooted: RwLockReadGuard<'a, Rooted>,
    reader: Reader<'a>,
}

impl<'a> View<'a> {
    /// The index.
    pub fn reader(&self) -> &Reader<'a> {
        &self.reader
    }

    /// The key of a leaf.
    ///
    /// # Errors
    /// [`KeyError::Destroyed`] when it is no more, [`KeyError::Damaged`] when its nodes do not open.
    pub fn key(&self, leaf: LeafNumber) -> Result<Key, KeyError> {
        self.rooted.tree.unwrap(&Nodes(&self.reader), leaf)
    }
}

/// The key tree's rows, as the index has them.
#[derive(Debug)]
struct Nodes<'a, 'b>(&'a Reader<'b>);

fn slot_anchor(epoch: u64, anchor: Anchor) -> SlotAnchor {
    SlotAnchor {
        epoch,
        journal_size: anchor.size,
        merkle_root: anchor.root,
    }
}
