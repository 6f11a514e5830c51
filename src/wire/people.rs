//! People, invitations and enrolment.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{PersonId, StudyId, SupplierId};
use crate::model::{Purpose, Role, Text, Tier};

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
    /// Why their access was taken away for good, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Text>,
    /// The last day of their access to anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The last day on which their training counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_until: Option<Date>,
    /// The last day of their accreditation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accredited_until: Option<Date>,
    /// The version of the terms of use they accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<u32>,
}

/// What is corrected or completed of somebody; what is left out stays.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonAmendment {
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// The last day on which their training counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_until: Option<Date>,
    /// The last day of their accreditation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accredited_until: Option<Date>,
    /// The last day of their access to anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// Why somebody's access is taken away for good.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// Why.
    pub reason: Text,
}

/// The terms of use.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TermsOfUse {
    /// Which version is in force.
    pub version: u32,
    /// What everybody accepts before they see anything.
    pub text: String,
    /// The version the one who asks has accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<u32>,
}

/// Somebody accepting the terms of use.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAcceptance {
    /// The version they read.
    pub version: u32,
}

/// Somebody correcting their own account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnCorrection {
    /// What they are called.
    pub name: Text,
}

/// All that is held of somebody's account, and what they did.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AccountExport {
    /// Their account.
    #[serde(flatten)]
    pub person: PersonView,
    /// The age recipient their sealed copies are addressed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Their places in studies.
    pub studies: Vec<MembershipView>,
    /// What is on record of what they did, and of what was done to their account, oldest first.
    pub record: Vec<RecordedAct>,
}

/// Something on record about somebody's account.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordedAct {
    /// When.
    pub at: Timestamp,
    /// Whether they did it themselves, rather than somebody for them.
    pub own: bool,
    /// What, by name.
    pub event: String,
    /// What they did, for an access or a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// To what, by identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
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
    /// What it is for.
    pub purpose: Purpose,
    /// How near to people what they see may be.
    pub sees: Tier,
}
