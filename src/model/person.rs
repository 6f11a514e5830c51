//! People with an account, their roles, and their places in studies.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{InvitationId, PersonId, StudyId, SupplierId};
use crate::model::text::Text;
use crate::model::token::Digest;
use crate::model::word::words;

words! {
    /// What somebody is in the organisation, or in one study.
    Role, or UnknownRole as "a role" {
        /// Runs the gateway; no right to material.
        Administrator = "administrator",
        /// Approves erasures, answers requests, runs retention, reads the audit.
        InformationGovernance = "information-governance",
        /// Runs a study.
        StudyLead = "study-lead",
        /// Records and reads a study's material.
        Researcher = "researcher",
        /// Works for a supplier; sees what that supplier is assigned.
        Transcriber = "transcriber",
        /// The controller's staff; sees released, de-identified outputs only.
        Commissioner = "commissioner",
        /// Reads the audit.
        Auditor = "auditor",
    }
}

/// Somebody with an account, or an invitation to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who.
    pub id: PersonId,
    /// What they are called; shown to colleagues only.
    pub name: Text,
    /// What they are in the organisation.
    pub role: Role,
    /// The supplier they work for; transcribers have one, others none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<SupplierId>,
    /// Whether they have enrolled.
    pub enrolled: bool,
    /// Whether their access is stopped for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspended: bool,
    /// The age recipient that sealed copies are addressed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
}

impl Person {
    /// Whether they may do anything at all.
    pub fn is_active(&self) -> bool {
        self.enrolled && !self.suspended
    }
}

/// A one-time way in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// Its public name.
    pub id: InvitationId,
    /// Who it is for.
    pub person: PersonId,
    /// What recognises its code.
    pub digest: Digest,
    /// The moment from which the code no longer works.
    pub expires: Timestamp,
    /// Whether the code was used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub used: bool,
}

/// Somebody's place in one study, until a date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The study.
    pub study: StudyId,
    /// Who.
    pub person: PersonId,
    /// What they are in it.
    pub role: Role,
    /// The last day of access (R31); whoever founded the study has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}
