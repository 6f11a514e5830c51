//! `assign`, `unassign`, `assignment list|confirm-destroyed`.

use jiff::civil::Date;
use serde_json::json;

use super::day::day;
use super::failure::Failure;
use super::output::{Output, or_dash, yes_no};
use super::profile::Profile;
use crate::id::{AssignmentId, ItemId, StudyId, SupplierId};
use crate::model::Purpose;
use crate::wire::{AssignmentView, NewAssignment};

/// Give an item to a supplier, until a day.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The item.
    item: ItemId,
    /// The supplier.
    #[arg(long, value_name = "SUPPLIER")]
    to: SupplierId,
    /// The last day of access.
    #[arg(long, value_parser = day)]
    until: Date,
    /// transcription, translation, analysis or research; what they permit must cover it.
    #[arg(long, default_value_t = Purpose::Transcription)]
    purpose: Purpose,
}

/// What was given to suppliers.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// What was given to suppliers, as far as you may know of it; those that are over too.
    List {
        /// Of this study only.
        #[arg(long)]
        study: Option<StudyId>,
    },
    /// Say for your supplier that its copies are destroyed.
    ConfirmDestroyed {
        /// The assignment, which is over.
        assignment: AssignmentId,
    },
}

/// Take an item back from a supplier.
#[derive(Debug, clap::Args)]
pub(super) struct EndArgs {
    /// The assignment, as `item show` names it.
    assignment: AssignmentId,
}

pub(super) async fn run(args: Args, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let assignment = NewAssignment {
        supplier: args.to,
        until: args.until,
        purpose: args.purpose,
    };
    let created = profile
        .client()
        .await?
        .assign(args.item, &assignment)
        .await?;
    out.answer(&created, || {
        format!(
            "{}: {} may fetch {} until {}, and send its transcript back.",
            created.id, args.to, args.item, args.until
        )
    });
    Ok(())
}

pub(super) async fn end(args: EndArgs, profile: &Profile, out: &Output) -> Result<(), Failure> {
    profile.client().await?.unassign(args.assignment).await?;
    out.answer(&json!({ "id": args.assignment, "ended": true }), || {
        "The supplier sees it no more.".to_owned()
    });
    Ok(())
}

pub(super) async fn command(
    command: Command,
    profile: &Profile,
    out: &Output,
) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::List { study } => {
            let rows = client.assignments(study, false).await?;
            listed(&rows, out);
        }
        Command::ConfirmDestroyed { assignment } => {
            client.confirm_destroyed(assignment).await?;
            out.answer(&json!({ "id": assignment }), || {
                "It is on record that your copies are destroyed.".to_owned()
            });
        }
    }
    Ok(())
}

/// Assignments, a line each.
pub(super) fn listed(rows: &[AssignmentView], out: &Output) {
    let heading = [
        "id",
        "item",
        "supplier",
        "purpose",
        "until",
        "over",
        "brought",
        "answer",
        "destroyed",
    ];
    out.list(rows, &heading, |row| {
        let answer = match (row.accepted, row.sent_back) {
            (Some(on), _) => format!("accepted {on}"),
            (None, Some(reason)) => format!("sent back: {reason}"),
            (None, None) => "-".to_owned(),
        };
        vec![
            row.id.to_string(),
            row.item.to_string(),
            row.supplier.to_string(),
            row.purpose.to_string(),
            row.until.to_string(),
            row.over.clone().unwrap_or_else(|| yes_no(row.ended)),
            or_dash(row.submitted),
            answer,
            match row.owes_destruction {
                true => "owed".to_owned(),
                false => or_dash(row.copies_destroyed),
            },
        ]
    });
}
