//! Who waits for whom, and what to make of it.

use std::time::{Duration, Instant};

use crate::limits::{READ_AHEAD_AFTER, READ_AHEAD_BYTES, READ_AHEAD_RANGES};

/// How far ahead to read, and when to begin.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Habits {
    /// The length of a range, in bytes of plaintext.
    pub(super) range_bytes: u64,
    /// Ranges read at once, at most.
    pub(super) ranges: usize,
    /// How long to watch who waits for whom before anything is made of it.
    pub(super) watched_for: Duration,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            range_bytes: READ_AHEAD_BYTES,
            ranges: READ_AHEAD_RANGES,
            watched_for: READ_AHEAD_AFTER,
        }
    }
}

/// Who waits for whom.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    /// Waiting for the store, since it was last looked at.
    waited: Duration,
    waiting: Option<Instant>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            waited: Duration::ZERO,
            waiting: None,
        }
    }
}

impl Pace {
    pub(super) fn begin_to_wait(&mut self) {
        self.waiting = Some(Instant::now());
    }

    pub(super) fn end_waiting(&mut self) {
        if let Some(since) = self.waiting.take() {
            self.waited += since.elapsed();
        }
    }

    /// Whether most of the time goes into waiting for the store.
    pub(super) fn is_slow(&self, habits: Habits) -> bool {
        let watched = self.since.elapsed();
        watched >= habits.watched_for && self.waited > watched / 2
    }

    /// How many ranges to read at once, when it was `width`; what was seen until now is forgotten.
    pub(super) fn width(&mut self, width: usize, habits: Habits) -> usize {
        let watched = self.since.elapsed();
        let wider = match self.waited {
            waited if waited > watched / 2 => width + 1,
            waited if waited < watched / 4 => width - 1,
            _ => width,
        };
        *self = Self::default();
        wider.clamp(1, habits.ranges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_read_at_once_only_while_the_store_is_waited_for() {
        let habits = Habits {
            watched_for: Duration::ZERO,
            ..Habits::default()
        };
        let mut pace = Pace::default();
        std::thread::sleep(Duration::from_millis(5));
        assert!(!pace.is_slow(habits), "nobody waited");
        assert_eq!(pace.width(3, habits), 2);
        assert_eq!(Pace::default().width(1, habits), 1);
        let mut pace = Pace::default();
        pace.begin_to_wait();
        std::thread::sleep(Duration::from_millis(5));
        pace.end_waiting();
        assert!(pace.is_slow(habits) && !pace.is_slow(Habits::default()));
        assert_eq!(pace.width(1, habits), 2);
        pace.waited = Duration::MAX;
        assert_eq!(pace.width(READ_AHEAD_RANGES, habits), READ_AHEAD_RANGES);
    }
}
