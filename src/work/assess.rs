//! What a withdrawal reaches and what it cannot: said the same before, during and after an erasure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::WorkError;
use super::redact;
use super::service::Service;
use crate::id::{ItemId, ParticipantId, PersonId, SupplierId};
use crate::index::{Reader, tables};
use crate::model::{Erasure, ErasureStage, Item, Kind, Scope, Withdrawal};

/// What a withdrawal reaches and what it cannot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assessment {
    /// Items that go or are gone, by kind.
    pub items: BTreeMap<Kind, u64>,
    /// Whether what names them goes too.
    pub contact: bool,
    /// Versions without them, for those who remain in the same sessions.
    pub redacted: u64,
    /// Items that still wait for such a version, or the word that they are not worth one.
    pub waits_for: Vec<ItemId>,
    /// Anonymised outputs of the study: nothing says whose words they hold.
    pub anonymised: u64,
    /// Suppliers whose people fetched some of it.
    pub suppliers: Vec<SupplierCopies>,
    /// Copies that were sealed for the keys of colleagues.
    pub sealed_copies: u64,
}

/// What a supplier's people fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SupplierCopies {
    /// The supplier.
    pub supplier: SupplierId,
    /// How many items they fetched.
    pub items: u64,
    /// When the supplier confirmed that the last of them is destroyed; none while it owes its word.
    pub confirmed: Option<Timestamp>,
}

/// Assesses what `erasure` reaches.
///
/// # Errors
/// Those of the index.
pub async fn assess(service: &Arc<Service>, erasure: &Erasure) -> Result<Assessment, WorkError> {
    let Some(withdrawal) = erasure.withdrawal().cloned() else {
        return Ok(Assessment::default());
    };
    let (service, erasure) = (Arc::clone(service), erasure.clone());
    tokio::task::spawn_blocking(move || now(&service, &erasure, &withdrawal))
        .await
        .map_err(|error| WorkError::Internal(error.to_string()))?
}

fn now(
    service: &Service,
    erasure: &Erasure,
    withdrawal: &Withdrawal,
) -> Result<Assessment, WorkError> {
    let view = service.vault().view()?;
    let reader = view.reader();
    let items = reached(reader, erasure, withdrawal)?;
    let (suppliers, sealed_copies) = copies(reader, &items)?;
    Ok(Assessment {
        items: by_kind(&items),
        contact: !matches!(withdrawal.scope, Scope::Kinds(_)),
        redacted: redacted(reader, withdrawal.participant, &items)?,
        waits_for: match erasure.stage <= ErasureStage::Approved {
            true => redact::waited_for(reader, erasure)?
                .into_iter()
                .map(|(id, _)| id)
                .collect(),
            false => Vec::new(),
        },
        anonymised: match items.is_empty() {
            true => 0,
            false => reader.count(&tables::ANONYMISED_OF, &erasure.study)?,
        },
        suppliers,
        sealed_copies,
    })
}

/// What suppliers' people fetched of some items, and how many sealed copies were made of them for
/// others: a supplier gives its word on all that it has.
pub(super) fn copies(
    reader: &Reader<'_>,
    items: &[Item],
) -> Result<(Vec<SupplierCopies>, u64), WorkError> {
    let fetched = fetched(reader, items)?;
    let suppliers = suppliers(reader, items, &fetched)?;
    let mut sealed = 0;
    for (person, copies) in &fetched.sealed {
        let person = reader.get(&tables::PEOPLE, person)?;
        if person.is_none_or(|person| person.supplier.is_none()) {
            sealed += copies;
        }
    }
    Ok((suppliers, sealed))
}

/// The items an erasure destroys: those it fixed at its approval, or those it would.
fn reached(
    reader: &Reader<'_>,
    erasure: &Erasure,
    withdrawal: &Withdrawal,
) -> Result<Vec<Item>, WorkError> {
    let decided = erasure.stage >= ErasureStage::Approved && erasure.refused.is_none();
    let ids: Vec<ItemId> = match (&withdrawal.scope, decided) {
        (Scope::ContactOnly, _) => Vec::new(),
        (_, true) => erasure.target.items.clone(),
        (_, false) => {
            let with = &withdrawal.participant;
            let rows = reader.page(&tables::ITEMS_WITH, with, None, usize::MAX)?;
            rows.into_iter().map(|((_, id), ())| id).collect()
        }
    };
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(item) = reader.get(&tables::ITEMS, &id)? else {
            continue; // an upload that was broken off never became an item
        };
        let goes = decided || !item.erased && withdrawal.scope.reaches(item.kind);
        if goes {
            items.push(item);
        }
    }
    Ok(items)
}

fn by_kind(items: &[Item]) -> BTreeMap<Kind, u64> {
    let mut counts = BTreeMap::new();
    for item in items {
        *counts.entry(item.kind).or_default() += 1;
    }
    counts
}

/// Versions for those who remain, of the items of that participant.
fn redacted(
    reader: &Reader<'_>,
    participant: ParticipantId,
    items: &[Item],
) -> Result<u64, WorkError> {
    let mut count = 0;
    for item in items {
        if let Some(crate::model::item::Redaction::Done(version)) = &item.redaction {
            let version = reader.get(&tables::ITEMS, version)?;
            let stays =
                version.is_some_and(|row| !row.erased && !row.participants.contains(&participant));
            count += u64::from(stays);
        }
    }
    Ok(count)
}

/// Who fetched which of some items, and how many sealed copies were made.
#[derive(Default)]
struct Copies {
    by: BTreeMap<PersonId, BTreeSet<ItemId>>,
    sealed: BTreeMap<PersonId, u64>,
}

fn fetched(reader: &Reader<'_>, items: &[Item]) -> Result<Copies, WorkError> {
    let mut copies = Copies::default();
    for item in items {
        for ((item, person), row) in reader.page(&tables::FETCHED, &item.id, None, usize::MAX)? {
            copies.by.entry(person).or_default().insert(item);
            if row.sealed > 0 {
                *copies.sealed.entry(person).or_default() += row.sealed;
            }
        }
    }
    Ok(copies)
}

fn suppliers(
    reader: &Reader<'_>,
    items: &[Item],
    fetched: &Copies,
) -> Result<Vec<SupplierCopies>, WorkError> {
    let mut had: BTreeMap<SupplierId, BTreeSet<ItemId>> = BTreeMap::new();
    for (person, ids) in &fetched.by {
        let person = reader.get(&tables::PEOPLE, person)?;
        if let Some(supplier) = person.and_then(|person| person.supplier) {
            had.entry(supplier).or_default().extend(ids.iter().copied());
        }
    }
    let mut copies = Vec::with_capacity(had.len());
    for (supplier, ids) in had {
        let (mut owed, mut confirmed) = (false, None);
        for item in items {
            let of = reader.page(&tables::ASSIGNMENTS_OF, &item.id, None, usize::MAX)?;
            for ((_, assignment), ()) in of {
                let row = reader.get(&tables::ASSIGNMENTS, &assignment)?;
                if let Some(row) = row.filter(|row| row.supplier == supplier) {
                    match row.copies_destroyed {
                        Some((_, at)) => confirmed = confirmed.max(Some(at)),
                        None => owed = true,
                    }
                }
            }
        }
        copies.push(SupplierCopies {
            supplier,
            items: ids.len() as u64,
            confirmed: confirmed.filter(|_| !owed),
        });
    }
    Ok(copies)
}
