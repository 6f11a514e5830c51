//! The vault itself: its health, its description, its public key, its audit.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Query, Who, rows};
use super::openapi;
use super::problem::{Answer, Failure};
use super::state::Shared;
use super::views;
use crate::access::acts::{ReadAudit, ReadVault};
use crate::wire::{AuditPage, AuditVerification, ControlsView, Health, VaultView, VerifierKey};
use crate::work::{controls, copies, oversee};

/// A page of the audit.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EntryPage {
    /// The last position of the page before.
    after: Option<u64>,
    /// Most entries wanted.
    limit: Option<usize>,
}

/// Whether the gateway is up. It says nothing else to strangers.
#[utoipa::path(
    get, path = "/v1/health", tag = "vault", security(()),
    responses((status = 200, description = "`ok`, or `sealed` when nothing is served until a restart", body = Health)),
)]
pub(super) async fn health(State(shared): State<Arc<Shared>>) -> axum::Json<Health> {
    let status = match shared.seal.reason() {
        None => "ok",
        Some(_) => "sealed",
    };
    let copies = copies::status(&shared.service);
    axum::Json(Health {
        status: status.to_owned(),
        copy_lag_seconds: copies.map(|copies| copies.lag.as_secs()),
    })
}

/// This description (OpenAPI 3.1).
#[utoipa::path(
    get, path = "/v1/openapi.json", tag = "vault", security(()),
    responses((status = 200, description = "The description", body = serde_json::Value)),
)]
pub(super) async fn description() -> Answer<Response> {
    let json = openapi::json().map_err(|error| Failure::internal(&error))?;
    Ok(([(CONTENT_TYPE, "application/json")], json).into_response())
}

/// How the vault is, for an operator.
#[utoipa::path(
    get, path = "/v1/vault", tag = "vault",
    responses((status = 200, description = "The vault", body = VaultView)),
)]
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<VaultView>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadVault>(&caller, ()).await?;
    let status = oversee::vault(service, grant)?;
    Ok(axum::Json(views::vault(status)))
}

/// The public key that certificates and checkpoints are verified with.
#[utoipa::path(
    get, path = "/v1/vault/key", tag = "vault", security(()),
    responses((status = 200, description = "A C2SP signed-note verifier key", body = VerifierKey)),
)]
pub(super) async fn key(State(shared): State<Arc<Shared>>) -> axum::Json<VerifierKey> {
    let key = shared.service.vault().signer().verifier_key();
    axum::Json(VerifierKey {
        key: key.to_string(),
    })
}

/// Who did what, oldest first.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", params(EntryPage),
    responses((status = 200, description = "A page", body = AuditPage)),
)]
pub(super) async fn audit(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Query(EntryPage { after, limit }): Query<EntryPage>,
) -> Answer<axum::Json<AuditPage>> {
    let limit = rows(limit)?;
    let service = &shared.service;
    let grant = service.admit_reading::<ReadAudit>(&caller, ()).await?;
    let entries = shared
        .aside(move |service| oversee::audit(service, grant, after, limit))
        .await?;
    let full = entries.len() == limit;
    let next = entries.last().map(|(position, _)| *position);
    let entries = entries
        .into_iter()
        .map(|(position, entry)| views::audit_entry(position, entry));
    let entries = entries.collect::<Result<_, _>>();
    Ok(axum::Json(AuditPage {
        entries: entries.map_err(|error| Failure::internal(&error))?,
        next: next.filter(|_| full),
    }))
}

/// Tests the controls now: each is given what it must refuse, and what it must not.
#[utoipa::path(
    post, path = "/v1/audit/controls", tag = "audit",
    responses((status = 200, description = "What was found", body = ControlsView)),
)]
pub(super) async fn controls(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<ControlsView>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadAudit>(&caller, ()).await?;
    let found = controls::test_for(service, grant).await?;
    Ok(axum::Json(ControlsView {
        at: found.at,
        hold: found.hold,
        fail: found.fail,
    }))
}

/// Reads the whole journal again, verifies it, and signs what was found.
#[utoipa::path(
    get, path = "/v1/audit/verification", tag = "audit",
    responses((status = 200, description = "The journal is what was written", body = AuditVerification)),
)]
pub(super) async fn verification(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<AuditVerification>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadAudit>(&caller, ()).await?;
    let verified = shared
        .aside(move |service| oversee::verify_audit(service, grant))
        .await?;
    Ok(axum::Json(AuditVerification {
        records: verified.records,
        root: verified.root,
        checkpoint: verified.checkpoint,
    }))
}
