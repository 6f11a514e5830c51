//! The command line against a real gateway: a recording's whole life, interruptions of every kind,
//! and everything that can be given wrongly.

mod bad_files;
mod bad_store;
mod bad_vault;
mod bad_words;
mod copies;
mod erase_crash;
mod life;
mod media;
mod resume;
mod token;
mod traces;
mod upkeep;
