//! Why the client does not get what it asks for.

use std::io;
use std::path::{Path, PathBuf};

use crate::agefile::AgeError;
use crate::wire::{Problem, ProblemKind};

/// Why the client does not get what it asks for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The gateway's address is not one.
    #[error("{0:?} is not the address of a gateway: {1}")]
    BadAddress(String, &'static str),
    /// Nobody answers there.
    #[error(
        "the gateway at {gateway} cannot be reached ({reason}); check the address, and that it is running"
    )]
    Unreachable {
        /// Its address.
        gateway: String,
        /// What the connection said.
        reason: String,
    },
    /// The connection broke off, or nothing came for too long.
    #[error("the connection to the gateway broke off ({0})")]
    BrokenOff(String),
    /// The gateway said what is wrong.
    #[error("{0}")]
    Problem(Problem),
    /// The gateway answered something this version does not know.
    #[error(
        "the gateway answered {status}, which this version does not know; use the gateway's own version of strongroom"
    )]
    Unintelligible {
        /// The HTTP status.
        status: u16,
    },
    /// A certificate file cannot be used.
    #[error("{} holds no certificate in PEM: {reason}", .path.display())]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("cannot {what} {}: {source}{}", .path.display(), advice(.source))]
    File {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Not a file, but a folder or a device.
    #[error("{} is not a file; give recordings one by one", .0.display())]
    NotAFile(PathBuf),
    /// The file has no bytes.
    #[error("{} is empty, so nothing was uploaded; see whether the recording was saved", .0.display())]
    Empty(PathBuf),
    /// The file was written to while it was read.
    #[error("{} changed while it was uploaded; the upload was given up, so upload it again when nothing writes to it", .0.display())]
    FileChanged(PathBuf),
    /// There is a file where the download should go.
    #[error("{} exists; choose another name, or overwrite it with --force", .0.display())]
    Exists(PathBuf),
    /// What arrived is not what was promised.
    #[error("{got} bytes arrived and {expected} were promised; nothing was kept, try again")]
    WrongLength {
        /// Bytes promised.
        expected: u64,
        /// Bytes that arrived.
        got: u64,
    },
    /// An age file does not open.
    #[error(transparent)]
    Age(#[from] AgeError),
}

impl ClientError {
    pub(super) fn file(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File {
            what,
            path: path.to_path_buf(),
            source,
        }
    }

    pub(super) fn of_request(gateway: &str, error: &reqwest::Error) -> Self {
        let reason = root_cause(error);
        if error.is_connect() {
            let gateway = gateway.to_owned();
            return Self::Unreachable { gateway, reason };
        }
        Self::BrokenOff(reason)
    }

    /// The kind of problem the gateway named, if it did.
    pub fn problem(&self) -> Option<ProblemKind> {
        match self {
            Self::Problem(problem) => Some(problem.kind),
            _ => None,
        }
    }

    /// Whether there is no room left, at the gateway or in its storage.
    pub fn is_full(&self) -> bool {
        self.problem() == Some(ProblemKind::Full)
    }

    /// Whether trying again soon may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::BrokenOff(_) => true,
            Self::Problem(problem) => {
                matches!(
                    problem.kind,
                    ProblemKind::Unavailable | ProblemKind::TooMany
                )
            }
            Self::Unintelligible { status } => *status >= 500,
            _ => false,
        }
    }
}

/// What to do when the system refuses a file, if it is plain.
pub fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; check the path",
        io::ErrorKind::PermissionDenied => "; ask its owner for permission",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room and try again",
        _ => "",
    }
}

/// The innermost reason, without the address, which may be long.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
