//! The gateway: the house at work, over HTTP.
//!
//! Every route stands in one list (`router`). A handler authenticates, asks for a decision, calls
//! the work, and shows its answer: nothing is decided here. Errors become problem details in one
//! place (`problem`); what surrounds every request is in another (`guard`). Uploads speak tus 1.0,
//! downloads plain HTTP with ranges; a transfer that fails breaks its connection.

mod account;
mod disclosures;
mod downloads;
mod erasures;
mod extract;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod guard;
mod items;
mod line;
mod listen;
mod openapi;
mod outcomes;
mod participants;
mod people;
mod problem;
mod range;
mod releases;
mod requests;
mod retention;
mod reviews;
mod router;
mod state;
mod studies;
mod suppliers;
mod tasks;
mod terms;
mod throttle;
mod tls;
mod transfers;
mod tus;
mod uploads;
mod vault;
mod views;

pub use listen::{Gateway, ListenError, Options, asked_to_stop};
pub use openapi::document;
pub use router::ROUTES;
pub use tls::{TlsError, TlsFiles};
