//! Erasure: from a participant's word, or the end of a promise, to a certificate.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{ErasureId, ItemId, ParticipantId, PersonId, StudyId, UploadId};
use crate::model::event::Actor;
use crate::model::item::Kind;
use crate::model::key::LeafNumber;
use crate::model::retention::StudyMoment;
use crate::model::slot::Retired;
use crate::model::token::Digest;
use crate::model::word::words;

/// A destruction of keys, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// Which.
    pub id: ErasureId,
    /// The study it happens in.
    pub study: StudyId,
    /// Why.
    pub cause: Cause,
    /// Who asked for it; for retention that may be the gateway itself.
    pub requested_by: Actor,
    /// When; a participant who withdraws is frozen from then on.
    pub requested_at: Timestamp,
    /// How far it has come.
    pub stage: ErasureStage,
    /// How many second persons have to approve; none when the rule itself was approved.
    pub approvers: u8,
    /// The second persons who approved, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved: Vec<(PersonId, Timestamp)>,
    /// The last day it waits for versions without the one who withdraws; it goes on when they are all
    /// there, or on the day after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_until: Option<Date>,
    /// Why it was refused, if it was (R19).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedErasure>,
    /// What is destroyed; fixed at the approval.
    #[serde(default)]
    pub target: ErasureTarget,
    /// The epoch that begins when the keys are gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// What each root slot said when it let go of the old root, and when the last one had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_root_effaced: Option<(Timestamp, Vec<Retired>)>,
    /// Objects deleted from the store.
    #[serde(default)]
    pub deleted: Vec<DeletedObject>,
    /// The signed certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

impl Erasure {
    /// An erasure that has just been asked for.
    pub fn requested(
        id: ErasureId,
        study: StudyId,
        cause: Cause,
        requested_by: Actor,
        requested_at: Timestamp,
        approvers: u8,
    ) -> Self {
        Self {
            id,
            study,
            cause,
            requested_by,
            requested_at,
            stage: ErasureStage::Requested,
            approvers,
            approved: Vec::new(),
            held_until: None,
            refused: None,
            target: ErasureTarget::default(),
            epoch: None,
            old_root_effaced: None,
            deleted: Vec::new(),
            certificate: None,
        }
    }

    /// The withdrawal it carries out, if that is its cause.
    pub fn withdrawal(&self) -> Option<&Withdrawal> {
        match &self.cause {
            Cause::Withdrawal(withdrawal) => Some(withdrawal),
            Cause::Retention(_) => None,
        }
    }

    /// Whether somebody may refuse it: a withdrawal that came after the study's last day.
    pub fn is_refusable(&self) -> bool {
        self.stage == ErasureStage::Requested
            && self
                .withdrawal()
                .is_some_and(|withdrawal| !withdrawal.in_time)
    }
}

/// Why keys are destroyed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// A participant withdraws.
    Withdrawal(Withdrawal),
    /// Its time is over.
    Retention(Retention),
}

/// A participant's wish to withdraw; no reason is asked (R10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// Who withdraws.
    pub participant: ParticipantId,
    /// What they withdraw.
    pub scope: Scope,
    /// Whether it came within the study's window (R10, R11).
    pub in_time: bool,
}

/// What a participant withdraws.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything they are in, and what names them.
    Everything,
    /// What names them (R15).
    ContactOnly,
    /// Material of kinds they permit no longer (R7).
    Kinds(BTreeSet<Kind>),
}

impl Scope {
    /// Whether material of a kind goes with it.
    pub fn reaches(&self, kind: Kind) -> bool {
        match self {
            Self::Everything => true,
            Self::ContactOnly => false,
            Self::Kinds(kinds) => kinds.contains(&kind),
        }
    }
}

/// Material whose time is over (R41–R44).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// The day it was due by.
    pub due: Date,
    /// The rules that said so, and the moments they count from, in words.
    pub rules: Vec<String>,
    /// The moments of the study they count from, whose days stand from now on.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub moments: BTreeSet<StudyMoment>,
}

/// Why a withdrawal that came too late was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedErasure {
    /// Who refused.
    pub by: PersonId,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: LateReason,
}

words! {
    /// Why a withdrawal that came after the last day is refused (R12). Words of one's own could name
    /// somebody.
    LateReason, or UnknownLateReason as "a reason to refuse a late withdrawal" {
        /// What they said is part of an analysis that cannot be taken apart.
        Analysed = "analysed",
        /// What they said no longer shows who said it.
        Anonymised = "anonymised",
        /// The findings are published.
        Published = "published",
        /// The law requires it to be kept.
        LegalDuty = "legal-duty",
    }
}

/// What an erasure destroys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureTarget {
    /// The keys.
    pub keys: Vec<LeafNumber>,
    /// The items that no longer open.
    pub items: Vec<ItemId>,
    /// Uploads that are broken off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uploads: Vec<UploadId>,
    /// People who are forgotten altogether.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub participants: Vec<ParticipantId>,
    /// People whose contact details alone go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<ParticipantId>,
    /// Whether the study's own key goes, with everything anonymised under it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub study: bool,
}

/// How far an erasure has come. Every step can be done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErasureStage {
    /// Asked for; frozen; waiting for a second person.
    Requested,
    /// Approved; from here it runs to its end by itself, unless it is held for redaction.
    Approved,
    /// The new root is in every slot and the old one still is.
    KeysDestroyed,
    /// The old root is gone from every slot: nothing opens any more.
    Inaccessible,
    /// The ciphertext is deleted from the store.
    CiphertextDeleted,
    /// Verified, signed and journaled.
    Certified,
    /// Refused, since it came too late; nothing was destroyed.
    Refused,
}

/// What was deleted from the store for one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedObject {
    /// The item.
    pub item: ItemId,
    /// Versions deleted.
    pub versions: u64,
    /// Delete markers removed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub delete_markers: u64,
    /// Unfinished uploads aborted.
    #[serde(default, skip_serializing_if = "is_zero")]
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

/// A certificate names thousands of objects: what is nothing is left out.
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The public part of the record that commits a vault to what a certificate states: it says nothing
/// to whoever does not have the statement.
pub fn commitment(statement: &Digest) -> String {
    format!("strongroom/erasure/v1 sha256:{statement}\n")
}
