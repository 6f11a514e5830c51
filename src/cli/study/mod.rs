//! `study create|amend|approve|notice|list|show|grant|revoke|members|date|close`.

mod notice;
mod show;
mod terms;

use jiff::civil::Date;
use serde_json::json;

use self::terms::TermsArgs;
use super::day::day;
use super::failure::Failure;
use super::output::{Output, or_dash, yes_no};
use super::profile::Profile;
use crate::id::{PersonId, StudyId};
use crate::model::{Purpose, Role, Template, Text, Tier};
use crate::wire::{FoundedStudy, NewApproval, NewMembership, NewStudy, StudyAmendment};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Found a study, on the terms its participants were told.
    Create(Box<CreateArgs>),
    /// Change a study's terms; what those in it were promised is not loosened.
    Amend(Box<AmendArgs>),
    /// Record the data owner's approval.
    Approve {
        /// The study.
        study: StudyId,
        /// The board or person that approved.
        #[arg(long, value_name = "BOARD")]
        by: Text,
        /// The day they did.
        #[arg(long, value_name = "DATE", value_parser = day)]
        on: Date,
    },
    /// The versions of its privacy notice, and whom they affect.
    #[command(subcommand)]
    Notice(notice::Command),
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
        /// study-lead, researcher or commissioner.
        #[arg(long)]
        role: Role,
        /// The last day of access.
        #[arg(long, value_parser = day)]
        until: Date,
        /// research, transcription, translation or analysis.
        #[arg(long, default_value_t = Purpose::Research)]
        purpose: Purpose,
        /// How near to people what they see may be: de-identified is for who analyses only.
        #[arg(long)]
        sees: Option<Tier>,
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

/// Found a study, on the terms its participants were told.
#[derive(Debug, clap::Args)]
pub(super) struct CreateArgs {
    /// Its working title.
    name: Text,
    /// The notice whose terms it takes where nothing is given: moj-user-research,
    /// natcen-victim-support, data-first, probation-digital or ons-management-practices.
    #[arg(long)]
    template: Option<Template>,
    #[command(flatten)]
    terms: TermsArgs,
}

/// Change a study's terms.
#[derive(Debug, clap::Args)]
pub(super) struct AmendArgs {
    /// The study.
    study: StudyId,
    /// Its working title.
    #[arg(long)]
    name: Option<Text>,
    /// The latest version of the privacy notice, when it tells of what is loosened.
    #[arg(long, value_name = "VERSION")]
    under_notice: Option<u32>,
    #[command(flatten)]
    terms: TermsArgs,
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let command = match command {
        Command::Date(args) => return super::retention::date(args, profile, out).await,
        command => command,
    };
    let client = profile.client().await?;
    match command {
        Command::Date(_) => {}
        Command::Create(args) => {
            let study = NewStudy::of(args.name, args.template, args.terms.terms());
            let created = client.create_study(&study).await?;
            warn(&created, out);
            out.answer(&created, || {
                format!(
                    "Founded {}. Next: `strongroom study grant {} --person … --role researcher --until …`, or add participants.",
                    created.id, created.id
                )
            });
        }
        Command::Amend(args) => {
            let change = StudyAmendment::of(args.name, args.under_notice, args.terms.terms());
            let changed = client.amend_study(args.study, &change).await?;
            warn(&changed, out);
            out.answer(&changed, || format!("{} is changed.", changed.id));
        }
        Command::Approve { study, by, on } => {
            let approval = NewApproval { by, on };
            client.approve_study(study, &approval).await?;
            out.answer(
                &json!({ "study": study, "by": approval.by, "on": on }),
                || format!("That {} approved on {on} is on record.", approval.by),
            );
        }
        Command::Notice(command) => notice::run(command, &client, out).await?,
        Command::List => {
            let studies = client.studies().await?;
            let heading = [
                "id",
                "name",
                "controller",
                "withdraw",
                "keep",
                "review",
                "closed",
            ];
            out.list(&studies, &heading, |study| {
                vec![
                    study.id.to_string(),
                    study.name.to_string(),
                    study.controller.to_string(),
                    study.withdraw_within.to_string(),
                    study.retain.to_string(),
                    or_dash(study.review),
                    yes_no(study.closed),
                ]
            });
        }
        Command::Show { study } => {
            let study = client.study(study).await?;
            out.answer(&study, || show::describe(&study));
        }
        Command::Grant {
            study,
            person,
            role,
            until,
            purpose,
            sees,
        } => {
            let membership = NewMembership {
                person,
                role,
                until,
                purpose,
                sees,
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

fn warn(study: &FoundedStudy, out: &Output) {
    for warning in &study.warnings {
        out.remark(&format!("warning: {warning}"));
    }
}
