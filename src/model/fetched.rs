//! Who was given an item's words: what a certificate has to tell of copies that lie elsewhere.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::action::Action;

/// What one person fetched of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    /// When they first did.
    pub first: Timestamp,
    /// When they last did, in the order of the records.
    pub last: Timestamp,
    /// How often they did.
    pub times: u64,
    /// How many of those were copies sealed for a key, which stay readable for whoever holds it.
    pub sealed: u64,
}

impl Fetched {
    /// Nothing yet, as of a moment.
    pub const fn none_at(at: Timestamp) -> Self {
        Self {
            first: at,
            last: at,
            times: 0,
            sealed: 0,
        }
    }

    /// Counts once more.
    pub const fn again(&mut self, at: Timestamp, sealed: bool) {
        self.last = at;
        self.times += 1;
        self.sealed += sealed as u64;
    }
}

/// Whether whoever did this had the item's words in their hands afterwards.
pub const fn gives_out(action: Action) -> bool {
    matches!(action, Action::OpenItem | Action::RedactItem)
}

/// What the record of a sealed copy begins with in its detail.
pub const SEALED_COPY: &str = "sealed copy for";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_counts_and_sealed_copies_apart() {
        let at = |second| Timestamp::from_second(second).expect("a moment");
        let mut row = Fetched::none_at(at(5));
        row.again(at(5), false);
        row.again(at(9), true);
        let expected = Fetched {
            first: at(5),
            last: at(9),
            times: 2,
            sealed: 1,
        };
        assert_eq!(row, expected);
    }
}
