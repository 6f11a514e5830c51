//! Holding a bucket's copies against the journal they are of.

use std::ops::Range;

use super::copier::{Copier, Segments, aside, checkpoints, key_of, pieces};
use crate::journal::{self, verify_checkpoint};
use crate::limits::COPY_OBJECT_MAX;
use crate::objects::ObjectKey;
use crate::work::error::WorkError;
use crate::work::service::Service;

/// What was found of the copies in the bucket.
#[derive(Debug, Default)]
pub(in crate::work) struct Checked {
    /// Bytes that were copied to bring the bucket up to the journal.
    pub(in crate::work) copied: u64,
    /// Objects that are not copies of this journal.
    pub(in crate::work) differing: Vec<ObjectKey>,
    /// Objects that hold nothing another does not hold as well.
    pub(in crate::work) superfluous: Vec<ObjectKey>,
}

/// Reads every copy and compares it, and copies what is missing; with `tidy`, deletes what is superfluous
/// or of another history.
pub(in crate::work) async fn check(service: &Service, tidy: bool) -> Result<Checked, WorkError> {
    let (vault, store) = (service.vault(), service.store());
    let mut checked = Checked::default();
    let segments = pieces(store, vault.id()).await?;
    for (segment, span) in each(&segments) {
        let key = key_of(vault.id(), segment, span);
        if !is_alike(service, key, segment, span.clone()).await? {
            checked.differing.push(key);
        } else if is_covered(&segments, segment, span) {
            checked.superfluous.push(key);
        }
    }
    let (sizes, _) = checkpoints(store, vault.id()).await?;
    for size in sizes {
        let key = ObjectKey::Checkpoint {
            vault: vault.id(),
            size,
        };
        let note = store.read(key, COPY_OBJECT_MAX).await?;
        let signed = std::str::from_utf8(&note).ok();
        let signed = signed.and_then(|note| {
            let anchor = verify_checkpoint(note, &vault.signer().verifier()).ok()?;
            vault.journal().begins_with(&anchor).ok()?.then_some(())
        });
        if signed.is_none() {
            checked.differing.push(key);
        }
    }
    if tidy {
        for key in checked.differing.iter().chain(&checked.superfluous) {
            store.delete_everything(*key).await?;
        }
    }
    if tidy || checked.differing.is_empty() {
        let mut copier = Copier::survey(store.clone(), vault.id(), vault.journal_dir()).await?;
        checked.copied = copier.advance(vault.journal().anchor().size).await?;
    }
    Ok(checked)
}

fn each(segments: &Segments) -> impl Iterator<Item = (u64, &Range<u64>)> {
    let each = segments.iter();
    each.flat_map(|(segment, all)| all.iter().map(|span| (*segment, span)))
}

async fn is_alike(
    service: &Service,
    key: ObjectKey,
    segment: u64,
    span: Range<u64>,
) -> Result<bool, WorkError> {
    if span.end.saturating_sub(span.start) > COPY_OBJECT_MAX {
        return Ok(false);
    }
    let dir = service.vault().journal_dir();
    // What the journal does not have, it does not read.
    let ours = aside(move || Ok(journal::read_piece(&dir, segment, &span).ok())).await?;
    let theirs = service.store().read(key, COPY_OBJECT_MAX).await?;
    Ok(ours.is_some_and(|ours| ours == theirs))
}

/// Whether one other piece holds all of this one.
fn is_covered(segments: &Segments, segment: u64, span: &Range<u64>) -> bool {
    let all = segments.get(&segment);
    all.is_some_and(|all| {
        all.iter()
            .any(|other| other != span && other.start <= span.start && span.end <= other.end)
    })
}
