//! `study create|list|show|grant|revoke|members|close`.

use jiff::civil::Date;
use serde_json::json;

use super::day::day;
use super::failure::Failure;
use super::output::{Output, or_dash, yes_no};
use super::profile::Profile;
use crate::id::{PersonId, StudyId};
use crate::model::{LawfulBasis, RetentionRules, Role, Text, WithdrawalWindow};
use crate::wire::{NewMembership, NewStudy, StudyView};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Found a study, on the terms its participants were told.
    Create {
        /// Its working title.
        name: Text,
        /// The organisation that decides why the data are processed.
        #[arg(long)]
        controller: Text,
        /// consent, contract, legal-obligation, vital-interests, public-task or legitimate-interests.
        #[arg(long)]
        lawful_basis: LawfulBasis,
        /// Until when participants may withdraw: 30d, or `until 2024-09-02`; either with
        /// `, or when analysis begins`.
        #[arg(long)]
        withdraw_within: WithdrawalWindow,
        /// How long things are kept: `2y after session`, `identifiable: 12m after publication`,
        /// `earliest of (publication, 3m after collection-ends)`; several rules with `;` between them.
        #[arg(long)]
        retain: RetentionRules,
    },
    /// The studies you may know of.
    List,
    /// One study's terms.
    Show {
        /// The study.
        study: StudyId,
    },
    /// Admit somebody to a study, until a day.
    Grant {
        /// The study.
        study: StudyId,
        /// Who.
        #[arg(long)]
        person: PersonId,
        /// study-lead or researcher.
        #[arg(long)]
        role: Role,
        /// The last day of access.
        #[arg(long, value_parser = day)]
        until: Date,
    },
    /// End somebody's access to a study.
    Revoke {
        /// The study.
        study: StudyId,
        /// Who.
        #[arg(long)]
        person: PersonId,
    },
    /// Everybody admitted to a study.
    Members {
        /// The study.
        study: StudyId,
    },
    /// Date a moment that the study's rules count from: publication, the end of collection, …
    Date(super::retention::DateArgs),
    /// Close a study: it takes no more participants, sessions or material.
    Close {
        /// The study.
        study: StudyId,
    },
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let command = match command {
        Command::Date(args) => return super::retention::date(args, profile, out).await,
        command => command,
    };
    let client = profile.client().await?;
    match command {
        Command::Date(_) => {}
        Command::Create {
            name,
            controller,
            lawful_basis,
            withdraw_within,
            retain,
        } => {
            let study = NewStudy {
                name,
                controller,
                lawful_basis,
                withdraw_within,
                retain,
            };
            let created = client.create_study(&study).await?;
            out.answer(&created, || {
                format!(
                    "Founded {}. Next: `strongroom study grant {} --person … --role researcher --until …`, or add participants.",
                    created.id, created.id
                )
            });
        }
        Command::List => {
            let studies = client.studies().await?;
            let heading = ["id", "name", "controller", "withdraw", "keep", "closed"];
            out.list(&studies, &heading, |study| {
                vec![
                    study.id.to_string(),
                    study.name.to_string(),
                    study.controller.to_string(),
                    study.withdraw_within.to_string(),
                    study.retain.to_string(),
                    yes_no(study.closed),
                ]
            });
        }
        Command::Show { study } => {
            let study = client.study(study).await?;
            out.answer(&study, || describe(&study));
        }
        Command::Grant {
            study,
            person,
            role,
            until,
        } => {
            let membership = NewMembership {
                person,
                role,
                until,
            };
            client.admit(study, &membership).await?;
            let answer = json!({ "study": study, "person": person, "role": role, "until": until });
            out.answer(&answer, || {
                format!("{person} is {role} in {study} until {until}.")
            });
        }
        Command::Revoke { study, person } => {
            client.end_membership(study, person).await?;
            out.answer(&json!({ "study": study, "person": person }), || {
                format!("{person} has no place in {study} any more.")
            });
        }
        Command::Members { study } => {
            let members = client.members(study).await?;
            out.list(&members, &["person", "role", "until"], |member| {
                vec![
                    member.person.to_string(),
                    member.role.to_string(),
                    or_dash(member.until),
                ]
            });
        }
        Command::Close { study } => {
            client.close_study(study).await?;
            out.answer(&json!({ "id": study, "closed": true }), || {
                format!("{study} takes no more material.")
            });
        }
    }
    Ok(())
}

fn describe(study: &StudyView) -> String {
    format!(
        "{} ({})\ncontroller: {}\nlawful basis: {}\nwithdrawal: {}\nkept: {}\nclosed: {}",
        study.name,
        study.id,
        study.controller,
        study.lawful_basis,
        study.withdraw_within,
        study.retain,
        yes_no(study.closed)
    )
}
