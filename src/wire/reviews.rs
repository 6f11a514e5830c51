//! Who has access to what, what of it may be published, and how it is used.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{PersonId, StudyId, SupplierId};
use crate::model::{LawfulBasis, Role, Text};

/// Somebody's access to a study.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AccessRow {
    /// The study.
    pub study: StudyId,
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: Text,
    /// What they are in the study, or transcribers for a supplier.
    pub role: Role,
    /// The supplier they work for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supplier: Option<SupplierId>,
    /// What it is for.
    pub purpose: String,
    /// How near to a person the material may be that they open.
    pub sees: String,
    /// The last day of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// When they last did anything in the study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_use: Option<Timestamp>,
    /// Why it gives nothing any more; empty while it does.
    pub lapsed: Vec<String>,
}

/// A number that may be published: as it is, or `fewer than 5`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Figure {
    /// So many.
    Number(u64),
    /// Too few to be said.
    Words(String),
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Words(words) => f.write_str(words),
        }
    }
}

/// Approved access, as it may be published.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Summary {
    /// The day it is of.
    pub on: Date,
    /// The studies, by name.
    pub studies: Vec<StudySummary>,
    /// How many studies are left out.
    pub exceptions: u64,
}

/// A study's approved access.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct StudySummary {
    /// Its working title.
    pub name: Text,
    /// The controller.
    pub controller: Text,
    /// The other organisations.
    pub organisations: Vec<Text>,
    /// The lawful basis.
    pub lawful_basis: LawfulBasis,
    /// The board or person that approved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<Text>,
    /// The day they did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_on: Option<Date>,
    /// How many people have access, by what they are and for what.
    pub people: Vec<SummaryCount>,
    /// The last day of anybody's access, if all of it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// The day on which somebody looks whether it is still needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Date>,
}

/// How many people have access as something, for something.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SummaryCount {
    /// What they are.
    pub role: Role,
    /// What for.
    pub purpose: String,
    /// How many.
    pub count: Figure,
}

/// A study's use in a month.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UsageRow {
    /// The study.
    pub study: StudyId,
    /// The month, as `2026-03`.
    pub month: String,
    /// Files brought.
    pub uploads: Figure,
    /// Their bytes; not said of few files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Times an item was opened.
    pub openings: Figure,
}

/// What somebody did in a study in a month.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PersonUsage {
    /// Who.
    pub person: PersonId,
    /// The study.
    pub study: StudyId,
    /// The month, as `2026-03`.
    pub month: String,
    /// Files they brought.
    pub uploads: u64,
    /// Times they opened an item.
    pub openings: u64,
    /// Different items they opened.
    pub items: u64,
}
