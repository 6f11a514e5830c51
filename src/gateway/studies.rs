//! Studies: their terms, their teams and their sessions.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Json, One, Query, Two, Who, rows};
use super::problem::Answer;
use super::state::Shared;
use super::terms::study_view;
use super::views;
use crate::access::acts::{AddSession, ManageStudy, ReadStudy};
use crate::id::{PersonId, SessionId, StudyId};
use crate::wire::{Created, MembershipView, NewMembership, NewSession, SessionView, StudyView};
use crate::work::{inspect, session, study};

/// A page of sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionPage {
    /// The last identifier of the page before.
    after: Option<SessionId>,
    /// Most rows wanted; a page with fewer is the last one.
    limit: Option<usize>,
}

/// The studies one may know of.
#[utoipa::path(
    get, path = "/v1/studies", tag = "studies",
    responses((status = 200, description = "The studies", body = Vec<StudyView>)),
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<Vec<StudyView>>> {
    let studies = inspect::studies(&shared.service, &caller).await?;
    Ok(axum::Json(studies.into_iter().map(study_view).collect()))
}

/// One study.
#[utoipa::path(
    get, path = "/v1/studies/{study}", tag = "studies",
    params(("study" = StudyId, Path, description = "The study")),
    responses((status = 200, description = "The study", body = StudyView)),
)]
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
) -> Answer<axum::Json<StudyView>> {
    let grant = shared
        .service
        .admit_reading::<ReadStudy>(&caller, id)
        .await?;
    Ok(axum::Json(study_view(inspect::study(
        &shared.service,
        grant,
    )?)))
}

/// Everybody admitted to a study.
#[utoipa::path(
    get, path = "/v1/studies/{study}/members", tag = "studies",
    params(("study" = StudyId, Path, description = "The study")),
    responses((status = 200, description = "Its team", body = Vec<MembershipView>)),
)]
pub(super) async fn members(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
) -> Answer<axum::Json<Vec<MembershipView>>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadStudy>(&caller, id).await?;
    let members = inspect::members(service, grant)?;
    Ok(axum::Json(
        members.into_iter().map(views::membership).collect(),
    ))
}

/// Admits somebody to a study until a day, or changes their place in it.
#[utoipa::path(
    post, path = "/v1/studies/{study}/members", tag = "studies",
    params(("study" = StudyId, Path, description = "The study")),
    request_body = NewMembership,
    responses((status = 204, description = "Admitted")),
)]
pub(super) async fn admit(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Json(new): Json<NewMembership>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ManageStudy>(&caller, id).await?;
    let member = study::NewMember {
        person: new.person,
        role: new.role,
        until: new.until,
        purpose: new.purpose,
        sees: new.sees,
    };
    study::admit_member(service, grant, member).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends somebody's place in a study.
#[utoipa::path(
    delete, path = "/v1/studies/{study}/members/{person}", tag = "studies",
    params(
        ("study" = StudyId, Path, description = "The study"),
        ("person" = PersonId, Path, description = "Who"),
    ),
    responses((status = 204, description = "Ended")),
)]
pub(super) async fn end_membership(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Two(id, person): Two<StudyId, PersonId>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ManageStudy>(&caller, id).await?;
    study::end_membership(service, grant, person).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Closes a study: it takes no more material.
#[utoipa::path(
    post, path = "/v1/studies/{study}/closure", tag = "studies",
    params(("study" = StudyId, Path, description = "The study")),
    responses((status = 204, description = "Closed")),
)]
pub(super) async fn close(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ManageStudy>(&caller, id).await?;
    study::close(service, grant).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Adds a session that was held.
#[utoipa::path(
    post, path = "/v1/studies/{study}/sessions", tag = "studies",
    params(("study" = StudyId, Path, description = "The study")),
    request_body = NewSession,
    responses((status = 201, description = "Added", body = Created<SessionId>)),
)]
pub(super) async fn add_session(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Json(new): Json<NewSession>,
) -> Answer<(StatusCode, axum::Json<Created<SessionId>>)> {
    let service = &shared.service;
    let grant = service.admit::<AddSession>(&caller, id).await?;
    let id = session::add(service, grant, views::new_session(new)).await?;
    Ok((StatusCode::CREATED, axum::Json(Created { id })))
}

/// A study's sessions.
#[utoipa::path(
    get, path = "/v1/studies/{study}/sessions", tag = "studies",
    params(("study" = StudyId, Path, description = "The study"), SessionPage),
    responses((status = 200, description = "A page", body = Vec<SessionView>)),
)]
pub(super) async fn sessions(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Query(page): Query<SessionPage>,
) -> Answer<axum::Json<Vec<SessionView>>> {
    let service = &shared.service;
    let limit = rows(page.limit)?;
    let grant = service.admit_reading::<ReadStudy>(&caller, id).await?;
    let page = inspect::sessions(service, grant, page.after, limit)?;
    Ok(axum::Json(page.into_iter().map(views::session).collect()))
}
