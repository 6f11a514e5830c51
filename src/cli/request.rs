//! `request open|list|show|pause|resume|answer|refuse|bundle|restrict|lift`.

use std::path::{Path, PathBuf};

use age::secrecy::SecretString;
use jiff::civil::Date;
use serde_json::json;
use zeroize::Zeroizing;

use super::day::day;
use super::failure::Failure;
use super::output::{Output, yes_no};
use super::profile::{Profile, refused_by_system};
use super::progress::Bar;
use crate::agefile::{Plugins, Recipients};
use crate::client::Target;
use crate::id::{ParticipantId, RequestId, StudyId};
use crate::model::{RequestKind, Text};
use crate::wire::{NewAnswer, NewPause, NewRefusal, NewResumption, NewRightsRequest, RequestView};

/// Fewest bytes of a passphrase that is accepted for somebody's whole record.
const PASSPHRASE_MIN: usize = 12;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Record what a participant asks.
    Open {
        /// The study they took part in.
        #[arg(long)]
        study: StudyId,
        /// Who asks.
        #[arg(long)]
        participant: ParticipantId,
        /// access, rectification, erasure, restriction, objection, portability, or transcript.
        #[arg(long)]
        kind: RequestKind,
        /// The day it came in, if not today.
        #[arg(long, value_name = "DAY", value_parser = day)]
        on: Option<Date>,
    },
    /// The requests you may follow: overdue ones first.
    List {
        /// Of this study only.
        #[arg(long)]
        study: Option<StudyId>,
    },
    /// One request.
    Show {
        /// The request.
        request: RequestId,
    },
    /// Stop the clock, for a reason: proof of who asks, or what they mean, is still to come.
    Pause {
        /// The request.
        request: RequestId,
        /// Why.
        #[arg(long)]
        reason: Text,
        /// The first day it stands still, if not today.
        #[arg(long, value_name = "DAY", value_parser = day)]
        from: Option<Date>,
    },
    /// Let the clock go on.
    Resume {
        /// The request.
        request: RequestId,
        /// The day it goes on, if not today.
        #[arg(long, value_name = "DAY", value_parser = day)]
        on: Option<Date>,
    },
    /// Answer a request, as its kind is.
    Answer {
        /// The request.
        request: RequestId,
        /// What was corrected, for a rectification.
        #[arg(long)]
        what: Option<Text>,
        /// The last day the answer can be fetched, for access and portability; 30 days otherwise.
        #[arg(long, value_name = "DAY", value_parser = day)]
        until: Option<Date>,
    },
    /// Refuse a request; the answer names whom the participant may turn to.
    Refuse {
        /// The request.
        request: RequestId,
        /// Why.
        #[arg(long)]
        reason: Text,
    },
    /// Fetch the answer to a request for access or portability, sealed for the participant.
    Bundle {
        /// The request.
        request: RequestId,
        /// The participant's age recipient; may be repeated.
        #[arg(long, value_name = "AGE", required_unless_present = "passphrase_file")]
        recipient: Vec<String>,
        /// A file whose first line is the passphrase to seal it under; it stays on this machine.
        #[arg(long, value_name = "FILE", conflicts_with = "recipient")]
        passphrase_file: Option<PathBuf>,
        /// Where to.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Overwrite the file if it exists.
        #[arg(long)]
        force: bool,
    },
    /// Keep a participant's data without using them.
    Restrict {
        /// Whose.
        participant: ParticipantId,
    },
    /// Use a participant's data again.
    Lift {
        /// Whose.
        participant: ParticipantId,
    },
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    let request = match command {
        Command::Open {
            study,
            participant,
            kind,
            on,
        } => {
            let new = NewRightsRequest {
                participant,
                kind,
                on,
            };
            client.open_request(study, &new).await?
        }
        Command::List { study } => {
            let requests = client.rights_requests(study).await?;
            let heading = ["id", "kind", "participant", "status", "due", "overdue"];
            out.list(&requests, &heading, |row| {
                vec![
                    row.id.to_string(),
                    row.kind.to_string(),
                    row.participant.to_string(),
                    row.status.clone(),
                    row.due.to_string(),
                    yes_no(row.overdue),
                ]
            });
            return Ok(());
        }
        Command::Show { request } => client.rights_request(request).await?,
        Command::Pause {
            request,
            reason,
            from,
        } => {
            let pause = NewPause { reason, from };
            client.pause_request(request, &pause).await?
        }
        Command::Resume { request, on } => {
            client
                .resume_request(request, &NewResumption { on })
                .await?
        }
        Command::Answer {
            request,
            what,
            until,
        } => {
            let answer = NewAnswer { what, until };
            client.answer_request(request, &answer).await?
        }
        Command::Refuse { request, reason } => {
            client
                .refuse_request(request, &NewRefusal { reason })
                .await?
        }
        Command::Bundle {
            request,
            recipient,
            passphrase_file,
            output,
            force,
        } => {
            let to = match passphrase_file {
                Some(file) => SealTo::Passphrase(read_passphrase(&file)?),
                None => SealTo::Recipients(recipient),
            };
            return bundle(&client, request, to, output, force, out).await;
        }
        Command::Restrict { participant } => {
            client.restrict(participant, true).await?;
            out.answer(&json!({ "id": participant, "restricted": true }), || {
                format!("{participant} is restricted: what they are in is kept and not used.")
            });
            return Ok(());
        }
        Command::Lift { participant } => {
            client.restrict(participant, false).await?;
            out.answer(&json!({ "id": participant, "restricted": false }), || {
                format!("{participant} is restricted no more.")
            });
            return Ok(());
        }
    };
    out.answer(&request, || describe(&request));
    Ok(())
}

enum SealTo {
    Recipients(Vec<String>),
    Passphrase(SecretString),
}

async fn bundle(
    client: &crate::client::Client,
    request: RequestId,
    to: SealTo,
    path: PathBuf,
    force: bool,
    out: &Output,
) -> Result<(), Failure> {
    if let SealTo::Recipients(recipients) = &to {
        // Looked at here first: a secret key given by mistake must not leave this machine.
        Recipients::parse(recipients, Plugins::Refuse)
            .map_err(|error| Failure::usage(error.to_string()))?;
    }
    let target = Target::named(&path, force);
    let bar = Bar::new(&request.to_string(), out.is_json());
    let fetched = match &to {
        SealTo::Recipients(recipients) => {
            client
                .fetch_bundle(request, recipients, &target, &bar)
                .await?
        }
        SealTo::Passphrase(passphrase) => {
            client
                .fetch_bundle_for_passphrase(request, passphrase, &target, &bar)
                .await?
        }
    };
    drop(bar);
    if !target.is_stdout() {
        let answer = json!({
            "id": request,
            "file": path.to_string_lossy(),
            "bytes": fetched.bytes,
            "interruptions": fetched.interruptions,
        });
        out.answer(&answer, || {
            format!(
                "{} bytes are in {}. The participant opens it with `age -d`, and what comes out with `tar -x`.",
                fetched.bytes,
                path.display()
            )
        });
    }
    Ok(())
}

/// The first line of a file.
fn read_passphrase(path: &Path) -> Result<SecretString, Failure> {
    let text = std::fs::read(path).map_err(|error| refused_by_system("read", path, &error))?;
    let text = Zeroizing::new(text);
    let text = std::str::from_utf8(&text)
        .map_err(|_| Failure::usage(format!("{} is not text", path.display())))?;
    let line = text.lines().next().unwrap_or_default();
    if line.len() < PASSPHRASE_MIN {
        return Err(Failure::usage(format!(
            "the passphrase in {} is shorter than {PASSPHRASE_MIN} characters; make it longer",
            path.display()
        )));
    }
    Ok(SecretString::from(line.to_owned()))
}

fn describe(request: &RequestView) -> String {
    let mut lines = vec![
        format!(
            "{}: {} for {}",
            request.id, request.kind, request.participant
        ),
        format!("status: {}", request.status),
        format!("came in: {}, due: {}", request.opened, request.due),
    ];
    if request.overdue {
        lines.push("OVERDUE: answer it now, and tell the participant why it is late.".to_owned());
    }
    for pause in &request.pauses {
        let until = pause
            .until
            .map_or_else(|| "now".to_owned(), |day| day.to_string());
        let reason = pause.reason.as_ref().map_or("", |reason| reason.as_str());
        lines.push(format!("stood still: {} to {until} {reason}", pause.from));
    }
    lines.extend(request.note.iter().map(|note| note.as_str().to_owned()));
    lines.extend(request.contacts.iter().cloned());
    lines.extend(next(request));
    lines.join("\n")
}

/// What is done next.
fn next(request: &RequestView) -> Option<String> {
    let id = request.id;
    Some(match request.outcome.as_deref() {
        None => format!("Next, by information governance: `strongroom request answer {id}`, or pause or refuse it."),
        Some("bundle") => format!(
            "Next, by the study's lead, until {}: `strongroom request bundle {id} --recipient age1… -o FILE`.",
            request.until.map_or_else(String::new, |day| day.to_string())
        ),
        Some("withdrawal") => format!(
            "Next, by somebody else of information governance: `strongroom erasure approve {}`.",
            request.erasure.map_or_else(String::new, |id| id.to_string())
        ),
        Some("transcript") => "Next, by the team: choose the anonymised transcript and `strongroom fetch ITEM --sealed --recipient age1…`. Which one it is is recorded nowhere beside the participant.".to_owned(),
        Some("restricted") => format!(
            "It is lifted with `strongroom request lift {}`.",
            request.participant
        ),
        Some("nothing-held") => "Tell whoever asked that nothing is held.".to_owned(),
        Some(_) => return None,
    })
}
