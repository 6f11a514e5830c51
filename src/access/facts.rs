//! The facts of a decision, taken from the index and put into Cedar's words.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema,
};
use jiff::Timestamp;
use jiff::civil::Date;

use super::error::Undecided;
use super::matter::{Asker, Matter, Standing};
use crate::clock::end_of_london_day;
use crate::id::PersonId;
use crate::model::study::Requirement;
use crate::model::{Action, Assignment, Kind, Membership, Role, Study, Supplier, Tier};

/// What a decision is about, as far as a decision turns on it. Its identifier is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Thing {
    Vault,
    Study {
        closed: bool,
    },
    Participant {
        gone: bool,
    },
    Session {
        closed: bool,
        withdrawing: bool,
        withdrawn: bool,
        restricted: bool,
    },
    Item(ItemThing),
    Supplier {
        /// Whoever asks works for it.
        theirs: bool,
        /// It may work for the controller of a study whose team they are in.
        works_with_them: bool,
    },
    Assignment {
        /// It was given to the supplier that whoever asks works for.
        theirs: bool,
        /// It gives access no more.
        over: bool,
    },
    Release {
        requested_by: PersonId,
        given: bool,
    },
    Request {
        offered: bool,
        withdrawing: bool,
    },
    Disclosure {
        raised_by: PersonId,
        safeguarding_lead: Option<PersonId>,
        decided: bool,
        in_force: bool,
    },
    Erasure {
        requested_by: Option<PersonId>,
        approved_by: Vec<PersonId>,
        refusable: bool,
    },
}

/// An item, as far as a decision turns on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct ItemThing {
    pub(super) depositor: Somebody,
    pub(super) tier: Tier,
    pub(super) withdrawing: bool,
    pub(super) gone: bool,
    pub(super) restricted: bool,
    /// Everyone in it permits what it is.
    pub(super) permitted: bool,
    /// Everyone in it permits that it is shared once it no longer identifies them.
    pub(super) shareable: bool,
    /// A version without somebody who withdraws may be made of it.
    pub(super) redactable: bool,
}

/// Who did something, as seen by who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Somebody {
    /// Who asks.
    Asker,
    /// Somebody else: no rule asks who.
    Another,
}

impl Somebody {
    pub(super) fn of(who: PersonId, asker: PersonId) -> Self {
        match who == asker {
            true => Self::Asker,
            false => Self::Another,
        }
    }
}

/// What else a decision is made over.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// What the person wants to do; for the question whether they may ask anything at all.
    pub(super) asked: Option<Action>,
    /// The person's place in the study.
    pub(super) place: Option<Membership>,
    /// What the study requires of people before they open anything.
    pub(super) study: Option<Conditions>,
    /// What their supplier was assigned.
    pub(super) assignment: Option<(Assignment, Supplier)>,
    /// What is brought.
    pub(super) kind: Option<Kind>,
    /// The supplier an item is to be given to.
    pub(super) given_to: Option<GivenTo>,
}

/// What a study requires before anybody opens anything (R32).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(super) struct Conditions {
    /// Training that is not out of date.
    training: bool,
    /// Accreditation that is not out of date.
    accreditation: bool,
    /// The papers it requires are there.
    in_order: bool,
}

impl From<&Study> for Conditions {
    fn from(study: &Study) -> Self {
        Self {
            training: study.requires.contains(&Requirement::Training),
            accreditation: study.requires.contains(&Requirement::Accreditation),
            in_order: study.is_in_order(),
        }
    }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// What every thing is called towards Cedar: no policy may tell one by its name.
const ANY: &str = "any";
/// What everybody is called who is not the one who asks, where rules ask no more than that.
const ANOTHER: &str = "another";

/// A matter as Cedar takes it; good for several questions.
pub(super) struct Case {
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
    supplier: EntityTypeName,
    assignment: EntityTypeName,
    release: EntityTypeName,
    erasure: EntityTypeName,
    request: EntityTypeName,
    disclosure: EntityTypeName,
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
            supplier: word("Supplier")?,
            assignment: word("Assignment")?,
            release: word("Release")?,
            erasure: word("Erasure")?,
            request: word("Request")?,
            disclosure: word("Disclosure")?,
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

    /// Puts a matter into Cedar's words; checked against `schema` where one is given.
    pub(super) fn case(&self, matter: &Matter, schema: Option<&Schema>) -> Result<Case, Undecided> {
        let principal = self.person(&matter.asker)?;
        let resource = self.thing(&matter.thing, &matter.asker)?;
        let (principal_uid, resource_uid) = (principal.uid(), resource.uid());
        Ok(Case {
            principal: principal_uid,
            resource: resource_uid,
            context: self.context(matter)?,
            entities: Entities::from_entities([principal, resource], schema).map_err(undecided)?,
        })
    }

    fn person(&self, person: &Asker) -> Result<Entity, Undecided> {
        let attributes = [
            ("enrolled", truth(person.enrolled)),
            ("suspended", truth(person.suspended)),
            ("revoked", truth(person.revoked)),
            ("until", day(person.until)),
            ("terms", truth(person.terms)),
            ("trainedUntil", day(person.trained_until)),
            ("accreditedUntil", day(person.accredited_until)),
        ];
        let parents = HashSet::from([self.role(person.role)]);
        let uid = uid(&self.person, person.id.to_string());
        Entity::new(uid, named(attributes), parents).map_err(undecided)
    }

    fn thing(&self, thing: &Thing, asker: &Asker) -> Result<Entity, Undecided> {
        let depositor = |who| match who {
            Somebody::Asker => self.somebody(asker.id),
            Somebody::Another => RestrictedExpression::new_entity_uid(uid(&self.person, ANOTHER)),
        };
        let (uid, attributes) = match thing {
            Thing::Vault => (uid(&self.vault, ANY), HashMap::new()),
            Thing::Study { closed } => (uid(&self.study, ANY), named([("closed", truth(*closed))])),
            Thing::Participant { gone } => {
                (uid(&self.participant, ANY), named([("gone", truth(*gone))]))
            }
            Thing::Session {
                closed,
                withdrawing,
                withdrawn,
                restricted,
            } => (
                uid(&self.session, ANY),
                named([
                    ("closed", truth(*closed)),
                    ("withdrawing", truth(*withdrawing)),
                    ("withdrawn", truth(*withdrawn)),
                    ("restricted", truth(*restricted)),
                ]),
            ),
            Thing::Item(item) => (
                uid(&self.item, ANY),
                named([
                    ("depositor", depositor(item.depositor)),
                    ("tier", tier(item.tier)),
                    ("withdrawing", truth(item.withdrawing)),
                    ("gone", truth(item.gone)),
                    ("restricted", truth(item.restricted)),
                    ("permitted", truth(item.permitted)),
                    ("shareable", truth(item.shareable)),
                    ("redactable", truth(item.redactable)),
                ]),
            ),
            Thing::Supplier {
                theirs,
                works_with_them,
            } => (
                uid(&self.supplier, ANY),
                named([
                    ("theirs", truth(*theirs)),
                    ("worksWithThem", truth(*works_with_them)),
                ]),
            ),
            Thing::Assignment { theirs, over } => (
                uid(&self.assignment, ANY),
                named([("theirs", truth(*theirs)), ("over", truth(*over))]),
            ),
            Thing::Release {
                requested_by,
                given,
            } => (
                uid(&self.release, ANY),
                named([
                    ("requestedBy", self.somebody(*requested_by)),
                    ("given", truth(*given)),
                ]),
            ),
            Thing::Request {
                offered,
                withdrawing,
            } => (
                uid(&self.request, ANY),
                named([
                    ("offered", truth(*offered)),
                    ("withdrawing", truth(*withdrawing)),
                ]),
            ),
            Thing::Disclosure {
                raised_by,
                safeguarding_lead,
                decided,
                in_force,
            } => {
                let mut attributes = named([
                    ("raisedBy", self.somebody(*raised_by)),
                    ("decided", truth(*decided)),
                    ("inForce", truth(*in_force)),
                ]);
                if let Some(person) = safeguarding_lead {
                    attributes.insert("safeguardingLead".to_owned(), self.somebody(*person));
                }
                (uid(&self.disclosure, ANY), attributes)
            }
            Thing::Erasure {
                requested_by,
                approved_by,
                refusable,
            } => {
                let approved_by = approved_by.iter().map(|person| self.somebody(*person));
                let mut attributes = named([
                    ("approvedBy", RestrictedExpression::new_set(approved_by)),
                    ("refusable", truth(*refusable)),
                ]);
                if let Some(person) = requested_by {
                    attributes.insert("requestedBy".to_owned(), self.somebody(*person));
                }
                (uid(&self.erasure, ANY), attributes)
            }
        };
        Entity::new(uid, attributes, HashSet::new()).map_err(undecided)
    }

    fn somebody(&self, person: PersonId) -> RestrictedExpression {
        RestrictedExpression::new_entity_uid(uid(&self.person, person.to_string()))
    }

    fn context(&self, matter: &Matter) -> Result<Context, Undecided> {
        let mut pairs = vec![("today", day(matter.today))];
        if let Some(asked) = matter.asked {
            let asked = RestrictedExpression::new_string(asked.name().to_owned());
            pairs.push(("asked", asked));
        }
        if let Some(study) = &matter.study {
            let conditions = [
                ("training", truth(study.training)),
                ("accreditation", truth(study.accreditation)),
                ("inOrder", truth(study.in_order)),
            ];
            pairs.push(("study", record(conditions)?));
        }
        if let Some(place) = &matter.place {
            let role = RestrictedExpression::new_entity_uid(self.role(place.role));
            let until = day(place.until);
            let facts = [("role", role), ("until", until), ("sees", tier(place.sees))];
            pairs.push(("place", record(facts)?));
        }
        if let Some(assignment) = &matter.assignment {
            let facts = [
                ("ended", truth(assignment.over)),
                ("until", day(assignment.until)),
                ("supplier", standing(&assignment.to)?),
            ];
            pairs.push(("assignment", record(facts)?));
        }
        if let Some(kind) = matter.kind {
            let kind = uid(&self.kind, kind.name());
            pairs.push(("kind", RestrictedExpression::new_entity_uid(kind)));
        }
        if let Some(supplier) = &matter.given_to {
            pairs.push(("supplier", standing(supplier)?));
        }
        Context::from_pairs(named(pairs)).map_err(undecided)
    }
}

fn standing(supplier: &Standing) -> Result<RestrictedExpression, Undecided> {
    record([
        ("approved", truth(supplier.approved)),
        ("contractSigned", day(supplier.contract_signed)),
        ("contractEnds", day(supplier.contract_ends)),
    ])
}

fn truth(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

/// A tier, by its number: further from people is greater.
fn tier(tier: Tier) -> RestrictedExpression {
    RestrictedExpression::new_long(match tier {
        Tier::Identifiable => 0,
        Tier::DeIdentified => 1,
        Tier::Anonymised => 2,
    })
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
