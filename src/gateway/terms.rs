//! Studies' terms: founded on them, amended, approved, and the notices that tell of them.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;

use super::extract::{Json, One, OneAndWord, Who};
use super::problem::Answer;
use super::state::Shared;
use crate::access::acts::{ApproveStudy, CreateStudy, ManageStudy, ReadStudy};
use crate::id::StudyId;
use crate::model::{Notice, Participant};
use crate::wire::{
    AffectedView, ApprovalView, FieldView, FoundedStudy, HeldView, NewApproval, NewNotice,
    NewStudy, NoticeView, StudyAmendment, StudyView,
};
use crate::work::inspect::StudySeen;
use crate::work::terms::{self, notice};

/// Founds a study.
#[utoipa::path(
    post, path = "/v1/studies", tag = "studies",
    request_body = NewStudy,
    responses((status = 201, description = "Founded", body = FoundedStudy)),
)]
pub(super) async fn found(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Json(new): Json<NewStudy>,
) -> Answer<(StatusCode, axum::Json<FoundedStudy>)> {
    let service = &shared.service;
    let grant = service.admit::<CreateStudy>(&caller, ()).await?;
    let (name, template) = (new.name.clone(), new.template);
    let founded = terms::found(service, grant, name, template, new.into_terms()).await?;
    Ok((StatusCode::CREATED, axum::Json(founded_view(founded))))
}

/// Changes a study's terms. What was promised to those who are in it is not loosened.
#[utoipa::path(
    patch, path = "/v1/studies/{study}", tag = "studies",
    params(("study" = StudyId, Path, description = "The study")),
    request_body = StudyAmendment,
    responses((status = 200, description = "Changed", body = FoundedStudy)),
)]
pub(super) async fn amend(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Json(change): Json<StudyAmendment>,
) -> Answer<axum::Json<FoundedStudy>> {
    let service = &shared.service;
    let grant = service.admit::<ManageStudy>(&caller, id).await?;
    let amendment = terms::Amendment {
        name: change.name.clone(),
        under_notice: change.under_notice,
        terms: change.into_terms(),
    };
    let changed = terms::amend(service, grant, amendment).await?;
    Ok(axum::Json(founded_view(changed)))
}

/// Records the data owner's approval.
#[utoipa::path(
    post, path = "/v1/studies/{study}/approval", tag = "studies",
    params(("study" = StudyId, Path, description = "The study")),
    request_body = NewApproval,
    responses((status = 204, description = "On record")),
)]
pub(super) async fn approve(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Json(NewApproval { by, on }): Json<NewApproval>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ApproveStudy>(&caller, id).await?;
    terms::approve(service, grant, by, on).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Puts a version of the privacy notice on record.
#[utoipa::path(
    post, path = "/v1/studies/{study}/notices", tag = "studies",
    params(("study" = StudyId, Path, description = "The study")),
    request_body = NewNotice,
    responses((status = 204, description = "On record")),
)]
pub(super) async fn add_notice(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
    Json(new): Json<NewNotice>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ManageStudy>(&caller, id).await?;
    notice::add(service, grant, new_notice(new)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The versions of the privacy notice.
#[utoipa::path(
    get, path = "/v1/studies/{study}/notices", tag = "studies",
    params(("study" = StudyId, Path, description = "The study")),
    responses((status = 200, description = "Every version", body = Vec<NoticeView>)),
)]
pub(super) async fn notices(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<StudyId>,
) -> Answer<axum::Json<Vec<NoticeView>>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadStudy>(&caller, id).await?;
    let notices = notice::list(service, grant)?.into_iter();
    Ok(axum::Json(notices.map(notice_view).collect()))
}

/// Who is in the study on a consent given under an earlier version of the notice.
#[utoipa::path(
    get, path = "/v1/studies/{study}/notices/{version}/affected", tag = "studies",
    params(
        ("study" = StudyId, Path, description = "The study"),
        ("version" = u32, Path, description = "The version of the notice"),
    ),
    responses((status = 200, description = "Those it affects", body = Vec<AffectedView>)),
)]
pub(super) async fn affected(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    OneAndWord(id, version): OneAndWord<StudyId, u32>,
) -> Answer<axum::Json<Vec<AffectedView>>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReadStudy>(&caller, id).await?;
    let affected = notice::affected(service, grant, version)?.into_iter();
    Ok(axum::Json(affected.map(affected_view).collect()))
}

/// A study with all its terms, and what it lacks.
pub(super) fn study_view(seen: StudySeen) -> StudyView {
    let StudySeen { study, held } = seen;
    StudyView {
        missing: terms::missing(&study),
        undated: terms::undated(&study),
        id: study.id,
        name: study.name,
        controller: study.controller,
        processors: study.processors,
        lawful_basis: study.lawful_basis,
        notice: study.notice,
        fields: study.fields.into_iter().map(FieldView::from).collect(),
        groups: study.groups,
        dpia: study.papers.dpia,
        data_sharing: study.papers.data_sharing,
        approval: study.papers.approval.map(|approval| ApprovalView {
            by: approval.by,
            on: approval.on,
            recorded_by: approval.recorded_by,
        }),
        requires: study.requires,
        regions: study.regions,
        withdraw_within: study.withdraw_within,
        retain: study.retain,
        moments: study.moments,
        review: study.review,
        answer_within: study.answer_within,
        transcript_after: study.transcript_after,
        team_contact: study.contacts.team,
        dpo_contact: study.contacts.dpo,
        safeguarding_lead: study.contacts.safeguarding_lead,
        approvers: study.approvers,
        unpublished: study.unpublished,
        quota_bytes: study.quota.bytes,
        quota_items: study.quota.items,
        held: HeldView {
            items: held.items,
            bytes: held.bytes,
            coming_items: held.coming_items,
            coming_bytes: held.coming_bytes,
        },
        closed: study.closed,
        ended: study.ended,
    }
}

fn founded_view(founded: terms::Founded) -> FoundedStudy {
    FoundedStudy {
        id: founded.id,
        warnings: founded.warnings,
    }
}

fn new_notice(new: NewNotice) -> notice::NewNotice {
    notice::NewNotice {
        version: new.version,
        published: new.published,
        review: new.review,
        reference: new.reference,
        change: new.change,
    }
}

fn notice_view(notice: Notice) -> NoticeView {
    NoticeView {
        version: notice.version,
        published: notice.published,
        review: notice.review,
        reference: notice.reference,
        change: notice.change,
    }
}

fn affected_view(participant: Participant) -> AffectedView {
    AffectedView {
        id: participant.id,
        consent: participant.consent,
        notice: participant.notice,
    }
}
