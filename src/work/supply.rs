//! Suppliers: the approved list, and what is given to them.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::{AssignItem, ConfirmDestruction, EndAssignment, ManageSuppliers};
use crate::id::{AssignmentId, ParticipantId, SupplierId};
use crate::index::{Reader, tables};
use crate::model::{Actor, Assignment, Event, Participant, Purpose, Supplier, Text};

/// Puts a supplier on the approved list, or refreshes the contract of one with that name (R29); an
/// automatic tool is registered like any other (R30).
///
/// It may work for `controllers`, or for all when there are none of them. When nothing is said, a new
/// one may work for all, and one that is known for those it could work for before (R50).
///
/// # Errors
/// [`WorkError::Unacceptable`] when the contract is signed in the future or lapsed already, when people
/// are to become a tool or a tool people, and when no study has such a controller.
pub async fn approve(
    service: &Service,
    grant: Grant<ManageSuppliers>,
    name: Text,
    contract_signed: Date,
    automatic: bool,
    controllers: Option<BTreeSet<Text>>,
) -> Result<SupplierId, WorkError> {
    let today = service.today();
    let fresh = SupplierId::random(&*service.vault().means().entropy)?;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            check_controllers(draft.reader(), controllers.iter().flatten())?;
            let suppliers = draft
                .reader()
                .page(&tables::SUPPLIERS, &(), None, usize::MAX)?;
            let known = suppliers.into_iter().find(|(_, row)| row.name == name);
            if let Some((_, row)) = &known
                && row.automatic != automatic
            {
                return Err(WorkError::Unacceptable(match row.automatic {
                    true => format!("{name} is registered as an automatic tool; refresh it with --automatic, or give people another name"),
                    false => format!("{name} is registered as people; refresh it without --automatic, or give the tool another name"),
                }));
            }
            let (id, before) = known.map_or((fresh, None), |(id, row)| (id, Some(row)));
            let before = before.map(|row| row.controllers);
            let supplier = Supplier {
                automatic,
                controllers: controllers.or(before).unwrap_or_default(),
                ..Supplier::approved(id, name, contract_signed)
            };
            if !supplier.is_in_force(today) {
                return Err(WorkError::Unacceptable(format!(
                    "a contract signed on {contract_signed} runs to {}, which does not include today; give the day it was signed or refreshed",
                    supplier.contract_ends()
                )));
            }
            Ok((Event::SupplierApproved { supplier }, id))
        })
        .await
}

/// Takes a supplier off the approved list: its access stops at once (R29).
///
/// # Errors
/// [`WorkError::NoSuchThing`] for one nobody ever approved; [`WorkError::Conflict`] when it is off
/// the list already.
pub async fn remove(
    service: &Service,
    grant: Grant<ManageSuppliers>,
    supplier: SupplierId,
) -> Result<(), WorkError> {
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            match draft.reader().get(&tables::SUPPLIERS, &supplier)? {
                Some(row) if row.approved => Ok((Event::SupplierRemoved { supplier }, ())),
                Some(_) => Err(WorkError::Conflict(
                    "the supplier is off the approved list already".to_owned(),
                )),
                None => Err(WorkError::NoSuchThing),
            }
        })
        .await
}

/// Gives an item to a supplier for a purpose, until a day (R28, R31).
///
/// # Errors
/// [`WorkError::Refused`] naming the permission that somebody in it has not given for that purpose;
/// [`WorkError::NoSuchThing`] for a supplier that is not on the list; [`WorkError::Unacceptable`]
/// when its contract has lapsed or lapses before that day, or the day is past;
/// [`WorkError::Conflict`] when it has the item already.
pub async fn assign(
    service: &Service,
    grant: Grant<AssignItem>,
    purpose: Purpose,
    until: Date,
) -> Result<AssignmentId, WorkError> {
    let today = service.today();
    let id = AssignmentId::random(&*service.vault().means().entropy)?;
    let (item, supplier) = *grant.on();
    let study = grant.loaded().study;
    let people = grant.loaded().participants.clone();
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let reader = draft.reader();
            let row = reader.get(&tables::SUPPLIERS, &supplier)?;
            let study_row = reader.get(&tables::STUDIES, &study)?;
            let row = row.zip(study_row);
            let row = row.filter(|(row, study)| row.works_for(&study.controller));
            let (row, _) = row.ok_or(WorkError::NoSuchThing)?;
            let unacceptable = |what: String| Err(WorkError::Unacceptable(what));
            if until < today {
                return unacceptable(format!("{until} is past; give the last day of access"));
            }
            if !row.is_in_force(today) {
                return Err(WorkError::Refused(format!(
                    "the contract of {} ran to {}; refresh it with `supplier approve` first",
                    row.name,
                    row.contract_ends()
                )));
            }
            if until > row.contract_ends() {
                return unacceptable(format!(
                    "the contract of {} runs to {}; choose that day or an earlier one, or refresh the contract",
                    row.name,
                    row.contract_ends()
                ));
            }
            for ((_, other), ()) in reader.page(&tables::ASSIGNMENTS_OF, &item, None, usize::MAX)? {
                let other = reader.get(&tables::ASSIGNMENTS, &other)?;
                if other.is_some_and(|o| o.supplier == supplier && o.is_in_force(today)) {
                    return Err(WorkError::Conflict(format!(
                        "{} has this item already; end that assignment first",
                        row.name
                    )));
                }
            }
            check_covered(reader, &people, purpose, &row)?;
            let assignment = Assignment::of(id, (item, study), supplier, purpose, until);
            Ok((Event::ItemAssigned { assignment }, id))
        })
        .await
}

/// Ends an assignment before its day; the supplier sees the item no more.
///
/// # Errors
/// [`WorkError::Conflict`] when it is ended already.
pub async fn end(service: &Service, grant: Grant<EndAssignment>) -> Result<(), WorkError> {
    let assignment = *grant.on();
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            match draft.reader().get(&tables::ASSIGNMENTS, &assignment)? {
                Some(row) if row.is_over() => Err(WorkError::Conflict(
                    "the assignment is ended already".to_owned(),
                )),
                Some(_) => Ok((Event::AssignmentEnded { assignment }, ())),
                None => Err(WorkError::NoSuchThing),
            }
        })
        .await
}

/// Says for a supplier that its copies of what it was given are destroyed.
///
/// # Errors
/// [`WorkError::Conflict`] when it was said before.
pub async fn confirm_destroyed(
    service: &Service,
    grant: Grant<ConfirmDestruction>,
) -> Result<(), WorkError> {
    let (by, assignment) = (grant.person(), *grant.on());
    service
        .vault()
        .commit(Actor::Person(by), |draft| {
            let row = draft.reader().get(&tables::ASSIGNMENTS, &assignment)?;
            match row.map(|row| row.copies_destroyed) {
                Some(None) => Ok((Event::CopiesDestroyed { assignment, by }, ())),
                Some(Some(_)) => Err(WorkError::Conflict("that is confirmed already".to_owned())),
                None => Err(WorkError::NoSuchThing),
            }
        })
        .await
}

/// Whether every one of them is the controller of a study.
fn check_controllers<'a>(
    reader: &Reader<'_>,
    controllers: impl Iterator<Item = &'a Text>,
) -> Result<(), WorkError> {
    let mut controllers = controllers.peekable();
    if controllers.peek().is_none() {
        return Ok(());
    }
    let studies = reader.page(&tables::STUDIES, &(), None, usize::MAX)?;
    for controller in controllers {
        if !studies
            .iter()
            .any(|(_, study)| study.controller == *controller)
        {
            return Err(WorkError::Unacceptable(format!(
                "no study has the controller {controller}; give the name as it stands in the study, or create the study first"
            )));
        }
    }
    Ok(())
}

/// Whether everyone in an item permits what it is to be given to a supplier for.
fn check_covered(
    reader: &Reader<'_>,
    people: &[ParticipantId],
    purpose: Purpose,
    supplier: &Supplier,
) -> Result<(), WorkError> {
    for id in people {
        let row: Option<Participant> = reader.get(&tables::PARTICIPANTS, id)?;
        let row = row.ok_or(WorkError::NoSuchThing)?;
        let mut needed = purpose.permissions(supplier.automatic);
        if let Some(missing) = needed.find(|one| !row.permissions.contains(one)) {
            return Err(WorkError::Refused(format!(
                "{id} has not permitted that {} is given this for {purpose} (the permission missing is `{missing}`); it stays with the team, or their consent is asked and recorded first",
                supplier.name
            )));
        }
    }
    Ok(())
}
