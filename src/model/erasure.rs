//! Withdrawal and erasure: from a participant's word to a certificate.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ErasureId, ItemId, ParticipantId, PersonId, StudyId, UploadId};
use crate::model::key::LeafNumber;

/// The destruction of a participant's keys, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Which.
    pub id: ErasureId,
    /// The study it happens in.
    pub study: StudyId,
    /// Whose withdrawal it carries out.
    pub withdrawal: Withdrawal,
    /// Who recorded the withdrawal.
    pub requested_by: PersonId,
    /// When it was recorded; the participant is frozen from then on.
    pub requested_at: Timestamp,
    /// How far it has come.
    pub stage: ErasureStage,
    /// The second person who approved, and when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<(PersonId, Timestamp)>,
    /// What is destroyed; fixed at the approval.
    #[serde(default)]
    pub target: ErasureTarget,
    /// The epoch that begins when the keys are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// What each root slot said when it let go of the old root, and when the last one had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_root_effaced: Option<(Timestamp, Vec<String>)>,
    /// Objects deleted from the store.
    #[serde(default)]
    pub deleted: Vec<DeletedObject>,
    /// The signed certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// A participant's wish to withdraw; no reason is asked (R10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Who withdraws.
    pub participant: ParticipantId,
    /// Whether only their contact details go (R15).
    pub contact_only: bool,
    /// Whether it came within the study's window (R10, R11).
    pub in_time: bool,
}

/// What an erasure destroys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureTarget {
    /// The keys.
    pub keys: Vec<LeafNumber>,
    /// The items that no longer open.
    pub items: Vec<ItemId>,
    /// Uploads that are broken off.
    #[serde(default)]
    pub uploads: Vec<UploadId>,
}

/// How far an erasure has come. Every step can be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErasureStage {
    /// Asked for; frozen; waiting for a second person.
    Requested,
    /// Approved; from here it runs to its end by itself.
    Approved,
    /// The new root is in every slot and the old one still is.
    KeysDestroyed,
    /// The old root is gone from every slot: nothing opens any more.
    Inaccessible,
    /// The ciphertext is deleted from the store.
    CiphertextDeleted,
    /// Verified, signed and journaled.
    Certified,
}

/// What was deleted from the store for one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedObject {
    /// The item.
    pub item: ItemId,
    /// Versions deleted.
    pub versions: u64,
    /// Delete markers removed.
    #[serde(default)]
    pub delete_markers: u64,
    /// Unfinished uploads aborted.
    pub unfinished_uploads: u64,
}

impl DeletedObject {
    /// Nothing deleted yet.
    pub fn none(item: ItemId) -> Self {
        Self {
            item,
            versions: 0,
            delete_markers: 0,
            unfinished_uploads: 0,
        }
    }
}
