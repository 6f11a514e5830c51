//! Suppliers: the approved list, and what is given to them.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Json, One, Query, Who};
use super::problem::Answer;
use super::state::Shared;
use super::views;
use crate::access::acts::{
    AcceptTranscript, AssignItem, ConfirmDestruction, EndAssignment, ManageSuppliers,
    ReadAssignment,
};
use crate::id::{AssignmentId, ItemId, StudyId, SupplierId};
use crate::wire::{AssignmentView, Created, NewAssignment, NewReturn, NewSupplier, SupplierView};
use crate::work::{assigned, inspect, supply, transcript};

/// Which assignments a list is of.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AssignmentFilter {
    /// Of this study only.
    study: Option<StudyId>,
    /// Only those whose supplier still owes the word that its copies are destroyed.
    #[serde(default)]
    outstanding: bool,
}

/// Gives an item to a supplier for a purpose, until a day.
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
    Json(new): Json<NewAssignment>,
) -> Answer<(StatusCode, axum::Json<Created<AssignmentId>>)> {
    let service = &shared.service;
    let on = (id, new.supplier);
    let grant = service.admit::<AssignItem>(&caller, on).await?;
    let id = supply::assign(service, grant, new.purpose, new.until).await?;
    Ok((StatusCode::CREATED, axum::Json(Created { id })))
}

/// The assignments one may know of.
#[utoipa::path(
    get, path = "/v1/assignments", tag = "suppliers", params(AssignmentFilter),
    responses((status = 200, description = "The assignments", body = Vec<AssignmentView>)),
)]
pub(super) async fn assignments(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Query(filter): Query<AssignmentFilter>,
) -> Answer<axum::Json<Vec<AssignmentView>>> {
    let AssignmentFilter { study, outstanding } = filter;
    let rows = assigned::assignments(&shared.service, &caller, study, outstanding).await?;
    Ok(axum::Json(rows.into_iter().map(views::assigned).collect()))
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

/// Sends back what a supplier brought, to be brought again.
#[utoipa::path(
    post, path = "/v1/assignments/{assignment}/return", tag = "suppliers",
    params(("assignment" = AssignmentId, Path, description = "The assignment")),
    request_body = NewReturn,
    responses((status = 204, description = "Sent back")),
)]
pub(super) async fn send_back(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<AssignmentId>,
    Json(NewReturn { reason }): Json<NewReturn>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let known = service.admit::<ReadAssignment>(&caller, id).await?;
    let item = known.loaded().item;
    let grant = service.admit::<AcceptTranscript>(&caller, item).await?;
    transcript::send_back(service, known, grant, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The supplier's word that its copies are destroyed.
#[utoipa::path(
    post, path = "/v1/assignments/{assignment}/destruction", tag = "suppliers",
    params(("assignment" = AssignmentId, Path, description = "The assignment")),
    responses((status = 204, description = "Recorded")),
)]
pub(super) async fn confirm_destroyed(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<AssignmentId>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ConfirmDestruction>(&caller, id).await?;
    supply::confirm_destroyed(service, grant).await?;
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
    let NewSupplier {
        name,
        contract_signed,
        automatic,
        controllers,
    } = new;
    let id = supply::approve(
        service,
        grant,
        name,
        contract_signed,
        automatic,
        controllers,
    )
    .await?;
    Ok((StatusCode::CREATED, axum::Json(Created { id })))
}

/// Takes a supplier off the approved list; its access stops at once.
#[utoipa::path(
    delete, path = "/v1/suppliers/{supplier}", tag = "suppliers",
    params(("supplier" = SupplierId, Path, description = "The supplier")),
    responses((status = 204, description = "Off the list")),
)]
pub(super) async fn remove_supplier(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<SupplierId>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ManageSuppliers>(&caller, ()).await?;
    supply::remove(service, grant, id).await?;
    Ok(StatusCode::NO_CONTENT)
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
    let suppliers = suppliers
        .into_iter()
        .map(|seen| views::supplier(seen, today));
    Ok(axum::Json(suppliers.collect()))
}
