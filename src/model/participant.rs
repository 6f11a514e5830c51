//! Participants: known by a meaningless identifier, named only under their own key.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{ParticipantId, StudyId};
use crate::model::consent::Permissions;
use crate::model::key::LeafNumber;
use crate::model::sealed::Sealed;
use crate::model::text::Text;

/// Somebody who takes part in one study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Who, by an identifier used in no other system (R25).
    pub id: ParticipantId,
    /// The study.
    pub study: StudyId,
    /// What they permit (R3).
    pub permissions: Permissions,
    /// [`Contact`] as JSON, sealed under the contact key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Sealed>,
    /// The key of their contact details, kept apart from content (R24).
    pub contact_key: LeafNumber,
    /// The key that everything they are in hangs on.
    pub material_key: LeafNumber,
    /// The day they were added.
    pub added: Date,
    /// Where they stand.
    pub standing: Standing,
}

/// Where a participant stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Taking part.
    Active,
    /// Withdrawing: nothing they are in is read, nothing new is taken in.
    Frozen,
    /// Their keys are destroyed.
    Erased,
}

/// What names a participant; it exists in memory only.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Contact {
    /// What they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text>,
    /// Where to write to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text>,
}

impl Contact {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.name.is_none() && self.email.is_none()
    }
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact(redacted)")
    }
}
