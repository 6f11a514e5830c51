//! What a withdrawal reaches and what it cannot, in the words of the API.

use crate::model::Erasure;
use crate::wire::{ErasureView, OutcomeView, RemainsView, WithdrawalAnswer};
use crate::work::assess::Assessment;
use crate::work::withdraw;

use super::views;

pub(super) fn withdrawal(answer: withdraw::Answer, assessment: Assessment) -> WithdrawalAnswer {
    WithdrawalAnswer {
        id: answer.erasure,
        in_time: answer.in_time,
        last_day: answer.last_day,
        frozen_items: answer.frozen_items,
        approvals_needed: answer.recorded.approvers,
        outcome: outcome(&answer.recorded, assessment),
    }
}

/// One erasure, with what it reaches; for retention that is all in its counts.
pub(super) fn erasure(erasure: Erasure, assessment: Assessment) -> ErasureView {
    let outcome = erasure.withdrawal().map(|_| outcome(&erasure, assessment));
    let mut view = views::erasure(erasure);
    if outcome
        .as_ref()
        .is_some_and(|outcome| !outcome.waits_for.is_empty())
        && view.approvals_missing == 0
    {
        view.waiting_for = view.held_until.map(|last| {
            format!("versions without the participant, until {last}; or the word that they are not worth one")
        });
    }
    ErasureView { outcome, ..view }
}

fn outcome(erasure: &Erasure, assessment: Assessment) -> OutcomeView {
    OutcomeView {
        stays: stays(&assessment),
        items: assessment.items,
        contact: assessment.contact,
        held_until: erasure
            .held_until
            .filter(|_| !assessment.waits_for.is_empty()),
        waits_for: assessment.waits_for,
    }
}

fn stays(assessment: &Assessment) -> Vec<RemainsView> {
    let remains = |what: &str, count: u64, why: &str| RemainsView {
        what: what.to_owned(),
        count,
        supplier: None,
        confirmed: None,
        why: why.to_owned(),
    };
    let mut stays = Vec::new();
    if assessment.anonymised > 0 {
        stays.push(remains(
            "anonymised",
            assessment.anonymised,
            "nothing says whose words the study's anonymised outputs hold, so none can be found in them",
        ));
    }
    if assessment.redacted > 0 {
        stays.push(remains(
            "redacted",
            assessment.redacted,
            "versions without the participant are kept for those who remain",
        ));
    }
    for copies in &assessment.suppliers {
        stays.push(RemainsView {
            supplier: Some(copies.supplier),
            confirmed: copies.confirmed,
            ..remains(
                "supplier-copies",
                copies.items,
                match copies.confirmed {
                    Some(_) => {
                        "the supplier fetched them and has confirmed that its copies are destroyed"
                    }
                    None => {
                        "the supplier fetched them, and owes the word that its copies are destroyed"
                    }
                },
            )
        });
    }
    if assessment.sealed_copies > 0 {
        stays.push(remains(
            "sealed-copies",
            assessment.sealed_copies,
            "copies were sealed for people's own keys; whoever has one must be told to destroy it",
        ));
    }
    stays
}
