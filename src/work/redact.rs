//! Versions without somebody who withdraws: what an erasure waits for, and how long.

use jiff::ToSpan;
use jiff::civil::Date;

use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::RedactItem;
use crate::id::{ItemId, ParticipantId, SessionId};
use crate::index::{Reader, tables};
use crate::model::item::Redaction;
use crate::model::{
    Actor, Erasure, ErasureStage, Event, Item, Kind, OnWithdrawal, Participant, Session, Standing,
};

/// Says that an item is not worth a version without those who withdraw: it goes with them.
///
/// # Errors
/// [`WorkError::Conflict`] when there is such a version already, or it was said before.
pub async fn waive(service: &Service, grant: Grant<RedactItem>) -> Result<(), WorkError> {
    let item = grant.loaded().id;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let row = draft.reader().get(&tables::ITEMS, &item)?;
            let row = row
                .filter(|row| !row.erased)
                .ok_or(WorkError::NoSuchThing)?;
            match row.redaction {
                None => Ok((Event::RedactionWaived { item }, ())),
                Some(Redaction::Waived) => Err(WorkError::Conflict(
                    "it is declared not worth keeping already".to_owned(),
                )),
                Some(Redaction::Done(version)) => Err(WorkError::Conflict(format!(
                    "there is a version for those who remain already: {version}"
                ))),
            }
        })
        .await
}

/// The last day an erasure waits for versions without its participant, counted from `today`; none
/// when there is nothing to wait for.
pub(super) fn hold(
    reader: &Reader<'_>,
    erasure: &Erasure,
    today: Date,
) -> Result<Option<Date>, WorkError> {
    let mut last = None;
    for (_, days) in waited_for(reader, erasure)? {
        let day = today.checked_add(i64::from(days).days());
        last = last.max(Some(day.unwrap_or(Date::MAX)));
    }
    Ok(last)
}

/// Whether an erasure still waits: its last day has not passed, and an item has neither a version for
/// those who remain nor been declared not worth one.
pub(super) fn is_held(
    reader: &Reader<'_>,
    erasure: &Erasure,
    today: Date,
) -> Result<bool, WorkError> {
    let in_time = erasure.held_until.is_some_and(|last| today <= last);
    Ok(in_time
        && erasure.stage <= ErasureStage::Approved
        && !waited_for(reader, erasure)?.is_empty())
}

/// The items an erasure waits for, with the days their session gives.
pub fn waited_for(reader: &Reader<'_>, erasure: &Erasure) -> Result<Vec<(ItemId, u16)>, WorkError> {
    let Some(withdrawal) = erasure.withdrawal() else {
        return Ok(Vec::new());
    };
    let leaves = withdrawal.participant;
    let mut waited = Vec::new();
    for ((_, id), ()) in reader.page(&tables::ITEMS_WITH, &leaves, None, usize::MAX)? {
        let item = reader.get(&tables::ITEMS, &id)?;
        let Some(item) = item.filter(|item| !item.erased && item.redaction.is_none()) else {
            continue;
        };
        if withdrawal.scope.reaches(item.kind)
            && let Some(days) = days_of(reader, item.session)?
            && !remaining(reader, &item, Some(leaves))?.is_empty()
        {
            waited.push((id, days));
        }
    }
    Ok(waited)
}

/// The days a session gives for versions without somebody, if it gives any.
fn days_of(reader: &Reader<'_>, session: Option<SessionId>) -> Result<Option<u16>, WorkError> {
    let Some(session) = session else {
        return Ok(None);
    };
    let session: Option<Session> = reader.get(&tables::SESSIONS, &session)?;
    Ok(match session.map(|session| session.on_withdrawal) {
        Some(OnWithdrawal::RedactFirst { days }) => Some(days),
        Some(OnWithdrawal::Destroy) | None => None,
    })
}

/// Those in an item who stay: they take part, permit its kind, and are not `leaving`.
pub(super) fn remaining(
    reader: &Reader<'_>,
    item: &Item,
    leaving: Option<ParticipantId>,
) -> Result<Vec<Participant>, WorkError> {
    let mut rows = Vec::new();
    for id in item.participants.iter().filter(|id| Some(**id) != leaving) {
        let row = reader.get(&tables::PARTICIPANTS, id)?;
        rows.extend(row.filter(|row| {
            row.standing == Standing::Active && row.permissions.contains(&item.kind.permission())
        }));
    }
    Ok(rows)
}

/// Those for whom a version of an item is kept, in the order of their identifiers.
///
/// # Errors
/// [`WorkError::Refused`] when nobody remains, or somebody who does has not permitted `kind`;
/// [`WorkError::Conflict`] when there is such a version already.
pub(super) fn those_who_remain(
    reader: &Reader<'_>,
    item: ItemId,
    kind: Kind,
) -> Result<Vec<ParticipantId>, WorkError> {
    let item = reader.get(&tables::ITEMS, &item)?;
    let item = item
        .filter(|item| !item.erased)
        .ok_or(WorkError::NoSuchThing)?;
    if let Some(Redaction::Done(version)) = item.redaction {
        return Err(WorkError::Conflict(format!(
            "there is a version for those who remain already: {version}"
        )));
    }
    let stay = remaining(reader, &item, None)?;
    if stay.is_empty() {
        return Err(WorkError::Refused(
            "nobody who is in it remains; it goes with them".to_owned(),
        ));
    }
    let permission = kind.permission();
    match stay
        .iter()
        .find(|row| !row.permissions.contains(&permission))
    {
        None => Ok(stay.into_iter().map(|row| row.id).collect()),
        Some(row) => Err(WorkError::Refused(format!(
            "{} has not permitted {kind}; nothing was taken in (the permission missing is `{permission}`)",
            row.id
        ))),
    }
}
