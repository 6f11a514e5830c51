//! Releases: outputs asked for, decided on, and read by commissioners.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};

use super::downloads::{given, part_of};
use super::extract::{Json, One, Who};
use super::items::one_of;
use super::problem::Answer;
use super::range::entity_tag;
use super::state::Shared;
use super::views;
use crate::access::acts::{ApproveRelease, ReadRelease, RequestRelease};
use crate::id::{ItemId, ReleaseId};
use crate::wire::{Created, NewDecision, NewRelease, Problem, ReleaseView};
use crate::work::{output, release};

/// Asks for an anonymised output to be given to the commissioner.
#[utoipa::path(
    post, path = "/v1/items/{item}/releases", tag = "releases",
    params(("item" = ItemId, Path, description = "The output")),
    request_body = NewRelease,
    responses((status = 201, description = "Asked for", body = Created<ReleaseId>)),
)]
pub(super) async fn request(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ItemId>,
    Json(NewRelease { title }): Json<NewRelease>,
) -> Answer<(StatusCode, axum::Json<Created<ReleaseId>>)> {
    let service = &shared.service;
    let grant = service.admit::<RequestRelease>(&caller, id).await?;
    let id = output::request(service, grant, title).await?;
    Ok((StatusCode::CREATED, axum::Json(Created { id })))
}

/// The releases one may know of.
#[utoipa::path(
    get, path = "/v1/releases", tag = "releases",
    responses((status = 200, description = "The releases", body = Vec<ReleaseView>)),
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<Vec<ReleaseView>>> {
    let releases = release::releases(&shared.service, &caller).await?;
    Ok(axum::Json(
        releases.into_iter().map(views::release).collect(),
    ))
}

/// One release.
#[utoipa::path(
    get, path = "/v1/releases/{release}", tag = "releases",
    params(("release" = ReleaseId, Path, description = "The release")),
    responses((status = 200, description = "The release", body = ReleaseView)),
)]
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ReleaseId>,
) -> Answer<axum::Json<ReleaseView>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadRelease>(&caller, id).await?;
    Ok(axum::Json(views::release(release::release(grant))))
}

/// A second person's word on a release: it is given, or it is not.
#[utoipa::path(
    post, path = "/v1/releases/{release}/decision", tag = "releases",
    params(("release" = ReleaseId, Path, description = "The release")),
    request_body = NewDecision,
    responses((status = 204, description = "Recorded")),
)]
pub(super) async fn decide(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ReleaseId>,
    Json(new): Json<NewDecision>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let finding = one_of(new.approved, new.finding)?;
    let grant = service.admit::<ApproveRelease>(&caller, id).await?;
    output::decide(service, grant, finding, new.considered_withdrawals).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was released, or one range of it.
#[utoipa::path(
    get, path = "/v1/releases/{release}/content", tag = "releases",
    params(
        ("release" = ReleaseId, Path, description = "The release"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
    ),
    responses(
        (status = 200, description = "All of it", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The bytes asked for", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 416, description = "A range outside it", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn content(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ReleaseId>,
    headers: HeaderMap,
) -> Answer<Response> {
    let service = &shared.service;
    let grant = service.admit::<ReadRelease>(&caller, id).await?;
    let range = part_of(&headers, &entity_tag(id), grant.loaded().length)?;
    let permit = shared.transfers.begin(caller.token())?;
    let plain = release::open(service, grant, range.clone()).await?;
    Ok(given(&shared, permit, id, range.is_some(), plain))
}
