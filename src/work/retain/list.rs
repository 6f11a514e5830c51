//! What is due, when and why, a page at a time.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;

use super::find::{Found, Reason, Thing, find};
pub use super::take::KeptBack;
use super::take::Rows;
use super::warn::{Warning, warnings};
use crate::id::{ParticipantId, StudyId};
use crate::index::Reader;
use crate::model::{Kind, Moment, Study, Tier};
use crate::work::error::WorkError;

/// A page of what is due.
#[derive(Debug)]
pub struct DueList {
    /// The day it is asked about.
    pub on: Date,
    /// Earliest due first.
    pub rows: Vec<DueRow>,
    /// Where the next page begins, if there is one.
    pub next: Option<Cursor>,
    /// Items, uploads and people that are due, all pages taken together.
    pub total: usize,
    /// What a person should see to; on the first page only.
    pub warnings: Vec<Warning>,
}

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRow {
    /// The study.
    pub study: StudyId,
    /// What.
    pub thing: Thing,
    /// What kind of material, and of which tier it counts as, for an item.
    pub material: Option<(Kind, Tier)>,
    /// The day it is due.
    pub due: Date,
    /// By which rule.
    pub rule: String,
    /// The moment the rule counts from, and its day.
    pub from: Option<(Moment, Date)>,
    /// Why it stays for now, if it does.
    pub kept_back: Option<KeptBack>,
}

/// The last row of a page.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    due: Date,
    id: String,
}

/// A text that is not a [`Cursor`].
#[derive(Debug, thiserror::Error)]
#[error("that is no place in the list of what is due; give `next` of the page before")]
pub struct NoCursor;

impl FromStr for Cursor {
    type Err = NoCursor;
    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let (due, id) = text.split_once('~').ok_or(NoCursor)?;
        let due = due.parse().map_err(|_| NoCursor)?;
        let id = id.to_owned();
        Ok(Self { due, id })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.due, self.id)
    }
}

impl Thing {
    /// Its identifier; a participant's for their contact details.
    pub fn id(&self) -> String {
        match self {
            Self::Item(id) => id.to_string(),
            Self::Upload(id) => id.to_string(),
            Self::Contact(id) | Self::Participant(id) => id.to_string(),
            Self::Study(id) => id.to_string(),
        }
    }
}

/// What is due by a day in these studies, for whoever may see it.
///
/// # Errors
/// Those of reading the index.
pub fn due_in(
    reader: &Reader<'_>,
    studies: &[Study],
    on: Date,
    after: Option<Cursor>,
    limit: usize,
) -> Result<DueList, WorkError> {
    let mut all = Vec::new();
    let mut warned = Vec::new();
    let open = studies.iter().filter(|study| !study.ended);
    let founds = open
        .map(|study| find(reader, study, on))
        .collect::<Result<Vec<_>, _>>()?;
    for (place, found) in founds.iter().enumerate() {
        if after.is_none() {
            warned.extend(warnings(reader, found.study, on)?);
        }
        all.extend(found.things().map(|(thing, reason)| (place, thing, reason)));
    }
    let total = all.len();
    let at = |thing: &Thing, due: Date| Cursor {
        due,
        id: thing.id(),
    };
    all.sort_by_cached_key(|(_, thing, reason)| at(thing, reason.due));
    let begin = after.map_or(0, |after| {
        all.partition_point(|(_, thing, reason)| at(thing, reason.due) <= after)
    });
    let page = all.get(begin..).unwrap_or_default();
    let shown = page.get(..limit).unwrap_or(page);
    let last = shown.last().filter(|_| page.len() > limit);
    let next = last.map(|(_, thing, reason)| at(thing, reason.due));
    let mut looking = Looking {
        rows: Rows::new(reader)?,
        due: all
            .iter()
            .map(|(_, thing, reason)| (*thing, reason.due))
            .collect(),
        listed: Vec::new(),
    };
    for (place, thing, reason) in shown {
        if let Some(found) = founds.get(*place) {
            looking.at(found.study.id, *thing, *reason)?;
        }
    }
    if next.is_none() {
        for found in &founds {
            looking.study(found)?;
        }
    }
    Ok(DueList {
        on,
        rows: looking.listed,
        next,
        total,
        warnings: warned,
    })
}

impl<'s> Found<'s> {
    pub(super) fn things(&self) -> impl Iterator<Item = (Thing, Reason<'s>)> {
        let items = self.items.iter();
        let items = items.map(|(id, reason)| (Thing::Item(*id), *reason));
        let uploads = self.uploads.iter();
        let uploads = uploads.map(|(id, reason)| (Thing::Upload(*id), *reason));
        let people = self.people.iter();
        let people = people.map(|(id, reason)| (Thing::Contact(*id), *reason));
        items.chain(uploads).chain(people)
    }
}

/// Looks at what is on a page.
struct Looking<'r, 'i> {
    rows: Rows<'r, 'i>,
    /// Everything due, with its day.
    due: HashMap<Thing, Date>,
    listed: Vec<DueRow>,
}

impl Looking<'_, '_> {
    fn at(&mut self, study: StudyId, thing: Thing, reason: Reason<'_>) -> Result<(), WorkError> {
        match thing {
            Thing::Item(id) => {
                let Some(item) = self.rows.item(id)? else {
                    return Ok(());
                };
                let kept_back = self.rows.kept_back(thing, &item.participants)?;
                let material = Some((item.kind, item.counts_as()));
                self.row(study, thing, material, reason, kept_back);
                for person in item.participants {
                    self.with_their_last(study, thing, person, reason)?;
                }
            }
            Thing::Upload(_) => self.row(study, thing, None, reason, None),
            Thing::Contact(id) | Thing::Participant(id) => {
                let kept_back = self.rows.kept_back(thing, &[id])?;
                let due = &self.due;
                let whole = self
                    .rows
                    .nothing_left(id, |thing| due.contains_key(&thing))?;
                let thing = match whole {
                    true => Thing::Participant(id),
                    false => thing,
                };
                self.row(study, thing, None, reason, kept_back);
            }
            Thing::Study(_) => self.row(study, thing, None, reason, None),
        }
        Ok(())
    }

    /// Lists somebody whose contact details are gone with the last thing they are in.
    fn with_their_last(
        &mut self,
        study: StudyId,
        thing: Thing,
        person: ParticipantId,
        reason: Reason<'_>,
    ) -> Result<(), WorkError> {
        let Some(row) = self.rows.person(person)?.cloned() else {
            return Ok(());
        };
        let (due, this) = (&self.due, (reason.due, thing.id()));
        let before = |other: Thing| {
            let day = due.get(&other);
            day.is_some_and(|day| (*day, other.id()) <= this)
        };
        if self.rows.is_listed(&row)? || !self.rows.nothing_left(person, before)? {
            return Ok(());
        }
        let kept_back = self.rows.kept_back(Thing::Participant(person), &[person])?;
        self.row(study, Thing::Participant(person), None, reason, kept_back);
        Ok(())
    }

    /// Lists the study's own key, when nothing and nobody else would be left.
    fn study(&mut self, found: &Found<'_>) -> Result<(), WorkError> {
        let (id, Some(reason)) = (found.study.id, found.outputs) else {
            return Ok(());
        };
        if self.rows.is_emptied(id, &self.due)? {
            self.row(id, Thing::Study(id), None, reason, None);
        }
        Ok(())
    }

    fn row(
        &mut self,
        study: StudyId,
        thing: Thing,
        material: Option<(Kind, Tier)>,
        reason: Reason<'_>,
        kept_back: Option<KeptBack>,
    ) {
        self.listed.push(DueRow {
            study,
            thing,
            material,
            due: reason.due,
            rule: reason.rule.to_string(),
            from: reason.from,
            kept_back,
        });
    }
}
