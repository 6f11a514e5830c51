//! Rights requests: what a participant asks of the study, and until when it must be answered.
//!
//! Days are London's. The reasons people type are about a participant, so they are held sealed under
//! that participant's material key and go with it.

use std::fmt;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{ErasureId, ParticipantId, PersonId, RequestId, StudyId};
use crate::model::sealed::Sealed;
use crate::model::word::words;

/// Most days a study may promise to answer within: the law gives one month.
const DAYS_MAX: u8 = 30;

/// A participant's request (R16).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RightsRequest {
    /// Which.
    pub id: RequestId,
    /// The study it was made to.
    pub study: StudyId,
    /// Who asks; for one that nothing is held for, whatever identifier was given.
    pub participant: ParticipantId,
    /// What they ask.
    pub kind: RequestKind,
    /// The day it came in.
    pub opened: Date,
    /// Who recorded it.
    pub opened_by: PersonId,
    /// The study's rule on that day; a later change of rule does not move it.
    pub within: AnswerWithin,
    /// When the clock stood still, in order, the last perhaps still open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pauses: Vec<Pause>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

/// A time in which the clock stood still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// The first day it stood still.
    pub from: Date,
    /// Why, sealed under the participant's material key.
    pub reason: Sealed,
    /// The day it went on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The day.
    pub on: Date,
    /// Who ended it.
    pub by: PersonId,
    /// How.
    pub outcome: Outcome,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing is held of them, or no longer (R20).
    NothingHeld,
    /// What is held can be fetched until a day, sealed (R7).
    Bundle {
        /// The last day.
        expires: Date,
    },
    /// Something was put right.
    Corrected {
        /// What, sealed under the participant's material key.
        what: Sealed,
    },
    /// A transcript without anything that identifies them is handed over (R18). Which one is not
    /// recorded: what is anonymised leads to nobody, and nobody leads to it.
    Transcript,
    /// They are restricted: nothing they are in is opened until that is lifted.
    Restricted,
    /// A withdrawal was recorded.
    Withdrawal {
        /// The erasure that carries it out.
        erasure: ErasureId,
    },
    /// It was refused (R19).
    Refused {
        /// Why, sealed under the participant's material key.
        reason: Sealed,
    },
}

impl Outcome {
    /// The word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NothingHeld => "nothing-held",
            Self::Bundle { .. } => "bundle",
            Self::Corrected { .. } => "corrected",
            Self::Transcript => "transcript",
            Self::Restricted => "restricted",
            Self::Withdrawal { .. } => "withdrawal",
            Self::Refused { .. } => "refused",
        }
    }
}

/// Why the clock of a request cannot be stopped or started so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// The request has ended.
    #[error("the request was closed on {0}; its clock stands for good")]
    Closed(Date),
    /// The clock stands already.
    #[error("the clock stands still since {0}; let it go on first (`request resume`)")]
    Standing(Date),
    /// The clock runs.
    #[error("the clock is running; there is nothing to resume")]
    Running,
    /// The day has not come.
    #[error("{0} has not come yet; the clock is stopped and started on a day that has")]
    NotYet(Date),
    /// The day lies before the request, or before the clock last went on.
    #[error("{day} is before {earliest}; the earliest day that works is {earliest}")]
    TooEarly {
        /// The day given.
        day: Date,
        /// The first day that works.
        earliest: Date,
    },
    /// The time had run out by then.
    #[error("the answer was due on {due}; a clock that has run out is not stopped, answer now")]
    RunOut {
        /// The day it was due.
        due: Date,
    },
}

impl RightsRequest {
    /// The day it is due: the study's rule, later by the days the clock stood still. While it stands
    /// it moves with `today`.
    pub fn due_on(&self, today: Date) -> Date {
        let now = self.closed.as_ref().map_or(today, |closed| closed.on);
        let stood: i32 = self
            .pauses
            .iter()
            .map(|pause| days(pause.from, pause.until.unwrap_or(now)))
            .sum();
        self.within.after(self.opened).saturating_add(stood.days())
    }

    /// Whether it is not answered and should be.
    pub fn is_overdue(&self, today: Date) -> bool {
        self.closed.is_none() && self.due_on(today) < today
    }

    /// Whether it is answered by what can be fetched on `day`.
    pub fn is_offered(&self, day: Date) -> bool {
        let outcome = self.closed.as_ref().map(|closed| &closed.outcome);
        matches!(outcome, Some(Outcome::Bundle { expires }) if day <= *expires)
    }

    /// The first day of the pause that is still open.
    pub fn stands_since(&self) -> Option<Date> {
        let last = self.pauses.last()?;
        last.until.is_none().then_some(last.from)
    }

    /// Whether the clock can be stopped from `from` on, on the day `today`.
    ///
    /// # Errors
    /// [`ClockError`], with the nearest day that would work.
    pub fn may_pause(&self, from: Date, today: Date) -> Result<(), ClockError> {
        self.may_change(from, today)?;
        if let Some(since) = self.stands_since() {
            return Err(ClockError::Standing(since));
        }
        let resumed = self.pauses.last().and_then(|pause| pause.until);
        let earliest = resumed.unwrap_or(self.opened);
        if from < earliest {
            return Err(ClockError::TooEarly {
                day: from,
                earliest,
            });
        }
        let due = self.due_on(from);
        if from > due {
            return Err(ClockError::RunOut { due });
        }
        Ok(())
    }

    /// Whether the clock can go on from `on`, on the day `today`.
    ///
    /// # Errors
    /// [`ClockError`], with the nearest day that would work.
    pub fn may_resume(&self, on: Date, today: Date) -> Result<(), ClockError> {
        self.may_change(on, today)?;
        let since = self.stands_since().ok_or(ClockError::Running)?;
        if on < since {
            return Err(ClockError::TooEarly {
                day: on,
                earliest: since,
            });
        }
        Ok(())
    }

    /// Stops the clock.
    pub fn pause(&mut self, from: Date, reason: Sealed) {
        self.pauses.push(Pause {
            from,
            reason,
            until: None,
        });
    }

    /// Lets the clock go on.
    pub fn resume(&mut self, on: Date) {
        if let Some(pause) = self.pauses.last_mut() {
            pause.until.get_or_insert(on);
        }
    }

    /// Ends it, and with it a pause that is still open.
    pub fn close(&mut self, closed: Closed) {
        self.resume(closed.on);
        self.closed = Some(closed);
    }

    fn may_change(&self, day: Date, today: Date) -> Result<(), ClockError> {
        match &self.closed {
            Some(closed) => Err(ClockError::Closed(closed.on)),
            None if day > today => Err(ClockError::NotYet(day)),
            None => Ok(()),
        }
    }
}

/// The days from one day to a later one; none when it is not later.
fn days(from: Date, to: Date) -> i32 {
    let days = from.until(to).map_or(0, |span| span.get_days());
    days.max(0)
}

words! {
    /// What a participant asks: the rights of UK GDPR articles 15 to 18, 20 and 21, and one more that
    /// a notice may promise.
    RequestKind, or UnknownRequestKind as "a kind of rights request" {
        /// A copy of what is held, and how it was used (article 15).
        Access = "access",
        /// That something wrong be put right (article 16).
        Rectification = "rectification",
        /// That what is held be destroyed (article 17).
        Erasure = "erasure",
        /// That what is held be left alone for now (article 18).
        Restriction = "restriction",
        /// That their data not be used any more (article 21).
        Objection = "objection",
        /// What they gave, in a form for others to read (article 20).
        Portability = "portability",
        /// An anonymised transcript, where the study's notice promises one (R18).
        Transcript = "transcript",
    }
}

/// How soon a study answers: one calendar month, or a number of days.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AnswerWithin {
    /// By the same day of the next month, or its last day when it has no such day: as the
    /// Information Commissioner counts. A due day on a weekend is not moved to the working day
    /// after, which would be allowed: earlier is never late.
    #[default]
    CalendarMonth,
    /// Within so many days, from 1 to 30.
    Days(u8),
}

impl AnswerWithin {
    /// The last day to answer what came in on `opened`.
    pub fn after(self, opened: Date) -> Date {
        match self {
            Self::CalendarMonth => opened.saturating_add(1.month()),
            Self::Days(count) => opened.saturating_add(i32::from(count).days()),
        }
    }

    /// Whether the answer is never due later than by the other rule, whatever the day.
    pub fn is_at_most(self, other: Self) -> bool {
        match (self, other) {
            (Self::CalendarMonth, Self::CalendarMonth) => true,
            // The shortest month has 28 days.
            (Self::Days(count), Self::CalendarMonth) => count <= 28,
            (Self::CalendarMonth, Self::Days(_)) => false,
            (Self::Days(count), Self::Days(other)) => count <= other,
        }
    }
}

/// A text that is no such rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time to answer within; write `month`, or days up to 30 as in `30d`")]
pub struct NotAnAnswerWithin(String);

impl FromStr for AnswerWithin {
    type Err = NotAnAnswerWithin;
    fn from_str(text: &str) -> Result<Self, NotAnAnswerWithin> {
        let typed = text.trim().to_ascii_lowercase();
        if matches!(
            typed.as_str(),
            "month" | "1m" | "one month" | "calendar month" | "calendar-month"
        ) {
            return Ok(Self::CalendarMonth);
        }
        let count = typed
            .strip_suffix("days")
            .or_else(|| typed.strip_suffix('d'))
            .map(str::trim_end)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .filter(|count| (1..=DAYS_MAX).contains(count));
        count
            .map(Self::Days)
            .ok_or_else(|| NotAnAnswerWithin(text.to_owned()))
    }
}

impl fmt::Display for AnswerWithin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CalendarMonth => f.write_str("month"),
            Self::Days(count) => write!(f, "{count}d"),
        }
    }
}

impl TryFrom<String> for AnswerWithin {
    type Error = NotAnAnswerWithin;
    fn try_from(text: String) -> Result<Self, NotAnAnswerWithin> {
        text.parse()
    }
}

impl From<AnswerWithin> for String {
    fn from(within: AnswerWithin) -> Self {
        within.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn request(opened: Date, within: AnswerWithin) -> RightsRequest {
        let entropy = SystemEntropy::new();
        RightsRequest {
            id: RequestId::random(&entropy).expect("entropy"),
            study: StudyId::random(&entropy).expect("entropy"),
            participant: ParticipantId::random(&entropy).expect("entropy"),
            kind: RequestKind::Access,
            opened,
            opened_by: PersonId::random(&entropy).expect("entropy"),
            within,
            pauses: Vec::new(),
            closed: None,
        }
    }

    fn reason() -> Sealed {
        Sealed::new(b"sealed".to_vec())
    }

    fn any_day() -> impl Strategy<Value = Date> {
        (2024_i16..2035, 1_i8..=12, 1_i8..=28).prop_map(|(y, m, d)| date(y, m, d))
    }

    #[test]
    fn r16_a_calendar_month_is_counted_as_the_commissioner_counts_it() {
        // The first two are the ICO's own examples ("How long do we have to comply?").
        for (opened, due) in [
            (date(2026, 9, 3), date(2026, 10, 3)),
            (date(2026, 3, 31), date(2026, 4, 30)),
            (date(2026, 1, 31), date(2026, 2, 28)),
            (date(2028, 1, 31), date(2028, 2, 29)),
            (date(2026, 12, 31), date(2027, 1, 31)),
        ] {
            assert_eq!(AnswerWithin::CalendarMonth.after(opened), due, "{opened}");
        }
        let thirty = "30d".parse::<AnswerWithin>().expect("a rule");
        assert_eq!(thirty.after(date(2026, 1, 31)), date(2026, 3, 2));
    }

    #[test]
    fn r16_a_time_to_answer_is_a_month_or_up_to_thirty_days() {
        for (text, kept) in [
            ("month", "month"),
            ("Calendar month", "month"),
            ("1m", "month"),
            ("30d", "30d"),
            ("30 days", "30d"),
            ("1d", "1d"),
        ] {
            let within: AnswerWithin = text.parse().expect(text);
            assert_eq!(within.to_string(), kept);
        }
        for text in ["", "d", "0d", "31d", "2m", "1y", "-1d", "month 30d", "999d"] {
            let refused = text.parse::<AnswerWithin>().expect_err(text);
            assert!(refused.to_string().contains("`month`"), "{refused}");
        }
    }

    #[test]
    fn r16_the_due_day_moves_by_the_days_the_clock_stood() {
        let mut request = request(date(2026, 5, 10), AnswerWithin::CalendarMonth);
        assert_eq!(request.due_on(date(2026, 5, 20)), date(2026, 6, 10));
        request.pause(date(2026, 5, 12), reason());
        assert_eq!(request.due_on(date(2026, 5, 20)), date(2026, 6, 18));
        assert!(!request.is_overdue(date(2027, 5, 20)), "it stands");
        request.resume(date(2026, 5, 15));
        assert_eq!(request.due_on(date(2026, 5, 20)), date(2026, 6, 13));
        assert!(!request.is_overdue(date(2026, 6, 13)));
        assert!(request.is_overdue(date(2026, 6, 14)));
    }

    #[test]
    fn r16_a_pause_begins_in_its_time_and_stands_alone() {
        let opened = date(2026, 5, 10);
        let today = date(2026, 5, 20);
        let mut request = request(opened, AnswerWithin::CalendarMonth);
        assert_eq!(
            request.may_pause(date(2026, 5, 9), today),
            Err(ClockError::TooEarly {
                day: date(2026, 5, 9),
                earliest: opened
            })
        );
        let tomorrow = date(2026, 5, 21);
        assert_eq!(
            request.may_pause(tomorrow, today),
            Err(ClockError::NotYet(tomorrow))
        );
        assert_eq!(request.may_resume(today, today), Err(ClockError::Running));
        assert_eq!(
            request.may_pause(date(2026, 6, 11), date(2026, 6, 12)),
            Err(ClockError::RunOut {
                due: date(2026, 6, 10)
            })
        );
        request.pause(date(2026, 5, 12), reason());
        assert_eq!(
            request.may_pause(today, today),
            Err(ClockError::Standing(date(2026, 5, 12)))
        );
        assert!(request.may_resume(date(2026, 5, 11), today).is_err());
        assert_eq!(request.may_resume(date(2026, 5, 15), today), Ok(()));
        request.resume(date(2026, 5, 15));
        assert!(matches!(
            request.may_pause(date(2026, 5, 14), today),
            Err(ClockError::TooEarly { .. })
        ));
        assert_eq!(request.may_pause(date(2026, 5, 15), today), Ok(()));
        let by = request.opened_by;
        request.close(Closed {
            on: today,
            by,
            outcome: Outcome::NothingHeld,
        });
        assert_eq!(
            request.may_pause(today, today),
            Err(ClockError::Closed(today))
        );
        assert!(!request.is_overdue(date(2030, 1, 1)));
    }

    proptest! {
        #[test]
        fn r16_a_rule_is_read_back_and_falls_after_the_request(opened in any_day(), count in 1_u8..=30) {
            for within in [AnswerWithin::CalendarMonth, AnswerWithin::Days(count)] {
                prop_assert_eq!(within.to_string().parse(), Ok(within));
                let due = within.after(opened);
                prop_assert!(due > opened && days(opened, due) <= 31);
            }
        }

        #[test]
        fn r16_only_the_days_it_stood_still_are_added(
            opened in any_day(),
            stops in proptest::collection::vec((0_i32..6, 0_i32..40), 0..4),
        ) {
            let mut request = request(opened, AnswerWithin::CalendarMonth);
            let (mut day, mut stood) = (opened, 0);
            for (ran, stands) in stops {
                day = day.saturating_add(ran.days());
                prop_assert_eq!(request.may_pause(day, day), Ok(()));
                request.pause(day, reason());
                day = day.saturating_add(stands.days());
                prop_assert_eq!(request.may_resume(day, day), Ok(()));
                request.resume(day);
                stood += stands;
            }
            let due = AnswerWithin::CalendarMonth.after(opened).saturating_add(stood.days());
            prop_assert_eq!(request.due_on(day), due);
            prop_assert_eq!(request.due_on(day.saturating_add(1.year())), due);
        }

        #[test]
        fn r16_any_text_for_a_rule_is_answered(text in ".{0,20}") {
            let _ = text.parse::<AnswerWithin>();
        }
    }
}
