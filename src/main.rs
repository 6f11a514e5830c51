//! The `strongroom` program: it parses its arguments, does what they say, and exits with a code.

use std::process::ExitCode;

fn main() -> ExitCode {
    strongroom::cli::run()
}
