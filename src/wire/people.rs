//! People, invitations and enrolment.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{PersonId, StudyId, SupplierId};
use crate::model::{Role, Text};

/// Somebody to be invited.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    /// What they are called.
    pub name: Text,
    /// What they are in the organisation.
    pub role: Role,
    /// The supplier they work for; transcribers only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<SupplierId>,
}

/// An invitation; the code is shown this once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Invited {
    /// Who was invited.
    pub id: PersonId,
    /// The code to enrol with; it works once.
    pub code: String,
    /// When the code stops working.
    pub expires: Timestamp,
}

/// Somebody using their code.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    /// The code.
    pub code: String,
    /// The age recipient to address their sealed copies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// The version of the terms of use they accept; without it they see nothing until they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<u32>,
}

/// A way in; the token is shown this once.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct Enrolled {
    /// Who they are.
    pub id: PersonId,
    /// What they are in the organisation.
    pub role: Role,
    /// The bearer token.
    pub token: String,
    /// When the token stops working.
    pub expires: Timestamp,
}

/// Somebody who wants another token.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChallenge {
    /// Who they say they are.
    pub person: PersonId,
}

/// A value sealed to the recipient they enrolled with.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Challenge {
    /// An age file, in base64.
    pub sealed: String,
}

/// The answer to a challenge.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Renewal {
    /// Who they say they are.
    pub person: PersonId,
    /// What was sealed in the challenge, in base64.
    pub answer: String,
}

/// Whether somebody's access is stopped.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Suspension {
    /// Stopped, or given back.
    pub suspended: bool,
}

/// Somebody with an account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonView {
    /// Who.
    pub id: PersonId,
    /// What they are called.
    pub name: Text,
    /// What they are in the organisation.
    pub role: Role,
    /// The supplier they work for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<SupplierId>,
    /// Whether they have enrolled.
    pub enrolled: bool,
    /// Whether their access is stopped.
    pub suspended: bool,
}

/// Whoever asks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// Themselves.
    #[serde(flatten)]
    pub person: PersonView,
    /// When their token stops working.
    pub token_expires: Timestamp,
    /// The age recipient their sealed copies are addressed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Their places in studies.
    pub studies: Vec<MembershipView>,
}

/// Somebody's place in a study.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MembershipView {
    /// The study.
    pub study: StudyId,
    /// Who.
    pub person: PersonId,
    /// What they are in it.
    pub role: Role,
    /// The last day of access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}
