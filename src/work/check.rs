//! A second person's look at what was made from items (R32).

use jiff::Timestamp;

use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::CheckItem;
use crate::id::StudyId;
use crate::index::{Reader, tables};
use crate::model::{Actor, Check, ErasureStage, Event, Finding, Item, Scope, Standing, Tier};

/// Records what a second person found: nothing that is nearer to people than it says, or what is.
///
/// # Errors
/// [`WorkError::Conflict`] for what was checked already, or is no derivative; [`WorkError::Refused`]
/// while somebody in it withdraws, and when withdrawals were recorded in the study since an anonymised
/// output was brought and it is not said that they were considered (R13).
pub async fn check(
    service: &Service,
    grant: Grant<CheckItem>,
    finding: Option<Finding>,
    considered_withdrawals: bool,
) -> Result<(), WorkError> {
    let (by, item) = (grant.person(), grant.loaded().id);
    service
        .vault()
        .commit(Actor::Person(by), |draft| {
            let (reader, at) = (draft.reader(), draft.now());
            let row = reader.get(&tables::ITEMS, &item)?;
            let row = row
                .filter(|row| !row.erased)
                .ok_or(WorkError::NoSuchThing)?;
            check_waits(&row)?;
            check_at_rest(reader, &row)?;
            let check = match finding {
                Some(finding) => Check::SentBack { by, at, finding },
                None => {
                    let missed = row.tier == Tier::Anonymised
                        && !considered_withdrawals
                        && withdrawn_since(reader, row.study, row.deposited)?;
                    if missed {
                        return Err(unconsidered("this was brought"));
                    }
                    Check::Passed { by, at }
                }
            };
            Ok((Event::ItemChecked { item, check }, ()))
        })
        .await
}

fn check_waits(row: &Item) -> Result<(), WorkError> {
    let why = match row.derived.as_ref().map(|derived| &derived.check) {
        Some(Check::Waiting) => return Ok(()),
        Some(Check::Passed { .. }) => "it was checked and passed already",
        Some(Check::SentBack { .. }) => {
            "it was checked and sent back already; mend it and bring it anew"
        }
        None => {
            "it is not made from anything, so there is nothing to check; it counts as identifiable"
        }
    };
    Err(WorkError::Conflict(why.to_owned()))
}

/// Nobody can have looked at what does not open.
fn check_at_rest(reader: &Reader<'_>, row: &Item) -> Result<(), WorkError> {
    for id in &row.participants {
        let row = reader.get(&tables::PARTICIPANTS, id)?;
        if row.is_none_or(|row| row.standing != Standing::Active) {
            return Err(WorkError::Refused(
                "a withdrawal is under way, so this does not open and cannot be checked".to_owned(),
            ));
        }
    }
    Ok(())
}

/// Whether somebody in a study withdrew more than what names them, at `moment` or since.
pub(super) fn withdrawn_since(
    reader: &Reader<'_>,
    study: StudyId,
    moment: Timestamp,
) -> Result<bool, WorkError> {
    for ((_, id), ()) in reader.page(&tables::ERASURES_IN, &study, None, usize::MAX)? {
        let erasure = reader.get(&tables::ERASURES, &id)?;
        let since = erasure.is_some_and(|erasure| {
            let withdrawn = erasure
                .withdrawal()
                .is_some_and(|withdrawal| withdrawal.scope != Scope::ContactOnly);
            withdrawn && erasure.stage != ErasureStage::Refused && erasure.requested_at >= moment
        });
        if since {
            return Ok(true);
        }
    }
    Ok(false)
}

pub(super) fn unconsidered(since: &str) -> WorkError {
    WorkError::Refused(format!(
        "withdrawals were recorded in the study since {since}, and nothing says whose words are in it: look whether anything in it is theirs, and say that you did (--considered-withdrawals)"
    ))
}
