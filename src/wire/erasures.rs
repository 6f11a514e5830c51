//! Withdrawal and erasure.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ErasureId, ItemId, ParticipantId, PersonId, StudyId, SupplierId};
use crate::model::erasure::LateReason;
use crate::model::{ErasureStage, Kind};

/// A participant's wish to withdraw. No reason is asked.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWithdrawal {
    /// Whether only their contact details go.
    #[serde(default)]
    pub contact_only: bool,
}

/// What becomes of a withdrawal.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WithdrawalAnswer {
    /// The erasure that carries it out; a second person approves it.
    pub id: ErasureId,
    /// Whether it came within the study's window.
    pub in_time: bool,
    /// The last day of that window, when the participant was in a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_day: Option<Date>,
    /// Items that no longer open from now on.
    pub frozen_items: u64,
    /// How many second persons approve.
    pub approvals_needed: u8,
    /// What is removed, and what cannot be.
    pub outcome: OutcomeView,
}

/// What a withdrawal reaches, and what it cannot.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OutcomeView {
    /// Items that go or are gone, by kind.
    #[schema(value_type = BTreeMap<String, u64>)]
    pub items: BTreeMap<Kind, u64>,
    /// Whether what names them goes too.
    pub contact: bool,
    /// Items that wait for a version without them, or the word that they are not worth one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<ItemId>,
    /// The last day it waits for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Date>,
    /// What stays, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stays: Vec<RemainsView>,
}

/// Something a withdrawal does not reach, and why.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RemainsView {
    /// What: `anonymised`, `redacted`, `supplier-copies` or `sealed-copies`.
    pub what: String,
    /// How many.
    pub count: u64,
    /// The supplier that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<SupplierId>,
    /// When the supplier confirmed that its copies are destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Timestamp>,
    /// Why, for people.
    pub why: String,
}

/// The refusal of a withdrawal that came after the last day.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewErasureRefusal {
    /// Why.
    pub reason: LateReason,
}

/// An erasure.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ErasureView {
    /// Which.
    pub id: ErasureId,
    /// The study.
    pub study: StudyId,
    /// Whose withdrawal it carries out, if that is its cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant: Option<ParticipantId>,
    /// Whether only their contact details go.
    pub contact_only: bool,
    /// How far it has come.
    pub stage: ErasureStage,
    /// Who asked for it; nobody, when its own rule did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<PersonId>,
    /// When.
    pub requested_at: Timestamp,
    /// Who approved last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<PersonId>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_at: Option<Timestamp>,
    /// How many second persons still have to approve.
    #[serde(default)]
    pub approvals_missing: u8,
    /// The last day it waits for versions without the one who withdraws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Date>,
    /// When the last root slot let go of the old root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inaccessible_at: Option<Timestamp>,
    /// The epoch that began with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// Keys destroyed.
    pub keys: u64,
    /// Items erased.
    pub items: u64,
    /// Why it has not come further, when something must be done about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_for: Option<String>,
    /// Why it was refused, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<LateReason>,
    /// What is removed, and what cannot be; told of one erasure, not in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeView>,
}
