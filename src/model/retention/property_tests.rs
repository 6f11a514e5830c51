//! What holds of any rules and any dates.

use std::collections::BTreeMap;

use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::{
    Class, Dates, Due, Moment, OwnDays, RetentionError, RetentionRule, RetentionRules, StudyMoment,
    Subject, When,
};
use crate::model::period::Period;

const TODAY: Date = date(2026, 3, 1);

fn day(due: &Due<'_>) -> Option<Date> {
    match due {
        Due::On(due) => Some(due.date),
        _ => None,
    }
}

fn a_moment() -> impl Strategy<Value = Moment> {
    prop::sample::select(Moment::all().collect::<Vec<_>>())
}

fn a_day() -> impl Strategy<Value = Date> {
    (2026_i16..2030, 1_i8..=12, 1_i8..=28).prop_map(|(y, m, d)| date(y, m, d))
}

fn a_when() -> impl Strategy<Value = When> {
    let period = "[1-9][0-9]{0,2}[dwmy]".prop_map(|text| text.parse::<Period>().expect("is one"));
    let leaf = prop_oneof![
        1 => a_day().prop_map(When::On),
        6 => (prop::option::of(period), a_moment()).prop_map(|(p, m)| When::After(p, m)),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let members = prop::collection::vec(inner, 2..=4);
        prop_oneof![
            members.clone().prop_map(When::Earliest),
            members.prop_map(When::Latest),
        ]
    })
}

fn some_rules() -> impl Strategy<Value = RetentionRules> {
    let class = prop::sample::select(Class::ALL.to_vec());
    let rule = (class, a_when()).prop_map(|(class, when)| RetentionRule { class, when });
    prop::collection::vec(rule, 1..=4).prop_map(RetentionRules)
}

#[derive(Debug, Clone)]
struct Known {
    own: [Option<Date>; 3],
    study: BTreeMap<StudyMoment, Date>,
}

impl Known {
    fn dates(&self) -> Dates<'_> {
        let [session, deposit, transcript_accepted] = self.own;
        Dates {
            session,
            deposit,
            transcript_accepted,
            study: &self.study,
        }
    }
}

fn some_dates() -> impl Strategy<Value = Known> {
    let maybe = || prop::option::of(a_day());
    let moment = prop::sample::select(StudyMoment::ALL.to_vec());
    let study = prop::collection::btree_map(moment, a_day(), 0..5);
    ([maybe(), maybe(), maybe()], study).prop_map(|(mut own, study)| {
        // Nothing is brought before its session, or accepted before it was brought.
        own.sort_by_key(|day| (day.is_none(), *day));
        Known { own, study }
    })
}

fn a_subject() -> impl Strategy<Value = Subject> {
    prop::sample::select(Subject::all().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn any_text_is_answered(
        text in ".{0,40}|((audio|contact|x)?:? ?(earliest of|latest|on|[0-9]{0,5}[dm]? ?after|publication|session|[(),; ]|2027-01-01){0,12})",
    ) {
        if let Ok(rules) = text.parse::<RetentionRules>() {
            let written = rules.to_string();
            prop_assert_eq!(written.parse(), Ok(rules.clone()));
            if let Err(error) = rules.check(TODAY) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn rules_are_written_back_exactly(rules in some_rules()) {
        let written = rules.to_string();
        let read: Result<RetentionRules, RetentionError> = written.parse();
        prop_assert_eq!(read.as_ref(), Ok(&rules));
        prop_assert_eq!(read.expect("reads").to_string(), written);
    }

    #[test]
    fn what_is_due_stays_due(
        rules in some_rules(), known in some_dates(), subject in a_subject(),
        today in a_day(), later in 0_i32..2000,
    ) {
        let due = rules.due(subject, &known.dates());
        let then = today.checked_add(jiff::Span::new().days(later)).expect("in the calendar");
        prop_assert!(!due.by(today) || due.by(then));
    }

    /// Dating one more moment never puts off what has a day.
    #[test]
    fn a_date_more_never_makes_it_later(
        rules in some_rules(), known in some_dates(), subject in a_subject(),
        moment in prop::sample::select(StudyMoment::ALL.to_vec()), on in a_day(),
    ) {
        prop_assume!(!known.study.contains_key(&moment));
        let before = day(&rules.due(subject, &known.dates()));
        let mut more = known.clone();
        more.study.insert(moment, on);
        let after = day(&rules.due(subject, &more.dates()));
        if let Some(before) = before {
            prop_assert!(after.is_some_and(|after| after <= before));
        }
    }

    #[test]
    fn the_earliest_is_not_after_any_member(
        members in prop::collection::vec(a_when(), 2..5), known in some_dates(), subject in a_subject(),
    ) {
        let rule = |when| RetentionRules(vec![RetentionRule { class: Class::Everything, when }]);
        let on = |when| day(&rule(when).due(subject, &known.dates()));
        let days = members.iter().filter_map(|member| on(member.clone()));
        prop_assert_eq!(on(When::Earliest(members.clone())), days.min());
    }

    /// What is said to be always due before another is.
    #[test]
    fn what_is_refused_as_idle_is_idle(
        one in a_when(), other in a_when(), known in some_dates(), subject in a_subject(),
    ) {
        let both = [When::Earliest(vec![one.clone(), other.clone()]), one.clone(), other];
        let rule = |when: &When| RetentionRules(vec![RetentionRule { class: Class::Everything, when: when.clone() }]);
        for first in &both {
            for then in &both {
                if first.always_by(then, subject)
                    && let Some(then) = day(&rule(then).due(subject, &known.dates()))
                {
                    let first = day(&rule(first).due(subject, &known.dates()));
                    prop_assert!(first.is_some_and(|first| first <= then));
                }
            }
        }
    }

    /// Whatever is due is found under one of its days; and what lies under later days is not.
    #[test]
    fn whatever_is_due_is_looked_for(
        rules in some_rules(), known in some_dates(), subject in a_subject(), on in a_day(),
    ) {
        let [session, deposit, accepted] = known.own;
        let contact = subject == Subject::Contact;
        let days = OwnDays {
            session: session.filter(|_| subject.can_have(Moment::Session)),
            deposit: deposit.unwrap_or(session.unwrap_or(TODAY)),
            accepted: accepted.filter(|_| subject.can_have(Moment::TranscriptAccepted)),
        };
        let mut dates = days.with(&known.study);
        // Those who were in no session are listed before all days.
        let first = match contact {
            true => days.session.unwrap_or(Date::MIN),
            false => days.first(),
        };
        dates.deposit = dates.deposit.filter(|_| !contact);
        let seek = rules.seek(subject, &known.study, on);
        if rules.due(subject, &dates).by(on) {
            let found = seek.reaches(first)
                || days.accepted.is_some_and(|accepted| seek.reaches_accepted(accepted));
            prop_assert!(found && !seek.is_vain(), "{rules}: {dates:?}");
        }
        let later = first.checked_add(jiff::Span::new().days(1)).expect("in the calendar");
        prop_assert!(seek.reaches(first) || !seek.reaches(later));
        prop_assert!(seek.reaches_accepted(first) || !seek.reaches_accepted(later));
    }
}
