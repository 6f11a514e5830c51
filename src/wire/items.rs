//! Items. Uploads speak tus, downloads plain HTTP: they have no body here.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::suppliers::AssignmentView;
use crate::id::{ItemId, ParticipantId, PersonId, SessionId, StudyId};
use crate::model::{Finding, Kind, Text, Tier};

/// An item, as whoever may know of it sees it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ItemView {
    /// Which.
    pub id: ItemId,
    /// What it is.
    pub kind: Kind,
    /// How near it is to a person.
    pub tier: Tier,
    /// Its length, in bytes of plaintext.
    pub length: u64,
    /// The session it comes from; what is anonymised comes from none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// When it was taken in.
    pub deposited: Timestamp,
    /// The study; a supplier is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub study: Option<StudyId>,
    /// Everyone in it; a supplier is not told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<ParticipantId>,
    /// Who brought it; a supplier is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depositor: Option<PersonId>,
    /// What the file was called; the team only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
    /// Whether a withdrawal under way keeps it from being opened.
    #[serde(default)]
    pub frozen: bool,
    /// The last day a supplier may fetch it, for a supplier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
    /// To whom it is assigned; the team only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignments: Vec<AssignmentView>,
    /// What it was made from and what it may hold, for what is no first recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<DerivedView>,
    /// The item it is a version of, without somebody who withdrew; the team only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacts: Option<ItemId>,
    /// The day it, as a transcript, or a transcript of it was accepted; the team only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Date>,
}

/// What something was made from, and what it may hold.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DerivedView {
    /// What it was made from; not known of what is anonymised, and not told to who analyses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<ItemId>,
    /// How many there were.
    pub made_from: u32,
    /// The participant group it speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// Whether it has somebody's own words in it.
    pub quotes: bool,
    /// The study's declared fields it shows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shows: Vec<Text>,
    /// Whether a second person passed it; nothing while it waits for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<bool>,
    /// Who looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_by: Option<PersonId>,
    /// What they found, when it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

/// A second person's look at what was made from items.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCheck {
    /// What is nearer to people than it says; nothing when it passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// Whether it passes; said beside `finding`, so that neither is meant by leaving it out.
    pub passed: bool,
    /// Withdrawals recorded since were considered.
    #[serde(default)]
    pub considered_withdrawals: bool,
}

/// A transcript to be accepted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptedTranscript {
    /// The transcript.
    pub transcript: ItemId,
}
