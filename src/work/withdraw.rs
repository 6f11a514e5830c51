//! A participant withdraws: nothing they are in is read from now on.

use jiff::civil::Date;

use super::error::WorkError;
use super::participant::live;
use super::redact;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::{RefuseErasure, WithdrawParticipant};
use crate::clock::london_day;
use crate::id::{ErasureId, ParticipantId};
use crate::index::{Reader, tables};
use crate::model::erasure::LateReason;
use crate::model::{Actor, Cause, Erasure, ErasureStage, Event, Scope, Study, Withdrawal};

/// What becomes of a withdrawal.
#[derive(Debug)]
pub struct Answer {
    /// The erasure that carries it out, once as many others approve as the study asks for.
    pub erasure: ErasureId,
    /// That erasure as it was recorded.
    pub recorded: Erasure,
    /// Whether it came within the study's window (R10, R11).
    pub in_time: bool,
    /// The window's last day, for somebody who was in a session.
    pub last_day: Option<Date>,
    /// Items that no longer open.
    pub frozen_items: u64,
}

/// Records that a participant withdraws. No reason is asked (R10); everything they are in is frozen
/// at once, or, for `contact_only`, nothing is and only their contact details will go (R15).
///
/// # Errors
/// [`WorkError::Conflict`] when a withdrawal is under way already, or no contact details are held.
pub async fn withdraw(
    service: &Service,
    grant: Grant<WithdrawParticipant>,
    contact_only: bool,
) -> Result<Answer, WorkError> {
    let by = grant.person();
    let participant = grant.loaded().id;
    let erasure = ErasureId::random(&*service.vault().means().entropy)?;
    service
        .vault()
        .commit(Actor::Person(by), |draft| {
            let (reader, now) = (draft.reader(), draft.now());
            let row = live(reader, participant)?;
            let scope = match contact_only {
                true => Scope::ContactOnly,
                false => Scope::Everything,
            };
            if let Some(open) = open_erasure(reader, participant, &scope)? {
                return Err(WorkError::Conflict(format!(
                    "that withdrawal is recorded already, as {open}; `erasure show` says what it waits for"
                )));
            }
            if contact_only && row.contact.is_none() {
                return Err(WorkError::Conflict(
                    "no contact details are held of this participant".to_owned(),
                ));
            }
            let study = reader.get(&tables::STUDIES, &row.study)?;
            let study = study.ok_or(WorkError::NoSuchThing)?;
            let last_day = last_day(reader, participant, &study)?;
            let today = london_day(now);
            // Contact details can go at any time (R15).
            let in_time = contact_only || last_day.is_none_or(|last| today <= last);
            let frozen_items = match contact_only {
                true => 0,
                false => live_items(reader, participant)?,
            };
            let cause = Cause::Withdrawal(Withdrawal {
                participant,
                scope,
                in_time,
            });
            let asked_by = Actor::Person(by);
            let mut record =
                Erasure::requested(erasure, row.study, cause, asked_by, now, study.approvers);
            record.held_until = redact::hold(reader, &record, today)?;
            let answer = Answer {
                erasure,
                recorded: record.clone(),
                in_time,
                last_day,
                frozen_items,
            };
            let erasure = Box::new(record);
            Ok((Event::WithdrawalRecorded { erasure }, answer))
        })
        .await
}

/// Refuses a withdrawal that came after the study's last day (R12): nothing is destroyed, and what
/// was frozen opens again.
///
/// # Errors
/// [`WorkError::Refused`] for one that came in time, or by whoever recorded it;
/// [`WorkError::Conflict`] once it is decided on.
pub async fn refuse(
    service: &Service,
    grant: Grant<RefuseErasure>,
    reason: LateReason,
) -> Result<Erasure, WorkError> {
    let (by, id) = (grant.person(), grant.loaded().id);
    let vault = service.vault();
    vault
        .commit(Actor::Person(by), |draft| {
            let erasure = draft.reader().get(&tables::ERASURES, &id)?;
            let erasure = erasure.ok_or(WorkError::NoSuchThing)?;
            if erasure.stage != ErasureStage::Requested {
                return Err(WorkError::Conflict(
                    "the withdrawal is decided on already; see `erasure show`".to_owned(),
                ));
            }
            if !erasure.is_refusable() {
                return Err(WorkError::Refused(
                    "it came in time, and what comes in time is not refused; approve it".to_owned(),
                ));
            }
            if erasure.requested_by == Actor::Person(by) {
                return Err(WorkError::Refused(
                    "a withdrawal is decided on by somebody else than who recorded it".to_owned(),
                ));
            }
            let refused = Event::ErasureRefused {
                erasure: id,
                by,
                reason,
            };
            Ok::<_, WorkError>((refused, ()))
        })
        .await?;
    let view = vault.view()?;
    let erasure = view.reader().get(&tables::ERASURES, &id)?;
    erasure.ok_or(WorkError::NoSuchThing)
}

/// An erasure of the participant that would do the same, and is not finished.
fn open_erasure(
    reader: &Reader<'_>,
    participant: ParticipantId,
    scope: &Scope,
) -> Result<Option<ErasureId>, WorkError> {
    for ((_, id), ()) in reader.page(&tables::ERASURES_OF, &participant, None, usize::MAX)? {
        let open = reader.get(&tables::ERASURES, &id)?.filter(|erasure| {
            erasure.withdrawal().map(|withdrawal| &withdrawal.scope) == Some(scope)
                && erasure.stage < ErasureStage::KeysDestroyed
        });
        if open.is_some() {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// The last day of the window: that of the latest session they were in.
pub(super) fn last_day(
    reader: &Reader<'_>,
    participant: ParticipantId,
    study: &Study,
) -> Result<Option<Date>, WorkError> {
    let mut last = None;
    for ((_, id), ()) in reader.page(&tables::SESSIONS_WITH, &participant, None, usize::MAX)? {
        if let Some(session) = reader.get(&tables::SESSIONS, &id)? {
            let window = study.withdraw_within;
            last = last.max(Some(window.last_day(session.date, study.analysis_begins())));
        }
    }
    Ok(last)
}

fn live_items(reader: &Reader<'_>, participant: ParticipantId) -> Result<u64, WorkError> {
    let mut live = 0;
    for ((_, id), ()) in reader.page(&tables::ITEMS_WITH, &participant, None, usize::MAX)? {
        let row = reader.get(&tables::ITEMS, &id)?;
        live += u64::from(row.is_some_and(|item| !item.erased));
    }
    Ok(live)
}
