//! The tables: what the index holds, and by which keys rows are found.
//!
//! A table named `…_OF`, `…_IN`, `…_WITH` or `…_TO` is a list: its rows lead from the first
//! identifier of the key to the second, and hold nothing.

use jiff::civil::Date;

use crate::id::{
    AssignmentId, DisclosureId, ErasureId, ItemId, ParticipantId, PersonId, ReleaseId, RequestId,
    SessionId, StudyId, SupplierId, TokenId, UploadId,
};
use crate::model::participant::HeldContact;
use crate::model::retention::OwnDays;
#[cfg(doc)]
use crate::model::retention::Subject;
use crate::model::token::{Digest, Token};
use crate::model::{
    Assignment, Attestation, Consent, Disclosure, Erasure, Fetched, Held, Invitation, Item,
    Membership, Notice, Participant, Person, Release, RightsRequest, Session, Study, Supplier,
    Upload, WrappedKey,
};

use super::table::Table;

/// People with an account.
pub const PEOPLE: Table<PersonId, Person> = Table::new(1, "people");
/// Invitations, by the digest of their code.
pub const INVITATIONS: Table<[u8; 32], Invitation> = Table::new(2, "invitations");
/// The invitations of a person, to end the older ones.
pub const INVITATIONS_OF: Table<(PersonId, [u8; 32]), ()> = Table::new(3, "invitations of");
/// Tokens, by their digest.
pub const TOKENS: Table<[u8; 32], Token> = Table::new(4, "tokens");
/// The tokens of a person.
pub const TOKENS_OF: Table<(PersonId, TokenId), Digest> = Table::new(5, "tokens of");

/// Studies.
pub const STUDIES: Table<StudyId, Study> = Table::new(10, "studies");
/// Places in studies.
pub const MEMBERSHIPS: Table<(StudyId, PersonId), Membership> = Table::new(11, "memberships");
/// The studies of a person.
pub const STUDIES_OF: Table<(PersonId, StudyId), ()> = Table::new(12, "studies of");
/// Participants, erased ones included.
pub const PARTICIPANTS: Table<ParticipantId, Participant> = Table::new(13, "participants");
/// What of [`PARTICIPANTS`] a search among contact details looks at; for reading only.
pub const CONTACTS_HELD: Table<ParticipantId, HeldContact> = Table::new(13, "participants");
/// The participants of a study, erased ones left out.
pub const PARTICIPANTS_OF: Table<(StudyId, ParticipantId), ()> = Table::new(14, "participants of");
/// Sessions.
pub const SESSIONS: Table<SessionId, Session> = Table::new(15, "sessions");
/// The sessions of a study.
pub const SESSIONS_OF: Table<(StudyId, SessionId), ()> = Table::new(16, "sessions of");
/// The sessions a participant was in.
pub const SESSIONS_WITH: Table<(ParticipantId, SessionId), ()> = Table::new(17, "sessions with");
/// The versions of a study's privacy notice.
pub const NOTICES: Table<(StudyId, u32), Notice> = Table::new(18, "notices");
/// The versions of a participant's consent.
pub const CONSENTS: Table<(ParticipantId, u32), Consent> = Table::new(19, "consents");
/// Those of a study whose contact details have not come due, by the day of their last session; those
/// who were in none lie before all days.
pub const PEOPLE_ON: Table<(StudyId, Date, ParticipantId), ()> = Table::new(27, "people on");

/// Items, erased ones included.
pub const ITEMS: Table<ItemId, Item> = Table::new(20, "items");
/// The items of a study, erased ones left out.
pub const ITEMS_OF: Table<(StudyId, ItemId), ()> = Table::new(21, "items of");
/// The items of a session, erased ones left out.
pub const ITEMS_IN: Table<(SessionId, ItemId), ()> = Table::new(22, "items in");
/// The items a participant is in, erased ones included.
pub const ITEMS_WITH: Table<(ParticipantId, ItemId), ()> = Table::new(23, "items with");
/// Unfinished uploads.
pub const UPLOADS: Table<UploadId, Upload> = Table::new(24, "uploads");
/// The unfinished uploads a participant would be in.
pub const UPLOADS_WITH: Table<(ParticipantId, UploadId), ()> = Table::new(25, "uploads with");
/// How many uploads somebody has begun and not finished; no row when there are none.
pub const UNFINISHED_BY: Table<PersonId, u64> = Table::new(39, "unfinished by");
/// How much a study holds; no row when that is nothing.
pub const HELD: Table<StudyId, Held> = Table::new(47, "held");

/// The items that finished uploads became.
pub const FINISHED_UPLOADS: Table<UploadId, ItemId> = Table::new(26, "finished uploads");
/// The items of a study by what they are ([`Subject::number`]) and the day of their session, or that
/// of their deposit when they come from none; erased ones left out.
pub const MATERIAL_ON: Table<((StudyId, u8), Date, ItemId), OwnDays> =
    Table::new(37, "material on");
/// Recordings and transcripts of a study by what they are and the day they were accepted, erased ones
/// left out.
pub const ACCEPTED_ON: Table<((StudyId, u8), Date, ItemId), OwnDays> =
    Table::new(28, "accepted on");
/// What is anonymised of a study, erased ones left out.
pub const ANONYMISED_OF: Table<(StudyId, ItemId), ()> = Table::new(29, "anonymised of");
/// Who fetched an item; what was erased keeps its rows, for certificates drawn up anew.
pub const FETCHED: Table<(ItemId, PersonId), Fetched> = Table::new(38, "fetched");

/// Suppliers.
pub const SUPPLIERS: Table<SupplierId, Supplier> = Table::new(30, "suppliers");
/// Assignments, ended ones included.
pub const ASSIGNMENTS: Table<AssignmentId, Assignment> = Table::new(31, "assignments");
/// The assignments of an item.
pub const ASSIGNMENTS_OF: Table<(ItemId, AssignmentId), ()> = Table::new(32, "assignments of");
/// The assignments to a supplier.
pub const ASSIGNMENTS_TO: Table<(SupplierId, AssignmentId), ()> = Table::new(33, "assignments to");
/// The items that answer an assignment.
pub const ANSWERS_TO: Table<(AssignmentId, ItemId), ()> = Table::new(34, "answers to");
/// Releases to commissioners, those that wait or were refused included.
pub const RELEASES: Table<ReleaseId, Release> = Table::new(35, "releases");
/// The releases of a study.
pub const RELEASES_OF: Table<(StudyId, ReleaseId), ()> = Table::new(36, "releases of");

/// The assignments of a study's items.
pub const ASSIGNMENTS_IN: Table<(StudyId, AssignmentId), ()> = Table::new(46, "assignments in");

/// Erasures.
pub const ERASURES: Table<ErasureId, Erasure> = Table::new(40, "erasures");
/// The erasures of a study.
pub const ERASURES_IN: Table<(StudyId, ErasureId), ()> = Table::new(43, "erasures in");
/// Erasures that are approved and not certified: they run to their end by themselves.
pub const ERASURES_UNDER_WAY: Table<ErasureId, ()> = Table::new(41, "erasures under way");
/// The erasures of a participant.
pub const ERASURES_OF: Table<(ParticipantId, ErasureId), ()> = Table::new(42, "erasures of");

/// Rights requests, closed ones included.
pub const REQUESTS: Table<RequestId, RightsRequest> = Table::new(60, "requests");
/// The rights requests of a study.
pub const REQUESTS_OF: Table<(StudyId, RequestId), ()> = Table::new(61, "requests of");
/// The rights requests of a participant of the study they were made in.
pub const REQUESTS_WITH: Table<(ParticipantId, RequestId), ()> = Table::new(62, "requests with");
/// Disclosures, decided ones included.
pub const DISCLOSURES: Table<DisclosureId, Disclosure> = Table::new(63, "disclosures");
/// The disclosures of a study.
pub const DISCLOSURES_OF: Table<(StudyId, DisclosureId), ()> = Table::new(64, "disclosures of");

/// Wrapped nodes of the key tree, by level and index.
pub const NODES: Table<(u8, u64), WrappedKey> = Table::new(50, "nodes");
/// Keys that nothing hangs on any more; they go at the next epoch.
pub const SPARE_KEYS: Table<u64, ()> = Table::new(51, "spare keys");
/// How often the root has been replaced, under [`THE_ONE`].
pub const EPOCH: Table<u8, u64> = Table::new(54, "epoch");
/// The number of the next leaf of the key tree, under [`THE_ONE`].
pub const NEXT_LEAF: Table<u8, u64> = Table::new(52, "next leaf");
/// The operator's word on where the store lies, under [`THE_ONE`].
pub const ATTESTATION: Table<u8, Attestation> = Table::new(53, "attestation");

/// The key of tables with one row.
pub const THE_ONE: u8 = 0;
