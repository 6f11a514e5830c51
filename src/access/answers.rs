//! Answers that the policies gave, by all that they were asked over.
//!
//! Nothing of the index is remembered: who asks, what they ask about and how it stands are read anew for
//! every decision, and only an answer to the very same is used again. What was revoked a moment ago is
//! another matter, with no answer yet.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{PoisonError, RwLock};

use super::facts::RestsOn;
use super::matter::Matter;
use super::rules::Question;

/// What the permission rests on, or nothing when there is none.
pub(super) type Answer = Option<BTreeSet<RestsOn>>;

/// Answers by matter and question, up to a bound.
pub(super) struct Answers {
    known: RwLock<HashMap<Matter, Vec<(Question, Answer)>>>,
    most: usize,
}

impl Answers {
    /// None yet, of at most so many matters.
    pub(super) fn at_most(most: usize) -> Self {
        Self {
            known: RwLock::default(),
            most,
        }
    }

    /// What was answered to `question` over `matter`.
    pub(super) fn find(&self, question: Question, matter: &Matter) -> Option<Answer> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut answers = known.get(matter)?.iter();
        answers
            .find(|(asked, _)| *asked == question)
            .map(|(_, answer)| answer.clone())
    }

    /// Notes an answer; those before are forgotten when there are too many.
    pub(super) fn note(&self, question: Question, matter: &Matter, answer: &Answer) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most && !known.contains_key(matter) {
            known.clear();
        }
        let answers = known.entry(matter.clone()).or_default();
        if answers.iter().all(|(asked, _)| *asked != question) {
            answers.push((question, answer.clone()));
        }
    }

    #[cfg(test)]
    fn matters(&self) -> usize {
        self.known.read().expect("no panic").len()
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answers")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::facts::{Facts, Thing};
    use crate::entropy::SystemEntropy;
    use crate::id::PersonId;
    use crate::model::{Action, Person, Role};
    use jiff::civil::date;

    fn somebody() -> Person {
        let id = PersonId::random(&SystemEntropy::new()).expect("entropy");
        Person::invited(id, "Somebody".parse().expect("a name"), Role::Auditor, None)
    }

    fn matter(person: &Person) -> Matter {
        Matter::new(person, &Thing::Vault, &Facts::default(), date(2026, 3, 2))
    }

    #[test]
    fn an_answer_is_found_by_all_that_was_asked_over() {
        let answers = Answers::at_most(10);
        let person = somebody();
        let open = Question::Do(Action::ReadAudit);
        answers.note(open, &matter(&person), &Some([RestsOn::Role].into()));
        answers.note(Question::Enter, &matter(&person), &None);
        let found = |question, person: &Person| answers.find(question, &matter(person));
        assert_eq!(found(open, &person), Some(Some([RestsOn::Role].into())));
        assert_eq!(found(Question::Enter, &person), Some(None));
        assert_eq!(found(Question::KnowSession, &person), None);
        let suspended = Person {
            suspended: true,
            ..person.clone()
        };
        assert_eq!(found(open, &suspended), None);
        assert_eq!(found(open, &somebody()), None);
        let tomorrow = Matter {
            today: date(2026, 3, 3),
            ..matter(&person)
        };
        assert_eq!(answers.find(open, &tomorrow), None);
    }

    #[test]
    fn no_more_are_kept_than_the_bound() {
        let answers = Answers::at_most(8);
        for _ in 0..100 {
            let matter = matter(&somebody());
            answers.note(Question::Enter, &matter, &None);
            assert_eq!(answers.find(Question::Enter, &matter), Some(None));
            assert!((1..=8).contains(&answers.matters()));
        }
    }
}
