//! Governance: the promises research makes to its participants, each by its number.

mod consent;
mod contacts;
mod controls;
mod disclosure;
mod notices;
mod people;
mod redaction;
mod requests;
mod retention;
mod retention_cli;
mod reviews;
mod rights;
mod rights_cli;
mod stage;
mod studies;
mod withdrawal;
