//! `audit show|verify|controls`.

use super::failure::Failure;
use super::output::{Output, table};
use super::profile::Profile;
use crate::model::Actor;
use crate::wire::AuditEntry;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Who did what, oldest first.
    Show {
        /// From the record after this one on.
        #[arg(long)]
        after: Option<u64>,
        /// How many records at most; all by default.
        #[arg(long)]
        limit: Option<usize>,
    },
    /// Read the whole journal again and compare it with its Merkle root.
    Verify,
    /// Test the controls now: each is given what it must refuse, and what it must not.
    Controls,
}

/// How many records are asked for at once.
const PAGE: usize = 500;

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Show { after, limit } => {
            let mut entries: Vec<AuditEntry> = Vec::new();
            let mut cursor = after;
            loop {
                let left = limit.unwrap_or(usize::MAX).saturating_sub(entries.len());
                if left == 0 {
                    break;
                }
                let page = client.audit(cursor, left.min(PAGE)).await?;
                entries.extend(page.entries);
                match page.next {
                    Some(next) => cursor = Some(next),
                    None => break,
                }
            }
            out.answer(&entries, || {
                let rows: Vec<_> = entries.iter().map(cells).collect();
                table(&["record", "when", "who", "what", "about"], &rows)
            });
        }
        Command::Verify => {
            let found = client.verify_audit().await?;
            out.answer(&found, || {
                format!(
                    "{} records verify, and their root is {}.\n\n{}",
                    found.records,
                    found.root,
                    found.checkpoint.trim_end()
                )
            });
        }
        Command::Controls => {
            let found = client.test_controls().await?;
            out.answer(&found, || {
                let hold = found.hold.iter().map(|control| format!("holds: {control}"));
                let fail = found.fail.iter().map(|control| format!("FAILS: {control}"));
                fail.chain(hold).collect::<Vec<_>>().join("\n")
            });
            if !found.fail.is_empty() {
                return Err(Failure::failed(
                    "a control does not hold: stop the gateway and find out why before anything else",
                ));
            }
        }
    }
    Ok(())
}

fn cells(entry: &AuditEntry) -> Vec<String> {
    let who = match entry.by {
        Actor::Person(person) => person.to_string(),
        Actor::Operator => "the operator".to_owned(),
        Actor::Gateway => "the gateway".to_owned(),
        Actor::Stranger => "a stranger".to_owned(),
    };
    let about = |field: &str| entry.detail.get(field).and_then(|value| value.as_str());
    let about = match (about("action"), about("resource")) {
        (Some(action), Some(resource)) => format!("{action} {resource}"),
        _ => String::new(),
    };
    vec![
        entry.position.to_string(),
        entry.at.to_string(),
        who,
        entry.event.clone(),
        about,
    ]
}
