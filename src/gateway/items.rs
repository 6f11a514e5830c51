//! Items as the index knows them, and what the team says of them.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Json, One, Query, Who, rows};
use super::problem::{Answer, Failure};
use super::state::Shared;
use super::views;
use crate::access::acts::{AcceptTranscript, CheckItem, ReadItem, RedactItem};
use crate::id::{ItemId, SessionId, StudyId};
use crate::model::Finding;
use crate::wire::{AcceptedTranscript, ItemView, NewCheck, ProblemKind};
use crate::work::inspect::{self, ItemFilter};
use crate::work::{check, redact, transcript};

/// A page of items.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ItemPage {
    /// Of this study only.
    study: Option<StudyId>,
    /// Of this session only.
    session: Option<SessionId>,
    /// The last identifier of the page before.
    after: Option<ItemId>,
    /// Most rows wanted; a page with fewer is the last one.
    limit: Option<usize>,
}

/// The items one may know of, in the order of their identifiers.
#[utoipa::path(
    get, path = "/v1/items", tag = "items", params(ItemPage),
    responses((status = 200, description = "A page", body = Vec<ItemView>)),
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Query(page): Query<ItemPage>,
) -> Answer<axum::Json<Vec<ItemView>>> {
    let limit = rows(page.limit)?;
    let filter = ItemFilter {
        study: page.study,
        session: page.session,
    };
    let items = inspect::items(&shared.service, &caller, filter, page.after, limit).await?;
    Ok(axum::Json(items.into_iter().map(views::item).collect()))
}

/// One item.
#[utoipa::path(
    get, path = "/v1/items/{item}", tag = "items",
    params(("item" = ItemId, Path, description = "The item")),
    responses((status = 200, description = "The item", body = ItemView)),
)]
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ItemId>,
) -> Answer<axum::Json<ItemView>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadItem>(&caller, id).await?;
    let item = inspect::item(service, grant)?;
    Ok(axum::Json(views::item(item)))
}

/// Declares that an item is not worth a version without somebody who withdraws: it goes with them.
#[utoipa::path(
    post, path = "/v1/items/{item}/redaction-waiver", tag = "items",
    params(("item" = ItemId, Path, description = "The item")),
    responses((status = 204, description = "Declared")),
)]
pub(super) async fn waive_redaction(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ItemId>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<RedactItem>(&caller, id).await?;
    redact::waive(service, grant).await?;
    shared.erasures.notify_one();
    Ok(StatusCode::NO_CONTENT)
}

/// A second person's look at what was made from items: it passes, or does not.
#[utoipa::path(
    post, path = "/v1/items/{item}/check", tag = "items",
    params(("item" = ItemId, Path, description = "The item")),
    request_body = NewCheck,
    responses((status = 204, description = "Recorded")),
)]
pub(super) async fn check(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ItemId>,
    Json(new): Json<NewCheck>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let finding = one_of(new.passed, new.finding)?;
    let grant = service.admit::<CheckItem>(&caller, id).await?;
    check::check(service, grant, finding, new.considered_withdrawals).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Accepts a transcript of a recording; the assignment it answers is over then.
#[utoipa::path(
    post, path = "/v1/items/{item}/acceptance", tag = "items",
    params(("item" = ItemId, Path, description = "The recording")),
    request_body = AcceptedTranscript,
    responses((status = 204, description = "Accepted")),
)]
pub(super) async fn accept(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ItemId>,
    Json(AcceptedTranscript { transcript }): Json<AcceptedTranscript>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<AcceptTranscript>(&caller, id).await?;
    transcript::accept(service, grant, transcript).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A finding, or none: that something passes is said, and not that it does not beside it.
pub(super) fn one_of(passes: bool, finding: Option<Finding>) -> Answer<Option<Finding>> {
    match (passes, finding) {
        (true, None) | (false, Some(_)) => Ok(finding),
        (true, Some(_)) => Err(Failure::new(
            ProblemKind::Unacceptable,
            "it passes, or there is a finding; say one of them",
        )),
        (false, None) => Err(Failure::new(
            ProblemKind::Unacceptable,
            "it passes, or there is a finding; say which (names, places, rare-combination, small-numbers, recognisable, beyond-consent, beyond-purpose)",
        )),
    }
}
