//! `vault init|status|key`; what needs no gateway is in `upkeep`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::profile::Profile;
use super::serve::{means, store_credentials};
use super::unlock::pins;
use super::upkeep;
use crate::keyring::SlotPlace;
use crate::model::Text;
use crate::objects::{BucketName, Endpoint, RegionName};
use crate::vault::StoreChoice;
use crate::wire::VaultView;
use crate::work::found::{self, NewHouse};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a vault, and invite its first administrator.
    Init(Box<InitArgs>),
    /// How the vault is, asked of its gateway.
    Status,
    /// The public key that certificates are verified with, asked of the gateway.
    Key,
    /// Set the index aside and build it again from the journal; the gateway must be stopped.
    RebuildIndex(upkeep::Unlocked),
    /// Copy what the vault has gained to a folder or another bucket, also while its gateway runs; never
    /// a root.
    Backup(upkeep::BackupArgs),
    /// Put a backup, or the copies in a bucket, back as a new vault, beside the root slots there are.
    Restore(upkeep::RestoreArgs),
    /// Replace the root, change who unlocks the vault, add and drop root slots; the gateway must be
    /// stopped. Nobody is erased and nothing is encrypted anew.
    Rotate(upkeep::RotateArgs),
    /// Declare how long backups of the vault are kept, which certificates say; the gateway must be
    /// stopped.
    Declare(upkeep::DeclareArgs),
    /// Hold journal, index, keys, slots and bucket against each other; the gateway must be stopped.
    Doctor(upkeep::DoctorArgs),
}

/// Make a vault, and invite its first administrator.
#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// The vault's folder: a new or empty one.
    dir: PathBuf,
    /// What the first administrator is called.
    #[arg(long, value_name = "NAME")]
    admin: Text,
    /// Store material in the vault's own folder: for trials, not for keeping.
    #[arg(long, conflicts_with = "s3_endpoint")]
    embedded_store: bool,
    /// The S3 server; without it, Amazon's own for the region.
    #[arg(long, value_name = "URL")]
    s3_endpoint: Option<Endpoint>,
    /// The bucket, which must exist already unless the store is embedded.
    #[arg(long)]
    bucket: BucketName,
    /// The region the bucket must lie in.
    #[arg(long)]
    region: RegionName,
    /// An age recipient who can unlock the vault; may be repeated. Without any, an identity is made.
    #[arg(long, value_name = "AGE")]
    recipient: Vec<String>,
    /// Where a root slot goes: a path, or the URI of a token
    /// (`pkcs11:token=NAME?module-path=/…&strongroom-file=/…`); may be repeated, and a second on
    /// another disk is wise.
    #[arg(long, value_name = "PLACE")]
    slot: Vec<SlotPlace>,
    /// The region you vouch for, when the store cannot say where it is.
    #[arg(long, value_name = "REGION", requires = "attested_by")]
    attest_region: Option<RegionName>,
    /// Who vouches for it; it goes on record.
    #[arg(long, value_name = "NAME", requires = "attest_region")]
    attested_by: Option<Text>,
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    match command {
        Command::Init(args) => init(*args, out).await,
        Command::Status => {
            let vault = profile.client().await?.vault().await?;
            out.answer(&vault, || describe(&vault));
            Ok(())
        }
        Command::Key => {
            let key = profile.client().await?.verifier_key().await?;
            out.answer(&key, || key.key.clone());
            Ok(())
        }
        Command::RebuildIndex(args) => upkeep::rebuild_index(args, *out).await,
        Command::Backup(args) => upkeep::back_up(args, *out).await,
        Command::Restore(args) => upkeep::restore(args, *out).await,
        Command::Rotate(args) => upkeep::rotate(args, *out).await,
        Command::Declare(args) => upkeep::declare(args, *out).await,
        Command::Doctor(args) => upkeep::examine(args, *out).await,
    }
}

async fn init(args: InitArgs, out: &Output) -> Result<(), Failure> {
    let (bucket, region) = (args.bucket.to_string(), args.region.to_string());
    let store = match args.embedded_store {
        true => StoreChoice::Embedded { bucket, region },
        false => StoreChoice::S3 {
            endpoint: args.s3_endpoint.map(|endpoint| endpoint.to_string()),
            bucket,
            region,
        },
    };
    let new = NewHouse {
        store,
        credentials: store_credentials(),
        attest: args
            .attest_region
            .map(|region| region.to_string())
            .zip(args.attested_by),
        slots: absolute(&args.slot)?,
        recipients: args.recipient,
        pins: pins(),
        admin: args.admin,
    };
    let founded = found::found(&args.dir, new, means()).await?;
    let answer = json!({
        "id": founded.vault,
        "admin": founded.admin,
        "code": founded.code.expose_secret(),
        "expires": founded.expires,
        "identity": founded.identity.as_deref().map(Path::to_string_lossy),
    });
    out.answer(&answer, || {
        let dir = args.dir.display();
        let mut lines = vec![format!("The vault {} is at {dir}.", founded.vault)];
        if let Some(identity) = &founded.identity {
            lines.push(format!(
                "Whoever has {} and the vault's folder can open everything:\n  MOVE IT to a safe place, and give it with `serve --identity` (or make the vault with --recipient).",
                identity.display()
            ));
        }
        lines.push(format!(
            "Next:\n  strongroom serve --vault {dir}\n  strongroom login http://127.0.0.1:7420 --code {}",
            founded.code.expose_secret()
        ));
        lines.push(format!("The code works once, until {}.", founded.expires));
        lines.join("\n")
    });
    Ok(())
}

/// Slots named on the command line are found again from any folder.
pub(super) fn absolute(slots: &[SlotPlace]) -> Result<Vec<SlotPlace>, Failure> {
    let absolute = |place: &SlotPlace| match place {
        SlotPlace::Token(_) => Ok(place.clone()),
        SlotPlace::File(path) => std::path::absolute(path)
            .map(SlotPlace::from)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display()))),
    };
    slots.iter().map(absolute).collect()
}

fn describe(vault: &VaultView) -> String {
    let mut lines = vec![
        format!("vault: {} (strongroom {})", vault.id, vault.program),
        format!("epoch: {}", vault.epoch),
        format!(
            "journal: {} records, root {}",
            vault.journal_records, vault.journal_root
        ),
        format!("bucket: {} at {}", vault.bucket, vault.endpoint),
        format!("location: {}", vault.location),
    ];
    lines.extend(
        vault
            .backups_kept_days
            .map(|days| format!("backups are kept for {days} days")),
    );
    lines.extend(vault.slots.iter().map(|slot| format!("root slot: {slot}")));
    lines.extend(vault.copies.as_ref().map(|copies| {
        format!(
            "copied to the bucket: {} records, every {} s; {} records of the last {} s are not yet",
            copies.records, copies.every_seconds, copies.behind, copies.lag_seconds
        )
    }));
    lines.extend(
        vault
            .capabilities
            .iter()
            .map(|what| format!("store: {what}")),
    );
    lines.extend(vault.concerns.iter().map(|what| format!("look at: {what}")));
    lines.join("\n")
}
