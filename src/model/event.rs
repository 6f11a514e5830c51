//! Events: what the journal holds, one a record. The index is their projection.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{
    AssignmentId, DisclosureId, ErasureId, InvitationId, ItemId, ParticipantId, PersonId,
    ReleaseId, RequestId, StudyId, SupplierId, TokenId, UploadId, VaultId,
};
use crate::model::action::Action;
use crate::model::consent::Consent;
use crate::model::disclosure::{Decision, Disclosure};
use crate::model::erasure::{DeletedObject, Erasure, ErasureTarget, LateReason, commitment};
use crate::model::item::{Check, Item};
use crate::model::key::{LeafNumber, TreeChange};
use crate::model::participant::Participant;
use crate::model::person::{Invitation, Membership, Person};
use crate::model::release::{Release, Verdict};
use crate::model::request::{Closed, RightsRequest};
use crate::model::residency::Attestation;
use crate::model::retention::StudyMoment;
use crate::model::sealed::Sealed;
use crate::model::session::Session;
use crate::model::slot::Retired;
use crate::model::study::{Notice, Study};
use crate::model::supplier::{Assignment, Shortcoming, Supplier};
use crate::model::text::Text;
use crate::model::token::{Digest, Token};
use crate::model::upload::{StoredPart, Upload};

/// One record of the journal: who did what, when, and what it did to the key tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the gateway's clock. Order is by position, not by this.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// What.
    pub event: Event,
    /// Wrapped nodes that come and go with it.
    #[serde(default, skip_serializing_if = "TreeChange::is_empty")]
    pub keys: TreeChange,
}

/// Who did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Somebody with an account.
    Person(PersonId),
    /// The operator, at the machine itself.
    Operator,
    /// The gateway, finishing what was approved or has come due.
    Gateway,
    /// Somebody who showed no token that works.
    Stranger,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// The vault came into being.
    VaultCreated {
        /// Which.
        vault: VaultId,
        /// The bucket that holds its material.
        bucket: String,
        /// The version of the program that made it.
        program: String,
    },
    /// An operator vouched for where the store lies.
    StoreAttested {
        /// Their word.
        attestation: Attestation,
    },
    /// The gateway opened the vault and found its store where it must be.
    GatewayStarted {
        /// The region found, or vouched for.
        region: String,
        /// The version of the program.
        program: String,
    },

    /// Somebody was invited.
    PersonInvited {
        /// Who.
        person: Person,
        /// Their way in.
        invitation: Invitation,
    },
    /// Somebody used their invitation.
    PersonEnrolled {
        /// Who.
        person: PersonId,
        /// The invitation, which works no more.
        invitation: InvitationId,
        /// Their first token.
        token: Token,
        /// The age recipient their sealed copies are addressed to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recipient: Option<String>,
        /// The version of the terms of use they accepted with it (R34).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<u32>,
    },
    /// Somebody showed that they hold the identity they enrolled with, and got another token.
    TokenIssued {
        /// The token.
        token: Token,
    },
    /// An enrolled person was let in again with a new code.
    PersonReinvited {
        /// The new way in; older ones work no more.
        invitation: Invitation,
    },
    /// Somebody's access was stopped or given back; stopping it revokes their tokens.
    PersonSuspended {
        /// Who.
        person: PersonId,
        /// Stopped, or given back.
        suspended: bool,
    },
    /// Somebody's access was taken away for good, for misuse or because they left (R31).
    PersonRevoked {
        /// Who.
        person: PersonId,
        /// Why.
        reason: Text,
    },
    /// What is known of somebody was corrected or completed: name, training, accreditation, last day.
    PersonAmended {
        /// They, as they now stand.
        person: Box<Person>,
    },
    /// Somebody accepted the terms of use (R34).
    TermsAccepted {
        /// Who.
        person: PersonId,
        /// Which version.
        version: u32,
    },
    /// A token was taken back.
    TokenRevoked {
        /// Which.
        token: TokenId,
        /// Whose it was.
        person: PersonId,
    },

    /// A study was founded.
    StudyCreated {
        /// The study.
        study: Box<Study>,
        /// Its founder's place in it, if they lead it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lead: Option<Membership>,
    },
    /// A study's terms were changed.
    StudyAmended {
        /// The study as it now stands.
        study: Box<Study>,
    },
    /// A moment that a study's rules count from was dated, or dated anew (R44).
    MomentDated {
        /// The study.
        study: StudyId,
        /// Which moment.
        moment: StudyMoment,
        /// The day.
        on: Date,
    },
    /// A version of a study's privacy notice (R49).
    NoticePublished {
        /// The notice.
        notice: Notice,
    },
    /// A study takes no more material.
    StudyClosed {
        /// Which.
        study: StudyId,
    },
    /// Somebody was admitted to a study.
    StudyAccessGranted {
        /// Their place in it.
        membership: Membership,
    },
    /// Somebody's access to a study ended.
    StudyAccessEnded {
        /// The study.
        study: StudyId,
        /// Who.
        person: PersonId,
    },

    /// A participant was added.
    ParticipantAdded {
        /// Who.
        participant: Participant,
        /// What they permit.
        consent: Consent,
    },
    /// A participant's permissions changed (R7).
    ConsentRecorded {
        /// The new version.
        consent: Consent,
        /// The erasure of material of kinds they permit no longer, if there is some.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        erasure: Option<Box<Erasure>>,
    },
    /// A participant's contact details were corrected (R15); the old key goes at the next epoch.
    ContactCorrected {
        /// Whose.
        participant: ParticipantId,
        /// The new details.
        contact: Sealed,
        /// The key they are sealed under.
        contact_key: LeafNumber,
    },
    /// A participant's data are only kept for now, or may be used again.
    ParticipantRestricted {
        /// Whose.
        participant: ParticipantId,
        /// Only kept, or used again.
        restricted: bool,
    },
    /// A session was added.
    SessionAdded {
        /// The session.
        session: Session,
    },

    /// An upload began.
    UploadStarted {
        /// The upload.
        upload: Box<Upload>,
    },
    /// A part was sealed and is about to leave for the store.
    UploadPartSealed {
        /// The upload.
        upload: UploadId,
        /// The part's number, from 1.
        number: u16,
        /// The digest of its authentication tags.
        digest: Digest,
    },
    /// The store confirmed a part.
    UploadPartStored {
        /// The upload.
        upload: UploadId,
        /// The part.
        part: StoredPart,
    },
    /// An upload was given up; its item's key goes at the next epoch.
    UploadAbandoned {
        /// Which.
        upload: UploadId,
    },
    /// An item is whole in the store; its upload is over.
    ItemDeposited {
        /// The upload it comes from.
        upload: UploadId,
        /// The item.
        item: Box<Item>,
    },

    /// A second person looked at something derived (R32).
    ItemChecked {
        /// The item.
        item: ItemId,
        /// What they found.
        check: Check,
    },
    /// The lead said that an item is not worth a version without somebody who withdraws.
    RedactionWaived {
        /// The item.
        item: ItemId,
    },
    /// A transcript was accepted; an assignment it answers is over.
    TranscriptAccepted {
        /// The recording.
        recording: ItemId,
        /// What was written out.
        transcript: ItemId,
        /// The assignment it answers, for a supplier's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        assignment: Option<AssignmentId>,
        /// The day.
        on: Date,
    },
    /// A supplier is to bring a transcript again.
    TranscriptSentBack {
        /// The assignment.
        assignment: AssignmentId,
        /// Why.
        reason: Shortcoming,
    },
    /// A supplier confirmed that its copies are destroyed.
    CopiesDestroyed {
        /// The assignment.
        assignment: AssignmentId,
        /// Who confirmed.
        by: PersonId,
    },

    /// Somebody asked for an anonymised output to be given to the commissioner.
    ReleaseRequested {
        /// What.
        release: Release,
    },
    /// A second person decided on it.
    ReleaseDecided {
        /// Which.
        release: ReleaseId,
        /// What they said.
        verdict: Verdict,
    },

    /// A supplier was put on the approved list, or its contract refreshed.
    SupplierApproved {
        /// The supplier as it now stands.
        supplier: Supplier,
    },
    /// A supplier was taken off the approved list.
    SupplierRemoved {
        /// Which.
        supplier: SupplierId,
    },
    /// An item was given to a supplier.
    ItemAssigned {
        /// The assignment.
        assignment: Assignment,
    },
    /// An assignment was ended before its day.
    AssignmentEnded {
        /// Which.
        assignment: AssignmentId,
    },

    /// A participant withdrew; they are frozen from here on.
    WithdrawalRecorded {
        /// The erasure that carries it out.
        erasure: Box<Erasure>,
    },
    /// The time of some material is over; from here on it runs to its end.
    RetentionBegun {
        /// The erasure, with what it destroys.
        erasure: Box<Erasure>,
    },
    /// A second person approved, and another is still needed.
    ErasureSeconded {
        /// Which.
        erasure: ErasureId,
        /// Who approved.
        by: PersonId,
    },
    /// A withdrawal that came too late was refused; nothing is frozen any more.
    ErasureRefused {
        /// Which.
        erasure: ErasureId,
        /// Who refused.
        by: PersonId,
        /// Why.
        reason: LateReason,
    },
    /// The last second person approved: the erasure now runs to its end.
    ErasureApproved {
        /// Which.
        erasure: ErasureId,
        /// Who approved.
        by: PersonId,
        /// What it destroys.
        target: ErasureTarget,
    },
    /// The key tree no longer holds the keys; the old root still has to go.
    KeysDestroyed {
        /// The erasure.
        erasure: ErasureId,
        /// The epoch that begins.
        epoch: u64,
    },
    /// Every root slot has let go of the old root.
    OldRootEffaced {
        /// The erasure.
        erasure: ErasureId,
        /// What each slot said.
        slots: Vec<Retired>,
    },
    /// The ciphertext is gone from the store.
    CiphertextDeleted {
        /// The erasure.
        erasure: ErasureId,
        /// What was deleted, of every item and in all attempts.
        deleted: Vec<DeletedObject>,
        /// Whether there is more to delete: the store failed, and it is tried again.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        unfinished: bool,
    },
    /// What a certificate will state is settled. The record's public part commits to it, so that
    /// the certificate can prove that the log has it.
    CertificateDrawnUp {
        /// The erasure.
        erasure: ErasureId,
        /// The digest of the statement.
        statement: Digest,
    },
    /// The erasure was verified and certified; anew, when what lies elsewhere has changed.
    ErasureCertified {
        /// Which.
        erasure: ErasureId,
        /// The certificate, a signed note.
        certificate: String,
    },

    /// Somebody asked for one of their rights.
    RequestOpened {
        /// The request; one that nothing is held for is closed from the beginning.
        request: Box<RightsRequest>,
    },
    /// The clock of a request was stopped.
    RequestPaused {
        /// Which.
        request: RequestId,
        /// The first day it stands still.
        from: Date,
        /// Why, sealed under the participant's material key.
        reason: Sealed,
    },
    /// The clock of a request goes on.
    RequestResumed {
        /// Which.
        request: RequestId,
        /// The day it goes on.
        on: Date,
    },
    /// A request was answered, or refused.
    RequestClosed {
        /// Which.
        request: RequestId,
        /// How it ended.
        closed: Closed,
    },
    /// A lead asked that something be disclosed (R37).
    DisclosureRaised {
        /// The disclosure, not decided yet.
        disclosure: Box<Disclosure>,
    },
    /// The safeguarding lead decided on a disclosure (R37).
    DisclosureDecided {
        /// Which.
        disclosure: DisclosureId,
        /// Their decision.
        decision: Box<Decision>,
    },

    /// Somebody was let through to something (R45).
    Accessed {
        /// What they did.
        action: Action,
        /// To what, by identifier.
        resource: String,
        /// What more the audit should know, such as whom a sealed copy was addressed to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// Somebody was refused.
    Refused {
        /// What they wanted to do.
        action: Action,
        /// To what, by identifier.
        resource: String,
    },
    /// The root was replaced with nobody erased; the old one still has to go.
    RootReplaced {
        /// The epoch that begins.
        epoch: u64,
    },
    /// Every root slot has let go of the root that was replaced.
    RootRetired {
        /// What each slot said.
        slots: Vec<Retired>,
    },
    /// The journal was put back from a backup that ended earlier (operator's word).
    RecordsLost {
        /// How many records the slots had vouched for that are gone.
        lost: u64,
    },
    /// The controls were tested while they were relied on (R48).
    ControlsTested {
        /// How many hold.
        hold: u64,
        /// Those that do not, and why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fail: Vec<String>,
    },
    /// Tokens that do not work were shown.
    StrangersRefused {
        /// How many times since the last such record.
        count: u64,
    },
}

impl Event {
    /// The part of its record that is readable without a key, and proven to others with it.
    pub fn public_part(&self) -> Vec<u8> {
        match self {
            Self::CertificateDrawnUp { statement, .. } => commitment(statement).into_bytes(),
            _ => Vec::new(),
        }
    }

    /// The event's name, as the audit shows it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::VaultCreated { .. } => "vault-created",
            Self::StoreAttested { .. } => "store-attested",
            Self::GatewayStarted { .. } => "gateway-started",
            Self::PersonInvited { .. } => "person-invited",
            Self::PersonEnrolled { .. } => "person-enrolled",
            Self::TokenIssued { .. } => "token-issued",
            Self::PersonReinvited { .. } => "person-reinvited",
            Self::PersonSuspended { .. } => "person-suspended",
            Self::PersonRevoked { .. } => "person-revoked",
            Self::PersonAmended { .. } => "person-amended",
            Self::TermsAccepted { .. } => "terms-accepted",
            Self::TokenRevoked { .. } => "token-revoked",
            Self::StudyCreated { .. } => "study-created",
            Self::StudyAmended { .. } => "study-amended",
            Self::MomentDated { .. } => "moment-dated",
            Self::NoticePublished { .. } => "notice-published",
            Self::StudyClosed { .. } => "study-closed",
            Self::StudyAccessGranted { .. } => "study-access-granted",
            Self::StudyAccessEnded { .. } => "study-access-ended",
            Self::ParticipantAdded { .. } => "participant-added",
            Self::ConsentRecorded { .. } => "consent-recorded",
            Self::ContactCorrected { .. } => "contact-corrected",
            Self::ParticipantRestricted { .. } => "participant-restricted",
            Self::SessionAdded { .. } => "session-added",
            Self::UploadStarted { .. } => "upload-started",
            Self::UploadPartSealed { .. } => "upload-part-sealed",
            Self::UploadPartStored { .. } => "upload-part-stored",
            Self::UploadAbandoned { .. } => "upload-abandoned",
            Self::ItemDeposited { .. } => "item-deposited",
            Self::ItemChecked { .. } => "item-checked",
            Self::RedactionWaived { .. } => "redaction-waived",
            Self::TranscriptAccepted { .. } => "transcript-accepted",
            Self::TranscriptSentBack { .. } => "transcript-sent-back",
            Self::CopiesDestroyed { .. } => "copies-destroyed",
            Self::ReleaseRequested { .. } => "release-requested",
            Self::ReleaseDecided { .. } => "release-decided",
            Self::SupplierApproved { .. } => "supplier-approved",
            Self::SupplierRemoved { .. } => "supplier-removed",
            Self::ItemAssigned { .. } => "item-assigned",
            Self::AssignmentEnded { .. } => "assignment-ended",
            Self::WithdrawalRecorded { .. } => "withdrawal-recorded",
            Self::RetentionBegun { .. } => "retention-begun",
            Self::ErasureSeconded { .. } => "erasure-seconded",
            Self::ErasureRefused { .. } => "erasure-refused",
            Self::ErasureApproved { .. } => "erasure-approved",
            Self::KeysDestroyed { .. } => "keys-destroyed",
            Self::OldRootEffaced { .. } => "old-root-effaced",
            Self::CiphertextDeleted { .. } => "ciphertext-deleted",
            Self::CertificateDrawnUp { .. } => "certificate-drawn-up",
            Self::ErasureCertified { .. } => "erasure-certified",
            Self::RequestOpened { .. } => "request-opened",
            Self::RequestPaused { .. } => "request-paused",
            Self::RequestResumed { .. } => "request-resumed",
            Self::RequestClosed { .. } => "request-closed",
            Self::DisclosureRaised { .. } => "disclosure-raised",
            Self::DisclosureDecided { .. } => "disclosure-decided",
            Self::Accessed { .. } => "accessed",
            Self::Refused { .. } => "refused",
            Self::RootReplaced { .. } => "root-replaced",
            Self::RootRetired { .. } => "root-retired",
            Self::RecordsLost { .. } => "records-lost",
            Self::ControlsTested { .. } => "controls-tested",
            Self::StrangersRefused { .. } => "strangers-refused",
        }
    }
}
