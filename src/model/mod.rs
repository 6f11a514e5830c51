//! The pure model of research material: types and rules, no I/O, no clock read.
//!
//! Everything here can be written to the journal and read back. Whatever names a participant, an
//! original file or a free text is held sealed, as [`Sealed`] bytes.

pub mod action;
pub mod consent;
pub mod disclosure;
pub mod erasure;
pub mod event;
pub mod fetched;
pub mod item;
pub mod key;
pub mod participant;
pub mod period;
pub mod person;
pub mod purpose;
pub mod quota;
pub mod release;
pub mod request;
pub mod residency;
pub mod retention;
pub mod sealed;
pub mod session;
pub mod slot;
pub mod study;
pub mod supplier;
pub mod template;
pub mod terms;
pub mod text;
pub mod token;
pub mod upload;
mod word;

pub use action::Action;
pub use consent::{Consent, Permission, Permissions};
pub use disclosure::{Disclosure, Ground};
pub use erasure::{Cause, Erasure, ErasureStage, ErasureTarget, Scope, Withdrawal};
pub use event::{Actor, Entry, Event};
pub use fetched::Fetched;
pub use item::{Check, Derived, Finding, Item, Kind, Tier};
pub use key::{LeafNumber, NodeId, TreeChange, WrappedKey};
pub use participant::{Participant, Source, Standing};
pub use period::{Period, WithdrawalWindow};
pub use person::{Invitation, Membership, Person, Role};
pub use purpose::Purpose;
pub use quota::{Held, Quota};
pub use release::Release;
pub use request::{AnswerWithin, RequestKind, RightsRequest};
pub use residency::Attestation;
pub use retention::{Moment, RetentionRules, StudyMoment};
pub use sealed::Sealed;
pub use session::{OnWithdrawal, Session, SessionKind};
pub use slot::{Effaced, Retired, SlotKind};
pub use study::{LawfulBasis, Notice, Study};
pub use supplier::{Assignment, Supplier};
pub use template::Template;
pub use terms::Terms;
pub use text::{Text, TextError};
pub use token::{Digest, Token};
pub use upload::{IdempotencyKey, StoredPart, Upload};
