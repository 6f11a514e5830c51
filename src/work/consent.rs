//! Consent: each version of what somebody permits, bound to the notice and the lawful basis it was
//! given under.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::error::WorkError;
use super::participant::live;
use super::redact;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::{ChangeParticipant, ReadParticipant};
use crate::clock::london_day;
use crate::id::{ErasureId, ItemId, ParticipantId};
use crate::index::{Reader, tables};
use crate::model::erasure::Withdrawal;
use crate::model::{
    Actor, Cause, Consent, Erasure, ErasureStage, Event, Item, Kind, Participant, Permissions,
    Scope, Standing, Study,
};

/// What somebody permits from now on.
#[derive(Debug)]
pub struct NewConsent {
    /// All that they permit; what is not among it they permit no longer.
    pub permissions: Permissions,
    /// The day they said so; today, when none is named.
    pub given: Option<Date>,
    /// The version of the privacy notice they were given; the one in force, when none is named.
    pub notice: Option<u32>,
    /// The form, or the recording of their word.
    pub evidence: Option<ItemId>,
}

/// A version of consent that was recorded, and what follows from it.
#[derive(Debug)]
pub struct Recorded {
    /// Its number.
    pub version: u32,
    /// The erasure of what they permit no longer, if there is something; a second person approves it.
    pub erasure: Option<ErasureId>,
    /// How many items of which kind nobody opens any more; they go with that erasure.
    pub frozen: BTreeMap<Kind, u64>,
    /// How many items of which kind stay as they are.
    pub kept: BTreeMap<Kind, u64>,
}

/// Records what somebody permits now (R7). Material of a kind they permit no longer is frozen at
/// once and listed for erasure; material of the kinds they still permit stays, transcripts of a
/// recording that goes included.
///
/// # Errors
/// [`WorkError::Unacceptable`] for no permission at all, a day that has not come or lies before the
/// version in force, a notice there is not, or evidence that is none of theirs; and
/// [`WorkError::Conflict`] when it changes nothing, or while they are withdrawing.
pub async fn record(
    service: &Service,
    grant: Grant<ChangeParticipant>,
    new: NewConsent,
) -> Result<Recorded, WorkError> {
    if new.permissions.is_empty() {
        return Err(WorkError::Unacceptable(
            "somebody who permits nothing any more withdraws; record that (`withdraw`)".to_owned(),
        ));
    }
    let (by, id) = (grant.person(), grant.loaded().id);
    let erasure = ErasureId::random(&*service.vault().means().entropy)?;
    service
        .vault()
        .commit(Actor::Person(by), |draft| {
            let (reader, now) = (draft.reader(), draft.now());
            let today = london_day(now);
            let row = live(reader, id)?;
            if row.standing == Standing::Frozen {
                return Err(WorkError::Conflict(
                    "they are withdrawing; what they permit counts again only if that is refused"
                        .to_owned(),
                ));
            }
            let study = reader.get(&tables::STUDIES, &row.study)?;
            let study = study.ok_or(WorkError::NoSuchThing)?;
            let given = new.given.unwrap_or(today);
            let consent = Consent {
                participant: id,
                version: row.consent.saturating_add(1),
                permissions: new.permissions,
                given: Some(given),
                notice: notice_of(reader, &study, today, Some(given), new.notice)?,
                lawful_basis: study.lawful_basis,
                evidence: new.evidence,
                recorded_by: by,
                recorded: now,
            };
            check_follows(reader, &row, &consent)?;
            check_evidence(reader, id, new.evidence)?;
            check_not_going(reader, &row, &consent)?;
            let ended = ended_kinds(&row.permissions, &consent.permissions);
            let (frozen, kept) = split(reader, id, &ended)?;
            let carried_out = match frozen.is_empty() {
                true => None,
                false => {
                    let cause = Cause::Withdrawal(Withdrawal {
                        participant: id,
                        scope: Scope::Kinds(ended.clone()),
                        // What somebody permits can change at any time (R7): it is never too late.
                        in_time: true,
                    });
                    let mut record = Erasure::requested(
                        erasure,
                        row.study,
                        cause,
                        Actor::Person(by),
                        now,
                        study.approvers,
                    );
                    record.held_until = redact::hold(reader, &record, today)?;
                    Some(Box::new(record))
                }
            };
            let recorded = Recorded {
                version: consent.version,
                erasure: carried_out.as_ref().map(|record| record.id),
                frozen,
                kept,
            };
            let event = Event::ConsentRecorded {
                consent,
                erasure: carried_out,
            };
            Ok((event, recorded))
        })
        .await
}

/// Every version of somebody's consent, the first one first.
///
/// # Errors
/// Those of the index.
pub fn versions(
    service: &Service,
    grant: Grant<ReadParticipant>,
) -> Result<Vec<Consent>, WorkError> {
    let view = service.vault().view()?;
    let id = grant.loaded().id;
    let rows = view
        .reader()
        .page(&tables::CONSENTS, &id, None, usize::MAX)?;
    Ok(rows.into_iter().map(|(_, consent)| consent).collect())
}

/// The notice a consent given on a day is bound to (R4): the one named, or the last one published by
/// then.
///
/// # Errors
/// [`WorkError::Unacceptable`] for a day that has not come, a version there is not, or one that was
/// published after that day.
pub(super) fn notice_of(
    reader: &Reader<'_>,
    study: &Study,
    today: Date,
    given: Option<Date>,
    named: Option<u32>,
) -> Result<Option<u32>, WorkError> {
    let day = given.unwrap_or(today);
    if day > today {
        return Err(WorkError::Unacceptable(format!(
            "{day} has not come yet; give the day on which they said so, {today} at the latest"
        )));
    }
    let notices = reader.page(&tables::NOTICES, &study.id, None, usize::MAX)?;
    let Some(named) = named else {
        let by_then = notices.iter().filter(|(_, notice)| notice.published <= day);
        return Ok(by_then.map(|(_, notice)| notice.version).max());
    };
    let notice = notices.iter().find(|(_, notice)| notice.version == named);
    match notice {
        Some((_, notice)) if notice.published > day => Err(WorkError::Unacceptable(format!(
            "version {named} of the privacy notice was published on {}, after the consent of {day}; name the version they were given",
            notice.published
        ))),
        Some(_) => Ok(Some(named)),
        None => Err(WorkError::Unacceptable(match study.notice {
            Some(latest) => format!(
                "the study has no version {named} of its privacy notice; the latest is {latest}"
            ),
            None => format!(
                "the study has no version {named} of its privacy notice, nor any other; record the notice first, or leave it out"
            ),
        })),
    }
}

/// Refuses a session held before somebody in it had given any consent.
///
/// # Errors
/// [`WorkError::Unacceptable`] with the day of their first consent.
pub(super) fn check_covers(
    reader: &Reader<'_>,
    participant: ParticipantId,
    session: Date,
) -> Result<(), WorkError> {
    let versions = reader.page(&tables::CONSENTS, &participant, None, 1)?;
    let first = versions.into_iter().find_map(|(_, consent)| consent.given);
    match first.filter(|first| *first > session) {
        None => Ok(()),
        Some(first) => Err(WorkError::Unacceptable(format!(
            "the consent of {participant} is of {first}, after the session of {session}; nobody is recorded before they consent: check both days"
        ))),
    }
}

/// Refuses a recording of a session that was held before somebody in it permitted that kind.
///
/// # Errors
/// [`WorkError::Refused`] naming the permission and the day it was given.
pub(super) fn check_permitted_by(
    reader: &Reader<'_>,
    row: &Participant,
    kind: Kind,
    session: Option<Date>,
) -> Result<(), WorkError> {
    let permission = kind.permission();
    if !row.permissions.contains(&permission) {
        return Err(WorkError::Refused(format!(
            "{} has not permitted {kind}; nothing was taken in (the permission missing is `{permission}`)",
            row.id
        )));
    }
    let Some(session) = session.filter(|_| is_made_in_the_session(kind)) else {
        return Ok(());
    };
    // Since when, without a break, the permission has stood.
    let versions = reader.page_back(&tables::CONSENTS, &row.id, None, usize::MAX)?;
    let standing = versions
        .iter()
        .map_while(|(_, consent)| consent.permissions.contains(&permission).then_some(consent));
    let Some(since) = standing.last() else {
        return Ok(());
    };
    match since.given.filter(|given| *given > session) {
        None => Ok(()),
        Some(given) => Err(WorkError::Refused(format!(
            "{} permits {kind} since {given}, and the session was held on {session}; nothing was taken in (the permission `{permission}` came later)",
            row.id
        ))),
    }
}

/// Whether material of a kind is made while the session is held; the rest is made from it later.
fn is_made_in_the_session(kind: Kind) -> bool {
    match kind {
        Kind::Audio | Kind::Video | Kind::Screen | Kind::Photo => true,
        Kind::Notes | Kind::Transcript | Kind::Survey => false,
    }
}

fn check_follows(
    reader: &Reader<'_>,
    row: &Participant,
    consent: &Consent,
) -> Result<(), WorkError> {
    let before = reader.get(&tables::CONSENTS, &(row.id, row.consent))?;
    let before = before.ok_or(WorkError::NoSuchThing)?;
    if let (Some(before), Some(given)) = (before.given, consent.given)
        && given < before
    {
        return Err(WorkError::Unacceptable(format!(
            "version {} of their consent is of {before}; a later version is not of an earlier day: check the day",
            row.consent
        )));
    }
    let same = before.permissions == consent.permissions
        && before.notice == consent.notice
        && consent
            .evidence
            .is_none_or(|item| before.evidence == Some(item));
    match same {
        false => Ok(()),
        true => Err(WorkError::Conflict(format!(
            "that is what they permit already, by version {} of their consent",
            row.consent
        ))),
    }
}

fn check_evidence(
    reader: &Reader<'_>,
    participant: ParticipantId,
    evidence: Option<ItemId>,
) -> Result<(), WorkError> {
    let Some(id) = evidence else { return Ok(()) };
    let item = reader.get(&tables::ITEMS, &id)?;
    let theirs = |item: &Item| !item.erased && item.participants == [participant];
    let item = item.filter(theirs).ok_or_else(|| {
        WorkError::Unacceptable(format!(
            "{id} is no item of this participant alone; give the form or recording of their own consent"
        ))
    })?;
    match item.kind {
        Kind::Notes | Kind::Photo | Kind::Audio => Ok(()),
        other => Err(WorkError::Unacceptable(format!(
            "a {other} is no evidence of consent; a form is brought as notes or photo, somebody's word as audio"
        ))),
    }
}

/// Refuses to permit again what still waits to be destroyed because it was not.
fn check_not_going(
    reader: &Reader<'_>,
    row: &Participant,
    consent: &Consent,
) -> Result<(), WorkError> {
    for ((_, id), ()) in reader.page(&tables::ERASURES_OF, &row.id, None, usize::MAX)? {
        let Some(erasure) = reader.get(&tables::ERASURES, &id)? else {
            continue;
        };
        let going = match erasure.withdrawal().map(|withdrawal| &withdrawal.scope) {
            Some(Scope::Kinds(kinds)) if erasure.stage < ErasureStage::KeysDestroyed => kinds,
            _ => continue,
        };
        let again = going
            .iter()
            .find(|kind| consent.permissions.contains(&kind.permission()));
        if let Some(kind) = again {
            return Err(WorkError::Conflict(format!(
                "their {kind} waits to be destroyed by {id}; once it is, they can permit {kind} again for what is yet to come"
            )));
        }
    }
    Ok(())
}

/// The kinds that were permitted and are no longer.
fn ended_kinds(before: &Permissions, after: &Permissions) -> BTreeSet<Kind> {
    let ended = |kind: &Kind| {
        let permission = kind.permission();
        before.contains(&permission) && !after.contains(&permission)
    };
    Kind::ALL.into_iter().filter(ended).collect()
}

/// How many of somebody's items are of those kinds, and how many are not.
#[allow(clippy::type_complexity, reason = "two counts of one shape")]
fn split(
    reader: &Reader<'_>,
    participant: ParticipantId,
    kinds: &BTreeSet<Kind>,
) -> Result<(BTreeMap<Kind, u64>, BTreeMap<Kind, u64>), WorkError> {
    let (mut among, mut others) = (BTreeMap::new(), BTreeMap::new());
    for ((_, id), ()) in reader.page(&tables::ITEMS_WITH, &participant, None, usize::MAX)? {
        let Some(item) = reader.get(&tables::ITEMS, &id)?.filter(|item| !item.erased) else {
            continue;
        };
        let counted = match kinds.contains(&item.kind) {
            true => &mut among,
            false => &mut others,
        };
        *counted.entry(item.kind).or_default() += 1;
    }
    Ok((among, others))
}
