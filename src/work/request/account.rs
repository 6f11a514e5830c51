//! What is held of a participant, in words and numbers: the first file of an answer.

use serde_json::{Value, json};

use crate::id::{ItemId, ParticipantId};
use crate::index::{Reader, tables};
use crate::model::request::{RequestKind, RightsRequest};
use crate::model::study::ICO;
use crate::model::{Assignment, Item, Kind, Participant, Standing, Study, Tier};
use crate::vault::{Vault, View};
use crate::work::error::WorkError;
use crate::work::tar::safe_part;

/// What goes into an answer.
#[derive(Debug)]
pub(super) struct Account {
    /// What is held, as JSON.
    pub(super) about: Vec<u8>,
    /// The files that go with it, and what each is called.
    pub(super) files: Vec<(Item, String)>,
    /// Identifiers by which the record of use speaks of the participant.
    pub(super) named: Vec<String>,
}

/// Why an item's bytes are not in an answer.
const OTHERS: &str = "other people are in it, and giving it out would give out their data";
const NOT_PROVIDED: &str = "the research team made it; portability covers what a participant gave";

/// Puts together what is held of the participant of `request`.
///
/// # Errors
/// [`WorkError::NoSuchThing`] when nothing is held any more.
pub(super) fn account(
    vault: &Vault,
    view: &View<'_>,
    request: &RightsRequest,
) -> Result<Account, WorkError> {
    let reader = view.reader();
    let row = reader.get(&tables::PARTICIPANTS, &request.participant)?;
    let row = row
        .filter(|row| row.study == request.study && row.standing != Standing::Erased)
        .ok_or(WorkError::NoSuchThing)?;
    let study = reader.get(&tables::STUDIES, &row.study)?;
    let study = study.ok_or(WorkError::NoSuchThing)?;
    let whole = request.kind != RequestKind::Portability;
    let mut named = vec![row.id.to_string()];
    let mut files = Vec::new();
    let (mut items, mut shared) = (Vec::new(), Vec::new());
    for ((_, id), ()) in reader.page(&tables::ITEMS_WITH, &row.id, None, usize::MAX)? {
        named.push(id.to_string());
        let Some(item) = reader.get(&tables::ITEMS, &id)?.filter(|item| !item.erased) else {
            continue;
        };
        let reason = left_out(&item, row.id, whole);
        let mut file = None;
        if reason.is_none() {
            let particulars = view.particulars(vault, &item)?;
            let name = particulars.file_name.as_deref().unwrap_or("content");
            file = Some(format!("items/{id}/{}", safe_part(name)));
        }
        items.push(json!({
            "id": id,
            "kind": item.kind,
            "tier": item.counts_as(),
            "session": item.session,
            "bytes": item.length,
            "deposited": item.deposited,
            "file": file,
            "left_out": reason,
        }));
        for assignment in assignments(reader, id)? {
            named.push(assignment.id.to_string());
            shared.push(shared_with(reader, &assignment)?);
        }
        files.extend(file.map(|file| (item, file)));
    }
    let mut about = json!({
        "request": { "id": request.id, "kind": request.kind, "opened": request.opened },
        "study": {
            "name": study.name,
            "controller": study.controller,
            "processors": study.processors,
            "lawful_basis": study.lawful_basis,
            "kept": study.retain,
        },
        "you": who(view, &row)?,
        "consents": consents(reader, row.id)?,
        "items": items,
        "contacts": contacts(&study),
    });
    if let (Some(about), true) = (about.as_object_mut(), whole) {
        about.insert("notices".to_owned(), notices(reader, &study)?);
        about.insert("sessions".to_owned(), sessions(reader, row.id, &mut named)?);
        about.insert("given_to".to_owned(), Value::Array(shared));
        about.insert(
            "use".to_owned(),
            json!(
                "the files in `use` say who did what with it, and when: by role and organisation"
            ),
        );
    }
    let about = serde_json::to_vec_pretty(&about)
        .map_err(|error| WorkError::Internal(error.to_string()))?;
    Ok(Account {
        about,
        files,
        named,
    })
}

fn left_out(item: &Item, participant: ParticipantId, whole: bool) -> Option<&'static str> {
    if item.participants != [participant] {
        return Some(OTHERS);
    }
    let provided = item.derived.is_none()
        && item.tier == Tier::Identifiable
        && !matches!(item.kind, Kind::Notes | Kind::Transcript);
    (!whole && !provided).then_some(NOT_PROVIDED)
}

fn who(view: &View<'_>, row: &Participant) -> Result<Value, WorkError> {
    let contact = view.contact(row)?;
    Ok(json!({
        "id": row.id,
        "name": contact.name,
        "email": contact.email,
        "fields": contact.fields,
        "group": row.group,
        "came": row.source,
        "added": row.added,
        "permits": row.permissions,
        "restricted": row.restricted,
    }))
}

/// Consents over time, without who wrote them down.
fn consents(reader: &Reader<'_>, participant: ParticipantId) -> Result<Value, WorkError> {
    let rows = reader.page(&tables::CONSENTS, &participant, None, usize::MAX)?;
    let rows = rows.into_iter().map(|(_, consent)| {
        json!({
            "version": consent.version,
            "given": consent.given,
            "permits": consent.permissions,
            "notice": consent.notice,
            "lawful_basis": consent.lawful_basis,
            "evidence": consent.evidence,
        })
    });
    Ok(Value::Array(rows.collect()))
}

fn notices(reader: &Reader<'_>, study: &Study) -> Result<Value, WorkError> {
    let rows = reader.page(&tables::NOTICES, &study.id, None, usize::MAX)?;
    let rows = rows.into_iter().map(|(_, notice)| {
        json!({
            "version": notice.version,
            "published": notice.published,
            "reference": notice.reference,
            "change": notice.change,
        })
    });
    Ok(Value::Array(rows.collect()))
}

fn sessions(
    reader: &Reader<'_>,
    participant: ParticipantId,
    named: &mut Vec<String>,
) -> Result<Value, WorkError> {
    let mut sessions = Vec::new();
    for ((_, id), ()) in reader.page(&tables::SESSIONS_WITH, &participant, None, usize::MAX)? {
        named.push(id.to_string());
        if let Some(session) = reader.get(&tables::SESSIONS, &id)? {
            sessions.push(json!({ "id": id, "kind": session.kind, "date": session.date }));
        }
    }
    Ok(Value::Array(sessions))
}

fn assignments(reader: &Reader<'_>, item: ItemId) -> Result<Vec<Assignment>, WorkError> {
    let mut assignments = Vec::new();
    for ((_, id), ()) in reader.page(&tables::ASSIGNMENTS_OF, &item, None, usize::MAX)? {
        assignments.extend(reader.get(&tables::ASSIGNMENTS, &id)?);
    }
    Ok(assignments)
}

fn shared_with(reader: &Reader<'_>, assignment: &Assignment) -> Result<Value, WorkError> {
    let supplier = reader.get(&tables::SUPPLIERS, &assignment.supplier)?;
    let destroyed = assignment.copies_destroyed.as_ref().map(|(_, at)| at);
    Ok(json!({
        "item": assignment.item,
        "organisation": supplier.map(|supplier| supplier.name),
        "for": assignment.purpose,
        "until": assignment.until,
        "copies_destroyed": destroyed,
    }))
}

fn contacts(study: &Study) -> Value {
    json!({
        "team": study.contacts.team,
        "data_protection_officer": study.contacts.dpo,
        "commissioner": ICO,
    })
}
