//! The promises of governance, each by its number.

mod controls;
mod disclosure;
mod people;
mod requests;
mod retention;
mod retention_cli;
mod reviews;
mod rights;
mod rights_cli;
mod stage;
mod studies;
