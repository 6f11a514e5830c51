//! Failures, and the one place that turns them into exit codes.

use std::fmt;
use std::process::ExitCode;

use crate::client::ClientError;
use crate::wire::ProblemKind;
use crate::work::WorkError;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Failed,
    Usage,
    Refused,
    NoSuchThing,
    Unavailable,
}

impl Failure {
    /// It went wrong.
    pub(super) fn failed(message: impl Into<String>) -> Self {
        Self::of(Kind::Failed, message)
    }

    /// It was asked wrongly.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::of(Kind::Usage, message)
    }

    /// It is not permitted, or nobody is logged in.
    pub(super) fn refused(message: impl Into<String>) -> Self {
        Self::of(Kind::Refused, message)
    }

    fn of(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The exit code (see `--help`).
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(self.number())
    }

    pub(super) fn number(&self) -> u8 {
        match self.kind {
            Kind::Failed => 1,
            Kind::Usage => 2,
            Kind::Refused => 3,
            Kind::NoSuchThing => 4,
            Kind::Unavailable => 5,
        }
    }

    /// What kind of failure it is, in a word.
    pub(super) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Failed => "failed",
            Kind::Usage => "usage",
            Kind::Refused => "refused",
            Kind::NoSuchThing => "no-such-thing",
            Kind::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let kind = match &error {
            ClientError::BadAddress(..) => Kind::Usage,
            ClientError::Unreachable { .. } | ClientError::BrokenOff(_) => Kind::Unavailable,
            ClientError::Unintelligible { status } if *status >= 500 => Kind::Unavailable,
            ClientError::Problem(problem) => match problem.kind {
                ProblemKind::NotEnrolled | ProblemKind::Refused | ProblemKind::OverQuota => {
                    Kind::Refused
                }
                ProblemKind::NoSuchThing => Kind::NoSuchThing,
                ProblemKind::TooMany | ProblemKind::Full | ProblemKind::Unavailable => {
                    Kind::Unavailable
                }
                _ => Kind::Failed,
            },
            _ => Kind::Failed,
        };
        Self::of(kind, error.to_string())
    }
}

impl From<WorkError> for Failure {
    /// For commands at the vault itself, whose operator may see the whole reason.
    fn from(error: WorkError) -> Self {
        let kind = match &error {
            WorkError::Stranger | WorkError::Refused(_) | WorkError::OverQuota(_) => Kind::Refused,
            WorkError::NoSuchThing => Kind::NoSuchThing,
            WorkError::Store(error) if error.is_transient() => Kind::Unavailable,
            full if full.is_full() => Kind::Unavailable,
            _ => Kind::Failed,
        };
        Self::of(kind, error.to_string())
    }
}
