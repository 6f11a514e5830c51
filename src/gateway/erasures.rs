//! Erasures: what was asked for, its approval, its certificate.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

use super::extract::{One, Who};
use super::problem::Answer;
use super::state::Shared;
use super::views;
use crate::access::acts::{ApproveErasure, ReadErasure};
use crate::id::ErasureId;
use crate::wire::ErasureView;
use crate::work::{erase, inspect};

/// The erasures one may follow.
#[utoipa::path(
    get, path = "/v1/erasures", tag = "erasures",
    responses((status = 200, description = "The erasures", body = Vec<ErasureView>)),
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<Vec<ErasureView>>> {
    let erasures = inspect::erasures(&shared.service, &caller).await?;
    Ok(axum::Json(
        erasures.into_iter().map(views::erasure).collect(),
    ))
}

/// One erasure, and how far it has come.
#[utoipa::path(
    get, path = "/v1/erasures/{erasure}", tag = "erasures",
    params(("erasure" = ErasureId, Path, description = "The erasure")),
    responses((status = 200, description = "The erasure", body = ErasureView)),
)]
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ErasureId>,
) -> Answer<axum::Json<ErasureView>> {
    let grant = shared
        .service
        .admit_reading::<ReadErasure>(&caller, id)
        .await?;
    Ok(axum::Json(views::erasure(erase::show(grant))))
}

/// Approves an erasure that somebody else asked for, and carries it out.
///
/// It goes on when the caller goes away, and after a restart. When the storage does not answer, the
/// stage says how far it has come; the gateway finishes by itself.
#[utoipa::path(
    post, path = "/v1/erasures/{erasure}/approval", tag = "erasures",
    params(("erasure" = ErasureId, Path, description = "The erasure")),
    responses((status = 200, description = "Approved", body = ErasureView)),
)]
pub(super) async fn approve(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ErasureId>,
) -> Answer<axum::Json<ErasureView>> {
    let grant = shared.service.admit::<ApproveErasure>(&caller, id).await?;
    let service = Arc::clone(&shared.service);
    let erasing = async move { erase::approve(&service, grant).await };
    let erasure = shared.finish(erasing).await?;
    Ok(axum::Json(views::erasure(erasure)))
}

/// The signed certificate of an erasure (a C2SP signed note), once there is one.
#[utoipa::path(
    get, path = "/v1/erasures/{erasure}/certificate", tag = "erasures",
    params(("erasure" = ErasureId, Path, description = "The erasure")),
    responses((status = 200, description = "The certificate", body = String, content_type = "text/plain")),
)]
pub(super) async fn certificate(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ErasureId>,
) -> Answer<Response> {
    let grant = shared
        .service
        .admit_reading::<ReadErasure>(&caller, id)
        .await?;
    let note = erase::certificate(grant)?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response())
}
