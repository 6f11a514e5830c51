//! Looking: lists and single things, each only as far as whoever asks may know of it.

mod items;

pub use items::{Eyes, ItemFilter, ItemSeen, item, items};

use super::error::WorkError;
use super::service::Service;
use crate::access::acts::{ManagePeople, ManageSuppliers, ReadErasure, ReadStudy, ReadSupplier};
use crate::access::{Caller, Grant};
use crate::id::{ErasureId, ParticipantId, SessionId, StudyId};
use crate::index::{Reader, tables};
use crate::model::{
    Action, Actor, Erasure, Event, Held, Membership, Participant, Person, Role, Session, Standing,
    Study, Supplier, Tier,
};

/// Whoever asks, and their places in studies.
///
/// # Errors
/// Those of reading the index.
pub fn me(service: &Service, caller: &Caller) -> Result<(Person, Vec<Membership>), WorkError> {
    let view = service.vault().view()?;
    let person = caller.person().clone();
    let memberships = memberships_of(view.reader(), &person)?;
    Ok((person, memberships))
}

/// Everybody with an account.
///
/// # Errors
/// Those of reading the index.
pub fn people(service: &Service, _grant: Grant<ManagePeople>) -> Result<Vec<Person>, WorkError> {
    let view = service.vault().view()?;
    let rows = view.reader().page(&tables::PEOPLE, &(), None, usize::MAX)?;
    Ok(rows.into_iter().map(|(_, person)| person).collect())
}

/// A study, with what it holds.
#[derive(Debug)]
pub struct StudySeen {
    /// The study.
    pub study: Study,
    /// What it holds.
    pub held: Held,
}

/// The studies the caller may know of.
///
/// # Errors
/// Those of reading the index and writing the audit.
pub async fn studies(service: &Service, caller: &Caller) -> Result<Vec<StudySeen>, WorkError> {
    record(service, caller, Action::ReadStudy, "studies").await?;
    if !service.lets_in::<ReadStudy>(caller)? {
        return Ok(Vec::new());
    }
    let candidates = {
        let view = service.vault().view()?;
        candidate_studies(view.reader(), caller.person())?
    };
    candidates
        .into_iter()
        .filter(|study| service.decide::<ReadStudy>(caller, &study.id).is_ok())
        .map(|study| seen(service, study))
        .collect()
}

/// A study, with what it holds.
///
/// # Errors
/// Those of reading the index.
pub fn study(service: &Service, grant: Grant<ReadStudy>) -> Result<StudySeen, WorkError> {
    seen(service, grant.into_loaded())
}

fn seen(service: &Service, study: Study) -> Result<StudySeen, WorkError> {
    let view = service.vault().view()?;
    let held = view.reader().get(&tables::HELD, &study.id)?;
    Ok(StudySeen {
        study,
        held: held.unwrap_or_default(),
    })
}

/// Everybody admitted to a study.
///
/// # Errors
/// Those of reading the index.
pub fn members(service: &Service, grant: Grant<ReadStudy>) -> Result<Vec<Membership>, WorkError> {
    let view = service.vault().view()?;
    let study = grant.loaded().id;
    let rows = view
        .reader()
        .page(&tables::MEMBERSHIPS, &study, None, usize::MAX)?;
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// A page of a study's participants, those erased left out.
///
/// # Errors
/// Those of reading the index.
pub fn participants(
    service: &Service,
    grant: Grant<ReadStudy>,
    after: Option<ParticipantId>,
    limit: usize,
) -> Result<Vec<Participant>, WorkError> {
    let view = service.vault().view()?;
    let reader = view.reader();
    let study = grant.loaded().id;
    check_knows_people(reader, grant.caller(), study)?;
    let after = after.map(|after| (study, after));
    let page = reader.page(&tables::PARTICIPANTS_OF, &study, after.as_ref(), limit)?;
    let rows = page
        .into_iter()
        .map(|((_, id), ())| reader.get(&tables::PARTICIPANTS, &id));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    Ok(rows.into_iter().flatten().collect())
}

/// A page of a study's sessions; people erased are left out of them.
///
/// # Errors
/// Those of reading the index.
pub fn sessions(
    service: &Service,
    grant: Grant<ReadStudy>,
    after: Option<SessionId>,
    limit: usize,
) -> Result<Vec<Session>, WorkError> {
    let view = service.vault().view()?;
    let reader = view.reader();
    let study = grant.loaded().id;
    check_knows_people(reader, grant.caller(), study)?;
    let after = after.map(|after| (study, after));
    let mut sessions = Vec::new();
    for ((_, id), ()) in reader.page(&tables::SESSIONS_OF, &study, after.as_ref(), limit)? {
        if let Some(mut session) = reader.get(&tables::SESSIONS, &id)? {
            session.participants = living(reader, session.participants)?;
            sessions.push(session);
        }
    }
    Ok(sessions)
}

/// A supplier, with what the one who asks may know of it.
#[derive(Debug)]
pub struct SupplierSeen {
    /// The supplier.
    pub supplier: Supplier,
    /// Whether the one who asks keeps the list: to others it does not say whom else a supplier works
    /// for (R50).
    pub keeps_the_list: bool,
}

/// The suppliers the caller may know of.
///
/// # Errors
/// Those of reading the index and writing the audit.
pub async fn suppliers(service: &Service, caller: &Caller) -> Result<Vec<SupplierSeen>, WorkError> {
    record(service, caller, Action::ReadSupplier, "suppliers").await?;
    if !service.lets_in::<ReadSupplier>(caller)? {
        return Ok(Vec::new());
    }
    let candidates = {
        let view = service.vault().view()?;
        let reader = view.reader();
        reader.page(&tables::SUPPLIERS, &(), None, usize::MAX)?
    };
    let decided = candidates
        .iter()
        .filter_map(|(id, _)| service.decide::<ReadSupplier>(caller, id).ok());
    let keeps_the_list = service.decide::<ManageSuppliers>(caller, &()).is_ok();
    let seen = decided.map(|grant| SupplierSeen {
        supplier: grant.into_loaded(),
        keeps_the_list,
    });
    Ok(seen.collect())
}

/// The erasures the caller may follow.
///
/// # Errors
/// Those of reading the index and writing the audit.
pub async fn erasures(service: &Service, caller: &Caller) -> Result<Vec<Erasure>, WorkError> {
    record(service, caller, Action::ReadErasure, "erasures").await?;
    if !service.lets_in::<ReadErasure>(caller)? {
        return Ok(Vec::new());
    }
    let candidates = {
        let view = service.vault().view()?;
        candidate_erasures(view.reader(), caller.person())?
    };
    let decided = candidates
        .iter()
        .filter_map(|id| service.decide::<ReadErasure>(caller, id).ok());
    Ok(decided.map(Grant::into_loaded).collect())
}

/// Of a list, those of the studies one may know of: how long it takes to say that there is nothing
/// must not tell what there is elsewhere (R14, R50).
fn candidate_erasures(reader: &Reader<'_>, person: &Person) -> Result<Vec<ErasureId>, WorkError> {
    let mut found = Vec::new();
    if !matches!(
        person.role,
        Role::InformationGovernance | Role::Auditor | Role::StudyLead | Role::Researcher
    ) {
        return Ok(found);
    }
    for study in candidate_studies(reader, person)? {
        let rows = reader.page(&tables::ERASURES_IN, &study.id, None, usize::MAX)?;
        found.extend(rows.into_iter().map(|((_, id), ())| id));
    }
    found.sort_unstable();
    Ok(found)
}

pub(super) async fn record(
    service: &Service,
    caller: &Caller,
    action: Action,
    resource: &str,
) -> Result<(), WorkError> {
    let accessed = Event::Accessed {
        action,
        resource: resource.to_owned(),
        detail: None,
    };
    service
        .note(Actor::Person(caller.person().id), accessed)
        .await
}

fn memberships_of(reader: &Reader<'_>, person: &Person) -> Result<Vec<Membership>, WorkError> {
    let mut memberships = Vec::new();
    for ((_, study), ()) in reader.page(&tables::STUDIES_OF, &person.id, None, usize::MAX)? {
        memberships.extend(reader.get(&tables::MEMBERSHIPS, &(study, person.id))?);
    }
    Ok(memberships)
}

pub(super) fn candidate_studies(
    reader: &Reader<'_>,
    person: &Person,
) -> Result<Vec<Study>, WorkError> {
    match person.role {
        Role::InformationGovernance | Role::Auditor => {
            let rows = reader.page(&tables::STUDIES, &(), None, usize::MAX)?;
            Ok(rows.into_iter().map(|(_, study)| study).collect())
        }
        _ => {
            let mut studies = Vec::new();
            for membership in memberships_of(reader, person)? {
                studies.extend(reader.get(&tables::STUDIES, &membership.study)?);
            }
            Ok(studies)
        }
    }
}

fn living(
    reader: &Reader<'_>,
    participants: Vec<ParticipantId>,
) -> Result<Vec<ParticipantId>, WorkError> {
    let mut living = Vec::new();
    for id in participants {
        let row = reader.get(&tables::PARTICIPANTS, &id)?;
        if row.is_some_and(|row| row.standing != Standing::Erased) {
            living.push(id);
        }
    }
    Ok(living)
}

/// Refuses who is admitted for what is de-identified: they know of nobody who took part (R26).
fn check_knows_people(
    reader: &Reader<'_>,
    caller: &Caller,
    study: StudyId,
) -> Result<(), WorkError> {
    let place = reader.get(&tables::MEMBERSHIPS, &(study, caller.person().id))?;
    match place.map(|place| place.sees) {
        Some(Tier::DeIdentified | Tier::Anonymised) => Err(WorkError::Refused(
            "your place in this study is for what is de-identified: sessions and participants are for those who work with them".to_owned(),
        )),
        Some(Tier::Identifiable) | None => Ok(()),
    }
}
