//! Participants: adding, finding and correcting them, what they permit, and their withdrawal.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Json, JsonOrNone, One, Query, Who, rows};
use super::outcomes;
use super::problem::{Answer, Failure};
use super::state::Shared;
use super::views;
use crate::access::acts::{
    AddParticipant, ChangeParticipant, FindParticipant, ReadContact, ReadParticipant, ReadStudy,
    WithdrawParticipant,
};
use crate::id::{ParticipantId, StudyId};
use crate::model::participant::Contact;
use crate::wire::{
    ConsentAnswer, ConsentView, ContactCorrection, ContactView, Created, NewConsent,
    NewParticipant, NewSearch, NewWithdrawal, ParticipantView, ProblemKind, WithdrawalAnswer,
};
use crate::work::participant::{self, Correction, Sought};
use crate::work::{assess, consent, inspect, withdraw};

/// A page of participants.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ParticipantPage {
    /// The last identifier of the page before.
    after: Option<ParticipantId>,
    /// Most rows wanted; a page with fewer is the last one.
    limit: Option<usize>,
}

/// Adds a participant.
#[utoipa::path(
    post, path = "/v1/studies/{study}/participants", tag = "participants",
    params(("study" = StudyId, Path, description = "The study")),
    request_body = NewParticipant,
    responses((status = 201, description = "Added", body = Created<ParticipantId>)),
)]
pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Json(new): Json<NewParticipant>,
) -> Answer<(StatusCode, axum::Json<Created<ParticipantId>>)> {
    let service = &shared.service;
    let grant = service.admit::<AddParticipant>(&caller, id).await?;
    let new = participant::NewParticipant {
        permissions: new.permit,
        contact: Contact {
            name: new.name,
            email: new.email,
            fields: new.fields,
        },
        group: new.group,
        source: new.source,
        given: new.consent_date,
        notice: new.notice,
    };
    let id = participant::add(service, grant, new).await?;
    Ok((StatusCode::CREATED, axum::Json(Created { id })))
}

/// A study's participants, without their contact details.
#[utoipa::path(
    get, path = "/v1/studies/{study}/participants", tag = "participants",
    params(("study" = StudyId, Path, description = "The study"), ParticipantPage),
    responses((status = 200, description = "A page", body = Vec<ParticipantView>)),
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Query(page): Query<ParticipantPage>,
) -> Answer<axum::Json<Vec<ParticipantView>>> {
    let service = &shared.service;
    let limit = rows(page.limit)?;
    let grant = service.admit_reading::<ReadStudy>(&caller, id).await?;
    let page = inspect::participants(service, grant, page.after, limit)?;
    Ok(axum::Json(
        page.into_iter().map(views::participant).collect(),
    ))
}

/// The participants whom a name or an e-mail address names. The search is on record, the words are not.
#[utoipa::path(
    post, path = "/v1/studies/{study}/participants/search", tag = "participants",
    params(("study" = StudyId, Path, description = "The study")),
    request_body = NewSearch,
    responses((status = 200, description = "Who was found", body = Vec<ParticipantView>)),
)]
pub(super) async fn find(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Json(NewSearch { name, email }): Json<NewSearch>,
) -> Answer<axum::Json<Vec<ParticipantView>>> {
    let sought = match (name, email) {
        (Some(name), None) => Sought::Name(name),
        (None, Some(email)) => Sought::Email(email),
        _ => {
            return Err(Failure::new(
                ProblemKind::Unacceptable,
                "a search is for a name or for an e-mail address; give one of them",
            ));
        }
    };
    let service = &shared.service;
    let grant = service
        .admit_reading::<FindParticipant>(&caller, id)
        .await?;
    let found = participant::find(service, grant, sought).await?;
    Ok(axum::Json(
        found.into_iter().map(views::participant).collect(),
    ))
}

/// A participant, with what names them.
#[utoipa::path(
    get, path = "/v1/participants/{participant}", tag = "participants",
    params(("participant" = ParticipantId, Path, description = "The participant")),
    responses((status = 200, description = "The participant", body = ContactView)),
)]
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ParticipantId>,
) -> Answer<axum::Json<ContactView>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadContact>(&caller, id).await?;
    let (row, contact) = participant::contact(service, grant)?;
    Ok(axum::Json(views::contact(row, contact)))
}

/// Corrects what names a participant; it is sealed under a new key.
#[utoipa::path(
    patch, path = "/v1/participants/{participant}/contact", tag = "participants",
    params(("participant" = ParticipantId, Path, description = "The participant")),
    request_body = ContactCorrection,
    responses((status = 204, description = "Corrected")),
)]
pub(super) async fn correct(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ParticipantId>,
    Json(new): Json<ContactCorrection>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ChangeParticipant>(&caller, id).await?;
    let correction = Correction {
        name: new.name,
        email: new.email,
        fields: new.fields,
    };
    participant::correct(service, grant, correction).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Records what a participant permits now.
#[utoipa::path(
    post, path = "/v1/participants/{participant}/consents", tag = "participants",
    params(("participant" = ParticipantId, Path, description = "The participant")),
    request_body = NewConsent,
    responses((status = 201, description = "Recorded, and what follows from it", body = ConsentAnswer)),
)]
pub(super) async fn consent(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ParticipantId>,
    Json(new): Json<NewConsent>,
) -> Answer<(StatusCode, axum::Json<ConsentAnswer>)> {
    let service = &shared.service;
    let grant = service.admit::<ChangeParticipant>(&caller, id).await?;
    let new = consent::NewConsent {
        permissions: new.permit,
        given: new.date,
        notice: new.notice,
        evidence: new.evidence,
    };
    let recorded = consent::record(service, grant, new).await?;
    let answer = ConsentAnswer {
        id,
        version: recorded.version,
        erasure: recorded.erasure,
        frozen: recorded.frozen,
        kept: recorded.kept,
    };
    Ok((StatusCode::CREATED, axum::Json(answer)))
}

/// Every version of a participant's consent, the first one first.
#[utoipa::path(
    get, path = "/v1/participants/{participant}/consents", tag = "participants",
    params(("participant" = ParticipantId, Path, description = "The participant")),
    responses((status = 200, description = "The versions", body = Vec<ConsentView>)),
)]
pub(super) async fn consents(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ParticipantId>,
) -> Answer<axum::Json<Vec<ConsentView>>> {
    let service = &shared.service;
    let grant = service
        .admit_reading::<ReadParticipant>(&caller, id)
        .await?;
    let versions = consent::versions(service, grant)?;
    Ok(axum::Json(
        versions.into_iter().map(views::consent).collect(),
    ))
}

/// Records that a participant withdraws. No reason is asked.
#[utoipa::path(
    post, path = "/v1/participants/{participant}/withdrawal", tag = "erasures",
    params(("participant" = ParticipantId, Path, description = "Who withdraws")),
    request_body = Option<NewWithdrawal>,
    responses((status = 201, description = "Recorded, and what becomes of it", body = WithdrawalAnswer)),
)]
pub(super) async fn withdraw(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ParticipantId>,
    JsonOrNone(NewWithdrawal { contact_only }): JsonOrNone<NewWithdrawal>,
) -> Answer<(StatusCode, axum::Json<WithdrawalAnswer>)> {
    let service = &shared.service;
    let grant = service.admit::<WithdrawParticipant>(&caller, id).await?;
    let answer = withdraw::withdraw(service, grant, contact_only).await?;
    let assessment = assess::assess(service, &answer.recorded).await?;
    let answer = outcomes::withdrawal(answer, assessment);
    Ok((StatusCode::CREATED, axum::Json(answer)))
}
