//! Destroying what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;

use super::find::{Reason, find};
use super::take::{Taken, take};
use crate::access::Grant;
use crate::access::acts::RunRetention;
use crate::clock::london_day;
use crate::id::{ErasureId, StudyId};
use crate::index::{Reader, tables};
use crate::model::erasure::Retention;
use crate::model::{Actor, Cause, Erasure, ErasureStage, Event, Moment, Study};
use crate::vault::VaultError;
use crate::work::erase;
use crate::work::error::WorkError;
use crate::work::service::Service;

/// What a run did: an erasure for each study that something was due in, or several where there was
/// too much for one.
pub type Run = Vec<Erasure>;

/// Destroys what is due, in one study or in all, on the word of somebody of information governance.
///
/// From the moment an erasure is begun it runs to its end by itself, whatever happens to whoever
/// asked; [`erase::resume`] takes it up after a crash.
///
/// # Errors
/// [`WorkError::NoSuchThing`] for a study that is none. When the store does not answer, the erasure as
/// far as it came is returned: its stage says how far.
pub async fn run(
    service: &Arc<Service>,
    grant: Grant<RunRetention>,
    study: Option<StudyId>,
) -> Result<Run, WorkError> {
    let by = Actor::Person(grant.person());
    let studies = match study {
        None => all(service)?,
        Some(id) => {
            let view = service.vault().view()?;
            let row = view.reader().get(&tables::STUDIES, &id)?;
            vec![row.ok_or(WorkError::NoSuchThing)?.id]
        }
    };
    let service = Arc::clone(service);
    let running = tokio::spawn(async move { run_by(&service, by, studies).await });
    running
        .await
        .map_err(|error| WorkError::Internal(error.to_string()))?
}

/// Destroys what is due in every study, as the gateway does by itself each day.
///
/// # Errors
/// The first failure, after all studies were tried.
pub async fn daily(service: &Arc<Service>) -> Result<Run, WorkError> {
    let studies = all(service)?;
    run_by(service, Actor::Gateway, studies).await
}

fn all(service: &Service) -> Result<Vec<StudyId>, WorkError> {
    let view = service.vault().view()?;
    let rows = view
        .reader()
        .page(&tables::STUDIES, &(), None, usize::MAX)?;
    let open = rows.into_iter().filter(|(_, study)| !study.ended);
    Ok(open.map(|(id, _)| id).collect())
}

async fn run_by(
    service: &Arc<Service>,
    by: Actor,
    studies: Vec<StudyId>,
) -> Result<Run, WorkError> {
    let mut done = Ok(Vec::new());
    for study in studies {
        loop {
            let begun = {
                let service = Arc::clone(service);
                tokio::task::spawn_blocking(move || begin(&service, by, study))
                    .await
                    .map_err(|error| WorkError::Internal(error.to_string()))?
            };
            let erasure = match begun {
                Ok(None) => break,
                Ok(Some((id, more))) => erase::finish(service, id).await.map(|row| (row, more)),
                Err(error) => Err(error),
            };
            match erasure {
                Ok((erasure, more)) => {
                    done = done.map(|mut done: Run| {
                        done.push(erasure);
                        done
                    });
                    if !more {
                        break;
                    }
                }
                Err(error) => {
                    done = done.and(Err(error));
                    break;
                }
            }
        }
    }
    done
}

/// Why nothing is begun.
enum Stop {
    NothingDue,
    Failed(WorkError),
}

impl From<VaultError> for Stop {
    fn from(error: VaultError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<WorkError> for Stop {
    fn from(error: WorkError) -> Self {
        Self::Failed(error)
    }
}

/// Writes down what goes, if anything does: from here on it goes. Says too whether there is more.
fn begin(
    service: &Service,
    by: Actor,
    study: StudyId,
) -> Result<Option<(ErasureId, bool)>, WorkError> {
    // Looked for once beforehand, so that nobody waits for a study in which nothing is due.
    {
        let view = service.vault().view()?;
        if taken(view.reader(), study, service.today(), |taken, _| {
            taken.is_none()
        })? {
            return Ok(None);
        }
    }
    let id = ErasureId::random(&*service.vault().means().entropy)?;
    let begun = service.vault().commit_blocking(by, |draft| {
        let (today, now) = (london_day(draft.now()), draft.now());
        let event = taken(draft.reader(), study, today, |taken, study| {
            let taken = taken?;
            let cause = Cause::Retention(cause(&taken.reasons, today));
            let mut erasure = Erasure::requested(id, study.id, cause, by, now, 0);
            erasure.stage = ErasureStage::Approved;
            erasure.target = taken.target;
            let erasure = Box::new(erasure);
            Some((Event::RetentionBegun { erasure }, (id, taken.more)))
        })?;
        event.ok_or(Stop::NothingDue)
    });
    match begun {
        Ok(begun) => Ok(Some(begun)),
        Err(Stop::NothingDue) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// What goes in a study, if anything does.
fn taken<T>(
    reader: &Reader<'_>,
    study: StudyId,
    today: Date,
    then: impl FnOnce(Option<Taken<'_>>, &Study) -> T,
) -> Result<T, WorkError> {
    let study = reader.get(&tables::STUDIES, &study)?;
    let study = study.ok_or(WorkError::NoSuchThing)?;
    let found = find(reader, &study, today)?;
    let taken = match found.is_empty() && found.outputs.is_none() {
        true => None,
        false => Some(take(reader, &found)?).filter(|taken| !taken.target.keys.is_empty()),
    };
    Ok(then(taken, &study))
}

/// The rules, each with the days it was counted from, and the moments among them.
fn cause(reasons: &[Reason<'_>], today: Date) -> Retention {
    let mut counted: BTreeMap<(String, Option<Moment>), BTreeSet<Date>> = BTreeMap::new();
    for reason in reasons {
        let key = (
            reason.rule.to_string(),
            reason.from.map(|(moment, _)| moment),
        );
        let days = counted.entry(key).or_default();
        days.extend(reason.from.map(|(_, day)| day));
    }
    let moments = counted.keys().filter_map(|(_, moment)| match moment {
        Some(Moment::Study(moment)) => Some(*moment),
        _ => None,
    });
    Retention {
        due: reasons
            .iter()
            .map(|reason| reason.due)
            .max()
            .unwrap_or(today),
        moments: moments.collect(),
        rules: counted
            .iter()
            .map(
                |((rule, moment), days)| match (moment, days.first(), days.last()) {
                    (Some(moment), Some(first), Some(last)) if first == last => {
                        format!("{rule}; {moment} on {first}")
                    }
                    (Some(moment), Some(first), Some(last)) => {
                        format!("{rule}; {moment} from {first} to {last}")
                    }
                    _ => rule.clone(),
                },
            )
            .collect(),
    }
}
