//! `release request|list|approve|refuse|fetch`.

use std::path::PathBuf;

use serde_json::json;

use super::failure::Failure;
use super::output::{Output, or_dash};
use super::profile::Profile;
use super::progress::Bar;
use crate::client::Target;
use crate::id::{ItemId, ReleaseId};
use crate::model::{Finding, Text};
use crate::wire::{NewDecision, NewRelease};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Ask for an anonymised, checked output to be given to the commissioner.
    Request {
        /// The output.
        item: ItemId,
        /// What it is called outside.
        #[arg(long)]
        title: Text,
    },
    /// The releases you may know of.
    List,
    /// Give it to the commissioner; not by who asked for it.
    Approve {
        /// The release.
        release: ReleaseId,
        /// Withdrawals recorded since it was checked were considered.
        #[arg(long)]
        considered_withdrawals: bool,
    },
    /// Do not give it.
    Refuse {
        /// The release.
        release: ReleaseId,
        /// names, places, rare-combination, small-numbers, recognisable, beyond-consent or
        /// beyond-purpose.
        #[arg(long)]
        finding: Finding,
    },
    /// Fetch what was released.
    Fetch {
        /// The release.
        release: ReleaseId,
        /// Where to; `-` is standard output. By default a file in this folder named after it.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Overwrite the file if it exists.
        #[arg(long)]
        force: bool,
    },
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Request { item, title } => {
            let created = client.request_release(item, &NewRelease { title }).await?;
            out.answer(&created, || {
                format!(
                    "{} is asked for. Next: another person, the study's lead or information governance, decides (`strongroom release approve {}`).",
                    created.id, created.id
                )
            });
        }
        Command::List => {
            let releases = client.releases().await?;
            let heading = ["id", "study", "title", "kind", "bytes", "group", "given"];
            out.list(&releases, &heading, |release| {
                vec![
                    release.id.to_string(),
                    release.study.to_string(),
                    release.title.to_string(),
                    release.kind.to_string(),
                    release.length.to_string(),
                    or_dash(release.group.as_ref()),
                    match release.refused {
                        Some(finding) => format!("refused: {finding}"),
                        None => or_dash(release.given_at),
                    },
                ]
            });
        }
        Command::Approve {
            release,
            considered_withdrawals,
        } => {
            let decision = NewDecision {
                approved: true,
                finding: None,
                considered_withdrawals,
            };
            client.decide_release(release, &decision).await?;
            out.answer(&json!({ "id": release, "approved": true }), || {
                "The commissioner may read it.".to_owned()
            });
        }
        Command::Refuse { release, finding } => {
            let decision = NewDecision {
                approved: false,
                finding: Some(finding),
                considered_withdrawals: false,
            };
            client.decide_release(release, &decision).await?;
            let answer = json!({ "id": release, "approved": false, "finding": finding });
            out.answer(&answer, || "It is not given.".to_owned());
        }
        Command::Fetch {
            release,
            output,
            force,
        } => {
            let path = output.unwrap_or_else(|| PathBuf::from(release.to_string()));
            let target = Target::named(&path, force);
            let bar = Bar::new(&release.to_string(), out.is_json());
            let fetched = client.fetch_release(release, &target, &bar).await?;
            drop(bar);
            if !target.is_stdout() {
                let answer = json!({
                    "id": release,
                    "file": path.to_string_lossy(),
                    "bytes": fetched.bytes,
                });
                out.answer(&answer, || {
                    format!("{} bytes are in {}.", fetched.bytes, path.display())
                });
            }
        }
    }
    Ok(())
}
