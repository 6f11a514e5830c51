//! Participants: who they are to the study, what they permit, what names them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ErasureId, ItemId, ParticipantId, PersonId, StudyId};
use crate::model::{Kind, LawfulBasis, Permissions, Source, Standing, Text};

/// Somebody who takes part.
#[derive(Default, Serialize, Deserialize, ToSchema)]
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
    /// Fields the study declares, by name; sealed under their own key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Text>)]
    pub fields: BTreeMap<Text, Text>,
    /// The group they are spoken of by, one of the study's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// Where they came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// The day they gave their consent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_date: Option<Date>,
    /// The version of the privacy notice they were given; without it, the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
}

/// A participant, without their contact details.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ParticipantView {
    /// Who.
    pub id: ParticipantId,
    /// The study.
    pub study: StudyId,
    /// What they permit.
    #[schema(value_type = Vec<String>)]
    pub permissions: Permissions,
    /// The version of the consent that says so.
    pub consent: u32,
    /// The version of the privacy notice it was given under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// The group they are spoken of by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// Where they came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Where they stand.
    pub standing: Standing,
    /// Whether their data are only kept for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub restricted: bool,
    /// The day they were added.
    pub added: Date,
    /// Whether contact details are held.
    pub has_contact: bool,
}

/// A participant, and what names them.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct ContactView {
    /// The participant.
    #[serde(flatten)]
    pub participant: ParticipantView,
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Where to write to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text>,
    /// The fields the study declares, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, Text>)]
    pub fields: BTreeMap<Text, Text>,
}

/// What to look for among a study's contact details: a name or an e-mail address.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSearch {
    /// Words of a name, in letters of any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// A whole e-mail address, in letters of any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text>,
}

/// What is to be different in somebody's contact details; what is not named stays.
#[derive(Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactCorrection {
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Where to write to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text>,
    /// Fields the study declares, by name; `null` in the place of a text takes one out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = BTreeMap<String, String>)]
    pub fields: BTreeMap<Text, Option<Text>>,
}

/// What somebody permits from now on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewConsent {
    /// All that they permit; what is not among it they permit no longer.
    #[schema(value_type = Vec<String>)]
    pub permit: Permissions,
    /// The day they said so; without it, today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// The version of the privacy notice they were given; without it, the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// The form, or the recording of their word, as an item of theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<ItemId>,
}

/// A version of consent that was recorded, and what follows from it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ConsentAnswer {
    /// Whose.
    pub id: ParticipantId,
    /// The number of the version.
    pub version: u32,
    /// The erasure of what they permit no longer; a second person approves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<ErasureId>,
    /// How many items of which kind nobody opens any more; they go with that erasure.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub frozen: BTreeMap<Kind, u64>,
    /// How many items of which kind stay as they are.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub kept: BTreeMap<Kind, u64>,
}

/// A version of somebody's consent.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ConsentView {
    /// Its number, from 1; the highest is in force.
    pub version: u32,
    /// What they permit by it.
    #[schema(value_type = Vec<String>)]
    pub permissions: Permissions,
    /// The day they gave it, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Date>,
    /// The version of the privacy notice they had been given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// The lawful basis they were told of.
    pub lawful_basis: LawfulBasis,
    /// The form, or the recording of their word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<ItemId>,
    /// Who recorded it.
    pub recorded_by: PersonId,
    /// When.
    pub recorded: Timestamp,
}
