//! How often somebody may knock: a token bucket for each, in bounded memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::THROTTLED_MAX;

/// A rate for each key: some at once, then so many a second.
#[derive(Debug)]
pub(super) struct Throttle<K> {
    at_once: f64,
    per_second: f64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

/// Too many; the time after which the next one is accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wait(pub(super) Duration);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl<K: Copy + Eq + Hash> Throttle<K> {
    /// A throttle that accepts `at_once`, then `per_second`.
    pub(super) fn new(at_once: u32, per_second: f64) -> Self {
        Self {
            at_once: f64::from(at_once),
            per_second,
            buckets: Mutex::default(),
        }
    }

    /// Counts one of `key` at the moment `now`.
    ///
    /// # Errors
    /// [`Wait`] when there were too many; it is then not counted.
    pub(super) fn take(&self, key: K, now: Instant) -> Result<(), Wait> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.left(buckets.get(&key), now);
        if left < 1.0 {
            return Err(self.wait(left));
        }
        if buckets.len() >= THROTTLED_MAX && !buckets.contains_key(&key) {
            self.make_room(&mut buckets, now);
        }
        let left = left - 1.0;
        buckets.insert(key, Bucket { left, at: now });
        Ok(())
    }

    /// Whether one of `key` would be accepted at the moment `now`; nothing is counted.
    ///
    /// # Errors
    /// [`Wait`] when it would not.
    pub(super) fn look(&self, key: K, now: Instant) -> Result<(), Wait> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.left(buckets.get(&key), now);
        if left < 1.0 {
            return Err(self.wait(left));
        }
        Ok(())
    }

    fn left(&self, bucket: Option<&Bucket>, now: Instant) -> f64 {
        bucket.map_or(self.at_once, |bucket| {
            let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second;
            (bucket.left + gained).min(self.at_once)
        })
    }

    fn wait(&self, left: f64) -> Wait {
        Wait(Duration::from_secs_f64((1.0 - left) / self.per_second))
    }

    /// Forgets whoever has their whole allowance again, or anybody when all are busy.
    fn make_room(&self, buckets: &mut HashMap<K, Bucket>, now: Instant) {
        buckets.retain(|_, bucket| self.left(Some(bucket), now) < self.at_once);
        if buckets.len() >= THROTTLED_MAX {
            let somebody = buckets.keys().next().copied();
            somebody.map(|key| buckets.remove(&key));
        }
    }
}

/// Where somebody knocks from: an IPv4 address, or the IPv6 network of 64 bits a household has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Origin(IpAddr);

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from(network))
            }
            v4 => v4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_at_once_then_so_many_a_second() {
        let throttle = Throttle::new(3, 2.0);
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(throttle.take("one", start), Ok(()));
        }
        let half = Duration::from_millis(500);
        assert_eq!(throttle.take("one", start), Err(Wait(half)));
        assert_eq!(throttle.look("one", start), Err(Wait(half)));
        assert_eq!(throttle.take("another", start), Ok(()));
        assert_eq!(throttle.take("one", start + half), Ok(()));
        assert_eq!(throttle.take("one", start + half), Err(Wait(half)));
    }

    #[test]
    fn a_long_rest_gives_no_more_than_at_the_start() {
        let throttle = Throttle::new(2, 1.0);
        let start = Instant::now();
        let later = start + Duration::from_secs(3600);
        for moment in [start, later, later] {
            assert_eq!(throttle.take(1, moment), Ok(()));
        }
        assert!(throttle.take(1, later).is_err());
    }

    #[test]
    fn memory_is_bounded_whoever_knocks() {
        let throttle = Throttle::new(1, 0.001);
        let start = Instant::now();
        for key in 0..2 * THROTTLED_MAX {
            assert_eq!(throttle.take(key, start), Ok(()));
        }
        assert!(throttle.buckets.lock().expect("sound").len() <= THROTTLED_MAX);
    }

    #[test]
    fn a_household_is_one_origin() {
        let origin = |text: &str| Origin::from(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(origin("2001:db8::1"), origin("2001:db8::ffff:1"));
        assert_ne!(origin("2001:db8::1"), origin("2001:db8:0:1::1"));
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
    }
}
