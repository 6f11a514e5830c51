//! Downloads: an item opened, whole or a range of it, or sealed for its recipient.

use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::Stream;
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::extract::{One, Query, Who, recipients};
use super::problem::{Answer, Failure};
use super::range::{Precondition, Wanted, asks_for_part, entity_tag, precondition, wanted};
use super::state::Shared;
use super::transfers::{Permit, outgoing};
use crate::access::acts::{OpenItem, ReadItem, RedactItem};
use crate::id::ItemId;
use crate::wire::{AGE_MEDIA_TYPE, Problem, ProblemKind};
use crate::work::WorkError;
use crate::work::retrieve::{self, Plain};

/// An item's own bytes, or one range of them.
///
/// A response that ends before its length is not the item: the connection was broken off because
/// access ended or the material did not verify.
#[utoipa::path(
    get, path = "/v1/items/{item}/content", tag = "items",
    params(
        ("item" = ItemId, Path, description = "The item"),
        ("Range" = Option<String>, Header, description = "One range of bytes (RFC 9110)"),
        ("If-Range" = Option<String>, Header, description = "The entity tag under which the range is wanted"),
        ("If-Match" = Option<String>, Header, description = "An entity tag"),
        ("If-None-Match" = Option<String>, Header, description = "An entity tag"),
    ),
    responses(
        (status = 200, description = "The whole item", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "It is what If-None-Match names"),
        (status = 412, description = "It is not what If-Match names", body = Problem, content_type = "application/problem+json"),
        (status = 416, description = "The range is outside", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn content(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ItemId>,
    headers: HeaderMap,
) -> Answer<Response> {
    let grant = shared.service.admit::<OpenItem>(&caller, id).await?;
    let length = grant.loaded().length;
    let tag = entity_tag(id);
    if let Some(unchanged) = conditional(&headers, &tag)? {
        shared
            .service
            .admit_reading::<ReadItem>(&caller, id)
            .await?;
        return Ok(unchanged);
    }
    let range = part_of(&headers, &tag, length)?;
    let permit = shared.transfers.begin(caller.token())?;
    let plain = retrieve::open(&shared.service, grant, range.clone()).await?;
    Ok(given(&shared, permit, id, range.is_some(), plain))
}

/// An item that somebody withdraws from, for the study's lead to make a version without them.
#[utoipa::path(
    get, path = "/v1/items/{item}/original", tag = "items",
    params(
        ("item" = ItemId, Path, description = "The item"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
    ),
    responses(
        (status = 200, description = "All of it", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The bytes asked for", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 416, description = "A range outside the item", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn original(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ItemId>,
    headers: HeaderMap,
) -> Answer<Response> {
    let grant = shared.service.admit::<RedactItem>(&caller, id).await?;
    let length = grant.loaded().length;
    let range = part_of(&headers, &entity_tag(id), length)?;
    let permit = shared.transfers.begin(caller.token())?;
    let plain = retrieve::open_original(&shared.service, grant, range.clone()).await?;
    Ok(given(&shared, permit, id, range.is_some(), plain))
}

/// The part of an item that is asked for; none for all of it.
pub(super) fn part_of(headers: &HeaderMap, tag: &str, length: u64) -> Answer<Option<Range<u64>>> {
    match asks_for_part(headers, tag) {
        false => Ok(None),
        true => match wanted(headers, length) {
            Wanted::Whole => Ok(None),
            Wanted::Part(range) => Ok(Some(range)),
            Wanted::Absurd => Err(Failure::bad_range(length)),
        },
    }
}

/// What was opened, on its way out.
pub(super) fn given(
    shared: &Shared,
    permit: Permit,
    id: impl Display,
    in_part: bool,
    plain: Plain<impl Stream<Item = Result<Bytes, WorkError>> + Send + 'static>,
) -> Response {
    let (range, tag) = (plain.range, entity_tag(&id));
    let mut headers = described(&id, &tag, range.end - range.start);
    let status = match in_part {
        false => StatusCode::OK,
        true => {
            let last = range.end.saturating_sub(1);
            let told = format!("bytes {}-{last}/{}", range.start, plain.length);
            text(&mut headers, CONTENT_RANGE, &told);
            StatusCode::PARTIAL_CONTENT
        }
    };
    (status, headers, flow(shared, permit, plain.body)).into_response()
}

/// What a download of an item would be, without opening it.
#[utoipa::path(
    head, path = "/v1/items/{item}/content", tag = "items",
    params(("item" = ItemId, Path, description = "The item")),
    responses((status = 200, description = "In the headers", headers(
        ("Content-Length" = u64, description = "The item's length, in bytes"),
        ("ETag" = String, description = "Its entity tag, which never changes"),
        ("Accept-Ranges" = String, description = "`bytes`"),
    ))),
)]
pub(super) async fn describe(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ItemId>,
    headers: HeaderMap,
) -> Answer<Response> {
    let length = {
        let grant = shared.service.admit::<OpenItem>(&caller, id).await?;
        grant.loaded().length
    };
    shared
        .service
        .admit_reading::<ReadItem>(&caller, id)
        .await?;
    let tag = entity_tag(id);
    if let Some(unchanged) = conditional(&headers, &tag)? {
        return Ok(unchanged);
    }
    Ok(described(id, &tag, length).into_response())
}

/// An item as a whole age file, for the recipients named or the one its caller enrolled with.
#[utoipa::path(
    get, path = "/v1/items/{item}/sealed", tag = "items",
    params(
        ("item" = ItemId, Path, description = "The item"),
        ("recipient" = Option<Vec<String>>, Query, description = "age recipients, each in a parameter of its own"),
    ),
    responses((status = 200, description = "An age file", body = Vec<u8>, content_type = "application/age-encryption")),
)]
pub(super) async fn sealed(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(id): One<ItemId>,
    Query(query): Query<Vec<(String, String)>>,
    method: Method,
) -> Answer<Response> {
    if method != Method::GET {
        return Err(Failure::new(
            ProblemKind::BadMethod,
            "a sealed copy is made anew each time, so there is nothing to tell of it beforehand; GET it",
        ));
    }
    let recipients = recipients(query)?;
    let grant = shared.service.admit::<OpenItem>(&caller, id).await?;
    let permit = shared.transfers.begin(caller.token())?;
    let copy = retrieve::sealed(&shared.service, grant, recipients).await?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(AGE_MEDIA_TYPE));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(copy.length));
    text(
        &mut headers,
        CONTENT_DISPOSITION,
        &format!("attachment; filename=\"{id}.age\""),
    );
    Ok((headers, flow(&shared, permit, copy.body)).into_response())
}

fn flow(
    shared: &Shared,
    permit: Permit,
    body: impl Stream<Item = Result<Bytes, WorkError>> + Send + 'static,
) -> Body {
    outgoing(body, permit, shared.seal.clone())
}

/// The answer that needs no body, when the caller's preconditions ask for one.
fn conditional(headers: &HeaderMap, tag: &str) -> Answer<Option<Response>> {
    match precondition(headers, tag) {
        Precondition::Holds => Ok(None),
        Precondition::Unchanged => {
            let mut headers = HeaderMap::new();
            text(&mut headers, ETAG, tag);
            Ok(Some((StatusCode::NOT_MODIFIED, headers).into_response()))
        }
        Precondition::Fails => Err(Failure::new(
            ProblemKind::Precondition,
            "the item is not the one that If-Match names; fetch it without that header",
        )),
    }
}

/// The headers of an item's own bytes. The file's name is not among them: it is content, and a
/// header is no place for what people typed.
fn described(id: impl Display, tag: &str, length: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    text(&mut headers, ETAG, tag);
    text(
        &mut headers,
        CONTENT_DISPOSITION,
        &format!("attachment; filename=\"{id}\""),
    );
    headers
}

fn text(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Identifiers and numbers only: there is no value that a header cannot hold.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
