//! Sessions: the interviews and focus groups people took part in.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{ParticipantId, SessionId, StudyId};
use crate::model::word::words;

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
    /// What becomes of what everybody is in when one of them withdraws.
    #[serde(default, skip_serializing_if = "OnWithdrawal::is_destroy")]
    pub on_withdrawal: OnWithdrawal,
}

/// What becomes of a session's material when one of several people withdraws.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnWithdrawal {
    /// It goes with them.
    #[default]
    Destroy,
    /// The lead may make a version without them first, within so many days; then the original goes.
    RedactFirst {
        /// Days from the withdrawal to the end of the original.
        days: u16,
    },
}

impl OnWithdrawal {
    fn is_destroy(&self) -> bool {
        *self == Self::Destroy
    }
}

words! {
    /// What a session was.
    SessionKind, or UnknownSessionKind as "a kind of session" {
        /// One participant, usually.
        Interview = "interview",
        /// Several.
        FocusGroup = "focus-group",
    }
}
