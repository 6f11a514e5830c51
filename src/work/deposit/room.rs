//! Whether there is room for what is about to be brought: in the study, and among what its bringer
//! has not finished.

use super::begin::Coming;
use crate::id::PersonId;
use crate::index::{Reader, tables};
use crate::limits::UNFINISHED_UPLOADS_MAX;
use crate::model::Study;
use crate::model::quota::{Held, Passed, bytes_in_words};
use crate::work::WorkError;

/// Whether what is coming may begin.
///
/// # Errors
/// [`WorkError::OverQuota`] when the study would hold more than it may, and [`WorkError::Conflict`]
/// when too much of the bringer's is unfinished.
pub(super) fn check(reader: &Reader<'_>, coming: &Coming) -> Result<(), WorkError> {
    let unfinished = reader.get(&tables::UNFINISHED_BY, &coming.by)?;
    if unfinished.unwrap_or_default() >= UNFINISHED_UPLOADS_MAX {
        return Err(WorkError::Conflict(format!(
            "{UNFINISHED_UPLOADS_MAX} uploads of yours are not finished; go on with them or give them up first, or wait: each expires seven days after it began"
        )));
    }
    let study = reader.get(&tables::STUDIES, &coming.study)?;
    let study = study.ok_or(WorkError::NoSuchThing)?;
    let held = reader
        .get(&tables::HELD, &coming.study)?
        .unwrap_or_default();
    match study.quota.passed_by(&held, coming.file.length) {
        None => Ok(()),
        Some(_) if is_of_a_supplier(reader, coming.by)? => Err(WorkError::OverQuota(
            "the study takes no more for now; tell the team that assigned the item to you"
                .to_owned(),
        )),
        Some(passed) => Err(WorkError::OverQuota(full(
            &study,
            &held,
            passed,
            coming.file.length,
        ))),
    }
}

/// Suppliers are told nothing of how much a study holds: it falls when somebody withdraws (R14).
fn is_of_a_supplier(reader: &Reader<'_>, person: PersonId) -> Result<bool, WorkError> {
    let row = reader.get(&tables::PEOPLE, &person)?;
    Ok(row.is_none_or(|row| row.supplier.is_some()))
}

fn full(study: &Study, held: &Held, passed: Passed, length: u64) -> String {
    let (what, option) = match passed {
        Passed::Bytes => (
            format!(
                "holds {} of {} ({} of that in uploads under way), and this has {}",
                bytes_in_words(held.bytes_in_all()),
                study.quota.bytes,
                bytes_in_words(held.coming_bytes),
                bytes_in_words(length)
            ),
            "--quota-bytes",
        ),
        Passed::Items => (
            format!(
                "holds {} of {} items ({} of them uploads under way)",
                held.items_in_all(),
                study.quota.items,
                held.coming_items
            ),
            "--quota-items",
        ),
    };
    format!(
        "the study's quota is used up: it {what}; its lead or information governance can raise it (`strongroom study amend {} {option} …`)",
        study.id
    )
}
