//! How identifiers and the words of the model look in the API's description (OpenAPI).

use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::ProblemKind;
use crate::id::{
    AssignmentId, DisclosureId, ErasureId, ItemId, ParticipantId, PersonId, ReleaseId, RequestId,
    SessionId, StudyId, SupplierId, UploadId, VaultId,
};
use crate::limits::TEXT_BYTES_MAX;
use crate::model::erasure::LateReason;
use crate::model::quota::{MostBytes, MostItems};
use crate::model::study::{Category, Regions, Requirement};
use crate::model::supplier::Shortcoming;
use crate::model::{
    Actor, AnswerWithin, ErasureStage, Finding, Ground, Kind, LawfulBasis, Period, Permission,
    Purpose, RequestKind, RetentionRules, Role, SessionKind, Source, Standing, StudyMoment,
    Template, Text, Tier, WithdrawalWindow,
};

/// Symbols after an identifier's prefix: Crockford's digits, then his check symbol.
const SYMBOLS: &str = "[0-9A-HJKMNP-TV-Z]{16}[0-9A-HJKMNP-TV-Z*~$=U]";

macro_rules! identifiers {
    ($($name:ident = $what:literal;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text($what)
                    .pattern(Some(format!("^{}-{SYMBOLS}$", Self::PREFIX)))
                    .into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

macro_rules! words {
    ($($name:ident = $what:literal: $($word:ident),+;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = [$($name::$word),+].map(|word| serde_json::json!(word));
                text($what).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

macro_rules! texts {
    ($($name:ident = $what:literal, $example:literal;)+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                text($what).examples([$example]).into()
            }
        }

        impl ToSchema for $name {}
    )+};
}

identifiers! {
    VaultId = "A vault.";
    PersonId = "Somebody with an account.";
    StudyId = "A study.";
    ParticipantId = "Somebody who took part.";
    SessionId = "An interview or a focus group.";
    ItemId = "One recording, transcript, note or photograph.";
    SupplierId = "A supplier.";
    AssignmentId = "One item given to one supplier.";
    UploadId = "An upload that is not finished.";
    ReleaseId = "Something given to a commissioner.";
    ErasureId = "The destruction of keys, from request to certificate.";
    RequestId = "A participant's rights request.";
    DisclosureId = "A disclosure to somebody outside.";
}

words! {
    Role = "What somebody is in the organisation, or in one study.":
        Administrator, InformationGovernance, StudyLead, Researcher, Transcriber, Commissioner,
        Auditor;
    Kind = "What a piece of material is.":
        Audio, Video, Screen, Photo, Notes, Transcript, Survey;
    Finding = "Why something does not pass its check.":
        Names, Places, RareCombination, SmallNumbers, Recognisable, BeyondConsent, BeyondPurpose;
    Shortcoming = "Why a transcript is sent back.":
        Incomplete, Inaccurate, WrongFile, WrongFormat, Identifying;
    Purpose = "What access is for. There is no other purpose.":
        Research, Transcription, Translation, Analysis;
    Tier = "How near material is to a person.": Identifiable, DeIdentified, Anonymised;
    Permission = "One thing a participant may permit.":
        Audio, Video, Screen, Photo, Notes, Transcript, Survey, Recontact, Supplier, Automatic,
        Share, Quote;
    SessionKind = "What a session was.": Interview, FocusGroup;
    Standing = "Where a participant stands.": Active, Frozen, Erased;
    Source = "Where somebody came from.": Directly, Recruiter, EarlierSurvey;
    LateReason = "Why a withdrawal that came too late is refused.":
        Analysed, Anonymised, Published, LegalDuty;
    LawfulBasis = "A lawful basis of UK GDPR article 6(1).":
        Consent, Contract, LegalObligation, VitalInterests, PublicTask, LegitimateInterests;
    Category = "How sensitive what is collected is.": Ordinary, Special, Criminal;
    Regions = "Where a study's material may be stored.": Uk, Eea, UkOrEea;
    Requirement = "What a study may require before anybody opens anything.":
        Training, Accreditation, Approval, Dpia, DataSharing;
    Template = "A published notice that a study can take its terms from.":
        MojUserResearch, NatcenVictimSupport, DataFirst, ProbationDigital, OnsManagementPractices;
    StudyMoment = "A moment in the life of a study, that its rules count from.":
        Publication, CollectionEnds, AnalysisBegins, Completion, Linked;
    RequestKind = "What a participant asks.":
        Access, Rectification, Erasure, Restriction, Objection, Portability, Transcript;
    Ground = "Why something may have to be disclosed.":
        Wrongdoing, LegalDuty, Safeguarding, RiskOfHarm, Fraud;
    ErasureStage = "How far an erasure has come.":
        Requested, Approved, KeysDestroyed, Inaccessible, CiphertextDeleted, Certified;
}

texts! {
    AnswerWithin = "How soon rights requests are answered: `month`, or days up to 30.", "month";
    WithdrawalWindow = "Until when a participant may withdraw: a period after the session, or a last day, and whether the analysis ends it early.",
        "30d after session";
    MostBytes = "Most bytes: a number with K, M, G or T, or none.", "500G";
    MostItems = "Most items: a number, or none.", "20000";
    Period = "A period of days, weeks, months or years.", "10d";
    RetentionRules = "How long things are kept: one rule or more, with `;` between them.",
        "identifiable: 12m after publication";
}

impl PartialSchema for Text {
    fn schema() -> RefOr<Schema> {
        text("A short text of one line, without control or direction-changing characters.")
            .min_length(Some(1))
            .max_length(Some(TEXT_BYTES_MAX))
            .into()
    }
}

impl ToSchema for Text {}

impl PartialSchema for ProblemKind {
    fn schema() -> RefOr<Schema> {
        let kinds = Self::ALL.iter().map(|kind| serde_json::json!(kind));
        text("Which kind of problem.")
            .enum_values(Some(kinds))
            .into()
    }
}

impl ToSchema for ProblemKind {}

impl PartialSchema for Actor {
    fn schema() -> RefOr<Schema> {
        let others = [Self::Operator, Self::Gateway, Self::Stranger];
        let others = others.map(|actor| serde_json::json!(actor));
        let person = ObjectBuilder::new()
            .property("person", PersonId::schema())
            .required("person");
        OneOfBuilder::new()
            .description(Some("Who did something."))
            .item(person)
            .item(text("Nobody with an account.").enum_values(Some(others)))
            .into()
    }
}

impl ToSchema for Actor {}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(description))
}
