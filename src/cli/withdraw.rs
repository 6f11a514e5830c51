//! `withdraw`.

use super::failure::Failure;
use super::output::Output;
use super::participant::counted;
use super::profile::Profile;
use crate::id::ParticipantId;
use crate::wire::{NewWithdrawal, OutcomeView};

/// Record that a participant withdraws. No reason is asked.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who withdraws.
    participant: ParticipantId,
    /// Only their contact details go; what they said stays.
    #[arg(long)]
    contact_only: bool,
}

pub(super) async fn run(args: Args, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let withdrawal = NewWithdrawal {
        contact_only: args.contact_only,
    };
    let client = profile.client().await?;
    let answer = client.withdraw(args.participant, &withdrawal).await?;
    out.answer(&answer, || {
        let mut lines = vec![match args.contact_only {
            true => format!("Recorded as {}.", answer.id),
            false => format!(
                "Recorded as {}. {} items are frozen: nobody opens them from now on.",
                answer.id, answer.frozen_items
            ),
        }];
        if let Some(last) = answer.last_day {
            lines.push(match answer.in_time {
                true => format!("It is in time: the study's last day for them is {last}."),
                false => format!(
                    "The study's last day for them was {last}: information governance may refuse it, with a reason; until then everything stays frozen, and goes if it is approved."
                ),
            });
        }
        lines.extend(told(&answer.outcome));
        lines.push(match answer.approvals_needed {
            0 | 1 => format!(
                "Next, by somebody else of information governance: `strongroom erasure approve {}`.",
                answer.id
            ),
            needed => format!(
                "Next, by {needed} others of information governance: `strongroom erasure approve {}`.",
                answer.id
            ),
        });
        lines.push(format!(
            "The letter for them: `strongroom erasure letter {} -o FILE.pdf`.",
            answer.id
        ));
        lines.join("\n")
    });
    Ok(())
}

/// What a withdrawal reaches and what it cannot, a line each.
pub(super) fn told(outcome: &OutcomeView) -> Vec<String> {
    let mut lines = Vec::new();
    if !outcome.items.is_empty() {
        lines.push(format!("removed: {}", counted(&outcome.items)));
    }
    if outcome.contact {
        lines.push("removed: what names them".to_owned());
    }
    if let Some(last) = outcome.held_until {
        let waits: Vec<_> = outcome.waits_for.iter().map(ToString::to_string).collect();
        lines.push(format!(
            "held until {last} for versions without them of: {}",
            waits.join(" ")
        ));
    }
    for stays in &outcome.stays {
        let supplier = stays
            .supplier
            .map(|id| format!(" ({id})"))
            .unwrap_or_default();
        lines.push(format!(
            "stays: {} {}{supplier}: {}",
            stays.count, stays.what, stays.why
        ));
    }
    lines
}
