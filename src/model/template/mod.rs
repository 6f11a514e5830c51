//! Study templates: the terms that published privacy notices promise, one notice a file.
//!
//! Each term stands beside the notice's own words for it. What a notice leaves open, such as the
//! papers' references, a review date or who the safeguarding lead is, a template leaves open too.

mod data_first;
mod moj_user_research;
mod natcen_victim_support;
mod ons_management_practices;
mod probation_digital;

use std::error::Error;

use crate::model::period::Period;
use crate::model::request::AnswerWithin;
use crate::model::study::{Category, Field, LawfulBasis, Regions, Requirement};
use crate::model::terms::Terms;
use crate::model::word::words;

words! {
    /// A published notice that a study can take its terms from.
    Template, or UnknownTemplate as "a study template" {
        /// Ministry of Justice Digital and Technology, user research, 22 July 2025.
        MojUserResearch = "moj-user-research",
        /// NatCen for the Ministry of Justice, group-based victim support, 1 October 2025.
        NatcenVictimSupport = "natcen-victim-support",
        /// Ministry of Justice, Data First, version 2.0, April 2021.
        DataFirst = "data-first",
        /// Ministry of Justice, Probation Digital Services, 30 May 2025.
        ProbationDigital = "probation-digital",
        /// NatCen for the Office for National Statistics, management practices, 2024.
        OnsManagementPractices = "ons-management-practices",
    }
}

impl Template {
    /// The terms its notice promises.
    ///
    /// # Errors
    /// When a term does not read; the tests read them all.
    pub fn terms(self) -> Result<Terms, Box<dyn Error + Send + Sync>> {
        match self {
            Self::MojUserResearch => moj_user_research::NOTICE,
            Self::NatcenVictimSupport => natcen_victim_support::NOTICE,
            Self::DataFirst => data_first::NOTICE,
            Self::ProbationDigital => probation_digital::NOTICE,
            Self::OnsManagementPractices => ons_management_practices::NOTICE,
        }
        .terms()
    }
}

/// A notice's terms, as text.
struct Notice {
    controller: &'static str,
    processors: &'static [&'static str],
    lawful_basis: LawfulBasis,
    /// What is collected, why, and how sensitive it is.
    fields: &'static [(&'static str, &'static str, Category)],
    groups: &'static [&'static str],
    requires: &'static [Requirement],
    regions: Regions,
    withdraw_within: &'static str,
    retain: &'static str,
    answer_within: &'static str,
    transcript_after: Option<&'static str>,
    team_contact: Option<&'static str>,
    dpo_contact: &'static str,
}

impl Notice {
    fn terms(&self) -> Result<Terms, Box<dyn Error + Send + Sync>> {
        let texts = |texts: &[&str]| texts.iter().map(|text| text.parse()).collect();
        let fields = self.fields.iter().map(|(name, reason, category)| {
            Ok::<_, Box<dyn Error + Send + Sync>>(Field {
                name: name.parse()?,
                reason: reason.parse()?,
                category: *category,
                sharing: None,
            })
        });
        let answer_within: AnswerWithin = self.answer_within.parse()?;
        let transcript_after: Option<Period> = self.transcript_after.map(str::parse).transpose()?;
        let processors: Result<Vec<_>, _> = texts(self.processors);
        let groups: Result<Vec<_>, _> = texts(self.groups);
        Ok(Terms {
            controller: Some(self.controller.parse()?),
            processors: Some(processors?),
            lawful_basis: Some(self.lawful_basis),
            fields: Some(fields.collect::<Result<_, _>>()?),
            groups: Some(groups?),
            requires: Some(self.requires.iter().copied().collect()),
            regions: Some(self.regions),
            withdraw_within: Some(self.withdraw_within.parse()?),
            retain: Some(self.retain.parse()?),
            answer_within: Some(answer_within),
            transcript_after,
            team_contact: self.team_contact.map(str::parse).transpose()?,
            dpo_contact: Some(self.dpo_contact.parse()?),
            ..Terms::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn every_template_reads_and_can_be_kept() {
        for template in Template::ALL {
            let terms = template.terms().expect("it reads");
            // The oldest notice has a day of 2024 in it.
            let retain = terms.retain.expect("rules");
            assert_eq!(retain.check(date(2024, 6, 3)), Ok(()), "{template}");
            let window = terms.withdraw_within.expect("a window");
            assert_eq!(window.check(date(2024, 6, 3)), Ok(()), "{template}");
        }
    }

    #[test]
    fn an_unknown_template_is_told_those_there_are() {
        let error = "natcen".parse::<Template>().expect_err("none");
        for template in Template::ALL {
            assert!(error.to_string().contains(template.name()));
        }
    }
}
