//! `study notice add|list|affected`.

use jiff::civil::Date;
use serde_json::json;

use crate::cli::day::day;
use crate::cli::failure::Failure;
use crate::cli::output::{Output, or_dash};
use crate::client::Client;
use crate::id::StudyId;
use crate::model::Text;
use crate::wire::NewNotice;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// Put a version of the privacy notice on record; who consents from now on does so under it.
    Add(AddArgs),
    /// The versions there were.
    List {
        /// The study.
        study: StudyId,
    },
    /// Who is in the study on a consent given under an earlier version.
    #[command(disable_version_flag = true)]
    Affected {
        /// The study.
        study: StudyId,
        /// The version that changed something.
        #[arg(long)]
        version: u32,
    },
}

/// Put a version of the privacy notice on record.
#[derive(Debug, clap::Args)]
#[command(disable_version_flag = true)]
pub(in crate::cli) struct AddArgs {
    /// The study.
    study: StudyId,
    /// Which version; later ones have greater numbers.
    #[arg(long)]
    version: u32,
    /// The day it was published.
    #[arg(long, value_name = "DATE", value_parser = day)]
    published: Date,
    /// The day it is to be reviewed.
    #[arg(long, value_name = "DATE", value_parser = day)]
    review: Date,
    /// Where it is published, or what it is called.
    #[arg(long)]
    reference: Text,
    /// What changed since the version before; needed from the second on.
    #[arg(long)]
    change: Option<Text>,
}

pub(super) async fn run(command: Command, client: &Client, out: &Output) -> Result<(), Failure> {
    match command {
        Command::Add(args) => {
            let AddArgs {
                study,
                version,
                published,
                review,
                reference,
                change,
            } = args;
            let notice = NewNotice {
                version,
                published,
                review,
                reference,
                change,
            };
            client.add_notice(study, &notice).await?;
            out.answer(&json!({ "study": study, "version": version }), || {
                format!(
                    "Version {version} is on record. Whom it affects: `strongroom study notice affected {study} --version {version}`."
                )
            });
        }
        Command::List { study } => {
            let notices = client.notices(study).await?;
            let heading = ["version", "published", "review", "reference", "change"];
            out.list(&notices, &heading, |notice| {
                vec![
                    notice.version.to_string(),
                    notice.published.to_string(),
                    or_dash(notice.review),
                    or_dash(notice.reference.as_ref()),
                    or_dash(notice.change.as_ref()),
                ]
            });
        }
        Command::Affected { study, version } => {
            let affected = client.affected(study, version).await?;
            out.list(&affected, &["participant", "consent", "notice"], |row| {
                vec![
                    row.id.to_string(),
                    row.consent.to_string(),
                    or_dash(row.notice),
                ]
            });
        }
    }
    Ok(())
}
