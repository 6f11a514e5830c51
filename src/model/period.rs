//! Periods and the rules made of them: `30d`, `12m`, `2y after session`, `until 2024-09-02`.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{Span, ToSpan};
use serde::{Deserialize, Serialize};

/// A calendar period of days, weeks, months or years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    count: u16,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Unit {
    Days,
    Weeks,
    Months,
    Years,
}

impl Period {
    /// The day that lies this period after `day`; months and years are the calendar's.
    ///
    /// Nothing when that day is beyond the calendar (year 9999).
    pub fn after(self, day: Date) -> Option<Date> {
        day.checked_add(self.span()).ok()
    }

    fn span(self) -> Span {
        let count = i64::from(self.count);
        match self.unit {
            Unit::Days => count.days(),
            Unit::Weeks => count.weeks(),
            Unit::Months => count.months(),
            Unit::Years => count.years(),
        }
    }
}

/// Why a text is not a period or a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Not a count with a unit.
    #[error(
        "{0:?} is not a period; write a number from 1 to 9999 and d, w, m or y, as in 30d or 2y"
    )]
    NotAPeriod(String),
    /// Not a withdrawal window.
    #[error(
        "{0:?} is not a withdrawal rule; write a period after the session as in 30d, or a last date as in `until 2024-09-02`"
    )]
    NotAWindow(String),
    /// Not a retention rule.
    #[error(
        "{0:?} is not a retention rule; write a period after the session, as in `2y after session`"
    )]
    NotARetentionRule(String),
}

impl FromStr for Period {
    type Err = PeriodError;
    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let not = || PeriodError::NotAPeriod(text.to_owned());
        let unit = match text.chars().last() {
            Some('d') => Unit::Days,
            Some('w') => Unit::Weeks,
            Some('m') => Unit::Months,
            Some('y') => Unit::Years,
            _ => return Err(not()),
        };
        let digits = text.get(..text.len() - 1).ok_or_else(not)?;
        if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(not());
        }
        match digits.parse() {
            Ok(count) if count > 0 => Ok(Self { count, unit }),
            _ => Err(not()),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Days => 'd',
            Unit::Weeks => 'w',
            Unit::Months => 'm',
            Unit::Years => 'y',
        };
        write!(f, "{}{unit}", self.count)
    }
}

/// Until when a participant may withdraw (R10, R11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum WithdrawalWindow {
    /// A period counted from the day they took part.
    AfterSession(Period),
    /// A fixed last day.
    Until(Date),
}

impl WithdrawalWindow {
    /// The last day on which somebody who took part on `session` may withdraw.
    pub fn last_day(self, session: Date) -> Date {
        match self {
            Self::AfterSession(period) => period.after(session).unwrap_or(Date::MAX),
            Self::Until(last) => last,
        }
    }
}

impl FromStr for WithdrawalWindow {
    type Err = PeriodError;
    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let not = || PeriodError::NotAWindow(text.to_owned());
        let text = text.trim();
        if let Some(date) = text.strip_prefix("until ") {
            return date.trim().parse().map(Self::Until).map_err(|_| not());
        }
        let period = text.strip_suffix("after session").unwrap_or(text).trim();
        period.parse().map(Self::AfterSession).map_err(|_| not())
    }
}

impl fmt::Display for WithdrawalWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AfterSession(period) => write!(f, "{period} after session"),
            Self::Until(date) => write!(f, "until {date}"),
        }
    }
}

/// How long material is kept (R41). The full language of rules has its home here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RetentionRule {
    /// Counted from the day of the session.
    pub after_session: Period,
}

impl RetentionRule {
    /// The day on which material of a session held on `session` is due for destruction.
    pub fn due(self, session: Date) -> Date {
        self.after_session.after(session).unwrap_or(Date::MAX)
    }
}

impl FromStr for RetentionRule {
    type Err = PeriodError;
    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let not = || PeriodError::NotARetentionRule(text.to_owned());
        let period = text.trim().strip_suffix("after session").ok_or_else(not)?;
        let after_session = period.trim().parse().map_err(|_| not())?;
        Ok(Self { after_session })
    }
}

impl fmt::Display for RetentionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after session", self.after_session)
    }
}

macro_rules! written_as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = PeriodError;
            fn try_from(text: String) -> Result<Self, PeriodError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+};
}

written_as_text!(Period, WithdrawalWindow, RetentionRule);

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn r10_thirty_days_after_taking_part() {
        let window: WithdrawalWindow = "30d".parse().expect("a window");
        assert_eq!(window.last_day(date(2026, 1, 31)), date(2026, 3, 2));
    }

    #[test]
    fn r11_a_fixed_last_date() {
        let window: WithdrawalWindow = "until 2024-09-02".parse().expect("a window");
        assert_eq!(window.last_day(date(2024, 8, 1)), date(2024, 9, 2));
        assert_eq!(window.to_string(), "until 2024-09-02");
    }

    #[test]
    fn r41_months_and_years_are_the_calendars() {
        let rule: RetentionRule = "2y after session".parse().expect("a rule");
        assert_eq!(rule.due(date(2024, 2, 29)), date(2026, 2, 28));
        assert!("2y".parse::<RetentionRule>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_what_is_accepted_is_written_back(text in ".{0,30}") {
            if let Ok(window) = text.parse::<WithdrawalWindow>() {
                prop_assert_eq!(window.to_string().parse(), Ok(window));
            }
        }

        #[test]
        fn periods_are_read_back(count in 1_u16..10_000, unit in "[dwmy]") {
            let period: Period = format!("{count}{unit}").parse().expect("a period");
            prop_assert_eq!(period.to_string(), format!("{count}{unit}"));
        }
    }
}
