//! Participants: known by a meaningless identifier, named only under their own key.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{ParticipantId, StudyId};
use crate::model::consent::Permissions;
use crate::model::key::LeafNumber;
use crate::model::sealed::Sealed;
use crate::model::text::Text;
use crate::model::word::words;

/// Somebody who takes part in one study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Who, by an identifier used in no other system (R25).
    pub id: ParticipantId,
    /// The study.
    pub study: StudyId,
    /// What they permit by the consent in force (R3).
    pub permissions: Permissions,
    /// The version of that consent.
    pub consent: u32,
    /// The version of the privacy notice it was given under, if one was recorded (R4, R49).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// The group they are spoken of by, one of the study's (R27).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// Where they came from (R5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// [`Contact`] as JSON, sealed under the contact key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Sealed>,
    /// The key of their contact details, kept apart from content (R24).
    pub contact_key: LeafNumber,
    /// The key that everything they are in hangs on.
    pub material_key: LeafNumber,
    /// The day they were added.
    pub added: Date,
    /// The day of the last session they were in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_session: Option<Date>,
    /// Where they stand.
    pub standing: Standing,
    /// Whether their data are only kept for now, at their request (UK GDPR article 18).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
}

/// What a search among contact details reads of a [`Participant`].
#[derive(Debug, Deserialize)]
pub struct HeldContact {
    /// The sealed details.
    #[serde(default)]
    pub contact: Option<Sealed>,
    /// Their key.
    pub contact_key: LeafNumber,
}

words! {
    /// Where a participant came from (R5).
    Source, or UnknownSource as "where somebody came from" {
        /// They, or somebody who knows them, came to the team.
        Directly = "directly",
        /// A recruitment company found them.
        Recruiter = "recruiter",
        /// They agreed to be contacted when they took part in an earlier survey.
        EarlierSurvey = "earlier-survey",
    }
}

/// Where a participant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Taking part.
    Active,
    /// Withdrawing: nothing they are in is read, nothing new is taken in.
    Frozen,
    /// Their keys are destroyed.
    Erased,
}

/// What names a participant; it exists in memory only.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Contact {
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Where to write to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text>,
    /// The other fields the study declared, by their name (R9).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<Text, Text>,
}

impl Contact {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.email.is_none() && self.fields.is_empty()
    }
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact(redacted)")
    }
}
