//! `vault rebuild-index|backup|restore|rotate|doctor`: the vault's folder, without a gateway.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::serve::{means, store_credentials};
use super::unlock::identities;
use super::vault::absolute;
use crate::keyring::{Recipients, SlotPlace};
use crate::limits::BACKUPS_KEPT_DAYS_MAX;
use crate::vault::{Config, Opening, Rotation, Vault};
use crate::work::{self, WorkError, doctor};

/// A vault's folder, and what unlocks it.
#[derive(Debug, clap::Args)]
pub(super) struct Unlocked {
    /// The vault's folder.
    #[arg(long, value_name = "DIR", env = "STRONGROOM_VAULT")]
    vault: PathBuf,
    /// The age identity that unlocks the vault.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_IDENTITY")]
    identity: Option<PathBuf>,
}

/// Copy what the vault has gained to a folder, also while its gateway runs; never a root.
#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// The vault's folder.
    #[arg(long, value_name = "DIR", env = "STRONGROOM_VAULT")]
    vault: PathBuf,
    /// Where the backup goes: a new folder, or an earlier backup of this vault, which is added to.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
}

/// Put a backup back as a new vault, beside the root slots there are.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The vault's folder: a new or empty one.
    #[arg(long, value_name = "DIR", env = "STRONGROOM_VAULT")]
    vault: PathBuf,
    /// A root slot of the vault, used where it is: a path, or the URI of a token; may be repeated.
    #[arg(long, value_name = "PLACE", required = true)]
    slot: Vec<SlotPlace>,
    /// The age identity that unlocks the vault.
    #[arg(long, value_name = "FILE", env = "STRONGROOM_IDENTITY")]
    identity: PathBuf,
    /// Go on although the slots vouch for records that the backup does not have. They are lost, and
    /// that goes on record.
    #[arg(long)]
    accept_loss: bool,
}

/// Replace the root, change who unlocks the vault, add and drop root slots.
#[derive(Debug, clap::Args)]
pub(super) struct RotateArgs {
    #[command(flatten)]
    unlocked: Unlocked,
    /// An age recipient who can unlock the vault from now on; may be repeated, and all of them are
    /// named. Without any, whoever could before.
    #[arg(long, value_name = "AGE")]
    recipient: Vec<String>,
    /// A root slot to be made: a path, or the URI of a token
    /// (`pkcs11:token=NAME?module-path=/…&strongroom-file=/…`); may be repeated.
    #[arg(long, value_name = "PLACE")]
    add_slot: Vec<SlotPlace>,
    /// A root slot that is lost, or to be retired, as `vault.json` names it; may be repeated.
    #[arg(long, value_name = "PLACE")]
    drop_slot: Vec<SlotPlace>,
}

/// Declare how long backups of the vault are kept.
#[derive(Debug, clap::Args)]
pub(super) struct DeclareArgs {
    /// The vault's folder.
    #[arg(long, value_name = "DIR", env = "STRONGROOM_VAULT")]
    vault: PathBuf,
    /// The longest any backup of the vault is kept, in days, wherever it lies: the vault's own, and the
    /// machine's if they hold its folder.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(..=BACKUPS_KEPT_DAYS_MAX))]
    backups_kept_days: u32,
}

/// Hold journal, index, keys, slots and bucket against each other; the gateway must be stopped.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    unlocked: Unlocked,
    /// Delete objects in the bucket that belong to nothing.
    #[arg(long)]
    tidy: bool,
}

pub(super) async fn rebuild_index(args: Unlocked, out: Output) -> Result<(), Failure> {
    let Unlocked { vault, identity } = args;
    let identities = identities(identity.as_deref(), &vault)?;
    let opening = aside(move || {
        Vault::set_index_aside(&vault)?;
        let (vault, opening) = Vault::open(&vault, &identities, means())?;
        vault.close()?;
        Ok(opening)
    });
    let opening = opening.await?;
    let answer = json!({ "records": opening.replayed, "remarks": opening.remarks });
    out.answer(&answer, || {
        format!("The index was built from {} records.", opening.replayed)
    });
    Ok(())
}

pub(super) async fn back_up(args: BackupArgs, out: Output) -> Result<(), Failure> {
    let BackupArgs { vault, to } = args;
    let (from, place) = (vault.clone(), to.clone());
    let made = aside(move || Ok(Vault::back_up(&from, &place)?)).await?;
    let answer = json!({
        "to": to.to_string_lossy(),
        "records": made.journal.records,
        "bytes": made.journal.bytes,
        "added": made.journal.added,
        "objects": made.objects,
    });
    out.answer(&answer, || {
        format!(
            "{} holds {} records now, {} bytes of them new. No root is in it: keep the root slots as they are, and never copy one into a backup.",
            to.display(),
            made.journal.records,
            made.journal.added
        )
    });
    Ok(())
}

pub(super) async fn restore(args: RestoreArgs, out: Output) -> Result<(), Failure> {
    let slots = absolute(&args.slot)?;
    let RestoreArgs {
        from,
        vault,
        identity,
        accept_loss,
        ..
    } = args;
    let identities = identities(Some(&identity), &vault)?;
    let dir = vault.clone();
    let restored = aside(move || {
        let copied = Vault::restore(&from, &dir, slots)?;
        let opened = match accept_loss {
            false => Vault::open(&dir, &identities, means()),
            true => Vault::open_after_loss(&dir, &identities, means()),
        };
        let opening = match opened {
            Ok((opened, opening)) => {
                opened.close()?;
                opening
            }
            Err(error) => {
                // What does not open is no vault: the folder is as it was before.
                undo(&dir)?;
                return Err(error.into());
            }
        };
        Ok((copied, opening))
    });
    let (copied, Opening { remarks, .. }) = restored.await?;
    let answer = json!({
        "vault": vault.to_string_lossy(),
        "records": copied.journal.records,
        "remarks": remarks,
    });
    out.answer(&answer, || {
        let mut lines = vec![format!(
            "{} holds {} records and opens. Next: `strongroom vault doctor --vault {}`, then serve it.",
            vault.display(),
            copied.journal.records,
            vault.display()
        )];
        lines.extend(remarks.clone());
        lines.join("\n")
    });
    Ok(())
}

/// Empties a folder that was just filled.
fn undo(dir: &Path) -> Result<(), WorkError> {
    let emptied = std::fs::remove_dir_all(dir).and_then(|()| std::fs::create_dir(dir));
    emptied.map_err(|error| WorkError::Internal(format!("{}: {error}", dir.display())))
}

pub(super) async fn rotate(args: RotateArgs, out: Output) -> Result<(), Failure> {
    let Unlocked { vault, identity } = args.unlocked;
    let recipients = match args.recipient.is_empty() {
        true => None,
        false => {
            Some(Recipients::parse(&args.recipient).map_err(|e| Failure::usage(e.to_string()))?)
        }
    };
    let rotation = Rotation {
        recipients,
        add: absolute(&args.add_slot)?,
        drop: args.drop_slot.clone(),
    };
    let identities = identities(identity.as_deref(), &vault)?;
    let rotated = aside(move || Ok(Vault::rotate(&vault, &identities, means(), rotation)?));
    let rotated = rotated.await?;
    let answer = json!({
        "epoch": rotated.epoch,
        "confirmed": rotated.slots,
        "slots": rotated.now,
    });
    out.answer(&answer, || {
        let mut lines = vec![format!(
            "Epoch {} has begun, and the old root is gone from every slot.",
            rotated.epoch
        )];
        lines.extend(rotated.slots.iter().map(ToString::to_string));
        lines.push("Back up now: what was backed up before opens with no root any more.".to_owned());
        for dropped in &args.drop_slot {
            lines.push(format!(
                "{} is no slot any more, and still holds an old root: destroy it, and say so in the custody record.",
                dropped
            ));
        }
        lines.join("\n")
    });
    Ok(())
}

pub(super) async fn declare(args: DeclareArgs, out: Output) -> Result<(), Failure> {
    let (dir, days) = (args.vault, args.backups_kept_days);
    let declared = aside(move || Ok(Config::declare_backups(&dir, days)?)).await?;
    out.answer(&json!({ "backups_kept_days": declared.backups_kept_days }), || {
        format!(
            "Certificates say from now on that what was erased is gone from backups after {days} days. See to it that no backup is kept longer."
        )
    });
    Ok(())
}

pub(super) async fn examine(args: DoctorArgs, out: Output) -> Result<(), Failure> {
    let Unlocked { vault, identity } = args.unlocked;
    let identities = identities(identity.as_deref(), &vault)?;
    let (service, opening) = work::open(&vault, &identities, store_credentials(), means()).await?;
    let diagnosis = doctor::examine(&service, args.tidy).await;
    let slots = service.vault().slots();
    service.close().await?;
    let diagnosis = diagnosis?;
    let findings: Vec<_> = diagnosis.findings.iter().map(ToString::to_string).collect();
    let answer = json!({
        "records": diagnosis.records,
        "items": diagnosis.items,
        "tidied": diagnosis.tidied,
        "slots": slots,
        "remarks": opening.remarks,
        "findings": findings,
    });
    out.answer(&answer, || {
        let mut lines = opening.remarks.clone();
        lines.extend(slots.iter().map(|slot| format!("root slot: {slot}")));
        lines.extend(findings.iter().cloned());
        lines.push(format!(
            "{} records verify, {} items are whole in the bucket and open, {} findings.",
            diagnosis.records,
            diagnosis.items,
            findings.len()
        ));
        lines.join("\n")
    });
    match findings.is_empty() {
        true => Ok(()),
        false => Err(Failure::failed(
            "something needs to be seen to; what was found stands above",
        )),
    }
}

/// Runs what blocks its thread.
async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WorkError> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Failure::failed(error.to_string()))?;
    Ok(done?)
}
