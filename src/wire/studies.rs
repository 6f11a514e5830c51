//! Studies, participants and sessions.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ParticipantId, PersonId, SessionId, StudyId};
use crate::model::{Purpose, Role, SessionKind, Tier};

/// A thing that was made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Created<Id> {
    /// Its identifier.
    pub id: Id,
}

/// Somebody to be admitted to a study.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMembership {
    /// Who.
    pub person: PersonId,
    /// What they are to be in it: study-lead, researcher or commissioner.
    pub role: Role,
    /// The last day of access.
    pub until: Date,
    /// What it is for; research, when nothing is said.
    #[serde(default)]
    pub purpose: Purpose,
    /// How near to people what they see may be: `de-identified` is for who analyses only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sees: Option<Tier>,
}

/// A session that was held.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSession {
    /// What it was.
    pub kind: SessionKind,
    /// The day it was held.
    pub date: Date,
    /// Everyone in it.
    pub participants: Vec<ParticipantId>,
    /// Days in which versions without somebody who withdraws may be made of what several are in;
    /// without it, that goes with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redact_within_days: Option<u16>,
}

/// A session.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// Which.
    pub id: SessionId,
    /// The study.
    pub study: StudyId,
    /// What it was.
    pub kind: SessionKind,
    /// The day it was held.
    pub date: Date,
    /// Everyone in it who can still be spoken of.
    pub participants: Vec<ParticipantId>,
    /// Days in which versions without somebody who withdraws may be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redact_within_days: Option<u16>,
}
