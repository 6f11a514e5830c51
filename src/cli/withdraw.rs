//! `withdraw`.

use super::failure::Failure;
use super::output::Output;
use super::profile::Profile;
use crate::id::ParticipantId;
use crate::wire::NewWithdrawal;

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
                    "The study's last day for them was {last}: what is in anonymised findings already stays there; everything held here still goes."
                ),
            });
        }
        lines.push(format!(
            "Next, by somebody else of information governance: `strongroom erasure approve {}`.",
            answer.id
        ));
        lines.join("\n")
    });
    Ok(())
}
