//! Why rules are not accepted, and the nearest thing that would be.

use jiff::civil::Date;

use super::{Class, Moment};
use crate::limits::{
    RETENTION_DEPTH_MAX, RETENTION_MEMBERS_MAX, RETENTION_RULES_MAX, RETENTION_TEXT_BYTES_MAX,
};
use crate::model::period::PeriodError;

/// Why a text is no set of rules, or one that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetentionError {
    /// Nothing is said.
    #[error(
        "no retention rule is given; write when things are destroyed, as in `2y after session`"
    )]
    Empty,
    /// Longer than [`RETENTION_TEXT_BYTES_MAX`].
    #[error(
        "the retention rules have {0} bytes; at most {RETENTION_TEXT_BYTES_MAX} are accepted: one rule for `everything` often does"
    )]
    TooLong(usize),
    /// More than [`RETENTION_RULES_MAX`].
    #[error(
        "{0} retention rules are given; at most {RETENTION_RULES_MAX} are accepted: join them under `identifiable` or `everything`"
    )]
    TooMany(usize),
    /// Lists in lists in lists.
    #[error(
        "the retention rule {rule:?} has lists in lists deeper than {RETENTION_DEPTH_MAX}; `earliest of (a, earliest of (b, c))` is `earliest of (a, b, c)`"
    )]
    TooDeep {
        /// As it was written.
        rule: String,
    },
    /// A list of nothing, of one thing, or of too many.
    #[error(
        "the retention rule {rule:?} has a list of {members}; a list has between 2 and {RETENTION_MEMBERS_MAX} members, and a single one is written without `earliest of`"
    )]
    List {
        /// As it was written.
        rule: String,
        /// How many things it lists.
        members: usize,
    },
    /// A word before the colon that is none.
    #[error("{word:?} in {rule:?} is nothing a rule can be for{near}; one of {known}", near = nearest(word, &classes()), known = classes().join(", "))]
    UnknownClass {
        /// As it was written.
        rule: String,
        /// The word.
        word: String,
    },
    /// A word that is no moment.
    #[error("{word:?} in {rule:?} is no moment{near}; one of {known}", near = nearest(word, &moments()), known = moments().join(", "))]
    UnknownMoment {
        /// As it was written.
        rule: String,
        /// The word.
        word: String,
    },
    /// A period that is none.
    #[error("in the retention rule {rule:?}, {error}")]
    Period {
        /// As it was written.
        rule: String,
        /// What is wrong with it.
        error: PeriodError,
    },
    /// A day that is none.
    #[error("{word:?} in {rule:?} is no day of the calendar; write it like `on 2027-03-31`")]
    Day {
        /// As it was written.
        rule: String,
        /// The word.
        word: String,
    },
    /// The rest.
    #[error(
        "{rule:?} is not a retention rule: {why}; write it like `2y after session`, `identifiable: 12m after publication` or `everything: earliest of (publication, 3m after collection-ends)`"
    )]
    Form {
        /// As it was written.
        rule: String,
        /// Where reading it stopped.
        why: &'static str,
    },
    /// It never comes true.
    #[error("`{rule}` can never come true: {why}; {instead}")]
    Never {
        /// The rule.
        rule: String,
        /// What it waits for in vain.
        why: String,
        /// What would work.
        instead: String,
    },
    /// A day that is over.
    #[error("`{rule}` names {day}, which is past; name a day from {today} on")]
    Past {
        /// The rule.
        rule: String,
        /// The day.
        day: Date,
        /// Today.
        today: Date,
    },
    /// A member of a list that decides nothing.
    #[error("in `{rule}`, `{idle}` decides nothing: `{by}` is always {order} it; leave it out")]
    IdleMember {
        /// The rule.
        rule: String,
        /// The member.
        idle: String,
        /// What decides.
        by: String,
        /// Before or after.
        order: &'static str,
    },
    /// Of two rules one never wins.
    #[error(
        "`{rule}` decides nothing: `{by}` is always due before it or with it, and the rule that is due first wins; leave it out, or narrow the other one to what it is not for"
    )]
    IdleRule {
        /// The rule that never wins.
        rule: String,
        /// The one that always does.
        by: String,
    },
    /// Something that must be destroyed one day is under no rule.
    #[error(
        "no rule that can come true is for {what}: they would be kept for ever; add one, as in `{instead}`"
    )]
    Uncovered {
        /// What.
        what: String,
        /// The same rules with one that covers it.
        instead: String,
    },
}

fn classes() -> Vec<&'static str> {
    Class::ALL.map(Class::name).to_vec()
}

fn moments() -> Vec<&'static str> {
    Moment::all().map(Moment::name).collect()
}

/// ` (did you mean …?)`, when a known word is near.
fn nearest(word: &str, known: &[&str]) -> String {
    let near = crate::model::word::nearest(word, known);
    near.map_or_else(String::new, |known| format!(" (did you mean {known}?)"))
}
