//! What lies where the vault does not reach, and the day on which the last of it is gone.
//!
//! From the moment the old root is effaced nothing the vault keeps opens what was erased. What cannot
//! be opened may still lie in backups until they are overwritten, and what somebody fetched they have
//! until they say that they destroyed it.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock::london_day;
use crate::index::tables;
use crate::model::Erasure;
use crate::work::assess::{self, SupplierCopies};
use crate::work::error::WorkError;
use crate::work::service::Service;

/// What lies, or lay, where the vault does not reach.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    /// How many days a backup is kept, as the operator declared; nothing when nobody did.
    pub backups_kept_days: Option<u32>,
    /// Suppliers whose people fetched some of it, and when they confirmed that it is destroyed.
    pub suppliers: Vec<SupplierCopies>,
    /// Copies that were sealed for the keys of colleagues; nobody confirms what became of them.
    pub sealed_copies: u64,
}

/// When the last copy of what was erased is gone everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Irrecoverable {
    /// By the end of this day, in London.
    On(Date),
    /// Not yet: it waits for these.
    WaitingFor(Vec<String>),
}

impl Elsewhere {
    /// When the last copy is gone, of what became inaccessible at that moment.
    pub fn irrecoverable(&self, inaccessible: Timestamp) -> Irrecoverable {
        let mut waiting = Vec::new();
        let mut last = london_day(inaccessible);
        match self.backups_kept_days {
            Some(days) => last = last.saturating_add(Span::new().days(i64::from(days))),
            None => waiting
                .push("whoever runs the vault to declare how long its backups are kept".to_owned()),
        }
        for copies in &self.suppliers {
            match copies.confirmed {
                Some(at) => last = last.max(london_day(at)),
                None => waiting.push(format!(
                    "supplier {} to confirm that its copies of {} are destroyed",
                    copies.supplier,
                    items(copies.items)
                )),
            }
        }
        if self.sealed_copies > 0 {
            waiting.push(format!(
                "sealed copies that were handed to colleagues ({}): they are told to destroy them, and the vault cannot see that they did",
                self.sealed_copies
            ));
        }
        match waiting.is_empty() {
            true => Irrecoverable::On(last),
            false => Irrecoverable::WaitingFor(waiting),
        }
    }
}

/// So many items, in words.
pub(super) fn items(count: u64) -> String {
    match count {
        1 => "one item".to_owned(),
        count => format!("{count} items"),
    }
}

/// What lies elsewhere of what an erasure destroyed.
///
/// # Errors
/// Those of the index.
pub(in crate::work) async fn elsewhere(
    service: &Arc<Service>,
    erasure: &Erasure,
) -> Result<Elsewhere, WorkError> {
    let (service, ids) = (Arc::clone(service), erasure.target.items.clone());
    let found = tokio::task::spawn_blocking(move || {
        let mut items = Vec::with_capacity(ids.len());
        let view = service.vault().view()?;
        for id in ids {
            // An upload that was broken off never became an item.
            items.extend(view.reader().get(&tables::ITEMS, &id)?);
        }
        let (suppliers, sealed_copies) = assess::copies(view.reader(), &items)?;
        Ok(Elsewhere {
            backups_kept_days: service.vault().config().backups_kept_days,
            suppliers,
            sealed_copies,
        })
    });
    found
        .await
        .map_err(|error| WorkError::Internal(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::id::SupplierId;

    fn noon(day: &str) -> Timestamp {
        format!("{day}T12:00:00Z").parse().expect("a moment")
    }

    fn copies(confirmed: Option<Timestamp>) -> SupplierCopies {
        SupplierCopies {
            supplier: SupplierId::random(&SystemEntropy::new()).expect("entropy"),
            items: 1,
            confirmed,
        }
    }

    #[test]
    fn the_last_of_backups_and_suppliers_is_the_day() {
        let on = |elsewhere: &Elsewhere| elsewhere.irrecoverable(noon("2026-03-01"));
        let mut elsewhere = Elsewhere {
            backups_kept_days: Some(35),
            ..Elsewhere::default()
        };
        let day = |day: &str| Irrecoverable::On(day.parse().expect("a day"));
        assert_eq!(on(&elsewhere), day("2026-04-05"));
        elsewhere.suppliers = vec![copies(Some(noon("2026-03-20")))];
        assert_eq!(on(&elsewhere), day("2026-04-05"), "the backups are later");
        elsewhere.suppliers.push(copies(Some(noon("2026-05-02"))));
        assert_eq!(on(&elsewhere), day("2026-05-02"), "the supplier is later");
        // Summer time: what happens late in the evening there is of the next day in London.
        let late = "2026-06-30T23:30:00Z".parse().expect("a moment");
        elsewhere.suppliers = Vec::new();
        elsewhere.backups_kept_days = Some(0);
        assert_eq!(elsewhere.irrecoverable(late), day("2026-07-01"));
    }

    #[test]
    fn what_nobody_knows_is_waited_for() {
        let elsewhere = Elsewhere {
            backups_kept_days: None,
            suppliers: vec![copies(None), copies(Some(noon("2026-03-20")))],
            sealed_copies: 2,
        };
        let Irrecoverable::WaitingFor(waiting) = elsewhere.irrecoverable(noon("2026-03-01")) else {
            panic!("nobody knows");
        };
        assert_eq!(waiting.len(), 3, "{waiting:?}");
        assert!(waiting[0].contains("backups"));
        assert!(waiting[1].contains(&elsewhere.suppliers[0].supplier.to_string()));
        assert!(waiting[2].contains("(2)"));
    }
}
