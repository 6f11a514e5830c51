//! Why somebody is not let through: what they may be told, and apart, what the log should have.

use std::fmt;

use crate::index::IndexError;

/// Why there is no grant.
#[derive(Debug, thiserror::Error)]
pub enum Denial {
    /// Nobody the vault knows.
    #[error(transparent)]
    Stranger(#[from] Stranger),
    /// Unknown, erased, or not for the one who asks: one and the same answer.
    #[error("there is no such thing, or no longer, or not for you; check the identifier")]
    NoSuchThing,
    /// Not permitted, to somebody who may know that the thing is there.
    #[error("{0}")]
    Refused(Why),
    /// The facts could not be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The policies gave no answer, so nothing was permitted.
    #[error(transparent)]
    Undecided(#[from] Undecided),
}

/// Somebody who showed no token or code that works. All of them are told the same.
#[derive(Clone, Copy, thiserror::Error)]
#[error("the token or code does not work; ask for a new code and log in with it")]
pub struct Stranger(Strangeness);

/// What is wrong, for the log only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strangeness {
    Malformed,
    Unknown,
    Expired,
    Revoked,
    Used,
    NoPerson,
    NotEnrolled,
    Suspended,
}

impl Stranger {
    /// What is wrong, for the log; never to be told to whoever showed it.
    pub fn for_the_log(&self) -> &'static str {
        match self.0 {
            Strangeness::Malformed => "it has not the form of a token or code",
            Strangeness::Unknown => "nobody was given it, or it was taken back",
            Strangeness::Expired => "it has expired",
            Strangeness::Revoked => "it was taken back",
            Strangeness::Used => "it was used before",
            Strangeness::NoPerson => "whoever it was given to is not in the index",
            Strangeness::NotEnrolled => "whoever it was given to has not enrolled",
            Strangeness::Suspended => "the access of whoever it was given to is suspended",
        }
    }
}

impl From<Strangeness> for Stranger {
    fn from(strangeness: Strangeness) -> Self {
        Self(strangeness)
    }
}

impl From<Strangeness> for Denial {
    fn from(strangeness: Strangeness) -> Self {
        Self::Stranger(strangeness.into())
    }
}

/// Every stranger is the same to the outside.
impl PartialEq for Stranger {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Stranger {}

impl fmt::Debug for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stranger")
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])+ $name:ident = $rule:literal, $told:literal;)+) => {
        /// Why something is refused to somebody who may know that it is there.
        ///
        /// When several rules refuse, the first in this order is told.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Why {
            $($(#[$doc])+ $name,)+
            /// No rule permits it to them.
            NotPermitted,
        }

        impl Why {
            /// The reasons that are rules, all but [`Why::NotPermitted`].
            pub(super) const RULES: &'static [Self] = &[$(Self::$name,)+];

            /// The `@id` of the rule that refuses, if it is one; otherwise nothing permits it.
            pub const fn rule(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($rule),)+
                    Self::NotPermitted => None,
                }
            }
        }

        impl fmt::Display for Why {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $told,)+
                    Self::NotPermitted => "your role does not include this; if it should, ask the study's lead or information governance",
                })
            }
        }
    };
}

reasons! {
    /// The study is closed.
    StudyClosed = "closed-study-takes-nothing",
        "the study is closed and takes nothing more; its lead can say where this belongs";
    /// Somebody in the session has withdrawn.
    ParticipantWithdrawn = "nothing-is-brought-after-a-withdrawal",
        "a participant of this session has withdrawn, so nothing more is taken in; delete your own copies";
    /// Somebody in it is withdrawing.
    WithdrawalUnderWay = "nothing-moves-during-a-withdrawal",
        "a withdrawal is under way, so this is neither opened nor added to nor given to a supplier; ask the study's lead";
    /// Transcribers bring transcripts.
    TranscriptsOnly = "transcribers-bring-transcripts-only",
        "a transcriber brings transcripts only; give the kind as transcript";
    /// The supplier is not approved, or its contract is not in force.
    SupplierNotInForce = "only-approved-suppliers-are-given-material",
        "the supplier is not on the approved list, or its contract has lapsed; have it approved or refreshed first (`strongroom supplier approve`)";
    /// Whoever asked for an erasure does not approve it.
    SecondPersonNeeded = "erasure-takes-a-second-person",
        "whoever asked for an erasure does not approve it; ask a colleague in information governance";
    /// A second approval by the same person.
    ApprovedAlready = "each-approves-once",
        "you have approved it already; another person approves it as well";
    /// A withdrawal in time is not refused.
    InTime = "a-withdrawal-in-time-is-not-refused",
        "only a withdrawal that came after the study's last day, and that nobody has approved, can be refused";
    /// Nobody checks what they made.
    CheckBySecondPerson = "check-takes-a-second-person",
        "whoever brought something does not check it; ask a colleague in the study";
    /// Only anonymised outputs are released.
    NotAnonymised = "only-anonymised-outputs-are-released",
        "only what is anonymised and checked by a second person is released; make an anonymised version (`strongroom upload --from … --tier anonymised`) and have it checked (`strongroom item check`)";
    /// Nobody approves what they asked to have released.
    ReleaseBySecondPerson = "release-takes-a-second-person",
        "whoever asked for a release does not decide on it; ask the study's lead or information governance";
    /// There is nothing to redact, or its time is over.
    NothingToRedact = "redaction-has-its-time",
        "a version without somebody is made only while their withdrawal waits for it; this waits for none";
    /// The assignment still runs.
    AssignmentRuns = "an-assignment-ends-first",
        "the assignment still runs; finish it, or have it ended, and confirm then";
    /// The safeguarding lead decides.
    SafeguardingLeadDecides = "safeguarding-lead-decides",
        "only the safeguarding lead named on the study decides on a disclosure and sends it; `strongroom study show` says who that is, and the study's lead or information governance names one";
    /// Whoever raised a disclosure does not decide on it.
    DisclosureBySecondPerson = "disclosure-takes-a-second-person",
        "whoever raised a disclosure does not decide on it; have another person named as the study's safeguarding lead";
    /// It is decided.
    DisclosureDecided = "a-disclosure-is-decided-once",
        "this disclosure is decided; for anything else the lead raises another";
    /// It is not granted, or its time is over.
    DisclosureNotInForce = "disclosures-wait-for-their-decision",
        "this disclosure is not granted, or its last day is over; the lead may raise another";
    /// There is no bundle to fetch.
    NoBundle = "an-answer-has-its-days",
        "there is nothing to fetch: the request is not answered with a bundle, its last day is over, or nothing is held any more; `strongroom request show` says which";
    /// The terms of use come first.
    TermsFirst = "terms-come-first",
        "accept the terms of use first (`strongroom terms accept`)";
    /// The study requires training.
    TrainingNeeded = "training-is-required",
        "this study requires training that is not out of date; complete it and have the date recorded (`strongroom person amend --trained-until`)";
    /// The study requires accreditation.
    AccreditationNeeded = "accreditation-is-required",
        "this study requires accreditation; have its date recorded (`strongroom person amend --accredited-until`)";
    /// The study's papers are missing.
    PapersMissing = "papers-are-required",
        "the study's papers are not all on record yet; `strongroom study show` says which are missing";
    /// The consent in force does not cover it.
    NotPermittedAnyMore = "consent-covers-what-is-opened",
        "somebody in this no longer permits it; `strongroom item show` and `strongroom participant show` say who and what";
    /// Somebody's data are only kept.
    Restricted = "restriction-keeps-and-nothing-more",
        "somebody in this asked to have it kept and not used; ask the study's lead or information governance";
    /// Information governance does not read what names people.
    GovernanceReadsNoNames = "governance-reads-no-names",
        "information governance does not read what names participants; ask the study's lead";
    /// Information governance knows of material and does not open it.
    GovernanceOpensNothing = "governance-opens-nothing",
        "information governance knows of material and does not open it; ask the study's lead";
}

/// The policies could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the policies gave no answer, so nothing was permitted: {0}; this is a fault of the program, report it with the log"
)]
pub struct Undecided(pub(super) String);

/// Why the policies the program carries are not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The schema does not parse, or warns.
    #[error("the policies' schema is not usable: {0}; correct it and build again")]
    Schema(String),
    /// A file of policies does not parse.
    #[error("{file} does not parse: {reason}; correct it and build again")]
    Parse {
        /// The file.
        file: String,
        /// What Cedar says.
        reason: String,
    },
    /// The policies do not fit the schema.
    #[error("the policies do not fit their schema: {0}; correct them and build again")]
    Invalid(String),
    /// A policy without a name, or a template.
    #[error("{file} has a policy without an `@id`, or a template; name every policy")]
    Unnamed {
        /// The file.
        file: String,
    },
    /// Two policies have one name.
    #[error("two policies are called `{0}`; names are used once")]
    NamedTwice(String),
    /// A permit that does not say what it ends with.
    #[error(
        "`{0}` needs `@rests_on(\"role\")`, `\"place\"` or `\"assignment\"`: what it ends with"
    )]
    RestsOnNothing(String),
    /// A policy tells somebody or something by its name.
    #[error(
        "the policy `{policy}` names {name}; policies are told how things stand, never which they are: write a rule for all that stand alike"
    )]
    NamesOne {
        /// The policy.
        policy: String,
        /// What it names.
        name: String,
    },
    /// A reason names a rule that there is not.
    #[error("refusals name the rule `{0}`, which is not among the policies; keep its name")]
    RuleMissing(&'static str),
    /// The schema's actions are not the program's.
    #[error("the action `{0}` is in the schema or in the program, and not in both")]
    ActionsDiffer(String),
}
