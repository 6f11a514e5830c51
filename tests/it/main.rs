//! Every black-box test in one binary.

mod keyring;
mod rust_source;
mod tidy;
mod tidy_text;
