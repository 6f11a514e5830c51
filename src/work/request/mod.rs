//! Rights requests: recorded, counted, answered or refused (R16–R20).

mod account;
pub mod answer;
pub mod bundle;
mod usage;

use jiff::civil::Date;

use super::error::WorkError;
use super::service::Service;
use crate::access::acts::{AnswerRequest, OpenRequest, ReadRequest};
use crate::access::{Caller, Grant};
use crate::clock::london_day;
use crate::id::{ParticipantId, RequestId, StudyId};
use crate::index::{Reader, tables};
use crate::model::request::{Closed, Outcome, RequestKind, RightsRequest};
use crate::model::study::ICO;
use crate::model::{Action, Actor, Event, Participant, Standing, Study, Text};
use crate::vault::VaultError;

/// What a participant asks.
#[derive(Debug)]
pub struct NewRequest {
    /// Who.
    pub participant: ParticipantId,
    /// What.
    pub kind: RequestKind,
    /// The day it came in; today when nothing is said.
    pub on: Option<Date>,
}

/// A request as it stands today, with what may be told of it.
#[derive(Debug)]
pub struct Seen {
    /// The request.
    pub request: RightsRequest,
    /// The day it is due, or was.
    pub due: Date,
    /// Whether it is not answered and should be.
    pub overdue: bool,
    /// Why the clock stood still, pause by pause; nothing where that went with the participant.
    pub pauses: Vec<Option<Text>>,
    /// Why it was refused, or what was corrected.
    pub note: Option<Text>,
    /// Whom the participant may turn to, for one that was refused (R19).
    pub contacts: Vec<String>,
}

/// Records what a participant asks.
///
/// For somebody who never was in the study, is in another, or is erased, the answer is one and the
/// same: nothing is held. It is recorded as such, and closed at once (R20).
///
/// # Errors
/// [`WorkError::Unacceptable`] for a day that has not come or lies before they were in the study, and
/// for a transcript the study promises nobody; [`WorkError::Conflict`] when the same is asked already,
/// or a transcript cannot be had yet (R18).
pub async fn open(
    service: &Service,
    grant: Grant<OpenRequest>,
    new: NewRequest,
) -> Result<Seen, WorkError> {
    let by = grant.person();
    let study = grant.loaded().id;
    let id = RequestId::random(&*service.vault().means().entropy)?;
    let request = service.vault().commit(Actor::Person(by), |draft| {
        let reader = draft.reader();
        let today = london_day(draft.now());
        let on = new.on.unwrap_or(today);
        if on > today {
            return Err(WorkError::Unacceptable(format!(
                "{on} has not come yet; give the day the request came in, {today} at the latest"
            )));
        }
        let study = reader.get(&tables::STUDIES, &study)?;
        let study = study.ok_or(WorkError::NoSuchThing)?;
        let mut request = RightsRequest {
            id,
            study: study.id,
            participant: new.participant,
            kind: new.kind,
            opened: on,
            opened_by: by,
            within: study.answer_within,
            pauses: Vec::new(),
            closed: None,
        };
        match held(reader, study.id, new.participant)? {
            Some(participant) => check_new(reader, &study, &participant, &request, today)?,
            None => request.close(Closed {
                on: today,
                by,
                outcome: Outcome::NothingHeld,
            }),
        }
        let event = Event::RequestOpened {
            request: Box::new(request.clone()),
        };
        Ok::<_, WorkError>((event, request))
    });
    seen(service, request.await?)
}

/// The requests the caller may follow, of one study or of all: overdue ones first, then by the day
/// they are due, and at the end those that are closed, the latest first.
///
/// # Errors
/// Those of reading the index and writing the audit.
pub async fn list(
    service: &Service,
    caller: &Caller,
    study: Option<StudyId>,
) -> Result<Vec<Seen>, WorkError> {
    let accessed = Event::Accessed {
        action: Action::ReadRequest,
        resource: study.map_or_else(|| "requests".to_owned(), |study| study.to_string()),
        detail: None,
    };
    service
        .note(Actor::Person(caller.person().id), accessed)
        .await?;
    let ids: Vec<RequestId> = {
        let view = service.vault().view()?;
        let reader = view.reader();
        match study {
            Some(study) => {
                let rows = reader.page(&tables::REQUESTS_OF, &study, None, usize::MAX)?;
                rows.into_iter().map(|((_, id), ())| id).collect()
            }
            None => {
                let rows = reader.page(&tables::REQUESTS, &(), None, usize::MAX)?;
                rows.into_iter().map(|(id, _)| id).collect()
            }
        }
    };
    let mut requests = Vec::new();
    for id in ids {
        if let Ok(grant) = service.decide::<ReadRequest>(caller, &id) {
            requests.push(seen(service, grant.into_loaded())?);
        }
    }
    requests.sort_by_key(|seen| {
        let closed = seen.request.closed.as_ref().map(|closed| closed.on);
        let ago = closed.map(std::cmp::Reverse);
        (
            closed.is_some(),
            !seen.overdue,
            ago,
            seen.due,
            seen.request.id,
        )
    });
    Ok(requests)
}

/// One request.
///
/// # Errors
/// Those of reading the index; a note that does not open is an error, not a blank.
pub fn show(service: &Service, grant: Grant<ReadRequest>) -> Result<Seen, WorkError> {
    seen(service, grant.into_loaded())
}

/// Stops the clock, for a reason.
///
/// # Errors
/// [`WorkError::Conflict`] for a day on which it cannot be stopped, with the nearest that works.
pub async fn pause(
    service: &Service,
    grant: Grant<AnswerRequest>,
    reason: Text,
    from: Option<Date>,
) -> Result<Seen, WorkError> {
    let id = *grant.on();
    let vault = service.vault();
    let request = vault.commit(Actor::Person(grant.person()), |draft| {
        let mut request = open_request(draft.reader(), id)?;
        let today = london_day(draft.now());
        let from = from.unwrap_or(today);
        request
            .may_pause(from, today)
            .map_err(|error| WorkError::Conflict(error.to_string()))?;
        held(draft.reader(), request.study, request.participant)?.ok_or_else(nothing_held)?;
        let key = draft.view().note_key(vault, &[request.participant])?;
        let reason = vault.seal_note(&key, &pause_note(id, request.pauses.len()), &reason)?;
        request.pause(from, reason.clone());
        let event = Event::RequestPaused {
            request: id,
            from,
            reason,
        };
        Ok::<_, WorkError>((event, request))
    });
    seen(service, request.await?)
}

/// Lets the clock go on.
///
/// # Errors
/// [`WorkError::Conflict`] when it runs, or for a day on which it cannot go on.
pub async fn resume(
    service: &Service,
    grant: Grant<AnswerRequest>,
    on: Option<Date>,
) -> Result<Seen, WorkError> {
    let id = *grant.on();
    let request = service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let mut request = open_request(draft.reader(), id)?;
            let today = london_day(draft.now());
            let on = on.unwrap_or(today);
            request
                .may_resume(on, today)
                .map_err(|error| WorkError::Conflict(error.to_string()))?;
            request.resume(on);
            Ok::<_, WorkError>((Event::RequestResumed { request: id, on }, request))
        });
    seen(service, request.await?)
}

/// The participant, if anything is held of them in the study.
fn held(
    reader: &Reader<'_>,
    study: StudyId,
    participant: ParticipantId,
) -> Result<Option<Participant>, WorkError> {
    let row = reader.get(&tables::PARTICIPANTS, &participant)?;
    Ok(row.filter(|row| row.study == study && row.standing != Standing::Erased))
}

fn check_new(
    reader: &Reader<'_>,
    study: &Study,
    participant: &Participant,
    request: &RightsRequest,
    today: Date,
) -> Result<(), WorkError> {
    if request.opened < participant.added {
        return Err(WorkError::Unacceptable(format!(
            "{} is before they were in the study; the earliest day that works is {}",
            request.opened, participant.added
        )));
    }
    if request.kind == RequestKind::Transcript {
        let from = transcript_from(reader, study, participant.id)?;
        if today < from {
            return Err(WorkError::Conflict(format!(
                "an anonymised transcript can be asked for from {from} on; record it then"
            )));
        }
    }
    for ((_, id), ()) in reader.page(&tables::REQUESTS_WITH, &participant.id, None, usize::MAX)? {
        let row = reader.get(&tables::REQUESTS, &id)?;
        let same = row.is_some_and(|row| {
            row.kind == request.kind && row.study == request.study && row.closed.is_none()
        });
        if same {
            return Err(WorkError::Conflict(format!(
                "they have asked for that already, as {id}; answer that one"
            )));
        }
    }
    Ok(())
}

/// The day from which an anonymised transcript can be asked for: counted from their first session.
fn transcript_from(
    reader: &Reader<'_>,
    study: &Study,
    participant: ParticipantId,
) -> Result<Date, WorkError> {
    let Some(wait) = study.transcript_after else {
        return Err(WorkError::Unacceptable(
            "this study promises nobody an anonymised transcript; record a request for access"
                .to_owned(),
        ));
    };
    let mut first: Option<Date> = None;
    for ((_, id), ()) in reader.page(&tables::SESSIONS_WITH, &participant, None, usize::MAX)? {
        if let Some(session) = reader.get(&tables::SESSIONS, &id)? {
            first = Some(first.map_or(session.date, |first| first.min(session.date)));
        }
    }
    let first = first.ok_or_else(|| {
        WorkError::Conflict(
            "they were in no session yet, so there is nothing to write out; add the session first"
                .to_owned(),
        )
    })?;
    Ok(wait.after(first).unwrap_or(Date::MAX))
}

/// A request that is not closed.
fn open_request(reader: &Reader<'_>, id: RequestId) -> Result<RightsRequest, WorkError> {
    let row = reader.get(&tables::REQUESTS, &id)?;
    let row = row.ok_or(WorkError::NoSuchThing)?;
    match &row.closed {
        None => Ok(row),
        Some(closed) => Err(WorkError::Conflict(format!(
            "the request was closed on {}; record another if they ask again",
            closed.on
        ))),
    }
}

fn nothing_held() -> WorkError {
    WorkError::Conflict(
        "nothing is held of them any more; `strongroom request answer` records that".to_owned(),
    )
}

fn pause_note(request: RequestId, place: usize) -> String {
    format!("{request} pause {place}")
}

fn outcome_note(request: RequestId) -> String {
    format!("{request} outcome")
}

fn seen(service: &Service, request: RightsRequest) -> Result<Seen, WorkError> {
    let vault = service.vault();
    let today = service.today();
    let view = vault.view()?;
    let key = match held(view.reader(), request.study, request.participant)? {
        Some(_) => match view.note_key(vault, &[request.participant]) {
            Ok(key) => Some(key),
            Err(VaultError::Destroyed) => None,
            Err(error) => return Err(error.into()),
        },
        None => None,
    };
    let mut pauses = Vec::new();
    for (place, pause) in request.pauses.iter().enumerate() {
        let reason = key
            .as_ref()
            .map(|key| vault.open_note(key, &pause_note(request.id, place), &pause.reason));
        pauses.push(reason.transpose()?);
    }
    let sealed = match request.closed.as_ref().map(|closed| &closed.outcome) {
        Some(Outcome::Refused { reason }) => Some(reason),
        Some(Outcome::Corrected { what }) => Some(what),
        _ => None,
    };
    let note = key
        .as_ref()
        .zip(sealed)
        .map(|(key, sealed)| vault.open_note(key, &outcome_note(request.id), sealed));
    let refused = matches!(
        request.closed.as_ref().map(|closed| &closed.outcome),
        Some(Outcome::Refused { .. })
    );
    let mut contacts = Vec::new();
    if refused {
        let study = view.reader().get(&tables::STUDIES, &request.study)?;
        contacts.extend(
            study
                .and_then(|study| study.contacts.dpo)
                .map(|dpo| format!("Data protection officer: {}", dpo.as_str())),
        );
        contacts.push(ICO.to_owned());
    }
    Ok(Seen {
        due: request.due_on(today),
        overdue: request.is_overdue(today),
        note: note.transpose()?,
        pauses,
        contacts,
        request,
    })
}
