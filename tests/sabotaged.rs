//! Strongroom, broken on purpose: see `src/sabotage.rs`. The tests alone build and run it.

use std::process::ExitCode;

fn main() -> ExitCode {
    strongroom::cli::run()
}
