//! Rights requests: recorded, counted, answered, and the sealed answer itself.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode};
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Json, JsonOrNone, One, Query, Who, recipients};
use super::problem::{Answer, Failure};
use super::state::Shared;
use super::transfers::outgoing;
use crate::access::acts::{
    AnswerRequest, FetchBundle, OpenRequest, ReadRequest, RestrictParticipant,
};
use crate::id::{ParticipantId, RequestId, StudyId};
use crate::model::request::Outcome;
use crate::wire::{
    AGE_MEDIA_TYPE, NewAnswer, NewPause, NewRefusal, NewResumption, NewRightsRequest, PauseView,
    ProblemKind, RequestView, Restriction,
};
use crate::work::request::{self, Seen, answer as ending, bundle as archive};

/// Which requests are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Of this study only.
    study: Option<StudyId>,
}

/// Records what a participant asks. For somebody of whom nothing is held it is closed at once.
#[utoipa::path(
    post, path = "/v1/studies/{study}/requests", tag = "requests",
    params(("study" = StudyId, Path, description = "The study")),
    request_body = NewRightsRequest,
    responses((status = 201, description = "Recorded", body = RequestView)),
)]
pub(super) async fn open(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Json(new): Json<NewRightsRequest>,
) -> Answer<(StatusCode, axum::Json<RequestView>)> {
    let service = &shared.service;
    let grant = service.admit::<OpenRequest>(&caller, id).await?;
    let new = request::NewRequest {
        participant: new.participant,
        kind: new.kind,
        on: new.on,
    };
    let seen = request::open(service, grant, new).await?;
    Ok((StatusCode::CREATED, axum::Json(view(seen))))
}

/// The requests one may follow: overdue ones first, then by the day they are due, then closed ones.
#[utoipa::path(
    get, path = "/v1/requests", tag = "requests", params(Wanted),
    responses((status = 200, description = "The requests", body = Vec<RequestView>)),
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Query(wanted): Query<Wanted>,
) -> Answer<axum::Json<Vec<RequestView>>> {
    let requests = request::list(&shared.service, &caller, wanted.study).await?;
    Ok(axum::Json(requests.into_iter().map(view).collect()))
}

/// One request.
#[utoipa::path(
    get, path = "/v1/requests/{request}", tag = "requests",
    params(("request" = RequestId, Path, description = "The request")),
    responses((status = 200, description = "The request", body = RequestView)),
)]
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<RequestId>,
) -> Answer<axum::Json<RequestView>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadRequest>(&caller, id).await?;
    Ok(axum::Json(view(request::show(service, grant)?)))
}

/// Stops the clock, for a reason.
#[utoipa::path(
    post, path = "/v1/requests/{request}/pause", tag = "requests",
    params(("request" = RequestId, Path, description = "The request")),
    request_body = NewPause,
    responses((status = 200, description = "Stopped", body = RequestView)),
)]
pub(super) async fn pause(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<RequestId>,
    Json(new): Json<NewPause>,
) -> Answer<axum::Json<RequestView>> {
    let service = &shared.service;
    let grant = service.admit::<AnswerRequest>(&caller, id).await?;
    let seen = request::pause(service, grant, new.reason, new.from).await?;
    Ok(axum::Json(view(seen)))
}

/// Lets the clock go on.
#[utoipa::path(
    post, path = "/v1/requests/{request}/resumption", tag = "requests",
    params(("request" = RequestId, Path, description = "The request")),
    request_body = Option<NewResumption>,
    responses((status = 200, description = "It runs", body = RequestView)),
)]
pub(super) async fn resume(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<RequestId>,
    JsonOrNone(new): JsonOrNone<NewResumption>,
) -> Answer<axum::Json<RequestView>> {
    let service = &shared.service;
    let grant = service.admit::<AnswerRequest>(&caller, id).await?;
    let seen = request::resume(service, grant, new.on).await?;
    Ok(axum::Json(view(seen)))
}

/// Answers a request as its kind is.
#[utoipa::path(
    post, path = "/v1/requests/{request}/answer", tag = "requests",
    params(("request" = RequestId, Path, description = "The request")),
    request_body = Option<NewAnswer>,
    responses((status = 200, description = "Answered", body = RequestView)),
)]
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<RequestId>,
    JsonOrNone(new): JsonOrNone<NewAnswer>,
) -> Answer<axum::Json<RequestView>> {
    let service = &shared.service;
    let grant = service.admit::<AnswerRequest>(&caller, id).await?;
    let new = ending::NewAnswer {
        what: new.what,
        until: new.until,
    };
    let seen = ending::answer(service, &caller, grant, new).await?;
    Ok(axum::Json(view(seen)))
}

/// Refuses a request, with the reason and whom the participant may turn to.
#[utoipa::path(
    post, path = "/v1/requests/{request}/refusal", tag = "requests",
    params(("request" = RequestId, Path, description = "The request")),
    request_body = NewRefusal,
    responses((status = 200, description = "Refused", body = RequestView)),
)]
pub(super) async fn refuse(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<RequestId>,
    Json(new): Json<NewRefusal>,
) -> Answer<axum::Json<RequestView>> {
    let service = &shared.service;
    let grant = service.admit::<AnswerRequest>(&caller, id).await?;
    let seen = ending::refuse(service, grant, new.reason).await?;
    Ok(axum::Json(view(seen)))
}

/// The answer to a request for access or portability: a tar archive in an age file, sealed to the
/// recipients named. It is made while it is sent; one that breaks off does not open to its end.
#[utoipa::path(
    get, path = "/v1/requests/{request}/bundle", tag = "requests",
    params(
        ("request" = RequestId, Path, description = "The request"),
        ("recipient" = Vec<String>, Query, description = "age recipients, each in a parameter of its own"),
    ),
    responses((status = 200, description = "An age file", body = Vec<u8>, content_type = "application/age-encryption")),
)]
pub(super) async fn bundle(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<RequestId>,
    Query(query): Query<Vec<(String, String)>>,
    method: Method,
) -> Answer<Response> {
    if method != Method::GET {
        return Err(Failure::new(
            ProblemKind::BadMethod,
            "an answer is made anew each time, so there is nothing to tell of it beforehand; GET it",
        ));
    }
    let recipients = recipients(query)?;
    let grant = shared.service.admit::<FetchBundle>(&caller, id).await?;
    let permit = shared.transfers.begin(caller.token())?;
    let body = archive::fetch(&shared.service, grant, &recipients).await?;
    Ok(age_file(
        &id.to_string(),
        outgoing(body, permit, shared.seal.clone()),
    ))
}

/// Keeps a participant's data without using them, or uses them again.
#[utoipa::path(
    put, path = "/v1/participants/{participant}/restriction", tag = "requests",
    params(("participant" = ParticipantId, Path, description = "Whose")),
    request_body = Restriction,
    responses((status = 204, description = "Done")),
)]
pub(super) async fn restrict(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ParticipantId>,
    Json(Restriction { restricted }): Json<Restriction>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<RestrictParticipant>(&caller, id).await?;
    ending::restrict(service, grant, restricted).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An age file, named after what it answers.
pub(super) fn age_file(name: &str, body: Body) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(AGE_MEDIA_TYPE));
    if let Ok(named) = HeaderValue::from_str(&format!("attachment; filename=\"{name}.age\"")) {
        headers.insert(CONTENT_DISPOSITION, named);
    }
    response
}

fn view(seen: Seen) -> RequestView {
    let Seen {
        request,
        due,
        overdue,
        pauses,
        note,
        contacts,
    } = seen;
    let outcome = request.closed.as_ref().map(|closed| &closed.outcome);
    let status = match outcome {
        None if request.stands_since().is_some() => "paused",
        None => "open",
        Some(Outcome::NothingHeld) => "nothing-held",
        Some(Outcome::Refused { .. }) => "refused",
        Some(_) => "answered",
    };
    let (mut until, mut erasure) = (None, None);
    match outcome {
        Some(Outcome::Bundle { expires }) => until = Some(*expires),
        Some(Outcome::Withdrawal { erasure: id }) => erasure = Some(*id),
        _ => {}
    }
    let told = request.pauses.iter().zip(pauses);
    let pauses = told.map(|(pause, reason)| PauseView {
        from: pause.from,
        until: pause.until,
        reason,
    });
    RequestView {
        id: request.id,
        study: request.study,
        participant: request.participant,
        kind: request.kind,
        status: status.to_owned(),
        opened: request.opened,
        opened_by: request.opened_by,
        within: request.within,
        due,
        overdue,
        pauses: pauses.collect(),
        closed: request.closed.as_ref().map(|closed| closed.on),
        closed_by: request.closed.as_ref().map(|closed| closed.by),
        outcome: outcome.map(|outcome| outcome.name().to_owned()),
        until,
        erasure,
        note,
        contacts,
    }
}
