//! `assign`, `unassign`.

use jiff::civil::Date;
use serde_json::json;

use super::day::day;
use super::failure::Failure;
use super::output::Output;
use super::profile::Profile;
use crate::id::{AssignmentId, ItemId, SupplierId};
use crate::wire::NewAssignment;

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
