//! The promises of governance, each by its number.

mod controls;
mod retention;
mod retention_cli;
