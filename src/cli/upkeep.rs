//! `vault rebuild-index|backup|restore|rotate|doctor`: the vault's folder, without a gateway.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::serve::{means, store_credentials};
use super::unlock::identities;
use super::vault::absolute;
use crate::id::VaultId;
use crate::keyring::{Recipients, SlotPlace};
use crate::limits::BACKUPS_KEPT_DAYS_MAX;
use crate::model::Text;
use crate::objects::{BucketName, Endpoint, KeyPrefix, RegionName};
use crate::vault::{Config, Opening, Rotation, StoreChoice, Vault};
use crate::work::restore::{self, CopyPlace, Restoration};
use crate::work::rotate::{self, Copying};
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

/// Copy what the vault has gained to a folder or another bucket, also while its gateway runs; never a
/// root.
#[derive(Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// The vault's folder.
    #[arg(long, value_name = "DIR", env = "STRONGROOM_VAULT")]
    vault: PathBuf,
    /// Where the backup goes: a new folder, or an earlier backup of this vault, which is added to.
    #[arg(long, value_name = "DIR", required_unless_present = "bucket")]
    to: Option<PathBuf>,
    /// The bucket that the journal is copied to, in place of a folder.
    #[arg(
        long = "to-bucket",
        value_name = "BUCKET",
        conflicts_with = "to",
        requires = "region",
        id = "bucket"
    )]
    bucket: Option<BucketName>,
    #[command(flatten)]
    place: PlaceArgs,
}

/// What else there is to say of a bucket with copies.
#[derive(Debug, clap::Args)]
struct PlaceArgs {
    /// The region that bucket must lie in.
    #[arg(long, requires = "bucket")]
    region: Option<RegionName>,
    /// The part of that bucket: what every name in it begins with, as in backups/house. Without it,
    /// all of it.
    #[arg(long, value_name = "PREFIX", requires = "bucket")]
    prefix: Option<KeyPrefix>,
    /// The S3 server that bucket is on; without it, Amazon's own for the region.
    #[arg(long, value_name = "URL", requires = "bucket")]
    s3_endpoint: Option<Endpoint>,
    /// The region you vouch for, when the store cannot say where it is.
    #[arg(long, value_name = "REGION", requires = "attested_by")]
    attest_region: Option<RegionName>,
    /// Who vouches for it.
    #[arg(long, value_name = "NAME", requires = "attest_region")]
    attested_by: Option<Text>,
}

/// Put a backup, or the copies in a bucket, back as a new vault, beside the root slots there are.
#[derive(Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup.
    #[arg(long, value_name = "DIR", required_unless_present = "bucket")]
    from: Option<PathBuf>,
    /// The bucket with the copies, in place of a backup: the vault's own, or the one it was backed up to.
    #[arg(
        long = "from-bucket",
        value_name = "BUCKET",
        conflicts_with = "from",
        requires = "region",
        id = "bucket"
    )]
    bucket: Option<BucketName>,
    #[command(flatten)]
    place: PlaceArgs,
    /// Which vault, when the bucket has copies of several.
    #[arg(long, value_name = "ID", requires = "bucket")]
    vault_id: Option<VaultId>,
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
    /// Let go of the old root although the bucket cannot be brought up to date: if this machine is lost
    /// before it is, everything is.
    #[arg(long)]
    without_copy: bool,
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
    /// Delete objects in the bucket that belong to nothing, and copies of the journal that are of another
    /// history or superfluous.
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
    let BackupArgs {
        vault,
        to,
        bucket,
        place,
    } = args;
    if let Some(place) = copy_place(bucket.as_ref(), place) {
        let (records, added) = restore::to_bucket(&vault, place, &means()).await?;
        let answer = json!({ "to": bucket.map(|name| name.to_string()), "records": records, "added": added });
        out.answer(&answer, || {
            format!(
                "The bucket has {records} records of the journal now, {added} bytes of them new. No root is in it, and no recording: those are where they were."
            )
        });
        return Ok(());
    }
    let to =
        to.ok_or_else(|| Failure::usage("name a folder with --to, or --to-bucket".to_owned()))?;
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
        bucket,
        place,
        vault_id,
        vault,
        identity,
        accept_loss,
        ..
    } = args;
    let identities = identities(Some(&identity), &vault)?;
    if let Some(from) = copy_place(bucket.as_ref(), place) {
        let restoration = Restoration {
            from,
            vault: vault_id,
            slots,
            accept_loss,
        };
        let restored = restore::from_bucket(&vault, restoration, identities, means()).await?;
        return answer_restored(&vault, restored.records, &restored.opening.remarks, out);
    }
    let from = from
        .ok_or_else(|| Failure::usage("name a backup with --from, or --from-bucket".to_owned()))?;
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
    answer_restored(&vault, copied.journal.records, &remarks, out)
}

fn answer_restored(
    vault: &Path,
    records: u64,
    remarks: &[String],
    out: Output,
) -> Result<(), Failure> {
    let answer = json!({
        "vault": vault.to_string_lossy(),
        "records": records,
        "remarks": remarks,
    });
    out.answer(&answer, || {
        let vault = vault.display();
        let mut lines = vec![format!(
            "{vault} holds {records} records and opens. Next: `strongroom vault doctor --vault {vault}`, then serve it."
        )];
        lines.extend(remarks.iter().cloned());
        lines.join("\n")
    });
    Ok(())
}

/// The bucket with copies, when one is named.
fn copy_place(bucket: Option<&BucketName>, place: PlaceArgs) -> Option<CopyPlace> {
    let (bucket, region) = (bucket?, place.region?);
    Some(CopyPlace {
        bucket: StoreChoice::S3 {
            endpoint: place.s3_endpoint.map(|endpoint| endpoint.to_string()),
            bucket: bucket.to_string(),
            region: region.to_string(),
        },
        credentials: store_credentials(),
        prefix: place.prefix.unwrap_or_default(),
        attest: place
            .attest_region
            .map(|region| region.to_string())
            .zip(place.attested_by),
    })
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
    let copying = match args.without_copy {
        true => Copying::Omitted,
        false => Copying::First(store_credentials()),
    };
    let rotated = rotate::rotate(&vault, identities, means(), rotation, copying).await?;
    let answer = json!({
        "epoch": rotated.epoch,
        "confirmed": rotated.slots,
        "slots": rotated.now,
        "behind": rotated.behind,
    });
    out.answer(&answer, || {
        let mut lines = vec![format!(
            "Epoch {} has begun, and the old root is gone from every slot.",
            rotated.epoch
        )];
        lines.extend(rotated.slots.iter().map(ToString::to_string));
        lines.push("Back up now: what was backed up before opens with no root any more.".to_owned());
        lines.extend(rotated.behind.iter().map(|why| {
            format!("The bucket has not the very last records yet ({why}); the gateway copies them when it starts.")
        }));
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
        "copied": diagnosis.copied,
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
