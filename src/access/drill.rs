//! A drill: the policies are asked what they must refuse, and what they must not (R48).

use jiff::civil::Date;

use super::error::Undecided;
use super::facts::{Facts, ItemThing, Somebody, Thing};
use super::gatekeeper::Gatekeeper;
use super::rules::{Question, Rules};
use crate::entropy::{Entropy, EntropyError};
use crate::id::{PersonId, StudyId};
use crate::model::person::TERMS_VERSION;
use crate::model::{Action, Membership, Person, Role, Text, Tier};

/// The day on which everything in the drill happens.
const TODAY: Date = Date::constant(2026, 3, 2);
const YESTERDAY: Date = Date::constant(2026, 3, 1);

/// Why a drill failed.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// There is nobody to drill with.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The policies gave no answer.
    #[error(transparent)]
    Undecided(#[from] Undecided),
    /// They gave the wrong one.
    #[error("the policies {} what they must not: {what}; stop the gateway and report it", if *permitted { "permit" } else { "refuse" })]
    Wrong {
        /// What was asked.
        what: &'static str,
        /// What they said.
        permitted: bool,
    },
}

/// Made-up people and things, none of which is in the vault.
struct Drill<'a> {
    rules: &'a Rules,
    item: ItemThing,
    study: StudyId,
    name: Text,
    entropy: &'a dyn Entropy,
}

impl Gatekeeper {
    /// Asks the policies of people and things that do not exist what they must permit and what they
    /// must refuse; gives how many questions there were.
    ///
    /// # Errors
    /// [`DrillError::Wrong`], naming the first wrong answer.
    pub fn drill(&self, entropy: &dyn Entropy) -> Result<u64, DrillError> {
        let name = "Drill".parse();
        let name = name.map_err(|error| Undecided(format!("a made-up name: {error}")))?;
        let drill = Drill {
            rules: self.rules(),
            item: ItemThing {
                depositor: Somebody::Another,
                tier: Tier::Identifiable,
                withdrawing: false,
                gone: false,
                restricted: false,
                permitted: true,
                shareable: true,
                redactable: false,
            },
            study: StudyId::random(entropy)?,
            name,
            entropy,
        };
        drill.run()
    }
}

impl Drill<'_> {
    fn run(&self) -> Result<u64, DrillError> {
        let open = Question::Do(Action::OpenItem);
        let researcher = self.somebody(Role::Researcher)?;
        let in_team = self.place(&researcher, Role::Researcher, TODAY);
        let ended = self.place(&researcher, Role::Researcher, YESTERDAY);
        // One that must be permitted, or refusing everything would pass.
        self.expect(
            true,
            "the team opens its material",
            &researcher,
            open,
            &self.item,
            &in_team,
        )?;
        let mut asked = 1;
        let mut refuse = |what, person: &Person, item: &ItemThing, facts: &Facts| {
            asked += 1;
            self.expect(false, what, person, open, item, facts)
        };
        refuse(
            "a place that ended opens nothing",
            &researcher,
            &self.item,
            &ended,
        )?;
        refuse(
            "no place opens nothing",
            &researcher,
            &self.item,
            &Facts::default(),
        )?;
        let suspended = Person {
            suspended: true,
            ..researcher.clone()
        };
        refuse(
            "somebody suspended opens nothing",
            &suspended,
            &self.item,
            &in_team,
        )?;
        let left = Person {
            until: Some(YESTERDAY),
            ..researcher.clone()
        };
        refuse(
            "somebody past their last day opens nothing",
            &left,
            &self.item,
            &in_team,
        )?;
        let unread = Person {
            terms: None,
            ..researcher.clone()
        };
        refuse(
            "without the terms of use nothing opens",
            &unread,
            &self.item,
            &in_team,
        )?;
        let frozen = ItemThing {
            withdrawing: true,
            ..self.item.clone()
        };
        refuse(
            "what somebody withdraws from does not open",
            &researcher,
            &frozen,
            &in_team,
        )?;
        let gone = ItemThing {
            gone: true,
            ..self.item.clone()
        };
        refuse("what is erased does not open", &researcher, &gone, &in_team)?;
        let restricted = ItemThing {
            restricted: true,
            ..self.item.clone()
        };
        refuse(
            "what is only kept does not open",
            &researcher,
            &restricted,
            &in_team,
        )?;
        let unpermitted = ItemThing {
            permitted: false,
            ..self.item.clone()
        };
        refuse(
            "what is not permitted does not open",
            &researcher,
            &unpermitted,
            &in_team,
        )?;
        for role in [
            Role::Administrator,
            Role::InformationGovernance,
            Role::Auditor,
            Role::Commissioner,
            Role::Transcriber,
        ] {
            let outsider = self.somebody(role)?;
            let place = self.place(&outsider, Role::StudyLead, TODAY);
            refuse(
                "nobody outside the team opens material",
                &outsider,
                &self.item,
                &place,
            )?;
        }
        let commissioner = self.somebody(Role::Commissioner)?;
        let asks = Facts {
            asked: Some(Action::OpenItem),
            ..Facts::default()
        };
        let case = self.rules.case(&commissioner, &Thing::Vault, &asks, TODAY);
        self.compare(
            false,
            "a commissioner asks for releases only",
            Question::Enter,
            &case,
        )?;
        let officer = self.somebody(Role::InformationGovernance)?;
        let own = Thing::Erasure {
            requested_by: Some(officer.id),
            approved_by: Vec::new(),
            refusable: false,
        };
        let case = self.rules.case(&officer, &own, &Facts::default(), TODAY);
        let approve = Question::Do(Action::ApproveErasure);
        self.compare(false, "nobody approves what they asked for", approve, &case)?;
        let refuse_it = Question::Do(Action::RefuseErasure);
        self.compare(
            false,
            "a withdrawal in time is not refused",
            refuse_it,
            &case,
        )?;
        Ok(asked + 3)
    }

    fn somebody(&self, role: Role) -> Result<Person, EntropyError> {
        let id = PersonId::random(self.entropy)?;
        Ok(Person {
            enrolled: true,
            terms: Some(TERMS_VERSION),
            ..Person::invited(id, self.name.clone(), role, None)
        })
    }

    fn place(&self, person: &Person, role: Role, until: Date) -> Facts {
        Facts {
            place: Some(Membership::in_team(
                self.study,
                person.id,
                role,
                Some(until),
            )),
            ..Facts::default()
        }
    }

    fn expect(
        &self,
        expected: bool,
        what: &'static str,
        person: &Person,
        question: Question,
        item: &ItemThing,
        facts: &Facts,
    ) -> Result<(), DrillError> {
        let thing = Thing::Item(item.clone());
        let case = self.rules.case(person, &thing, facts, TODAY);
        self.compare(expected, what, question, &case)
    }

    fn compare(
        &self,
        expected: bool,
        what: &'static str,
        question: Question,
        case: &super::rules::Case,
    ) -> Result<(), DrillError> {
        let permitted = self.rules.permitted(question, case)?.is_some();
        match permitted == expected {
            true => Ok(()),
            false => Err(DrillError::Wrong { what, permitted }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::policies::{FILES, SCHEMA};
    use crate::entropy::SystemEntropy;

    #[test]
    fn r48_the_drill_passes_and_notices_a_rule_that_is_missing() {
        let entropy = SystemEntropy::new();
        let gatekeeper = Gatekeeper::new().expect("usable policies");
        assert!(gatekeeper.drill(&entropy).expect("passes") >= 18);
        for (file, rule, weaker) in [
            ("people.cedar", "!principal.suspended &&", ""),
            ("people.cedar", "context.today <= principal.until", "true"),
            (
                "people.cedar",
                "unless { principal.terms };",
                "unless { true };",
            ),
            (
                "material.cedar",
                "when { resource.restricted }",
                "when { resource.gone }",
            ),
            (
                "material.cedar",
                "when { !resource.permitted }",
                "when { resource.gone }",
            ),
            (
                "erasure.cedar",
                "when { resource has requestedBy && resource.requestedBy == principal };",
                "when { resource.refusable };",
            ),
        ] {
            let changed = FILES.map(|(name, text)| match name == file {
                true => {
                    assert!(text.contains(rule), "{file} has {rule}");
                    (name, text.replace(rule, weaker))
                }
                false => (name, text.to_owned()),
            });
            let texts = changed.iter().map(|(name, text)| (*name, &**text));
            let texts: Vec<_> = texts.collect();
            // Some changes are noticed before: a policy that can never apply does not load.
            if let Ok(gatekeeper) = Gatekeeper::with(SCHEMA, &texts) {
                let failed = gatekeeper.drill(&entropy).expect_err(rule);
                assert!(
                    matches!(
                        failed,
                        DrillError::Wrong {
                            permitted: true,
                            ..
                        }
                    ),
                    "{rule}"
                );
            }
        }
    }
}
