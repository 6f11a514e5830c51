//! Reading a decision's facts from the index.

use jiff::civil::Date;
use serde::de::DeserializeOwned;

use super::facts::{Conditions, ItemThing, Somebody};
use crate::id::{
    AssignmentId, ErasureId, ItemId, ParticipantId, PersonId, SessionId, StudyId, SupplierId,
};
use crate::index::{IndexError, Leads, Reader, RowKey, Table, tables};
use crate::model::{
    Assignment, ErasureStage, Item, Kind, Membership, OnWithdrawal, Participant, Permission,
    Person, Role, Standing, Supplier, Tier,
};

/// The index, read for one person.
#[derive(Debug)]
pub struct Gatherer<'a> {
    reader: &'a Reader<'a>,
    person: &'a Person,
    today: Date,
}

/// How the people in a session or an item stand, taken together.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Standings {
    /// Somebody is withdrawing.
    pub(super) withdrawing: bool,
    /// The keys of somebody are destroyed, or there is no row of them.
    pub(super) gone: bool,
    /// Somebody's data are only kept for now.
    pub(super) restricted: bool,
}

/// An item with what a decision turns on.
#[derive(Debug)]
pub(super) struct ItemRows {
    pub(super) item: Item,
    pub(super) thing: ItemThing,
    people: Vec<Participant>,
}

impl ItemRows {
    /// Whether everyone in it permits what it was given to a supplier for (R2, R30).
    pub(super) fn permitted_for(&self, assignment: &Assignment, supplier: &Supplier) -> bool {
        let mut needed = assignment.purpose.permissions(supplier.automatic);
        needed.all(|permission| {
            let mut people = self.people.iter();
            people.all(|row| row.permissions.contains(&permission))
        })
    }
}

impl<'a> Gatherer<'a> {
    pub(super) fn new(reader: &'a Reader<'a>, person: &'a Person, today: Date) -> Self {
        Self {
            reader,
            person,
            today,
        }
    }

    /// The day it is.
    pub(super) fn today(&self) -> Date {
        self.today
    }

    /// Whether the person works for a supplier.
    pub(super) fn works_for(&self, supplier: SupplierId) -> bool {
        self.person.supplier == Some(supplier)
    }

    /// A supplier, if it is known to the study's controller.
    pub(super) fn supplier_for(
        &self,
        supplier: SupplierId,
        study: StudyId,
    ) -> Result<Option<Supplier>, IndexError> {
        let (Some(supplier), Some(study)) = (
            self.get(&tables::SUPPLIERS, &supplier)?,
            self.get(&tables::STUDIES, &study)?,
        ) else {
            return Ok(None);
        };
        Ok(Some(supplier).filter(|row| row.works_for(&study.controller)))
    }

    /// Whether a supplier may work for the controller of a study whose team the person is in.
    pub(super) fn is_on_a_list_of_theirs(&self, supplier: &Supplier) -> Result<bool, IndexError> {
        for study in self.list::<PersonId, StudyId, _>(&tables::STUDIES_OF, &self.person.id)? {
            let in_team = self.place(study)?.is_some_and(|place| {
                matches!(place.role, Role::StudyLead | Role::Researcher)
                    && place.sees == Tier::Identifiable
                    && place.until.is_none_or(|last| self.today <= last)
            });
            if in_team
                && let Some(study) = self.get(&tables::STUDIES, &study)?
                && supplier.works_for(&study.controller)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a study requires before anybody opens anything.
    pub(super) fn conditions(&self, study: StudyId) -> Result<Option<Conditions>, IndexError> {
        let row = self.get(&tables::STUDIES, &study)?;
        Ok(row.as_ref().map(Conditions::from))
    }

    /// One row.
    pub(super) fn get<K: RowKey, V: DeserializeOwned>(
        &self,
        table: &Table<K, V>,
        key: &K,
    ) -> Result<Option<V>, IndexError> {
        self.reader.get(table, key)
    }

    /// The person's place in a study.
    pub(super) fn place(&self, study: StudyId) -> Result<Option<Membership>, IndexError> {
        self.get(&tables::MEMBERSHIPS, &(study, self.person.id))
    }

    /// The participants there are rows of, and how all of them stand.
    pub(super) fn participants(
        &self,
        ids: &[ParticipantId],
    ) -> Result<(Vec<Participant>, Standings), IndexError> {
        let mut rows = Vec::with_capacity(ids.len());
        let mut standings = Standings::default();
        for id in ids {
            let row = self.get(&tables::PARTICIPANTS, id)?;
            match row.as_ref().map(|row| row.standing) {
                Some(Standing::Active) => {}
                Some(Standing::Frozen) => standings.withdrawing = true,
                Some(Standing::Erased) | None => standings.gone = true,
            }
            standings.restricted |= row.as_ref().is_some_and(|row| row.restricted);
            rows.extend(row);
        }
        Ok((rows, standings))
    }

    /// An item, and how the people in it stand.
    pub(super) fn item(&self, id: ItemId) -> Result<Option<ItemRows>, IndexError> {
        let Some(item) = self.get(&tables::ITEMS, &id)? else {
            return Ok(None);
        };
        let (people, standings) = self.participants(&item.participants)?;
        let all_permit = |permission: Permission| {
            let mut people = people.iter();
            people.all(|row| row.permissions.contains(&permission))
        };
        let thing = ItemThing {
            depositor: Somebody::of(item.depositor, self.person.id),
            tier: item.counts_as(),
            withdrawing: standings.withdrawing,
            gone: item.erased || standings.gone,
            restricted: standings.restricted,
            permitted: all_permit(item.kind.permission()),
            shareable: all_permit(Permission::Share),
            redactable: false,
        };
        Ok(Some(ItemRows {
            item,
            thing,
            people,
        }))
    }

    /// Whether a version without those who withdraw may be made of an item now: its session says so,
    /// and the erasure of everyone who withdraws still waits for it.
    pub(super) fn is_redactable(&self, item: &Item) -> Result<bool, IndexError> {
        let Some(session) = item.session else {
            return Ok(false);
        };
        let session = self.get(&tables::SESSIONS, &session)?;
        let first = session
            .is_some_and(|row| matches!(row.on_withdrawal, OnWithdrawal::RedactFirst { .. }));
        let mut waits = false;
        for participant in &item.participants {
            let row = self.get(&tables::PARTICIPANTS, participant)?;
            let leaves = row.is_some_and(|row| {
                row.standing == Standing::Frozen
                    || !row.permissions.contains(&item.kind.permission())
            });
            if leaves {
                waits = true;
                if !self.is_held(*participant, item.kind)? {
                    return Ok(false);
                }
            }
        }
        Ok(first && waits)
    }

    /// Whether an erasure of a participant's material of that kind waits for versions without them.
    fn is_held(&self, participant: ParticipantId, kind: Kind) -> Result<bool, IndexError> {
        for id in self.list::<ParticipantId, ErasureId, _>(&tables::ERASURES_OF, &participant)? {
            let erasure = self.get(&tables::ERASURES, &id)?;
            let held = erasure.is_some_and(|erasure| {
                let reaches = erasure
                    .withdrawal()
                    .is_some_and(|withdrawal| withdrawal.scope.reaches(kind));
                reaches
                    && erasure.stage <= ErasureStage::Approved
                    && erasure.held_until.is_some_and(|last| self.today <= last)
            });
            if held {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the person's supplier was assigned of `item`: the item itself, or the one it answers.
    pub(super) fn assigned(
        &self,
        item: &Item,
    ) -> Result<Option<(Assignment, Supplier)>, IndexError> {
        let Some(supplier) = self.supplier()? else {
            return Ok(None);
        };
        let mut best = self.best_of(item.id, &supplier)?;
        if let Some(answered) = &item.answers {
            let answered = self.get(&tables::ASSIGNMENTS, answered)?;
            best = better(best, answered.filter(|row| row.supplier == supplier.id));
        }
        self.with_standing(best, supplier)
    }

    /// Whether an assignment gives its supplier anything now. Of several reasons why not, which it is
    /// makes no difference to them (R14).
    pub(super) fn gives_access(&self, assignment: &Assignment) -> Result<bool, IndexError> {
        let supplier = self.supplier_for(assignment.supplier, assignment.study)?;
        let Some(supplier) = supplier.filter(|row| row.is_in_force(self.today)) else {
            return Ok(false);
        };
        let rows = self.item(assignment.item)?;
        Ok(assignment.is_in_force(self.today)
            && rows.is_some_and(|rows| {
                let thing = &rows.thing;
                let moves = !thing.gone && !thing.withdrawing && !thing.restricted;
                moves && thing.permitted && rows.permitted_for(assignment, &supplier)
            }))
    }

    /// What the person's supplier was assigned in `session`: of several, one that has no answer yet.
    pub(super) fn assigned_in(
        &self,
        session: SessionId,
    ) -> Result<Option<(Assignment, Supplier)>, IndexError> {
        let Some(supplier) = self.supplier()? else {
            return Ok(None);
        };
        let (mut unanswered, mut answered) = (None, None);
        for item in self.list::<SessionId, ItemId, _>(&tables::ITEMS_IN, &session)? {
            let Some(assignment) = self.best_of(item, &supplier)? else {
                continue;
            };
            let best = match self.is_answered(assignment.id)? {
                true => &mut answered,
                false => &mut unanswered,
            };
            *best = better(best.take(), Some(assignment));
        }
        let lasts = unanswered
            .as_ref()
            .is_some_and(|row: &Assignment| !row.is_over());
        let assignment = match lasts {
            true => unanswered,
            false => better(unanswered, answered),
        };
        self.with_standing(assignment, supplier)
    }

    /// An assignment and how its supplier stands towards the controller whose material it is.
    fn with_standing(
        &self,
        assignment: Option<Assignment>,
        supplier: Supplier,
    ) -> Result<Option<(Assignment, Supplier)>, IndexError> {
        let Some(assignment) = assignment else {
            return Ok(None);
        };
        let study = self.get(&tables::STUDIES, &assignment.study)?;
        Ok(study.map(|study| (assignment, supplier.towards(&study.controller))))
    }

    fn supplier(&self) -> Result<Option<Supplier>, IndexError> {
        match &self.person.supplier {
            Some(supplier) => self.get(&tables::SUPPLIERS, supplier),
            None => Ok(None),
        }
    }

    /// Of the assignments of an item to a supplier, the one that gives access longest.
    fn best_of(&self, item: ItemId, supplier: &Supplier) -> Result<Option<Assignment>, IndexError> {
        let mut best = None;
        for id in self.list::<ItemId, AssignmentId, _>(&tables::ASSIGNMENTS_OF, &item)? {
            let assignment = self.get(&tables::ASSIGNMENTS, &id)?;
            best = better(best, assignment.filter(|row| row.supplier == supplier.id));
        }
        Ok(best)
    }

    fn is_answered(&self, assignment: AssignmentId) -> Result<bool, IndexError> {
        let answers = self
            .reader
            .page(&tables::ANSWERS_TO, &assignment, None, 1)?;
        Ok(!answers.is_empty())
    }

    /// What a list leads to from `lead`.
    fn list<A: RowKey, B: RowKey, L: Leads<(A, B)>>(
        &self,
        table: &Table<(A, B), ()>,
        lead: &L,
    ) -> Result<Vec<B>, IndexError> {
        let rows = self.reader.page(table, lead, None, usize::MAX)?;
        Ok(rows.into_iter().map(|((_, to), ())| to).collect())
    }
}

/// The assignment that gives access longer; one that was ended gives none.
fn better(one: Option<Assignment>, other: Option<Assignment>) -> Option<Assignment> {
    let rank = |assignment: &Option<Assignment>| {
        let known = assignment.as_ref();
        known.map(|assignment| (!assignment.is_over(), assignment.until))
    };
    match rank(&other) > rank(&one) {
        true => other,
        false => one,
    }
}
