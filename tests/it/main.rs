//! Every black-box test in one binary.
#![allow(
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test fails by panicking, in its helpers too, and says what it skipped or tried"
)]

mod access;
mod agefile;
mod cli;
mod closure;
mod crash;
mod demo;
mod durability;
mod erasure;
mod foreign;
mod gateway;
mod governance;
mod index;
mod journal;
mod keyring;
mod objects;
mod promises;
mod rust_source;
mod security;
mod support;
mod tidy;
mod tidy_text;
