//! Inviting people, letting them in, and stopping their access.

use jiff::Timestamp;

use super::error::WorkError;
use super::service::Service;
use crate::access::acts::ManagePeople;
use crate::access::{BearerToken, Caller, EnrolmentCode, Grant, redeem};
use crate::agefile::{Plugins, Recipients};
use crate::entropy::{Entropy, EntropyError};
use crate::id::{InvitationId, PersonId, SupplierId, TokenId};
use crate::index::{Reader, tables};
use crate::limits::{ENROLMENT_CODE_LIFETIME, TOKEN_LIFETIME};
use crate::model::person::TERMS_VERSION;
use crate::model::{Actor, Event, Invitation, Person, Role, Text, Token};
use crate::vault::{Draft, Vault, VaultError};

/// Somebody invited; the code is to be given to them once.
#[derive(Debug)]
pub struct Invited {
    /// Who.
    pub person: PersonId,
    /// Their code.
    pub code: EnrolmentCode,
    /// When it stops working.
    pub expires: Timestamp,
}

/// Somebody let in; the token is to be given to them once.
#[derive(Debug)]
pub struct Enrolled {
    /// Who.
    pub person: Person,
    /// Their token.
    pub token: BearerToken,
    /// When it stops working.
    pub expires: Timestamp,
}

/// Invites somebody.
///
/// # Errors
/// [`WorkError::Unacceptable`] when a transcriber has no supplier on the list, or somebody else has one.
pub async fn invite(
    service: &Service,
    grant: Grant<ManagePeople>,
    name: Text,
    role: Role,
    supplier: Option<SupplierId>,
) -> Result<Invited, WorkError> {
    let by = Actor::Person(grant.person());
    let vault = service.vault();
    vault
        .commit(by, |draft| {
            check_supplier(draft.reader(), role, supplier)?;
            let (event, invited) = invitation_of(vault, draft, name, role, supplier)?;
            Ok((event, invited))
        })
        .await
}

/// Gives somebody a new code: their token expired, or was lost. Older codes work no more.
///
/// # Errors
/// [`WorkError::NoSuchThing`]; [`WorkError::Conflict`] when their access was taken away for good.
pub async fn reinvite(
    service: &Service,
    grant: Grant<ManagePeople>,
    person: PersonId,
) -> Result<Invited, WorkError> {
    let by = Actor::Person(grant.person());
    let vault = service.vault();
    vault
        .commit(by, |draft| {
            if known_person(draft.reader(), person)?.revoked.is_some() {
                return Err(WorkError::Conflict(
                    "their access was taken away for good; whoever is to have access again is invited anew"
                        .to_owned(),
                ));
            }
            let (invitation, invited) = draw(vault, draft.now(), person)?;
            Ok((Event::PersonReinvited { invitation }, invited))
        })
        .await
}

/// Lets in whoever shows a code that works; it works no more.
///
/// # Errors
/// [`WorkError::Stranger`], one and the same whatever is wrong with the code;
/// [`WorkError::Unacceptable`] when the recipient is not one that age knows, or the terms accepted
/// are not those in force.
pub async fn enrol(
    service: &Service,
    code: &str,
    recipient: Option<String>,
    terms: Option<u32>,
) -> Result<Enrolled, WorkError> {
    check_terms(terms)?;
    if let Some(recipient) = &recipient {
        Recipients::parse(&[recipient], Plugins::Refuse)
            .map_err(|error| WorkError::Unacceptable(error.to_string()))?;
    }
    let vault = service.vault();
    let invitation = {
        let view = vault.view()?;
        redeem(view.reader(), code, service.now())?
    };
    let entropy = &*vault.means().entropy;
    vault
        .commit(Actor::Person(invitation.person), |draft| {
            // Again, under the lock: a code works once, whoever is quicker.
            let invitation = redeem(draft.reader(), code, draft.now())?;
            let person = known_person(draft.reader(), invitation.person)?;
            let (token, enrolled) = draw_token(entropy, draft.now(), person)?;
            let event = Event::PersonEnrolled {
                person: token.person,
                invitation: invitation.id,
                token,
                recipient,
                terms,
            };
            Ok((event, enrolled))
        })
        .await
}

/// Stops somebody's access, which takes back their tokens, or gives it back.
///
/// # Errors
/// [`WorkError::NoSuchThing`]; [`WorkError::Refused`] for oneself; [`WorkError::Conflict`] when their
/// access was taken away for good.
pub async fn suspend(
    service: &Service,
    grant: Grant<ManagePeople>,
    person: PersonId,
    suspended: bool,
) -> Result<(), WorkError> {
    if person == grant.person() {
        return Err(WorkError::Refused(
            "nobody stops or restores their own access; ask a colleague".to_owned(),
        ));
    }
    let by = Actor::Person(grant.person());
    service
        .vault()
        .commit(by, |draft| {
            if !suspended && known_person(draft.reader(), person)?.revoked.is_some() {
                return Err(WorkError::Conflict(
                    "their access was taken away for good and cannot be given back; whoever is to have access again is invited anew"
                        .to_owned(),
                ));
            }
            known_person(draft.reader(), person)?;
            Ok((Event::PersonSuspended { person, suspended }, ()))
        })
        .await
}

/// Takes back the caller's own token.
///
/// # Errors
/// Those of writing to the vault.
pub async fn leave(service: &Service, caller: Caller) -> Result<(), WorkError> {
    let person = caller.person().id;
    let token = caller.token();
    service
        .note(Actor::Person(person), Event::TokenRevoked { token, person })
        .await
}

/// The event that invites somebody, and what they are to be given.
pub(super) fn invitation_of(
    vault: &Vault,
    draft: &Draft<'_>,
    name: Text,
    role: Role,
    supplier: Option<SupplierId>,
) -> Result<(Event, Invited), WorkError> {
    let id = PersonId::random(&*vault.means().entropy)?;
    let person = Person::invited(id, name, role, supplier);
    let (invitation, invited) = draw(vault, draft.now(), person.id)?;
    Ok((Event::PersonInvited { person, invitation }, invited))
}

/// A new token for somebody: what the vault remembers of it, and what they are to be given.
pub(super) fn draw_token(
    entropy: &dyn Entropy,
    now: Timestamp,
    person: Person,
) -> Result<(Token, Enrolled), EntropyError> {
    let (bearer, digest) = BearerToken::draw(entropy)?;
    let expires = now.saturating_add(TOKEN_LIFETIME);
    let expires = expires.unwrap_or(Timestamp::MAX);
    let token = Token {
        id: TokenId::random(entropy)?,
        person: person.id,
        digest,
        expires,
        revoked: false,
    };
    let enrolled = Enrolled {
        person,
        token: bearer,
        expires,
    };
    Ok((token, enrolled))
}

fn draw(
    vault: &Vault,
    now: Timestamp,
    person: PersonId,
) -> Result<(Invitation, Invited), VaultError> {
    let entropy = &*vault.means().entropy;
    let (code, digest) = EnrolmentCode::draw(entropy)?;
    let expires = now.saturating_add(ENROLMENT_CODE_LIFETIME);
    let expires = expires.unwrap_or(Timestamp::MAX);
    let invitation = Invitation {
        id: InvitationId::random(entropy)?,
        person,
        digest,
        expires,
        used: false,
    };
    let invited = Invited {
        person,
        code,
        expires,
    };
    Ok((invitation, invited))
}

fn known_person(reader: &Reader<'_>, person: PersonId) -> Result<Person, WorkError> {
    let row = reader.get(&tables::PEOPLE, &person)?;
    row.ok_or(WorkError::NoSuchThing)
}

/// Whether the terms somebody accepts, if they do, are those in force (R34).
fn check_terms(terms: Option<u32>) -> Result<(), WorkError> {
    match terms {
        None | Some(TERMS_VERSION) => Ok(()),
        Some(other) => Err(WorkError::Unacceptable(format!(
            "the terms of use in force are version {TERMS_VERSION}, not {other}; read those and accept them"
        ))),
    }
}

fn check_supplier(
    reader: &Reader<'_>,
    role: Role,
    supplier: Option<SupplierId>,
) -> Result<(), WorkError> {
    match (role, supplier) {
        (Role::Transcriber, None) => Err(WorkError::Unacceptable(
            "a transcriber works for a supplier; name it with --supplier, after `supplier approve`"
                .to_owned(),
        )),
        (Role::Transcriber, Some(supplier)) => {
            match reader.contains(&tables::SUPPLIERS, &supplier)? {
                true => Ok(()),
                false => Err(WorkError::Unacceptable(format!(
                    "{supplier} is not on the approved list; put it there with `supplier approve`"
                ))),
            }
        }
        (_, Some(_)) => Err(WorkError::Unacceptable(format!(
            "a {role} works for no supplier; leave --supplier out, or invite a transcriber"
        ))),
        (_, None) => Ok(()),
    }
}
