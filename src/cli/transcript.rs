//! `transcript accept|send-back`.

use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::profile::Profile;
use crate::id::{AssignmentId, ItemId};
use crate::model::supplier::Shortcoming;
use crate::wire::{AcceptedTranscript, NewReturn};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Accept a transcript, a supplier's or the team's own; the assignment it answers is over then.
    Accept {
        /// The recording.
        recording: ItemId,
        /// What was written out.
        #[arg(long, value_name = "ITEM")]
        transcript: ItemId,
    },
    /// Have a supplier bring a transcript again.
    SendBack {
        /// The assignment, as `item show` or `assignment list` names it.
        assignment: AssignmentId,
        /// incomplete, inaccurate, wrong-file, wrong-format or identifying-details.
        #[arg(long)]
        reason: Shortcoming,
    },
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Accept {
            recording,
            transcript,
        } => {
            let acceptance = AcceptedTranscript { transcript };
            client.accept_transcript(recording, &acceptance).await?;
            let answer = json!({ "id": recording, "transcript": transcript });
            out.answer(&answer, || {
                format!("{transcript} is accepted as the transcript of {recording}.")
            });
        }
        Command::SendBack { assignment, reason } => {
            client.send_back(assignment, &NewReturn { reason }).await?;
            let answer = json!({ "id": assignment, "sent_back": reason });
            out.answer(&answer, || {
                "The supplier sees why in `assignment list`, and brings it again.".to_owned()
            });
        }
    }
    Ok(())
}
