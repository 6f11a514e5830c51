//! How long things are kept: rules like `identifiable: 12m after publication` (R41–R44).
//!
//! ```text
//! RULES  = RULE { ";" RULE }
//! RULE   = [ CLASS ":" ] WHEN                 a bare rule is for everything
//! CLASS  = everything | identifiable | de-identified | anonymised | contact | audio | video | …
//! WHEN   = PERIOD "after" MOMENT | MOMENT | "on" DATE
//!        | "earliest of" "(" WHEN "," WHEN … ")" | "latest of" "(" WHEN "," WHEN … ")"
//! MOMENT = session | deposit | transcript-accepted | publication | collection-ends | …
//! ```
//!
//! Where several rules are for one thing, the one that is due first wins: a promise to destroy is
//! never put off by another. Reading a text says whether it is a rule; [`RetentionRules::check`]
//! says whether it is one that can be kept.

mod check;
mod due;
mod error;
mod order;
mod parse;
#[cfg(test)]
mod property_tests;
mod seek;
#[cfg(test)]
mod tests;

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use due::{Dates, Due, DueOn};
pub use error::RetentionError;
pub use seek::{OwnDays, Seek};

use crate::model::item::{Kind, Tier};
use crate::model::period::Period;
use crate::model::word::words;

/// What a study keeps for how long: one rule or more, written with `;` between them.
///
/// ```
/// use strongroom::model::RetentionRules;
///
/// let rules: RetentionRules = "audio: 7d after transcript-accepted; 2y after session".parse()?;
/// rules.check(jiff::civil::date(2026, 3, 1))?;
/// assert_eq!(
///     rules.to_string(),
///     "audio: 7d after transcript-accepted; everything: 2y after session"
/// );
/// # Ok::<(), strongroom::model::retention::RetentionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RetentionRules(Vec<RetentionRule>);

impl RetentionRules {
    /// The rules, as they were written; at least one.
    pub fn rules(&self) -> &[RetentionRule] {
        &self.0
    }

    /// Every moment that some rule counts from, in the order of [`Moment`].
    pub fn moments(&self) -> std::collections::BTreeSet<Moment> {
        self.0.iter().flat_map(|rule| rule.when.moments()).collect()
    }
}

/// One rule: what is kept, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// What it is for.
    pub class: Class,
    /// When that is due for destruction.
    pub when: When,
}

/// What a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// All material of whatever tier, and contact details.
    Everything,
    /// Material that shows who somebody is, and contact details.
    Identifiable,
    /// Material without identifiers that is still about somebody.
    DeIdentified,
    /// Outputs that are about nobody any more.
    Anonymised,
    /// Names, e-mail addresses and the like.
    Contact,
    /// Material of one kind that is about somebody, identifiable or de-identified.
    Kind(Kind),
}

impl Class {
    /// Every word a rule can begin with.
    pub const ALL: [Self; 12] = [
        Self::Everything,
        Self::Identifiable,
        Self::DeIdentified,
        Self::Anonymised,
        Self::Contact,
        Self::Kind(Kind::Audio),
        Self::Kind(Kind::Video),
        Self::Kind(Kind::Screen),
        Self::Kind(Kind::Photo),
        Self::Kind(Kind::Notes),
        Self::Kind(Kind::Transcript),
        Self::Kind(Kind::Survey),
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Identifiable => Tier::Identifiable.name(),
            Self::DeIdentified => Tier::DeIdentified.name(),
            Self::Anonymised => Tier::Anonymised.name(),
            Self::Contact => "contact",
            Self::Kind(kind) => kind.name(),
        }
    }

    /// Whether a rule for this class is for that subject.
    pub fn covers(self, subject: Subject) -> bool {
        match (self, subject) {
            (Self::Everything, _) => true,
            (Self::Contact | Self::Identifiable, Subject::Contact) => true,
            (_, Subject::Contact) | (Self::Contact, Subject::Material { .. }) => false,
            (Self::Identifiable, Subject::Material { tier, .. }) => tier == Tier::Identifiable,
            (Self::DeIdentified, Subject::Material { tier, .. }) => tier == Tier::DeIdentified,
            (Self::Anonymised, Subject::Material { tier, .. }) => tier == Tier::Anonymised,
            (Self::Kind(of), Subject::Material { kind, tier }) => {
                kind == of && tier != Tier::Anonymised
            }
        }
    }

    /// Everything a rule for this class is for.
    fn subjects(self) -> impl Iterator<Item = Subject> {
        Subject::all().filter(move |subject| self.covers(*subject))
    }
}

/// One thing that rules decide over: what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A piece of material.
    Material {
        /// What it is.
        kind: Kind,
        /// How near it is to a person.
        tier: Tier,
    },
    /// A participant's contact details.
    Contact,
}

impl Subject {
    /// Everything there can be.
    pub fn all() -> impl Iterator<Item = Self> {
        let material = |tier| Kind::ALL.map(move |kind| Self::Material { kind, tier });
        let material = Tier::ALL.into_iter().flat_map(material);
        material.chain([Self::Contact])
    }

    /// Whether it can ever have such a moment.
    ///
    /// What is anonymised comes from no session and is never transcribed; contact details are
    /// neither brought nor transcribed; photographs, notes and answers are not transcribed.
    pub fn can_have(self, moment: Moment) -> bool {
        match (self, moment) {
            (_, Moment::Study(_)) => true,
            (Self::Contact, moment) => moment == Moment::Session,
            (Self::Material { .. }, Moment::Deposit) => true,
            (
                Self::Material {
                    tier: Tier::Anonymised,
                    ..
                },
                _,
            ) => false,
            (Self::Material { .. }, Moment::Session) => true,
            (Self::Material { kind, .. }, Moment::TranscriptAccepted) => {
                !matches!(kind, Kind::Photo | Kind::Notes | Kind::Survey)
            }
        }
    }

    /// A number of its own, under which its like are listed.
    pub fn number(self) -> u8 {
        let place = Self::all().position(|subject| subject == self);
        place
            .and_then(|place| u8::try_from(place).ok())
            .unwrap_or(u8::MAX)
    }

    /// The narrowest word for it that a rule can begin with.
    const fn class(self) -> Class {
        match self {
            Self::Contact => Class::Contact,
            Self::Material {
                tier: Tier::Anonymised,
                ..
            } => Class::Anonymised,
            Self::Material { kind, .. } => Class::Kind(kind),
        }
    }
}

/// When something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum When {
    /// On a fixed day.
    On(Date),
    /// On the day of a moment, or a period after it.
    After(Option<Period>, Moment),
    /// On the first of several days that comes.
    Earliest(Vec<When>),
    /// On the last of several days, when all of them are known.
    Latest(Vec<When>),
}

impl When {
    /// Every moment it counts from, in the order they are written; some may come twice.
    pub fn moments(&self) -> Vec<Moment> {
        match self {
            Self::On(_) => Vec::new(),
            Self::After(_, moment) => vec![*moment],
            Self::Earliest(members) | Self::Latest(members) => {
                members.iter().flat_map(Self::moments).collect()
            }
        }
    }

    /// Every fixed day in it.
    fn fixed_days(&self) -> Vec<Date> {
        match self {
            Self::On(day) => vec![*day],
            Self::After(..) => Vec::new(),
            Self::Earliest(members) | Self::Latest(members) => {
                members.iter().flat_map(Self::fixed_days).collect()
            }
        }
    }
}

/// What a period is counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// The day of the session; for contact details, of the last session they took part in.
    Session,
    /// The day it was taken in.
    Deposit,
    /// The day its transcript was accepted; for a transcript, the day it was accepted itself.
    TranscriptAccepted,
    /// A moment of the whole study.
    Study(StudyMoment),
}

impl Moment {
    /// Every moment, in the order people are told of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let own = [Self::Session, Self::Deposit, Self::TranscriptAccepted];
        own.into_iter().chain(StudyMoment::ALL.map(Self::Study))
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Deposit => "deposit",
            Self::TranscriptAccepted => "transcript-accepted",
            Self::Study(moment) => moment.name(),
        }
    }
}

words! {
    /// A moment in the life of a study, dated as it happens or set by its lead.
    StudyMoment, or UnknownStudyMoment as "a moment of a study" {
        /// The report is published.
        Publication = "publication",
        /// The last data are collected.
        CollectionEnds = "collection-ends",
        /// The analysis begins.
        AnalysisBegins = "analysis-begins",
        /// The study is completed.
        Completion = "completion",
        /// Records were linked, and identifiers are not needed for it any more.
        Linked = "linked",
    }
}

impl fmt::Display for RetentionRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        separated(f, &self.0, "; ")
    }
}

impl fmt::Display for RetentionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.when)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, members) = match self {
            Self::On(day) => return write!(f, "on {day}"),
            Self::After(None, moment) => return write!(f, "{moment}"),
            Self::After(Some(period), moment) => return write!(f, "{period} after {moment}"),
            Self::Earliest(members) => ("earliest", members),
            Self::Latest(members) => ("latest", members),
        };
        write!(f, "{word} of (")?;
        separated(f, members, ", ")?;
        f.write_str(")")
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl TryFrom<String> for RetentionRules {
    type Error = RetentionError;
    fn try_from(text: String) -> Result<Self, RetentionError> {
        text.parse()
    }
}

impl From<RetentionRules> for String {
    fn from(rules: RetentionRules) -> Self {
        rules.to_string()
    }
}

fn separated<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    of: &[T],
    separator: &str,
) -> fmt::Result {
    for (place, one) in of.iter().enumerate() {
        if place > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{one}")?;
    }
    Ok(())
}
