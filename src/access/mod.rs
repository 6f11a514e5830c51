//! Access: who you are, and what you may do.
//!
//! [`authenticate`] recognises a bearer token by its digest and gives a [`Caller`].
//! [`Gatekeeper::decide`] takes the facts from the index, asks the Cedar policies in `policies/`, and
//! gives a [`Grant`] for one [`Act`], which work takes by value. Everything not permitted is refused.
//!
//! There is one answer for what is unknown, what is erased, and what the caller may not know of:
//! [`Denial::NoSuchThing`]. Only somebody who may know that a thing is there is told, by
//! [`Denial::Refused`], why they may not do this to it.
//!
//! The policies are written to be read by whoever is answerable for them; `docs/access.md` has the
//! table of roles and actions that they come to.

mod answers;
mod caller;
mod credentials;
mod deck;
mod drill;
mod error;
mod facts;
mod gatekeeper;
mod gather;
mod grant;
mod matter;
mod policies;
mod rules;

pub mod acts;

pub use acts::Act;
pub use caller::{Caller, authenticate, redeem};
pub use credentials::{BearerToken, EnrolmentCode};
pub use deck::{Deck, KnownItem};
pub use drill::DrillError;
pub use error::{Denial, PolicyError, Stranger, Undecided, Why};
pub use gatekeeper::Gatekeeper;
pub use grant::Grant;
