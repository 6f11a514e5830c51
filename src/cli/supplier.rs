//! `supplier approve|remove|list|outstanding`.

use jiff::civil::Date;

use super::assign;
use super::day::day;
use super::failure::Failure;
use super::output::{Output, yes_no};
use super::profile::Profile;
use crate::id::{StudyId, SupplierId};
use crate::model::Text;
use crate::wire::NewSupplier;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Put a supplier on the approved list, or refresh its contract.
    Approve {
        /// What it is called.
        name: Text,
        /// The day the contract was signed; it runs twelve months.
        #[arg(long, value_parser = day)]
        contract_signed: Date,
        /// It is an automatic tool rather than people.
        #[arg(long)]
        automatic: bool,
        /// A controller it may work for, as its studies name it; all of them are to be given. A new supplier
        /// may work for every controller when none is.
        #[arg(long = "controller", value_name = "ORGANISATION")]
        controllers: Vec<Text>,
        /// It may work for every controller, also if it was kept to some before.
        #[arg(long, conflicts_with = "controllers")]
        every_controller: bool,
    },
    /// Take a supplier off the approved list; its access stops at once.
    Remove {
        /// The supplier.
        supplier: SupplierId,
    },
    /// What suppliers still owe the word for that their copies are destroyed.
    Outstanding {
        /// Of this study only.
        #[arg(long)]
        study: Option<StudyId>,
    },
    /// The approved list.
    List,
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Approve {
            name,
            contract_signed,
            automatic,
            controllers,
            every_controller,
        } => {
            let said = every_controller || !controllers.is_empty();
            let supplier = NewSupplier {
                name,
                contract_signed,
                automatic,
                controllers: said.then(|| controllers.into_iter().collect()),
            };
            let created = client.approve_supplier(&supplier).await?;
            out.answer(&created, || {
                format!(
                    "{} is approved. Next: invite its people with `strongroom person invite --role transcriber --supplier {}`.",
                    created.id, created.id
                )
            });
        }
        Command::Remove { supplier } => {
            client.remove_supplier(supplier).await?;
            out.answer(&serde_json::json!({ "id": supplier }), || {
                format!("{supplier} is off the approved list and reaches nothing any more. Next: `strongroom supplier outstanding` says which copies it still holds.")
            });
        }
        Command::Outstanding { study } => {
            let rows = client.assignments(study, true).await?;
            assign::listed(&rows, out);
        }
        Command::List => {
            let suppliers = client.suppliers().await?;
            let heading = ["id", "name", "tool", "contract", "ends", "in force", "for"];
            out.list(&suppliers, &heading, |supplier| {
                let controllers = supplier.controllers.as_ref().map(|names| {
                    let names: Vec<_> = names.iter().map(Text::as_str).collect();
                    match names.is_empty() {
                        true => "every controller".to_owned(),
                        false => names.join(", "),
                    }
                });
                vec![
                    supplier.id.to_string(),
                    supplier.name.to_string(),
                    yes_no(supplier.automatic),
                    supplier.contract_signed.to_string(),
                    supplier.contract_ends.to_string(),
                    yes_no(supplier.in_force),
                    controllers.unwrap_or_default(),
                ]
            });
        }
    }
    Ok(())
}
