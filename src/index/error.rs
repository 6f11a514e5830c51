//! What can go wrong with the index, by cause.

use std::io;
use std::path::{Path, PathBuf};

use super::engine::Failure;
use crate::entropy::EntropyError;

/// Why an index was not opened, created or set aside.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another part of this one, has it open.
    #[error("the index at {} is in use; stop the other process and try again", .0.display())]
    InUse(PathBuf),
    /// Something is already where a new index was to be made.
    #[error("{} already exists; set it aside before a new index is made there", .0.display())]
    Occupied(PathBuf),
    /// The operating system refused something that has nothing to do with the index's contents.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No randomness for a new index.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// It is not there, or not what was written: set it aside, create another and replay the journal.
    #[error("the index is rebuilt from the journal, because {0}")]
    Unusable(#[from] Unusable),
}

/// Why an index must be rebuilt from the journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is no index in that place.
    #[error("there is none")]
    Missing,
    /// Its anchor file is missing.
    #[error("its anchor file is missing, so nothing says whether it is whole")]
    AnchorMissing,
    /// Its anchor file is cut short or is something else.
    #[error("its anchor file is damaged")]
    AnchorDamaged,
    /// It was written by another version of the program.
    #[error("it has format {found}, not {}", super::FORMAT)]
    OtherFormat {
        /// The format found.
        found: u32,
    },
    /// Its anchor file does not open.
    #[error("it was made under another journal key, or its anchor file was changed")]
    OtherKey,
    /// sled and the anchor file were not made together.
    #[error("its rows belong to another index than its anchor file")]
    OtherIndex,
    /// sled gave an error or panicked, while opening or while every row was read.
    #[error("sled cannot read it: {0}")]
    WouldNotOpen(String),
    /// sled opened without the row that says what was applied.
    #[error("it does not say what was applied: a rebuild was interrupted, or it came back emptied")]
    Unfinished,
    /// The row that says what was applied does not open.
    #[error("the record of what was applied was changed")]
    StandingDamaged,
    /// Some rows do not open: they were changed or moved.
    #[error("{damaged} of its {found} rows were changed or moved")]
    RowsDamaged {
        /// Rows that do not open.
        damaged: u64,
        /// Rows there are.
        found: u64,
    },
    /// There are more or fewer rows than were written.
    #[error("it has {found} rows, and {recorded} were written")]
    CountDiffers {
        /// Rows that were written.
        recorded: u64,
        /// Rows there are.
        found: u64,
    },
    /// The rows are not the ones that were written.
    #[error("its rows are not the ones that were written")]
    ChecksumDiffers,
    /// It is older than the last state known to be on disk.
    #[error("it came back at record {found}, although record {anchored} had been applied")]
    WentBack {
        /// Records applied at the last state known to be on disk.
        anchored: u64,
        /// Records applied now.
        found: u64,
    },
    /// It stands where the anchor does, and differs.
    #[error("it differs from its anchor file at record {0}")]
    AnchorDiffers(u64),
}

/// Why the open index did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// A batch that does not follow the last one applied.
    #[error(
        "record {given} does not follow record {applied}, the last applied; nothing was changed"
    )]
    OutOfOrder {
        /// Records applied.
        applied: u64,
        /// The position given.
        given: u64,
    },
    /// A record speaks of something that no earlier record introduced.
    #[error(
        "a record names a {what} that no earlier record introduced; nothing was changed: use the version of Strongroom that wrote the journal, or a newer one"
    )]
    Contradiction {
        /// What it names.
        what: &'static str,
    },
    /// A value without a form in JSON.
    #[error("a value for the table `{table}` cannot be written: {reason}; nothing was changed")]
    NotAValue {
        /// The table.
        table: &'static str,
        /// Why not.
        reason: String,
    },
    /// A row does not open.
    #[error(
        "a row of the table `{table}` was changed on disk; restart, and the index is rebuilt from the journal"
    )]
    Damaged {
        /// The table.
        table: &'static str,
    },
    /// Rows are not the ones that were written.
    #[error("the index is not what was written: {0}; restart, and it is rebuilt from the journal")]
    Unusable(Unusable),
    /// A row opens and is not of the type expected.
    #[error(
        "a row of the table `{table}` is not what this version writes there; rebuild the index (`strongroom vault rebuild-index`)"
    )]
    NotOfThisVersion {
        /// The table.
        table: &'static str,
    },
    /// sled gave an error or panicked.
    #[error(
        "sled failed: {0}; restart, and the index is repaired from the journal (look for a full or failing disk first)"
    )]
    Sled(String),
    /// The operating system refused to keep what was applied.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No randomness to seal rows with.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// An earlier failure stopped the index.
    #[error(
        "the index stopped after an earlier failure; restart, and it is repaired from the journal"
    )]
    Stopped,
}

impl From<Failure> for IndexError {
    fn from(failure: Failure) -> Self {
        Self::Sled(failure.to_string())
    }
}

/// The operating system refused something.
#[derive(Debug, thiserror::Error)]
#[error("{what} {}: {source}; put that right and start again", .path.display())]
pub struct Refused {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Refused {
    pub(super) fn new(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self {
            what,
            path: path.to_owned(),
            source,
        }
    }
}
