//! What you may do: the decision, and the grant that proves it was made.

use jiff::Timestamp;
use jiff::civil::Date;

use super::acts::{Act, Gathered};
use super::caller::Caller;
use super::error::{Denial, PolicyError, Undecided, Why};
use super::facts::{Facts, Thing};
use super::gather::Gatherer;
use super::grant::Grant;
use super::rules::{Question, Rules};
use crate::clock::london_day;
use crate::index::Reader;
use crate::model::Action;

/// Decides what people may do, by the policies the program carries.
#[derive(Debug)]
pub struct Gatekeeper {
    rules: Rules,
}

impl Gatekeeper {
    /// Reads the policies and holds them against their schema.
    ///
    /// # Errors
    /// [`PolicyError`] when anything about them is not as it must be; nothing may be decided then.
    pub fn new() -> Result<Self, PolicyError> {
        Rules::embedded().map(|rules| Self { rules })
    }

    /// One that decides by other policies, to see what a change to them does.
    #[cfg(test)]
    pub(super) fn with(schema: &str, files: &[(&str, &str)]) -> Result<Self, PolicyError> {
        Rules::read(schema, files).map(|rules| Self { rules })
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Decides whether `caller` may do `A` to `on`, as things stand in `reader` at `now`.
    ///
    /// The caller's token is looked at again. What is unknown, erased, or not theirs to know of gets
    /// one and the same answer; only who may know that it is there is told why not.
    ///
    /// # Errors
    /// [`Denial`].
    pub fn decide<A: Act>(
        &self,
        reader: &Reader<'_>,
        caller: &Caller,
        on: A::Resource,
        now: Timestamp,
    ) -> Result<Grant<A>, Denial> {
        let caller = caller.again(reader, now)?;
        let today = london_day(now);
        self.check_entry::<A>(&caller, today)?;
        let gathered = A::gather(&Gatherer::new(reader, caller.person(), today), &on)?;
        let gathered = gathered.ok_or(Denial::NoSuchThing)?;
        let ends = self.judge::<A>(&caller, &gathered, today)?;
        let expires = ends.min(caller.expires());
        let as_of = reader.position();
        Ok(Grant::new(caller, on, gathered.loaded, now, as_of, expires))
    }

    /// What [`decide`](Self::decide) would decide over, to time the decision without its reads.
    #[doc(hidden)]
    pub fn gather<A: Act>(
        &self,
        reader: &Reader<'_>,
        caller: &Caller,
        on: &A::Resource,
        now: Timestamp,
    ) -> Result<Gathered<A::Loaded>, Denial> {
        let gathered = A::gather(&Gatherer::new(reader, caller.person(), london_day(now)), on)?;
        gathered.ok_or(Denial::NoSuchThing)
    }

    /// Decides over what [`gather`](Self::gather) gave. It proves nothing: there is no grant in it.
    #[doc(hidden)]
    pub fn would_permit<A: Act>(
        &self,
        caller: &Caller,
        gathered: &Gathered<A::Loaded>,
        now: Timestamp,
    ) -> Result<(), Denial> {
        let today = london_day(now);
        self.check_entry::<A>(caller, today)?;
        self.judge::<A>(caller, gathered, today).map(drop)
    }

    /// Decides again what `grant` was given for, as things stand in `reader` at `now`; long
    /// transfers ask this while they run.
    ///
    /// # Errors
    /// [`Denial`], when the grant would not be given any more: stop.
    pub fn still<A: Act>(
        &self,
        reader: &Reader<'_>,
        grant: &Grant<A>,
        now: Timestamp,
    ) -> Result<(), Denial> {
        self.decide::<A>(reader, grant.caller(), grant.on().clone(), now)
            .map(drop)
    }

    /// Whether `caller` may ask for anything of the kind of `A` at all; asked before a list is looked up.
    ///
    /// # Errors
    /// [`Denial`].
    pub fn lets_in<A: Act>(&self, caller: &Caller, now: Timestamp) -> Result<bool, Denial> {
        Ok(self.may_enter(caller, A::ACTION, london_day(now))?)
    }

    /// Asked before anything is looked up: for who may not even ask, no answer depends on what there is.
    fn check_entry<A: Act>(&self, caller: &Caller, today: Date) -> Result<(), Denial> {
        match self.may_enter(caller, A::ACTION, today)? {
            true => Ok(()),
            false if A::WHOLE_VAULT => Err(Denial::Refused(Why::NotPermitted)),
            false => Err(Denial::NoSuchThing),
        }
    }

    pub(super) fn may_enter(
        &self,
        caller: &Caller,
        asked: Action,
        today: Date,
    ) -> Result<bool, Undecided> {
        let person = caller.person();
        let facts = Facts {
            asked: Some(asked),
            ..Facts::default()
        };
        let case = self.rules.case(person, &Thing::Vault, &facts, today);
        let permitted = self.rules.permitted(Question::Enter, &case)?;
        Ok(permitted.is_some())
    }

    /// When the permission ends, if there is one.
    pub(super) fn judge<A: Act>(
        &self,
        caller: &Caller,
        gathered: &Gathered<A::Loaded>,
        today: Date,
    ) -> Result<Timestamp, Denial> {
        let Gathered { thing, facts, .. } = gathered;
        let case = self.rules.case(caller.person(), thing, facts, today);
        let to_know = Question::to_know(thing);
        let to_do = Question::Do(A::ACTION);
        if let Some(to_know) = to_know.filter(|to_know| *to_know != to_do)
            && self.rules.permitted(to_know, &case)?.is_none()
        {
            return Err(Denial::NoSuchThing);
        }
        let Some(rests_on) = self.rules.permitted(to_do, &case)? else {
            return Err(match to_know == Some(to_do) {
                true => Denial::NoSuchThing,
                false => Denial::Refused(self.rules.why_not(to_do, &case)?),
            });
        };
        // Of several reasons the first to end: it may be the one that another rule insists on.
        let ends = rests_on.into_iter().map(|on| facts.end_of(on));
        Ok(ends.min().unwrap_or(Timestamp::MIN))
    }
}
