//! The end of keeping: what is due, why, and its destruction (R41–R44).
//!
//! A study's rules were approved with the study, so what they make due takes no second approval. It
//! goes through the same erasure as a withdrawal, with a certificate that names the rules.
//!
//! **Kept back.** What belongs to somebody whose data are restricted is not destroyed until the
//! restriction is lifted (UK GDPR article 18(2)), whatever else is due. What an approved erasure is
//! taking already is left to it. A withdrawal that is only asked for keeps nothing: what is due goes.
//!
//! **Whose keys.** Each due item loses its own key. A participant's contact key goes when their
//! contact details are due; their material key when, besides, nothing they are in is left. The
//! study's own key goes, with everything anonymised under it, when anonymised outputs are due and
//! nothing and nobody else is left.
//!
//! **One epoch a study.** An erasure and its certificate speak of one study, since those who share a
//! vault do not see each other (R50); all that is due in it goes in one epoch, or in as many as one
//! journal record and its certificate have room for.

mod ask;
mod find;
mod list;
mod run;
mod take;
mod warn;

pub(super) use ask::count_due;
pub use ask::due;
pub(super) use find::refuse_due;
pub use find::{Reason, Thing};
pub use list::{Cursor, DueList, DueRow, KeptBack, due_in};
pub use run::{Run, daily, run};
pub use warn::Warning;
