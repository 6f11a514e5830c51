//! Assignments as they are listed: for the team, and for the supplier they were made to.

use jiff::civil::Date;

use super::error::WorkError;
use super::inspect::{candidate_studies, record};
use super::service::Service;
use crate::access::Caller;
use crate::access::acts::{ReadAssignment, ReadItem};
use crate::id::{AssignmentId, StudyId};
use crate::index::{Reader, tables};
use crate::model::supplier::Acceptance;
use crate::model::{Action, Assignment, Role};

/// An assignment, with what the one who asks may know of it.
#[derive(Debug)]
pub struct AssignmentSeen {
    /// The assignment.
    pub assignment: Assignment,
    /// Why it gives no access any more, for the team; a supplier is told only that.
    pub over: Option<Over>,
    /// Whether the one who asks is of the study's team, or oversees it.
    pub team: bool,
}

impl AssignmentSeen {
    /// Whether the supplier still owes the word that its copies are destroyed.
    pub fn owes_destruction(&self) -> bool {
        self.over.is_some() && self.assignment.copies_destroyed.is_none()
    }
}

/// Why an assignment gives no access any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// What was brought is accepted.
    Accepted,
    /// It was ended, or its supplier is done with it.
    Ended,
    /// Its last day has passed.
    Expired,
    /// The supplier is off the approved list.
    SupplierRemoved,
    /// The supplier's contract has lapsed.
    ContractLapsed,
    /// What was given is erased.
    ItemErased,
    /// It gives no access now. Suppliers are told this one only, whatever it is (R14).
    NotNow,
}

impl Over {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::SupplierRemoved => "supplier-removed",
            Self::ContractLapsed => "contract-lapsed",
            Self::ItemErased => "item-erased",
            Self::NotNow => "over",
        }
    }
}

/// The assignments the caller may know of, of one study or of all; only those whose supplier still owes
/// the word that its copies are destroyed, if `outstanding`.
///
/// # Errors
/// Those of reading the index and writing the audit.
pub async fn assignments(
    service: &Service,
    caller: &Caller,
    study: Option<StudyId>,
    outstanding: bool,
) -> Result<Vec<AssignmentSeen>, WorkError> {
    record(service, caller, Action::ReadAssignment, "assignments").await?;
    if !service.lets_in::<ReadAssignment>(caller)? {
        return Ok(Vec::new());
    }
    let candidates = {
        let view = service.vault().view()?;
        candidates(view.reader(), caller, study)?
    };
    let mut all = Vec::new();
    for id in candidates {
        let Ok(grant) = service.decide::<ReadAssignment>(caller, &id) else {
            continue;
        };
        let seen = seen(service, caller, grant.into_loaded())?;
        all.extend(seen.filter(|seen| !outstanding || seen.owes_destruction()));
    }
    Ok(all)
}

fn candidates(
    reader: &Reader<'_>,
    caller: &Caller,
    study: Option<StudyId>,
) -> Result<Vec<AssignmentId>, WorkError> {
    let person = caller.person();
    if let Some(supplier) = person.supplier {
        let rows = reader.page(&tables::ASSIGNMENTS_TO, &supplier, None, usize::MAX)?;
        return Ok(rows.into_iter().map(|((_, id), ())| id).collect());
    }
    if person.role == Role::Administrator {
        return Ok(Vec::new());
    }
    let mut ids = Vec::new();
    // Of a study they have no place in, nothing is looked up (R50).
    let known = candidate_studies(reader, person)?.into_iter();
    let known = known.map(|known| known.id);
    for study in known.filter(|known| study.is_none_or(|study| study == *known)) {
        let rows = reader.page(&tables::ASSIGNMENTS_IN, &study, None, usize::MAX)?;
        ids.extend(rows.into_iter().map(|((_, id), ())| id));
    }
    Ok(ids)
}

/// What the caller is shown of an assignment; nothing of one whose item is erased, if they follow no
/// erasures.
fn seen(
    service: &Service,
    caller: &Caller,
    assignment: Assignment,
) -> Result<Option<AssignmentSeen>, WorkError> {
    let today = service.today();
    let team = caller.person().role != Role::Transcriber;
    if !team {
        let readable = service.decide::<ReadItem>(caller, &assignment.item).is_ok();
        let over = (!readable || !assignment.is_in_force(today)).then_some(Over::NotNow);
        return Ok(Some(AssignmentSeen {
            assignment,
            over,
            team,
        }));
    }
    let view = service.vault().view()?;
    let over = over(view.reader(), &assignment, today)?;
    let hidden =
        over == Some(Over::ItemErased) && !follows_erasures(view.reader(), caller, &assignment)?;
    Ok((!hidden).then_some(AssignmentSeen {
        assignment,
        over,
        team,
    }))
}

fn follows_erasures(
    reader: &Reader<'_>,
    caller: &Caller,
    assignment: &Assignment,
) -> Result<bool, WorkError> {
    let person = caller.person();
    let place = reader.get(&tables::MEMBERSHIPS, &(assignment.study, person.id))?;
    Ok(person.role == Role::InformationGovernance
        || place.is_some_and(|place| place.role == Role::StudyLead))
}

fn over(
    reader: &Reader<'_>,
    assignment: &Assignment,
    today: Date,
) -> Result<Option<Over>, WorkError> {
    let item = reader.get(&tables::ITEMS, &assignment.item)?;
    if item.is_none_or(|item| item.erased) {
        return Ok(Some(Over::ItemErased));
    }
    let supplier = reader.get(&tables::SUPPLIERS, &assignment.supplier)?;
    let study = reader.get(&tables::STUDIES, &assignment.study)?;
    let supplier = supplier.zip(study);
    let supplier = supplier.map(|(supplier, study)| supplier.towards(&study.controller));
    let approved = supplier.as_ref().is_some_and(|row| row.approved);
    let in_force = supplier.is_some_and(|row| row.is_in_force(today));
    Ok(match () {
        () if matches!(assignment.answer, Some(Acceptance::Accepted(_))) => Some(Over::Accepted),
        () if assignment.is_over() => Some(Over::Ended),
        () if today > assignment.until => Some(Over::Expired),
        () if !approved => Some(Over::SupplierRemoved),
        () if !in_force => Some(Over::ContractLapsed),
        () => None,
    })
}
