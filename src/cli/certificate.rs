//! `certificate verify`: offline, on any machine.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output::Output;
use super::profile::{Profile, refused_by_system};
use crate::work::certificate;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Verify a certificate with the vault's public key; no network, no login.
    Verify {
        /// The certificate.
        file: PathBuf,
        /// A file with the key that `strongroom vault key` prints.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
}

pub(super) async fn run(command: Command, _profile: &Profile, out: &Output) -> Result<(), Failure> {
    let Command::Verify { file, key } = command;
    let (note, key) = (read(&file)?, read(&key)?);
    let certificate =
        certificate::verify(&note, &key).map_err(|error| Failure::failed(error.to_string()))?;
    out.answer(&certificate, || {
        format!("The signature fits, and not a byte was changed.\n\n{certificate}")
    });
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| refused_by_system("read", path, &error))
}
