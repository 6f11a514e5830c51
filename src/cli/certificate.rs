//! `certificate verify|show`: offline, on any machine.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output::Output;
use super::profile::refused_by_system;
use crate::work::certificate;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Verify a certificate with the vault's public key; no network, no login. It says in plain words
    /// what the certificate proves and what it does not.
    Verify {
        /// The certificate.
        file: PathBuf,
        /// A file with the key that `strongroom vault key` prints, and the vault's organisation publishes.
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
    },
    /// Show what a certificate says, without verifying it.
    Show {
        /// The certificate.
        file: PathBuf,
    },
}

pub(super) fn run(command: Command, out: &Output) -> Result<(), Failure> {
    let failed = |error: certificate::CertificateError| Failure::failed(error.to_string());
    match command {
        Command::Verify { file, key } => {
            let (note, key) = (read(&file)?, read(&key)?);
            let certificate = certificate::verify(&note, &key).map_err(failed)?;
            out.answer(&certificate, || {
                format!(
                    "Verified: it is signed with that key, not a byte of it was changed, and the vault's log has it on record.\n\n{}",
                    certificate.text().trim_end()
                )
            });
        }
        Command::Show { file } => {
            let statement = certificate::read(&read(&file)?).map_err(failed)?;
            out.answer(&statement, || {
                format!(
                    "NOT VERIFIED: anybody could have written this. `strongroom certificate verify {} --key KEYFILE` verifies it.\n\n{}",
                    file.display(),
                    statement.text().trim_end()
                )
            });
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| refused_by_system("read", path, &error))
}
