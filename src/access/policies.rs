//! The policies: read from the files beside this one and held against their schema.

use std::collections::HashMap;

use cedar_policy::{Effect, PolicyId, PolicySet, Schema, ValidationMode, Validator};

use super::error::{PolicyError, Why};
use super::facts::RestsOn;

pub(super) const SCHEMA: &str = include_str!("policies/strongroom.cedarschema");

/// The policies, a file per family of actions.
pub(super) const FILES: [(&str, &str); 8] = [
    ("people.cedar", include_str!("policies/people.cedar")),
    ("studies.cedar", include_str!("policies/studies.cedar")),
    ("material.cedar", include_str!("policies/material.cedar")),
    ("suppliers.cedar", include_str!("policies/suppliers.cedar")),
    ("releases.cedar", include_str!("policies/releases.cedar")),
    ("erasure.cedar", include_str!("policies/erasure.cedar")),
    ("requests.cedar", include_str!("policies/requests.cedar")),
    ("audit.cedar", include_str!("policies/audit.cedar")),
];

/// What policies name single ones of: everything else they know by how it stands.
const KINDS: [&str; 3] = ["Action", "Role", "Kind"];

/// Policies that fit their schema, each by the name in its `@id`.
#[derive(Debug)]
pub(super) struct Policies {
    schema: Schema,
    all: PolicySet,
    rests_on: HashMap<PolicyId, RestsOn>,
}

impl Policies {
    /// The policies the program carries.
    pub(super) fn embedded() -> Result<Self, PolicyError> {
        Self::read(SCHEMA, &FILES)
    }

    /// The policies in `files`, by name and text.
    pub(super) fn read(schema: &str, files: &[(&str, &str)]) -> Result<Self, PolicyError> {
        let schema = read_schema(schema)?;
        let all = read_policies(files)?;
        check(&schema, &all)?;
        check_names(&all)?;
        check_reasons(&all)?;
        let rests_on = rests_on(&all)?;
        Ok(Self {
            schema,
            all,
            rests_on,
        })
    }

    /// What the facts must fit.
    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Every policy.
    pub(super) fn all(&self) -> &PolicySet {
        &self.all
    }

    /// What the permission of a permit rests on.
    pub(super) fn rests_on(&self, permit: &PolicyId) -> Option<RestsOn> {
        self.rests_on.get(permit).copied()
    }
}

fn read_schema(schema: &str) -> Result<Schema, PolicyError> {
    let read = Schema::from_cedarschema_str(schema);
    let (schema, warnings) = read.map_err(|error| PolicyError::Schema(error.to_string()))?;
    let mut warnings = warnings.map(|warning| warning.to_string());
    match warnings.next() {
        Some(warning) => Err(PolicyError::Schema(warning)),
        None => Ok(schema),
    }
}

/// The policies of all files, each by the name in its `@id`.
fn read_policies(files: &[(&str, &str)]) -> Result<PolicySet, PolicyError> {
    let mut policies = PolicySet::new();
    for (file, text) in files {
        let file = (*file).to_owned();
        let parsed: PolicySet = match text.parse() {
            Ok(parsed) => parsed,
            Err(error) => {
                let reason = format!("{error}");
                return Err(PolicyError::Parse { file, reason });
            }
        };
        if parsed.num_of_templates() > 0 {
            return Err(PolicyError::Unnamed { file });
        }
        for policy in parsed.policies() {
            let Some(name) = policy.annotation("id").filter(|name| !name.is_empty()) else {
                return Err(PolicyError::Unnamed { file });
            };
            let named = policy.new_id(PolicyId::new(name));
            let added = policies.add(named);
            added.map_err(|_| PolicyError::NamedTwice(name.to_owned()))?;
        }
    }
    Ok(policies)
}

fn check(schema: &Schema, policies: &PolicySet) -> Result<(), PolicyError> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    if result.validation_passed_without_warnings() {
        return Ok(());
    }
    let errors = result.validation_errors().map(ToString::to_string);
    let warnings = result.validation_warnings().map(ToString::to_string);
    let found: Vec<String> = errors.chain(warnings).collect();
    Err(PolicyError::Invalid(found.join("; ")))
}

/// No policy tells a thing or a person by its name: what the policies say is for all that stand alike.
fn check_names(policies: &PolicySet) -> Result<(), PolicyError> {
    let named = policies.policies().find_map(|policy| {
        let mut named = policy.entity_literals().into_iter();
        let named = named.find(|one| !KINDS.contains(&one.type_name().basename()));
        named.map(|one| (policy.id().to_string(), one.to_string()))
    });
    match named {
        Some((policy, name)) => Err(PolicyError::NamesOne { policy, name }),
        None => Ok(()),
    }
}

/// Every rule that refusals name is among the policies.
fn check_reasons(policies: &PolicySet) -> Result<(), PolicyError> {
    for rule in Why::RULES.iter().filter_map(|why| why.rule()) {
        let policy = policies.policy(&PolicyId::new(rule));
        if policy.is_none_or(|policy| policy.effect() != Effect::Forbid) {
            return Err(PolicyError::RuleMissing(rule));
        }
    }
    Ok(())
}

fn rests_on(policies: &PolicySet) -> Result<HashMap<PolicyId, RestsOn>, PolicyError> {
    let permits = policies
        .policies()
        .filter(|policy| policy.effect() == Effect::Permit);
    permits
        .map(|policy| {
            let named = policy.annotation("rests_on").and_then(RestsOn::named);
            let named =
                named.ok_or_else(|| PolicyError::RestsOnNothing(policy.id().to_string()))?;
            Ok((policy.id().clone(), named))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The policies with `old` replaced by `new` wherever it stands in `file`.
    fn changed(file: &str, old: &str, new: &str) -> Result<Policies, PolicyError> {
        let texts = FILES.map(|(name, text)| match name == file {
            true => {
                assert!(text.contains(old), "{file} has {old}");
                (name, text.replace(old, new))
            }
            false => (name, text.to_owned()),
        });
        let texts: Vec<_> = texts.iter().map(|(name, text)| (*name, &**text)).collect();
        Policies::read(SCHEMA, &texts)
    }

    #[test]
    fn the_policies_fit_their_schema_and_a_broken_one_is_noticed() {
        Policies::embedded().expect("usable");
        let invalid = |file, old, new| {
            let error = changed(file, old, new).expect_err("broken");
            assert!(matches!(error, PolicyError::Invalid(_)), "{error}");
        };
        invalid(
            "people.cedar",
            "Role::\"commissioner\"",
            "Role::\"comissioner\"",
        );
        invalid("people.cedar", "principal.suspended", "principal.suspnded");
        invalid(
            "studies.cedar",
            "Action::\"manage-study\"",
            "Action::\"manage-studies\"",
        );
        invalid("studies.cedar", "context has place &&", "");
        invalid(
            "material.cedar",
            "resource.withdrawn",
            "resource.closed == 1",
        );
        invalid("suppliers.cedar", "Kind::\"transcript\"", "\"transcript\"");
        invalid(
            "suppliers.cedar",
            "!context.assignment.ended",
            "context.assignment.until",
        );
        // A policy that can never apply is a mistake as well.
        invalid(
            "erasure.cedar",
            "resource.requestedBy == principal",
            "false",
        );
    }

    #[test]
    fn a_policy_that_names_somebody_or_something_is_noticed() {
        for named in ["Study::\"std-1\"", "Person::\"Ada\"", "Item::\"any\""] {
            let of = named.split(':').next().expect("a type");
            let who = if of == "Person" {
                "principal"
            } else {
                "resource"
            };
            let rule = format!("{who} == {named} || resource.restricted");
            let read = changed("material.cedar", "resource.restricted", &rule);
            match read {
                Err(PolicyError::NamesOne { name, .. }) => assert_eq!(name, named),
                Err(PolicyError::Invalid(_)) if of == "Study" => {}
                other => panic!("{named}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_policy_without_a_name_or_a_reason_to_end_is_noticed() {
        let error = |file, old, new| changed(file, old, new).expect_err("broken");
        let unnamed = error("audit.cedar", "@id(\"vault-status-is-read\")", "");
        assert!(matches!(unnamed, PolicyError::Unnamed { .. }));
        let twice = error("audit.cedar", "vault-status-is-read", "people-are-managed");
        assert_eq!(
            twice,
            PolicyError::NamedTwice("people-are-managed".to_owned())
        );
        let resting = error("audit.cedar", "@rests_on(\"role\")", "@rests_on(\"rank\")");
        assert!(matches!(resting, PolicyError::RestsOnNothing(_)));
        let renamed = error(
            "erasure.cedar",
            "erasure-takes-a-second-person",
            "two-people",
        );
        assert_eq!(
            renamed,
            PolicyError::RuleMissing("erasure-takes-a-second-person")
        );
        let unfinished = error("audit.cedar", "permit (", "permit ((");
        assert!(matches!(unfinished, PolicyError::Parse { .. }));
        let template = error("people.cedar", "Role::\"commissioner\"", "?principal");
        assert!(matches!(template, PolicyError::Unnamed { .. }));
    }
}
