//! `supplier approve|list`.

use jiff::civil::Date;

use super::day::day;
use super::failure::Failure;
use super::output::{Output, yes_no};
use super::profile::Profile;
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
        } => {
            let supplier = NewSupplier {
                name,
                contract_signed,
            };
            let created = client.approve_supplier(&supplier).await?;
            out.answer(&created, || {
                format!(
                    "{} is approved. Next: invite its people with `strongroom person invite --role transcriber --supplier {}`.",
                    created.id, created.id
                )
            });
        }
        Command::List => {
            let suppliers = client.suppliers().await?;
            let heading = ["id", "name", "contract", "ends", "in force"];
            out.list(&suppliers, &heading, |supplier| {
                vec![
                    supplier.id.to_string(),
                    supplier.name.to_string(),
                    supplier.contract_signed.to_string(),
                    supplier.contract_ends.to_string(),
                    yes_no(supplier.in_force),
                ]
            });
        }
    }
    Ok(())
}
