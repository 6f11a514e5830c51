//! What a participant permits, and how that changes over time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{ItemId, ParticipantId, PersonId};
use crate::model::study::LawfulBasis;
use crate::model::word::words;

words! {
    /// One thing a participant may permit. Each stands on its own; silence is not consent.
    Permission, or UnknownPermission as "a permission" {
        /// To be recorded in sound.
        Audio = "audio",
        /// To be filmed.
        Video = "video",
        /// To have their screen recorded.
        Screen = "screen",
        /// To be photographed.
        Photo = "photo",
        /// To have notes taken.
        Notes = "notes",
        /// To have what they said written out, by the team or an approved transcription supplier.
        Transcript = "transcript",
        /// To have survey answers kept.
        Survey = "survey",
        /// To be contacted again (R6).
        Recontact = "recontact",
        /// To have recordings given to approved suppliers for more than transcription.
        Supplier = "supplier",
        /// To have automatic tools transcribe or analyse them (R30).
        Automatic = "automatic",
        /// To have what no longer identifies them shared beyond the research team (R26).
        Share = "share",
        /// To be quoted, without a name (R27).
        Quote = "quote",
    }
}

/// The permissions a participant has given.
pub type Permissions = BTreeSet<Permission>;

/// One version of a participant's consent: what they permitted, when, and on what notice (R4, R7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Whose.
    pub participant: ParticipantId,
    /// From 1; the highest is in force.
    pub version: u32,
    /// What they permit.
    pub permissions: Permissions,
    /// The day they said so; none when nobody said which, as for a first version that came with the
    /// participant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Date>,
    /// The version of the privacy notice they had been given; none when none was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// The lawful basis they were told of.
    pub lawful_basis: LawfulBasis,
    /// The form, or the recording of their word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<ItemId>,
    /// Who recorded it.
    pub recorded_by: PersonId,
    /// When.
    pub recorded: Timestamp,
}
