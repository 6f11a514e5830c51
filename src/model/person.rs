//! People with an account, their roles, and their places in studies.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{InvitationId, PersonId, StudyId, SupplierId};
use crate::model::text::Text;
use crate::model::token::Digest;

/// What somebody is in the organisation, or in one study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the gateway; no right to material.
    Administrator,
    /// Approves erasures, answers requests, runs retention, reads the audit.
    InformationGovernance,
    /// Runs a study.
    StudyLead,
    /// Records and reads a study's material.
    Researcher,
    /// Works for a supplier; sees what that supplier is assigned.
    Transcriber,
    /// The controller's staff; sees released, de-identified outputs only.
    Commissioner,
    /// Reads the audit.
    Auditor,
}

impl Role {
    /// Every role, in the order people are told of them.
    pub const ALL: [Self; 7] = [
        Self::Administrator,
        Self::InformationGovernance,
        Self::StudyLead,
        Self::Researcher,
        Self::Transcriber,
        Self::Commissioner,
        Self::Auditor,
    ];

    /// The role's name, as typed and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::InformationGovernance => "information-governance",
            Self::StudyLead => "study-lead",
            Self::Researcher => "researcher",
            Self::Transcriber => "transcriber",
            Self::Commissioner => "commissioner",
            Self::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a role; one of administrator, information-governance, study-lead, researcher, transcriber, commissioner, auditor"
)]
pub struct UnknownRole(String);

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| UnknownRole(text.to_owned()))
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
