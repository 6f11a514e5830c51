//! The lists by which retention finds what is due: things by their own days.

use jiff::civil::Date;

use super::super::error::IndexError;
use super::super::tables;
use super::{Projection, known};
use crate::clock::london_day;
use crate::id::{ItemId, ParticipantId, StudyId};
use crate::model::retention::{OwnDays, Subject};
use crate::model::{Erasure, Item, Participant, Session, Standing, Tier};

/// The day under which people are listed who were in no session yet: before all others.
const NO_SESSION_YET: Date = Date::MIN;

impl Projection<'_> {
    /// Lists an item under its days, as what it now counts as.
    pub(super) fn list_by_day(&mut self, item: &Item) -> Result<(), IndexError> {
        let (subject, days) = self.days_of(item)?;
        let of = (item.study, subject.number());
        self.batch
            .put(&tables::MATERIAL_ON, &(of, days.first(), item.id), &days)?;
        match days.accepted {
            Some(day) => self
                .batch
                .put(&tables::ACCEPTED_ON, &(of, day, item.id), &days),
            None => Ok(()),
        }
    }

    /// Takes an item, as it was, off the lists by day.
    pub(super) fn unlist_by_day(&mut self, item: &Item) -> Result<(), IndexError> {
        let (subject, days) = self.days_of(item)?;
        let of = (item.study, subject.number());
        self.batch
            .remove(&tables::MATERIAL_ON, &(of, days.first(), item.id));
        if let Some(day) = days.accepted {
            self.batch.remove(&tables::ACCEPTED_ON, &(of, day, item.id));
        }
        Ok(())
    }

    /// Changes an item that is listed by its days.
    pub(super) fn relisted(
        &mut self,
        id: ItemId,
        change: impl FnOnce(&mut Item),
    ) -> Result<(), IndexError> {
        let mut row = known(self.before.get(&tables::ITEMS, &id)?, "item")?;
        if !row.erased {
            self.unlist_by_day(&row)?;
        }
        change(&mut row);
        if !row.erased {
            self.list_by_day(&row)?;
        }
        self.batch.put(&tables::ITEMS, &id, &row)
    }

    /// What waits for its check counts as identifiable; where nothing says of which session it is,
    /// the day it was brought stands for it.
    fn days_of(&self, item: &Item) -> Result<(Subject, OwnDays), IndexError> {
        let deposit = london_day(item.deposited);
        let tier = item.counts_as();
        let session = match item.session {
            Some(id) => Some(known(self.before.get(&tables::SESSIONS, &id)?, "session")?.date),
            None => (tier != Tier::Anonymised).then_some(deposit),
        };
        let days = OwnDays {
            session,
            deposit,
            accepted: item.accepted,
        };
        let kind = item.kind;
        Ok((Subject::Material { kind, tier }, days))
    }

    /// Lists somebody whose contact details have not come due.
    pub(super) fn list_person(&mut self, row: &Participant) -> Result<(), IndexError> {
        let on = person_on(row.study, row.last_session, row.id);
        self.batch.put(&tables::PEOPLE_ON, &on, &())
    }

    /// Takes somebody off that list.
    pub(super) fn unlist_person(&mut self, row: &Participant) {
        let on = person_on(row.study, row.last_session, row.id);
        self.batch.remove(&tables::PEOPLE_ON, &on);
    }

    /// Lists those who were in a session under its day, if it is the last they were in.
    pub(super) fn people_were_in(&mut self, session: &Session) -> Result<(), IndexError> {
        for id in &session.participants {
            let row = self.before.get(&tables::PARTICIPANTS, id)?;
            let mut row = known(row, "participant")?;
            if row.last_session >= Some(session.date) {
                continue;
            }
            let on = person_on(row.study, row.last_session, row.id);
            let listed = self.before.contains(&tables::PEOPLE_ON, &on)?;
            self.unlist_person(&row);
            row.last_session = Some(session.date);
            if listed {
                self.list_person(&row)?;
            }
            self.batch.put(&tables::PARTICIPANTS, id, &row)?;
        }
        Ok(())
    }

    /// Has those looked at again from whom a withdrawal took material without taking all of them:
    /// nothing of them may be left.
    pub(super) fn look_again_at_those_in(&mut self, erasure: &Erasure) -> Result<(), IndexError> {
        if erasure.withdrawal().is_none() {
            return Ok(());
        }
        for item in &erasure.target.items {
            let Some(item) = self.before.get(&tables::ITEMS, item)? else {
                continue;
            };
            for id in &item.participants {
                let row = self.before.get(&tables::PARTICIPANTS, id)?;
                let row = known(row, "participant")?;
                if row.standing != Standing::Erased && !erasure.target.participants.contains(id) {
                    self.list_person(&row)?;
                }
            }
        }
        Ok(())
    }
}

fn person_on(
    study: StudyId,
    last_session: Option<Date>,
    id: ParticipantId,
) -> (StudyId, Date, ParticipantId) {
    (study, last_session.unwrap_or(NO_SESSION_YET), id)
}
