//! `erasure list|show|approve|refuse|letter|certificate`.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::output::{Output, or_dash};
use super::profile::{Profile, refused_by_system};
use super::withdraw::told;
use crate::client::Client;
use crate::id::ErasureId;
use crate::model::ErasureStage;
use crate::model::erasure::LateReason;
use crate::wire::{ErasureView, NewErasureRefusal};
use crate::work::certificate;
use serde_json::json;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// The erasures you may follow.
    List,
    /// How far one has come.
    Show {
        /// The erasure.
        erasure: ErasureId,
    },
    /// Approve one that somebody else asked for; the keys are destroyed.
    Approve {
        /// The erasure.
        erasure: ErasureId,
    },
    /// Refuse a withdrawal that came after the study's last day; nothing is frozen any more.
    Refuse {
        /// The erasure.
        erasure: ErasureId,
        /// analysed, anonymised, published or legal-duty.
        #[arg(long)]
        reason: LateReason,
    },
    /// The letter that tells the participant how things stand, by their identifier alone.
    Letter {
        /// The erasure.
        erasure: ErasureId,
        /// Write it to a file: a PDF when its name ends in .pdf, plain text otherwise.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Its certificate, a signed note.
    Certificate {
        /// The erasure.
        erasure: ErasureId,
        /// Write it to a file: a PDF when its name ends in .pdf, with the signed note attached.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::List => {
            let erasures = client.erasures().await?;
            let heading = ["id", "participant", "stage", "requested", "inaccessible"];
            out.list(&erasures, &heading, |erasure| {
                vec![
                    erasure.id.to_string(),
                    or_dash(erasure.participant),
                    stage(erasure.stage).to_owned(),
                    erasure.requested_at.to_string(),
                    or_dash(erasure.inaccessible_at),
                ]
            });
        }
        Command::Show { erasure } => {
            let erasure = client.erasure(erasure).await?;
            out.answer(&erasure, || describe(&erasure));
        }
        Command::Approve { erasure } => {
            let erasure = client.approve_erasure(erasure).await?;
            out.answer(&erasure, || describe(&erasure));
        }
        Command::Refuse { erasure, reason } => {
            let refused = client
                .refuse_erasure(erasure, &NewErasureRefusal { reason })
                .await?;
            out.answer(&refused, || {
                format!(
                    "Refused: what was frozen opens again. The letter with the reason, and whom they can turn to: `strongroom erasure letter {erasure} -o FILE.pdf`."
                )
            });
        }
        Command::Letter { erasure, output } => letter(&client, erasure, output, out).await?,
        Command::Certificate { erasure, output } => {
            let note = client.certificate(erasure).await?;
            match output {
                Some(path) if is_pdf(&path) => pdf(&client, &note, &path, out).await?,
                None if out.is_json() => {
                    out.answer(&json!({ "id": erasure, "certificate": note }), String::new);
                }
                None => out.line(note.trim_end()),
                Some(path) => {
                    std::fs::write(&path, &note)
                        .map_err(|error| refused_by_system("write", &path, &error))?;
                    out.answer(&json!({ "id": erasure, "file": path.to_string_lossy() }), || {
                        format!(
                            "Written to {}. Anybody verifies it with `strongroom certificate verify {} --key KEYFILE` and the key that `strongroom vault key` prints.",
                            path.display(),
                            path.display()
                        )
                    });
                }
            }
        }
    }
    Ok(())
}

fn is_pdf(path: &Path) -> bool {
    let ending = path.extension();
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("pdf"))
}

/// The certificate as a page for the file, once it is verified; the signed one is attached to it.
async fn pdf(client: &Client, note: &str, path: &Path, out: &Output) -> Result<(), Failure> {
    let key = client.verifier_key().await?.key;
    let certificate =
        certificate::verify(note, &key).map_err(|error| Failure::failed(error.to_string()))?;
    std::fs::write(path, certificate.pdf(note, &key))
        .map_err(|error| refused_by_system("write", path, &error))?;
    let erasure = certificate.statement.erasure;
    out.answer(&json!({ "id": erasure, "file": path.to_string_lossy() }), || {
        format!(
            "Written to {}. The signed certificate and the key are attached to it, and it says how they are verified.",
            path.display()
        )
    });
    Ok(())
}

async fn letter(
    client: &Client,
    erasure: ErasureId,
    output: Option<PathBuf>,
    out: &Output,
) -> Result<(), Failure> {
    let as_text = !output.as_deref().is_some_and(is_pdf);
    let letter = client.letter(erasure, as_text).await?;
    let Some(path) = output else {
        let text = String::from_utf8_lossy(&letter).into_owned();
        match out.is_json() {
            true => out.answer(&json!({ "id": erasure, "letter": text }), String::new),
            false => out.line(text.trim_end()),
        }
        return Ok(());
    };
    std::fs::write(&path, &letter).map_err(|error| refused_by_system("write", &path, &error))?;
    out.answer(&json!({ "id": erasure, "file": path.to_string_lossy() }), || {
        format!(
            "Written to {}. It knows the participant by their identifier: whoever sends it puts the name on the envelope.",
            path.display()
        )
    });
    Ok(())
}

/// A stage in words.
pub(super) fn stage(stage: ErasureStage) -> &'static str {
    match stage {
        ErasureStage::Requested => "waits for a second person",
        ErasureStage::Approved => "approved",
        ErasureStage::KeysDestroyed => "keys destroyed",
        ErasureStage::Inaccessible => "inaccessible",
        ErasureStage::CiphertextDeleted => "ciphertext deleted",
        ErasureStage::Certified => "certified",
        ErasureStage::Refused => "refused",
    }
}

fn describe(erasure: &ErasureView) -> String {
    let mut lines = vec![
        match erasure.participant {
            Some(participant) => format!("{} of {participant}", erasure.id),
            None => format!("{}, by the study's own rule", erasure.id),
        },
        format!("stage: {}", stage(erasure.stage)),
        format!(
            "requested: {} by {}",
            erasure.requested_at,
            or_dash(erasure.requested_by)
        ),
    ];
    if let (Some(at), Some(by)) = (erasure.approved_at, erasure.approved_by) {
        lines.push(format!("approved: {at} by {by}"));
        lines.push(format!("keys: {}, items: {}", erasure.keys, erasure.items));
    }
    lines.extend(
        erasure
            .inaccessible_at
            .iter()
            .map(|at| format!("inaccessible since: {at}")),
    );
    lines.extend(
        erasure
            .refused
            .iter()
            .map(|reason| format!("refused: {reason}")),
    );
    lines.extend(erasure.outcome.iter().flat_map(told));
    lines.extend(
        erasure
            .waiting_for
            .iter()
            .map(|what| format!("waiting for: {what}")),
    );
    if erasure.stage == ErasureStage::Certified {
        lines.push(format!(
            "Next: `strongroom erasure certificate {} -o FILE`.",
            erasure.id
        ));
    }
    lines.join("\n")
}
