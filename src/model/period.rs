//! Periods, and the windows for withdrawing made of them: `30d`, `12m`, `until 2024-09-02`.

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

    /// Whether this period is never longer than the other, from whatever day both are counted.
    ///
    /// Between days and months a no may only mean that it depends on the day.
    pub fn is_at_most(self, other: Self) -> bool {
        match (self.in_months(), other.in_months()) {
            (Some(months), Some(others)) => months <= others,
            _ => self.days().1 <= other.days().0,
        }
    }

    fn in_months(self) -> Option<u32> {
        match self.unit {
            Unit::Days | Unit::Weeks => None,
            Unit::Months => Some(u32::from(self.count)),
            Unit::Years => Some(u32::from(self.count) * 12),
        }
    }

    /// The fewest and the most days it can have.
    fn days(self) -> (u32, u32) {
        let count = u32::from(self.count);
        match self.unit {
            Unit::Days => (count, count),
            Unit::Weeks => (count * 7, count * 7),
            Unit::Months => (count * 28, count * 31),
            Unit::Years => (count * 365, count * 366),
        }
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
        "{0:?} is not a withdrawal rule; write a period after the session as in 30d, or a last date as in `until 2024-09-02`, and `, or when analysis begins` after it if that ends it earlier"
    )]
    NotAWindow(String),
    /// A window that is over before anybody can be in it.
    #[error(
        "`{window}` ended before it began: nobody could withdraw; name a last day from {today} on, or a period after the session as in 30d"
    )]
    Over {
        /// The window.
        window: WithdrawalWindow,
        /// Today.
        today: Date,
    },
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
pub struct WithdrawalWindow {
    ends: WindowEnd,
    /// Whether it ends on the day before the analysis begins, if that is earlier.
    or_when_analysis_begins: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WindowEnd {
    /// A period counted from the day they took part.
    AfterSession(Period),
    /// A fixed last day.
    Until(Date),
}

impl WithdrawalWindow {
    /// The last day on which somebody who took part on `session` may withdraw, when the analysis
    /// begins on that day, or has no day yet.
    pub fn last_day(self, session: Date, analysis_begins: Option<Date>) -> Date {
        let last = match self.ends {
            WindowEnd::AfterSession(period) => period.after(session).unwrap_or(Date::MAX),
            WindowEnd::Until(last) => last,
        };
        let before = analysis_begins.and_then(|day| day.yesterday().ok());
        match before.filter(|_| self.or_when_analysis_begins) {
            Some(before) => last.min(before),
            None => last,
        }
    }

    /// Whether the beginning of the analysis can end it early.
    pub fn ends_with_analysis(self) -> bool {
        self.or_when_analysis_begins
    }

    /// Whether nobody can withdraw less long under this than under the other, whenever they took part
    /// and whenever the analysis begins.
    ///
    /// Between a period and a day a no may only mean that it depends on when they took part.
    pub fn lasts_at_least(self, other: Self) -> bool {
        let ends = match (self.ends, other.ends) {
            (WindowEnd::AfterSession(longer), WindowEnd::AfterSession(period)) => {
                period.is_at_most(longer)
            }
            (WindowEnd::Until(later), WindowEnd::Until(last)) => last <= later,
            _ => false,
        };
        ends && (!self.or_when_analysis_begins || other.or_when_analysis_begins)
    }

    /// Whether anybody can still be in it, for a study that begins today.
    ///
    /// # Errors
    /// [`PeriodError::Over`] when its last day is past.
    pub fn check(self, today: Date) -> Result<(), PeriodError> {
        match self.ends {
            WindowEnd::Until(last) if last < today => Err(PeriodError::Over {
                window: self,
                today,
            }),
            _ => Ok(()),
        }
    }
}

impl FromStr for WithdrawalWindow {
    type Err = PeriodError;
    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let not = || PeriodError::NotAWindow(text.to_owned());
        let typed = text.trim().to_ascii_lowercase();
        let (rest, or_when_analysis_begins) = match until_analysis(&typed) {
            Some(rest) => (rest, true),
            None => (typed.as_str(), false),
        };
        let ends = match rest.strip_prefix("until ") {
            Some(date) => WindowEnd::Until(date.trim().parse().map_err(|_| not())?),
            None => {
                let period = rest.strip_suffix("after session").unwrap_or(rest).trim();
                WindowEnd::AfterSession(period.parse().map_err(|_| not())?)
            }
        };
        Ok(Self {
            ends,
            or_when_analysis_begins,
        })
    }
}

/// What stands before `, or when analysis begins`, in whatever words that is said.
fn until_analysis(text: &str) -> Option<&str> {
    const JOINING: [&str; 8] = ["the", "when", "once", "if", "early", "ending", "ends", "or"];
    let begins = ["analysis begins", "analysis-begins", "analysis starts"];
    let mut rest = begins.iter().find_map(|words| text.strip_suffix(words))?;
    loop {
        let shorter = rest.trim_end().trim_end_matches(',').trim_end();
        let joining = |word: &&&str| {
            let before = shorter.strip_suffix(**word);
            before.is_some_and(|before| before.ends_with([' ', ',']))
        };
        match JOINING.iter().find(joining) {
            Some(word) => rest = shorter.strip_suffix(word)?,
            None => return Some(shorter),
        }
    }
}

impl fmt::Display for WithdrawalWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ends {
            WindowEnd::AfterSession(period) => write!(f, "{period} after session")?,
            WindowEnd::Until(date) => write!(f, "until {date}")?,
        }
        match self.or_when_analysis_begins {
            true => f.write_str(", or when analysis begins"),
            false => Ok(()),
        }
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

written_as_text!(Period, WithdrawalWindow);

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    #[test]
    fn r10_thirty_days_after_taking_part() {
        let window: WithdrawalWindow = "30d".parse().expect("a window");
        assert_eq!(window.last_day(date(2026, 1, 31), None), date(2026, 3, 2));
        let analysis = Some(date(2026, 2, 10));
        assert_eq!(
            window.last_day(date(2026, 1, 31), analysis),
            date(2026, 3, 2)
        );
    }

    #[test]
    fn r11_a_fixed_last_date() {
        let window: WithdrawalWindow = "until 2024-09-02".parse().expect("a window");
        assert_eq!(window.last_day(date(2024, 8, 1), None), date(2024, 9, 2));
        assert_eq!(window.to_string(), "until 2024-09-02");
    }

    #[test]
    fn r12_the_day_before_the_analysis_begins_ends_it_early() {
        let words = [
            "30d after session, or when analysis begins",
            "30d, ending when analysis begins",
            "30D or when the analysis begins",
            "30d after session, ending early when analysis starts",
            "30d,or when analysis-begins",
        ];
        for typed in words {
            let window: WithdrawalWindow = typed.parse().expect(typed);
            assert_eq!(window.to_string(), words[0]);
            assert!(window.ends_with_analysis());
            let session = date(2026, 1, 1);
            assert_eq!(window.last_day(session, None), date(2026, 1, 31));
            let early = Some(date(2026, 1, 20));
            assert_eq!(window.last_day(session, early), date(2026, 1, 19));
            let late = Some(date(2026, 6, 1));
            assert_eq!(window.last_day(session, late), date(2026, 1, 31));
        }
        let fixed = "until 2024-09-02, or when analysis begins";
        let window: WithdrawalWindow = fixed.parse().expect("a window");
        assert_eq!(window.to_string(), fixed);
        let early = Some(date(2024, 8, 20));
        assert_eq!(window.last_day(date(2024, 8, 1), early), date(2024, 8, 19));
    }

    #[test]
    fn r11_a_window_that_ended_before_it_began_is_refused() {
        let window: WithdrawalWindow = "until 2024-09-02".parse().expect("a window");
        assert_eq!(window.check(date(2024, 9, 2)), Ok(()));
        let refused = window.check(date(2024, 9, 3)).expect_err("it is over");
        assert_eq!(
            refused.to_string(),
            "`until 2024-09-02` ended before it began: nobody could withdraw; name a last day from 2024-09-03 on, or a period after the session as in 30d"
        );
    }

    #[test]
    fn periods_are_compared_only_where_it_does_not_depend_on_the_day() {
        let at_most = |one: &str, other: &str| {
            let period = |text: &str| text.parse::<Period>().expect("a period");
            period(one).is_at_most(period(other))
        };
        assert!(at_most("12m", "1y") && at_most("1y", "12m"));
        assert!(at_most("4w", "1m") && at_most("366d", "2y"));
        assert!(!at_most("30d", "1m") && !at_most("1m", "30d"));
        assert!(!at_most("31d", "30d"));
    }

    #[test]
    fn windows_are_compared_only_where_it_does_not_depend_on_the_day() {
        let at_least = |one: &str, other: &str| {
            let window = |text: &str| text.parse::<WithdrawalWindow>().expect("a window");
            window(one).lasts_at_least(window(other))
        };
        assert!(at_least("30d", "30d") && at_least("31d", "30d"));
        assert!(at_least("30d", "30d or when analysis begins"));
        assert!(!at_least("31d or when analysis begins", "30d"));
        assert!(!at_least("29d", "30d"));
        assert!(at_least("until 2024-09-03", "until 2024-09-02"));
        assert!(!at_least("until 2024-09-01", "until 2024-09-02"));
        assert!(!at_least("100y", "until 2024-09-02"));
    }

    proptest! {
        #[test]
        fn any_text_is_answered_and_what_is_accepted_is_written_back(
            text in ".{0,30}|(30d|until 2024-09-02|x|)[ ,]*(or|ending|when|the|[ ,]){0,5}analysis begins",
        ) {
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
