//! The facts of a decision, taken from the index and put into Cedar's words.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema,
};
use jiff::Timestamp;
use jiff::civil::Date;

use super::error::Undecided;
use crate::clock::end_of_london_day;
use crate::id::{ErasureId, ItemId, ParticipantId, PersonId, SessionId, StudyId};
use crate::model::{Assignment, Kind, Membership, Person, Role, Supplier};

/// What a decision is about.
#[derive(Debug, Clone)]
pub(super) enum Thing {
    Vault,
    Study {
        id: StudyId,
        closed: bool,
    },
    Participant {
        id: ParticipantId,
        gone: bool,
    },
    Session {
        id: SessionId,
        closed: bool,
        withdrawing: bool,
        withdrawn: bool,
    },
    Item {
        id: ItemId,
        withdrawing: bool,
        gone: bool,
    },
    Erasure {
        id: ErasureId,
        requested_by: PersonId,
    },
}

/// What else a decision is made over.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// The person's place in the study.
    pub(super) place: Option<Membership>,
    /// What their supplier was assigned.
    pub(super) assignment: Option<(Assignment, Supplier)>,
    /// What is brought.
    pub(super) kind: Option<Kind>,
    /// The supplier an item is to be given to.
    pub(super) given_to: Option<GivenTo>,
}

/// A supplier that an item is to be given to.
#[derive(Debug, Clone)]
pub(super) enum GivenTo {
    /// One on the list.
    Known(Supplier),
    /// One nobody ever approved.
    Unknown,
}

impl Facts {
    /// When what a permission rests on ends, if nothing changes before.
    pub(super) fn end_of(&self, rests_on: RestsOn) -> Timestamp {
        let last_day = match rests_on {
            RestsOn::Role => None,
            RestsOn::Place => self.place.as_ref().and_then(|place| place.until),
            RestsOn::Assignment => self
                .assignment
                .as_ref()
                .map(|(assignment, supplier)| assignment.until.min(supplier.contract_ends())),
        };
        let end = last_day.map_or(Timestamp::MAX, end_of_london_day);
        match &self.given_to {
            Some(GivenTo::Known(supplier)) => end.min(end_of_london_day(supplier.contract_ends())),
            _ => end,
        }
    }
}

/// What a permission ends with, by its policy's `@rests_on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RestsOn {
    /// The person's role in the organisation.
    Role,
    /// Their place in the study.
    Place,
    /// An assignment to their supplier, and its contract.
    Assignment,
}

impl RestsOn {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "role" => Some(Self::Role),
            "place" => Some(Self::Place),
            "assignment" => Some(Self::Assignment),
            _ => None,
        }
    }
}

/// A decision's facts as Cedar takes them; good for several questions.
pub(super) struct Case {
    pub(super) role: Role,
    pub(super) principal: EntityUid,
    pub(super) resource: EntityUid,
    pub(super) context: Context,
    pub(super) entities: Entities,
}

/// The names of Cedar's entity types, parsed once.
#[derive(Debug)]
pub(super) struct Words {
    person: EntityTypeName,
    role: EntityTypeName,
    kind: EntityTypeName,
    vault: EntityTypeName,
    study: EntityTypeName,
    participant: EntityTypeName,
    session: EntityTypeName,
    item: EntityTypeName,
    erasure: EntityTypeName,
    action: EntityTypeName,
}

impl Words {
    /// The names the schema uses.
    pub(super) fn new() -> Result<Self, String> {
        let word = |word: &str| word.parse().map_err(|error| format!("{word}: {error}"));
        Ok(Self {
            person: word("Person")?,
            role: word("Role")?,
            kind: word("Kind")?,
            vault: word("Vault")?,
            study: word("Study")?,
            participant: word("Participant")?,
            session: word("Session")?,
            item: word("Item")?,
            erasure: word("Erasure")?,
            action: word("Action")?,
        })
    }

    /// An action by its name.
    pub(super) fn action(&self, name: &str) -> EntityUid {
        uid(&self.action, name)
    }

    /// A role.
    pub(super) fn role(&self, role: Role) -> EntityUid {
        uid(&self.role, role.name())
    }

    /// Puts the facts into Cedar's words; checked against `schema` where one is given.
    pub(super) fn case(
        &self,
        person: &Person,
        thing: &Thing,
        facts: &Facts,
        today: Date,
        schema: Option<&Schema>,
    ) -> Result<Case, Undecided> {
        let principal = self.person(person)?;
        let resource = self.thing(thing)?;
        let (principal_uid, resource_uid) = (principal.uid(), resource.uid());
        Ok(Case {
            role: person.role,
            principal: principal_uid,
            resource: resource_uid,
            context: self.context(facts, today)?,
            entities: Entities::from_entities([principal, resource], schema).map_err(undecided)?,
        })
    }

    fn person(&self, person: &Person) -> Result<Entity, Undecided> {
        let attributes = [
            ("enrolled", truth(person.enrolled)),
            ("suspended", truth(person.suspended)),
        ];
        let parents = HashSet::from([self.role(person.role)]);
        let uid = uid(&self.person, person.id.to_string());
        Entity::new(uid, named(attributes), parents).map_err(undecided)
    }

    fn thing(&self, thing: &Thing) -> Result<Entity, Undecided> {
        let (uid, attributes) = match thing {
            Thing::Vault => (uid(&self.vault, "vault"), HashMap::new()),
            Thing::Study { id, closed } => (
                uid(&self.study, id.to_string()),
                named([("closed", truth(*closed))]),
            ),
            Thing::Participant { id, gone } => (
                uid(&self.participant, id.to_string()),
                named([("gone", truth(*gone))]),
            ),
            Thing::Session {
                id,
                closed,
                withdrawing,
                withdrawn,
            } => (
                uid(&self.session, id.to_string()),
                named([
                    ("closed", truth(*closed)),
                    ("withdrawing", truth(*withdrawing)),
                    ("withdrawn", truth(*withdrawn)),
                ]),
            ),
            Thing::Item {
                id,
                withdrawing,
                gone,
            } => (
                uid(&self.item, id.to_string()),
                named([("withdrawing", truth(*withdrawing)), ("gone", truth(*gone))]),
            ),
            Thing::Erasure { id, requested_by } => {
                let requested_by = uid(&self.person, requested_by.to_string());
                let requested_by = RestrictedExpression::new_entity_uid(requested_by);
                (
                    uid(&self.erasure, id.to_string()),
                    named([("requestedBy", requested_by)]),
                )
            }
        };
        Entity::new(uid, attributes, HashSet::new()).map_err(undecided)
    }

    fn context(&self, facts: &Facts, today: Date) -> Result<Context, Undecided> {
        let mut pairs = vec![("today", day(today))];
        if let Some(place) = &facts.place {
            let role = RestrictedExpression::new_entity_uid(self.role(place.role));
            let until = day(place.until.unwrap_or(Date::MAX));
            pairs.push(("place", record([("role", role), ("until", until)])?));
        }
        if let Some((assignment, supplier)) = &facts.assignment {
            let facts = [
                ("ended", truth(assignment.ended)),
                ("until", day(assignment.until)),
                ("supplier", standing(supplier)?),
            ];
            pairs.push(("assignment", record(facts)?));
        }
        if let Some(kind) = facts.kind {
            let kind = uid(&self.kind, kind.name());
            pairs.push(("kind", RestrictedExpression::new_entity_uid(kind)));
        }
        match &facts.given_to {
            Some(GivenTo::Known(supplier)) => pairs.push(("supplier", standing(supplier)?)),
            Some(GivenTo::Unknown) => pairs.push(("supplier", never_approved()?)),
            None => {}
        }
        Context::from_pairs(named(pairs)).map_err(undecided)
    }
}

fn standing(supplier: &Supplier) -> Result<RestrictedExpression, Undecided> {
    record([
        ("approved", truth(supplier.approved)),
        ("contractSigned", day(supplier.contract_signed)),
        ("contractEnds", day(supplier.contract_ends())),
    ])
}

fn never_approved() -> Result<RestrictedExpression, Undecided> {
    record([
        ("approved", truth(false)),
        ("contractSigned", day(Date::MAX)),
        ("contractEnds", day(Date::MIN)),
    ])
}

fn truth(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

/// A day, by its number. Cedar's own `datetime` would say the same, and parsing it took a fifth of
/// the time of a decision.
fn day(date: Date) -> RestrictedExpression {
    let since = date.duration_since(Date::constant(1970, 1, 1));
    RestrictedExpression::new_long(since.as_hours() / 24)
}

fn record<const N: usize>(
    fields: [(&str, RestrictedExpression); N],
) -> Result<RestrictedExpression, Undecided> {
    let fields = fields.map(|(name, value)| (name.to_owned(), value));
    RestrictedExpression::new_record(fields).map_err(undecided)
}

fn named<'a>(
    values: impl IntoIterator<Item = (&'a str, RestrictedExpression)>,
) -> HashMap<String, RestrictedExpression> {
    let values = values.into_iter();
    values
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn uid(kind: &EntityTypeName, id: impl AsRef<str>) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn undecided(error: impl std::fmt::Display) -> Undecided {
    Undecided(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn later_days_are_greater() {
        let long = RestrictedExpression::new_long;
        assert_eq!(day(date(1970, 1, 1)), long(0));
        assert_eq!(day(date(2026, 3, 29)), long(20_541));
        assert_eq!(day(date(2026, 3, 30)), long(20_542));
        assert_eq!(day(date(1969, 12, 31)), long(-1));
        assert_eq!(day(Date::MAX), long(2_932_896));
        assert_eq!(day(Date::MIN), long(-4_371_587));
    }
}
