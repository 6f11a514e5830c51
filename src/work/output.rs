//! Outputs on their way to the commissioner: asked for by one of the team, decided on by another.

use super::check::{unconsidered, withdrawn_since};
use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::{ApproveRelease, RequestRelease};
use crate::id::{ReleaseId, StudyId};
use crate::index::{Reader, tables};
use crate::model::release::Verdict;
use crate::model::{Actor, Check, Event, Finding, Item, Release, Text};

/// Asks for an anonymised output to be given to the commissioner under `title`.
///
/// # Errors
/// [`WorkError::Refused`] naming the papers the study has not got (R32, R33); [`WorkError::Conflict`]
/// when it is asked for or given already.
pub async fn request(
    service: &Service,
    grant: Grant<RequestRelease>,
    title: Text,
) -> Result<ReleaseId, WorkError> {
    let id = ReleaseId::random(&*service.vault().means().entropy)?;
    let (by, item) = (grant.person(), grant.loaded().id);
    service
        .vault()
        .commit(Actor::Person(by), |draft| {
            let reader = draft.reader();
            let row = output(reader, item)?;
            check_papers(reader, row.study)?;
            for ((_, other), ()) in
                reader.page(&tables::RELEASES_OF, &row.study, None, usize::MAX)?
            {
                let other = reader.get(&tables::RELEASES, &other)?;
                let stands = |other: &Release| {
                    other.item == item && !matches!(other.verdict, Some(Verdict::Refused { .. }))
                };
                if let Some(other) = other.filter(stands) {
                    return Err(WorkError::Conflict(match other.is_given() {
                        true => format!("the commissioner has it already, as {}", other.id),
                        false => format!(
                            "that is asked for already, as {}; it waits for `release approve`",
                            other.id
                        ),
                    }));
                }
            }
            let release = Release {
                id,
                study: row.study,
                item,
                title,
                kind: row.kind,
                length: row.length,
                group: row.derived.and_then(|derived| derived.group),
                requested_by: by,
                requested_at: draft.now(),
                verdict: None,
            };
            Ok((Event::ReleaseRequested { release }, id))
        })
        .await
}

/// Decides on a release: it is given, or it is not, because of `finding`.
///
/// # Errors
/// [`WorkError::Conflict`] when it was decided before; [`WorkError::Refused`] naming the papers the
/// study has not got, and when withdrawals were recorded in it since the output was checked and it is
/// not said that they were considered (R13).
pub async fn decide(
    service: &Service,
    grant: Grant<ApproveRelease>,
    finding: Option<Finding>,
    considered_withdrawals: bool,
) -> Result<(), WorkError> {
    let (by, release) = (grant.person(), grant.loaded().id);
    service
        .vault()
        .commit(Actor::Person(by), |draft| {
            let (reader, at) = (draft.reader(), draft.now());
            let row = reader.get(&tables::RELEASES, &release)?;
            let row = row.ok_or(WorkError::NoSuchThing)?;
            if row.verdict.is_some() {
                return Err(WorkError::Conflict(
                    "that was decided already; ask for the release anew".to_owned(),
                ));
            }
            let verdict = match finding {
                Some(finding) => Verdict::Refused { by, at, finding },
                None => {
                    let item = output(reader, row.item)?;
                    check_papers(reader, row.study)?;
                    let checked = item.derived.as_ref().map(|derived| &derived.check);
                    let Some(Check::Passed { at: checked, .. }) = checked else {
                        return Err(WorkError::Refused("it has not passed its check".to_owned()));
                    };
                    let missed =
                        !considered_withdrawals && withdrawn_since(reader, row.study, *checked)?;
                    if missed {
                        return Err(unconsidered("it was checked"));
                    }
                    Verdict::Approved { by, at }
                }
            };
            Ok((Event::ReleaseDecided { release, verdict }, ()))
        })
        .await
}

fn output(reader: &Reader<'_>, item: crate::id::ItemId) -> Result<Item, WorkError> {
    let row = reader.get(&tables::ITEMS, &item)?;
    row.filter(|row| !row.erased).ok_or(WorkError::NoSuchThing)
}

/// Nothing is shared before every paper is there.
fn check_papers(reader: &Reader<'_>, study: StudyId) -> Result<(), WorkError> {
    let study = reader.get(&tables::STUDIES, &study)?;
    let missing = study.ok_or(WorkError::NoSuchThing)?.missing_papers();
    if missing.is_empty() {
        return Ok(());
    }
    let missing: Vec<&str> = missing.iter().map(|paper| paper.name()).collect();
    Err(WorkError::Refused(format!(
        "nothing is released before the study's papers are on record; missing: {} (`strongroom study amend --dpia … --data-sharing …`, and information governance records the approval: `strongroom study approve`)",
        missing.join(", ")
    )))
}
