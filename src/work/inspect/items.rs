//! Items as they are listed and shown, each only as far as whoever asks may know of it.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{candidate_studies, record};
use crate::access::acts::ReadItem;
use crate::access::{Caller, Grant, KnownItem};
use crate::id::{ItemId, SessionId, StudyId};
use crate::index::{Reader, tables};
use crate::model::{Action, Assignment, Item, Person, Role, Tier};
use crate::vault::View;
use crate::work::error::WorkError;
use crate::work::service::Service;

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
    /// As whom they see it.
    pub eyes: Eyes,
}

/// As whom somebody sees an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Eyes {
    /// Of the study's team, or overseeing it.
    Team,
    /// Admitted for what is de-identified: nobody in it, nothing it was made from (R26).
    Analyst,
    /// Of a supplier it is assigned to.
    Supplier,
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
        let view = service.vault().view()?;
        let reader = view.reader();
        let Some(mut deck) = service.gatekeeper().deck(reader, caller, service.now())? else {
            break;
        };
        let page = candidate_items(reader, caller.person(), filter, cursor, limit)?;
        let ended = page.len() < limit;
        cursor = page.last().copied();
        let (mut rows, had) = (Vec::with_capacity(page.len()), seen.len());
        for id in page {
            if had + rows.len() < limit
                && let Some(known) = deck.know(id)?
            {
                rows.push(seen_of(reader, caller.person(), known)?);
            }
        }
        seen.extend(named(service, &view, rows)?);
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
    let deck = service
        .gatekeeper()
        .deck(view.reader(), grant.caller(), service.now())?;
    let known = match deck {
        Some(mut deck) => deck.know(grant.loaded().id)?,
        None => None,
    };
    let known = known.ok_or(WorkError::NoSuchThing)?;
    let person = grant.caller().person();
    let seen = seen_of(view.reader(), person, known)?;
    let seen = named(service, &view, vec![seen])?.pop();
    seen.ok_or(WorkError::NoSuchThing)
}

/// What somebody who may know of an item is shown of it, and whether they are told its name.
fn seen_of(
    reader: &Reader<'_>,
    person: &Person,
    known: KnownItem,
) -> Result<(ItemSeen, bool), WorkError> {
    let item = known.item;
    let eyes = eyes(reader, person, &item)?;
    let mut assignments = match eyes {
        Eyes::Analyst => Vec::new(),
        Eyes::Team | Eyes::Supplier => assignments_of(reader, item.id)?,
    };
    let mut until = None;
    if eyes == Eyes::Supplier {
        let answered = item.answers.map(|id| reader.get(&tables::ASSIGNMENTS, &id));
        until = assignments
            .drain(..)
            .chain(answered.transpose()?.flatten())
            .filter(|row| Some(row.supplier) == person.supplier && !row.is_over())
            .map(|row| row.until)
            .max();
    }
    // A name is content: only whoever may open the item is told it.
    let told = eyes == Eyes::Team && known.opens && !known.withdrawing;
    let seen = ItemSeen {
        item,
        file_name: None,
        frozen: known.withdrawing,
        until,
        assignments,
        eyes,
    };
    Ok((seen, told))
}

/// With the names of those whose name is told. What has lost its keys is not there.
fn named(
    service: &Service,
    view: &View<'_>,
    rows: Vec<(ItemSeen, bool)>,
) -> Result<Vec<ItemSeen>, WorkError> {
    let told = rows.iter().filter(|(_, told)| *told);
    let items: Vec<&Item> = told.map(|(seen, _)| &seen.item).collect();
    let mut opened = view.particulars_of(service.vault(), &items)?.into_iter();
    let mut all = Vec::with_capacity(rows.len());
    for (mut seen, told) in rows {
        if told {
            let Some(mut particulars) = opened.next().flatten() else {
                continue;
            };
            seen.file_name = particulars.file_name.take();
        }
        all.push(seen);
    }
    Ok(all)
}

fn eyes(reader: &Reader<'_>, person: &Person, item: &Item) -> Result<Eyes, WorkError> {
    if person.role == Role::Transcriber {
        return Ok(Eyes::Supplier);
    }
    let place = reader.get(&tables::MEMBERSHIPS, &(item.study, person.id))?;
    let analyst = place.is_some_and(|place| place.sees > Tier::Identifiable)
        && person.role != Role::InformationGovernance;
    Ok(if analyst { Eyes::Analyst } else { Eyes::Team })
}

fn assignments_of(reader: &Reader<'_>, item: ItemId) -> Result<Vec<Assignment>, WorkError> {
    let mut assignments = Vec::new();
    for ((_, id), ()) in reader.page(&tables::ASSIGNMENTS_OF, &item, None, usize::MAX)? {
        assignments.extend(reader.get(&tables::ASSIGNMENTS, &id)?);
    }
    Ok(assignments)
}

/// Up to `limit` items the person might know of, after `after`, in order, each once.
fn candidate_items(
    reader: &Reader<'_>,
    person: &Person,
    filter: ItemFilter,
    after: Option<ItemId>,
    limit: usize,
) -> Result<Vec<ItemId>, WorkError> {
    let mut found = BTreeSet::new();
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
    // Of studies they may not know of, nothing is looked up: not even how much there is (R50).
    let known: BTreeSet<StudyId> = candidate_studies(reader, person)?
        .into_iter()
        .map(|study| study.id)
        .collect();
    if let Some(session) = filter.session {
        let row = reader.get(&tables::SESSIONS, &session)?;
        let here = row.is_some_and(|row| {
            known.contains(&row.study) && filter.study.is_none_or(|study| study == row.study)
        });
        if !here {
            return Ok(Vec::new());
        }
        let after = after.map(|after| (session, after));
        let page = reader.page(&tables::ITEMS_IN, &session, after.as_ref(), limit)?;
        return Ok(page.into_iter().map(|((_, item), ())| item).collect());
    }
    let studies = known
        .into_iter()
        .filter(|known| filter.study.is_none_or(|study| study == *known));
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
