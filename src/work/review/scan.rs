//! The journal read for who did what in which study.

use std::str::FromStr;

use jiff::Timestamp;

use crate::id::{
    AssignmentId, DisclosureId, ErasureId, ItemId, ParticipantId, PersonId, ReleaseId, RequestId,
    SessionId, StudyId,
};
use crate::index::{Reader, RowKey, Table, tables};
use crate::model::{Action, Actor, Event};
use crate::work::{Service, WorkError};

/// Something somebody did in a study.
pub(super) struct Use {
    pub(super) by: PersonId,
    pub(super) at: Timestamp,
    pub(super) study: StudyId,
    pub(super) what: What,
}

pub(super) enum What {
    /// An item was opened.
    Opened(ItemId),
    /// Material came in, of so many bytes.
    Brought(u64),
    /// Anything else.
    Other,
}

/// Goes through everything people did in studies, oldest first. Blocks its thread.
pub(super) fn uses(service: &Service, mut each: impl FnMut(Use)) -> Result<(), WorkError> {
    let vault = service.vault();
    vault.entries::<WorkError>(0, u64::MAX, |_, entry| {
        let Actor::Person(by) = entry.by else {
            return Ok(());
        };
        let found = match entry.event {
            Event::ItemDeposited { item, .. } => Some((item.study, What::Brought(item.length))),
            Event::Accessed {
                action, resource, ..
            } => {
                // A view keeps others from writing: it is held for one look only.
                let view = vault.view()?;
                let study = study_of(view.reader(), &resource)?;
                let what = match (action, resource.parse::<ItemId>()) {
                    (Action::OpenItem, Ok(item)) => What::Opened(item),
                    _ => What::Other,
                };
                study.map(|study| (study, what))
            }
            _ => None,
        };
        if let Some((study, what)) = found {
            each(Use {
                by,
                at: entry.at,
                study,
                what,
            });
        }
        Ok(())
    })
}

/// The study that something belongs to, by its name in the audit.
fn study_of(reader: &Reader<'_>, resource: &str) -> Result<Option<StudyId>, WorkError> {
    if let Ok(study) = resource.parse() {
        return Ok(Some(study));
    }
    macro_rules! look {
        ($($id:ident in $table:ident;)+) => {$(
            if let Some(row) = row::<$id, _>(reader, &tables::$table, resource)? {
                return Ok(Some(row.study));
            }
        )+};
    }
    look! {
        ItemId in ITEMS;
        ParticipantId in PARTICIPANTS;
        SessionId in SESSIONS;
        AssignmentId in ASSIGNMENTS;
        ReleaseId in RELEASES;
        ErasureId in ERASURES;
        RequestId in REQUESTS;
        DisclosureId in DISCLOSURES;
    }
    Ok(None)
}

fn row<K: RowKey + FromStr, V: serde::de::DeserializeOwned>(
    reader: &Reader<'_>,
    table: &Table<K, V>,
    resource: &str,
) -> Result<Option<V>, WorkError> {
    match resource.parse::<K>() {
        Ok(id) => Ok(reader.get(table, &id)?),
        Err(_) => Ok(None),
    }
}
