//! What keeping rules do not say yet, or do not say at all (R44).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use jiff::civil::Date;

use super::find::walk;
use crate::id::StudyId;
use crate::index::{Reader, tables};
use crate::model::retention::{Dates, Due, Moment, RetentionRule, Subject};
use crate::model::{Kind, Study, Tier};
use crate::work::error::WorkError;

/// Things of one sort are counted as far as this.
const COUNTED_MAX: u64 = 1000;

/// Something a person should see to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A rule counts from moments that have no date yet.
    Undated {
        /// The study.
        study: StudyId,
        /// The rule.
        rule: String,
        /// The moments.
        moments: BTreeSet<Moment>,
        /// How many things wait for nothing else, as far as they are counted.
        waiting: u64,
    },
    /// Things that show, or once showed, who somebody is are under no rule.
    Uncovered {
        /// The study.
        study: StudyId,
        /// What kind.
        kind: Kind,
        /// And tier.
        tier: Tier,
        /// How many, as far as they are counted.
        count: u64,
    },
    /// The day on which somebody was to look whether the study is still needed is past.
    ReviewPast {
        /// The study.
        study: StudyId,
        /// The day.
        review: Date,
    },
}

impl Warning {
    /// The study it is about.
    pub fn study(&self) -> StudyId {
        match self {
            Self::Undated { study, .. }
            | Self::Uncovered { study, .. }
            | Self::ReviewPast { study, .. } => *study,
        }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Undated {
                study,
                rule,
                moments,
                waiting,
            } => {
                let words: Vec<_> = moments.iter().map(|moment| moment.name()).collect();
                write!(
                    f,
                    "`{rule}` counts from {}, which has no date yet",
                    words.join(", ")
                )?;
                match moments
                    .iter()
                    .find(|moment| matches!(moment, Moment::Study(_)))
                {
                    Some(moment) => write!(
                        f,
                        ": date it with `strongroom study date {study} --moment {moment} --on …` when it is known"
                    ),
                    None if *waiting >= COUNTED_MAX => {
                        write!(f, ": {COUNTED_MAX} things or more wait for it")
                    }
                    None => write!(f, ": {waiting} wait for it"),
                }
            }
            Self::Uncovered {
                kind, tier, count, ..
            } => {
                let more = if *count >= COUNTED_MAX {
                    " or more"
                } else {
                    ""
                };
                write!(
                    f,
                    "{count}{more} of {tier} {kind} are under no rule and are kept for ever; add a rule for {tier} material"
                )
            }
            Self::ReviewPast { review, .. } => write!(
                f,
                "its review was due on {review}: look whether everything is still needed, and set the next day"
            ),
        }
    }
}

/// What is to be said of a study on a day.
pub(super) fn warnings(
    reader: &Reader<'_>,
    study: &Study,
    on: Date,
) -> Result<Vec<Warning>, WorkError> {
    if study.ended {
        return Ok(Vec::new());
    }
    let mut warnings = Vec::new();
    let id = study.id;
    if let Some(review) = study.review.filter(|review| *review < on) {
        warnings.push(Warning::ReviewPast { study: id, review });
    }
    for rule in study.retain.rules() {
        let moments: BTreeSet<_> = undated(rule, study).collect();
        if !moments.is_empty() {
            let rule = rule.to_string();
            warnings.push(Warning::Undated {
                study: id,
                rule,
                moments,
                waiting: 0,
            });
        }
    }
    let mut waiting: BTreeMap<(String, Moment), u64> = BTreeMap::new();
    for subject in Subject::all() {
        match subject {
            Subject::Contact => never_met(reader, study, on, &mut waiting)?,
            Subject::Material { kind, tier } => {
                let dates = dated(study, on);
                match study.retain.due(subject, &dates) {
                    Due::Waiting { rule, missing } if only_transcript(&missing) => {
                        let key = (rule.to_string(), Moment::TranscriptAccepted);
                        *waiting.entry(key).or_default() += count(reader, study, subject, true)?;
                    }
                    // What is about nobody may be kept.
                    Due::NoRule if tier != Tier::Anonymised => {
                        let count = count(reader, study, subject, false)?;
                        let study = id;
                        warnings.extend((count > 0).then_some(Warning::Uncovered {
                            study,
                            kind,
                            tier,
                            count,
                        }));
                    }
                    _ => {}
                }
            }
        }
    }
    let waiting = waiting.into_iter().filter(|(_, count)| *count > 0);
    warnings.extend(waiting.map(|((rule, moment), waiting)| Warning::Undated {
        study: id,
        rule,
        moments: BTreeSet::from([moment]),
        waiting,
    }));
    Ok(warnings)
}

fn undated<'r>(rule: &'r RetentionRule, study: &'r Study) -> impl Iterator<Item = Moment> + 'r {
    let moments = rule.when.moments().into_iter();
    moments.filter(|moment| match moment {
        Moment::Study(moment) => !study.moments.contains_key(moment),
        _ => false,
    })
}

fn only_transcript(missing: &BTreeSet<Moment>) -> bool {
    missing.iter().eq([&Moment::TranscriptAccepted])
}

/// Everything has a day but the acceptance of its transcript.
fn dated(study: &Study, on: Date) -> Dates<'_> {
    Dates {
        session: Some(on),
        deposit: Some(on),
        transcript_accepted: None,
        study: &study.moments,
    }
}

/// People who were in no session, and whose contact details are due by nothing else.
fn never_met(
    reader: &Reader<'_>,
    study: &Study,
    on: Date,
    waiting: &mut BTreeMap<(String, Moment), u64>,
) -> Result<(), WorkError> {
    let mut dates = dated(study, on);
    dates.session = None;
    let Due::Waiting { rule, missing } = study.retain.due(Subject::Contact, &dates) else {
        return Ok(());
    };
    if missing.iter().eq([&Moment::Session]) {
        let lead = (study.id, Date::MIN);
        let most = usize::try_from(COUNTED_MAX).unwrap_or(usize::MAX);
        let rows = reader.page(&tables::PEOPLE_ON, &lead, None, most)?;
        *waiting
            .entry((rule.to_string(), Moment::Session))
            .or_default() += rows.len() as u64;
    }
    Ok(())
}

fn count(
    reader: &Reader<'_>,
    study: &Study,
    subject: Subject,
    not_accepted: bool,
) -> Result<u64, WorkError> {
    let mut count = 0;
    let of = (study.id, subject.number());
    walk(reader, &tables::MATERIAL_ON, of, |_, _, days| {
        count += u64::from(!not_accepted || days.accepted.is_none());
        match count < COUNTED_MAX {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    Ok(count)
}
