//! `participant add|list`.

use std::collections::BTreeSet;

use super::failure::Failure;
use super::output::{Output, yes_no};
use super::profile::Profile;
use crate::id::StudyId;
use crate::model::{Permission, Standing, Text};
use crate::wire::NewParticipant;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add somebody who takes part. What names them is sealed under a key of their own.
    Add {
        /// The study.
        #[arg(long)]
        study: StudyId,
        /// What they permit: audio, video, screen, photo, notes, transcript, survey, recontact.
        #[arg(long, value_delimiter = ',', required = true)]
        permit: Vec<Permission>,
        /// What they are called.
        #[arg(long)]
        name: Option<Text>,
        /// Where to write to them.
        #[arg(long)]
        email: Option<Text>,
    },
    /// A study's participants, by identifier.
    List {
        /// The study.
        #[arg(long)]
        study: StudyId,
    },
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Add {
            study,
            permit,
            name,
            email,
        } => {
            let participant = NewParticipant {
                permit: permit.into_iter().collect::<BTreeSet<_>>(),
                name,
                email,
            };
            let created = client.add_participant(study, &participant).await?;
            out.answer(&created, || {
                format!(
                    "Added {}. Use this identifier from now on, and their name nowhere.",
                    created.id
                )
            });
        }
        Command::List { study } => {
            let participants = client.participants(study).await?;
            let heading = ["id", "permits", "standing", "added", "contact"];
            out.list(&participants, &heading, |row| {
                let permits: Vec<_> = row.permissions.iter().map(|p| p.name()).collect();
                let standing = match row.standing {
                    Standing::Active => "active",
                    Standing::Frozen => "withdrawing",
                    Standing::Erased => "erased",
                };
                vec![
                    row.id.to_string(),
                    permits.join(","),
                    standing.to_owned(),
                    row.added.to_string(),
                    yes_no(row.has_contact),
                ]
            });
        }
    }
    Ok(())
}
