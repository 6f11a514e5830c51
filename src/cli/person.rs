//! `person invite|list|amend|reinvite|suspend|reinstate|revoke`.

use jiff::civil::Date;
use serde_json::json;

use super::day::day;
use super::failure::Failure;
use super::output::{Output, or_dash, yes_no};
use super::profile::Profile;
use crate::id::{PersonId, SupplierId};
use crate::model::{Role, Text};
use crate::wire::{Invited, NewPerson, PersonAmendment, Revocation};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Invite somebody; prints the code they enrol with, once.
    Invite {
        /// What they are called.
        #[arg(long)]
        name: Text,
        /// administrator, information-governance, study-lead, researcher, transcriber, commissioner or auditor.
        #[arg(long)]
        role: Role,
        /// The supplier a transcriber works for.
        #[arg(long)]
        supplier: Option<SupplierId>,
    },
    /// Everybody with an account.
    List,
    /// Correct or complete what is known of somebody.
    Amend {
        /// Who.
        person: PersonId,
        /// What they are called.
        #[arg(long)]
        name: Option<Text>,
        /// The last day on which their training counts.
        #[arg(long, value_name = "DATE", value_parser = day)]
        trained_until: Option<Date>,
        /// The last day of their accreditation.
        #[arg(long, value_name = "DATE", value_parser = day)]
        accredited_until: Option<Date>,
        /// The last day of their access to anything.
        #[arg(long, value_name = "DATE", value_parser = day)]
        until: Option<Date>,
    },
    /// Take somebody's access away for good, on misuse.
    Revoke {
        /// Who.
        person: PersonId,
        /// Why; it goes on record.
        #[arg(long)]
        reason: Text,
    },
    /// A new code for somebody whose token expired or was lost.
    Reinvite {
        /// Who.
        person: PersonId,
    },
    /// Stop somebody's access at once.
    Suspend {
        /// Who.
        person: PersonId,
    },
    /// Give somebody's access back.
    Reinstate {
        /// Who.
        person: PersonId,
    },
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Invite {
            name,
            role,
            supplier,
        } => {
            let person = NewPerson {
                name,
                role,
                supplier,
            };
            show_invited(&client.invite(&person).await?, client.gateway(), out);
        }
        Command::List => {
            let people = client.people().await?;
            let heading = ["id", "name", "role", "supplier", "enrolled", "suspended"];
            out.list(&people, &heading, |person| {
                vec![
                    person.id.to_string(),
                    person.name.to_string(),
                    person.role.to_string(),
                    or_dash(person.supplier),
                    yes_no(person.enrolled),
                    yes_no(person.suspended),
                ]
            });
        }
        Command::Amend {
            person,
            name,
            trained_until,
            accredited_until,
            until,
        } => {
            let change = PersonAmendment {
                name,
                trained_until,
                accredited_until,
                until,
            };
            client.amend_person(person, &change).await?;
            out.answer(&json!({ "id": person }), || {
                format!("What is known of {person} is changed.")
            });
        }
        Command::Revoke { person, reason } => {
            client.revoke_person(person, &Revocation { reason }).await?;
            out.answer(&json!({ "id": person, "revoked": true }), || {
                format!("The access of {person} is taken away for good.")
            });
        }
        Command::Reinvite { person } => {
            show_invited(&client.reinvite(person).await?, client.gateway(), out);
        }
        Command::Suspend { person } => {
            client.suspend(person, true).await?;
            out.answer(&json!({ "id": person, "suspended": true }), || {
                format!("The access of {person} is stopped.")
            });
        }
        Command::Reinstate { person } => {
            client.suspend(person, false).await?;
            out.answer(&json!({ "id": person, "suspended": false }), || {
                format!("{person} has access again; give them a new code with `person reinvite`.")
            });
        }
    }
    Ok(())
}

fn show_invited(invited: &Invited, gateway: impl std::fmt::Display, out: &Output) {
    out.answer(invited, || {
        format!(
            "{} is invited. Give them this, by a way you trust; it works once, until {}:\n  strongroom login {gateway} --code {}",
            invited.id, invited.expires, invited.code
        )
    });
}
