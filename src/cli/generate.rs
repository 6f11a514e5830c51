//! `completions`, `man`.

use std::path::PathBuf;

use clap::CommandFactory as _;
use clap_complete::Shell;
use serde_json::json;

use super::Cli;
use super::failure::Failure;
use super::output::Output;
use super::profile::refused_by_system;

/// Print completions for a shell.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Write manual pages to a folder.
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// The folder, which must exist.
    dir: PathBuf,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut command = Cli::command();
    clap_complete::generate(
        args.shell,
        &mut command,
        "strongroom",
        &mut std::io::stdout(),
    );
    Ok(())
}

pub(super) fn man(args: &ManArgs, out: &Output) -> Result<(), Failure> {
    clap_mangen::generate_to(Cli::command(), &args.dir)
        .map_err(|error| refused_by_system("write to", &args.dir, &error))?;
    out.answer(&json!({ "dir": args.dir.to_string_lossy() }), || {
        format!("Written to {}.", args.dir.display())
    });
    Ok(())
}
