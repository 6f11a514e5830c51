//! People with an account, their roles, and their places in studies.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{InvitationId, PersonId, StudyId, SupplierId};
use crate::model::item::Tier;
use crate::model::purpose::Purpose;
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
    /// Whether their access was taken away for good, and why (R31).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Text>,
    /// The last day of their access to anything (R31).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The last day on which their training counts (R32).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trained_until: Option<Date>,
    /// The last day of their accreditation (R32).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accredited_until: Option<Date>,
    /// The version of the terms of use they accepted (R34).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<u32>,
    /// The age recipient that sealed copies are addressed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
}

impl Person {
    /// Somebody invited just now, of whom nothing more is known yet.
    pub fn invited(id: PersonId, name: Text, role: Role, supplier: Option<SupplierId>) -> Self {
        Self {
            id,
            name,
            role,
            supplier,
            enrolled: false,
            suspended: false,
            revoked: None,
            until: None,
            trained_until: None,
            accredited_until: None,
            terms: None,
            recipient: None,
        }
    }

    /// Whether they accepted the terms of use in force.
    pub fn accepted_terms(&self) -> bool {
        self.terms == Some(TERMS_VERSION)
    }
}

/// The version of [`TERMS`] in force.
pub const TERMS_VERSION: u32 = 1;

/// What everybody accepts before they see anything (R34).
pub const TERMS: &str = "\
I use this material only for the purpose I was given access for, and for nothing else: not for
marketing, not for sale, not to decide anything about the people in it.
I do not try to find out who anybody in it is, and if I recognise somebody I say so to the study's
lead and stop. I do not link it with other data unless the study's approval says so.
I keep what I fetch only as long as I need it, on the organisation's equipment, and destroy it when
my access ends. I know that everything I open is recorded, and that misuse ends my access.";

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
    /// What it is for (R31).
    #[serde(default)]
    pub purpose: Purpose,
    /// How near to a person the material may be that they open (R26, R32).
    #[serde(default = "nearest")]
    pub sees: Tier,
}

impl Membership {
    /// A place for the study's research, with everything in it to be seen.
    pub fn in_team(study: StudyId, person: PersonId, role: Role, until: Option<Date>) -> Self {
        Self {
            study,
            person,
            role,
            until,
            purpose: Purpose::Research,
            sees: Tier::Identifiable,
        }
    }
}

fn nearest() -> Tier {
    Tier::Identifiable
}
