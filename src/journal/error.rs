//! Everything that can go wrong in the journal, by cause.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::anchor::Anchor;
use crate::entropy::EntropyError;

/// Why the journal did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory named does not exist.
    #[error(
        "there is no journal in {}; name the vault's own directory, or restore it from a backup",
        .0.display()
    )]
    NotThere(PathBuf),
    /// A journal would be created where something already is.
    #[error(
        "{} already holds files, so no new journal is begun there; name a new or empty directory",
        .0.display()
    )]
    AlreadyThere(PathBuf),
    /// What is to be a copy of a journal is not a beginning of it.
    #[error(
        "{} is not a copy of this journal's beginning: another vault's, a longer one's, or damaged. \
         Nothing was changed; begin a backup in a new folder, and keep the old one",
        .0.display()
    )]
    CopyDiffers(PathBuf),
    /// The stored bytes are not what was written.
    #[error(
        "the journal is damaged in {segment} at byte {offset}: {what}. Nothing was changed; \
         keep a copy of the journal's directory and restore it from a backup"
    )]
    Damaged {
        /// File name of the segment.
        segment: String,
        /// Offset in the segment, in bytes, of the frame or header that does not verify.
        offset: u64,
        /// What is wrong there.
        what: Damage,
    },
    /// The journal ends before the anchor: records that were once anchored are gone.
    #[error(
        "the journal was rolled back: it holds {records} records and the anchor vouches for {}. \
         Put the newest copy of the journal's directory back; nothing was changed",
        .anchor.size
    )]
    RolledBack {
        /// Records found.
        records: u64,
        /// The anchor given at open.
        anchor: Anchor,
    },
    /// The journal holds as many records as the anchor but not the same ones.
    #[error(
        "the journal is not the one the anchor vouches for: its first {} records have another \
         Merkle root. Put the right journal's directory back; nothing was changed",
        .anchor.size
    )]
    AnotherHistory {
        /// The anchor given at open.
        anchor: Anchor,
        /// The root found at the anchor's size.
        found: [u8; 32],
    },
    /// The record is longer than the bound.
    #[error("a record of {bytes} bytes is longer than the {max} the journal takes; split it")]
    TooLong {
        /// Length of the record, sealed and public part together, in bytes.
        bytes: usize,
        /// The bound, in bytes.
        max: usize,
    },
    /// The disk or a quota is full: the record was not written.
    #[error(
        "there is no room for the journal in {}: {source}. The record was not written; \
         free some space and try again",
        .path.display()
    )]
    Full {
        /// The file that could not grow.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The operating system refused.
    #[error("could not {doing} {}: {source}", .path.display())]
    Io {
        /// What was being done, as a verb.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A write or fsync failed in a way that leaves it unknown what the disk holds.
    #[error(
        "the journal takes no more records: {0}. What the disk holds is not known until it is \
         read again; see to the disk, then restart"
    )]
    Poisoned(Arc<str>),
    /// A position was named that no record has yet.
    #[error("there is no record at position {position}; the journal holds {size}")]
    NotWritten {
        /// The position asked for.
        position: u64,
        /// Records in the journal.
        size: u64,
    },
    /// A proof was asked for between sizes the tree does not have.
    #[error("there is no proof from {from} to {size}: the journal holds {have} records")]
    NoSuchProof {
        /// The record's position, or the older tree's size.
        from: u64,
        /// The size of the tree to prove against.
        size: u64,
        /// Records in the journal.
        have: u64,
    },
    /// The file of derived hashes gives a proof that does not verify.
    #[error(
        "the stored tree hashes in {} do not fit the journal; restart to rebuild them from it",
        .0.display()
    )]
    StaleHashes(PathBuf),
    /// A proof does not lead from the record or the older tree to the root.
    #[error("the proof does not fit: the record, the proof or the checkpoint was changed")]
    ProofRefused,
    /// A text is not in the form of a C2SP `tlog-proof`.
    #[error("this is not a transparency log proof (c2sp.org/tlog-proof@v1); give the file whole")]
    MalformedProof,
    /// A text is not in the form of a verifier key.
    #[error(
        "this is not a verifier key, which reads `name+hash+base64` and holds an Ed25519 key; \
         copy it whole"
    )]
    MalformedVerifierKey,
    /// A text cannot be a note, signed or to be signed.
    #[error(
        "this is not a signed note: text, an empty line and signature lines, without control \
         characters; give it whole and unchanged"
    )]
    MalformedNote,
    /// A name cannot be that of a note's signer.
    #[error("{0:?} cannot name a signer: it is empty or has a space or a plus in it")]
    SignerName(String),
    /// A checkpoint would be signed under a name that is not the log's.
    #[error("checkpoints of this log are signed by {0}; give the signer that name")]
    WrongSigner(String),
    /// A note carries no signature by the key expected.
    #[error("the note is not signed by {0}; check that this is the right verifier key")]
    NotSigned(String),
    /// A note's signature is not by the key it names.
    #[error("the note's signature by {0} does not verify: the note was changed")]
    BadSignature(String),
    /// A note is not a checkpoint of the log expected.
    #[error("the note is not a checkpoint of {0}")]
    NotACheckpoint(String),
    /// No salt could be drawn for a new segment.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The journal was closed before the record was durable.
    #[error("the journal was closed while a record was on its way to the disk; restart")]
    Closed,
}

impl Error {
    /// An error about `path` while `doing` something, told apart by whether space ran out.
    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full { path, source },
            _ => Self::Io {
                doing,
                path,
                source,
            },
        }
    }
}

/// What is wrong with the stored bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The segment's header is not one, or is of an unknown version.
    #[error("the segment's header is not one this version wrote")]
    Header,
    /// The segment's header does not fit its checksum.
    #[error("the segment header's checksum does not fit")]
    HeaderChecksum,
    /// The segment is another vault's.
    #[error("the segment belongs to the vault {0}")]
    WrongVault(String),
    /// The segment's file name and header disagree about its first position.
    #[error("the segment was renamed: its header says that it begins at record {0}")]
    Renamed(u64),
    /// Records are missing before this segment, or it repeats some.
    #[error("the segment begins at record {found} where record {expected} should follow")]
    Gap {
        /// The position that should come next.
        expected: u64,
        /// The position at which the segment begins.
        found: u64,
    },
    /// The segment continues another history than the one before it.
    #[error("the segment continues another history: the records before it have another root")]
    History,
    /// A frame's header does not fit its checksum.
    #[error("a record header's checksum does not fit")]
    FrameHeader,
    /// A frame announces a length no record has.
    #[error("a record announces a length of {0} bytes, which none has")]
    Length(u64),
    /// A frame does not fit its checksum.
    #[error("a record's checksum does not fit")]
    Checksum,
    /// A frame's checksums fit but it does not open.
    #[error("a record does not open: it was changed, moved, or written under another key")]
    DoesNotOpen,
    /// A segment ends inside a frame though another segment follows it.
    #[error("the segment ends inside a record, and it is not the last")]
    CutShort,
}
