//! `session add|list`.

use jiff::civil::Date;

use super::day::day;
use super::failure::Failure;
use super::output::Output;
use super::profile::Profile;
use crate::id::{ParticipantId, StudyId};
use crate::model::SessionKind;
use crate::wire::NewSession;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a session that was held.
    Add {
        /// The study.
        #[arg(long)]
        study: StudyId,
        /// interview or focus-group.
        #[arg(long)]
        kind: SessionKind,
        /// The day it was held.
        #[arg(long, value_parser = day)]
        date: Date,
        /// Everyone in it.
        #[arg(long, required = true, num_args = 1..)]
        participant: Vec<ParticipantId>,
    },
    /// A study's sessions.
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
            kind,
            date,
            participant,
        } => {
            let session = NewSession {
                kind,
                date,
                participants: participant,
            };
            let created = client.add_session(study, &session).await?;
            out.answer(&created, || {
                format!(
                    "Added {}. Next: `strongroom upload FILE --session {} --kind audio`.",
                    created.id, created.id
                )
            });
        }
        Command::List { study } => {
            let sessions = client.sessions(study).await?;
            let heading = ["id", "kind", "date", "participants"];
            out.list(&sessions, &heading, |session| {
                let people: Vec<_> = session.participants.iter().map(|p| p.to_string()).collect();
                vec![
                    session.id.to_string(),
                    session.kind.to_string(),
                    session.date.to_string(),
                    people.join(" "),
                ]
            });
        }
    }
    Ok(())
}
