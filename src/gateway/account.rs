//! One's own account: the terms of use, what is held of it, and correcting it.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::extract::{Json, Who};
use super::problem::Answer;
use super::state::Shared;
use super::views;
use crate::model::person::{TERMS, TERMS_VERSION};
use crate::wire::{AccountExport, NewAcceptance, OwnCorrection, RecordedAct, TermsOfUse};
use crate::work::person;

/// The terms of use, and the version one has accepted.
#[utoipa::path(
    get, path = "/v1/terms", tag = "people",
    responses((status = 200, description = "The terms in force", body = TermsOfUse)),
)]
pub(super) async fn terms(caller: Who) -> axum::Json<TermsOfUse> {
    axum::Json(TermsOfUse {
        version: TERMS_VERSION,
        text: TERMS.to_owned(),
        accepted: caller.person().terms,
    })
}

/// Accepts the terms of use.
#[utoipa::path(
    post, path = "/v1/me/terms", tag = "people",
    request_body = NewAcceptance,
    responses((status = 204, description = "Accepted")),
)]
pub(super) async fn accept_terms(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Json(NewAcceptance { version }): Json<NewAcceptance>,
) -> Answer<StatusCode> {
    person::accept_terms(&shared.service, &caller, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Corrects what one is called.
#[utoipa::path(
    patch, path = "/v1/me", tag = "people",
    request_body = OwnCorrection,
    responses((status = 204, description = "Corrected")),
)]
pub(super) async fn correct(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Json(OwnCorrection { name }): Json<OwnCorrection>,
) -> Answer<StatusCode> {
    person::correct(&shared.service, &caller, name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All that is held of one's account, and what is on record of it.
#[utoipa::path(
    get, path = "/v1/me/export", tag = "people",
    responses((status = 200, description = "All of it", body = AccountExport)),
)]
pub(super) async fn export(
    State(shared): State<Arc<Shared>>,
    Who(caller): Who,
) -> Answer<axum::Json<AccountExport>> {
    let account = shared
        .aside(move |service| person::export(service, &caller))
        .await?;
    let record = account.record.into_iter().map(|recorded| {
        let (action, resource) = recorded.on.unzip();
        RecordedAct {
            at: recorded.at,
            own: recorded.own,
            event: recorded.event.to_owned(),
            action: action.map(|action| action.to_string()),
            resource,
        }
    });
    Ok(axum::Json(AccountExport {
        recipient: account.person.recipient.clone(),
        person: views::person(account.person),
        studies: account
            .memberships
            .into_iter()
            .map(views::membership)
            .collect(),
        record: record.collect(),
    }))
}
