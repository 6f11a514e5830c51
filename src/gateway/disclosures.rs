//! Disclosures: raised, decided, and sent as sealed copies.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, StatusCode};

use super::extract::{Json, One, Two, Who};
use super::problem::{Answer, Failure};
use super::requests::age_file;
use super::state::Shared;
use super::transfers::outgoing;
use crate::access::acts::{DecideDisclosure, FetchDisclosure, RaiseDisclosure, ReadDisclosure};
use crate::id::{DisclosureId, ItemId, StudyId};
use crate::model::disclosure::Permit;
use crate::wire::{Created, DisclosureView, NewDisclosure, NewDisclosureDecision, ProblemKind};
use crate::work::disclose::{self, Seen};

/// Asks that something be disclosed. Whoever raises it gets its identifier and nothing more.
#[utoipa::path(
    post, path = "/v1/studies/{study}/disclosures", tag = "disclosures",
    params(("study" = StudyId, Path, description = "The study")),
    request_body = NewDisclosure,
    responses((status = 201, description = "Raised", body = Created<DisclosureId>)),
)]
pub(super) async fn raise(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Json(new): Json<NewDisclosure>,
) -> Answer<(StatusCode, axum::Json<Created<DisclosureId>>)> {
    let service = &shared.service;
    let grant = service.admit::<RaiseDisclosure>(&caller, id).await?;
    let id = disclose::raise(service, grant, new.ground, new.items).await?;
    Ok((StatusCode::CREATED, axum::Json(Created { id })))
}

/// The disclosures one may know of, the latest first.
#[utoipa::path(
    get, path = "/v1/disclosures", tag = "disclosures",
    responses((status = 200, description = "The disclosures", body = Vec<DisclosureView>)),
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<Vec<DisclosureView>>> {
    let found = disclose::list(&shared.service, &caller).await?;
    Ok(axum::Json(found.into_iter().map(view).collect()))
}

/// One disclosure.
#[utoipa::path(
    get, path = "/v1/disclosures/{disclosure}", tag = "disclosures",
    params(("disclosure" = DisclosureId, Path, description = "The disclosure")),
    responses((status = 200, description = "The disclosure", body = DisclosureView)),
)]
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<DisclosureId>,
) -> Answer<axum::Json<DisclosureView>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadDisclosure>(&caller, id).await?;
    Ok(axum::Json(view(disclose::show(service, grant)?)))
}

/// Decides on a disclosure, once.
#[utoipa::path(
    post, path = "/v1/disclosures/{disclosure}/decision", tag = "disclosures",
    params(("disclosure" = DisclosureId, Path, description = "The disclosure")),
    request_body = NewDisclosureDecision,
    responses((status = 200, description = "Decided", body = DisclosureView)),
)]
pub(super) async fn decide(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<DisclosureId>,
    Json(new): Json<NewDisclosureDecision>,
) -> Answer<axum::Json<DisclosureView>> {
    let service = &shared.service;
    let grant = service.admit::<DecideDisclosure>(&caller, id).await?;
    let new = disclose::NewDecision {
        granted: new.grant.map(|permit| Permit {
            recipient: permit.recipient,
            sealed_to: permit.sealed_to,
            until: permit.until,
        }),
        reason: new.reason,
    };
    let seen = disclose::decide(service, grant, new).await?;
    Ok(axum::Json(view(seen)))
}

/// One item of a granted disclosure as a whole age file, sealed to the recipient that was named.
#[utoipa::path(
    get, path = "/v1/disclosures/{disclosure}/items/{item}", tag = "disclosures",
    params(
        ("disclosure" = DisclosureId, Path, description = "The disclosure"),
        ("item" = ItemId, Path, description = "One of its items"),
    ),
    responses((status = 200, description = "An age file", body = Vec<u8>, content_type = "application/age-encryption")),
)]
pub(super) async fn fetch(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Two(id, item): Two<DisclosureId, ItemId>,
    method: Method,
) -> Answer<Response> {
    if method != Method::GET {
        return Err(Failure::new(
            ProblemKind::BadMethod,
            "a sealed copy is made anew each time, so there is nothing to tell of it beforehand; GET it",
        ));
    }
    let grant = shared.service.admit::<FetchDisclosure>(&caller, id).await?;
    let permit = shared.transfers.begin(caller.token())?;
    let copy = disclose::fetch(&shared.service, grant, item).await?;
    let body = outgoing(copy.body, permit, shared.seal.clone());
    let mut response = age_file(&item.to_string(), body);
    let length = HeaderValue::from(copy.length);
    response.headers_mut().insert(CONTENT_LENGTH, length);
    Ok(response)
}

fn view(seen: Seen) -> DisclosureView {
    let Seen {
        disclosure,
        standing,
        reason,
    } = seen;
    let decision = disclosure.decision.as_ref();
    let permit = decision.and_then(|decision| decision.granted.as_ref());
    DisclosureView {
        id: disclosure.id,
        study: disclosure.study,
        ground: disclosure.ground,
        status: standing.to_owned(),
        raised_by: disclosure.raised_by,
        raised_at: disclosure.raised_at,
        decided_by: decision.map(|decision| decision.by),
        decided_at: decision.map(|decision| decision.at),
        recipient: permit.map(|permit| permit.recipient.clone()),
        sealed_to: permit.map(|permit| permit.sealed_to.clone()),
        until: permit.map(|permit| permit.until),
        reason,
        items: disclosure.items,
    }
}
