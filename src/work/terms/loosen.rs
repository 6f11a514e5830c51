//! What was promised to people who are in a study is not loosened behind their backs.
//!
//! A change loosens a promise when something may be kept longer, stored elsewhere, withdrawn less
//! long, answered later, asked for later, collected or processed beyond what was said, or opened by
//! people of whom less is required. Comparisons that turn on dates nobody knows count as loosening.
//! It is accepted only when it names the latest version of the study's privacy notice, and the
//! consent of everybody still in the study stands on that version: then nobody was promised more.

use crate::id::StudyId;
use crate::index::{Reader, tables};
use crate::model::Study;
use crate::model::study::Field;
use crate::work::WorkError;

/// Whether a change may be made to a study with the people that are in it.
pub(super) fn check(
    reader: &Reader<'_>,
    before: &Study,
    after: &Study,
    under_notice: Option<u32>,
) -> Result<(), WorkError> {
    if let Some(version) = under_notice
        && before.notice != Some(version)
    {
        return Err(WorkError::Unacceptable(match before.notice {
            Some(latest) => format!(
                "version {version} is not the study's latest privacy notice; that is version {latest}"
            ),
            None => "the study has no privacy notice on record; add it first (`strongroom study notice add`)".to_owned(),
        }));
    }
    let loosened = loosened(before, after);
    if loosened.is_empty() {
        return Ok(());
    }
    let (here, earlier) = standing_on(reader, before.id, under_notice)?;
    if here == 0 || (under_notice.is_some() && earlier == 0) {
        return Ok(());
    }
    let what = loosened.join("; ");
    let instead = match under_notice {
        None => "publish a new version of the privacy notice (`strongroom study notice add`), have them consent under it, and name it with --under-notice".to_owned(),
        Some(version) => format!(
            "{earlier} of them consented under an earlier notice (`strongroom study notice affected --version {version}`): record their consent under version {version} first"
        ),
    };
    Err(WorkError::Conflict(format!(
        "that loosens what the {here} people in the study were promised: {what}; {instead}"
    )))
}

/// How many people are in a study, and how many of them consented under an earlier notice.
fn standing_on(
    reader: &Reader<'_>,
    study: StudyId,
    version: Option<u32>,
) -> Result<(usize, usize), WorkError> {
    let rows = reader.page(&tables::PARTICIPANTS_OF, &study, None, usize::MAX)?;
    let mut earlier = 0;
    for ((_, id), ()) in &rows {
        let row = reader.get(&tables::PARTICIPANTS, id)?;
        earlier += usize::from(row.is_some_and(|row| row.notice < version));
    }
    Ok((rows.len(), earlier))
}

/// The promises that are loosened, a sentence each.
fn loosened(before: &Study, after: &Study) -> Vec<String> {
    let mut loosened = Vec::new();
    let mut unless = |kept: bool, what: String| {
        if !kept {
            loosened.push(what);
        }
    };
    unless(
        after.retain == before.retain || after.retain.keep_no_longer_than(&before.retain),
        format!("things could be kept longer than `{}`", before.retain),
    );
    unless(
        after.withdraw_within.lasts_at_least(before.withdraw_within),
        format!(
            "they could withdraw less long than `{}`",
            before.withdraw_within
        ),
    );
    unless(
        after.regions.are_within(before.regions),
        format!("material could be stored outside {}", before.regions),
    );
    unless(
        after.answer_within.is_at_most(before.answer_within),
        format!(
            "requests could be answered later than `{}`",
            before.answer_within
        ),
    );
    let sooner = match (before.transcript_after, after.transcript_after) {
        (Some(period), Some(longer)) => longer.is_at_most(period),
        (promised, _) => promised.is_none() || after.transcript_after == promised,
    };
    unless(sooner, "transcripts could be asked for later".to_owned());
    unless(
        after.controller == before.controller,
        format!("the controller would not be {}", before.controller),
    );
    unless(
        after.lawful_basis == before.lawful_basis,
        format!("the lawful basis would not be {}", before.lawful_basis),
    );
    for processor in &after.processors {
        unless(
            before.processors.contains(processor),
            format!("{processor} would process their data too"),
        );
    }
    for requirement in &before.requires {
        unless(
            after.requires.contains(requirement),
            format!("{requirement} would not be required any more"),
        );
    }
    for field in &after.fields {
        let was = before.fields.iter().find(|was| was.name == field.name);
        unless(
            was.is_some_and(|was| is_no_looser(field, was)),
            format!(
                "{} would be collected, or shared, beyond what they were told",
                field.name
            ),
        );
    }
    loosened
}

/// Whether a field is as it was declared, or as guarded.
fn is_no_looser(field: &Field, was: &Field) -> bool {
    field.category >= was.category && (field.sharing.is_none() || field.sharing == was.sharing)
}
