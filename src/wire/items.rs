//! Items, suppliers and assignments. Uploads speak tus, downloads plain HTTP: they have no body here.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{AssignmentId, ItemId, ParticipantId, PersonId, SessionId, StudyId, SupplierId};
use crate::model::{Kind, Text, Tier};

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
}

/// A supplier to be put on the approved list, or whose contract was refreshed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSupplier {
    /// What it is called; a name that is on the list already refreshes that supplier.
    pub name: Text,
    /// The day its contract was signed.
    pub contract_signed: Date,
}

/// A supplier.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SupplierView {
    /// Which.
    pub id: SupplierId,
    /// What it is called.
    pub name: Text,
    /// The day its contract was signed.
    pub contract_signed: Date,
    /// The last day of the contract.
    pub contract_ends: Date,
    /// Whether it is approved and under contract today.
    pub in_force: bool,
}

/// An item to be given to a supplier.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAssignment {
    /// To whom.
    pub supplier: SupplierId,
    /// The last day of access.
    pub until: Date,
}

/// An assignment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AssignmentView {
    /// Which.
    pub id: AssignmentId,
    /// What is given.
    pub item: ItemId,
    /// To whom.
    pub supplier: SupplierId,
    /// The last day of access.
    pub until: Date,
    /// Whether it was ended before that day.
    pub ended: bool,
}
