//! The terms of a study as they are typed: for `study create` and `study amend`.

use jiff::civil::Date;

use crate::cli::day::day;
use crate::id::PersonId;
use crate::model::quota::{MostBytes, MostItems};
use crate::model::study::{Category, Field, Regions, Requirement};
use crate::model::{
    AnswerWithin, LawfulBasis, Period, RetentionRules, Terms, Text, WithdrawalWindow,
};

/// Every term of a study.
#[derive(Debug, clap::Args)]
pub(super) struct TermsArgs {
    /// The organisation that decides why the data are processed.
    #[arg(long)]
    controller: Option<Text>,
    /// An organisation that processes them on its behalf; may be repeated.
    #[arg(long, value_name = "ORGANISATION")]
    processor: Vec<Text>,
    /// consent, contract, legal-obligation, vital-interests, public-task or legitimate-interests.
    #[arg(long)]
    lawful_basis: Option<LawfulBasis>,
    /// Until when participants may withdraw: 30d, or `until 2024-09-02`; either with
    /// `, or when analysis begins`.
    #[arg(long)]
    withdraw_within: Option<WithdrawalWindow>,
    /// How long things are kept: `2y after session`, `identifiable: 12m after publication`,
    /// `earliest of (publication, 3m after collection-ends)`; several rules with `;` between them.
    #[arg(long)]
    retain: Option<RetentionRules>,
    /// What is collected beyond name and e-mail address: `NAME: WHY`, or for sensitive things
    /// `NAME: WHY; special` or `; criminal`, with `: WHY IT MAY BE SHARED` after that; may be repeated.
    #[arg(long, value_name = "NAME: WHY", value_parser = field)]
    field: Vec<Field>,
    /// A group participants are spoken of by; may be repeated.
    #[arg(long)]
    group: Vec<Text>,
    /// The data protection impact assessment, by reference.
    #[arg(long, value_name = "REFERENCE")]
    dpia: Option<Text>,
    /// The data-sharing agreement, by reference.
    #[arg(long, value_name = "REFERENCE")]
    data_sharing: Option<Text>,
    /// What must be there before anybody opens anything: training, accreditation, approval, dpia,
    /// data-sharing.
    #[arg(long, value_delimiter = ',')]
    requires: Vec<Requirement>,
    /// Where material may be stored: uk, eea or uk-or-eea.
    #[arg(long)]
    regions: Option<Regions>,
    /// The day on which somebody looks whether it is still needed.
    #[arg(long, value_name = "DATE", value_parser = day)]
    review: Option<Date>,
    /// How soon rights requests are answered: month, or days up to 30 as in 30d.
    #[arg(long)]
    answer_within: Option<AnswerWithin>,
    /// How long after the session an anonymised transcript can be asked for, as in 10d.
    #[arg(long, value_name = "PERIOD")]
    transcript_after: Option<Period>,
    /// How participants reach the research team.
    #[arg(long, value_name = "WHERE")]
    team_contact: Option<Text>,
    /// How they reach the data protection officer.
    #[arg(long, value_name = "WHERE")]
    dpo_contact: Option<Text>,
    /// Who decides on disclosures: somebody of information governance.
    #[arg(long, value_name = "PERSON")]
    safeguarding_lead: Option<PersonId>,
    /// How many second persons approve what destroys.
    #[arg(long, value_name = "COUNT")]
    approvers: Option<u8>,
    /// Why it is left out of the published summary of access.
    #[arg(long, value_name = "REASON")]
    unpublished: Option<Text>,
    /// The most bytes it may hold, what is under way included, as in 500G or 1.5T; none lifts it.
    #[arg(long, value_name = "AMOUNT")]
    quota_bytes: Option<MostBytes>,
    /// The most items it may hold, what is under way included; none lifts it.
    #[arg(long, value_name = "COUNT")]
    quota_items: Option<MostItems>,
}

impl TermsArgs {
    pub(super) fn terms(self) -> Terms {
        fn some<T>(given: Vec<T>) -> Option<Vec<T>> {
            (!given.is_empty()).then_some(given)
        }
        Terms {
            controller: self.controller,
            processors: some(self.processor),
            lawful_basis: self.lawful_basis,
            fields: some(self.field),
            groups: some(self.group),
            dpia: self.dpia,
            data_sharing: self.data_sharing,
            requires: some(self.requires).map(|given| given.into_iter().collect()),
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

/// `NAME: WHY[; special|criminal[: WHY IT MAY BE SHARED]]`.
fn field(text: &str) -> Result<Field, String> {
    let form = "write `NAME: WHY`, or `NAME: WHY; special`, as in `age: to compare age groups`";
    let (name, rest) = text
        .split_once(':')
        .ok_or_else(|| format!("{text:?} does not say why it is needed; {form}"))?;
    let (reason, marked) = match rest.split_once(';') {
        Some((reason, marked)) => (reason, Some(marked)),
        None => (rest, None),
    };
    if reason.trim().is_empty() {
        return Err(format!("{text:?} does not say why it is needed; {form}"));
    }
    let (category, sharing) = match marked {
        None => (Category::Ordinary, None),
        Some(marked) => {
            let (category, sharing) = match marked.split_once(':') {
                Some((category, sharing)) => (category, Some(sharing)),
                None => (marked, None),
            };
            let category = category
                .parse()
                .map_err(|error| format!("{error}; {form}"))?;
            (category, sharing)
        }
    };
    let read = |text: &str| {
        text.parse::<Text>()
            .map_err(|error| format!("{error}; {form}"))
    };
    Ok(Field {
        name: read(name)?,
        reason: read(reason)?,
        category,
        sharing: sharing.map(read).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r09_a_field_is_typed_with_its_reason() {
        let read = field("age: to compare age groups").expect("a field");
        assert_eq!(read.name.as_str(), "age");
        assert_eq!(read.reason.as_str(), "to compare age groups");
        assert_eq!((read.category, read.sharing), (Category::Ordinary, None));
        for bad in ["age", "age:", "age: ; special", ": why", "age: why; secret"] {
            assert!(field(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn r08_a_sensitive_field_is_marked_and_its_sharing_justified() {
        let read = field("ethnicity: to include everybody; special").expect("a field");
        assert_eq!((read.category, read.sharing), (Category::Special, None));
        let read = field("offence: the question; criminal: aggregates only").expect("a field");
        assert_eq!(read.category, Category::Criminal);
        assert_eq!(read.sharing.expect("a reason").as_str(), "aggregates only");
        assert!(field("offence: the question; criminal:").is_err());
    }
}
