//! The terms of a study, as they are given when it is founded or amended.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::id::PersonId;
use crate::model::period::{Period, WithdrawalWindow};
use crate::model::quota::{MostBytes, MostItems};
use crate::model::request::AnswerWithin;
use crate::model::retention::RetentionRules;
use crate::model::study::{Field, LawfulBasis, Regions, Requirement, Study};
use crate::model::text::Text;

/// What is given of a study's terms; what is none stays as it is, or as strict as can be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// The controller.
    pub controller: Option<Text>,
    /// Who processes the data on its behalf.
    pub processors: Option<Vec<Text>>,
    /// The lawful basis participants are told of (R4).
    pub lawful_basis: Option<LawfulBasis>,
    /// What is collected beyond name and e-mail address, and why (R9).
    pub fields: Option<Vec<Field>>,
    /// The groups participants are spoken of by (R27).
    pub groups: Option<Vec<Text>>,
    /// The data protection impact assessment (R33).
    pub dpia: Option<Text>,
    /// The data-sharing agreement (R33).
    pub data_sharing: Option<Text>,
    /// What people and papers must have before anybody opens anything (R32).
    pub requires: Option<BTreeSet<Requirement>>,
    /// Where material may be stored (R39).
    pub regions: Option<Regions>,
    /// Until when participants may withdraw (R10, R11).
    pub withdraw_within: Option<WithdrawalWindow>,
    /// How long things are kept (R41 to R44).
    pub retain: Option<RetentionRules>,
    /// The day on which somebody looks whether it is still needed (R44).
    pub review: Option<Date>,
    /// How soon rights requests are answered (R16).
    pub answer_within: Option<AnswerWithin>,
    /// How long after the session an anonymised transcript can be asked for (R18).
    pub transcript_after: Option<Period>,
    /// How participants reach the research team.
    pub team_contact: Option<Text>,
    /// How they reach the data protection officer (R19).
    pub dpo_contact: Option<Text>,
    /// The designated safeguarding lead (R37).
    pub safeguarding_lead: Option<PersonId>,
    /// How many second persons approve what destroys.
    pub approvers: Option<u8>,
    /// Why it is left out of the published summary of access (R35).
    pub unpublished: Option<Text>,
    /// The most bytes it may hold.
    pub quota_bytes: Option<MostBytes>,
    /// The most items it may hold.
    pub quota_items: Option<MostItems>,
}

macro_rules! every_term {
    ($with:ident) => {
        $with! {
            controller, processors, lawful_basis, fields, groups, dpia, data_sharing, requires,
            regions, withdraw_within, retain, review, answer_within, transcript_after,
            team_contact, dpo_contact, safeguarding_lead, approvers, unpublished,
            quota_bytes, quota_items
        }
    };
}

impl Terms {
    /// These terms, and those of `others` where these say nothing.
    pub fn or(self, others: Self) -> Self {
        macro_rules! first {
            ($($term:ident),+) => { Self { $($term: self.$term.or(others.$term)),+ } };
        }
        every_term!(first)
    }

    /// Whether they say nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The study on these terms, and on its own where these say nothing.
    pub fn applied_to(self, mut study: Study) -> Study {
        fn set<T>(to: &mut T, given: Option<T>) {
            if let Some(given) = given {
                *to = given;
            }
        }
        fn set_some<T>(to: &mut Option<T>, given: Option<T>) {
            if given.is_some() {
                *to = given;
            }
        }
        set(&mut study.controller, self.controller);
        set(&mut study.processors, self.processors);
        set(&mut study.lawful_basis, self.lawful_basis);
        set(&mut study.fields, self.fields);
        set(&mut study.groups, self.groups);
        set_some(&mut study.papers.dpia, self.dpia);
        set_some(&mut study.papers.data_sharing, self.data_sharing);
        set(&mut study.requires, self.requires);
        set(&mut study.regions, self.regions);
        set(&mut study.withdraw_within, self.withdraw_within);
        set(&mut study.retain, self.retain);
        set_some(&mut study.review, self.review);
        set(&mut study.answer_within, self.answer_within);
        set_some(&mut study.transcript_after, self.transcript_after);
        set_some(&mut study.contacts.team, self.team_contact);
        set_some(&mut study.contacts.dpo, self.dpo_contact);
        set_some(
            &mut study.contacts.safeguarding_lead,
            self.safeguarding_lead,
        );
        set(&mut study.approvers, self.approvers);
        set_some(&mut study.unpublished, self.unpublished);
        set(&mut study.quota.bytes, self.quota_bytes);
        set(&mut study.quota.items, self.quota_items);
        study
    }
}
