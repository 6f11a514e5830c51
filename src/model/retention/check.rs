//! Whether rules can be kept: asked when a study is founded or its rules are changed.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{Class, Moment, RetentionError, RetentionRule, RetentionRules, Subject, When};
use crate::model::item::Tier;

impl RetentionRules {
    /// Whether these rules can be kept, from `today` on.
    ///
    /// # Errors
    /// [`RetentionError`]: a rule that never comes true, a day that is past, a rule or a member of a
    /// list that decides nothing, identifiable material or contact details under no rule.
    pub fn check(&self, today: Date) -> Result<(), RetentionError> {
        for rule in self.rules() {
            comes_true(rule)?;
            is_to_come(rule, today)?;
            nothing_idle_in(rule, &rule.when)?;
        }
        self.covers_everybody()?;
        self.no_rule_idle()
    }

    /// Whoever can be recognised is promised an end.
    fn covers_everybody(&self) -> Result<(), RetentionError> {
        let left_out = |subject: &Subject| {
            subject.is_recognisable() && !self.rules().iter().any(|rule| rule.is_for(*subject))
        };
        let left_out: Vec<Class> = Subject::all()
            .filter(left_out)
            .map(Subject::class)
            .collect();
        let Some(first) = left_out.first() else {
            return Ok(());
        };
        let (contact, material): (Vec<&Class>, Vec<&Class>) =
            left_out.iter().partition(|class| **class == Class::Contact);
        let material: Vec<&str> = material.into_iter().map(|class| class.name()).collect();
        let material = (!material.is_empty())
            .then(|| format!("identifiable material ({})", material.join(", ")));
        let contact = (!contact.is_empty()).then(|| "contact details".to_owned());
        let what: Vec<String> = material.into_iter().chain(contact).collect();
        let class = match left_out.len() {
            1 => *first,
            _ => Class::Identifiable,
        };
        Err(RetentionError::Uncovered {
            what: what.join(" and "),
            instead: format!("{self}; {class}: 2y after session"),
        })
    }

    fn no_rule_idle(&self) -> Result<(), RetentionError> {
        let rules = self.rules();
        for (place, rule) in rules.iter().enumerate() {
            let mut by = None;
            let mut wins = false;
            for subject in rule.class.subjects().filter(|it| rule.is_for(*it)) {
                let first = rules.iter().enumerate().find(|(other, first)| {
                    let ahead = first.when.always_by(&rule.when, subject);
                    // Of two that are always due together, the one written first is kept.
                    let behind = *other > place && rule.when.always_by(&first.when, subject);
                    *other != place && first.is_for(subject) && ahead && !behind
                });
                by = by.or(first);
                wins |= first.is_none();
            }
            if let (false, Some((_, by))) = (wins, by) {
                return Err(RetentionError::IdleRule {
                    rule: rule.to_string(),
                    by: by.to_string(),
                });
            }
        }
        Ok(())
    }
}

impl RetentionRule {
    /// Whether it is for a subject and can come true of it.
    pub(super) fn is_for(&self, subject: Subject) -> bool {
        self.class.covers(subject) && self.when.can_be(subject)
    }
}

impl Subject {
    /// Whether it shows who somebody is.
    fn is_recognisable(&self) -> bool {
        match self {
            Self::Contact => true,
            Self::Material { tier, .. } => *tier == Tier::Identifiable,
        }
    }
}

/// Every moment in a rule can come for something the rule is for, and the rule as a whole too.
fn comes_true(rule: &RetentionRule) -> Result<(), RetentionError> {
    let class = rule.class;
    let never = |why: String| RetentionError::Never {
        rule: rule.to_string(),
        why,
        instead: instead_for(class),
    };
    for moment in rule.when.moments() {
        if !class.subjects().any(|subject| subject.can_have(moment)) {
            return Err(never(why_not(class, moment)));
        }
    }
    if class.subjects().any(|subject| rule.when.can_be(subject)) {
        return Ok(());
    }
    Err(never(
        "nothing has all the moments it needs at once".to_owned(),
    ))
}

fn why_not(class: Class, moment: Moment) -> String {
    match (class, moment) {
        (Class::Anonymised, Moment::Session) => {
            "what is anonymised has no link to a session".to_owned()
        }
        (Class::Anonymised, _) => "what is anonymised has no transcript to accept".to_owned(),
        (Class::Contact, Moment::Deposit) => {
            "contact details are written down with the participant and never deposited".to_owned()
        }
        (Class::Contact, _) => "contact details have no transcript".to_owned(),
        (class, moment) => format!("{class} never comes to {moment}: it is not transcribed"),
    }
}

fn instead_for(class: Class) -> String {
    match class {
        Class::Anonymised => {
            "write `anonymised: 10y after publication`, or leave it out: what is about nobody may be kept"
                .to_owned()
        }
        Class::Contact => {
            "write `contact: 30d after session`, or name a moment of the study as in `contact: 1d after linked`"
                .to_owned()
        }
        class => format!("write `{class}: 30d after deposit` or `{class}: 2y after session`"),
    }
}

fn is_to_come(rule: &RetentionRule, today: Date) -> Result<(), RetentionError> {
    match rule.when.fixed_days().into_iter().find(|day| *day < today) {
        None => Ok(()),
        Some(day) => Err(RetentionError::Past {
            rule: rule.to_string(),
            day,
            today,
        }),
    }
}

/// Every member of a list can be the one that decides, for something the rule is for.
fn nothing_idle_in(rule: &RetentionRule, when: &When) -> Result<(), RetentionError> {
    let (members, latest) = match when {
        When::On(_) | When::After(..) => return Ok(()),
        When::Earliest(members) => (members, false),
        When::Latest(members) => (members, true),
    };
    let subjects: BTreeSet<Subject> = rule.class.subjects().collect();
    for (place, idle) in members.iter().enumerate() {
        nothing_idle_in(rule, idle)?;
        for (other, by) in members.iter().enumerate() {
            let decides = |subject: &Subject| match latest {
                false => by.always_by(idle, *subject),
                true => idle.always_by(by, *subject),
            };
            if other != place && subjects.iter().all(decides) {
                return Err(RetentionError::IdleMember {
                    rule: rule.to_string(),
                    idle: idle.to_string(),
                    by: by.to_string(),
                    order: if latest { "after" } else { "before" },
                });
            }
        }
    }
    Ok(())
}
