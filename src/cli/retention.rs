//! `retention due|run`, and `study date`.

use jiff::civil::Date;

use super::day::day;
use super::failure::Failure;
use super::output::{Output, or_dash, table};
use super::profile::Profile;
use crate::id::StudyId;
use crate::model::StudyMoment;
use crate::wire::{DueKeptBack, DuePage, DueView, DueWhat, MomentDate, NewRetentionRun};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// What is due for destruction, when, why and by which rule.
    Due {
        /// In this study only.
        #[arg(long)]
        study: Option<StudyId>,
        /// By this day instead of today.
        #[arg(long, value_parser = day)]
        on: Option<Date>,
    },
    /// Destroy what is due. The gateway does it by itself each day.
    Run {
        /// In this study only.
        #[arg(long)]
        study: Option<StudyId>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct DateArgs {
    /// The study.
    study: StudyId,
    /// publication, collection-ends, analysis-begins, completion or linked.
    #[arg(long)]
    moment: StudyMoment,
    /// The day it happened, or will.
    #[arg(long, value_parser = day)]
    on: Date,
}

pub(super) async fn run(command: Command, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let client = profile.client().await?;
    match command {
        Command::Due { study, on } => {
            let due = client.due(study, on).await?;
            out.answer(&due, || describe(&due));
        }
        Command::Run { study } => {
            let ran = client.run_retention(&NewRetentionRun { study }).await?;
            out.answer(&ran, || {
                if ran.erasures.is_empty() {
                    return "Nothing is due.".to_owned();
                }
                let lines = ran.erasures.iter().map(|erasure| {
                    format!(
                        "{}: {} items of {} ({} keys), now {}. `strongroom erasure certificate {}` proves it.",
                        erasure.id,
                        erasure.items,
                        erasure.study,
                        erasure.keys,
                        super::erasure::stage(erasure.stage),
                        erasure.id
                    )
                });
                lines.collect::<Vec<_>>().join("\n")
            });
        }
    }
    Ok(())
}

pub(super) async fn date(args: DateArgs, profile: &Profile, out: &Output) -> Result<(), Failure> {
    let DateArgs { study, moment, on } = args;
    let client = profile.client().await?;
    let dated = client
        .date_moment(study, moment, &MomentDate { on })
        .await?;
    out.answer(&dated, || match dated.due {
        0 => format!("{moment} of {study} is {on}. Nothing is due for destruction by today."),
        due => format!(
            "{moment} of {study} is {on}. With it {due} things are due: they are destroyed soon after midnight. Look at `strongroom retention due --study {study}` now; a wrong day can be corrected until then."
        ),
    });
    Ok(())
}

fn describe(page: &DuePage) -> String {
    let mut parts = Vec::new();
    if page.due.is_empty() {
        parts.push(format!("Nothing is due by {}.", page.on));
    } else {
        let heading = [
            "due",
            "what",
            "id",
            "study",
            "rule",
            "counted from",
            "kept back",
        ];
        let rows: Vec<_> = page.due.iter().map(cells).collect();
        parts.push(table(&heading, &rows));
    }
    let warnings = page.warnings.iter();
    parts.extend(warnings.map(|warning| format!("warning: {}: {}", warning.study, warning.text)));
    parts.join("\n")
}

fn cells(due: &DueView) -> Vec<String> {
    let what = match due.what {
        DueWhat::Item => due.kind.map_or("item", |kind| kind.name()),
        DueWhat::Upload => "upload",
        DueWhat::Contact => "contact details",
        DueWhat::Participant => "participant",
        DueWhat::Study => "study key",
    };
    let from = due.moment.as_ref().zip(due.moment_on);
    let kept_back = due.kept_back.map(|why| match why {
        DueKeptBack::Restricted => "restricted",
        DueKeptBack::ErasureUnderWay => "an erasure takes it",
    });
    vec![
        due.due.to_string(),
        what.to_owned(),
        due.id.clone(),
        due.study.to_string(),
        due.rule.clone(),
        or_dash(from.map(|(moment, day)| format!("{moment} {day}"))),
        or_dash(kept_back),
    ]
}
