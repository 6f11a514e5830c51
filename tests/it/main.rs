//! Every black-box test in one binary.

mod access;
mod agefile;
mod cli;
mod closure;
mod demo;
mod erasure;
mod foreign;
mod gateway;
mod index;
mod journal;
mod keyring;
mod objects;
mod rust_source;
mod support;
mod tidy;
mod tidy_text;
