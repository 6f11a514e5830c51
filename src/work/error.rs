//! Why work is not done.

use crate::access::{Denial, Stranger};
use crate::agefile::AgeError;
use crate::entropy::EntropyError;
use crate::index::IndexError;
use crate::journal;
use crate::objects::ObjectsError;
use crate::vault::VaultError;

/// Why work is not done. [`WorkError::outside`] is what may be told; `Display` is for the log.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// No token that works.
    #[error("the token does not work: it is unknown, expired or taken back")]
    Stranger,
    /// Unknown, erased, or not for the one who asks: one and the same.
    #[error("there is no such thing, or no longer")]
    NoSuchThing,
    /// Not permitted, to somebody who may know that the thing is there.
    #[error("{0}")]
    Refused(String),
    /// It contradicts how things stand.
    #[error("{0}")]
    Conflict(String),
    /// Well formed, and not acceptable.
    #[error("{0}")]
    Unacceptable(String),
    /// More than is accepted.
    #[error("{0}")]
    TooLarge(String),
    /// The study would hold more than it may.
    #[error("{0}")]
    OverQuota(String),
    /// Too much at once.
    #[error("{0}")]
    TooMany(String),
    /// A range outside the item.
    #[error("the range is outside the item, which has {length} bytes")]
    BadRange {
        /// The item's length, in bytes.
        length: u64,
    },
    /// The checksum that came with a body does not fit.
    #[error("the checksum does not fit what arrived; send it again")]
    Checksum,
    /// A body ended before its time, and what arrived is kept.
    #[error("the connection broke off; go on where the upload stands")]
    BrokenOff,
    /// The store.
    #[error(transparent)]
    Store(#[from] ObjectsError),
    /// The stored payload.
    #[error(transparent)]
    Payload(AgeError),
    /// The vault.
    #[error(transparent)]
    Vault(VaultError),
    /// Something that should not be.
    #[error("{0}")]
    Internal(String),
}

impl WorkError {
    /// The sentence that whoever asked may be told.
    pub fn outside(&self) -> String {
        match self {
            Self::Stranger => {
                "the token or code does not work; log in again with a new code (`strongroom login`)"
                    .to_owned()
            }
            Self::NoSuchThing => {
                "there is no such thing, or no longer, or not for you; check the identifier"
                    .to_owned()
            }
            Self::Store(error) if error.is_transient() => {
                "the storage does not answer; nothing is lost, try again in a while".to_owned()
            }
            Self::Store(ObjectsError::Full { .. }) => {
                "the storage is full; tell an administrator, and when there is room the same command goes on where it stopped".to_owned()
            }
            Self::Store(_) => {
                "the storage refused; an administrator finds the reason in the gateway's log"
                    .to_owned()
            }
            Self::Vault(_) if self.is_full() => {
                "the gateway's disk is full; nothing was taken in, tell an administrator, and try again when there is room".to_owned()
            }
            Self::Payload(_) | Self::Vault(_) | Self::Internal(_) => {
                "the gateway failed; an administrator finds the reason in its log".to_owned()
            }
            told => told.to_string(),
        }
    }

    /// Whether there is no room left, at the gateway or in its storage.
    pub fn is_full(&self) -> bool {
        matches!(
            self,
            Self::Store(ObjectsError::Full { .. })
                | Self::Vault(VaultError::Journal(journal::Error::Full { .. }))
        )
    }

    /// Whether the gateway or its storage is not available, rather than the request at fault.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Store(_) => true,
            Self::Vault(error) => matches!(
                error,
                VaultError::Journal(
                    journal::Error::Full { .. }
                        | journal::Error::Poisoned { .. }
                        | journal::Error::Closed
                ) | VaultError::Index(IndexError::Stopped | IndexError::Sled(_))
            ),
            _ => false,
        }
    }
}

impl From<VaultError> for WorkError {
    fn from(error: VaultError) -> Self {
        match error {
            // A key that is gone is a thing that is gone.
            VaultError::Destroyed => Self::NoSuchThing,
            other => Self::Vault(other),
        }
    }
}

impl From<IndexError> for WorkError {
    fn from(error: IndexError) -> Self {
        Self::Vault(error.into())
    }
}

impl From<EntropyError> for WorkError {
    fn from(error: EntropyError) -> Self {
        Self::Vault(error.into())
    }
}

impl From<AgeError> for WorkError {
    fn from(error: AgeError) -> Self {
        Self::Payload(error)
    }
}

impl From<Stranger> for WorkError {
    fn from(_: Stranger) -> Self {
        Self::Stranger
    }
}

impl From<Denial> for WorkError {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Stranger(stranger) => stranger.into(),
            Denial::NoSuchThing => Self::NoSuchThing,
            Denial::Refused(why) => Self::Refused(why.to_string()),
            Denial::Index(error) => error.into(),
            Denial::Undecided(error) => Self::Internal(error.to_string()),
        }
    }
}
