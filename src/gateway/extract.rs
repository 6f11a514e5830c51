//! What a handler takes from a request, parsed at the door.

use std::net::SocketAddr;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Request};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use tokio::time::Instant;

use super::problem::Failure;
use super::state::Shared;
use super::throttle::Origin;
use crate::access::Caller;
use crate::id::IdError;
use crate::limits::{PAGE_ROWS_MAX, REQUEST_BODY_MAX, REQUEST_BODY_TIME};
use crate::wire::ProblemKind;
use crate::work::WorkError;

/// Whoever asks, by the token in the `Authorization` header and nowhere else.
#[derive(Debug)]
pub(super) struct Who(pub(super) Caller);

impl Deref for Who {
    type Target = Caller;
    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequestParts<Arc<Shared>> for Who {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Failure> {
        let now = Instant::now();
        let bearer = bearer(&parts.headers).ok_or(WorkError::Stranger)?;
        match shared.service.authenticate(bearer) {
            Ok(caller) => {
                shared.requests.take(caller.token(), now)?;
                Ok(Self(caller))
            }
            Err(WorkError::Stranger) => {
                shared.strangers.take(origin(parts), now)?;
                Err(WorkError::Stranger.into())
            }
            Err(other) => Err(other.into()),
        }
    }
}

/// Where a request comes from.
#[derive(Debug)]
pub(super) struct Whence(pub(super) Origin);

impl FromRequestParts<Arc<Shared>> for Whence {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Self, Failure> {
        Ok(Self(origin(parts)))
    }
}

fn origin(parts: &Parts) -> Origin {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let unknown = std::net::Ipv4Addr::UNSPECIFIED.into();
    peer.map_or(unknown, |ConnectInfo(peer)| peer.ip()).into()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = only(headers, &AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim_start_matches(' '))
}

/// The value of a header that is there exactly once.
pub(super) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    value.filter(|_| values.next().is_none())
}

/// The one identifier in the path.
#[derive(Debug)]
pub(super) struct One<A>(pub(super) A);

impl<A, S> FromRequestParts<S> for One<A>
where
    A: FromStr<Err = IdError>,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = path.map_err(|_| unreadable_path())?;
        Ok(Self(text.parse()?))
    }
}

/// The two identifiers in the path.
#[derive(Debug)]
pub(super) struct Two<A, B>(pub(super) A, pub(super) B);

impl<A, B, S> FromRequestParts<S> for Two<A, B>
where
    A: FromStr<Err = IdError>,
    B: FromStr<Err = IdError>,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((first, second)) = path.map_err(|_| unreadable_path())?;
        Ok(Self(first.parse()?, second.parse()?))
    }
}

/// The identifier and the word in the path.
#[derive(Debug)]
pub(super) struct OneAndWord<A, W>(pub(super) A, pub(super) W);

impl<A, W, S> FromRequestParts<S> for OneAndWord<A, W>
where
    A: FromStr<Err = IdError>,
    W: FromStr<Err: std::fmt::Display>,
    S: Send + Sync,
{
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((id, word)) = path.map_err(|_| unreadable_path())?;
        let word = word.parse::<W>();
        let word = word.map_err(|error| Failure::bad_request(error.to_string()))?;
        Ok(Self(id.parse()?, word))
    }
}

fn unreadable_path() -> Failure {
    Failure::bad_request("the path cannot be read; write identifiers in it as they were given")
}

/// The query, every part of which is known.
#[derive(Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|query| Self(query.0)).map_err(|rejection| {
            Failure::bad_request(format!(
                "the query is not acceptable: {}",
                rejection.body_text()
            ))
        })
    }
}

/// The age recipients in a query that names nothing else.
///
/// # Errors
/// A [`Failure`] for anything else in it.
pub(super) fn recipients(query: Vec<(String, String)>) -> Result<Vec<String>, Failure> {
    let recipients = query.into_iter().map(|(key, value)| match key.as_str() {
        "recipient" => Ok(value),
        _ => Err(Failure::bad_request(
            "the query is not acceptable: it may name recipients and nothing else",
        )),
    });
    recipients.collect()
}

/// How many rows a page is to have.
///
/// # Errors
/// A [`Failure`] for none or more than [`PAGE_ROWS_MAX`].
pub(super) fn rows(limit: Option<usize>) -> Result<usize, Failure> {
    match limit.unwrap_or(PAGE_ROWS_MAX) {
        rows @ 1..=PAGE_ROWS_MAX => Ok(rows),
        other => Err(Failure::new(
            ProblemKind::Unacceptable,
            format!("a page of {other} rows cannot be had; ask for 1 to {PAGE_ROWS_MAX}"),
        )),
    }
}

/// A JSON body.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Arc<Shared>> for Json<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &Arc<Shared>) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            return Err(Failure::new(
                ProblemKind::BadMedia,
                "the body must be JSON; send it with Content-Type: application/json",
            ));
        }
        read_json(&read_body(request).await?).map(Self)
    }
}

/// A JSON body that may be left out when there is nothing to say.
#[derive(Debug)]
pub(super) struct JsonOrNone<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<Shared>> for JsonOrNone<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, shared: &Arc<Shared>) -> Result<Self, Failure> {
        if request.headers().contains_key(CONTENT_TYPE) {
            return Json::from_request(request, shared)
                .await
                .map(|Json(body)| Self(body));
        }
        match read_body(request).await?.is_empty() {
            true => Ok(Self(T::default())),
            false => Err(Failure::new(
                ProblemKind::BadMedia,
                "the body must be JSON; send it with Content-Type: application/json, or none at all",
            )),
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media.eq_ignore_ascii_case("application/json"))
}

/// The media type of the body, without its parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = only(headers, &CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

async fn read_body(request: Request) -> Result<axum::body::Bytes, Failure> {
    let reading = axum::body::to_bytes(request.into_body(), REQUEST_BODY_MAX);
    match tokio::time::timeout(REQUEST_BODY_TIME, reading).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_long(&error) => Err(Failure::new(
            ProblemKind::TooLarge,
            format!("the body is longer than {REQUEST_BODY_MAX} bytes; send less"),
        )),
        Ok(Err(_)) => Err(Failure::bad_request("the body broke off; send it again")),
        Err(_) => Err(Failure::bad_request(format!(
            "the body did not come within {REQUEST_BODY_TIME:?}; send it again"
        ))),
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(|s| s.is::<http_body_util::LengthLimitError>())
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => Failure::new(
            ProblemKind::Unacceptable,
            format!("the body is not acceptable: {error}"),
        ),
        _ => Failure::bad_request(format!("the body is not JSON: {error}; correct it there")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(values: &[&str]) -> HeaderMap {
        let value = |text: &&str| HeaderValue::from_str(text).expect("a header");
        HeaderMap::from_iter(values.iter().map(|text| (AUTHORIZATION, value(text))))
    }

    #[test]
    fn a_token_comes_in_one_header_of_one_scheme() {
        assert_eq!(bearer(&asking(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&asking(&["bearer  abc"])), Some("abc"));
        for values in [
            &[][..],
            &["Basic abc"],
            &["Bearer"],
            &["abc"],
            &["Bearer abc", "Bearer abc"],
        ] {
            assert_eq!(bearer(&asking(values)), None, "{values:?}");
        }
    }

    #[test]
    fn pages_are_bounded() {
        assert!(rows(None).is_ok_and(|rows| rows == PAGE_ROWS_MAX));
        assert!(rows(Some(1)).is_ok());
        assert!(rows(Some(0)).is_err() && rows(Some(PAGE_ROWS_MAX + 1)).is_err());
    }
}
