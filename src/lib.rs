//! Strongroom keeps the promises research organisations make to the people they record.
//!
//! It is a storage gateway: every recording, transcript, note and photograph is encrypted under
//! the keys of the people in it before the bytes leave for UK-region S3-compatible storage, an
//! access-controlled index is kept in sled, and a person is forgotten by destroying their keys.
//!
//! The rooms below stand on floors; a room imports only rooms on lower floors, and
//! `tests/it/tidy.rs` holds that table against the source.

// F0: time and randomness as parameters, secrets, bounds
pub mod clock;
pub mod entropy;
pub mod limits;
#[cfg(feature = "sabotage-for-tests-only")]
mod sabotage;
pub mod secret;

// F1: names and pure rules
pub mod id;
pub mod model;
pub mod pdf;
pub mod sealing;

// F2: the age file format
pub mod agefile;

// F3: storage, journal, keys, index
pub mod index;
pub mod journal;
pub mod keyring;
pub mod objects;

// F4: who you are and what you may do
pub mod access;

// F5: journal, index and keyring as one
pub mod vault;

// F6: what can be done, one verb a file
pub mod work;

// F7: what travels between gateway and client
pub mod wire;

// F8: the two ends of the wire
pub mod client;
pub mod gateway;

// F9: one file a subcommand; what strangers' bytes are tried on
pub mod cli;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
