//! People: invitations, enrolment, and one's own account.

use std::sync::Arc;

use axum::extract::State;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::StatusCode;
use tokio::time::Instant;

use super::extract::{Json, One, Whence, Who};
use super::problem::Answer;
use super::state::Shared;
use super::views;
use crate::access::acts::ManagePeople;
use crate::id::PersonId;
use crate::wire::{
    Challenge, Enrolled, Enrolment, Invited, Me, NewChallenge, NewPerson, PersonAmendment,
    PersonView, Renewal, Revocation, Suspension,
};
use crate::work::{WorkError, enrol, inspect, person, renew};

/// Exchanges an enrolment code, which works once, for a token.
#[utoipa::path(
    post, path = "/v1/enrolments", tag = "people", security(()),
    request_body = Enrolment,
    responses((status = 201, description = "Enrolled; the token is shown this once", body = Enrolled)),
)]
pub(super) async fn enrol(
    State(shared): State<Arc<Shared>>,
    Whence(origin): Whence,
    Json(enrolment): Json<Enrolment>,
) -> Answer<(StatusCode, axum::Json<Enrolled>)> {
    // Asked before the code is looked at, so that codes cannot be tried faster than this.
    shared.strangers.look(origin, Instant::now())?;
    let Enrolment {
        code,
        recipient,
        terms,
    } = enrolment;
    let enrolled = enrol::enrol(&shared.service, &code, recipient, terms).await;
    if let Err(WorkError::Stranger) = enrolled {
        shared.strangers.take(origin, Instant::now())?;
    }
    Ok((StatusCode::CREATED, axum::Json(views::enrolled(enrolled?))))
}

/// Seals a value to the recipient somebody enrolled with; whoever opens it needs no new code.
#[utoipa::path(
    post, path = "/v1/challenges", tag = "people", security(()),
    request_body = NewChallenge,
    responses((status = 201, description = "To be answered within two minutes", body = Challenge)),
)]
pub(super) async fn challenge(
    State(shared): State<Arc<Shared>>,
    Whence(origin): Whence,
    Json(asked): Json<NewChallenge>,
) -> Answer<(StatusCode, axum::Json<Challenge>)> {
    shared.strangers.take(origin, Instant::now())?;
    let sealed = renew::challenge(&shared.service, asked.person)?;
    let sealed = BASE64_STANDARD.encode(sealed);
    Ok((StatusCode::CREATED, axum::Json(Challenge { sealed })))
}

/// Exchanges the answer to a challenge for a token.
#[utoipa::path(
    post, path = "/v1/tokens", tag = "people", security(()),
    request_body = Renewal,
    responses((status = 201, description = "Let in again; the token is shown this once", body = Enrolled)),
)]
pub(super) async fn renew(
    State(shared): State<Arc<Shared>>,
    Whence(origin): Whence,
    Json(renewal): Json<Renewal>,
) -> Answer<(StatusCode, axum::Json<Enrolled>)> {
    shared.strangers.look(origin, Instant::now())?;
    let answer = BASE64_STANDARD.decode(renewal.answer).unwrap_or_default();
    let renewed = renew::renew(&shared.service, renewal.person, &answer).await;
    if let Err(WorkError::Stranger) = renewed {
        shared.strangers.take(origin, Instant::now())?;
    }
    Ok((StatusCode::CREATED, axum::Json(views::enrolled(renewed?))))
}

/// Takes back the token the request is made with.
#[utoipa::path(
    delete, path = "/v1/tokens/current", tag = "people",
    responses((status = 204, description = "It works no more")),
)]
pub(super) async fn leave(
    State(shared): State<Arc<Shared>>,
    Who(caller): Who,
) -> Answer<StatusCode> {
    enrol::leave(&shared.service, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who the token belongs to, and their places in studies.
#[utoipa::path(
    get, path = "/v1/me", tag = "people",
    responses((status = 200, description = "Oneself", body = Me)),
)]
pub(super) async fn me(State(shared): State<Arc<Shared>>, caller: Who) -> Answer<axum::Json<Me>> {
    let (person, memberships) = inspect::me(&shared.service, &caller)?;
    Ok(axum::Json(Me {
        token_expires: caller.expires(),
        recipient: person.recipient.clone(),
        person: views::person(person),
        studies: memberships.into_iter().map(views::membership).collect(),
    }))
}

/// Invites somebody.
#[utoipa::path(
    post, path = "/v1/people", tag = "people",
    request_body = NewPerson,
    responses((status = 201, description = "Invited; the code is shown this once", body = Invited)),
)]
pub(super) async fn invite(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    Json(new): Json<NewPerson>,
) -> Answer<(StatusCode, axum::Json<Invited>)> {
    let service = &shared.service;
    let grant = service.admit::<ManagePeople>(&caller, ()).await?;
    let NewPerson {
        name,
        role,
        supplier,
    } = new;
    let invited = enrol::invite(service, grant, name, role, supplier).await?;
    Ok((StatusCode::CREATED, axum::Json(views::invited(invited))))
}

/// Everybody with an account.
#[utoipa::path(
    get, path = "/v1/people", tag = "people",
    responses((status = 200, description = "Everybody", body = Vec<PersonView>)),
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Who,
) -> Answer<axum::Json<Vec<PersonView>>> {
    let service = &shared.service;
    let grant = service.admit_reading::<ManagePeople>(&caller, ()).await?;
    let people = inspect::people(service, grant)?;
    Ok(axum::Json(people.into_iter().map(views::person).collect()))
}

/// Gives somebody a new code, because their token expired or was lost.
#[utoipa::path(
    post, path = "/v1/people/{person}/invitations", tag = "people",
    params(("person" = PersonId, Path, description = "Who")),
    responses((status = 201, description = "Invited again; the code is shown this once", body = Invited)),
)]
pub(super) async fn reinvite(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(person): One<PersonId>,
) -> Answer<(StatusCode, axum::Json<Invited>)> {
    let service = &shared.service;
    let grant = service.admit::<ManagePeople>(&caller, ()).await?;
    let invited = enrol::reinvite(service, grant, person).await?;
    Ok((StatusCode::CREATED, axum::Json(views::invited(invited))))
}

/// Stops somebody's access, which takes back their tokens at once, or gives it back.
#[utoipa::path(
    put, path = "/v1/people/{person}/suspension", tag = "people",
    params(("person" = PersonId, Path, description = "Who")),
    request_body = Suspension,
    responses((status = 204, description = "Done")),
)]
pub(super) async fn suspend(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(person): One<PersonId>,
    Json(Suspension { suspended }): Json<Suspension>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ManagePeople>(&caller, ()).await?;
    enrol::suspend(service, grant, person, suspended).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Corrects or completes what is known of somebody: name, training, accreditation, last day.
#[utoipa::path(
    patch, path = "/v1/people/{person}", tag = "people",
    params(("person" = PersonId, Path, description = "Who")),
    request_body = PersonAmendment,
    responses((status = 204, description = "Done")),
)]
pub(super) async fn amend(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(person): One<PersonId>,
    Json(change): Json<PersonAmendment>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ManagePeople>(&caller, ()).await?;
    let change = person::Amendment {
        name: change.name,
        trained_until: change.trained_until,
        accredited_until: change.accredited_until,
        until: change.until,
    };
    person::amend(service, grant, person, change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes somebody's access away for good.
#[utoipa::path(
    put, path = "/v1/people/{person}/revocation", tag = "people",
    params(("person" = PersonId, Path, description = "Who")),
    request_body = Revocation,
    responses((status = 204, description = "Done")),
)]
pub(super) async fn revoke(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(person): One<PersonId>,
    Json(Revocation { reason }): Json<Revocation>,
) -> Answer<StatusCode> {
    let service = &shared.service;
    let grant = service.admit::<ManagePeople>(&caller, ()).await?;
    person::revoke(service, grant, person, reason).await?;
    Ok(StatusCode::NO_CONTENT)
}
