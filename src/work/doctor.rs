//! Looking a vault over: journal, index, keys, slots and bucket held against each other.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::copies;
use super::error::WorkError;
use super::service::Service;
use crate::agefile::sealed_length;
use crate::id::ItemId;
use crate::index::tables;
use crate::model::{ErasureStage, Item};
use crate::objects::{Family, ObjectKey};
use crate::vault::StoreChoice;

/// Rows looked at before others may write again.
const ROWS: usize = 512;

/// Something a person should see to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// An item's ciphertext is not in the bucket.
    Missing(ItemId),
    /// It is there with another length than it was stored with.
    WrongLength {
        /// The item.
        item: ItemId,
        /// Its length in the bucket, in bytes.
        found: u64,
        /// The length it was stored with.
        stored: u64,
    },
    /// An item's keys are there and it does not open.
    DoesNotOpen(ItemId),
    /// An object that belongs to nothing.
    Orphan(String),
    /// A copy in the bucket is not of this journal.
    NotACopy(ObjectKey),
    /// A copy in the bucket that another holds as well.
    Superfluous(ObjectKey),
    /// An erasure that is approved and not finished.
    Unfinished(crate::id::ErasureId),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(item) => write!(
                f,
                "{item} is not in the bucket: look for it among the bucket's older versions, or in a copy of the bucket; nobody can fetch it until then"
            ),
            Self::WrongLength {
                item,
                found,
                stored,
            } => write!(
                f,
                "{item} has {found} bytes in the bucket and was stored with {stored}: somebody changed it; restore the version with the right length"
            ),
            Self::DoesNotOpen(item) => write!(
                f,
                "{item} does not open though its keys are there: rebuild the index (`strongroom vault rebuild-index`), and report it if that does not help"
            ),
            Self::Orphan(name) => write!(
                f,
                "{name} belongs to nothing the vault knows: ciphertext nobody can open, left by something interrupted or put there by somebody else; `--tidy` deletes it"
            ),
            Self::NotACopy(key) => write!(
                f,
                "{key} is not of this journal: another gateway wrote it, an older backup was put back here, or somebody changed it. If this vault is the one to go on with, `--tidy` deletes it, and the gateway copies anew"
            ),
            Self::Superfluous(key) => write!(
                f,
                "{key} is held by another copy as well, left by something interrupted; `--tidy` deletes it"
            ),
            Self::Unfinished(erasure) => write!(
                f,
                "{erasure} is approved and not finished: start the gateway, which brings it to its end, and look at its log"
            ),
        }
    }
}

/// What was found.
#[derive(Debug)]
pub struct Diagnosis {
    /// Records of the journal that verify.
    pub records: u64,
    /// Items whose ciphertext is as it should be.
    pub items: u64,
    /// What a person should see to.
    pub findings: Vec<Finding>,
    /// Orphans that were deleted.
    pub tidied: u64,
    /// Bytes of the journal that the bucket lacked and has now.
    pub copied: u64,
}

/// Holds everything against everything; with `tidy`, deletes objects that belong to nothing. No
/// gateway has the vault open meanwhile.
///
/// # Errors
/// [`WorkError::Vault`] when the journal does not verify, and those of the store.
pub async fn examine(service: &Arc<Service>, tidy: bool) -> Result<Diagnosis, WorkError> {
    let verifying = {
        let service = Arc::clone(service);
        tokio::task::spawn_blocking(move || service.vault().verify())
    };
    let verified = verifying
        .await
        .map_err(|error| WorkError::Internal(error.to_string()))??;
    let mut diagnosis = Diagnosis {
        records: verified.size,
        items: 0,
        findings: Vec::new(),
        tidied: 0,
        copied: 0,
    };
    let (mut stored, foreign) = objects(service).await?;
    let mut after = None;
    loop {
        let rows = {
            let view = service.vault().view()?;
            view.reader()
                .page(&tables::ITEMS, &(), after.as_ref(), ROWS)?
        };
        after = rows.last().map(|(id, _)| *id);
        for (id, item) in &rows {
            look_at(service, *id, item, &mut stored, &mut diagnosis)?;
        }
        if rows.len() < ROWS {
            break;
        }
    }
    belonging_to_uploads(service, &mut stored)?;
    for name in foreign {
        diagnosis.findings.push(Finding::Orphan(name));
    }
    for id in stored.into_keys() {
        let key = ObjectKey::Material(id);
        match tidy {
            true => {
                service.store().delete_everything(key).await?;
                diagnosis.tidied += 1;
            }
            false => diagnosis.findings.push(Finding::Orphan(key.to_string())),
        }
    }
    look_at_copies(service, tidy, &mut diagnosis).await?;
    let view = service.vault().view()?;
    let erasures = view
        .reader()
        .page(&tables::ERASURES, &(), None, usize::MAX)?;
    let unfinished = erasures.into_iter().filter(|(_, erasure)| {
        (ErasureStage::Approved..ErasureStage::Certified).contains(&erasure.stage)
            && erasure.held_until.is_none()
    });
    let unfinished = unfinished.map(|(id, _)| Finding::Unfinished(id));
    diagnosis.findings.extend(unfinished);
    Ok(diagnosis)
}

/// Holds the bucket's copies of the journal against it.
async fn look_at_copies(
    service: &Arc<Service>,
    tidy: bool,
    diagnosis: &mut Diagnosis,
) -> Result<(), WorkError> {
    if !matches!(service.vault().config().store, StoreChoice::S3 { .. }) {
        return Ok(());
    }
    let checked = copies::check(service, tidy).await?;
    let findings = &mut diagnosis.findings;
    let strange = checked.differing.iter().copied().map(Finding::NotACopy);
    let superfluous = checked
        .superfluous
        .iter()
        .copied()
        .map(Finding::Superfluous);
    match tidy {
        true => diagnosis.tidied += (strange.count() + superfluous.count()) as u64,
        false => findings.extend(strange.chain(superfluous)),
    }
    diagnosis.copied = checked.copied;
    Ok(())
}

/// What the bucket holds of material, by item; and names that are none of this program's.
async fn objects(service: &Service) -> Result<(BTreeMap<ItemId, u64>, Vec<String>), WorkError> {
    let (mut stored, mut foreign) = (BTreeMap::new(), Vec::new());
    let mut from = None;
    loop {
        let page = service.store().list(Family::Material, from).await?;
        for entry in page.entries {
            match entry.key {
                Ok(ObjectKey::Material(item)) => {
                    stored.insert(item, entry.bytes);
                }
                Ok(other) => foreign.push(other.to_string()),
                Err(name) => foreign.push(name.0),
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok((stored, foreign)),
        }
    }
}

fn look_at(
    service: &Service,
    id: ItemId,
    item: &Item,
    stored: &mut BTreeMap<ItemId, u64>,
    diagnosis: &mut Diagnosis,
) -> Result<(), WorkError> {
    if item.erased {
        return Ok(());
    }
    let Some(found) = stored.remove(&id) else {
        diagnosis.findings.push(Finding::Missing(id));
        return Ok(());
    };
    let length = sealed_length(item.length);
    let length = length.ok_or_else(|| WorkError::Internal("a length beyond age".to_owned()))?;
    if found != length {
        diagnosis.findings.push(Finding::WrongLength {
            item: id,
            found,
            stored: length,
        });
        return Ok(());
    }
    let view = service.vault().view()?;
    match view.particulars(service.vault(), item) {
        Ok(_) => diagnosis.items += 1,
        Err(_) => diagnosis.findings.push(Finding::DoesNotOpen(id)),
    }
    Ok(())
}

/// Leaves out what uploads under way have stored.
fn belonging_to_uploads(
    service: &Service,
    stored: &mut BTreeMap<ItemId, u64>,
) -> Result<(), WorkError> {
    let view = service.vault().view()?;
    for (_, upload) in view
        .reader()
        .page(&tables::UPLOADS, &(), None, usize::MAX)?
    {
        stored.remove(&upload.item.id);
    }
    Ok(())
}
