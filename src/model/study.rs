//! Studies.

use serde::{Deserialize, Serialize};

use crate::id::StudyId;
use crate::model::key::LeafNumber;
use crate::model::period::WithdrawalWindow;
use crate::model::retention::RetentionRules;
use crate::model::text::Text;
use crate::model::word::words;

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
    /// How long material is kept (R41–R44).
    pub retain: RetentionRules,
    /// The study's own key.
    pub key: LeafNumber,
    /// Whether it takes no more material.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

words! {
    /// A lawful basis of UK GDPR article 6(1).
    LawfulBasis, or UnknownLawfulBasis as "a lawful basis (UK GDPR article 6)" {
        /// Article 6(1)(a).
        Consent = "consent",
        /// Article 6(1)(b).
        Contract = "contract",
        /// Article 6(1)(c).
        LegalObligation = "legal-obligation",
        /// Article 6(1)(d).
        VitalInterests = "vital-interests",
        /// Article 6(1)(e).
        PublicTask = "public-task",
        /// Article 6(1)(f).
        LegitimateInterests = "legitimate-interests",
    }
}
