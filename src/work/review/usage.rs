//! How the vault is used: by study and month, never by participant (R46); and, for information
//! governance, by person (R45).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use super::scan::{self, What};
use super::{Figure, SMALL};
use crate::access::Grant;
use crate::access::acts::ReviewAccess;
use crate::clock::london_day;
use crate::id::{ItemId, PersonId, StudyId};
use crate::work::{Service, WorkError};

/// A month, in London.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(i16, i8);

impl From<Timestamp> for Month {
    fn from(moment: Timestamp) -> Self {
        let day = london_day(moment);
        Self(day.year(), day.month())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0, self.1)
    }
}

/// A study's use in a month.
#[derive(Debug)]
pub struct StudyUse {
    /// The study.
    pub study: StudyId,
    /// The month.
    pub month: Month,
    /// Files brought.
    pub uploads: Figure,
    /// Their bytes; not said of few files.
    pub bytes: Option<u64>,
    /// Times an item was opened.
    pub openings: Figure,
}

/// What somebody did in a study in a month.
#[derive(Debug)]
pub struct PersonUse {
    /// Who.
    pub person: PersonId,
    /// The study.
    pub study: StudyId,
    /// The month.
    pub month: Month,
    /// Files they brought.
    pub uploads: u64,
    /// Times they opened an item.
    pub openings: u64,
    /// Different items they opened.
    pub items: u64,
}

#[derive(Default)]
struct Sums {
    uploads: u64,
    bytes: u64,
    openings: u64,
    items: BTreeSet<ItemId>,
}

impl Sums {
    fn add(&mut self, what: &What) {
        match what {
            What::Opened(item) => {
                self.openings += 1;
                self.items.insert(*item);
            }
            What::Brought(bytes) => {
                self.uploads += 1;
                self.bytes = self.bytes.saturating_add(*bytes);
            }
            What::Other => {}
        }
    }
}

/// Every study's use, month by month. Reads the whole journal: blocks its thread.
///
/// # Errors
/// [`WorkError::Vault`] when a record no longer verifies.
pub fn usage(service: &Service, _grant: Grant<ReviewAccess>) -> Result<Vec<StudyUse>, WorkError> {
    let mut sums: BTreeMap<(StudyId, Month), Sums> = BTreeMap::new();
    scan::uses(service, |found| {
        let key = (found.study, found.at.into());
        sums.entry(key).or_default().add(&found.what);
    })?;
    let rows = sums.into_iter().map(|((study, month), sums)| StudyUse {
        study,
        month,
        uploads: sums.uploads.into(),
        bytes: (sums.uploads >= SMALL).then_some(sums.bytes),
        openings: sums.openings.into(),
    });
    Ok(rows.collect())
}

/// What everybody did, study by study and month by month. Reads the whole journal: blocks its thread.
///
/// # Errors
/// [`WorkError::Vault`] when a record no longer verifies.
pub fn people(service: &Service, _grant: Grant<ReviewAccess>) -> Result<Vec<PersonUse>, WorkError> {
    let mut sums: BTreeMap<(PersonId, StudyId, Month), Sums> = BTreeMap::new();
    scan::uses(service, |found| {
        let key = (found.by, found.study, found.at.into());
        sums.entry(key).or_default().add(&found.what);
    })?;
    let rows = sums
        .into_iter()
        .map(|((person, study, month), sums)| PersonUse {
            person,
            study,
            month,
            uploads: sums.uploads,
            openings: sums.openings,
            items: sums.items.len() as u64,
        });
    Ok(rows.collect())
}
