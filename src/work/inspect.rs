//! Looking: lists and single things, each only as far as whoever asks may know of it.

use jiff::civil::Date;

use super::error::WorkError;
use super::service::Service;
use crate::access::acts::{ManagePeople, OpenItem, ReadErasure, ReadItem, ReadStudy};
use crate::access::{Caller, Grant};
use crate::id::{ItemId, ParticipantId, SessionId, StudyId};
use crate::index::{Reader, tables};
use crate::model::{
    Action, Actor, Assignment, Erasure, Event, Item, Membership, Participant, Person, Role,
    Session, Standing, Study, Supplier,
};
use crate::vault::VaultError;

/// Which items a list is of.
#[derive(Debug, Clone, Copy, Default)]
pub struct ItemFilter {
    /// Of this study only.
    pub study: Option<StudyId>,
    /// Of this session only.
    pub session: Option<SessionId>,
}

/// An item, with what the one who asks may know of it.
#[derive(Debug)]
pub struct ItemSeen {
    /// The item.
    pub item: Item,
    /// What the file was called; the team is told, nobody else.
    pub file_name: Option<String>,
    /// Whether a withdrawal under way keeps it from being opened.
    pub frozen: bool,
    /// The last day a supplier may fetch it.
    pub until: Option<Date>,
    /// To whom it is assigned; the team is told.
    pub assignments: Vec<Assignment>,
    /// Whether the one who asks is of the study's team, rather than of a supplier.
    pub team: bool,
}

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

/// The studies the caller may know of.
///
/// # Errors
/// Those of reading the index and writing the audit.
pub async fn studies(service: &Service, caller: &Caller) -> Result<Vec<Study>, WorkError> {
    record(service, caller, Action::ReadStudy, "studies").await?;
    let candidates = {
        let view = service.vault().view()?;
        candidate_studies(view.reader(), caller.person())?
    };
    Ok(candidates
        .into_iter()
        .filter(|study| service.decide::<ReadStudy>(caller, &study.id).is_ok())
        .collect())
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

/// A page of the items the caller may know of, in the order of their identifiers.
///
/// # Errors
/// Those of reading the index and writing the audit.
pub async fn items(
    service: &Service,
    caller: &Caller,
    filter: ItemFilter,
    after: Option<ItemId>,
    limit: usize,
) -> Result<Vec<ItemSeen>, WorkError> {
    record(service, caller, Action::ReadItem, "items").await?;
    let mut cursor = after;
    let mut seen = Vec::new();
    while seen.len() < limit {
        let page = {
            let view = service.vault().view()?;
            candidate_items(view.reader(), caller.person(), filter, cursor, limit)?
        };
        let ended = page.len() < limit;
        cursor = page.last().copied();
        for id in page {
            if seen.len() < limit
                && let Ok(grant) = service.decide::<ReadItem>(caller, &id)
            {
                seen.push(item(service, grant)?);
            }
        }
        if ended {
            break;
        }
    }
    Ok(seen)
}

/// One item.
///
/// # Errors
/// Those of reading the index; a name that does not open is an error, not a blank.
pub fn item(service: &Service, grant: Grant<ReadItem>) -> Result<ItemSeen, WorkError> {
    let view = service.vault().view()?;
    let reader = view.reader();
    let person = grant.caller().person();
    let item = grant.loaded().clone();
    let mut frozen = false;
    for id in &item.participants {
        let row = reader.get(&tables::PARTICIPANTS, id)?;
        frozen |= row.is_none_or(|row| row.standing != Standing::Active);
    }
    let rows = reader.page(&tables::ASSIGNMENTS_OF, &item.id, None, usize::MAX)?;
    let rows = rows
        .into_iter()
        .map(|((_, id), ())| reader.get(&tables::ASSIGNMENTS, &id));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    let mut assignments: Vec<_> = rows.into_iter().flatten().collect();
    let team = person.role != Role::Transcriber;
    let mut until = None;
    let mut file_name = None;
    if team {
        // A name is content: only whoever may open the item is told it.
        let may_open = service
            .gatekeeper()
            .decide::<OpenItem>(reader, grant.caller(), item.id, service.now())
            .is_ok();
        if may_open && !frozen {
            file_name = match view.particulars(service.vault(), &item) {
                Ok(mut particulars) => particulars.file_name.take(),
                Err(VaultError::Destroyed) => return Err(WorkError::NoSuchThing),
                Err(error) => return Err(error.into()),
            };
        }
    } else {
        let answered = item
            .answers
            .map(|id| reader.get(&tables::ASSIGNMENTS, &id))
            .transpose()?
            .flatten();
        until = assignments
            .drain(..)
            .chain(answered)
            .filter(|row| Some(row.supplier) == person.supplier && !row.ended)
            .map(|row| row.until)
            .max();
    }
    Ok(ItemSeen {
        item,
        file_name,
        frozen,
        until,
        assignments,
        team,
    })
}

/// The approved list, for whoever runs a study or the list; a transcriber sees their own supplier.
///
/// # Errors
/// [`WorkError::Refused`] for a commissioner and an auditor's like; those of reading the index.
pub async fn suppliers(service: &Service, caller: &Caller) -> Result<Vec<Supplier>, WorkError> {
    let person = caller.person();
    let all = match person.role {
        Role::Administrator
        | Role::InformationGovernance
        | Role::StudyLead
        | Role::Researcher
        | Role::Auditor => true,
        Role::Transcriber => false,
        Role::Commissioner => {
            return Err(WorkError::Refused(
                "the list of suppliers is for those who work with them".to_owned(),
            ));
        }
    };
    record(service, caller, Action::ReadVault, "suppliers").await?;
    let view = service.vault().view()?;
    let rows = view
        .reader()
        .page(&tables::SUPPLIERS, &(), None, usize::MAX)?;
    let rows = rows.into_iter().map(|(_, row)| row);
    Ok(rows
        .filter(|row| all || Some(row.id) == person.supplier)
        .collect())
}

/// The erasures the caller may follow.
///
/// # Errors
/// Those of reading the index and writing the audit.
pub async fn erasures(service: &Service, caller: &Caller) -> Result<Vec<Erasure>, WorkError> {
    record(service, caller, Action::ReadErasure, "erasures").await?;
    let rows = {
        let view = service.vault().view()?;
        view.reader()
            .page(&tables::ERASURES, &(), None, usize::MAX)?
    };
    Ok(rows
        .into_iter()
        .filter(|(id, _)| service.decide::<ReadErasure>(caller, id).is_ok())
        .map(|(_, erasure)| erasure)
        .collect())
}

async fn record(
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

fn candidate_studies(reader: &Reader<'_>, person: &Person) -> Result<Vec<Study>, WorkError> {
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

/// Up to `limit` items the person might know of, after `after`, in order, each once.
fn candidate_items(
    reader: &Reader<'_>,
    person: &Person,
    filter: ItemFilter,
    after: Option<ItemId>,
    limit: usize,
) -> Result<Vec<ItemId>, WorkError> {
    let mut found = std::collections::BTreeSet::new();
    if let Some(supplier) = person.supplier {
        let assigned = reader.page(&tables::ASSIGNMENTS_TO, &supplier, None, usize::MAX)?;
        for ((_, assignment), ()) in assigned {
            let item = reader.get(&tables::ASSIGNMENTS, &assignment)?;
            found.extend(item.map(|assignment| assignment.item));
            let answers = reader.page(&tables::ANSWERS_TO, &assignment, None, usize::MAX)?;
            found.extend(answers.into_iter().map(|((_, item), ())| item));
        }
        found.retain(|item| after.is_none_or(|after| *item > after));
        let mut kept = Vec::new();
        for id in found {
            let row = reader.get(&tables::ITEMS, &id)?;
            if row.is_some_and(|row| passes(&row, filter)) && kept.len() < limit {
                kept.push(id);
            }
        }
        return Ok(kept);
    }
    if let Some(session) = filter.session {
        let after = after.map(|after| (session, after));
        let page = reader.page(&tables::ITEMS_IN, &session, after.as_ref(), limit)?;
        return Ok(page.into_iter().map(|((_, item), ())| item).collect());
    }
    let studies = match filter.study {
        Some(study) => vec![study],
        None => candidate_studies(reader, person)?
            .into_iter()
            .map(|study| study.id)
            .collect(),
    };
    for study in studies {
        let after = after.map(|after| (study, after));
        let page = reader.page(&tables::ITEMS_OF, &study, after.as_ref(), limit)?;
        found.extend(page.into_iter().map(|((_, item), ())| item));
    }
    Ok(found.into_iter().take(limit).collect())
}

fn passes(item: &Item, filter: ItemFilter) -> bool {
    filter.study.is_none_or(|study| item.study == study)
        && filter
            .session
            .is_none_or(|session| item.session == Some(session))
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
