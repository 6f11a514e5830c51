//! Request and response bodies of the HTTP API, shared by gateway and client.
//!
//! Bodies are JSON; every identifier, date and moment is text (`stu-…`, `2026-03-01`, RFC 3339). A
//! response names the thing it made under `id`. Unknown fields of a request are refused, so that a
//! misspelt one is never quietly ignored.

mod disclosures;
mod erasures;
mod items;
mod people;
mod problem;
mod requests;
mod retention;
mod schema;
mod studies;
mod vault;

pub use disclosures::{DisclosureView, NewDisclosure, NewDisclosureDecision, NewPermit};
pub use erasures::{ErasureView, NewWithdrawal, WithdrawalAnswer};
pub use items::{AssignmentView, ItemView, NewAssignment, NewSupplier, SupplierView};
pub use people::{
    Challenge, Enrolled, Enrolment, Invited, Me, MembershipView, NewChallenge, NewPerson,
    PersonView, Renewal, Suspension,
};
pub use problem::{Problem, ProblemKind};
pub use requests::{
    NewAnswer, NewPause, NewRefusal, NewResumption, NewRightsRequest, PauseView, RequestView,
    Restriction,
};
pub use retention::{
    DueKeptBack, DuePage, DueView, DueWhat, MomentDate, MomentView, NewRetentionRun, RetentionRun,
    RetentionWarning, WarningAbout,
};
pub use studies::{
    Created, NewMembership, NewParticipant, NewSession, NewStudy, ParticipantView, SessionView,
    StudyView,
};
pub use vault::{
    AuditEntry, AuditPage, AuditVerification, ControlsView, Health, VaultView, VerifierKey,
};

/// The path that every route of this version begins with.
pub const VERSION_PREFIX: &str = "/v1";

/// The media type of stored payloads with an age header in front.
pub const AGE_MEDIA_TYPE: &str = "application/age-encryption";

/// The media type of problem details (RFC 9457).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// The version of the tus protocol spoken for uploads.
pub const TUS_VERSION: &str = "1.0.0";
