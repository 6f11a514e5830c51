//! Sessions: the interviews and focus groups people took part in.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{ParticipantId, SessionId, StudyId};

/// One interview or focus group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Which.
    pub id: SessionId,
    /// The study it belongs to.
    pub study: StudyId,
    /// What it was.
    pub kind: SessionKind,
    /// The day it was held.
    pub date: Date,
    /// Everyone in it, in identifier order, each once.
    pub participants: Vec<ParticipantId>,
}

/// What a session was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionKind {
    /// One participant, usually.
    Interview,
    /// Several.
    FocusGroup,
}

impl SessionKind {
    /// The kind's name, as typed and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Interview => "interview",
            Self::FocusGroup => "focus-group",
        }
    }
}

impl fmt::Display for SessionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no kind of session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of session; one of interview, focus-group")]
pub struct UnknownSessionKind(String);

impl FromStr for SessionKind {
    type Err = UnknownSessionKind;
    fn from_str(text: &str) -> Result<Self, UnknownSessionKind> {
        [Self::Interview, Self::FocusGroup]
            .into_iter()
            .find(|kind| kind.name() == text)
            .ok_or_else(|| UnknownSessionKind(text.to_owned()))
    }
}
