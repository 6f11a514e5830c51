//! Transcripts, a supplier's or the team's own: accepted, or to be brought again.

use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::{AcceptTranscript, ReadAssignment};
use crate::clock::london_day;
use crate::id::ItemId;
use crate::index::{Reader, tables};
use crate::model::supplier::{Acceptance, Shortcoming};
use crate::model::{Actor, Event, Item, Kind};

/// Accepts `transcript` as that of the granted recording. The assignment it answers is over then.
///
/// # Errors
/// [`WorkError::Unacceptable`] for what is no transcript of that recording; [`WorkError::Conflict`]
/// when one was accepted before; [`WorkError::NoSuchThing`].
pub async fn accept(
    service: &Service,
    grant: Grant<AcceptTranscript>,
    transcript: ItemId,
) -> Result<(), WorkError> {
    let recording = grant.loaded().id;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let reader = draft.reader();
            let source = live(reader, recording)?;
            let answer = live(reader, transcript)?;
            let assignment = check_answers(reader, &source, &answer)?;
            let accepted = Event::TranscriptAccepted {
                recording,
                transcript,
                assignment,
                on: london_day(draft.now()),
            };
            Ok((accepted, ()))
        })
        .await
}

fn live(reader: &Reader<'_>, id: ItemId) -> Result<Item, WorkError> {
    let row = reader.get(&tables::ITEMS, &id)?;
    row.filter(|row| !row.erased).ok_or(WorkError::NoSuchThing)
}

/// Whether one is the other written out; gives the assignment that it answers.
fn check_answers(
    reader: &Reader<'_>,
    recording: &Item,
    transcript: &Item,
) -> Result<Option<crate::id::AssignmentId>, WorkError> {
    if transcript.study != recording.study || transcript.session.is_none() {
        // Nothing is said of what other studies have.
        return Err(WorkError::NoSuchThing);
    }
    let unacceptable = |why: &str| Err(WorkError::Unacceptable(why.to_owned()));
    if transcript.id == recording.id || transcript.kind != Kind::Transcript {
        return unacceptable(
            "what is accepted is a transcript; name the recording, and its transcript with --transcript",
        );
    }
    if transcript.session != recording.session {
        return unacceptable(
            "the transcript is of another session than the recording; check both identifiers",
        );
    }
    if let Some(on) = recording.accepted {
        return Err(WorkError::Conflict(format!(
            "a transcript of it was accepted on {on} already"
        )));
    }
    let Some(id) = transcript.answers else {
        return Ok(None);
    };
    let assignment = reader.get(&tables::ASSIGNMENTS, &id)?;
    match assignment {
        Some(row) if row.item == recording.id => Ok(Some(id)),
        _ => unacceptable(
            "the transcript answers the assignment of another recording; check both identifiers",
        ),
    }
}

/// Sends back what a supplier brought last; while the assignment runs, it brings it again.
///
/// # Errors
/// [`WorkError::NoSuchThing`] for an assignment of another item; [`WorkError::Conflict`] when nothing
/// was brought since, or the assignment is over.
pub async fn send_back(
    service: &Service,
    known: Grant<ReadAssignment>,
    grant: Grant<AcceptTranscript>,
    reason: Shortcoming,
) -> Result<(), WorkError> {
    let assignment = known.loaded().id;
    if known.loaded().item != grant.loaded().id {
        return Err(WorkError::NoSuchThing);
    }
    let today = service.today();
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let row = draft.reader().get(&tables::ASSIGNMENTS, &assignment)?;
            let row = row.ok_or(WorkError::NoSuchThing)?;
            let conflict = |why: &str| Err(WorkError::Conflict(why.to_owned()));
            match row.answer {
                Some(Acceptance::Accepted(_)) => {
                    return conflict("it was accepted already, and the assignment is over");
                }
                Some(Acceptance::SentBack(_)) => {
                    return conflict("it was sent back already, and nothing was brought since");
                }
                None if row.submitted.is_none() => {
                    return conflict("nothing was brought yet, so there is nothing to send back");
                }
                None => {}
            }
            if !row.is_in_force(today) {
                return conflict("the assignment is over, so it cannot be brought again; assign the recording anew");
            }
            Ok((Event::TranscriptSentBack { assignment, reason }, ()))
        })
        .await
}
