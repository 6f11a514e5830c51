//! What may be published of approved access (R35): nothing in it is about a participant, and it says
//! no small number (R46).

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::access::lapsed;
use super::{Figure, Holder, Through, holders};
use crate::access::Grant;
use crate::access::acts::ReviewAccess;
use crate::index::{Reader, tables};
use crate::model::{LawfulBasis, Purpose, Role, Study, Text};
use crate::work::{Service, WorkError};

/// Approved access, as it may be published.
#[derive(Debug)]
pub struct Summary {
    /// The day it is of.
    pub on: Date,
    /// The studies, by name.
    pub studies: Vec<StudySummary>,
    /// How many studies are left out.
    pub exceptions: usize,
}

/// A study's approved access.
#[derive(Debug)]
pub struct StudySummary {
    /// Its working title.
    pub name: Text,
    /// The controller.
    pub controller: Text,
    /// The other organisations: processors, and suppliers it gave something to.
    pub organisations: BTreeSet<Text>,
    /// The lawful basis.
    pub lawful_basis: LawfulBasis,
    /// Who approved it, and when.
    pub approved: Option<(Text, Date)>,
    /// How many people have access, by what they are and for what.
    pub people: Vec<People>,
    /// The last day of anybody's access, if all of it has one.
    pub until: Option<Date>,
    /// The day on which somebody looks whether it is still needed.
    pub review: Option<Date>,
}

/// How many people have access as something, for something.
#[derive(Debug)]
pub struct People {
    /// What they are.
    pub role: Role,
    /// What for.
    pub purpose: Purpose,
    /// How many.
    pub count: Figure,
}

/// Approved access, as it may be published.
///
/// # Errors
/// Those of reading the index.
pub fn summary(service: &Service, _grant: Grant<ReviewAccess>) -> Result<Summary, WorkError> {
    let today = service.today();
    let view = service.vault().view()?;
    let reader = view.reader();
    let rows = reader.page(&tables::STUDIES, &(), None, usize::MAX)?;
    let (open, left_out): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .map(|(_, study)| study)
        .partition(|study| study.unpublished.is_none());
    let studies = open
        .into_iter()
        .map(|study| summary_of(reader, study, today));
    let mut studies = studies.collect::<Result<Vec<_>, _>>()?;
    studies.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Summary {
        on: today,
        studies,
        exceptions: left_out.len(),
    })
}

fn summary_of(reader: &Reader<'_>, study: Study, today: Date) -> Result<StudySummary, WorkError> {
    let mut organisations: BTreeSet<Text> = study.processors.iter().cloned().collect();
    let mut counts: BTreeMap<(Role, Purpose), u64> = BTreeMap::new();
    let (mut until, mut endless) = (None, false);
    for holder in holders(reader, &study)? {
        if !lapsed(&study, &holder, today).is_empty() {
            continue;
        }
        endless |= holder.until().is_none();
        until = until.max(holder.until());
        let Holder { by, .. } = holder;
        let key = match by {
            Through::Place(place) => (place.role, place.purpose),
            Through::Supplier(supplier, assignment) => {
                organisations.insert(supplier.name);
                (Role::Transcriber, assignment.purpose)
            }
        };
        *counts.entry(key).or_default() += 1;
    }
    let people = counts.into_iter().map(|((role, purpose), count)| People {
        role,
        purpose,
        count: count.into(),
    });
    Ok(StudySummary {
        name: study.name,
        controller: study.controller,
        organisations,
        lawful_basis: study.lawful_basis,
        approved: study.papers.approval.map(|it| (it.by, it.on)),
        people: people.collect(),
        until: until.filter(|_| !endless),
        review: study.review,
    })
}
