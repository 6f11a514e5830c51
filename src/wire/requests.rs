//! Rights requests and restrictions.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ErasureId, ParticipantId, PersonId, RequestId, StudyId};
use crate::model::{AnswerWithin, RequestKind, Text};

/// What a participant asks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRightsRequest {
    /// Who asks.
    pub participant: ParticipantId,
    /// What they ask.
    pub kind: RequestKind,
    /// The day it came in; today when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Date>,
}

/// A clock to be stopped.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPause {
    /// Why; sealed under the participant's key.
    pub reason: Text,
    /// The first day it stands still; today when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
}

/// A clock to go on.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewResumption {
    /// The day it goes on; today when it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Date>,
}

/// An answer, as far as the request's kind does not say it.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAnswer {
    /// What was corrected, for a rectification; sealed under the participant's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<Text>,
    /// The last day the answer can be fetched, for access and portability.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// A refusal.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefusal {
    /// Why; sealed under the participant's key.
    pub reason: Text,
}

/// Whether a participant's data are only kept, or used again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    /// Only kept, or used again.
    pub restricted: bool,
}

/// A rights request as it stands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RequestView {
    /// Which.
    pub id: RequestId,
    /// The study it was made to.
    pub study: StudyId,
    /// Who asks.
    pub participant: ParticipantId,
    /// What they ask.
    pub kind: RequestKind,
    /// `open`, `paused`, `answered`, `refused` or `nothing-held`.
    pub status: String,
    /// The day it came in.
    pub opened: Date,
    /// Who recorded it.
    pub opened_by: PersonId,
    /// How soon the study answers.
    pub within: AnswerWithin,
    /// The day it is due.
    pub due: Date,
    /// Whether that day is over and it is not answered.
    pub overdue: bool,
    /// When the clock stood still, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<PauseView>,
    /// The day it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Date>,
    /// Who closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<PersonId>,
    /// How: `bundle`, `corrected`, `transcript`, `restricted`, `withdrawal`, `refused` or
    /// `nothing-held`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// The last day the answer can be fetched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The erasure that carries a withdrawal out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<ErasureId>,
    /// Why it was refused, or what was corrected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
    /// Whom the participant may turn to about a refusal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
}

/// A time in which the clock stood still.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PauseView {
    /// The first day it stood still.
    pub from: Date,
    /// The day it went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Why; gone with the participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
}
