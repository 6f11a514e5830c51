//! Ending a request: answered as its kind is, or refused with a reason and whom to turn to.

use jiff::ToSpan;
use jiff::civil::Date;

use super::{Seen, held, nothing_held, open_request, outcome_note, seen};
use crate::access::acts::{AnswerRequest, RestrictParticipant, WithdrawParticipant};
use crate::access::{Caller, Grant};
use crate::clock::london_day;
use crate::id::{ErasureId, ParticipantId};
use crate::index::{Reader, tables};
use crate::limits::{BUNDLE_DAYS, BUNDLE_DAYS_MAX};
use crate::model::request::{Closed, Outcome, RequestKind, RightsRequest};
use crate::model::{Actor, ErasureStage, Event, Scope, Sealed, Text};
use crate::work::error::WorkError;
use crate::work::service::Service;
use crate::work::withdraw;

/// What more an answer says.
#[derive(Debug, Default)]
pub struct NewAnswer {
    /// What was corrected, for a rectification.
    pub what: Option<Text>,
    /// The last day the answer can be fetched, for access and portability.
    pub until: Option<Date>,
}

/// Answers a request as its kind is: access and portability by a bundle that can be fetched for some
/// days, rectification by saying what was corrected, restriction by restricting, erasure and objection
/// by a withdrawal. When nothing is held any more, that is the answer, whatever was asked (R20).
///
/// # Errors
/// [`WorkError::Conflict`] when it is closed, [`WorkError::Unacceptable`] for what its kind has no
/// use for or lacks.
pub async fn answer(
    service: &Service,
    caller: &Caller,
    grant: Grant<AnswerRequest>,
    new: NewAnswer,
) -> Result<Seen, WorkError> {
    let today = service.today();
    let (request, there) = {
        let view = service.vault().view()?;
        let request = open_request(view.reader(), *grant.on())?;
        let there = held(view.reader(), request.study, request.participant)?;
        (request, there.is_some())
    };
    check_answer(&request, &new, today)?;
    if !there {
        return close(service, grant, |_| Ok(Outcome::NothingHeld)).await;
    }
    let participant = request.participant;
    match request.kind {
        RequestKind::Access | RequestKind::Portability => {
            let expires = new
                .until
                .unwrap_or_else(|| today.saturating_add(BUNDLE_DAYS.days()));
            close(service, grant, |_| Ok(Outcome::Bundle { expires })).await
        }
        RequestKind::Rectification => {
            let what = new.what.ok_or_else(|| {
                WorkError::Unacceptable(
                    "say what was corrected (`--what`); details are corrected with `strongroom participant correct`"
                        .to_owned(),
                )
            })?;
            close(service, grant, |sealed| {
                sealed(&what).map(|what| Outcome::Corrected { what })
            })
            .await
        }
        RequestKind::Erasure | RequestKind::Objection => {
            let erasure = match withdrawal_under_way(service, participant)? {
                Some(erasure) => erasure,
                None => {
                    let may = service.admit::<WithdrawParticipant>(caller, participant);
                    withdraw::withdraw(service, may.await?, false)
                        .await?
                        .erasure
                }
            };
            close(service, grant, |_| Ok(Outcome::Withdrawal { erasure })).await
        }
        RequestKind::Restriction => {
            let may = service.admit::<RestrictParticipant>(caller, participant);
            let may = may.await?;
            if !may.loaded().restricted {
                restrict(service, may, true).await?;
            }
            close(service, grant, |_| Ok(Outcome::Restricted)).await
        }
        RequestKind::Transcript => close(service, grant, |_| Ok(Outcome::Transcript)).await,
    }
}

/// Refuses a request, with a reason (R19).
///
/// # Errors
/// [`WorkError::Conflict`] when it is closed, when nothing is held any more, when the study names no
/// data protection officer to turn to, and for an erasure that was asked for in time (R10).
pub async fn refuse(
    service: &Service,
    grant: Grant<AnswerRequest>,
    reason: Text,
) -> Result<Seen, WorkError> {
    {
        let view = service.vault().view()?;
        let reader = view.reader();
        let request = open_request(reader, *grant.on())?;
        held(reader, request.study, request.participant)?.ok_or_else(nothing_held)?;
        check_refusal(reader, &request)?;
    }
    close(service, grant, |sealed| {
        sealed(&reason).map(|reason| Outcome::Refused { reason })
    })
    .await
}

/// Restricts a participant, so that what they are in is kept and not used, or lifts that again.
///
/// # Errors
/// [`WorkError::Conflict`] when it is so already.
pub async fn restrict(
    service: &Service,
    grant: Grant<RestrictParticipant>,
    restricted: bool,
) -> Result<(), WorkError> {
    let participant = grant.loaded().id;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let row = draft.reader().get(&tables::PARTICIPANTS, &participant)?;
            let row = row.ok_or(WorkError::NoSuchThing)?;
            if row.restricted == restricted {
                return Err(WorkError::Conflict(
                    match restricted {
                        true => "what they are in is restricted already",
                        false => "what they are in is not restricted; there is nothing to lift",
                    }
                    .to_owned(),
                ));
            }
            let event = Event::ParticipantRestricted {
                participant,
                restricted,
            };
            Ok((event, ()))
        })
        .await
}

/// What an answer must say, and what it must not, for its kind.
fn check_answer(request: &RightsRequest, new: &NewAnswer, today: Date) -> Result<(), WorkError> {
    let unacceptable = |what: String| Err(WorkError::Unacceptable(what));
    let bundled = matches!(request.kind, RequestKind::Access | RequestKind::Portability);
    if new.what.is_some() && request.kind != RequestKind::Rectification {
        return unacceptable(format!(
            "this is a request for {}: leave out what was corrected",
            request.kind
        ));
    }
    let Some(until) = new.until else {
        return Ok(());
    };
    if !bundled {
        return unacceptable(format!(
            "this is a request for {}, and its answer is nothing to fetch: leave out the last day",
            request.kind
        ));
    }
    let latest = today.saturating_add(BUNDLE_DAYS_MAX.days());
    if until < today || until > latest {
        return unacceptable(format!(
            "{until} does not work as the last day; give one from {today} to {latest}"
        ));
    }
    Ok(())
}

fn check_refusal(reader: &Reader<'_>, request: &RightsRequest) -> Result<(), WorkError> {
    let study = reader.get(&tables::STUDIES, &request.study)?;
    let study = study.ok_or(WorkError::NoSuchThing)?;
    if study.contacts.dpo.is_none() {
        return Err(WorkError::Conflict(
            "the study names no data protection officer the participant could turn to; record how to reach them first (`strongroom study amend --dpo`)"
                .to_owned(),
        ));
    }
    if matches!(request.kind, RequestKind::Erasure | RequestKind::Objection) {
        let last = withdraw::last_day(reader, request.participant, &study)?;
        if last.is_none_or(|last| request.opened <= last) {
            return Err(WorkError::Conflict(format!(
                "it came in on {}, in time to withdraw{}, and is not refused; answer it",
                request.opened,
                last.map_or_else(String::new, |last| format!(" (until {last})"))
            )));
        }
    }
    Ok(())
}

/// Seals a note of how a request ended.
type Sealing<'a> = dyn Fn(&Text) -> Result<Sealed, WorkError> + 'a;

/// Closes the request with the outcome that `decide` gives, handed what seals a note of it.
async fn close(
    service: &Service,
    grant: Grant<AnswerRequest>,
    decide: impl FnOnce(&Sealing<'_>) -> Result<Outcome, WorkError>,
) -> Result<Seen, WorkError> {
    let (by, id) = (grant.person(), *grant.on());
    let vault = service.vault();
    let request = vault.commit(Actor::Person(by), |draft| {
        let mut request = open_request(draft.reader(), id)?;
        let today = london_day(draft.now());
        let sealed = |note: &Text| {
            let key = draft.view().note_key(vault, &[request.participant])?;
            Ok(vault.seal_note(&key, &outcome_note(id), note)?)
        };
        let closed = Closed {
            on: today,
            by,
            outcome: decide(&sealed)?,
        };
        request.close(closed.clone());
        let event = Event::RequestClosed {
            request: id,
            closed,
        };
        Ok::<_, WorkError>((event, request))
    });
    seen(service, request.await?)
}

/// A withdrawal of everything that is recorded and not carried out yet.
fn withdrawal_under_way(
    service: &Service,
    participant: ParticipantId,
) -> Result<Option<ErasureId>, WorkError> {
    let view = service.vault().view()?;
    let reader = view.reader();
    for ((_, id), ()) in reader.page(&tables::ERASURES_OF, &participant, None, usize::MAX)? {
        let row = reader.get(&tables::ERASURES, &id)?;
        let under_way = row.is_some_and(|row| {
            let all = row
                .withdrawal()
                .is_some_and(|withdrawal| withdrawal.scope == Scope::Everything);
            all && row.stage < ErasureStage::KeysDestroyed
        });
        if under_way {
            return Ok(Some(id));
        }
    }
    Ok(None)
}
