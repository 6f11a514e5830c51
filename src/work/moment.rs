//! Dating the moments that a study's rules count from (R44).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::ToSpan as _;
use jiff::civil::Date;

use super::error::WorkError;
use super::retain;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::ManageStudy;
use crate::clock::london_day;
use crate::id::StudyId;
use crate::index::{Reader, tables};
use crate::model::retention::Subject;
use crate::model::{Actor, Event, StudyMoment, WithdrawalWindow};

/// Years ahead that a moment may be dated.
const YEARS_AHEAD: i32 = 30;

/// Moments of which the first is never after the second.
const IN_ORDER: [(StudyMoment, StudyMoment); 4] = [
    (StudyMoment::CollectionEnds, StudyMoment::Publication),
    (StudyMoment::CollectionEnds, StudyMoment::Completion),
    (StudyMoment::AnalysisBegins, StudyMoment::Publication),
    (StudyMoment::AnalysisBegins, StudyMoment::Completion),
];

/// What became of dating a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated {
    /// The day it had before.
    pub before: Option<Date>,
    /// How many things are due for destruction with it, today.
    pub due: usize,
}

/// Dates a moment of a study, or dates it anew while nothing was destroyed by it.
///
/// What is due with it is destroyed by the gateway soon after the next midnight, or by a run.
///
/// # Errors
/// [`WorkError::Unacceptable`] for a day that contradicts another moment, or a session; and
/// [`WorkError::Conflict`] when something was destroyed by the day it has.
pub async fn date(
    service: &Arc<Service>,
    grant: Grant<ManageStudy>,
    moment: StudyMoment,
    on: Date,
) -> Result<Dated, WorkError> {
    let study = grant.loaded().id;
    let before = service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let reader = draft.reader();
            let row = reader.get(&tables::STUDIES, &study)?;
            let row = row.ok_or(WorkError::NoSuchThing)?;
            let before = row.moments.get(&moment).copied();
            if row.fixed.contains(&moment) && before != Some(on) {
                let day = before.map_or_else(String::new, |day| format!(", {day}"));
                return Err(WorkError::Conflict(format!(
                    "things were destroyed by the day {moment} has{day}: it stands, because the certificates name it"
                )));
            }
            let today = london_day(draft.now());
            if today.checked_add(YEARS_AHEAD.years()).is_ok_and(|latest| on > latest) {
                return Err(WorkError::Unacceptable(format!(
                    "{on} is more than {YEARS_AHEAD} years ahead; look at the year"
                )));
            }
            in_order(&row.moments, moment, on)?;
            if moment == StudyMoment::CollectionEnds {
                after_every_session(reader, study, on)?;
            }
            shortens_no_window(row.withdraw_within, moment, before, on, today)?;
            Ok((Event::MomentDated { study, moment, on }, before))
        })
        .await?;
    let due = retain::count_due(service, study).await?;
    Ok(Dated { before, due })
}

fn in_order(
    moments: &BTreeMap<StudyMoment, Date>,
    moment: StudyMoment,
    on: Date,
) -> Result<(), WorkError> {
    for (first, second) in IN_ORDER {
        let (other, contradicts) = match moment {
            moment if moment == first => (second, moments.get(&second).filter(|day| **day < on)),
            moment if moment == second => (first, moments.get(&first).filter(|day| **day > on)),
            _ => continue,
        };
        if let Some(day) = contradicts {
            let order = if moment == first {
                "not after"
            } else {
                "not before"
            };
            return Err(WorkError::Unacceptable(format!(
                "{moment} comes {order} {other}, which is dated {day}: give a day that is {order} that, or correct {other} first"
            )));
        }
    }
    Ok(())
}

/// Nothing is collected after collection has ended.
fn after_every_session(reader: &Reader<'_>, study: StudyId, on: Date) -> Result<(), WorkError> {
    for subject in Subject::all() {
        let of = (study, subject.number());
        let last = reader.page_back(&tables::MATERIAL_ON, &of, None, 1)?;
        for (_, days) in last {
            if let Some(held) = days.session.filter(|held| *held > on) {
                return Err(WorkError::Unacceptable(format!(
                    "material of a session on {held} is held, so collection did not end on {on}; give {held} or a later day"
                )));
            }
        }
    }
    Ok(())
}

/// Participants were told until when they may withdraw: what has ended or goes on today is not
/// ended earlier afterwards.
fn shortens_no_window(
    window: WithdrawalWindow,
    moment: StudyMoment,
    before: Option<Date>,
    on: Date,
    today: Date,
) -> Result<(), WorkError> {
    let ends = moment == StudyMoment::AnalysisBegins && window.ends_with_analysis();
    if ends && before.is_none_or(|before| on < before) && on < today {
        return Err(WorkError::Unacceptable(format!(
            "{on} is past, and participants may withdraw until the day before analysis begins: those who asked since would be too late; give {today} or a later day"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn r44_moments_do_not_contradict_each_other() {
        let ended = BTreeMap::from([(StudyMoment::CollectionEnds, date(2026, 5, 31))]);
        let refused = in_order(&ended, StudyMoment::Publication, date(2026, 5, 30));
        assert_eq!(
            refused.expect_err("before").to_string(),
            "publication comes not before collection-ends, which is dated 2026-05-31: give a day that is not before that, or correct collection-ends first"
        );
        assert!(in_order(&ended, StudyMoment::Publication, date(2026, 5, 31)).is_ok());
        assert!(in_order(&ended, StudyMoment::Linked, date(2020, 1, 1)).is_ok());
        let published = BTreeMap::from([(StudyMoment::Publication, date(2026, 5, 31))]);
        let refused = in_order(&published, StudyMoment::AnalysisBegins, date(2026, 6, 1));
        assert!(
            refused
                .expect_err("after")
                .to_string()
                .contains("comes not after publication")
        );
    }
}
