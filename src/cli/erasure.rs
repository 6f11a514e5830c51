//! `erasure list|show|approve|certificate`.

use std::path::PathBuf;

use super::failure::Failure;
use super::output::{Output, or_dash};
use super::profile::{Profile, refused_by_system};
use crate::id::ErasureId;
use crate::model::ErasureStage;
use crate::wire::ErasureView;
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
    /// Its certificate, a signed note.
    Certificate {
        /// The erasure.
        erasure: ErasureId,
        /// Write it to a file.
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
        Command::Certificate { erasure, output } => {
            let note = client.certificate(erasure).await?;
            match output {
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
