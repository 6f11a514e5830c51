//! Studies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::StudyId;
use crate::model::key::LeafNumber;
use crate::model::period::{RetentionRule, WithdrawalWindow};
use crate::model::text::Text;

/// A study: one purpose, one controller, one set of promises.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Study {
    /// Which.
    pub id: StudyId,
    /// Its working title.
    pub name: Text,
    /// The organisation that decides why the data are processed.
    pub controller: Text,
    /// The lawful basis participants were told of (R4).
    pub lawful_basis: LawfulBasis,
    /// Until when they may withdraw (R10, R11).
    pub withdraw_within: WithdrawalWindow,
    /// How long material is kept (R41).
    pub retain: RetentionRule,
    /// The study's own key.
    pub key: LeafNumber,
    /// Whether it takes no more material.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

/// A lawful basis of UK GDPR article 6(1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LawfulBasis {
    /// Article 6(1)(a).
    Consent,
    /// Article 6(1)(b).
    Contract,
    /// Article 6(1)(c).
    LegalObligation,
    /// Article 6(1)(d).
    VitalInterests,
    /// Article 6(1)(e).
    PublicTask,
    /// Article 6(1)(f).
    LegitimateInterests,
}

impl LawfulBasis {
    const ALL: [Self; 6] = [
        Self::Consent,
        Self::Contract,
        Self::LegalObligation,
        Self::VitalInterests,
        Self::PublicTask,
        Self::LegitimateInterests,
    ];

    /// The basis' name, as typed and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Contract => "contract",
            Self::LegalObligation => "legal-obligation",
            Self::VitalInterests => "vital-interests",
            Self::PublicTask => "public-task",
            Self::LegitimateInterests => "legitimate-interests",
        }
    }
}

impl fmt::Display for LawfulBasis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no lawful basis.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a lawful basis; one of consent, contract, legal-obligation, vital-interests, public-task, legitimate-interests (UK GDPR article 6)"
)]
pub struct UnknownLawfulBasis(String);

impl FromStr for LawfulBasis {
    type Err = UnknownLawfulBasis;
    fn from_str(text: &str) -> Result<Self, UnknownLawfulBasis> {
        let folded = text.trim().to_ascii_lowercase().replace([' ', '_'], "-");
        let singular = |name: &str| name.trim_end_matches('s').to_owned();
        Self::ALL
            .into_iter()
            .find(|basis| singular(basis.name()) == singular(&folded))
            .ok_or_else(|| UnknownLawfulBasis(text.to_owned()))
    }
}
