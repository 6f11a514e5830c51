//! Releases: what a commissioner is given.
//!
//! A release carries no link to a person: nothing about it changes when somebody withdraws (R14).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ItemId, PersonId, ReleaseId, StudyId};
use crate::model::item::{Finding, Kind};
use crate::model::text::Text;

/// An anonymised output on its way to the commissioner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Which.
    pub id: ReleaseId,
    /// The study.
    pub study: StudyId,
    /// The anonymised item.
    pub item: ItemId,
    /// What it is called outside.
    pub title: Text,
    /// What it is.
    pub kind: Kind,
    /// Its length, in bytes.
    pub length: u64,
    /// The participant group it speaks of (R27).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// Who asked for it.
    pub requested_by: PersonId,
    /// When.
    pub requested_at: Timestamp,
    /// What the second person said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// What the second person said to a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is given.
    Approved {
        /// Who said so.
        by: PersonId,
        /// When.
        at: Timestamp,
    },
    /// It is not.
    Refused {
        /// Who said so.
        by: PersonId,
        /// When.
        at: Timestamp,
        /// Why.
        finding: Finding,
    },
}

impl Release {
    /// Whether the commissioner has it.
    pub fn is_given(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Approved { .. }))
    }
}
