//! Asking what is due, at the door.

use std::sync::Arc;

use jiff::civil::Date;

use super::find::find;
use super::list::{Cursor, DueList, due_in};
use crate::access::Caller;
use crate::access::acts::ReadRetention;
use crate::id::StudyId;
use crate::index::tables;
use crate::model::{Action, Actor, Event, Study};
use crate::work::error::WorkError;
use crate::work::service::Service;

/// What is due by a day in one study, or in every study whose lead asks, or that information
/// governance sees. Asking is recorded.
///
/// # Errors
/// [`WorkError::NoSuchThing`] and [`WorkError::Refused`] for a study of others.
pub async fn due(
    service: &Arc<Service>,
    caller: &Caller,
    study: Option<StudyId>,
    on: Option<Date>,
    after: Option<Cursor>,
    limit: usize,
) -> Result<DueList, WorkError> {
    let studies = match study {
        Some(id) => {
            let grant = service.admit_reading::<ReadRetention>(caller, id).await?;
            vec![grant.into_loaded()]
        }
        None => {
            let accessed = Event::Accessed {
                action: Action::ReadRetention,
                resource: "studies".to_owned(),
                detail: None,
            };
            service
                .note(Actor::Person(caller.person().id), accessed)
                .await?;
            followed(service, caller)?
        }
    };
    let on = on.unwrap_or_else(|| service.today());
    let service = Arc::clone(service);
    let listing = tokio::task::spawn_blocking(move || {
        let view = service.vault().view()?;
        due_in(view.reader(), &studies, on, after, limit)
    });
    listing
        .await
        .map_err(|error| WorkError::Internal(error.to_string()))?
}

/// How many things are due in a study today.
///
/// # Errors
/// Those of reading the index.
pub(in crate::work) async fn count_due(
    service: &Arc<Service>,
    study: StudyId,
) -> Result<usize, WorkError> {
    let service = Arc::clone(service);
    let counting = tokio::task::spawn_blocking(move || {
        let view = service.vault().view()?;
        let reader = view.reader();
        let row = reader.get(&tables::STUDIES, &study)?;
        let row = row.ok_or(WorkError::NoSuchThing)?;
        let found = find(reader, &row, service.today())?;
        let due = found.things().count();
        Ok::<_, WorkError>(due)
    });
    counting
        .await
        .map_err(|error| WorkError::Internal(error.to_string()))?
}

fn followed(service: &Service, caller: &Caller) -> Result<Vec<Study>, WorkError> {
    let rows = {
        let view = service.vault().view()?;
        view.reader()
            .page(&tables::STUDIES, &(), None, usize::MAX)?
    };
    let studies = rows.into_iter().map(|(_, study)| study);
    Ok(studies
        .filter(|study| service.decide::<ReadRetention>(caller, &study.id).is_ok())
        .collect())
}
