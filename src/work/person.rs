//! People's accounts: completed and ended by those who manage them, read and corrected by themselves.

use jiff::Timestamp;
use jiff::civil::Date;

use super::error::WorkError;
use super::service::Service;
use crate::access::acts::ManagePeople;
use crate::access::{Caller, Grant};
use crate::id::PersonId;
use crate::index::tables;
use crate::model::person::TERMS_VERSION;
use crate::model::{Action, Actor, Event, Membership, Person, Text};

/// What is corrected or completed of somebody.
#[derive(Debug, Default)]
pub struct Amendment {
    /// What they are called.
    pub name: Option<Text>,
    /// The last day on which their training counts (R32).
    pub trained_until: Option<Date>,
    /// The last day of their accreditation (R32).
    pub accredited_until: Option<Date>,
    /// The last day of their access to anything (R31).
    pub until: Option<Date>,
}

/// Corrects or completes what is known of somebody.
///
/// # Errors
/// [`WorkError::Unacceptable`] when nothing is changed; [`WorkError::Refused`] for one's own training,
/// accreditation or last day; [`WorkError::NoSuchThing`].
pub async fn amend(
    service: &Service,
    grant: Grant<ManagePeople>,
    person: PersonId,
    change: Amendment,
) -> Result<(), WorkError> {
    let Amendment {
        name,
        trained_until,
        accredited_until,
        until,
    } = change;
    let qualifies = trained_until.or(accredited_until).or(until).is_some();
    if name.is_none() && !qualifies {
        return Err(WorkError::Unacceptable(
            "nothing is changed; give --name, --trained-until, --accredited-until or --until"
                .to_owned(),
        ));
    }
    if qualifies && person == grant.person() {
        return Err(WorkError::Refused(
            "nobody vouches for their own training, accreditation or access; ask a colleague"
                .to_owned(),
        ));
    }
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let row = draft.reader().get(&tables::PEOPLE, &person)?;
            let mut row = Box::new(row.ok_or(WorkError::NoSuchThing)?);
            if let Some(name) = name {
                row.name = name;
            }
            row.trained_until = trained_until.or(row.trained_until);
            row.accredited_until = accredited_until.or(row.accredited_until);
            row.until = until.or(row.until);
            Ok((Event::PersonAmended { person: row }, ()))
        })
        .await
}

/// Takes somebody's access away for good: their tokens and codes work no more, and no new one is
/// given (R31).
///
/// # Errors
/// [`WorkError::Refused`] for oneself; [`WorkError::Conflict`] when it was done before;
/// [`WorkError::NoSuchThing`].
pub async fn revoke(
    service: &Service,
    grant: Grant<ManagePeople>,
    person: PersonId,
    reason: Text,
) -> Result<(), WorkError> {
    if person == grant.person() {
        return Err(WorkError::Refused(
            "nobody takes away their own access; ask a colleague".to_owned(),
        ));
    }
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let row = draft.reader().get(&tables::PEOPLE, &person)?;
            match row.ok_or(WorkError::NoSuchThing)?.revoked {
                None => Ok((Event::PersonRevoked { person, reason }, ())),
                Some(_) => Err(WorkError::Conflict(
                    "their access was taken away before; it cannot be given back: whoever is to have access again is invited anew".to_owned(),
                )),
            }
        })
        .await
}

/// Accepts the terms of use, which come before anything is seen (R34).
///
/// # Errors
/// [`WorkError::Unacceptable`] for another version than the one in force.
pub async fn accept_terms(
    service: &Service,
    caller: &Caller,
    version: u32,
) -> Result<(), WorkError> {
    if version != TERMS_VERSION {
        return Err(WorkError::Unacceptable(format!(
            "the terms of use in force are version {TERMS_VERSION}, not {version}; read those (`strongroom terms show`) and accept them"
        )));
    }
    let person = caller.person().id;
    let accepted = Event::TermsAccepted { person, version };
    service.note(Actor::Person(person), accepted).await
}

/// Corrects what one is called; at once, by oneself (R21).
///
/// # Errors
/// Those of writing to the vault.
pub async fn correct(service: &Service, caller: &Caller, name: Text) -> Result<(), WorkError> {
    let id = caller.person().id;
    service
        .vault()
        .commit(Actor::Person(id), |draft| {
            let row = draft.reader().get(&tables::PEOPLE, &id)?;
            let mut person = Box::new(row.ok_or(WorkError::NoSuchThing)?);
            person.name = name;
            Ok((Event::PersonAmended { person }, ()))
        })
        .await
}

/// All that is held of somebody's account.
#[derive(Debug)]
pub struct Account {
    /// Their account.
    pub person: Person,
    /// Their places in studies.
    pub memberships: Vec<Membership>,
    /// What they did, and what was done to their account, oldest first.
    pub record: Vec<Recorded>,
}

/// Something on record about somebody's account.
#[derive(Debug)]
pub struct Recorded {
    /// When.
    pub at: Timestamp,
    /// Whether they did it themselves.
    pub own: bool,
    /// What, by name.
    pub event: &'static str,
    /// What they did, and to what, for an access or a refusal.
    pub on: Option<(Action, String)>,
}

/// All that is held of the caller's account, and what they did (R21). Reads the whole journal: blocks
/// its thread.
///
/// # Errors
/// [`WorkError::Vault`] when a record no longer verifies.
pub fn export(service: &Service, caller: &Caller) -> Result<Account, WorkError> {
    let (person, memberships) = super::inspect::me(service, caller)?;
    let mut record = Vec::new();
    service
        .vault()
        .entries::<WorkError>(0, u64::MAX, |_, entry| {
            let own = entry.by == Actor::Person(person.id);
            if !own && !is_about(&entry.event, person.id) {
                return Ok(());
            }
            let event = entry.event.name();
            let on = match entry.event {
                Event::Accessed {
                    action, resource, ..
                }
                | Event::Refused { action, resource } => Some((action, resource)),
                _ => None,
            };
            record.push(Recorded {
                at: entry.at,
                own,
                event,
                on,
            });
            Ok(())
        })?;
    Ok(Account {
        person,
        memberships,
        record,
    })
}

/// Whether an event changes somebody's account.
fn is_about(event: &Event, who: PersonId) -> bool {
    match event {
        Event::PersonInvited { person, .. } => person.id == who,
        Event::PersonAmended { person } => person.id == who,
        Event::PersonReinvited { invitation } => invitation.person == who,
        Event::PersonEnrolled { person, .. }
        | Event::PersonSuspended { person, .. }
        | Event::PersonRevoked { person, .. }
        | Event::TermsAccepted { person, .. }
        | Event::TokenRevoked { person, .. }
        | Event::StudyAccessEnded { person, .. } => *person == who,
        Event::TokenIssued { token } => token.person == who,
        Event::StudyAccessGranted { membership } => membership.person == who,
        Event::StudyCreated { lead, .. } => lead.as_ref().is_some_and(|lead| lead.person == who),
        _ => false,
    }
}
