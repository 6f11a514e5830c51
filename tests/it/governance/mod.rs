//! Governance: the promises research makes to its participants, each by its number.

mod blind;
mod consent;
mod contacts;
mod controls;
mod disclosure;
mod intake;
mod notices;
mod outputs;
mod outputs_cli;
mod people;
mod redaction;
mod releases;
mod requests;
mod retention;
mod retention_cli;
mod reviews;
mod rights;
mod rights_cli;
mod stage;
mod studies;
mod suppliers;
mod tiers;
mod withdrawal;
