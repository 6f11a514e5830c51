//! Suppliers: the approved list, and what is given to them.

use jiff::civil::Date;

use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::{AssignItem, EndAssignment, ManageSuppliers};
use crate::id::{AssignmentId, SupplierId};
use crate::index::tables;
use crate::model::{Actor, Assignment, Event, Purpose, Supplier, Text};

/// Puts a supplier on the approved list, or refreshes the contract of one with that name (R29).
///
/// # Errors
/// [`WorkError::Unacceptable`] when the contract is signed in the future or lapsed already.
pub async fn approve(
    service: &Service,
    grant: Grant<ManageSuppliers>,
    name: Text,
    contract_signed: Date,
) -> Result<SupplierId, WorkError> {
    let today = service.today();
    let fresh = SupplierId::random(&*service.vault().means().entropy)?;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let suppliers = draft
                .reader()
                .page(&tables::SUPPLIERS, &(), None, usize::MAX)?;
            let known = suppliers.into_iter().find(|(_, row)| row.name == name);
            let id = known.map_or(fresh, |(id, _)| id);
            let supplier = Supplier::approved(id, name, contract_signed);
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

/// Gives an item to a supplier until a day (R28).
///
/// # Errors
/// [`WorkError::NoSuchThing`] for a supplier that is not on the list; [`WorkError::Unacceptable`]
/// when its contract has lapsed or lapses before that day, or the day is past;
/// [`WorkError::Conflict`] when it has the item already.
pub async fn assign(
    service: &Service,
    grant: Grant<AssignItem>,
    until: Date,
) -> Result<AssignmentId, WorkError> {
    let today = service.today();
    let id = AssignmentId::random(&*service.vault().means().entropy)?;
    let (item, supplier) = *grant.on();
    let study = grant.loaded().study;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let reader = draft.reader();
            let row = reader.get(&tables::SUPPLIERS, &supplier)?;
            let row = row.ok_or(WorkError::NoSuchThing)?;
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
            let purpose = Purpose::Transcription;
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
                Some(row) if row.ended => Err(WorkError::Conflict(
                    "the assignment is ended already".to_owned(),
                )),
                Some(_) => Ok((Event::AssignmentEnded { assignment }, ())),
                None => Err(WorkError::NoSuchThing),
            }
        })
        .await
}
