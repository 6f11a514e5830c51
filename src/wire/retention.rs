//! The end of keeping: what is due, and its destruction.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ErasureView;
use crate::id::{ErasureId, StudyId};
use crate::model::{Kind, StudyMoment, Tier};

/// A page of what is due.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DuePage {
    /// The day it is asked about.
    pub on: Date,
    /// Items, uploads and people that are due, all pages taken together.
    pub total: u64,
    /// Earliest due first.
    pub due: Vec<DueView>,
    /// What a person should see to; on the first page only.
    pub warnings: Vec<RetentionWarning>,
    /// Where the next page begins, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Something that is due for destruction.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DueView {
    /// The study.
    pub study: StudyId,
    /// What it is.
    pub what: DueWhat,
    /// Its identifier; a participant's for their contact details.
    pub id: String,
    /// What kind of material, for an item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Of which tier it counts as, for an item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// The day it is due.
    pub due: Date,
    /// By which rule of the study.
    pub rule: String,
    /// The moment the rule counts from, unless it names the day itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<String>,
    /// The day of that moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment_on: Option<Date>,
    /// Why it stays for now, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_back: Option<DueKeptBack>,
    /// The erasure that takes it already, if one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<ErasureId>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DueWhat {
    /// A piece of material.
    Item,
    /// An upload under way.
    Upload,
    /// What names a participant.
    Contact,
    /// A participant, of whom nothing else is left.
    Participant,
    /// The study's own key, with what is anonymised under it.
    Study,
}

/// Why something that is due stays for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DueKeptBack {
    /// Somebody's data are restricted.
    Restricted,
    /// An erasure under way takes it already.
    ErasureUnderWay,
}

/// What keeping rules do not say yet, or do not say at all.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RetentionWarning {
    /// The study.
    pub study: StudyId,
    /// What it is about.
    pub about: WarningAbout,
    /// The rule, when it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The moments that have no date.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moments: Vec<String>,
    /// What to do about it.
    pub text: String,
}

/// What a warning is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WarningAbout {
    /// A rule counts from a moment that has no date yet.
    Undated,
    /// Things are under no rule.
    Uncovered,
    /// A review is overdue.
    ReviewPast,
}

/// What is to be destroyed.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRetentionRun {
    /// What is due in this study only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<StudyId>,
}

/// What was destroyed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RetentionRun {
    /// An erasure for each study that something was due in, or several where there was too much.
    pub erasures: Vec<ErasureView>,
}

/// The day of a moment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MomentDate {
    /// The day.
    pub on: Date,
}

/// A moment that was dated.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MomentView {
    /// The study.
    pub study: StudyId,
    /// The moment.
    pub moment: StudyMoment,
    /// Its day.
    pub on: Date,
    /// The day it had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Date>,
    /// How many things are due for destruction in the study, today.
    pub due: u64,
}
