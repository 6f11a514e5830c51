//! Erasures: what was asked for, its approval, its certificate.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Json, One, Query, Who};
use super::outcomes;
use super::problem::Answer;
use super::state::Shared;
use super::views;
use crate::access::acts::{ApproveErasure, ReadErasure, RefuseErasure};
use crate::id::ErasureId;
use crate::wire::{ErasureView, NewErasureRefusal};
use crate::work::{assess, erase, inspect, letter, withdraw};

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
    let service = &shared.service;
    let grant = service.admit_reading::<ReadErasure>(&caller, id).await?;
    let erasure = erase::show(grant);
    let assessment = assess::assess(service, &erasure).await?;
    Ok(axum::Json(outcomes::erasure(erasure, assessment)))
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
    let assessment = assess::assess(&shared.service, &erasure).await?;
    Ok(axum::Json(outcomes::erasure(erasure, assessment)))
}

/// Refuses a withdrawal that came after the study's last day; one that came in time is not refused.
#[utoipa::path(
    post, path = "/v1/erasures/{erasure}/refusal", tag = "erasures",
    params(("erasure" = ErasureId, Path, description = "The erasure")),
    request_body = NewErasureRefusal,
    responses((status = 200, description = "Refused; nothing is frozen any more", body = ErasureView)),
)]
pub(super) async fn refuse(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ErasureId>,
    Json(NewErasureRefusal { reason }): Json<NewErasureRefusal>,
) -> Answer<axum::Json<ErasureView>> {
    let service = &shared.service;
    let grant = service.admit::<RefuseErasure>(&caller, id).await?;
    let erasure = withdraw::refuse(service, grant, reason).await?;
    Ok(axum::Json(views::erasure(erasure)))
}

/// The form a letter has.
#[derive(Debug, Default, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    /// A PDF, the certificate attached to it.
    #[default]
    Pdf,
    /// Plain text, the certificate at its end.
    Text,
}

/// How a letter is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LetterForm {
    /// `pdf`, or `text`.
    #[serde(default)]
    #[param(inline)]
    form: Form,
}

/// The letter that tells the participant how things stand; it knows them by their identifier alone.
#[utoipa::path(
    get, path = "/v1/erasures/{erasure}/letter", tag = "erasures",
    params(("erasure" = ErasureId, Path, description = "The erasure"), LetterForm),
    responses((status = 200, description = "The letter", content(
        (Vec<u8> = "application/pdf"),
        (String = "text/plain"),
    ))),
)]
pub(super) async fn letter(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ErasureId>,
    Query(LetterForm { form }): Query<LetterForm>,
) -> Answer<Response> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadErasure>(&caller, id).await?;
    let letter = letter::letter(service, grant).await?;
    Ok(match form {
        Form::Pdf => ([(CONTENT_TYPE, "application/pdf")], letter.pdf()).into_response(),
        Form::Text => {
            let text = letter.text();
            ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
        }
    })
}

/// The signed certificate of an erasure (a C2SP signed note), once there is one.
///
/// It is drawn up anew when what lies elsewhere has changed since: a supplier confirmed that its
/// copies are destroyed, or backups are kept for another time.
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
    let service = &shared.service;
    let grant = service.admit_reading::<ReadErasure>(&caller, id).await?;
    let note = erase::certificate(service, grant).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], note).into_response())
}
