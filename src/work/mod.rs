//! What can be done in the house: one verb a file.
//!
//! Every function here that touches somebody's material takes a [`Grant`](crate::access::Grant) by
//! value: only `access` can make one, so nothing is done that was not decided on first.

mod admit;
pub mod assess;
pub mod assigned;
pub mod certificate;
pub mod check;
pub mod consent;
pub mod controls;
pub mod copies;
pub mod deposit;
pub mod disclose;
pub mod doctor;
pub mod enrol;
pub mod erase;
mod error;
pub mod found;
pub mod inspect;
pub mod letter;
pub mod moment;
pub mod output;
pub mod oversee;
pub mod participant;
pub mod person;
pub mod redact;
pub mod release;
pub mod renew;
pub mod request;
pub mod restore;
pub mod retain;
pub mod retrieve;
pub mod review;
pub mod rotate;
mod service;
pub mod session;
pub mod study;
pub mod supply;
pub mod tar;
pub mod terms;
pub mod transcript;
pub mod withdraw;

pub use error::WorkError;
pub use found::{open, open_to_serve};
pub use service::Service;
