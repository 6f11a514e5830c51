//! `review access|summary|usage`.

use super::failure::Failure;
use super::output::{Output, or_dash, table};
use super::profile::Profile;
use crate::id::StudyId;
use crate::wire::{StudySummary, Summary};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Who has access to what, until when, for what, their last use, and what has lapsed.
    Access {
        /// Of this study only.
        #[arg(long)]
        study: Option<StudyId>,
    },
    /// Approved access, as it may be published.
    Summary,
    /// Uploads and openings by study and month.
    Usage {
        /// By person instead: for information governance, not to be published.
        #[arg(long)]
        people: bool,
    },
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Access { study } => {
            let rows = client.access(study).await?;
            let heading = [
                "study", "person", "name", "role", "purpose", "sees", "until", "last use", "lapsed",
            ];
            out.list(&rows, &heading, |row| {
                vec![
                    row.study.to_string(),
                    row.person.to_string(),
                    row.name.to_string(),
                    row.role.to_string(),
                    row.purpose.clone(),
                    row.sees.clone(),
                    or_dash(row.until),
                    or_dash(row.last_use),
                    row.lapsed.join("; "),
                ]
            });
        }
        Command::Summary => {
            let summary = client.access_summary().await?;
            out.answer(&summary, || describe(&summary));
        }
        Command::Usage { people: false } => {
            let rows = client.usage().await?;
            let heading = ["study", "month", "uploads", "bytes", "openings"];
            out.list(&rows, &heading, |row| {
                vec![
                    row.study.to_string(),
                    row.month.clone(),
                    row.uploads.to_string(),
                    or_dash(row.bytes),
                    row.openings.to_string(),
                ]
            });
        }
        Command::Usage { people: true } => {
            let rows = client.usage_of_people().await?;
            let heading = ["person", "study", "month", "uploads", "openings", "items"];
            out.list(&rows, &heading, |row| {
                vec![
                    row.person.to_string(),
                    row.study.to_string(),
                    row.month.clone(),
                    row.uploads.to_string(),
                    row.openings.to_string(),
                    row.items.to_string(),
                ]
            });
        }
    }
    Ok(())
}

fn describe(summary: &Summary) -> String {
    let mut parts = vec![format!("Approved access on {}", summary.on)];
    parts.extend(summary.studies.iter().map(describe_study));
    if summary.exceptions > 0 {
        parts.push(format!(
            "Left out, for reasons on record: {}",
            summary.exceptions
        ));
    }
    parts.join("\n\n")
}

fn describe_study(study: &StudySummary) -> String {
    let organisations: Vec<_> = study
        .organisations
        .iter()
        .map(ToString::to_string)
        .collect();
    let people: Vec<_> = study
        .people
        .iter()
        .map(|row| {
            vec![
                row.role.to_string(),
                row.purpose.clone(),
                row.count.to_string(),
            ]
        })
        .collect();
    let mut lines = vec![
        study.name.to_string(),
        format!("controller: {}", study.controller),
        format!("with: {}", organisations.join(", ")),
        format!(
            "approved by {} on {}",
            or_dash(study.approved_by.as_ref()),
            or_dash(study.approved_on)
        ),
        format!(
            "until: {}; review: {}",
            or_dash(study.until),
            or_dash(study.review)
        ),
    ];
    lines.push(table(&["role", "purpose", "people"], &people));
    lines.join("\n")
}
