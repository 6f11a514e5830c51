//! Terms that are missing, cannot be kept, or contradict each other are refused when they are given.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::index::{Reader, tables};
use crate::model::quota::bytes_in_words;
use crate::model::study::{Category, Field};
use crate::model::{
    LawfulBasis, Person, RetentionRules, Role, Study, Terms, Text, WithdrawalWindow,
};
use crate::work::WorkError;

/// The terms no study is without.
pub(super) struct First {
    pub(super) controller: Text,
    pub(super) lawful_basis: LawfulBasis,
    pub(super) withdraw_within: WithdrawalWindow,
    pub(super) retain: RetentionRules,
}

/// The terms no study is without, if they are there.
pub(super) fn first(terms: &Terms) -> Result<First, WorkError> {
    let missing = |what: &str, how: &str| {
        WorkError::Unacceptable(format!(
            "a study has {what}; give it as {how}, or take the terms of a notice with --template"
        ))
    };
    let absent = terms.clone();
    Ok(First {
        controller: absent
            .controller
            .ok_or_else(|| missing("a controller", "--controller ORGANISATION"))?,
        lawful_basis: absent
            .lawful_basis
            .ok_or_else(|| missing("a lawful basis", "--lawful-basis public-task"))?,
        withdraw_within: absent
            .withdraw_within
            .ok_or_else(|| missing("a last day to withdraw", "--withdraw-within 30d"))?,
        retain: absent
            .retain
            .ok_or_else(|| missing("a retention rule", "--retain \"2y after session\""))?,
    })
}

/// Whether the terms given can be kept, by themselves.
pub(super) fn terms(terms: &Terms, today: Date) -> Result<(), WorkError> {
    let told = |error: &dyn std::fmt::Display| WorkError::Unacceptable(error.to_string());
    if let Some(window) = terms.withdraw_within {
        window.check(today).map_err(|error| told(&error))?;
    }
    if let Some(rules) = &terms.retain {
        rules.check(today).map_err(|error| told(&error))?;
    }
    if let Some(review) = terms.review.filter(|review| *review < today) {
        return unacceptable(format!(
            "the review date {review} is past; give a day from {today} on"
        ));
    }
    if terms.approvers == Some(0) {
        return unacceptable(
            "a study without approvers would let one person destroy what it holds; give 1 or more"
                .to_owned(),
        );
    }
    if let Some(fields) = &terms.fields {
        check_fields(fields)?;
    }
    once("group", terms.groups.iter().flatten())?;
    once("processor", terms.processors.iter().flatten())
}

/// Whether the study as it now stands is in itself and with the people there are; gives what is
/// accepted and deserves a second look.
pub(super) fn study(reader: &Reader<'_>, study: &Study) -> Result<Vec<String>, WorkError> {
    let mut warnings = Vec::new();
    if let Some(lead) = study.contacts.safeguarding_lead {
        let person = reader.get(&tables::PEOPLE, &lead)?;
        let of_governance = person.is_some_and(|row| is_active_governance(&row));
        if !of_governance {
            return unacceptable(format!(
                "{lead} is nobody of information governance, who alone decide on disclosures; name one of them as the safeguarding lead"
            ));
        }
    }
    let people = reader.page(&tables::PEOPLE, &(), None, usize::MAX)?;
    let governance = people
        .iter()
        .filter(|(_, person)| is_active_governance(person))
        .count();
    if usize::from(study.approvers) > governance {
        warnings.push(format!(
            "{} people are to approve what destroys, and {governance} of information governance could; invite more, or nothing can be approved",
            study.approvers
        ));
    }
    if study.processors.contains(&study.controller) {
        return unacceptable(format!(
            "{} is the controller and cannot process on its own behalf as well; leave it out of the processors",
            study.controller
        ));
    }
    let held = reader.get(&tables::HELD, &study.id)?.unwrap_or_default();
    if study.quota.passed_by(&held, 0).is_some() {
        warnings.push(format!(
            "it holds as much as its quota allows or more ({}, items: {}): nothing more is taken in",
            bytes_in_words(held.bytes_in_all()),
            held.items_in_all()
        ));
    }
    let undated = super::undated(study);
    if !undated.is_empty() && study.review.is_none() {
        let names: Vec<&str> = undated.iter().map(|moment| moment.name()).collect();
        warnings.push(format!(
            "the retention rules wait for {} and there is no review date; give one with --review",
            names.join(", ")
        ));
    }
    Ok(warnings)
}

fn is_active_governance(person: &Person) -> bool {
    person.role == Role::InformationGovernance && !person.suspended && person.revoked.is_none()
}

fn check_fields(fields: &[Field]) -> Result<(), WorkError> {
    once("field", fields.iter().map(|field| &field.name))?;
    for field in fields {
        let name = folded(&field.name);
        if ["name", "email", "e-mail"].contains(&name.as_str()) {
            return unacceptable(format!(
                "{} is kept of everybody and is not declared; leave it out of the fields",
                field.name
            ));
        }
        if field.category == Category::Ordinary && field.sharing.is_some() {
            return unacceptable(format!(
                "the field {} is ordinary and needs no reason to be shared; mark it special or criminal, or leave that reason out",
                field.name
            ));
        }
    }
    Ok(())
}

fn once<'t>(what: &str, names: impl IntoIterator<Item = &'t Text>) -> Result<(), WorkError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(folded(name)) {
            return unacceptable(format!("the {what} {name} is named twice; name it once"));
        }
    }
    Ok(())
}

fn folded(name: &Text) -> String {
    name.as_str().to_lowercase()
}

fn unacceptable<T>(why: String) -> Result<T, WorkError> {
    Err(WorkError::Unacceptable(why))
}
