//! Disclosures.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{DisclosureId, ItemId, PersonId, StudyId};
use crate::model::{Ground, Text};

/// What may have to be disclosed, and why. What was said is not written here: it is in the items.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDisclosure {
    /// Why.
    pub ground: Ground,
    /// What is needed, and no more.
    pub items: Vec<ItemId>,
}

/// The safeguarding lead's decision.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDisclosureDecision {
    /// To whom it is made; left out when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<NewPermit>,
    /// Why; sealed under the keys of everyone in the items.
    pub reason: Text,
}

/// To whom a disclosure is made.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPermit {
    /// What the recipient is called.
    pub recipient: Text,
    /// Their age recipient; the copies are sealed to it.
    pub sealed_to: String,
    /// The last day.
    pub until: Date,
}

/// A disclosure as it stands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DisclosureView {
    /// Which.
    pub id: DisclosureId,
    /// The study.
    pub study: StudyId,
    /// Why.
    pub ground: Ground,
    /// What.
    pub items: Vec<ItemId>,
    /// `raised`, `granted`, `refused` or `ended`.
    pub status: String,
    /// Who raised it.
    pub raised_by: PersonId,
    /// When.
    pub raised_at: Timestamp,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<PersonId>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// What the recipient is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Text>,
    /// Their age recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed_to: Option<String>,
    /// The last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// Why it was decided so; gone with anybody in the items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
}
