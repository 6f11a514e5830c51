//! Suppliers and what is assigned to them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{AssignmentId, ItemId, StudyId, SupplierId};
use crate::model::supplier::Shortcoming;
use crate::model::{Purpose, Text};

/// A supplier to be put on the approved list, or whose contract was refreshed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSupplier {
    /// What it is called; a name that is on the list already refreshes that supplier.
    pub name: Text,
    /// The day its contract was signed.
    pub contract_signed: Date,
    /// Whether it is an automatic tool rather than people.
    #[serde(default)]
    pub automatic: bool,
    /// The controllers it may work for, an empty list for all of them. Left out, a new supplier may work
    /// for all, and one that is on the list for those it could work for before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controllers: Option<BTreeSet<Text>>,
}

/// A supplier.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SupplierView {
    /// Which.
    pub id: SupplierId,
    /// What it is called.
    pub name: Text,
    /// Whether it is an automatic tool rather than people.
    #[serde(default)]
    pub automatic: bool,
    /// Whether it is on the approved list.
    #[serde(default)]
    pub approved: bool,
    /// The day its contract was signed.
    pub contract_signed: Date,
    /// The last day of the contract.
    pub contract_ends: Date,
    /// Whether it is approved and under contract today.
    pub in_force: bool,
    /// The controllers it may work for, an empty list for all of them; told to those who keep the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controllers: Option<BTreeSet<Text>>,
}

/// An item to be given to a supplier.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAssignment {
    /// To whom.
    pub supplier: SupplierId,
    /// The last day of access.
    pub until: Date,
    /// What for; transcription, when nothing is said.
    #[serde(default = "transcription")]
    pub purpose: Purpose,
}

fn transcription() -> Purpose {
    Purpose::Transcription
}

/// An assignment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AssignmentView {
    /// Which.
    pub id: AssignmentId,
    /// What is given.
    pub item: ItemId,
    /// The study it comes from; a supplier is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<StudyId>,
    /// To whom.
    pub supplier: SupplierId,
    /// What for.
    pub purpose: Purpose,
    /// The last day of access.
    pub until: Date,
    /// Whether it gives no access any more.
    pub ended: bool,
    /// Why, for the team: accepted, ended, expired, supplier-removed, contract-lapsed or item-erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<String>,
    /// What the supplier brought last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submitted: Option<ItemId>,
    /// The day that was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Date>,
    /// Why that is to be brought again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_back: Option<Shortcoming>,
    /// When the supplier said that its copies are destroyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies_destroyed: Option<Timestamp>,
    /// Whether it still owes that word.
    pub owes_destruction: bool,
}

/// What a supplier brought is to be brought again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReturn {
    /// Why.
    pub reason: Shortcoming,
}
