//! `session add|list`.

use jiff::civil::Date;

use super::day::day;
use super::failure::Failure;
use super::output::Output;
use super::profile::Profile;
use crate::id::{ParticipantId, StudyId};
use crate::limits::REDACTION_DAYS;
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
        /// When one of several withdraws: `destroy` what they are in, or `redact-first` to make
        /// versions without them for those who remain.
        #[arg(long, value_name = "destroy|redact-first", default_value = "destroy")]
        on_withdrawal: OnWithdrawal,
        /// How long there is for those versions; 14d, unless you say otherwise.
        #[arg(long, value_name = "DAYS", value_parser = parse_days)]
        redact_within: Option<u16>,
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
            on_withdrawal,
            redact_within,
        } => {
            let redact_within_days = match (on_withdrawal, redact_within) {
                (OnWithdrawal::Destroy, None) => None,
                (OnWithdrawal::Destroy, Some(_)) => {
                    return Err(Failure::usage(
                        "--redact-within needs --on-withdrawal redact-first; add it, or leave both out",
                    ));
                }
                (OnWithdrawal::RedactFirst, days) => Some(days.unwrap_or(REDACTION_DAYS)),
            };
            let session = NewSession {
                kind,
                date,
                participants: participant,
                redact_within_days,
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

/// What becomes of what several people are in when one of them withdraws.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum OnWithdrawal {
    Destroy,
    RedactFirst,
}

/// `14d` or `2w`, in days.
fn parse_days(text: &str) -> Result<u16, String> {
    let not = || format!("{text:?} is not a number of days; write it as in 14d or 2w");
    let (digits, days) = match text.strip_suffix('d') {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('w').ok_or_else(not)?, 7),
    };
    let count: u16 = digits.parse().map_err(|_| not())?;
    count
        .checked_mul(days)
        .filter(|days| *days > 0)
        .ok_or_else(not)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_days_or_weeks() {
        assert_eq!(parse_days("14d"), Ok(14));
        assert_eq!(parse_days("2w"), Ok(14));
        for bad in ["", "d", "0d", "14", "1m", "-1d", "65535w"] {
            assert!(parse_days(bad).is_err(), "{bad}");
        }
    }
}
