//! Disclosure: raised by a study's lead, decided by its safeguarding lead, sent as sealed copies to a
//! named recipient until a day (R37, R38). There is no other way out.

use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use jiff::ToSpan;
use jiff::civil::Date;

use super::error::WorkError;
use super::retrieve::{SealedCopy, sealed_to};
use super::service::Service;
use crate::access::acts::{DecideDisclosure, FetchDisclosure, RaiseDisclosure, ReadDisclosure};
use crate::access::{Caller, Grant};
use crate::agefile::{Plugins, Recipients};
use crate::clock::london_day;
use crate::id::{DisclosureId, ItemId, ParticipantId};
use crate::index::{Reader, tables};
use crate::limits::{BUNDLE_DAYS_MAX, DISCLOSURE_ITEMS_MAX};
use crate::model::disclosure::{Decision, Disclosure, Ground, Permit};
use crate::model::{Action, Actor, Event, Item, Text};
use crate::vault::VaultError;

/// What the safeguarding lead decides.
#[derive(Debug)]
pub struct NewDecision {
    /// To whom it is made; nothing when it is not.
    pub granted: Option<Permit>,
    /// Why.
    pub reason: Text,
}

/// A disclosure as it stands today.
#[derive(Debug)]
pub struct Seen {
    /// The disclosure.
    pub disclosure: Disclosure,
    /// The word for how it stands.
    pub standing: &'static str,
    /// Why it was decided so; nothing where that went with a participant.
    pub reason: Option<Text>,
}

/// Asks that `items` be disclosed on one of the five grounds. What was said is not written down
/// here: it is in the items, and the lead tells the safeguarding lead.
///
/// # Errors
/// [`WorkError::Unacceptable`] for items that are not the study's, are about nobody, are named twice
/// or are too many; [`WorkError::Conflict`] when the study names no other person to decide.
pub async fn raise(
    service: &Service,
    grant: Grant<RaiseDisclosure>,
    ground: Ground,
    mut items: Vec<ItemId>,
) -> Result<DisclosureId, WorkError> {
    let given = items.len();
    items.sort_unstable();
    items.dedup();
    let unacceptable = |what: String| Err(WorkError::Unacceptable(what));
    if items.is_empty() || given > DISCLOSURE_ITEMS_MAX {
        return unacceptable(format!(
            "a disclosure names between 1 and {DISCLOSURE_ITEMS_MAX} items, this one has {given}; name what is needed and no more"
        ));
    }
    if items.len() < given {
        return unacceptable("an item is named twice; name each once".to_owned());
    }
    let (by, study) = (grant.person(), grant.loaded().id);
    let id = DisclosureId::random(&*service.vault().means().entropy)?;
    service
        .vault()
        .commit(Actor::Person(by), |draft| {
            let row = draft.reader().get(&tables::STUDIES, &study)?;
            let row = row.ok_or(WorkError::NoSuchThing)?;
            match row.contacts.safeguarding_lead {
                Some(lead) if lead != by => {}
                _ => {
                    return Err(WorkError::Conflict(
                        "the study names nobody else as its safeguarding lead, who would decide; have one named first (`strongroom study amend --safeguarding-lead`)"
                            .to_owned(),
                    ));
                }
            }
            for item in &items {
                let row = draft.reader().get(&tables::ITEMS, item)?;
                let row = row
                    .filter(|row| row.study == study && !row.erased)
                    .ok_or_else(|| {
                        WorkError::Unacceptable(format!(
                            "{item} is no item of this study; check the identifier"
                        ))
                    })?;
                if row.participants.is_empty() {
                    return Err(WorkError::Unacceptable(format!(
                        "{item} is anonymised and about nobody; name what it was made from"
                    )));
                }
            }
            let disclosure = Box::new(Disclosure {
                id,
                study,
                ground,
                items,
                raised_by: by,
                raised_at: draft.now(),
                decision: None,
            });
            Ok((Event::DisclosureRaised { disclosure }, id))
        })
        .await
}

/// Decides on a disclosure, once.
///
/// # Errors
/// [`WorkError::Unacceptable`] for a recipient age does not know or a day out of range;
/// [`WorkError::Conflict`] when it is decided, or what it names is held no more and it is to be granted.
pub async fn decide(
    service: &Service,
    grant: Grant<DecideDisclosure>,
    new: NewDecision,
) -> Result<Seen, WorkError> {
    if let Some(permit) = &new.granted {
        Recipients::parse(std::slice::from_ref(&permit.sealed_to), Plugins::Refuse)
            .map_err(|error| WorkError::Unacceptable(error.to_string()))?;
        check_until(permit.until, service.today())?;
    }
    let (by, id) = (grant.person(), *grant.on());
    let vault = service.vault();
    let disclosure = vault.commit(Actor::Person(by), |draft| {
        let row = draft.reader().get(&tables::DISCLOSURES, &id)?;
        let mut row = row.ok_or(WorkError::NoSuchThing)?;
        if row.decision.is_some() {
            return Err(WorkError::Conflict("it is decided already".to_owned()));
        }
        let people = people(draft.reader(), &row)?;
        let reason = match draft.view().note_key(vault, &people) {
            Ok(key) => Some(vault.seal_note(&key, &id, &new.reason)?),
            Err(VaultError::Destroyed) if new.granted.is_some() => {
                return Err(WorkError::Conflict(
                    "somebody in what it names is erased, so not all of it is held any more; refuse it, and have the rest raised anew"
                        .to_owned(),
                ));
            }
            Err(VaultError::Destroyed) => None,
            Err(error) => return Err(error.into()),
        };
        let decision = Decision {
            by,
            at: draft.now(),
            granted: new.granted,
            reason,
        };
        row.decision = Some(decision.clone());
        let event = Event::DisclosureDecided {
            disclosure: id,
            decision: Box::new(decision),
        };
        Ok((event, row))
    });
    seen(service, disclosure.await?)
}

/// The disclosures the caller may know of, the latest first.
///
/// # Errors
/// Those of reading the index and writing the audit.
pub async fn list(service: &Service, caller: &Caller) -> Result<Vec<Seen>, WorkError> {
    let accessed = Event::Accessed {
        action: Action::ReadDisclosure,
        resource: "disclosures".to_owned(),
        detail: None,
    };
    service
        .note(Actor::Person(caller.person().id), accessed)
        .await?;
    let rows = {
        let view = service.vault().view()?;
        view.reader()
            .page(&tables::DISCLOSURES, &(), None, usize::MAX)?
    };
    let mut found = Vec::new();
    for (id, row) in rows {
        if service.decide::<ReadDisclosure>(caller, &id).is_ok() {
            found.push(seen(service, row)?);
        }
    }
    found.sort_by_key(|seen| std::cmp::Reverse(seen.disclosure.raised_at));
    Ok(found)
}

/// One disclosure.
///
/// # Errors
/// Those of reading the index; a reason that does not open is an error, not a blank.
pub fn show(service: &Service, grant: Grant<ReadDisclosure>) -> Result<Seen, WorkError> {
    seen(service, grant.into_loaded())
}

/// Gives one of its items out, sealed for the recipient that was named and for nobody else.
///
/// # Errors
/// [`WorkError::NoSuchThing`] for an item it does not name, or whose keys are gone.
pub async fn fetch(
    service: &Arc<Service>,
    grant: Grant<FetchDisclosure>,
    item: ItemId,
) -> Result<SealedCopy<impl Stream<Item = Result<Bytes, WorkError>> + Send + use<>>, WorkError> {
    let disclosure = grant.loaded();
    let permit = disclosure
        .in_force(service.today())
        .filter(|_| disclosure.items.contains(&item))
        .ok_or(WorkError::NoSuchThing)?;
    let item: Item = {
        let view = service.vault().view()?;
        let row = view.reader().get(&tables::ITEMS, &item)?;
        row.filter(|row| !row.erased)
            .ok_or(WorkError::NoSuchThing)?
    };
    let to = Recipients::parse(std::slice::from_ref(&permit.sealed_to), Plugins::Refuse)
        .map_err(|error| WorkError::Unacceptable(error.to_string()))?;
    let accessed = Event::Accessed {
        action: Action::FetchDisclosure,
        resource: item.id.to_string(),
        detail: Some(format!(
            "{}, sealed copy for {}",
            disclosure.id, permit.sealed_to
        )),
    };
    sealed_to(service, grant, &item, &to, accessed).await
}

fn check_until(until: Date, today: Date) -> Result<(), WorkError> {
    let latest = today.saturating_add(BUNDLE_DAYS_MAX.days());
    match today <= until && until <= latest {
        true => Ok(()),
        false => Err(WorkError::Unacceptable(format!(
            "{until} does not work as the last day; give one from {today} to {latest}"
        ))),
    }
}

/// Everyone in what a disclosure names, in the order of their identifiers.
fn people(reader: &Reader<'_>, disclosure: &Disclosure) -> Result<Vec<ParticipantId>, WorkError> {
    let mut people = Vec::new();
    for item in &disclosure.items {
        let row = reader.get(&tables::ITEMS, item)?;
        people.extend(row.into_iter().flat_map(|row| row.participants));
    }
    people.sort_unstable();
    people.dedup();
    Ok(people)
}

fn seen(service: &Service, disclosure: Disclosure) -> Result<Seen, WorkError> {
    let vault = service.vault();
    let view = vault.view()?;
    let mut reason = None;
    if let Some(sealed) = disclosure
        .decision
        .as_ref()
        .and_then(|decision| decision.reason.as_ref())
    {
        let people = people(view.reader(), &disclosure)?;
        reason = match view.note_key(vault, &people) {
            Ok(key) => Some(vault.open_note(&key, &disclosure.id, sealed)?),
            Err(VaultError::Destroyed) => None,
            Err(error) => return Err(error.into()),
        };
    }
    Ok(Seen {
        standing: disclosure.standing(london_day(service.now())),
        reason,
        disclosure,
    })
}
