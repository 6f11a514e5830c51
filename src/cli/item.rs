//! `item list|show|check|waive-redaction`.

use super::failure::Failure;
use super::output::{Output, or_dash, yes_no};
use super::profile::Profile;
use crate::id::{ItemId, SessionId, StudyId};
use crate::model::Finding;
use crate::wire::{ItemView, NewCheck};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// What is kept, as far as you may know of it.
    List {
        /// Of this study only.
        #[arg(long)]
        study: Option<StudyId>,
        /// Of this session only.
        #[arg(long)]
        session: Option<SessionId>,
    },
    /// One item.
    Show {
        /// The item.
        item: ItemId,
    },
    /// Look, as a second person, whether what was made from items is as far from people as it says.
    Check {
        /// The item.
        item: ItemId,
        /// It is.
        #[arg(long, conflicts_with = "finding", required_unless_present = "finding")]
        passed: bool,
        /// It is not: names, places, rare-combination, small-numbers, recognisable, beyond-consent or
        /// beyond-purpose.
        #[arg(long)]
        finding: Option<Finding>,
        /// Withdrawals recorded in the study since it was brought were considered.
        #[arg(long)]
        considered_withdrawals: bool,
    },
    /// Declare, while somebody withdraws, that an item is not worth a version without them.
    WaiveRedaction {
        /// The item.
        item: ItemId,
    },
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::List { study, session } => {
            let items = client.items(study, session).await?;
            let heading = ["id", "kind", "tier", "bytes", "session", "frozen", "until"];
            out.list(&items, &heading, |item| {
                vec![
                    item.id.to_string(),
                    item.kind.to_string(),
                    item.tier.name().to_owned(),
                    item.length.to_string(),
                    or_dash(item.session),
                    yes_no(item.frozen),
                    or_dash(item.until),
                ]
            });
        }
        Command::Show { item } => {
            let item = client.item(item).await?;
            out.answer(&item, || describe(&item));
        }
        Command::Check {
            item,
            passed,
            finding,
            considered_withdrawals,
        } => {
            let check = NewCheck {
                finding,
                passed,
                considered_withdrawals,
            };
            client.check_item(item, &check).await?;
            let answer = serde_json::json!({ "id": item, "passed": passed, "finding": finding });
            out.answer(&answer, || match finding {
                None => format!("{item} counts as what it says from now on."),
                Some(finding) => {
                    format!("{item} is sent back ({finding}): it counts as what it was made from.")
                }
            });
        }
        Command::WaiveRedaction { item } => {
            client.waive_redaction(item).await?;
            out.answer(&serde_json::json!({ "id": item }), || {
                format!(
                    "{item} goes with whoever withdraws; no version without them is waited for."
                )
            });
        }
    }
    Ok(())
}

fn describe(item: &ItemView) -> String {
    let mut lines = vec![
        format!("{} ({}, {})", item.id, item.kind, item.tier.name()),
        format!("bytes: {}", item.length),
        format!("session: {}", or_dash(item.session)),
        format!("deposited: {}", item.deposited),
    ];
    lines.extend(
        item.file_name
            .iter()
            .map(|name| format!("file name: {name:?}")),
    );
    lines.extend(item.study.iter().map(|study| format!("study: {study}")));
    lines.extend(
        item.depositor
            .iter()
            .map(|who| format!("brought by: {who}")),
    );
    lines.extend(
        item.participants
            .iter()
            .map(|who| format!("participant: {who}")),
    );
    lines.extend(item.until.iter().map(|day| format!("yours until: {day}")));
    for assignment in &item.assignments {
        let ended = if assignment.ended { " (ended)" } else { "" };
        lines.push(format!(
            "assigned: {} to {} until {}{ended}",
            assignment.id, assignment.supplier, assignment.until
        ));
    }
    if let Some(derived) = &item.derived {
        lines.push(format!("made from: {} items", derived.made_from));
        lines.extend(derived.parents.iter().map(|one| format!("parent: {one}")));
        lines.extend(derived.group.iter().map(|group| format!("group: {group}")));
        lines.extend(derived.shows.iter().map(|field| format!("shows: {field}")));
        if derived.quotes {
            lines.push("It has somebody's own words in it.".to_owned());
        }
        lines.push(match (derived.passed, derived.finding) {
            (None, _) => "It waits for a second person (`strongroom item check`).".to_owned(),
            (Some(true), _) => "A second person passed it.".to_owned(),
            (Some(false), finding) => format!("It did not pass: {}", or_dash(finding)),
        });
    }
    lines.extend(item.accepted.iter().map(|day| format!("accepted: {day}")));
    if item.frozen {
        lines.push("A withdrawal is under way: it does not open.".to_owned());
    }
    lines.join("\n")
}
