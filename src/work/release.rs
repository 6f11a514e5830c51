//! What commissioners read: lists, rows and contents of what was released.
//!
//! Nothing here, and nothing in the decision before it, looks at who took part, at what they permit,
//! or at who withdrew: what a commissioner learns, and the time it takes, cannot turn on it (R14).

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;

use super::error::WorkError;
use super::inspect::record;
use super::retrieve::{Plain, open_under};
use super::service::Service;
use crate::access::acts::ReadRelease;
use crate::access::{Caller, Grant};
use crate::id::{ReleaseId, StudyId};
use crate::index::{Reader, tables};
use crate::model::{Action, Person, Release, Role};

/// A release, with what the one who asks may know of it.
#[derive(Debug)]
pub struct ReleaseSeen {
    /// The release.
    pub release: Release,
    /// Whether the one who asks is of the study's team, or oversees it, rather than a commissioner.
    pub team: bool,
}

/// The releases the caller may know of.
///
/// # Errors
/// Those of reading the index and writing the audit.
pub async fn releases(service: &Service, caller: &Caller) -> Result<Vec<ReleaseSeen>, WorkError> {
    record(service, caller, Action::ReadRelease, "releases").await?;
    let candidates = {
        let view = service.vault().view()?;
        candidates(view.reader(), caller.person())?
    };
    let decided = candidates
        .iter()
        .filter_map(|id| service.decide::<ReadRelease>(caller, id).ok());
    Ok(decided.map(release).collect())
}

/// One release.
pub fn release(grant: Grant<ReadRelease>) -> ReleaseSeen {
    ReleaseSeen {
        team: grant.caller().person().role != Role::Commissioner,
        release: grant.into_loaded(),
    }
}

/// Opens what was released, or `range` of it, as [`retrieve::open`](super::retrieve::open) does.
///
/// # Errors
/// As there.
pub async fn open(
    service: &Arc<Service>,
    grant: Grant<ReadRelease>,
    range: Option<Range<u64>>,
) -> Result<Plain<impl Stream<Item = Result<Bytes, WorkError>> + Send + use<>>, WorkError> {
    let item = {
        let view = service.vault().view()?;
        view.reader().get(&tables::ITEMS, &grant.loaded().item)?
    };
    let item = item.filter(|item| !item.erased);
    let item = item.ok_or(WorkError::NoSuchThing)?;
    open_under(service, grant, &item, range).await
}

fn candidates(reader: &Reader<'_>, person: &Person) -> Result<Vec<ReleaseId>, WorkError> {
    let studies: Vec<StudyId> = match person.role {
        Role::InformationGovernance => {
            let rows = reader.page(&tables::STUDIES, &(), None, usize::MAX)?;
            rows.into_iter().map(|(id, _)| id).collect()
        }
        _ => {
            let rows = reader.page(&tables::STUDIES_OF, &person.id, None, usize::MAX)?;
            rows.into_iter().map(|((_, id), ())| id).collect()
        }
    };
    let mut found = Vec::new();
    for study in studies {
        let rows = reader.page(&tables::RELEASES_OF, &study, None, usize::MAX)?;
        found.extend(rows.into_iter().map(|((_, id), ())| id));
    }
    Ok(found)
}
