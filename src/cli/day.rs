//! Days as people type them.

use jiff::civil::Date;

/// A day of the calendar, as in `2026-11-30`.
pub(super) fn day(text: &str) -> Result<Date, String> {
    let not = |_| {
        format!("{text:?} is not a day; write the year, the month and the day, like 2026-11-30")
    };
    text.parse().map_err(not)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_one_way() {
        assert_eq!(day("2028-02-29"), Ok(jiff::civil::date(2028, 2, 29)));
        for bad in ["", "31/12/26", "2026-02-30", "2026-2-3", "tomorrow"] {
            assert!(day(bad).is_err(), "{bad}");
        }
    }
}
