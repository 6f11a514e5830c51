//! Request and response bodies of the HTTP API, shared by gateway and client.
//!
//! Bodies are JSON; every identifier, date and moment is text (`stu-…`, `2026-03-01`, RFC 3339). A
//! response names the thing it made under `id`. Unknown fields of a request are refused, so that a
//! misspelt one is never quietly ignored.

mod disclosures;
mod erasures;
mod items;
mod participants;
mod people;
mod problem;
mod releases;
mod requests;
mod retention;
mod reviews;
mod schema;
mod studies;
mod suppliers;
mod terms;
mod uploads;
mod vault;

pub use disclosures::{DisclosureView, NewDisclosure, NewDisclosureDecision, NewPermit};
pub use erasures::{
    ErasureView, NewErasureRefusal, NewWithdrawal, OutcomeView, RemainsView, WithdrawalAnswer,
};
pub use items::{AcceptedTranscript, DerivedView, ItemView, NewCheck};
pub use participants::{
    ConsentAnswer, ConsentView, ContactCorrection, ContactView, NewConsent, NewParticipant,
    NewSearch, ParticipantView,
};
pub use people::{
    AccountExport, Challenge, Enrolled, Enrolment, Invited, Me, MembershipView, NewAcceptance,
    NewChallenge, NewPerson, OwnCorrection, PersonAmendment, PersonView, RecordedAct, Renewal,
    Revocation, Suspension, TermsOfUse,
};
pub use problem::{Problem, ProblemKind};
pub use releases::{NewDecision, NewRelease, ReleaseView};
pub use requests::{
    NewAnswer, NewPause, NewRefusal, NewResumption, NewRightsRequest, PauseView, RequestView,
    Restriction,
};
pub use retention::{
    DueKeptBack, DuePage, DueView, DueWhat, MomentDate, MomentView, NewRetentionRun, RetentionRun,
    RetentionWarning, WarningAbout,
};
pub use reviews::{AccessRow, Figure, PersonUsage, StudySummary, Summary, SummaryCount, UsageRow};
pub use studies::{Created, NewMembership, NewSession, SessionView};
pub use suppliers::{AssignmentView, NewAssignment, NewReturn, NewSupplier, SupplierView};
pub use terms::{
    AffectedView, ApprovalView, FieldView, FoundedStudy, HeldView, NewApproval, NewNotice,
    NewStudy, NoticeView, StudyAmendment, StudyView,
};
pub use uploads::{Destination, MadeFrom, Origin};
pub use vault::{
    AuditEntry, AuditPage, AuditVerification, ControlsView, CopiesView, Health, VaultView,
    VerifierKey,
};

/// The path that every route of this version begins with.
pub const VERSION_PREFIX: &str = "/v1";

/// The media type of stored payloads with an age header in front.
pub const AGE_MEDIA_TYPE: &str = "application/age-encryption";

/// The media type of problem details (RFC 9457).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// The media type of a piece of an upload (tus).
pub const PIECE_MEDIA_TYPE: &str = "application/offset+octet-stream";

/// The version of the tus protocol spoken for uploads.
pub const TUS_VERSION: &str = "1.0.0";
