//! Studies, participants and sessions.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ParticipantId, PersonId, SessionId, StudyId};
use crate::model::{Permissions, Role, SessionKind, Standing, Text};

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
    /// What they are to be in it: study-lead or researcher.
    pub role: Role,
    /// The last day of access.
    pub until: Date,
}

/// Somebody who takes part.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewParticipant {
    /// What they permit.
    #[schema(value_type = Vec<String>)]
    pub permit: Permissions,
    /// What they are called; sealed under their own key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Where to write to them; sealed under their own key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text>,
}

/// A participant, without their contact details.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ParticipantView {
    /// Who.
    pub id: ParticipantId,
    /// The study.
    pub study: StudyId,
    /// What they permit.
    #[schema(value_type = Vec<String>)]
    pub permissions: Permissions,
    /// Where they stand.
    pub standing: Standing,
    /// The day they were added.
    pub added: Date,
    /// Whether contact details are held.
    pub has_contact: bool,
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
}
