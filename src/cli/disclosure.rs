//! `disclosure raise|list|show|decide|fetch`.

use std::path::PathBuf;

use jiff::civil::Date;
use serde_json::json;

use super::day::day;
use super::failure::Failure;
use super::output::{Output, or_dash};
use super::profile::Profile;
use super::progress::Bar;
use crate::agefile::{Plugins, Recipients};
use crate::client::Target;
use crate::id::{DisclosureId, ItemId, StudyId};
use crate::model::{Ground, Text};
use crate::wire::{DisclosureView, NewDisclosure, NewDisclosureDecision, NewPermit};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Ask the study's safeguarding lead that something be disclosed. Tell them why in person: what
    /// was said is written down nowhere but in the items.
    Raise {
        /// The study.
        #[arg(long)]
        study: StudyId,
        /// wrongdoing, legal-duty, safeguarding, risk-of-harm or fraud.
        #[arg(long)]
        ground: Ground,
        /// What is needed, and no more; may be repeated.
        #[arg(long = "item", value_name = "ITEM", required = true)]
        items: Vec<ItemId>,
    },
    /// The disclosures you may know of.
    List,
    /// One disclosure.
    Show {
        /// The disclosure.
        disclosure: DisclosureId,
    },
    /// Decide on one: refuse it, or grant it to somebody named, until a day.
    Decide {
        /// The disclosure.
        disclosure: DisclosureId,
        /// Why it is decided so.
        #[arg(long)]
        reason: Text,
        /// Refuse it.
        #[arg(long, conflicts_with_all = ["to", "recipient", "until"])]
        refuse: bool,
        /// Who receives it: the authority, and whom there.
        #[arg(long, value_name = "NAME", required_unless_present = "refuse")]
        to: Option<Text>,
        /// Their age recipient; the copies are sealed to it.
        #[arg(long, value_name = "AGE", required_unless_present = "refuse")]
        recipient: Option<String>,
        /// The last day.
        #[arg(long, value_name = "DAY", value_parser = day, required_unless_present = "refuse")]
        until: Option<Date>,
    },
    /// Fetch one item of it, sealed for the one it is disclosed to.
    Fetch {
        /// The disclosure.
        disclosure: DisclosureId,
        /// One of its items.
        #[arg(long)]
        item: ItemId,
        /// Where to.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Overwrite the file if it exists.
        #[arg(long)]
        force: bool,
    },
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Raise {
            study,
            ground,
            items,
        } => {
            let new = NewDisclosure { ground, items };
            let created = client.raise_disclosure(study, &new).await?;
            out.answer(&created, || {
                format!(
                    "Raised as {}. The study's safeguarding lead decides on it; tell them in person.",
                    created.id
                )
            });
        }
        Command::List => {
            let rows = client.disclosures().await?;
            let heading = ["id", "study", "ground", "status", "raised", "until"];
            out.list(&rows, &heading, |row| {
                vec![
                    row.id.to_string(),
                    row.study.to_string(),
                    row.ground.to_string(),
                    row.status.clone(),
                    row.raised_at.to_string(),
                    or_dash(row.until),
                ]
            });
        }
        Command::Show { disclosure } => {
            let row = client.disclosure(disclosure).await?;
            out.answer(&row, || describe(&row));
        }
        Command::Decide {
            disclosure,
            reason,
            refuse: _,
            to,
            recipient,
            until,
        } => {
            let grant = match (to, recipient, until) {
                (Some(to), Some(sealed_to), Some(until)) => {
                    // Looked at here first: a secret key given by mistake must not leave this machine.
                    Recipients::parse(std::slice::from_ref(&sealed_to), Plugins::Refuse)
                        .map_err(|error| Failure::usage(error.to_string()))?;
                    Some(NewPermit {
                        recipient: to,
                        sealed_to,
                        until,
                    })
                }
                _ => None,
            };
            let decision = NewDisclosureDecision { grant, reason };
            let row = client.decide_disclosure(disclosure, &decision).await?;
            out.answer(&row, || describe(&row));
        }
        Command::Fetch {
            disclosure,
            item,
            output,
            force,
        } => {
            let target = Target::named(&output, force);
            let bar = Bar::new(&item.to_string(), out.is_json());
            let fetched = client
                .fetch_disclosed(disclosure, item, &target, &bar)
                .await?;
            drop(bar);
            if !target.is_stdout() {
                let answer = json!({
                    "id": item,
                    "file": output.to_string_lossy(),
                    "bytes": fetched.bytes,
                    "interruptions": fetched.interruptions,
                });
                out.answer(&answer, || {
                    format!(
                        "{} bytes are in {}; only the recipient named opens them.",
                        fetched.bytes,
                        output.display()
                    )
                });
            }
        }
    }
    Ok(())
}

fn describe(row: &DisclosureView) -> String {
    let items: Vec<_> = row.items.iter().map(ToString::to_string).collect();
    let mut lines = vec![
        format!("{}: {}, {}", row.id, row.ground, row.status),
        format!("items: {}", items.join(" ")),
        format!("raised: {} by {}", row.raised_at, row.raised_by),
    ];
    if let (Some(at), Some(by)) = (row.decided_at, row.decided_by) {
        lines.push(format!("decided: {at} by {by}"));
    }
    if let (Some(recipient), Some(until)) = (&row.recipient, row.until) {
        lines.push(format!("to: {}, until {until}", recipient.as_str()));
    }
    lines.extend(row.reason.iter().map(|reason| reason.as_str().to_owned()));
    if row.status == "granted" {
        lines.push(format!(
            "Next: `strongroom disclosure fetch {} --item ITEM -o FILE`.",
            row.id
        ));
    }
    lines.join("\n")
}
