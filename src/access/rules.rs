//! Asking the policies.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use cedar_policy::{
    ActionConstraint, Authorizer, Decision, Effect, EntityUid, Policy, PolicySet,
    PrincipalConstraint, Request, Response, Schema,
};
use jiff::civil::Date;

use super::answers::{Answer, Answers};
use super::error::{PolicyError, Undecided, Why};
use super::facts::{self, Facts, Thing, Words};
use super::matter::Matter;
use super::policies::Policies;
use crate::limits::ANSWERS_MAX;
use crate::model::{Action, Person, Role};

/// What the policies are asked about: what people do, and three questions that come before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    /// May they ask anything at all?
    Enter,
    /// May they know that a participant is there?
    KnowParticipant,
    /// May they know that a session is there?
    KnowSession,
    /// May they do this?
    Do(Action),
}

impl Question {
    /// The question whose answer says whether somebody may know that a thing is there.
    pub(super) fn to_know(thing: &Thing) -> Option<Self> {
        match thing {
            Thing::Vault => None,
            Thing::Study { .. } => Some(Self::Do(Action::ReadStudy)),
            Thing::Participant { .. } => Some(Self::KnowParticipant),
            Thing::Session { .. } => Some(Self::KnowSession),
            Thing::Item(_) => Some(Self::Do(Action::ReadItem)),
            Thing::Supplier { .. } => Some(Self::Do(Action::ReadSupplier)),
            Thing::Assignment { .. } => Some(Self::Do(Action::ReadAssignment)),
            Thing::Release { .. } => Some(Self::Do(Action::ReadRelease)),
            Thing::Erasure { .. } => Some(Self::Do(Action::ReadErasure)),
            Thing::Request { .. } => Some(Self::Do(Action::ReadRequest)),
            Thing::Disclosure { .. } => Some(Self::Do(Action::ReadDisclosure)),
        }
    }

    fn all() -> impl Iterator<Item = Self> {
        let before = [Self::Enter, Self::KnowParticipant, Self::KnowSession];
        before
            .into_iter()
            .chain(Action::ALL.iter().copied().map(Self::Do))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Enter => "enter",
            Self::KnowParticipant => "know-participant",
            Self::KnowSession => "know-session",
            Self::Do(action) => action.name(),
        }
    }
}

/// The policies, ready to be asked.
pub(super) struct Rules {
    words: Words,
    policies: Policies,
    authorizer: Authorizer,
    pages: BTreeMap<(Question, Role), Page>,
    answers: Answers,
}

/// What is asked over, put into Cedar's words when an answer is not known.
pub(super) struct Case {
    matter: Matter,
    words: OnceCell<facts::Case>,
}

/// The policies that can say something about one question to people of one role.
struct Page {
    action: EntityUid,
    all: PolicySet,
    permits: PolicySet,
}

impl Rules {
    /// The policies the program carries.
    pub(super) fn embedded() -> Result<Self, PolicyError> {
        Self::of(Policies::embedded()?)
    }

    /// Other policies than those.
    #[cfg(test)]
    pub(super) fn read(schema: &str, files: &[(&str, &str)]) -> Result<Self, PolicyError> {
        Self::of(Policies::read(schema, files)?)
    }

    fn of(policies: Policies) -> Result<Self, PolicyError> {
        let words = Words::new().map_err(PolicyError::Schema)?;
        check_actions(policies.schema(), &words)?;
        let asked = Question::all().flat_map(|question| Role::ALL.map(|role| (question, role)));
        let pages = asked
            .map(|(question, role)| {
                let action = words.action(question.name());
                let page = page(policies.all(), action, &words.role(role))?;
                Ok(((question, role), page))
            })
            .collect::<Result<_, PolicyError>>()?;
        Ok(Self {
            words,
            policies,
            authorizer: Authorizer::new(),
            pages,
            answers: Answers::at_most(ANSWERS_MAX),
        })
    }

    /// What the policies are asked over.
    pub(super) fn case(&self, person: &Person, thing: &Thing, facts: &Facts, today: Date) -> Case {
        Case {
            matter: Matter::new(person, thing, facts, today),
            words: OnceCell::new(),
        }
    }

    /// What each permission rests on, or nothing when there is none. A policy that cannot be
    /// evaluated is never passed over.
    ///
    /// Where the policies were asked the very same before, their answer stands.
    pub(super) fn permitted(&self, question: Question, case: &Case) -> Result<Answer, Undecided> {
        if let Some(answer) = self.answers.find(question, &case.matter) {
            // Every test that decides anything tries this.
            debug_assert_eq!(self.answer(question, case), Ok(answer.clone()));
            return Ok(answer);
        }
        let answer = self.answer(question, case)?;
        self.answers.note(question, &case.matter, &answer);
        Ok(answer)
    }

    fn answer(&self, question: Question, case: &Case) -> Result<Answer, Undecided> {
        let page = self.page(question, case)?;
        let response = self.evaluate(page, &page.all, case)?;
        let permits = response.diagnostics().reason();
        let rests_on = permits.filter_map(|id| self.policies.rests_on(id));
        Ok(match response.decision() {
            Decision::Allow => Some(rests_on.collect()),
            Decision::Deny => None,
        })
    }

    /// Why what is not [`permitted`](Self::permitted) is refused, to somebody who may know.
    pub(super) fn why_not(&self, question: Question, case: &Case) -> Result<Why, Undecided> {
        let page = self.page(question, case)?;
        let otherwise = self.evaluate(page, &page.permits, case)?;
        match otherwise.decision() {
            Decision::Deny => Ok(Why::NotPermitted),
            Decision::Allow => Ok(reason(&self.evaluate(page, &page.all, case)?)),
        }
    }

    fn page(&self, question: Question, case: &Case) -> Result<&Page, Undecided> {
        let page = self.pages.get(&(question, case.matter.asker.role));
        page.ok_or_else(|| Undecided(format!("{} is unknown", question.name())))
    }

    fn evaluate(
        &self,
        page: &Page,
        policies: &PolicySet,
        case: &Case,
    ) -> Result<Response, Undecided> {
        let case = self.words_of(case)?;
        let request = Request::new(
            case.principal.clone(),
            page.action.clone(),
            case.resource.clone(),
            case.context.clone(),
            self.checked(),
        );
        let request = request.map_err(|error| Undecided(error.to_string()))?;
        let response = self
            .authorizer
            .is_authorized(&request, policies, &case.entities);
        let error = response.diagnostics().errors().next();
        match error.map(ToString::to_string) {
            Some(error) => Err(Undecided(error)),
            None => Ok(response),
        }
    }

    fn words_of<'c>(&self, case: &'c Case) -> Result<&'c facts::Case, Undecided> {
        if let Some(words) = case.words.get() {
            return Ok(words);
        }
        let words = self.words.case(&case.matter, self.checked())?;
        Ok(case.words.get_or_init(|| words))
    }

    /// The schema, to check facts against; only in debug builds, since the tests ask every question.
    fn checked(&self) -> Option<&Schema> {
        cfg!(debug_assertions).then(|| self.policies.schema())
    }
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Rules({} policies)",
            self.policies.all().num_of_policies()
        )
    }
}

/// Why a response refuses what would otherwise be permitted: somebody whom a rule without a reason
/// keeps out is not told how things stand.
fn reason(response: &Response) -> Why {
    let forbids = response.diagnostics().reason();
    let reasons = forbids.map(|id| {
        let mut known = Why::RULES.iter().copied();
        known.find(|why| why.rule() == Some(id.as_ref()))
    });
    let reasons: Option<Vec<Why>> = reasons.collect();
    reasons
        .and_then(|reasons| reasons.into_iter().min())
        .unwrap_or(Why::NotPermitted)
}

/// The schema's actions are the program's, no more and no fewer.
fn check_actions(schema: &Schema, words: &Words) -> Result<(), PolicyError> {
    let mut known: Vec<EntityUid> = Question::all().map(|q| words.action(q.name())).collect();
    for action in schema.actions() {
        let place = known.iter().position(|known| known == action);
        let place = place.ok_or_else(|| PolicyError::ActionsDiffer(action.to_string()))?;
        known.swap_remove(place);
    }
    match known.first() {
        Some(missing) => Err(PolicyError::ActionsDiffer(missing.to_string())),
        None => Ok(()),
    }
}

/// Lays aside what cannot apply to `action`, or to people of `role`, once and for all requests.
fn page(policies: &PolicySet, action: EntityUid, role: &EntityUid) -> Result<Page, PolicyError> {
    let applies = |policy: &&Policy| {
        let to_action = match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(one) => one == action,
            ActionConstraint::In(several) => several.contains(&action),
        };
        let to_role = match policy.principal_constraint() {
            PrincipalConstraint::In(group) => group == *role,
            _ => true,
        };
        to_action && to_role
    };
    let set = |policies: Vec<&Policy>| {
        let set = PolicySet::from_policies(policies.into_iter().cloned());
        set.map_err(|error| PolicyError::Invalid(error.to_string()))
    };
    let all: Vec<&Policy> = policies.policies().filter(applies).collect();
    let permits = all.iter().copied();
    let permits = permits.filter(|policy| policy.effect() == Effect::Permit);
    Ok(Page {
        permits: set(permits.collect())?,
        all: set(all)?,
        action,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::facts::{ItemThing, Somebody};
    use crate::access::policies::{FILES, SCHEMA};
    use crate::entropy::SystemEntropy;
    use crate::id::{PersonId, StudyId};
    use crate::model::person::TERMS_VERSION;
    use crate::model::{Membership, Tier};
    use jiff::civil::date;

    fn somebody(role: Role) -> Person {
        let id = PersonId::random(&SystemEntropy::new()).expect("entropy");
        let name = "Somebody".parse().expect("a name");
        Person {
            enrolled: true,
            terms: Some(TERMS_VERSION),
            ..Person::invited(id, name, role, None)
        }
    }

    /// A thing that a question can be about.
    fn thing(question: Question) -> Thing {
        match question {
            Question::KnowParticipant
            | Question::Do(
                Action::WithdrawParticipant
                | Action::ReadContact
                | Action::ChangeParticipant
                | Action::RestrictParticipant,
            ) => Thing::Participant { gone: false },
            Question::KnowSession | Question::Do(Action::DepositItem) => Thing::Session {
                closed: false,
                withdrawing: true,
                withdrawn: false,
                restricted: false,
            },
            Question::Do(
                Action::ReadItem
                | Action::OpenItem
                | Action::AssignItem
                | Action::DeriveItem
                | Action::CheckItem
                | Action::RedactItem
                | Action::AcceptTranscript
                | Action::RequestRelease,
            ) => Thing::Item(ItemThing {
                depositor: Somebody::Another,
                tier: Tier::Identifiable,
                withdrawing: true,
                gone: false,
                restricted: false,
                permitted: true,
                shareable: true,
                redactable: true,
            }),
            Question::Do(Action::ReadSupplier) => Thing::Supplier {
                theirs: true,
                works_with_them: true,
            },
            Question::Do(Action::ReadAssignment | Action::ConfirmDestruction) => {
                Thing::Assignment {
                    theirs: true,
                    over: false,
                }
            }
            Question::Do(Action::ReadRelease | Action::ApproveRelease) => Thing::Release {
                requested_by: somebody(Role::StudyLead).id,
                given: true,
            },
            Question::Do(Action::ReadErasure | Action::ApproveErasure | Action::RefuseErasure) => {
                Thing::Erasure {
                    requested_by: Some(somebody(Role::StudyLead).id),
                    approved_by: Vec::new(),
                    refusable: true,
                }
            }
            Question::Do(Action::ReadRequest | Action::AnswerRequest | Action::FetchBundle) => {
                Thing::Request {
                    offered: true,
                    withdrawing: true,
                }
            }
            Question::Do(
                Action::ReadDisclosure | Action::DecideDisclosure | Action::FetchDisclosure,
            ) => Thing::Disclosure {
                raised_by: somebody(Role::StudyLead).id,
                safeguarding_lead: None,
                decided: false,
                in_force: false,
            },
            Question::Do(
                Action::ReadStudy
                | Action::ManageStudy
                | Action::ApproveStudy
                | Action::ReadRetention
                | Action::FindParticipant
                | Action::AddParticipant
                | Action::AddSession
                | Action::OpenRequest
                | Action::RaiseDisclosure,
            ) => Thing::Study { closed: true },
            _ => Thing::Vault,
        }
    }

    fn leading(person: &Person) -> Facts {
        let study = StudyId::random(&SystemEntropy::new()).expect("entropy");
        let place = Membership::in_team(study, person.id, Role::StudyLead, None);
        Facts {
            place: Some(place),
            ..Facts::default()
        }
    }

    fn case(rules: &Rules, person: &Person, question: Question) -> Case {
        let facts = leading(person);
        rules.case(person, &thing(question), &facts, date(2026, 1, 15))
    }

    #[test]
    fn the_schema_has_the_programs_actions() {
        let more = format!(
            "{SCHEMA} action \"sell-item\" appliesTo {{ principal: Person, resource: Item, context: Facts }};"
        );
        let error = Rules::read(&more, &FILES).expect_err("one too many");
        assert_eq!(
            error,
            PolicyError::ActionsDiffer("Action::\"sell-item\"".to_owned())
        );
        let fewer = SCHEMA.replace("\"read-audit\", \"read-vault\"", "\"read-vault\"");
        assert!(Rules::read(&fewer, &FILES).is_err());
        let error = Rules::read("entity Person", &FILES).expect_err("no schema");
        assert!(matches!(error, PolicyError::Schema(_)));
    }

    #[test]
    fn nobody_acts_who_has_not_enrolled_or_is_suspended() {
        let rules = Rules::embedded().expect("usable");
        for role in Role::ALL {
            let mut absent = somebody(role);
            absent.enrolled = false;
            let mut suspended = somebody(role);
            suspended.suspended = true;
            for question in Question::all() {
                for person in [&absent, &suspended] {
                    let case = case(&rules, person, question);
                    assert_eq!(rules.permitted(question, &case), Ok(None));
                    assert_eq!(rules.why_not(question, &case), Ok(Why::NotPermitted));
                }
            }
        }
    }

    #[test]
    fn what_is_laid_aside_says_nothing() {
        let rules = Rules::embedded().expect("usable");
        let every = rules.policies.all();
        for role in Role::ALL {
            let person = somebody(role);
            for question in Question::all() {
                let case = case(&rules, &person, question);
                let page = rules.page(question, &case).expect("a page");
                let some = rules.evaluate(page, &page.all, &case).expect("an answer");
                let all = rules.evaluate(page, every, &case).expect("an answer");
                assert_eq!(some, all, "{role} {question:?}");
                assert!(page.all.num_of_policies() < every.num_of_policies());
            }
        }
    }

    #[test]
    fn a_policy_that_cannot_be_evaluated_permits_nothing() {
        let overflowing = "@id(\"sums\") forbid (principal, action, resource)
            when { principal.enrolled && 9223372036854775807 + 1 == 0 };";
        let mut files = FILES.to_vec();
        files.push(("sums.cedar", overflowing));
        let rules = Rules::read(SCHEMA, &files).expect("it parses, and the types fit");
        let question = Question::Do(Action::ReadVault);
        let case = case(&rules, &somebody(Role::Auditor), question);
        let error = rules.permitted(question, &case).expect_err("undecided");
        assert!(error.to_string().contains("sums"), "{error}");
    }
}
