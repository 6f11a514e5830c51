//! `item list|show|waive-redaction`.

use super::failure::Failure;
use super::output::{Output, or_dash, yes_no};
use super::profile::Profile;
use crate::id::{ItemId, SessionId, StudyId};
use crate::wire::ItemView;

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
    if item.frozen {
        lines.push("A withdrawal is under way: it does not open.".to_owned());
    }
    lines.join("\n")
}
