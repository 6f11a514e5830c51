//! What a root slot holds and promises, whatever it is made of.

use std::fmt::Debug;
use std::io;

use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::id::VaultId;
use crate::model::{Retired, SlotKind};
use crate::secret::{KEY_BYTES, Key, SecretBytes};

use super::anchor::SlotAnchor;
use super::destroy::Destruction;
use super::recipients::Recipients;
use super::token::TokenError;
use super::tree::KeyTree;
use super::unlock::{Identities, UnlockError};

/// Length of a vault's identifier as text, in bytes.
pub(super) const VAULT_BYTES: usize = 21;
const ROOT_VERSION: u8 = 1;
const ROOT_BYTES: usize = 1 + VAULT_BYTES + 8 + 3 * KEY_BYTES;

/// The secrets of a vault at one epoch: everything else is wrapped by them.
///
/// Only the root key changes from epoch to epoch; the other two are the vault's for life.
#[derive(Debug)]
pub struct Root {
    /// The vault.
    pub vault: VaultId,
    /// How often the root key has been replaced.
    pub epoch: u64,
    /// The key at the top of the key tree.
    pub root_key: Key,
    /// The key that seals the journal's records.
    pub journal_key: Key,
    /// The seed of the Ed25519 key that signs checkpoints and certificates.
    pub signing_seed: Key,
}

impl Root {
    /// The first root of a new vault.
    ///
    /// # Errors
    /// [`EntropyError`] when no keys can be drawn.
    pub fn first(vault: VaultId, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        Ok(Self {
            vault,
            epoch: 0,
            root_key: Key::random(entropy)?,
            journal_key: Key::random(entropy)?,
            signing_seed: Key::random(entropy)?,
        })
    }

    /// The root that follows this one when `destruction` is committed.
    pub fn after(&self, destruction: &Destruction) -> Self {
        Self {
            vault: self.vault,
            epoch: destruction.epoch,
            root_key: destruction.new_root.duplicate(),
            journal_key: self.journal_key.duplicate(),
            signing_seed: self.signing_seed.duplicate(),
        }
    }

    /// The key tree under this root.
    pub fn tree(&self) -> KeyTree {
        KeyTree::new(self.vault, self.epoch, self.root_key.duplicate())
    }

    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(ROOT_BYTES));
        bytes.push(ROOT_VERSION);
        bytes.extend_from_slice(self.vault.to_string().as_bytes());
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        for key in [&self.root_key, &self.journal_key, &self.signing_seed] {
            bytes.extend_from_slice(key.expose_secret());
        }
        bytes
    }

    pub(super) fn from_bytes(bytes: &SecretBytes) -> Option<Self> {
        let (version, rest) = bytes.expose_secret().split_first()?;
        let (vault, rest) = rest.split_at_checked(VAULT_BYTES)?;
        let (epoch, rest) = rest.split_first_chunk()?;
        let (root_key, rest) = rest.split_at_checked(KEY_BYTES)?;
        let (journal_key, signing_seed) = rest.split_at_checked(KEY_BYTES)?;
        (*version == ROOT_VERSION).then_some(Self {
            vault: std::str::from_utf8(vault).ok()?.parse().ok()?,
            epoch: u64::from_be_bytes(*epoch),
            root_key: Key::from_slice(root_key)?,
            journal_key: Key::from_slice(journal_key)?,
            signing_seed: Key::from_slice(signing_seed)?,
        })
    }

    /// Whether every secret of the two is the same.
    pub(super) fn agrees_with(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

/// What a slot gave to one who can open it.
#[derive(Debug)]
pub struct Contents {
    /// The whole roots found, by epoch. There are two when a replacement was under way; the journal
    /// says whether the newer was committed.
    pub roots: Vec<Root>,
    /// Epochs of whole roots that are sealed to other recipients.
    pub locked: Vec<u64>,
    /// Whether something in the slot was left half written or half effaced.
    pub torn: bool,
    /// The last anchor written, if there has been one.
    pub anchor: Option<SlotAnchor>,
}

/// What can be seen in a slot without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Epochs of the whole roots, in order.
    pub epochs: Vec<u64>,
    /// Whether something in the slot was left half written or half effaced.
    pub torn: bool,
}

/// A small store, outside index and backups, that can be made to forget.
///
/// It holds one root, or two while one replaces the other; at no moment neither. It never makes a
/// root by itself.
pub trait RootSlot: Debug + Send + Sync {
    /// What kind of slot it is; certificates name it, and what it cannot rule out.
    fn kind(&self) -> SlotKind;

    /// The slot in a few words for a person: its kind and where it is.
    fn describe(&self) -> String;

    /// The recipients that its newest root is sealed to.
    ///
    /// # Errors
    /// [`SlotError::NoWholeRoot`] and failures to read.
    fn recipients(&self) -> Result<Recipients, SlotError>;

    /// The epochs it holds, which is asked without opening it.
    ///
    /// # Errors
    /// [`SlotError`] when the slot cannot be read.
    fn held(&self) -> Result<Held, SlotError>;

    /// Everything in it that `identities` open, checked to belong to `vault`; it writes nothing.
    ///
    /// # Errors
    /// [`SlotError::NoWholeRoot`], [`SlotError::WrongIdentity`], [`SlotError::ForeignVault`],
    /// [`SlotError::TwoOfOneEpoch`], [`SlotError::AnchorDamaged`] and failures to read.
    fn read(&self, vault: VaultId, identities: &Identities) -> Result<Contents, SlotError>;

    /// Writes a newer root beside the one it holds, durably, sealed to `recipients` or, for
    /// `None`, to the same as that one.
    ///
    /// # Errors
    /// [`SlotError::Unresolved`] when two are there already, [`SlotError::NotNewer`],
    /// [`SlotError::ForeignVault`], and failures to write, after which the one it held is still there.
    fn prepare(&self, root: &Root, recipients: Option<&Recipients>) -> Result<(), SlotError>;

    /// Effaces everything but the root of epoch `keep`; asked again, it does it again.
    ///
    /// # Errors
    /// [`SlotError::LastRoot`] when that root is not there whole, and failures to write, after which
    /// it must be asked again.
    fn keep_only(&self, keep: u64, entropy: &dyn Entropy) -> Result<Retired, SlotError>;

    /// Replaces the anchor, durably and without touching the roots.
    ///
    /// # Errors
    /// [`SlotError`] on a failure to write, after which the anchor before it is still there.
    fn write_anchor(&self, root: &Root, anchor: &SlotAnchor) -> Result<(), SlotError>;
}

/// Why a root slot does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum SlotError {
    /// There is no such file.
    #[error(
        "there is no root slot at {place}; connect its disk or correct the path. \
         No new one is made in its place, because nothing in the vault would open with it"
    )]
    Missing {
        /// The slot.
        place: String,
    },
    /// A new slot was to be made where something is.
    #[error("{place} exists; a root slot is never overwritten: choose another path")]
    Exists {
        /// The path.
        place: String,
    },
    /// The file is something else.
    #[error(
        "{place} is not a root slot, or is cut short; correct the path, or use the vault's other slot"
    )]
    NotASlot {
        /// The path.
        place: String,
    },
    /// The file is a slot of another kind.
    #[error(
        "{place} is a root slot of another kind: a slot in a file is named by its path, one in a token by its `pkcs11:` URI; correct how it is named"
    )]
    OtherKind {
        /// The path.
        place: String,
    },
    /// Others may read the file.
    #[error(
        "{place} may be read by others (mode {mode:03o}); run `chmod 600` on it and start again"
    )]
    TooOpen {
        /// The path.
        place: String,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process has it open.
    #[error(
        "{place} is in use by another process; stop the other gateway or command and start again"
    )]
    Busy {
        /// The path.
        place: String,
    },
    /// The path now leads to another file than the one that is open.
    #[error(
        "{place} was moved or replaced while in use; nothing was written: put it back and restart"
    )]
    Moved {
        /// The path.
        place: String,
    },
    /// It was written by a later version.
    #[error(
        "{place} is in format {version}, which this version does not know; use the newer Strongroom"
    )]
    NewerFormat {
        /// The slot.
        place: String,
        /// The format found.
        version: u32,
    },
    /// No root in it is whole.
    #[error(
        "{place} holds no whole root: it is damaged, or its making was interrupted. Use the vault's \
         other slot; if this vault was never finished, delete the file and make it again"
    )]
    NoWholeRoot {
        /// The slot.
        place: String,
    },
    /// The identity given opens none of the roots in it.
    #[error("the identity given does not open {place}; unlock with the one it is sealed to")]
    WrongIdentity {
        /// The slot.
        place: String,
    },
    /// It belongs to another vault.
    #[error("{place} belongs to vault {found}, not {expected}; correct the path")]
    ForeignVault {
        /// The slot.
        place: String,
        /// The vault asked for.
        expected: VaultId,
        /// The vault it belongs to.
        found: VaultId,
    },
    /// It holds two roots of one epoch, which is never written.
    #[error(
        "{place} holds two roots of epoch {epoch}, which Strongroom never writes: it was copied or \
         tampered with. Use the vault's other slot and report it"
    )]
    TwoOfOneEpoch {
        /// The slot.
        place: String,
        /// The epoch.
        epoch: u64,
    },
    /// A root opens and contradicts what is written beside it.
    #[error(
        "the root of epoch {epoch} in {place} contradicts itself: it was tampered with; use the vault's other slot and report it"
    )]
    Damaged {
        /// The slot.
        place: String,
        /// The epoch written beside it.
        epoch: u64,
    },
    /// Neither copy of the anchor is whole, which no crash explains.
    #[error(
        "both copies of the anchor in {place} are damaged, which no crash explains: it was tampered \
         with or its disk is failing. Use the vault's other slot and report it"
    )]
    AnchorDamaged {
        /// The slot.
        place: String,
    },
    /// Two slots hold different secrets for one epoch.
    #[error(
        "the root slots hold different roots for epoch {epoch}; one was tampered with or is another vault's: remove it from the configuration"
    )]
    RootsDisagree {
        /// The epoch.
        epoch: u64,
    },
    /// Two slots hold anchors of which neither can follow the other.
    #[error(
        "the root slots hold anchors that contradict each other at journal size {size}; one was tampered with: report it"
    )]
    AnchorsDisagree {
        /// The journal size of both.
        size: u64,
    },
    /// A third root was to be written.
    #[error(
        "{place} still holds the roots of epochs {older} and {newer}; restart the vault, which settles it, and try again"
    )]
    Unresolved {
        /// The slot.
        place: String,
        /// The lower epoch.
        older: u64,
        /// The higher epoch.
        newer: u64,
    },
    /// A root was to be replaced by one of the same or an older epoch.
    #[error(
        "{place} holds epoch {held}, and {offered} is not newer: the journal is older than the slot; restore the newer journal"
    )]
    NotNewer {
        /// The slot.
        place: String,
        /// The epoch held.
        held: u64,
        /// The epoch offered.
        offered: u64,
    },
    /// What was to be let go is the last whole root.
    #[error(
        "{place} does not hold a whole root to keep (epoch {keep}), so nothing was effaced; restart the vault, which settles it"
    )]
    LastRoot {
        /// The slot.
        place: String,
        /// The epoch that would have to remain.
        keep: u64,
    },
    /// The root and its recipients do not fit.
    #[error("the root does not fit into {place} for so many recipients; name fewer")]
    TooLong {
        /// The slot.
        place: String,
    },
    /// A vault was opened without any slot.
    #[error("no root slot is configured; name at least one")]
    NoSlots,
    /// The system refused.
    #[error(
        "{doing} {place}: {source}; a whole root that was in it still is: mend the cause and try again"
    )]
    Io {
        /// What was being done, for the sentence.
        doing: &'static str,
        /// The slot.
        place: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The token does not do what it was asked.
    #[error("{place}: {source}")]
    Token {
        /// The slot.
        place: String,
        /// The token's answer.
        source: Box<TokenError>,
    },
    /// The recipients or the identity are not usable.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The random source gave nothing.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}
