//! Why the vault does not do what it is asked.

use std::io;
use std::path::{Path, PathBuf};

use crate::entropy::EntropyError;
use crate::id::VaultId;
use crate::index::{IndexError, OpenError};
use crate::journal;
use crate::keyring::{KeyError, SlotError, SlotPlace};
use crate::sealing::DoesNotOpen;

/// Why the vault does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is something where a new vault should go.
    #[error("{} is not empty; choose a new folder for the vault", .0.display())]
    AlreadyThere(PathBuf),
    /// There is no vault there.
    #[error("{} holds no vault; give the folder that `strongroom vault init` made", .0.display())]
    NotAVault(PathBuf),
    /// Another process has it open.
    #[error("the vault at {} is open in another process; stop that gateway or command first", .0.display())]
    InUse(PathBuf),
    /// No root slot is called that.
    #[error("{} is none of the vault's root slots; `strongroom vault status` names them, and so does `vault.json`", .0)]
    UnknownSlot(SlotPlace),
    /// The configuration file does not read.
    #[error("{} is not a vault's configuration: {reason}; restore it from a backup", .path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file or folder cannot be made, read or written.
    #[error("cannot {what} {}: {source}; put that right and try again", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The root slots hold only newer roots than the journal knows of.
    #[error(
        "the root slots are at epoch {slots} and the journal ends at epoch {journal}: an older journal was put back. The vault stays sealed; restore the newest journal"
    )]
    JournalBehindSlots {
        /// The lowest epoch in the slots.
        slots: u64,
        /// The epoch the journal ends at.
        journal: u64,
    },
    /// The root slots hold only older roots than the journal's.
    #[error(
        "the journal ends at epoch {journal} and the root slots hold nothing newer than epoch {slots}: an older root slot was put back. The vault stays sealed; nobody erased comes back with it. Use the current slot"
    )]
    SlotsBehindJournal {
        /// The highest epoch in the slots.
        slots: u64,
        /// The epoch the journal ends at.
        journal: u64,
    },
    /// The old root stays until the bucket has the record of its destruction.
    #[error(
        "the keys are destroyed and nobody is given what hung on them; the old root stays beside the new until the bucket has a copy of the record, without which losing this machine would lose everything: {0}. It is tried again every minute, for a day"
    )]
    NotCopied(String),
    /// Nothing is rotated before the bucket has what there is.
    #[error(
        "nothing is changed: the bucket with the copies of the journal cannot be brought up to date first ({0}). Try again when the store answers; --without-copy rotates all the same, and then losing this machine before the bucket has the journal loses everything"
    )]
    BucketBehind(String),
    /// The old root stays beside the new until the bucket has the record of it.
    #[error(
        "the new root is in force, and the old one still beside it in every slot, because the bucket could not be given the record of it: {0}. The gateway lets go of it when the bucket has it; or rotate again when the store answers"
    )]
    OldRootStays(String),
    /// The first record of the journal is of another vault.
    #[error(
        "the journal belongs to vault {found}, not {expected}; the folders of two vaults were mixed"
    )]
    ForeignJournal {
        /// The vault named in the configuration.
        expected: VaultId,
        /// The vault named in the journal.
        found: VaultId,
    },
    /// A record verifies and is not an entry this version knows.
    #[error(
        "record {position} of the journal is not one this version knows: {reason}; use the version of Strongroom that wrote it, or a newer one"
    )]
    UnknownEntry {
        /// The record.
        position: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// What is sealed in a record does not open.
    #[error(
        "{what} does not open, though its keys are there: it was changed or moved. Nothing of it was given out; verify the journal (`strongroom audit verify`) and report it"
    )]
    Unopenable {
        /// What.
        what: String,
    },
    /// A person's keys, or an item's, are destroyed.
    #[error("its keys are destroyed")]
    Destroyed,
    /// More keys were asked for than the tree has room for.
    #[error("the key tree is full; begin a new vault for further studies")]
    KeyTreeFull,
    /// Something has no form in JSON.
    #[error("a record cannot be written down: {0}")]
    NotWritable(String),
    /// A reader stopped on its own account.
    #[error("reading stopped early")]
    Interrupted,
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The index, while opening.
    #[error(transparent)]
    IndexOpen(#[from] OpenError),
    /// The index, while open.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A root slot.
    #[error(transparent)]
    Slot(#[from] SlotError),
    /// The key tree.
    #[error(transparent)]
    Key(KeyError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}

impl VaultError {
    pub(super) fn io(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            what,
            path: path.to_path_buf(),
            source,
        }
    }

    pub(super) fn unopenable(what: &dyn std::fmt::Display) -> impl FnOnce(DoesNotOpen) -> Self {
        let what = what.to_string();
        move |DoesNotOpen| Self::Unopenable { what }
    }
}

impl From<KeyError> for VaultError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Destroyed { .. } => Self::Destroyed,
            other => Self::Key(other),
        }
    }
}
