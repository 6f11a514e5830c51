//! Reviews: who has access to what, what may be published of it, and how it is used.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Query, Who};
use super::problem::Answer;
use super::state::Shared;
use crate::access::acts::ReviewAccess;
use crate::id::StudyId;
use crate::wire::{AccessRow, Figure, PersonUsage, StudySummary, Summary, SummaryCount, UsageRow};
use crate::work::review;

/// Which study.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct OfStudy {
    /// Of this study only.
    study: Option<StudyId>,
}

/// Who has access to what.
#[utoipa::path(
    get, path = "/v1/reviews/access", tag = "reviews", params(OfStudy),
    responses((status = 200, description = "Everybody's access", body = Vec<AccessRow>)),
)]
pub(super) async fn access(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Query(OfStudy { study }): Query<OfStudy>,
) -> Answer<axum::Json<Vec<AccessRow>>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReviewAccess>(&caller, ()).await?;
    let rows = shared
        .aside(move |service| review::access(service, grant, study))
        .await?;
    let rows = rows.into_iter().map(|row| AccessRow {
        study: row.study,
        person: row.person,
        name: row.name,
        role: row.role,
        supplier: row.supplier,
        purpose: row.purpose.to_string(),
        sees: row.sees.to_string(),
        until: row.until,
        last_use: row.last_use,
        lapsed: row.lapsed,
    });
    Ok(axum::Json(rows.collect()))
}

/// Approved access, as it may be published.
#[utoipa::path(
    get, path = "/v1/reviews/summary", tag = "reviews",
    responses((status = 200, description = "The summary", body = Summary)),
)]
pub(super) async fn summary(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<Summary>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReviewAccess>(&caller, ()).await?;
    let summary = review::summary(service, grant)?;
    Ok(axum::Json(Summary {
        on: summary.on,
        studies: summary.studies.into_iter().map(study_summary).collect(),
        exceptions: summary.exceptions as u64,
    }))
}

/// Every study's use, month by month.
#[utoipa::path(
    get, path = "/v1/reviews/usage", tag = "reviews",
    responses((status = 200, description = "By study and month", body = Vec<UsageRow>)),
)]
pub(super) async fn usage(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<Vec<UsageRow>>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReviewAccess>(&caller, ()).await?;
    let rows = shared
        .aside(move |service| review::usage(service, grant))
        .await?;
    let rows = rows.into_iter().map(|row| UsageRow {
        study: row.study,
        month: row.month.to_string(),
        uploads: figure(row.uploads),
        bytes: row.bytes,
        openings: figure(row.openings),
    });
    Ok(axum::Json(rows.collect()))
}

/// What everybody did, study by study and month by month.
#[utoipa::path(
    get, path = "/v1/reviews/people", tag = "reviews",
    responses((status = 200, description = "By person, study and month", body = Vec<PersonUsage>)),
)]
pub(super) async fn people(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<Vec<PersonUsage>>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ReviewAccess>(&caller, ()).await?;
    let rows = shared
        .aside(move |service| review::people(service, grant))
        .await?;
    let rows = rows.into_iter().map(|row| PersonUsage {
        person: row.person,
        study: row.study,
        month: row.month.to_string(),
        uploads: row.uploads,
        openings: row.openings,
        items: row.items,
    });
    Ok(axum::Json(rows.collect()))
}

fn study_summary(study: review::StudySummary) -> StudySummary {
    let (approved_by, approved_on) = study.approved.unzip();
    let people = study.people.into_iter().map(|people| SummaryCount {
        role: people.role,
        purpose: people.purpose.to_string(),
        count: figure(people.count),
    });
    StudySummary {
        name: study.name,
        controller: study.controller,
        organisations: study.organisations.into_iter().collect(),
        lawful_basis: study.lawful_basis,
        approved_by,
        approved_on,
        people: people.collect(),
        until: study.until,
        review: study.review,
    }
}

fn figure(figure: review::Figure) -> Figure {
    match figure {
        review::Figure::None => Figure::Number(0),
        review::Figure::Few => Figure::Words(format!("fewer than {}", review::SMALL)),
        review::Figure::Exactly(count) => Figure::Number(count),
    }
}
