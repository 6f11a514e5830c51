//! Releases: what a commissioner is given.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ItemId, PersonId, ReleaseId, StudyId};
use crate::model::{Finding, Kind, Text};

/// An anonymised output to be given to the commissioner.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRelease {
    /// What it is called outside.
    pub title: Text,
}

/// What a second person says to a release.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    /// Whether it is given.
    pub approved: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// Withdrawals recorded since it was checked were considered.
    #[serde(default)]
    pub considered_withdrawals: bool,
}

/// A release. What says how it came about is for the team.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReleaseView {
    /// Which.
    pub id: ReleaseId,
    /// The study.
    pub study: StudyId,
    /// What it is called outside.
    pub title: Text,
    /// What it is.
    pub kind: Kind,
    /// Its length, in bytes.
    pub length: u64,
    /// The participant group it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// When it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_at: Option<Timestamp>,
    /// The item; the team only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// Who asked for it; the team only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<PersonId>,
    /// When; the team only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Timestamp>,
    /// Who decided on it; the team only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<PersonId>,
    /// Why it is not given; the team only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Finding>,
}
