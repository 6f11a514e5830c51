//! A vault on a new machine, from the copies in a bucket and a root slot that outlived the old one.

use std::ops::Range;
use std::path::Path;

use futures::stream::{StreamExt as _, iter};

use super::copies::{self, Copier, aside, key_of};
use super::error::WorkError;
use super::found::{attestation_of, s3_config};
use crate::entropy::Entropy;
use crate::id::VaultId;
use crate::journal::{self, verify_checkpoint};
use crate::keyring::{Identities, SlotPlace};
use crate::limits::COPY_OBJECT_MAX;
use crate::model::Text;
use crate::objects::{CredentialsSource, Family, KeyPrefix, ObjectKey, Store};
use crate::vault::{Config, Means, Opening, StoreChoice, Vault, VaultError};

/// Pieces fetched at a time.
const AT_ONCE: usize = 8;

/// Where copies lie.
#[derive(Debug)]
pub struct CopyPlace {
    /// The bucket.
    pub bucket: StoreChoice,
    /// Where the access key to it comes from.
    pub credentials: CredentialsSource,
    /// The part of the bucket they are in.
    pub prefix: KeyPrefix,
    /// A region, and the name of the operator who vouches that the bucket lies in it.
    pub attest: Option<(String, Text)>,
}

/// What is restored, and beside which slots.
#[derive(Debug)]
pub struct Restoration {
    /// Where the copies lie.
    pub from: CopyPlace,
    /// Which vault, where the bucket has copies of several.
    pub vault: Option<VaultId>,
    /// The root slots, used where they are.
    pub slots: Vec<SlotPlace>,
    /// Whether to go on although the slots or a checkpoint vouch for records that the bucket lacks.
    pub accept_loss: bool,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// Which vault.
    pub vault: VaultId,
    /// Records in its journal.
    pub records: u64,
    /// Bytes of it that were fetched.
    pub bytes: u64,
    /// What opening it found and did.
    pub opening: Opening,
}

/// Connects to a bucket for copies, under the same rule of residency as any other.
///
/// # Errors
/// Those of [`Store::connect`].
pub(super) async fn connect(place: CopyPlace, means: &Means) -> Result<Store, WorkError> {
    let attestation = attestation_of(place.attest, means);
    let mut config = s3_config(&place.bucket, place.credentials, attestation.as_ref())?;
    config.prefix = place.prefix;
    let entropy: &dyn Entropy = &*means.entropy;
    Ok(Store::connect(config, entropy).await?.0)
}

/// Makes a vault in `dir`, which must be new or empty, from the copies in a bucket, and opens it.
///
/// # Errors
/// Whatever keeps the bucket from being read or the vault from opening; nothing half done is left then.
pub async fn from_bucket(
    dir: &Path,
    restoration: Restoration,
    identities: Identities,
    means: Means,
) -> Result<Restored, WorkError> {
    let Restoration {
        from,
        vault,
        slots,
        accept_loss,
    } = restoration;
    let store = connect(from, &means).await?;
    let vault = which(&store, vault).await?;
    let settings = store
        .read(ObjectKey::Settings(vault), COPY_OBJECT_MAX)
        .await?;
    let settings: Config = serde_json::from_slice(&settings)
        .map_err(|error| WorkError::Unacceptable(format!("the settings in the bucket: {error}")))?;
    let config = Config { slots, ..settings };
    let journal = Vault::begin_restore(dir)?;
    let restored = async {
        let bytes = fetch(&store, vault, &journal).await?;
        Vault::finish_restore(dir, &config)?;
        let note = latest_checkpoint(&store, vault).await?;
        let place = dir.to_path_buf();
        let opened = tokio::task::spawn_blocking(move || {
            open(&place, &identities, means, note.as_deref(), accept_loss)
        });
        let opened = opened.await;
        let (records, opening) =
            opened.map_err(|error| WorkError::Internal(error.to_string()))??;
        Ok(Restored {
            vault,
            records,
            bytes,
            opening,
        })
    };
    let restored = restored.await;
    if restored.is_err() {
        Vault::undo_restore(dir)?;
    }
    restored
}

/// The vault that the bucket has copies of.
async fn which(store: &Store, named: Option<VaultId>) -> Result<VaultId, WorkError> {
    let mut vaults = Vec::new();
    let mut from = None;
    loop {
        let page = store.list(Family::Settings, from).await?;
        vaults.extend(page.entries.iter().filter_map(|entry| match entry.key {
            Ok(ObjectKey::Settings(vault)) => Some(vault),
            _ => None,
        }));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    let said: Vec<_> = vaults.iter().map(ToString::to_string).collect();
    match (named, &vaults[..]) {
        (Some(named), there) if there.contains(&named) => Ok(named),
        (None, [only]) => Ok(*only),
        (_, []) => Err(WorkError::Unacceptable(
            "the bucket has no copy of any vault; correct the bucket's name, or restore from a folder with --from".to_owned(),
        )),
        (Some(_), _) => Err(WorkError::Unacceptable(format!(
            "the bucket has no copy of that vault; it has copies of {}", said.join(", ")
        ))),
        (None, _) => Err(WorkError::Unacceptable(format!(
            "the bucket has copies of several vaults; name one with --vault-id: {}", said.join(", ")
        ))),
    }
}

/// Fetches every piece of the journal and puts it in its place; gives the bytes fetched.
pub(super) async fn fetch(store: &Store, vault: VaultId, journal: &Path) -> Result<u64, WorkError> {
    let mut wanted = Vec::new();
    for (segment, all) in copies::pieces(store, vault).await? {
        wanted.extend(needed(&all).into_iter().map(|span| (segment, span)));
    }
    let fetching = wanted.into_iter().map(|(segment, span)| {
        let key = key_of(vault, segment, &span);
        async move {
            let bytes = store.read(key, COPY_OBJECT_MAX).await?;
            Ok::<_, WorkError>((segment, span.start, bytes))
        }
    });
    let mut fetched = iter(fetching).buffered(AT_ONCE);
    let mut bytes = 0;
    while let Some(piece) = fetched.next().await {
        let (segment, from, piece) = piece?;
        bytes += piece.len() as u64;
        let place = journal.to_path_buf();
        aside(move || journal::place_piece(&place, segment, from, &piece)).await?;
    }
    let place = journal.to_path_buf();
    aside(move || journal::sync_pieces(&place)).await?;
    Ok(bytes)
}

/// The fewest pieces that reach as far as all of them: one that another covers is left out.
fn needed(pieces: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut chosen: Vec<Range<u64>> = Vec::new();
    let mut reached = 0;
    loop {
        let next = pieces
            .iter()
            .filter(|span| span.start <= reached && span.end > reached)
            .max_by_key(|span| span.end);
        let Some(next) = next else { return chosen };
        reached = next.end;
        chosen.push(next.clone());
    }
}

async fn latest_checkpoint(store: &Store, vault: VaultId) -> Result<Option<String>, WorkError> {
    let (sizes, _) = copies::checkpoints(store, vault).await?;
    let Some(size) = sizes.last().copied() else {
        return Ok(None);
    };
    let key = ObjectKey::Checkpoint { vault, size };
    let note = store.read(key, COPY_OBJECT_MAX).await?;
    let note = String::from_utf8(note.to_vec());
    note.map(Some)
        .map_err(|_| WorkError::Unacceptable(format!("{key} is not a checkpoint")))
}

/// Opens what was put together, and holds it against the checkpoint that was copied after it.
fn open(
    dir: &Path,
    identities: &Identities,
    means: Means,
    note: Option<&str>,
    accept_loss: bool,
) -> Result<(u64, Opening), WorkError> {
    let (vault, mut opening) = match accept_loss {
        false => Vault::open(dir, identities, means)?,
        true => Vault::open_after_loss(dir, identities, means)?,
    };
    if let Some(note) = note {
        let vouched = verify_checkpoint(note, &vault.signer().verifier());
        let vouched = vouched.map_err(VaultError::from)?;
        let there = vault.journal().anchor().size;
        let same = vault.journal().begins_with(&vouched);
        let same = same.map_err(VaultError::from)?;
        if !same && !accept_loss {
            return Err(WorkError::Unacceptable(format!(
                "the bucket's latest checkpoint vouches for {} records and its journal has {there}, or others: objects are missing from it. Look for them among the bucket's older versions; --accept-loss goes on without them, and puts that on record",
                vouched.size
            )));
        }
        if same {
            opening.remarks.push(format!(
                "the journal has every one of the {} records that the bucket's latest checkpoint vouches for",
                vouched.size
            ));
        }
    }
    let records = vault.journal().anchor().size;
    vault.close()?;
    Ok((records, opening))
}

/// Copies what the vault in `dir` has gained to a bucket, also while its gateway runs; gives the
/// records that are there then, and the bytes that are new.
///
/// # Errors
/// Whatever keeps the bucket from being used or the journal from being read.
pub async fn to_bucket(dir: &Path, to: CopyPlace, means: &Means) -> Result<(u64, u64), WorkError> {
    let config = Config::read(dir)?;
    let store = connect(to, means).await?;
    let journal = Vault::journal_dir_of(dir);
    let place = journal.clone();
    let size = aside(move || journal::synced_size(&place)).await?;
    let mut copier = Copier::survey(store, config.vault, journal).await?;
    copier.settings(&config).await?;
    let added = copier.advance(size).await?;
    Ok((copier.records(), added))
}

#[cfg(test)]
mod tests {
    use super::needed;

    #[test]
    fn what_another_piece_covers_is_not_fetched() {
        let pieces = [0..10, 0..30, 10..30, 30..35, 40..50];
        assert_eq!(needed(&pieces), [0..30, 30..35]);
        assert_eq!(needed(&[0..10, 5..20, 20..25]), [0..10, 5..20, 20..25]);
        let one = 10..20;
        assert!(needed(std::slice::from_ref(&one)).is_empty());
    }
}
