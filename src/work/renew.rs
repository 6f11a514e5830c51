//! Letting somebody in again: whoever holds the age identity they enrolled with needs no new code.
//!
//! Tokens are short-lived. To get another, a person asks for a challenge, a random value sealed to
//! the recipient they enrolled with, and shows that they could open it.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::enrol::{Enrolled, draw_token};
use super::error::WorkError;
use super::service::Service;
use crate::agefile::{AgeError, Plugins, Recipients, Workers, seal_file};
use crate::id::PersonId;
use crate::index::tables;
use crate::limits::{CHALLENGE_LIFETIME, CHALLENGES_MAX};
use crate::model::{Actor, Digest, Event};

/// Length of what is sealed in a challenge, in bytes.
const ANSWER_BYTES: usize = 32;

/// Challenges that wait for their answer, oldest first. They are in memory only: a restart forgets them.
#[derive(Debug, Default)]
pub(super) struct Challenges(Mutex<VecDeque<Open>>);

#[derive(Debug)]
struct Open {
    person: PersonId,
    answer: Digest,
    expires: Timestamp,
}

impl Challenges {
    fn open(&self, challenge: Open) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CHALLENGES_MAX {
            all.pop_front();
        }
        all.push_back(challenge);
    }

    /// Takes out the challenge of `person` that `answer` answers; each is answered once.
    fn take(&self, person: PersonId, answer: Digest, now: Timestamp) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|open| open.expires > now);
        let found = all
            .iter()
            .position(|open| open.person == person && open.answer == answer);
        found.and_then(|place| all.remove(place)).is_some()
    }
}

/// Seals a random value to whoever `person` is: an age file. Somebody unknown, or who enrolled
/// without a recipient, gets one that nobody can open, so that it tells nothing.
///
/// # Errors
/// Those of reading the index and of randomness.
pub fn challenge(service: &Service, person: PersonId) -> Result<Vec<u8>, WorkError> {
    let entropy = &*service.vault().means().entropy;
    let mut answer = Zeroizing::new([0; ANSWER_BYTES]);
    entropy.fill(&mut answer[..])?;
    let row = {
        let view = service.vault().view()?;
        view.reader().get(&tables::PEOPLE, &person)?
    };
    let recipient = row
        .filter(|row| row.enrolled && !row.suspended && row.revoked.is_none())
        .and_then(|row| row.recipient);
    let recipients = match &recipient {
        Some(recipient) => Recipients::parse(&[recipient], Plugins::Refuse)?,
        None => nobody()?,
    };
    let mut sealed = Vec::new();
    seal_file(
        &mut &answer[..],
        &mut sealed,
        &recipients,
        entropy,
        &Workers::one(),
    )?;
    if recipient.is_some() {
        let expires = service.now().saturating_add(CHALLENGE_LIFETIME);
        service.challenges.open(Open {
            person,
            answer: Digest::of(&answer[..]),
            expires: expires.unwrap_or(Timestamp::MAX),
        });
    }
    Ok(sealed)
}

/// Gives another token to whoever opened a challenge.
///
/// # Errors
/// [`WorkError::Stranger`], one and the same whatever is wrong.
pub async fn renew(
    service: &Service,
    person: PersonId,
    answer: &[u8],
) -> Result<Enrolled, WorkError> {
    if !service
        .challenges
        .take(person, Digest::of(answer), service.now())
    {
        return Err(WorkError::Stranger);
    }
    let entropy = &*service.vault().means().entropy;
    service
        .vault()
        .commit(Actor::Person(person), |draft| {
            let row = draft.reader().get(&tables::PEOPLE, &person)?;
            let person = row.filter(|row| row.enrolled && !row.suspended && row.revoked.is_none());
            let person = person.ok_or(WorkError::Stranger)?;
            let (token, enrolled) = draw_token(entropy, draft.now(), person)?;
            Ok((Event::TokenIssued { token }, enrolled))
        })
        .await
}

/// A recipient whose identity is thrown away.
fn nobody() -> Result<Recipients, AgeError> {
    Recipients::new(vec![Box::new(
        age::x25519::Identity::generate().to_public(),
    )])
}
