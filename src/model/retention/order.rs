//! Which of two days always comes first, whatever is dated.

use super::{Moment, RetentionRules, Subject, When};
use crate::model::period::Period;

impl RetentionRules {
    /// Whether everything is due under these rules whenever it is under the others, and never later.
    ///
    /// A no may only mean that it depends on dates nobody knows yet; a yes is certain.
    pub fn keep_no_longer_than(&self, others: &Self) -> bool {
        Subject::all().all(|subject| {
            let mut promised = others.rules().iter();
            promised.all(|old| {
                let mut rules = self.rules().iter();
                !old.is_for(subject)
                    || rules
                        .any(|new| new.is_for(subject) && new.when.always_by(&old.when, subject))
            })
        })
    }
}

impl When {
    /// Whether this is due of a subject whenever the other is, and never later.
    ///
    /// A no may only mean that it is not known; a yes is certain.
    pub(super) fn always_by(&self, other: &Self, subject: Subject) -> bool {
        let not_later = |one: &Self, two: &Self| one.always_by(two, subject);
        match (self, other) {
            _ if !other.can_be(subject) => true,
            _ if !self.can_be(subject) => false,
            (Self::Latest(members), _) => members.iter().all(|member| not_later(member, other)),
            (_, Self::Earliest(members)) => members.iter().all(|member| not_later(self, member)),
            (Self::Earliest(members), Self::Latest(others)) => {
                members.iter().any(|member| not_later(member, other))
                    || others.iter().any(|other| not_later(self, other))
            }
            (Self::Earliest(members), _) => members.iter().any(|member| not_later(member, other)),
            (_, Self::Latest(members)) => members.iter().any(|member| not_later(self, member)),
            (Self::On(day), Self::On(other)) => day <= other,
            (Self::After(period, moment), Self::After(longer, later)) => {
                moment.precedes(*later) && is_at_most(*period, *longer)
            }
            (Self::On(_), Self::After(..)) | (Self::After(..), Self::On(_)) => false,
        }
    }
}

impl Moment {
    /// Whether it is dated whenever the other is, and never later.
    fn precedes(self, other: Self) -> bool {
        match (self, other) {
            (Self::Session, Self::Deposit | Self::TranscriptAccepted) => true,
            (Self::Deposit, Self::TranscriptAccepted) => true,
            _ => self == other,
        }
    }
}

fn is_at_most(period: Option<Period>, other: Option<Period>) -> bool {
    match (period, other) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(period), Some(other)) => period.is_at_most(other),
    }
}
