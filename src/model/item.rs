//! Items: the recordings, transcripts, notes and photographs themselves, as the index knows them.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{AssignmentId, ItemId, ParticipantId, PersonId, SessionId, StudyId};
use crate::model::consent::Permission;
use crate::model::key::LeafNumber;
use crate::model::sealed::Sealed;
use crate::model::text::Text;
use crate::model::word::words;

/// One stored piece of material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which.
    pub id: ItemId,
    /// The study it belongs to.
    pub study: StudyId,
    /// The session it comes from; what is anonymised comes from none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Everyone in it, in identifier order: it opens only while every one of their keys exists.
    /// What is anonymised has nobody in it, and opens while the study's key exists.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<ParticipantId>,
    /// What it is.
    pub kind: Kind,
    /// How near it is to a person.
    pub tier: Tier,
    /// Its length, in bytes of plaintext.
    pub length: u64,
    /// Its own key.
    pub key: LeafNumber,
    /// The payload's nonce and the [`Particulars`], sealed under the item's and its people's keys.
    pub particulars: Sealed,
    /// When it was taken in.
    pub deposited: Timestamp,
    /// Who brought it.
    pub depositor: PersonId,
    /// The assignment it answers, for a supplier's transcript.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<AssignmentId>,
    /// What it was made from and what it may hold, for what is not a first recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derived: Option<Derived>,
    /// The item it replaces for those who remain after a withdrawal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacts: Option<ItemId>,
    /// What became of making a version without somebody who withdraws.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redaction: Option<Redaction>,
    /// The day a transcript of it, or it as a transcript, was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Date>,
    /// Whether its keys are destroyed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
}

impl Item {
    /// The tier it counts as: what waits for its check, or did not pass, is as near to people as
    /// what it was made from.
    pub fn counts_as(&self) -> Tier {
        match &self.derived {
            Some(derived) if !matches!(derived.check, Check::Passed { .. }) => Tier::Identifiable,
            _ => self.tier,
        }
    }
}

/// What something was made from, and what it may hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derived {
    /// What it was made from; not kept for what is anonymised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<ItemId>,
    /// How many there were.
    pub made_from: u32,
    /// The participant group it speaks of, one of the study's (R27).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text>,
    /// Whether it has somebody's own words in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quotes: bool,
    /// The study's declared fields it shows (R8).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shows: Vec<Text>,
    /// The second person's look at it (R32).
    pub check: Check,
}

/// A second person's look at whether something is as far from people as it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Nobody has looked yet.
    Waiting,
    /// It is.
    Passed {
        /// Who looked.
        by: PersonId,
        /// When.
        at: Timestamp,
    },
    /// It is not; it counts as what it was made from.
    SentBack {
        /// Who looked.
        by: PersonId,
        /// When.
        at: Timestamp,
        /// What they found.
        finding: Finding,
    },
}

words! {
    /// Why something does not pass its check. Words of one's own could name somebody.
    Finding, or UnknownFinding as "a finding" {
        /// It names somebody.
        Names = "names",
        /// It names a place or an organisation.
        Places = "places",
        /// What it says together can be only one person.
        RareCombination = "rare-combination",
        /// A count or a group is too small.
        SmallNumbers = "small-numbers",
        /// A voice or a face can be recognised.
        Recognisable = "recognisable",
        /// It goes beyond what was permitted.
        BeyondConsent = "beyond-consent",
        /// It goes beyond the study's purpose.
        BeyondPurpose = "beyond-purpose",
    }
}

/// What became of making a version without somebody who withdraws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Redaction {
    /// This is the version without them.
    Done(ItemId),
    /// The lead said that it is not worth keeping.
    Waived,
}

/// What is known of an item only while its keys exist.
#[derive(Serialize, Deserialize)]
pub struct Particulars {
    /// The 16-byte age file key.
    pub file_key: [u8; 16],
    /// The 16-byte nonce the payload begins with.
    pub payload_nonce: [u8; 16],
    /// What the file was called when it was brought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_name: Option<String>,
}

impl Drop for Particulars {
    fn drop(&mut self) {
        use zeroize::Zeroize;
        self.file_key.zeroize();
        self.file_name.zeroize();
    }
}

impl fmt::Debug for Particulars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Particulars(redacted)")
    }
}

words! {
    /// What a piece of material is (R1).
    Kind, or UnknownKind as "a kind of material" {
        /// A sound recording.
        Audio = "audio",
        /// A film.
        Video = "video",
        /// A recording of a screen.
        Screen = "screen",
        /// A photograph.
        Photo = "photo",
        /// Written notes.
        Notes = "notes",
        /// What was said, written out.
        Transcript = "transcript",
        /// Answers to a survey.
        Survey = "survey",
    }
}

impl Kind {
    /// The permission without which it is refused (R2).
    pub const fn permission(self) -> Permission {
        match self {
            Self::Audio => Permission::Audio,
            Self::Video => Permission::Video,
            Self::Screen => Permission::Screen,
            Self::Photo => Permission::Photo,
            Self::Notes => Permission::Notes,
            Self::Transcript => Permission::Transcript,
            Self::Survey => Permission::Survey,
        }
    }
}

words! {
    /// How near material is to a person, nearest first.
    Tier, or UnknownTier as "a tier" {
        /// A voice, a face, a name: the named team only.
        Identifiable = "identifiable",
        /// Identifiers removed, still about one person.
        DeIdentified = "de-identified",
        /// About nobody any more.
        Anonymised = "anonymised",
    }
}
