//! The end of keeping: what is due, its destruction, and the moments it is counted from.

use std::sync::Arc;

use axum::extract::State;
use jiff::civil::Date;
use serde::Deserialize;
use utoipa::IntoParams;

use super::extract::{Json, JsonOrNone, OneAndWord, Query, Who, rows};
use super::problem::{Answer, Failure};
use super::state::Shared;
use super::views;
use crate::access::acts::{ManageStudy, RunRetention};
use crate::id::StudyId;
use crate::model::StudyMoment;
use crate::wire::{
    DueKeptBack, DuePage, DueView, DueWhat, MomentDate, MomentView, NewRetentionRun, ProblemKind,
    RetentionRun, RetentionWarning, WarningAbout,
};
use crate::work::retain::{Cursor, DueList, DueRow, KeptBack, Thing, Warning};
use crate::work::{moment, retain};

/// What of which study is asked about.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DueAsked {
    /// In this study only.
    study: Option<StudyId>,
    /// By this day instead of today.
    on: Option<Date>,
    /// `next` of the page before.
    after: Option<String>,
    /// Most rows wanted.
    limit: Option<usize>,
}

/// What is due for destruction, when, why and by which rule; and what the rules do not say yet.
///
/// People of whom nothing else is left may come besides the rows asked for.
#[utoipa::path(
    get, path = "/v1/retention", tag = "retention",
    params(DueAsked),
    responses((status = 200, description = "A page, earliest due first", body = DuePage)),
)]
pub(super) async fn due(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Query(asked): Query<DueAsked>,
) -> Answer<axum::Json<DuePage>> {
    let limit = rows(asked.limit)?;
    let after = asked.after.map(|text| text.parse::<Cursor>()).transpose();
    let after =
        after.map_err(|error| Failure::new(ProblemKind::Unacceptable, error.to_string()))?;
    let service = &shared.service;
    let list = retain::due(service, &caller, asked.study, asked.on, after, limit).await?;
    Ok(axum::Json(page(list)))
}

/// Destroys what is due, in one study or in all.
///
/// It goes on when the caller goes away, and after a restart. The gateway does the same by itself
/// each day.
#[utoipa::path(
    post, path = "/v1/retention/runs", tag = "retention",
    request_body = Option<NewRetentionRun>,
    responses((status = 200, description = "What was destroyed", body = RetentionRun)),
)]
pub(super) async fn run(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    JsonOrNone(NewRetentionRun { study }): JsonOrNone<NewRetentionRun>,
) -> Answer<axum::Json<RetentionRun>> {
    let grant = shared.service.admit::<RunRetention>(&caller, ()).await?;
    let service = Arc::clone(&shared.service);
    let running = async move { retain::run(&service, grant, study).await };
    let erasures = shared.finish(running).await?;
    Ok(axum::Json(RetentionRun {
        erasures: erasures.into_iter().map(views::erasure).collect(),
    }))
}

/// Dates a moment of a study that its rules count from, or dates it anew while nothing was destroyed
/// by it.
#[utoipa::path(
    put, path = "/v1/studies/{study}/moments/{moment}", tag = "retention",
    params(
        ("study" = StudyId, Path, description = "The study"),
        ("moment" = StudyMoment, Path, description = "The moment"),
    ),
    request_body = MomentDate,
    responses((status = 200, description = "Dated", body = MomentView)),
)]
pub(super) async fn date_moment(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    OneAndWord(study, moment): OneAndWord<StudyId, StudyMoment>,
    Json(MomentDate { on }): Json<MomentDate>,
) -> Answer<axum::Json<MomentView>> {
    let service = &shared.service;
    let grant = service.admit::<ManageStudy>(&caller, study).await?;
    let dated = moment::date(service, grant, moment, on).await?;
    Ok(axum::Json(MomentView {
        study,
        moment,
        on,
        before: dated.before,
        due: dated.due as u64,
    }))
}

fn page(list: DueList) -> DuePage {
    DuePage {
        on: list.on,
        total: list.total as u64,
        due: list.rows.into_iter().map(row).collect(),
        warnings: list.warnings.iter().map(warning).collect(),
        next: list.next.map(|next| next.to_string()),
    }
}

fn row(row: DueRow) -> DueView {
    let (kept_back, erasure) = match row.kept_back {
        None => (None, None),
        Some(KeptBack::Restricted) => (Some(DueKeptBack::Restricted), None),
        Some(KeptBack::UnderWay(erasure)) => (Some(DueKeptBack::ErasureUnderWay), Some(erasure)),
    };
    DueView {
        study: row.study,
        what: match row.thing {
            Thing::Item(_) => DueWhat::Item,
            Thing::Upload(_) => DueWhat::Upload,
            Thing::Contact(_) => DueWhat::Contact,
            Thing::Participant(_) => DueWhat::Participant,
            Thing::Study(_) => DueWhat::Study,
        },
        id: row.thing.id(),
        kind: row.material.map(|(kind, _)| kind),
        tier: row.material.map(|(_, tier)| tier),
        due: row.due,
        rule: row.rule,
        moment: row.from.map(|(moment, _)| moment.to_string()),
        moment_on: row.from.map(|(_, day)| day),
        kept_back,
        erasure,
    }
}

fn warning(warning: &Warning) -> RetentionWarning {
    let (about, rule, moments) = match warning {
        Warning::Undated { rule, moments, .. } => {
            let moments = moments.iter().map(ToString::to_string).collect();
            (WarningAbout::Undated, Some(rule.clone()), moments)
        }
        Warning::Uncovered { .. } => (WarningAbout::Uncovered, None, Vec::new()),
        Warning::ReviewPast { .. } => (WarningAbout::ReviewPast, None, Vec::new()),
    };
    RetentionWarning {
        study: warning.study(),
        about,
        rule,
        moments,
        text: warning.to_string(),
    }
}
