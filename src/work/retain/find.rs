//! Looking for what is due, by the days things are listed under.

use std::ops::ControlFlow;

use jiff::civil::Date;

use crate::id::{ItemId, ParticipantId, StudyId, UploadId};
use crate::index::{IndexError, Reader, Table, tables};
use crate::model::retention::{Dates, Due, DueOn, Moment, OwnDays, RetentionRule, Subject};
use crate::model::{Kind, Session, Study, Tier};
use crate::work::error::WorkError;

/// Rows of a list read at once.
const ROWS: usize = 512;

/// Something that retention destroys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// A piece of material.
    Item(ItemId),
    /// An upload under way, of material that would be due at once.
    Upload(UploadId),
    /// What names a participant.
    Contact(ParticipantId),
    /// A participant, of whom nothing else is left.
    Participant(ParticipantId),
    /// A study's own key, with what is anonymised under it.
    Study(StudyId),
}

/// Why something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason<'s> {
    /// The day.
    pub due: Date,
    /// By which rule of the study.
    pub rule: &'s RetentionRule,
    /// The moment the rule counts from and its day, unless the rule names the day itself.
    pub from: Option<(Moment, Date)>,
}

impl<'s> Reason<'s> {
    fn of(due: DueOn<'s>) -> Self {
        Self {
            due: due.date,
            rule: due.rule,
            from: due.from,
        }
    }
}

/// What of a study is due by a day, as the lists have it: nobody has looked at the things themselves.
#[derive(Debug)]
pub(super) struct Found<'s> {
    pub(super) study: &'s Study,
    /// Earliest due first.
    pub(super) items: Vec<(ItemId, Reason<'s>)>,
    pub(super) uploads: Vec<(UploadId, Reason<'s>)>,
    pub(super) people: Vec<(ParticipantId, Reason<'s>)>,
    /// Why anonymised outputs are due, were there any, and with them the study's key.
    pub(super) outputs: Option<Reason<'s>>,
}

impl Found<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.uploads.is_empty() && self.people.is_empty()
    }
}

/// Looks for what is due in a study by a day.
pub(super) fn find<'s>(
    reader: &Reader<'_>,
    study: &'s Study,
    on: Date,
) -> Result<Found<'s>, WorkError> {
    let mut found = Found {
        study,
        items: Vec::new(),
        uploads: Vec::new(),
        people: Vec::new(),
        outputs: None,
    };
    for subject in Subject::all() {
        match subject {
            Subject::Contact => people(reader, study, on, &mut found)?,
            Subject::Material { .. } => material(reader, study, subject, on, &mut found)?,
        }
    }
    uploads(reader, study, on, &mut found)?;
    found.outputs = outputs(study, on);
    found.items.sort_by_key(|(id, reason)| (reason.due, *id));
    // By different ways one thing may have been found twice.
    found.items.dedup_by_key(|(id, _)| *id);
    found.people.sort_by_key(|(id, reason)| (reason.due, *id));
    Ok(found)
}

fn material<'s>(
    reader: &Reader<'_>,
    study: &'s Study,
    subject: Subject,
    on: Date,
    found: &mut Found<'s>,
) -> Result<(), WorkError> {
    let seek = study.retain.seek(subject, &study.moments, on);
    if seek.is_vain() {
        return Ok(());
    }
    let of = (study.id, subject.number());
    let mut look = |id: ItemId, days: OwnDays| {
        found.items.extend(
            due_on(study, subject, &days.with(&study.moments), on).map(|reason| (id, reason)),
        );
    };
    walk(reader, &tables::MATERIAL_ON, of, |day, id, days| {
        if !seek.reaches(day) {
            return ControlFlow::Break(());
        }
        look(id, days);
        ControlFlow::Continue(())
    })?;
    walk(reader, &tables::ACCEPTED_ON, of, |day, id, days| {
        if !seek.reaches_accepted(day) {
            return ControlFlow::Break(());
        }
        look(id, days);
        ControlFlow::Continue(())
    })?;
    Ok(())
}

/// Goes through the items of one kind from the earliest day on.
pub(super) fn walk(
    reader: &Reader<'_>,
    table: &Table<((StudyId, u8), Date, ItemId), OwnDays>,
    of: (StudyId, u8),
    mut look: impl FnMut(Date, ItemId, OwnDays) -> ControlFlow<()>,
) -> Result<(), IndexError> {
    let mut after = None;
    loop {
        let rows = reader.page(table, &of, after.as_ref(), ROWS)?;
        let last = rows.len() < ROWS;
        for ((of, day, id), days) in rows {
            if look(day, id, days).is_break() {
                return Ok(());
            }
            after = Some((of, day, id));
        }
        if last {
            return Ok(());
        }
    }
}

fn people<'s>(
    reader: &Reader<'_>,
    study: &'s Study,
    on: Date,
    found: &mut Found<'s>,
) -> Result<(), WorkError> {
    let seek = study.retain.seek(Subject::Contact, &study.moments, on);
    let mut after = None;
    while !seek.is_vain() {
        let rows = reader.page(&tables::PEOPLE_ON, &study.id, after.as_ref(), ROWS)?;
        let last = rows.len() < ROWS;
        for (key, ()) in rows {
            let (_, day, id) = key;
            if !seek.reaches(day) {
                return Ok(());
            }
            let dates = Dates {
                session: (day > Date::MIN).then_some(day),
                deposit: None,
                transcript_accepted: None,
                study: &study.moments,
            };
            let due = due_on(study, Subject::Contact, &dates, on);
            found.people.extend(due.map(|reason| (id, reason)));
            after = Some(key);
        }
        if last {
            break;
        }
    }
    Ok(())
}

/// There are few uploads at any time: each is looked at.
fn uploads<'s>(
    reader: &Reader<'_>,
    study: &'s Study,
    on: Date,
    found: &mut Found<'s>,
) -> Result<(), WorkError> {
    for (id, upload) in reader.page(&tables::UPLOADS, &(), None, usize::MAX)? {
        if upload.item.study != study.id {
            continue;
        }
        let session = match upload.item.session {
            Some(session) => reader.get(&tables::SESSIONS, &session)?,
            None => None,
        };
        let days = OwnDays {
            session: session.map(|session| session.date),
            deposit: on,
            accepted: None,
        };
        let (kind, tier) = (upload.item.kind, upload.item.tier);
        let subject = Subject::Material { kind, tier };
        let due = due_on(study, subject, &days.with(&study.moments), on);
        found.uploads.extend(due.map(|reason| (id, reason)));
    }
    Ok(())
}

/// Why every anonymised output is due, by a rule that does not look at when it was made.
fn outputs(study: &Study, on: Date) -> Option<Reason<'_>> {
    let dates = Dates {
        session: None,
        deposit: None,
        transcript_accepted: None,
        study: &study.moments,
    };
    let kind = Kind::Transcript;
    let tier = Tier::Anonymised;
    due_on(study, Subject::Material { kind, tier }, &dates, on)
}

/// Refuses what would be destroyed as soon as it is taken in.
///
/// # Errors
/// [`WorkError::Unacceptable`], with the rule.
pub(in crate::work) fn refuse_due(
    study: &Study,
    kind: Kind,
    session: &Session,
    today: Date,
) -> Result<(), WorkError> {
    let days = OwnDays {
        session: Some(session.date),
        deposit: today,
        accepted: None,
    };
    let tier = Tier::Identifiable;
    let subject = Subject::Material { kind, tier };
    match due_on(study, subject, &days.with(&study.moments), today) {
        None => Ok(()),
        Some(reason) => Err(WorkError::Unacceptable(format!(
            "by the study's rule `{}` this is due for destruction since {}, so it is not taken in; look at the day of the session, and at `strongroom study show`",
            reason.rule, reason.due
        ))),
    }
}

fn due_on<'s>(
    study: &'s Study,
    subject: Subject,
    dates: &Dates<'_>,
    on: Date,
) -> Option<Reason<'s>> {
    match study.retain.due(subject, dates) {
        Due::On(due) if due.date <= on => Some(Reason::of(due)),
        _ => None,
    }
}
