//! Overseeing: who did what, whether the record of it is whole, and how the vault is.

use std::sync::PoisonError;

use base64::prelude::{BASE64_STANDARD, Engine as _};

use super::copies::{self, CopyStatus};
use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::{ReadAudit, ReadVault};
use crate::id::VaultId;
use crate::index::tables;
use crate::model::Entry;
use crate::vault::VaultError;

/// How the vault is.
#[derive(Debug)]
pub struct VaultStatus {
    /// Which.
    pub id: VaultId,
    /// The version of the program.
    pub program: String,
    /// How often the root has been replaced.
    pub epoch: u64,
    /// Records in the journal.
    pub journal_records: u64,
    /// The journal's Merkle root, base64.
    pub journal_root: String,
    /// What holds the root.
    pub slots: Vec<String>,
    /// How many days a backup is kept, as the operator declared.
    pub backups_kept_days: Option<u32>,
    /// The bucket.
    pub bucket: String,
    /// The server it is on.
    pub endpoint: String,
    /// Where it lies, and how that is known.
    pub location: String,
    /// What the store can do.
    pub capabilities: Vec<String>,
    /// How the copying of the journal to the bucket goes on, where there is any.
    pub copies: Option<CopyStatus>,
    /// What an operator should look at.
    pub concerns: Vec<String>,
}

/// What verifying the whole journal found.
#[derive(Debug)]
pub struct VerifiedJournal {
    /// Records verified.
    pub records: u64,
    /// The Merkle root they give, base64.
    pub root: String,
    /// The root signed: a C2SP checkpoint.
    pub checkpoint: String,
}

/// A page of the journal, from the record after `after` on.
///
/// # Errors
/// [`WorkError::Vault`] when a record no longer verifies.
pub fn audit(
    service: &Service,
    _grant: Grant<ReadAudit>,
    after: Option<u64>,
    limit: usize,
) -> Result<Vec<(u64, Entry)>, WorkError> {
    let from = after.map_or(0, |after| after.saturating_add(1));
    let to = from.saturating_add(limit as u64);
    let mut entries = Vec::new();
    service.vault().entries(from, to, |position, entry| {
        entries.push((position, entry));
        Ok::<_, WorkError>(())
    })?;
    Ok(entries)
}

/// Reads the whole journal again, verifies it, and signs what was found. Blocks its thread.
///
/// # Errors
/// [`WorkError::Vault`] when it is not what was written.
pub fn verify_audit(
    service: &Service,
    _grant: Grant<ReadAudit>,
) -> Result<VerifiedJournal, WorkError> {
    let vault = service.vault();
    let anchor = vault.verify()?;
    let checkpoint = vault
        .journal()
        .checkpoint(vault.signer())
        .map_err(VaultError::from)?;
    Ok(VerifiedJournal {
        records: anchor.size,
        root: BASE64_STANDARD.encode(anchor.root),
        checkpoint,
    })
}

/// How the vault is.
///
/// # Errors
/// Those of reading the index.
pub fn vault(service: &Service, _grant: Grant<ReadVault>) -> Result<VaultStatus, WorkError> {
    let vault = service.vault();
    let anchor = vault.journal().anchor();
    let report = service.store().report();
    let mut concerns: Vec<String> = report.concerns().into_iter().map(str::to_owned).collect();
    if vault.slots().len() == 1 {
        concerns.push(
            "there is one root slot: if it is lost, everything is; make a second on another disk"
                .to_owned(),
        );
    }
    if vault.config().backups_kept_days.is_none() {
        concerns.push(
            "nobody has declared how long backups are kept, so certificates of erasure cannot say when the last copy is gone; stop the gateway and run `strongroom vault declare --backups-kept-days DAYS`"
                .to_owned(),
        );
    }
    let controls = service
        .controls
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    concerns.extend(controls.iter().flat_map(|found| found.fail.clone()));
    concerns.extend(reviews_past(service)?);
    let copies = copies::status(service);
    concerns.extend(copies.as_ref().and_then(CopyStatus::concern));
    Ok(VaultStatus {
        id: vault.id(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        epoch: vault.epoch(),
        journal_records: anchor.size,
        journal_root: BASE64_STANDARD.encode(anchor.root),
        slots: vault.slots(),
        backups_kept_days: vault.config().backups_kept_days,
        bucket: report.bucket.clone(),
        endpoint: report.endpoint.clone(),
        location: report.location.to_string(),
        capabilities: report
            .capabilities
            .to_string()
            .lines()
            .map(str::to_owned)
            .collect(),
        copies,
        concerns,
    })
}

/// How many reviews should have been held (R44, R49); which, only those who know the studies see.
fn reviews_past(service: &Service) -> Result<Vec<String>, WorkError> {
    let today = service.today();
    let view = service.vault().view()?;
    let reader = view.reader();
    let (mut studies, mut notices) = (0, 0);
    for (id, study) in reader.page(&tables::STUDIES, &(), None, usize::MAX)? {
        if study.ended {
            continue;
        }
        studies += u32::from(study.review.is_some_and(|review| review < today));
        if let Some(version) = study.notice {
            let notice = reader.get(&tables::NOTICES, &(id, version))?;
            let review = notice.and_then(|notice| notice.review);
            notices += u32::from(review.is_some_and(|review| review < today));
        }
    }
    let mut concerns = Vec::new();
    if studies > 0 {
        concerns.push(format!(
            "the review date of studies is past ({studies}): information governance finds them with `strongroom study list`, looks whether what they hold is still needed, and sets the next with `study amend --review`"
        ));
    }
    if notices > 0 {
        concerns.push(format!(
            "the review date of privacy notices is past ({notices}): their studies' leads publish a new version, or the same anew, and record it with `strongroom study notice add`"
        ));
    }
    Ok(concerns)
}
