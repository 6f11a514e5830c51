//! Sessions: the interviews and focus groups that were held.

use jiff::civil::Date;

use super::consent;
use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::AddSession;
use crate::id::{ParticipantId, SessionId};
use crate::index::tables;
use crate::limits::{REDACTION_DAYS_MAX, SESSION_PARTICIPANTS_MAX};
use crate::model::{Actor, Event, OnWithdrawal, Session, SessionKind, Standing};

/// A session to be added.
#[derive(Debug)]
pub struct NewSession {
    /// What it was.
    pub kind: SessionKind,
    /// The day it was held.
    pub date: Date,
    /// Everyone in it.
    pub participants: Vec<ParticipantId>,
    /// What becomes of what everybody is in when one of them withdraws.
    pub on_withdrawal: OnWithdrawal,
}

/// Adds a session that was held.
///
/// # Errors
/// [`WorkError::Unacceptable`] without participants, with too many, twice the same, with one who is
/// not in the study or has withdrawn, on a day that has not come or before somebody in it consented,
/// or with a time for versions without somebody that is none.
pub async fn add(
    service: &Service,
    grant: Grant<AddSession>,
    new: NewSession,
) -> Result<SessionId, WorkError> {
    let NewSession {
        kind,
        date,
        mut participants,
        on_withdrawal,
    } = new;
    let given = participants.len();
    participants.sort_unstable();
    participants.dedup();
    let unacceptable = |what: String| Err(WorkError::Unacceptable(what));
    if participants.is_empty() || participants.len() > SESSION_PARTICIPANTS_MAX {
        return unacceptable(format!(
            "a session has between 1 and {SESSION_PARTICIPANTS_MAX} participants, this one has {given}"
        ));
    }
    if participants.len() < given {
        return unacceptable("a participant is named twice; name each once".to_owned());
    }
    if date > service.today() {
        return unacceptable(format!(
            "{date} has not come yet; a session is added once it was held"
        ));
    }
    if let OnWithdrawal::RedactFirst { days } = on_withdrawal {
        if !(1..=REDACTION_DAYS_MAX).contains(&days) {
            return unacceptable(format!(
                "{days} days for versions without somebody who withdraws cannot be given; give 1 to {REDACTION_DAYS_MAX}, because whoever withdraws is told within a month that it is done"
            ));
        }
        if participants.len() == 1 {
            return unacceptable(
                "in a session with one participant nobody remains to keep a version for; leave `destroy`"
                    .to_owned(),
            );
        }
    }
    let study = grant.loaded().id;
    let id = SessionId::random(&*service.vault().means().entropy)?;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            for participant in &participants {
                let row = draft.reader().get(&tables::PARTICIPANTS, participant)?;
                let here = row
                    .filter(|row| row.study == study && row.standing != Standing::Erased)
                    .ok_or_else(|| {
                        WorkError::Unacceptable(format!(
                            "{participant} is no participant of this study; check the identifier"
                        ))
                    })?;
                if here.standing == Standing::Frozen {
                    return Err(WorkError::Unacceptable(format!(
                        "{participant} is withdrawing; leave them out of the session"
                    )));
                }
                consent::check_covers(draft.reader(), *participant, date)?;
            }
            let session = Session {
                id,
                study,
                kind,
                date,
                participants,
                on_withdrawal,
            };
            Ok((Event::SessionAdded { session }, id))
        })
        .await
}
