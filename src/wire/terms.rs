//! A study's terms, its approval, and the versions of its privacy notice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::{ParticipantId, PersonId, StudyId};
use crate::model::quota::{MostBytes, MostItems};
use crate::model::study::{Category, Field, Regions, Requirement};
use crate::model::{
    AnswerWithin, LawfulBasis, Period, RetentionRules, StudyMoment, Template, Terms, Text,
    WithdrawalWindow,
};

/// The bodies that carry a study's terms: each has its own first fields, and every term.
macro_rules! bodies_with_terms {
    ($(
        $(#[$doc:meta])+
        $name:ident { $($(#[$own_doc:meta])+ $own:ident: $own_type:ty,)+ }
    )+) => {$(
        $(#[$doc])+
        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$own_doc])+ pub $own: $own_type,)+
            /// The organisation that decides why the data are processed.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub controller: Option<Text>,
            /// The organisations that process them on its behalf.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub processors: Option<Vec<Text>>,
            /// The lawful basis participants are told of.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub lawful_basis: Option<LawfulBasis>,
            /// What is collected about participants beyond name and e-mail address, and why.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub fields: Option<Vec<FieldView>>,
            /// The groups participants are spoken of by.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub groups: Option<Vec<Text>>,
            /// The data protection impact assessment, by reference.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub dpia: Option<Text>,
            /// The data-sharing agreement, by reference.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub data_sharing: Option<Text>,
            /// What people and papers must have before anybody opens anything.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[schema(value_type = Option<Vec<Requirement>>)]
            pub requires: Option<BTreeSet<Requirement>>,
            /// Where material may be stored.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub regions: Option<Regions>,
            /// Until when participants may withdraw: `30d`, or `until 2024-09-02`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub withdraw_within: Option<WithdrawalWindow>,
            /// How long things are kept: `2y after session`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub retain: Option<RetentionRules>,
            /// The day on which somebody looks whether it is still needed.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub review: Option<Date>,
            /// How soon rights requests are answered: `month`, or days up to 30 as in `30d`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub answer_within: Option<AnswerWithin>,
            /// How long after the session an anonymised transcript can be asked for.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub transcript_after: Option<Period>,
            /// How participants reach the research team.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub team_contact: Option<Text>,
            /// How they reach the data protection officer.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub dpo_contact: Option<Text>,
            /// Who decides on disclosures: somebody of information governance.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub safeguarding_lead: Option<PersonId>,
            /// How many second persons approve what destroys.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub approvers: Option<u8>,
            /// Why it is left out of the published summary of access.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub unpublished: Option<Text>,
            /// The most bytes it may hold, what is under way included: `500G`, or `none`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub quota_bytes: Option<MostBytes>,
            /// The most items it may hold, what is under way included: `20000`, or `none`.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub quota_items: Option<MostItems>,
        }

        impl $name {
            /// These terms, with what else there is to say.
            pub fn of($($own: $own_type,)+ terms: Terms) -> Self {
                Self {
                    $($own,)+
                    controller: terms.controller,
                    processors: terms.processors,
                    lawful_basis: terms.lawful_basis,
                    fields: terms
                        .fields
                        .map(|fields| fields.into_iter().map(FieldView::from).collect()),
                    groups: terms.groups,
                    dpia: terms.dpia,
                    data_sharing: terms.data_sharing,
                    requires: terms.requires,
                    regions: terms.regions,
                    withdraw_within: terms.withdraw_within,
                    retain: terms.retain,
                    review: terms.review,
                    answer_within: terms.answer_within,
                    transcript_after: terms.transcript_after,
                    team_contact: terms.team_contact,
                    dpo_contact: terms.dpo_contact,
                    safeguarding_lead: terms.safeguarding_lead,
                    approvers: terms.approvers,
                    unpublished: terms.unpublished,
                    quota_bytes: terms.quota_bytes,
                    quota_items: terms.quota_items,
                }
            }

            /// The terms in it.
            pub fn into_terms(self) -> Terms {
                Terms {
                    controller: self.controller,
                    processors: self.processors,
                    lawful_basis: self.lawful_basis,
                    fields: self
                        .fields
                        .map(|fields| fields.into_iter().map(Field::from).collect()),
                    groups: self.groups,
                    dpia: self.dpia,
                    data_sharing: self.data_sharing,
                    requires: self.requires,
                    regions: self.regions,
                    withdraw_within: self.withdraw_within,
                    retain: self.retain,
                    review: self.review,
                    answer_within: self.answer_within,
                    transcript_after: self.transcript_after,
                    team_contact: self.team_contact,
                    dpo_contact: self.dpo_contact,
                    safeguarding_lead: self.safeguarding_lead,
                    approvers: self.approvers,
                    unpublished: self.unpublished,
                    quota_bytes: self.quota_bytes,
                    quota_items: self.quota_items,
                }
            }
        }
    )+};
}

bodies_with_terms! {
    /// A study to be founded. Without a template it needs a controller, a lawful basis, a withdrawal
    /// rule and a retention rule.
    NewStudy {
        /// Its working title.
        name: Text,
        /// The notice whose terms it takes where nothing is given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        template: Option<Template>,
    }
    /// What is changed of a study's terms; what is left out stays.
    StudyAmendment {
        /// Its working title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<Text>,
        /// The version of the privacy notice that tells of what is loosened.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        under_notice: Option<u32>,
    }
}

/// Something collected about participants.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldView {
    /// What it is called.
    pub name: Text,
    /// Why it is needed.
    pub reason: Text,
    /// How sensitive it is.
    #[serde(default)]
    pub category: Category,
    /// Why it may be shared, for what is not ordinary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharing: Option<Text>,
}

impl From<Field> for FieldView {
    fn from(field: Field) -> Self {
        Self {
            name: field.name,
            reason: field.reason,
            category: field.category,
            sharing: field.sharing,
        }
    }
}

impl From<FieldView> for Field {
    fn from(field: FieldView) -> Self {
        Self {
            name: field.name,
            reason: field.reason,
            category: field.category,
            sharing: field.sharing,
        }
    }
}

/// A study that was founded or changed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FoundedStudy {
    /// Which.
    pub id: StudyId,
    /// What is accepted and deserves a second look.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A study.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct StudyView {
    /// Which.
    pub id: StudyId,
    /// Its working title.
    pub name: Text,
    /// The controller.
    pub controller: Text,
    /// Who processes the data on its behalf.
    pub processors: Vec<Text>,
    /// The lawful basis.
    pub lawful_basis: LawfulBasis,
    /// The latest version of its privacy notice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
    /// What is collected about participants beyond name and e-mail address, and why.
    pub fields: Vec<FieldView>,
    /// The groups participants are spoken of by.
    pub groups: Vec<Text>,
    /// The data protection impact assessment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpia: Option<Text>,
    /// The data-sharing agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_sharing: Option<Text>,
    /// The data owner's approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalView>,
    /// What it should have before anything is shared, and has not: papers, and a notice.
    pub missing: Vec<String>,
    /// What people and papers must have before anybody opens anything.
    #[schema(value_type = Vec<Requirement>)]
    pub requires: BTreeSet<Requirement>,
    /// Where material may be stored.
    pub regions: Regions,
    /// Until when participants may withdraw.
    pub withdraw_within: WithdrawalWindow,
    /// How long material is kept.
    pub retain: RetentionRules,
    /// The days of the moments its rules count from.
    #[schema(value_type = BTreeMap<String, Date>)]
    pub moments: BTreeMap<StudyMoment, Date>,
    /// The moments its rules count from that have no day yet.
    pub undated: Vec<StudyMoment>,
    /// The day on which somebody looks whether it is still needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Date>,
    /// How soon rights requests are answered.
    pub answer_within: AnswerWithin,
    /// How long after the session an anonymised transcript can be asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transcript_after: Option<Period>,
    /// How participants reach the research team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team_contact: Option<Text>,
    /// How they reach the data protection officer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dpo_contact: Option<Text>,
    /// Who decides on disclosures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub safeguarding_lead: Option<PersonId>,
    /// How many second persons approve what destroys.
    pub approvers: u8,
    /// Why it is left out of the published summary of access.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpublished: Option<Text>,
    /// The most bytes it may hold, or `none`.
    pub quota_bytes: MostBytes,
    /// The most items it may hold, or `none`.
    pub quota_items: MostItems,
    /// What it holds.
    pub held: HeldView,
    /// Whether it takes no more material.
    pub closed: bool,
    /// Whether its own key is destroyed.
    pub ended: bool,
}

/// What a study holds, and what is on its way to it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HeldView {
    /// Items stored.
    pub items: u64,
    /// Their bytes of plaintext.
    pub bytes: u64,
    /// Uploads that are not finished.
    pub coming_items: u64,
    /// The bytes they were declared with.
    pub coming_bytes: u64,
}

/// A data owner's approval.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ApprovalView {
    /// The board or person that approved.
    pub by: Text,
    /// The day they did.
    pub on: Date,
    /// Who recorded it.
    pub recorded_by: PersonId,
}

/// A data owner's approval to be put on record.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApproval {
    /// The board or person that approved.
    pub by: Text,
    /// The day they did.
    pub on: Date,
}

/// A version of a study's privacy notice to be put on record.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNotice {
    /// Which; later ones have greater numbers.
    pub version: u32,
    /// The day it was published.
    pub published: Date,
    /// The day it is to be reviewed.
    pub review: Date,
    /// Where it is published, or what it is called.
    pub reference: Text,
    /// What changed since the version before; needed from the second on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Text>,
}

/// A version of a study's privacy notice.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NoticeView {
    /// Which.
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

/// Somebody a change of the privacy notice affects.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AffectedView {
    /// Who.
    pub id: ParticipantId,
    /// The version of their consent.
    pub consent: u32,
    /// The version of the notice it was given under, if one was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notice: Option<u32>,
}
