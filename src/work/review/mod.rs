//! Reviews: who has access to what, what of it may be published, and how it is used.

mod access;
mod scan;
mod summary;
mod usage;

pub use access::{Access, access};
pub use summary::{People, StudySummary, Summary, summary};
pub use usage::{Month, PersonUse, StudyUse, people, usage};

use jiff::civil::Date;

use super::error::WorkError;
use crate::index::{Reader, tables};
use crate::model::{Assignment, Membership, Person, Study, Supplier};

/// A number that may be published: below [`SMALL`] it is not said, so that it points at nobody (R46).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    /// None at all.
    None,
    /// Some, fewer than [`SMALL`].
    Few,
    /// So many.
    Exactly(u64),
}

/// The smallest number that is said.
pub const SMALL: u64 = 5;

impl From<u64> for Figure {
    fn from(count: u64) -> Self {
        match count {
            0 => Self::None,
            1..SMALL => Self::Few,
            count => Self::Exactly(count),
        }
    }
}

/// Somebody who has, or had, access to a study: by a place in it, or through a supplier.
struct Holder {
    person: Person,
    by: Through,
}

enum Through {
    Place(Membership),
    Supplier(Supplier, Assignment),
}

impl Holder {
    /// The last day of it, if it has one.
    fn until(&self) -> Option<Date> {
        let until = match &self.by {
            Through::Place(place) => place.until,
            Through::Supplier(supplier, assignment) => {
                Some(assignment.until.min(supplier.contract_ends()))
            }
        };
        match (until, self.person.until) {
            (Some(until), Some(whole)) => Some(until.min(whole)),
            (until, whole) => until.or(whole),
        }
    }
}

/// Everybody who has a place in a study, and everybody of the suppliers it gave something to.
fn holders(reader: &Reader<'_>, study: &Study) -> Result<Vec<Holder>, WorkError> {
    let mut holders = Vec::new();
    let places = reader.page(&tables::MEMBERSHIPS, &study.id, None, usize::MAX)?;
    for ((_, id), place) in places {
        if let Some(person) = reader.get(&tables::PEOPLE, &id)? {
            let by = Through::Place(place);
            holders.push(Holder { person, by });
        }
    }
    let people = reader.page(&tables::PEOPLE, &(), None, usize::MAX)?;
    for (id, supplier) in reader.page(&tables::SUPPLIERS, &(), None, usize::MAX)? {
        let given = reader.page(&tables::ASSIGNMENTS_TO, &id, None, usize::MAX)?;
        let mut longest: Option<Assignment> = None;
        for ((_, assignment), ()) in given {
            let row = reader.get(&tables::ASSIGNMENTS, &assignment)?;
            for row in row.into_iter().filter(|row| row.study == study.id) {
                let rank = |row: &Assignment| (!row.ended, row.until);
                if longest
                    .as_ref()
                    .is_none_or(|longest| rank(longest) < rank(&row))
                {
                    longest = Some(row);
                }
            }
        }
        let Some(assignment) = longest else {
            continue;
        };
        let theirs = people.iter().filter(|(_, row)| row.supplier == Some(id));
        holders.extend(theirs.map(|(_, person)| Holder {
            person: person.clone(),
            by: Through::Supplier(
                supplier.clone().towards(&study.controller),
                assignment.clone(),
            ),
        }));
    }
    Ok(holders)
}
