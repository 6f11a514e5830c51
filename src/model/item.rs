//! Items: the recordings, transcripts, notes and photographs themselves, as the index knows them.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AssignmentId, ItemId, ParticipantId, PersonId, SessionId, StudyId};
use crate::model::consent::Permission;
use crate::model::key::LeafNumber;
use crate::model::sealed::Sealed;
use crate::model::word::words;

/// One stored piece of material.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Which.
    pub id: ItemId,
    /// The study it belongs to.
    pub study: StudyId,
    /// The session it comes from.
    pub session: SessionId,
    /// Everyone in it, in identifier order: it opens only while every one of their keys exists.
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
    /// Whether its keys are destroyed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
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
    /// How near material is to a person.
    Tier, or UnknownTier as "a tier" {
        /// A voice, a face, a name: the named team only.
        Identifiable = "identifiable",
        /// Identifiers removed, still about one person.
        DeIdentified = "de-identified",
        /// About nobody any more.
        Anonymised = "anonymised",
    }
}
