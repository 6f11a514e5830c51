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
