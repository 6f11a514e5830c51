//! Who you are: a bearer token or an enrolment code, looked up by its digest.
//!
//! A lookup by the digest of what was shown tells, by its timing, at most about digests; it needs
//! no comparison in constant time.

use jiff::Timestamp;

use super::credentials::{BearerToken, EnrolmentCode};
use super::error::{Denial, Strangeness};
use crate::id::TokenId;
use crate::index::{Reader, tables};
use crate::model::{Digest, Invitation, Person};

/// Somebody whose token was found to work. Only [`authenticate`] makes one.
#[derive(Debug, Clone)]
pub struct Caller {
    person: Person,
    token: TokenId,
    digest: Digest,
    expires: Timestamp,
}

impl Caller {
    /// Who they are.
    pub fn person(&self) -> &Person {
        &self.person
    }

    /// The public name of the token they showed.
    pub fn token(&self) -> TokenId {
        self.token
    }

    /// The moment from which that token no longer works.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The same caller as things stand now: a token is taken back, and a person suspended, at once.
    pub(super) fn again(&self, reader: &Reader<'_>, now: Timestamp) -> Result<Self, Denial> {
        recognise(reader, self.digest, now)
    }
}

/// Finds out who shows the token `bearer`.
///
/// # Errors
/// [`Denial::Stranger`], one and the same for a token that is malformed, unknown, expired or taken
/// back, or whose person is suspended; [`Denial::Index`].
pub fn authenticate(reader: &Reader<'_>, bearer: &str, now: Timestamp) -> Result<Caller, Denial> {
    let digest = BearerToken::digest_of(bearer).ok_or(Strangeness::Malformed)?;
    recognise(reader, digest, now)
}

/// Finds the invitation that the enrolment code `code` belongs to.
///
/// Whoever lets the person in asks again under the lock that orders events, so that a code works once.
///
/// # Errors
/// [`Denial::Stranger`], one and the same for a code that is malformed, unknown, expired or used, or
/// whose person is suspended; [`Denial::Index`].
pub fn redeem(reader: &Reader<'_>, code: &str, now: Timestamp) -> Result<Invitation, Denial> {
    let digest = EnrolmentCode::digest_of(code).ok_or(Strangeness::Malformed)?;
    let invitation = reader
        .get(&tables::INVITATIONS, digest.as_bytes())?
        .ok_or(Strangeness::Unknown)?;
    if invitation.used {
        return Err(Strangeness::Used.into());
    }
    if invitation.expires <= now {
        return Err(Strangeness::Expired.into());
    }
    let person = reader
        .get(&tables::PEOPLE, &invitation.person)?
        .ok_or(Strangeness::NoPerson)?;
    match person.suspended || person.revoked.is_some() {
        true => Err(Strangeness::Suspended.into()),
        false => Ok(invitation),
    }
}

fn recognise(reader: &Reader<'_>, digest: Digest, now: Timestamp) -> Result<Caller, Denial> {
    let token = reader
        .get(&tables::TOKENS, digest.as_bytes())?
        .ok_or(Strangeness::Unknown)?;
    if token.revoked {
        return Err(Strangeness::Revoked.into());
    }
    if token.expires <= now {
        return Err(Strangeness::Expired.into());
    }
    let person = reader
        .get(&tables::PEOPLE, &token.person)?
        .ok_or(Strangeness::NoPerson)?;
    match person {
        person if person.suspended || person.revoked.is_some() => {
            Err(Strangeness::Suspended.into())
        }
        person if !person.enrolled => Err(Strangeness::NotEnrolled.into()),
        person => Ok(Caller {
            person,
            token: token.id,
            digest,
            expires: token.expires,
        }),
    }
}
