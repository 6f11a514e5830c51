//! Studies.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{PersonId, StudyId};
use crate::model::key::LeafNumber;
use crate::model::period::{Period, WithdrawalWindow};
use crate::model::quota::Quota;
use crate::model::request::AnswerWithin;
use crate::model::retention::{RetentionRules, StudyMoment};
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
    /// The organisations that process them on its behalf.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<Text>,
    /// The lawful basis participants were told of (R4).
    pub lawful_basis: LawfulBasis,
    /// The latest version of its privacy notice, if one is recorded (R49).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// What is collected about participants beyond name and e-mail address, and why (R9).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// The groups participants are spoken of by (R27).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Text>,
    /// The papers that must be there before anything is shared (R32, R33).
    #[serde(default)]
    pub papers: Papers,
    /// What people and papers must have before anybody opens anything (R32).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub requires: BTreeSet<Requirement>,
    /// Where its material may be stored (R39).
    #[serde(default)]
    pub regions: Regions,
    /// Until when participants may withdraw (R10, R11).
    pub withdraw_within: WithdrawalWindow,
    /// How long material is kept (R41–R44).
    pub retain: RetentionRules,
    /// The days on which things happened that its rules count from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub moments: BTreeMap<StudyMoment, Date>,
    /// Those of them that something was destroyed by: their days stand.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub fixed: BTreeSet<StudyMoment>,
    /// The day on which somebody looks whether it is still needed (R44).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Date>,
    /// How soon rights requests are answered (R16).
    #[serde(default)]
    pub answer_within: AnswerWithin,
    /// How long after the session an anonymised transcript can be asked for (R18).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript_after: Option<Period>,
    /// Whom participants turn to, and who decides on disclosures.
    #[serde(default)]
    pub contacts: Contacts,
    /// How many second persons approve what destroys.
    #[serde(default = "one")]
    pub approvers: u8,
    /// Why it is left out of the published summary of access, if it is (R35).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpublished: Option<Text>,
    /// The most it may hold.
    #[serde(default, skip_serializing_if = "Quota::is_none")]
    pub quota: Quota,
    /// The study's own key; what is anonymised is sealed under it.
    pub key: LeafNumber,
    /// Whether it takes no more material.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
    /// Whether its own key is destroyed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
}

fn one() -> u8 {
    1
}

impl Study {
    /// A study on the least of terms: what it says no more of is as strict as can be.
    pub fn new(
        id: StudyId,
        name: Text,
        controller: Text,
        lawful_basis: LawfulBasis,
        withdraw_within: WithdrawalWindow,
        retain: RetentionRules,
        key: LeafNumber,
    ) -> Self {
        Self {
            id,
            name,
            controller,
            processors: Vec::new(),
            lawful_basis,
            notice: None,
            fields: Vec::new(),
            groups: Vec::new(),
            papers: Papers::default(),
            requires: BTreeSet::new(),
            regions: Regions::default(),
            withdraw_within,
            retain,
            moments: BTreeMap::new(),
            fixed: BTreeSet::new(),
            review: None,
            answer_within: AnswerWithin::default(),
            transcript_after: None,
            contacts: Contacts::default(),
            approvers: one(),
            unpublished: None,
            quota: Quota::default(),
            key,
            closed: false,
            ended: false,
        }
    }

    /// The day on which analysis begins or began, if it is known.
    pub fn analysis_begins(&self) -> Option<Date> {
        self.moments.get(&StudyMoment::AnalysisBegins).copied()
    }

    /// The papers that are missing of those that must be there before anything is shared (R33).
    pub fn missing_papers(&self) -> Vec<Requirement> {
        let papers = [
            (Requirement::Dpia, self.papers.dpia.is_none()),
            (Requirement::DataSharing, self.papers.data_sharing.is_none()),
            (Requirement::Approval, self.papers.approval.is_none()),
        ];
        let missing = papers.into_iter().filter(|(_, missing)| *missing);
        missing.map(|(paper, _)| paper).collect()
    }

    /// Whether the papers it requires before anybody opens anything are there (R32).
    pub fn is_in_order(&self) -> bool {
        let missing = self.missing_papers();
        !missing.iter().any(|paper| self.requires.contains(paper))
    }
}

/// One thing collected about participants, and why (R9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// What it is called.
    pub name: Text,
    /// Why it is needed.
    pub reason: Text,
    /// How sensitive it is (R8).
    #[serde(default)]
    pub category: Category,
    /// Why it may be shared, for what is not ordinary (R8).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<Text>,
}

/// The papers of a study, by reference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Papers {
    /// The data protection impact assessment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpia: Option<Text>,
    /// The data-sharing agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_sharing: Option<Text>,
    /// The data owner's approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// A data owner's approval (R32).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The board or person that approved.
    pub by: Text,
    /// The day they did.
    pub on: Date,
    /// Who recorded it.
    pub recorded_by: PersonId,
}

/// Whom participants turn to, and who decides on disclosures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contacts {
    /// How participants reach the research team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Text>,
    /// How they reach the data protection officer (R19).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpo: Option<Text>,
    /// The designated safeguarding lead (R37), somebody of information governance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safeguarding_lead: Option<PersonId>,
}

/// How participants reach the Information Commissioner (R19).
pub const ICO: &str = "Information Commissioner\u{2019}s Office, Wycliffe House, Water Lane, Wilmslow, Cheshire SK9 5AF; 0303 123 1113; https://ico.org.uk/make-a-complaint";

/// A version of a study's privacy notice (R49).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The study.
    pub study: StudyId,
    /// From 1.
    pub version: u32,
    /// The day it was published.
    pub published: Date,
    /// The day it is to be reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Date>,
    /// Where it is published, or what it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Text>,
    /// What changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Text>,
}

words! {
    /// How sensitive what is collected is (R8).
    #[derive(Default)]
    Category, or UnknownCategory as "a category of data" {
        /// Nothing of what follows.
        #[default]
        Ordinary = "ordinary",
        /// A special category of UK GDPR article 9.
        Special = "special",
        /// Criminal offence data, UK GDPR article 10.
        Criminal = "criminal",
    }
}

words! {
    /// What a study may require before anybody opens anything (R32).
    Requirement, or UnknownRequirement as "something a study can require" {
        /// Training that is not out of date.
        Training = "training",
        /// Accreditation that is not out of date.
        Accreditation = "accreditation",
        /// The data owner's approval.
        Approval = "approval",
        /// A data protection impact assessment.
        Dpia = "dpia",
        /// A data-sharing agreement.
        DataSharing = "data-sharing",
    }
}

words! {
    /// Where a study's material may be stored (R39).
    #[derive(Default)]
    Regions, or UnknownRegions as "where material may be stored" {
        /// The United Kingdom.
        #[default]
        Uk = "uk",
        /// The European Economic Area.
        Eea = "eea",
        /// Either.
        UkOrEea = "uk-or-eea",
    }
}

impl Regions {
    /// Whether a store in the United Kingdom, or else in the EEA, is inside.
    pub const fn allow(self, in_uk: bool) -> bool {
        match self {
            Self::Uk => in_uk,
            Self::Eea => !in_uk,
            Self::UkOrEea => true,
        }
    }

    /// Whether whatever is inside these is inside the others too.
    pub fn are_within(self, others: Self) -> bool {
        self == others || others == Self::UkOrEea
    }
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
