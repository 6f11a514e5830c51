//! The promises of governance, each by its number.

mod controls;
mod disclosure;
mod requests;
mod retention;
mod retention_cli;
mod rights;
mod rights_cli;
