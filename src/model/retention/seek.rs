//! Finding what is due without looking at everything: by which of a thing's own days, and how far
//! back.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Dates, Moment, RetentionRules, StudyMoment, Subject, When};
use crate::model::period::Period;

/// The days of a thing itself, that its rules may count from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDays {
    /// The day of its session.
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Date>,
    /// The day it was taken in.
    #[serde(rename = "d")]
    pub deposit: Date,
    /// The day its transcript was accepted.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Date>,
}

impl OwnDays {
    /// These days, with the moments of the study.
    pub fn with(self, study: &BTreeMap<StudyMoment, Date>) -> Dates<'_> {
        Dates {
            session: self.session,
            deposit: Some(self.deposit),
            transcript_accepted: self.accepted,
            study,
        }
    }

    /// The day it is listed under: that of its session, or else the day it was taken in.
    pub fn first(self) -> Date {
        self.session.unwrap_or(self.deposit)
    }
}

/// Where to look for what is due of one kind of thing by a day. Whatever is due is found; not all
/// that is found is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seek {
    on: Date,
    /// All there is may be due.
    all: bool,
    /// Periods counted from the session or the deposit, which is never before it.
    first: Vec<Option<Period>>,
    /// Periods counted from the acceptance of a transcript.
    accepted: Vec<Option<Period>>,
}

impl Seek {
    /// Whether nothing can be due.
    pub fn is_vain(&self) -> bool {
        !self.all && self.first.is_empty() && self.accepted.is_empty()
    }

    /// Whether what is listed under that day ([`OwnDays::first`]) may be due for a reason other than
    /// an accepted transcript. When it is not, neither is anything listed under a later day.
    pub fn reaches(&self, day: Date) -> bool {
        self.all || self.any_over(&self.first, day)
    }

    /// Whether what was accepted on that day may be due for it, likewise.
    pub fn reaches_accepted(&self, day: Date) -> bool {
        !self.all && self.any_over(&self.accepted, day)
    }

    fn any_over(&self, periods: &[Option<Period>], day: Date) -> bool {
        periods.iter().any(|period| over(*period, day) <= self.on)
    }
}

fn over(period: Option<Period>, day: Date) -> Date {
    let end = period.map_or(Some(day), |period| period.after(day));
    end.unwrap_or(Date::MAX)
}

/// By what a rule may make things due.
enum Ways {
    Never,
    /// Whatever the thing's own days are.
    Anyway,
    /// By one of its own moments.
    Own(Vec<(Moment, Option<Period>)>),
}

impl RetentionRules {
    /// Where to look for subjects that are due on a day, or before.
    pub fn seek(&self, subject: Subject, study: &BTreeMap<StudyMoment, Date>, on: Date) -> Seek {
        let mut seek = Seek {
            on,
            all: false,
            first: Vec::new(),
            accepted: Vec::new(),
        };
        for rule in self.rules() {
            if !rule.class.covers(subject) {
                continue;
            }
            match rule.when.ways(subject, study, on) {
                Ways::Never => {}
                Ways::Anyway => seek.all = true,
                Ways::Own(moments) => {
                    for (moment, period) in moments {
                        match moment {
                            Moment::TranscriptAccepted => seek.accepted.push(period),
                            _ => seek.first.push(period),
                        }
                    }
                }
            }
        }
        seek
    }
}

impl When {
    fn ways(&self, subject: Subject, study: &BTreeMap<StudyMoment, Date>, on: Date) -> Ways {
        let ways = |member: &Self| member.ways(subject, study, on);
        let by = |due: bool| if due { Ways::Anyway } else { Ways::Never };
        match self {
            Self::On(day) => by(*day <= on),
            Self::After(period, Moment::Study(moment)) => {
                let day = study.get(moment);
                by(day.is_some_and(|day| over(*period, *day) <= on))
            }
            Self::After(period, moment) if subject.can_have(*moment) => {
                Ways::Own(vec![(*moment, *period)])
            }
            Self::After(..) => Ways::Never,
            Self::Earliest(members) => members.iter().map(ways).fold(Ways::Never, Ways::or),
            Self::Latest(members) => members.iter().map(ways).fold(Ways::Anyway, Ways::and),
        }
    }
}

impl Ways {
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Anyway, _) | (_, Self::Anyway) => Self::Anyway,
            (Self::Never, ways) | (ways, Self::Never) => ways,
            (Self::Own(mut moments), Self::Own(others)) => {
                moments.extend(others);
                Self::Own(moments)
            }
        }
    }

    /// Both have to come true, so it is enough to look for one of them.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Anyway, ways) | (ways, Self::Anyway) => ways,
            (own, Self::Own(_)) => own,
        }
    }
}
