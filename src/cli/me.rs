//! `terms show|accept` and `me export|correct`: one's own account.

use serde_json::json;

use super::failure::Failure;
use super::output::{Output, or_dash};
use super::profile::Profile;
use crate::model::Text;
use crate::wire::{NewAcceptance, OwnCorrection};

#[derive(Debug, clap::Subcommand)]
pub(super) enum TermsCommand {
    /// Read the terms of use.
    Show,
    /// Accept them; nobody sees anything before.
    Accept,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// All that is held of your account, and what is on record of what you did.
    Export,
    /// Correct what you are called, at once.
    Correct {
        /// What you are called.
        #[arg(long)]
        name: Text,
    },
}

pub(super) async fn terms(
    command: TermsCommand,
    profile: &Profile,
    out: &Output,
) -> Result<(), Failure> {
    let client = profile.client().await?;
    let terms = client.terms().await?;
    match command {
        TermsCommand::Show => out.answer(&terms, || {
            format!(
                "Terms of use, version {}:\n\n{}\n\nYou accepted version {}.",
                terms.version,
                terms.text,
                or_dash(terms.accepted)
            )
        }),
        TermsCommand::Accept => {
            let version = terms.version;
            client.accept_terms(&NewAcceptance { version }).await?;
            out.remark(&terms.text);
            out.answer(&json!({ "accepted": version }), || {
                format!("You accepted version {version} of the terms of use.")
            });
        }
    }
    Ok(())
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Export => {
            let account = client.export_me().await?;
            out.answer(&account, || {
                let person = &account.person;
                format!(
                    "{} ({}), {}; in {} studies; {} records. `--json` shows them.",
                    person.name,
                    person.id,
                    person.role,
                    account.studies.len(),
                    account.record.len()
                )
            });
        }
        Command::Correct { name } => {
            client
                .correct_me(&OwnCorrection { name: name.clone() })
                .await?;
            out.answer(&json!({ "name": name }), || {
                format!("You are called {name}.")
            });
        }
    }
    Ok(())
}
