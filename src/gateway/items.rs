//! Items as the index knows them, and the suppliers they are given to.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Json, One, Query, Who, rows};
use super::problem::Answer;
use super::state::Shared;
use super::views;
use crate::access::acts::{AssignItem, EndAssignment, ManageSuppliers, ReadItem, RedactItem};
use crate::id::{AssignmentId, ItemId, SessionId, StudyId, SupplierId};
use crate::wire::{Created, ItemView, NewAssignment, NewSupplier, SupplierView};
use crate::work::inspect::{self, ItemFilter};
use crate::work::{redact, supply};

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

/// Gives an item to a supplier until a day.
#[utoipa::path(
    post, path = "/v1/items/{item}/assignments", tag = "suppliers",
    params(("item" = ItemId, Path, description = "The item")),
    request_body = NewAssignment,
    responses((status = 201, description = "Assigned", body = Created<AssignmentId>)),
)]
pub(super) async fn assign(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ItemId>,
    Json(NewAssignment { supplier, until }): Json<NewAssignment>,
) -> Answer<(StatusCode, axum::Json<Created<AssignmentId>>)> {
    let service = &shared.service;
    let grant = service.admit::<AssignItem>(&caller, (id, supplier)).await?;
    let id = supply::assign(service, grant, until).await?;
    Ok((StatusCode::CREATED, axum::Json(Created { id })))
}

/// Ends an assignment before its day.
#[utoipa::path(
    delete, path = "/v1/assignments/{assignment}", tag = "suppliers",
    params(("assignment" = AssignmentId, Path, description = "The assignment")),
    responses((status = 204, description = "Ended")),
)]
pub(super) async fn end_assignment(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<AssignmentId>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<EndAssignment>(&caller, id).await?;
    supply::end(service, grant).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a supplier on the approved list, or refreshes the contract of one that is on it.
#[utoipa::path(
    post, path = "/v1/suppliers", tag = "suppliers",
    request_body = NewSupplier,
    responses((status = 201, description = "Approved", body = Created<SupplierId>)),
)]
pub(super) async fn approve_supplier(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Json(new): Json<NewSupplier>,
) -> Answer<(StatusCode, axum::Json<Created<SupplierId>>)> {
    let service = &shared.service;
    let grant = service.admit::<ManageSuppliers>(&caller, ()).await?;
    let id = supply::approve(service, grant, new.name, new.contract_signed).await?;
    Ok((StatusCode::CREATED, axum::Json(Created { id })))
}

/// The approved list.
#[utoipa::path(
    get, path = "/v1/suppliers", tag = "suppliers",
    responses((status = 200, description = "The list", body = Vec<SupplierView>)),
)]
pub(super) async fn suppliers(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<Vec<SupplierView>>> {
    let suppliers = inspect::suppliers(&shared.service, &caller).await?;
    let today = shared.service.today();
    let suppliers = suppliers.into_iter().map(|row| views::supplier(row, today));
    Ok(axum::Json(suppliers.collect()))
}
