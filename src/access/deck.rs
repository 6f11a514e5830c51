//! Decisions over a page of items: those that are alike, as far as any rule looks, are decided once.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;

use super::acts::{self, Act as _, Gathered, OpenItem, ReadItem};
use super::caller::Caller;
use super::error::Denial;
use super::facts::{Facts, ItemThing, Thing};
use super::gatekeeper::Gatekeeper;
use super::gather::Gatherer;
use crate::clock::london_day;
use crate::id::{AssignmentId, ItemId, StudyId};
use crate::index::Reader;
use crate::model::Item;

/// One caller's decisions over items, as things stand in one reading of the index.
#[derive(Debug)]
pub struct Deck<'a> {
    gate: &'a Gatekeeper,
    reader: &'a Reader<'a>,
    caller: Caller,
    today: Date,
    studies: HashMap<StudyId, Facts>,
    decided: HashMap<Alike, Decided>,
}

/// An item that the caller may know of.
#[derive(Debug)]
pub struct KnownItem {
    /// The item.
    pub item: Item,
    /// Whether they may open it.
    pub opens: bool,
    /// Whether somebody in it is withdrawing.
    pub withdrawing: bool,
}

/// All that a rule can look at of an item; its own identifier is not among it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Alike {
    thing: ItemThing,
    study: StudyId,
    assignment: Option<AssignmentId>,
}

#[derive(Debug, Clone, Copy)]
struct Decided {
    knows: bool,
    opens: bool,
}

impl Gatekeeper {
    /// Begins to decide which items `caller` may know of and open, as things stand in `reader` at `now`;
    /// nothing for who may not even ask.
    ///
    /// # Errors
    /// [`Denial`], as [`decide`](Self::decide) gives for a token that works no more.
    pub fn deck<'a>(
        &'a self,
        reader: &'a Reader<'a>,
        caller: &Caller,
        now: Timestamp,
    ) -> Result<Option<Deck<'a>>, Denial> {
        let caller = caller.again(reader, now)?;
        let today = london_day(now);
        let enters = self.may_enter(&caller, ReadItem::ACTION, today)?;
        Ok(enters.then(|| Deck {
            gate: self,
            reader,
            caller,
            today,
            studies: HashMap::new(),
            decided: HashMap::new(),
        }))
    }
}

impl Deck<'_> {
    /// The item, if the caller may know of it.
    ///
    /// # Errors
    /// [`Denial::Index`] and [`Denial::Undecided`].
    pub fn know(&mut self, id: ItemId) -> Result<Option<KnownItem>, Denial> {
        let from = Gatherer::new(self.reader, self.caller.person(), self.today);
        let Some(rows) = from.item(id)? else {
            return Ok(None);
        };
        let study = rows.item.study;
        let facts = match self.studies.get(&study) {
            Some(facts) => facts.clone(),
            None => {
                let facts = acts::in_study(&from, study)?;
                self.studies.insert(study, facts.clone());
                facts
            }
        };
        let gathered = acts::item_with(&from, rows, facts)?;
        let Thing::Item(thing) = &gathered.thing else {
            return Ok(None);
        };
        let withdrawing = thing.withdrawing;
        let alike = Alike {
            thing: thing.clone(),
            study,
            assignment: gathered.facts.assignment.as_ref().map(|(one, _)| one.id),
        };
        let decided = match self.decided.get(&alike) {
            Some(decided) => *decided,
            None => {
                let decided = self.decide(&gathered)?;
                self.decided.insert(alike, decided);
                decided
            }
        };
        Ok(decided.knows.then_some(KnownItem {
            item: gathered.loaded,
            opens: decided.opens,
            withdrawing,
        }))
    }

    fn decide(&self, gathered: &Gathered<Item>) -> Result<Decided, Denial> {
        let knows = permitted(
            self.gate
                .judge::<ReadItem>(&self.caller, gathered, self.today),
        )?;
        Ok(Decided {
            knows,
            opens: knows
                && permitted(
                    self.gate
                        .judge::<OpenItem>(&self.caller, gathered, self.today),
                )?,
        })
    }
}

fn permitted(judged: Result<Timestamp, Denial>) -> Result<bool, Denial> {
    match judged {
        Ok(_) => Ok(true),
        Err(Denial::NoSuchThing | Denial::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
