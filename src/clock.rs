//! Time as a parameter: nothing below the command line reads the machine's clock itself.

use std::fmt::Debug;
use std::sync::{LazyLock, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Europe/London by the machine's time zone data or, where there is none, by the rule in force
/// since 1996.
static LONDON: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZone::get("Europe/London")
        .or_else(|_| TimeZone::posix(LONDON_RULE))
        .unwrap_or(TimeZone::UTC)
});

/// Summer time from the last Sunday of March, 1:00, to the last of October, 2:00.
const LONDON_RULE: &str = "GMT0BST,M3.5.0/1,M10.5.0";

/// The day it is in London at `moment`: promises that name a day are kept by London's calendar.
pub fn london_day(moment: Timestamp) -> Date {
    moment.to_zoned(LONDON.clone()).date()
}

/// What clocks in London show at `moment`.
pub fn in_london(moment: Timestamp) -> jiff::civil::DateTime {
    moment.to_zoned(LONDON.clone()).datetime()
}

/// The moment at which `day` is over in London.
pub fn end_of_london_day(day: Date) -> Timestamp {
    let midnight = day
        .tomorrow()
        .and_then(|next| next.to_zoned(LONDON.clone()));
    midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

/// A source of the present moment.
pub trait Clock: Debug + Send + Sync {
    /// The present moment, in UTC.
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place the machine's clock is read"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is moved, for simulations and tests.
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn at(start: Timestamp) -> Self {
        Self(Mutex::new(start))
    }

    /// Moves the clock by `step`, which may be negative; it stops at the ends of time.
    pub fn advance(&self, step: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(step).unwrap_or(*now);
    }

    /// Sets the clock to `moment`.
    pub fn set(&self, moment: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = moment;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn at(moment: &str) -> Timestamp {
        moment.parse().expect("a moment")
    }

    #[test]
    fn a_summer_day_ends_an_hour_before_utcs() {
        assert_eq!(london_day(at("2026-06-30T22:59:59Z")), date(2026, 6, 30));
        assert_eq!(london_day(at("2026-06-30T23:00:00Z")), date(2026, 7, 1));
        assert_eq!(
            end_of_london_day(date(2026, 6, 30)),
            at("2026-06-30T23:00:00Z")
        );
        assert_eq!(
            end_of_london_day(date(2026, 12, 31)),
            at("2027-01-01T00:00:00Z")
        );
        assert_eq!(end_of_london_day(Date::MAX), Timestamp::MAX);
    }

    #[test]
    fn the_rule_agrees_with_the_machines_time_zone_data() {
        let rule = TimeZone::posix(LONDON_RULE).expect("a rule");
        let mut moment = at("2024-01-01T00:30:00Z");
        while moment < at("2030-01-01T00:00:00Z") {
            assert_eq!(moment.to_zoned(rule.clone()).date(), london_day(moment));
            moment += SignedDuration::from_mins(30);
        }
    }
}
