//! When something is due, by the dates that are known.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{Moment, RetentionRule, RetentionRules, StudyMoment, Subject, When};

/// The dates a thing has.
#[derive(Debug, Clone, Copy)]
pub struct Dates<'a> {
    /// The day of its session; for contact details, of the last session they took part in.
    pub session: Option<Date>,
    /// The day it was taken in.
    pub deposit: Option<Date>,
    /// The day its transcript was accepted.
    pub transcript_accepted: Option<Date>,
    /// The moments of its study.
    pub study: &'a BTreeMap<StudyMoment, Date>,
}

impl Dates<'_> {
    fn of(&self, moment: Moment) -> Option<Date> {
        match moment {
            Moment::Session => self.session,
            Moment::Deposit => self.deposit,
            Moment::TranscriptAccepted => self.transcript_accepted,
            Moment::Study(moment) => self.study.get(&moment).copied(),
        }
    }
}

/// When a thing is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due<'r> {
    /// On a day that is known.
    On(DueOn<'r>),
    /// The day is not known yet: moments have no date.
    Waiting {
        /// The first rule that is for it.
        rule: &'r RetentionRule,
        /// What has no date, of all rules for it.
        missing: BTreeSet<Moment>,
    },
    /// No rule is for it, or none that can ever come true of it.
    NoRule,
}

impl Due<'_> {
    /// Whether it is to be destroyed on that day or before.
    pub fn by(&self, day: Date) -> bool {
        matches!(self, Self::On(due) if due.date <= day)
    }
}

/// A day on which something is due, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOn<'r> {
    /// The day.
    pub date: Date,
    /// By which rule.
    pub rule: &'r RetentionRule,
    /// The moment the rule counts from and its day, unless the rule names the day itself.
    pub from: Option<(Moment, Date)>,
    /// Moments without a date that could have made it due earlier.
    pub unknown: BTreeSet<Moment>,
}

impl RetentionRules {
    /// When a thing is due: the earliest day that any rule for it gives.
    pub fn due(&self, subject: Subject, dates: &Dates<'_>) -> Due<'_> {
        let mut first: Option<DueOn<'_>> = None;
        let mut waits: Option<&RetentionRule> = None;
        let mut missing = BTreeSet::new();
        for rule in self.rules() {
            if !rule.class.covers(subject) {
                continue;
            }
            match rule.when.at(subject, dates) {
                At::Never => {}
                At::Waiting(moments) => {
                    waits = waits.or(Some(rule));
                    missing.extend(moments);
                }
                At::Day(day) => {
                    missing.extend(day.unknown);
                    if first.as_ref().is_none_or(|first| day.date < first.date) {
                        let (date, from) = (day.date, day.from);
                        let unknown = BTreeSet::new();
                        first = Some(DueOn {
                            date,
                            rule,
                            from,
                            unknown,
                        });
                    }
                }
            }
        }
        match (first, waits) {
            (Some(mut due), _) => {
                due.unknown = missing;
                Due::On(due)
            }
            (None, Some(rule)) => Due::Waiting { rule, missing },
            (None, None) => Due::NoRule,
        }
    }
}

/// When a rule comes true of one thing.
enum At {
    /// At no time, whatever is dated.
    Never,
    /// Not known: these have no date.
    Waiting(BTreeSet<Moment>),
    Day(Day),
}

struct Day {
    date: Date,
    from: Option<(Moment, Date)>,
    unknown: BTreeSet<Moment>,
}

impl When {
    /// Whether it can ever come true of a subject.
    pub(super) fn can_be(&self, subject: Subject) -> bool {
        match self {
            Self::On(_) => true,
            Self::After(_, moment) => subject.can_have(*moment),
            Self::Earliest(members) => members.iter().any(|member| member.can_be(subject)),
            Self::Latest(members) => members.iter().all(|member| member.can_be(subject)),
        }
    }

    fn at(&self, subject: Subject, dates: &Dates<'_>) -> At {
        match self {
            _ if !self.can_be(subject) => At::Never,
            Self::On(date) => At::Day(Day {
                date: *date,
                from: None,
                unknown: BTreeSet::new(),
            }),
            Self::After(period, moment) => match dates.of(*moment) {
                None => At::Waiting(BTreeSet::from([*moment])),
                Some(day) => {
                    let date = period.map_or(Some(day), |period| period.after(day));
                    At::Day(Day {
                        date: date.unwrap_or(Date::MAX),
                        from: Some((*moment, day)),
                        unknown: BTreeSet::new(),
                    })
                }
            },
            Self::Earliest(members) => {
                let (days, missing) = sorted_out(members, subject, dates);
                let first = days.into_iter().min_by_key(|day| day.date);
                first.map_or_else(|| At::Waiting(missing.clone()), |day| day.knowing(&missing))
            }
            Self::Latest(members) => {
                let (days, missing) = sorted_out(members, subject, dates);
                let all = days.len() == members.len();
                let last = days.into_iter().max_by_key(|day| day.date);
                match last.filter(|_| all) {
                    Some(day) => day.knowing(&missing),
                    None => At::Waiting(missing),
                }
            }
        }
    }
}

impl Day {
    fn knowing(mut self, missing: &BTreeSet<Moment>) -> At {
        self.unknown.clone_from(missing);
        At::Day(self)
    }
}

/// The members with a day, and every moment some member lacks.
fn sorted_out(
    members: &[When],
    subject: Subject,
    dates: &Dates<'_>,
) -> (Vec<Day>, BTreeSet<Moment>) {
    let (mut days, mut missing) = (Vec::new(), BTreeSet::new());
    for member in members {
        match member.at(subject, dates) {
            At::Never => {}
            At::Waiting(moments) => missing.extend(moments),
            At::Day(day) => {
                missing.extend(day.unknown.iter().copied());
                days.push(day);
            }
        }
    }
    (days, missing)
}
