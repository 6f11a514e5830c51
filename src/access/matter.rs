//! What the policies are asked over, all of it and nothing else: two matters that are equal have one
//! answer.
//!
//! Things are told by their kind and by how they stand, never by their identifier, which no policy may
//! name. Of a person there is the identifier, since rules compare who asks with who did something.

use jiff::civil::Date;

use super::facts::{Conditions, Facts, GivenTo, Thing};
use crate::id::PersonId;
use crate::model::{Action, Kind, Person, Role, Supplier, Tier};

/// All that Cedar is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Matter {
    pub(super) asker: Asker,
    pub(super) thing: Thing,
    pub(super) asked: Option<Action>,
    pub(super) place: Option<Place>,
    pub(super) study: Option<Conditions>,
    pub(super) assignment: Option<Given>,
    pub(super) kind: Option<Kind>,
    pub(super) given_to: Option<Standing>,
    pub(super) today: Date,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Asker {
    pub(super) id: PersonId,
    pub(super) role: Role,
    pub(super) enrolled: bool,
    pub(super) suspended: bool,
    pub(super) revoked: bool,
    pub(super) until: Date,
    pub(super) terms: bool,
    pub(super) trained_until: Date,
    pub(super) accredited_until: Date,
}

/// Their place in the study.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) role: Role,
    pub(super) until: Date,
    pub(super) sees: Tier,
}

/// What their supplier was assigned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Given {
    pub(super) over: bool,
    pub(super) until: Date,
    pub(super) to: Standing,
}

/// How a supplier stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Standing {
    pub(super) approved: bool,
    pub(super) contract_signed: Date,
    pub(super) contract_ends: Date,
}

impl Matter {
    /// What is asked over for `person` and `thing`.
    pub(super) fn new(person: &Person, thing: &Thing, facts: &Facts, today: Date) -> Self {
        let place = facts.place.as_ref().map(|place| Place {
            role: place.role,
            until: place.until.unwrap_or(Date::MAX),
            sees: place.sees,
        });
        let assignment = facts.assignment.as_ref();
        let assignment = assignment.map(|(assignment, supplier)| Given {
            over: assignment.is_over(),
            until: assignment.until,
            to: supplier.into(),
        });
        let given_to = facts.given_to.as_ref().map(|given_to| match given_to {
            GivenTo::Known(supplier) => supplier.into(),
            GivenTo::Unknown => Standing::NEVER_APPROVED,
        });
        Self {
            asker: person.into(),
            thing: thing.clone(),
            asked: facts.asked,
            place,
            study: facts.study,
            assignment,
            kind: facts.kind,
            given_to,
            today,
        }
    }
}

impl From<&Person> for Asker {
    fn from(person: &Person) -> Self {
        Self {
            id: person.id,
            role: person.role,
            enrolled: person.enrolled,
            suspended: person.suspended,
            revoked: person.revoked.is_some(),
            until: person.until.unwrap_or(Date::MAX),
            terms: person.accepted_terms(),
            trained_until: person.trained_until.unwrap_or(Date::MIN),
            accredited_until: person.accredited_until.unwrap_or(Date::MIN),
        }
    }
}

impl Standing {
    const NEVER_APPROVED: Self = Self {
        approved: false,
        contract_signed: Date::MAX,
        contract_ends: Date::MIN,
    };
}

impl From<&Supplier> for Standing {
    fn from(supplier: &Supplier) -> Self {
        Self {
            approved: supplier.approved,
            contract_signed: supplier.contract_signed,
            contract_ends: supplier.contract_ends(),
        }
    }
}
