//! Who has access to what, until when, for what, when they last used it, and what of it has lapsed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::scan;
use super::{Holder, Through, holders};
use crate::access::Grant;
use crate::access::acts::ReviewAccess;
use crate::id::{PersonId, StudyId, SupplierId};
use crate::index::tables;
use crate::model::study::Requirement;
use crate::model::{Person, Purpose, Role, Study, Text, Tier};
use crate::work::{Service, WorkError};

/// Somebody's access to a study.
#[derive(Debug)]
pub struct Access {
    /// The study.
    pub study: StudyId,
    /// Who.
    pub person: PersonId,
    /// What they are called.
    pub name: Text,
    /// What they are in the study, or transcribers for a supplier.
    pub role: Role,
    /// The supplier they work for.
    pub supplier: Option<SupplierId>,
    /// What it is for.
    pub purpose: Purpose,
    /// How near to a person the material may be that they open.
    pub sees: Tier,
    /// The last day of it.
    pub until: Option<Date>,
    /// When they last did anything in the study.
    pub last_use: Option<Timestamp>,
    /// Why it gives nothing any more; empty while it does.
    pub lapsed: Vec<String>,
}

/// Everybody's access to one study, or to all. Reads the whole journal: blocks its thread.
///
/// # Errors
/// [`WorkError::NoSuchThing`] for an unknown study; [`WorkError::Vault`] when a record no longer
/// verifies.
pub fn access(
    service: &Service,
    _grant: Grant<ReviewAccess>,
    study: Option<StudyId>,
) -> Result<Vec<Access>, WorkError> {
    let today = service.today();
    let mut rows = Vec::new();
    {
        let view = service.vault().view()?;
        let reader = view.reader();
        let studies = match study {
            None => {
                let rows = reader.page(&tables::STUDIES, &(), None, usize::MAX)?;
                rows.into_iter().map(|(_, study)| study).collect()
            }
            Some(id) => {
                let row = reader.get(&tables::STUDIES, &id)?;
                vec![row.ok_or(WorkError::NoSuchThing)?]
            }
        };
        for study in studies {
            for holder in holders(reader, &study)? {
                rows.push(access_of(&study, holder, today));
            }
        }
    }
    let mut last: BTreeMap<(StudyId, PersonId), Timestamp> = BTreeMap::new();
    scan::uses(service, |found| {
        last.insert((found.study, found.by), found.at);
    })?;
    for row in &mut rows {
        row.last_use = last.get(&(row.study, row.person)).copied();
    }
    Ok(rows)
}

fn access_of(study: &Study, holder: Holder, today: Date) -> Access {
    let lapsed = lapsed(study, &holder, today);
    let until = holder.until();
    let Holder { person, by } = holder;
    let (role, supplier, purpose, sees) = match by {
        Through::Place(place) => (place.role, None, place.purpose, place.sees),
        Through::Supplier(supplier, assignment) => (
            Role::Transcriber,
            Some(supplier.id),
            assignment.purpose,
            Tier::Identifiable,
        ),
    };
    Access {
        study: study.id,
        person: person.id,
        name: person.name,
        role,
        supplier,
        purpose,
        sees,
        until,
        last_use: None,
        lapsed,
    }
}

/// Why somebody's access gives nothing today.
pub(super) fn lapsed(study: &Study, holder: &Holder, today: Date) -> Vec<String> {
    let Holder { person, by } = holder;
    let mut why = Vec::new();
    match by {
        Through::Place(place) => {
            if let Some(until) = place.until.filter(|until| *until < today) {
                why.push(format!("their place ended after {until}"));
            }
        }
        Through::Supplier(supplier, assignment) => {
            if !supplier.is_in_force(today) {
                why.push(format!(
                    "the supplier is off the list or its contract ended after {}",
                    supplier.contract_ends()
                ));
            }
            if !assignment.is_in_force(today) {
                why.push("the assignment is over".to_owned());
            }
        }
    }
    lapsed_of(person, study, today, &mut why);
    why
}

fn lapsed_of(person: &Person, study: &Study, today: Date, why: &mut Vec<String>) {
    if !person.enrolled {
        why.push("they have not enrolled".to_owned());
    }
    if person.suspended {
        why.push("their access is suspended".to_owned());
    }
    if person.revoked.is_some() {
        why.push("their access was taken away".to_owned());
    }
    if let Some(until) = person.until.filter(|until| *until < today) {
        why.push(format!("their access to anything ended after {until}"));
    }
    if !person.accepted_terms() {
        why.push("they have not accepted the terms of use in force".to_owned());
    }
    let dated = [
        (Requirement::Training, person.trained_until),
        (Requirement::Accreditation, person.accredited_until),
    ];
    for (requirement, until) in dated {
        if study.requires.contains(&requirement) && until.is_none_or(|until| until < today) {
            why.push(match until {
                Some(until) => format!("their {requirement} ended after {until}"),
                None => format!("no {requirement} is on record"),
            });
        }
    }
    if !study.is_in_order() {
        why.push("the study lacks papers it requires".to_owned());
    }
}
