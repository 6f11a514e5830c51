//! Uploads: tus 1.0 with creation, creation-with-upload, termination, expiration and checksum.
//!
//! A body goes to work as it comes. It is written by a task of its own, so that what arrived is kept
//! when the client goes away in the middle.
//!
//! One thing differs from the letter of tus: a HEAD does not repeat `Upload-Metadata`, because the
//! file's name is sealed under the keys of the people in it and is opened for nobody but the team.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures::StreamExt as _;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderValue, StatusCode};

use super::extract::{One, Who};
use super::problem::Answer;
use super::state::Shared;
use super::transfers::incoming;
use super::tus::{self, Creation, Headers, Tus};
use crate::access::Caller;
use crate::access::acts::{DepositItem, DeriveItem, RedactItem};
use crate::id::UploadId;
use crate::limits::LINGER_BYTES;
use crate::wire::{Destination, Origin, Problem};
use crate::work::Service;
use crate::work::deposit::{self, Announced, Begun, Checksum, Made, Progress};

/// What the server can do (tus).
#[utoipa::path(
    options, path = "/v1/uploads", tag = "uploads", security(()),
    responses((status = 204, description = "In the headers", headers(
        ("Tus-Version" = String, description = "The versions spoken"),
        ("Tus-Extension" = String, description = "The extensions known"),
        ("Tus-Max-Size" = u64, description = "The longest upload, in bytes"),
        ("Tus-Checksum-Algorithm" = String, description = "The checksums known"),
    ))),
)]
pub(super) async fn options() -> Response {
    let headers = Headers::capabilities().finish();
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Begins an upload to a session (tus creation), perhaps with its first piece or all of it.
#[utoipa::path(
    post, path = "/v1/uploads", tag = "uploads",
    params(
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Length" = u64, Header, description = "The file's length, in bytes"),
        ("Upload-Metadata" = String, Header, description = "`session`, `kind` and, if there is one, `filename`, each with its value in base64; `redacts` for a version of an item without those who withdraw; instead of `session`, `from` (items, commas between), `tier` and perhaps `group`, `quotes` (`yes`) and `shows` (fields, a line each) for what was made from items"),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1` or `sha256` of the body, and the digest in base64"),
        ("Idempotency-Key" = Option<String>, Header, description = "16 to 128 characters drawn at random, such as a UUID: the same file announced again with the same key is the same upload, whose Upload-Offset says where to go on"),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream", description = "The first piece, or nothing"),
    responses(
        (status = 201, description = "Begun, or found by its key", headers(
            ("Location" = String, description = "Where the upload is"),
            ("Upload-Offset" = u64, description = "Bytes taken in"),
            ("Upload-Expires" = String, description = "When it is given up"),
            ("Strongroom-Item" = String, description = "The item it becomes"),
        )),
        (status = 412, description = "Another version of tus is needed", body = Problem, content_type = "application/problem+json"),
        (status = 460, description = "The checksum does not fit; the upload has begun all the same, at Location", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn create(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    _: Tus,
    request: Request,
) -> Answer<Response> {
    let creation = Creation::parse(request.headers())?;
    let checksum = tus::checksum(request.headers())?;
    // One whose bytes may be refused is begun all the same, and said to be.
    let comes_along = checksum.is_none() && is_whole(&request, creation.length);
    let piece = piece_of(request)?;
    let service = &shared.service;
    let begun = begin(service, &caller, creation, comes_along).await?;
    let headers = Headers::default().location(begun.upload);
    let headers = match piece {
        // A body that comes again is needed only if nothing of it arrived before.
        Some(body) if begun.progress.offset == 0 => {
            let written = write(&shared, caller.0.clone(), begun.upload, 0, body, checksum).await;
            match written {
                Ok(progress) => headers.progress(&progress),
                // It has begun all the same: the client goes on from what HEAD says.
                Err(failure) => {
                    let headers = headers.item(begun.item).expires(begun.progress.expires);
                    return Ok((headers.finish(), failure).into_response());
                }
            }
        }
        again => {
            if let Some(body) = again {
                pass_over(&shared, &caller.0, body).await?;
            }
            headers.progress(&begun.progress)
        }
    };
    Ok((StatusCode::CREATED, headers.finish()).into_response())
}

/// Takes a body that is not needed, so that the connection goes on being used; the rest of a long one
/// is left, and the connection with it.
async fn pass_over(shared: &Arc<Shared>, caller: &Caller, body: Body) -> Answer<()> {
    let _permit = shared.transfers.begin(caller.token())?;
    let mut body = incoming(body, shared.stall, shared.seal.clone());
    let mut taken = 0;
    while let Some(Ok(piece)) = body.next().await {
        taken += piece.len();
        if taken > LINGER_BYTES {
            break;
        }
    }
    Ok(())
}

/// Whether the body is all of an upload of `length` bytes.
fn is_whole(request: &Request, length: u64) -> bool {
    let declared = request.headers().get(CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse().ok());
    tus::is_chunk(request.headers()) && declared == Some(length)
}

/// Decides over where it comes from, and begins it.
async fn begin(
    service: &Arc<Service>,
    caller: &Caller,
    creation: Creation,
    comes_along: bool,
) -> Answer<Begun> {
    let Destination { kind, origin } = creation.to;
    let file = Announced {
        length: creation.length,
        kind,
        file_name: creation.file_name,
        key: creation.key,
        comes_along,
    };
    Ok(match origin {
        Origin::Session(session) => {
            let on = (session, kind);
            let grant = service.admit::<DepositItem>(caller, on).await?;
            deposit::begin(service, grant, file).await?
        }
        Origin::Version { session, redacts } => {
            let grant = service.admit::<RedactItem>(caller, redacts).await?;
            deposit::begin_redacted(service, grant, session, file).await?
        }
        Origin::Items(made) => {
            let mut grants = Vec::with_capacity(made.from.len());
            for item in made.from {
                grants.push(service.admit::<DeriveItem>(caller, item).await?);
            }
            let made = Made {
                tier: made.tier,
                group: made.group,
                quotes: made.quotes,
                shows: made.shows,
            };
            deposit::begin_derived(service, grants, made, file).await?
        }
    })
}

/// How far an upload has come.
#[utoipa::path(
    head, path = "/v1/uploads/{upload}", tag = "uploads",
    params(
        ("upload" = UploadId, Path, description = "The upload"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    responses((status = 200, description = "In the headers", headers(
        ("Upload-Offset" = u64, description = "Bytes taken in"),
        ("Upload-Length" = u64, description = "Bytes in all"),
        ("Upload-Expires" = String, description = "When it is given up"),
        ("Strongroom-Item" = String, description = "The item it becomes"),
    ))),
)]
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(upload): One<UploadId>,
    _: Tus,
) -> Answer<Response> {
    let progress = deposit::offset(&shared.service, &caller, upload).await?;
    let headers = Headers::default().progress(&progress);
    Ok(headers.length(progress.length).finish().into_response())
}

/// Writes the next piece of an upload; the last one makes the item.
#[utoipa::path(
    patch, path = "/v1/uploads/{upload}", tag = "uploads",
    params(
        ("upload" = UploadId, Path, description = "The upload"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
        ("Upload-Offset" = u64, Header, description = "Where the piece begins"),
        ("Upload-Checksum" = Option<String>, Header, description = "`sha1` or `sha256` of the body, and the digest in base64"),
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream", description = "The piece"),
    responses(
        (status = 204, description = "Taken in", headers(
            ("Upload-Offset" = u64, description = "Bytes taken in"),
            ("Upload-Expires" = String, description = "When it is given up"),
            ("Strongroom-Item" = String, description = "The item it becomes"),
        )),
        (status = 412, description = "Another version of tus is needed", body = Problem, content_type = "application/problem+json"),
        (status = 460, description = "The checksum does not fit; nothing was taken in", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn append(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(upload): One<UploadId>,
    _: Tus,
    request: Request,
) -> Answer<Response> {
    if !tus::is_chunk(request.headers()) {
        return Err(tus::not_a_chunk());
    }
    let offset = tus::offset(request.headers())?;
    let checksum = tus::checksum(request.headers())?;
    let body = request.into_body();
    let progress = write(&shared, caller.0, upload, offset, body, checksum).await?;
    let headers = Headers::default().progress(&progress).finish();
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// Gives an upload up; what was stored of it is deleted.
#[utoipa::path(
    delete, path = "/v1/uploads/{upload}", tag = "uploads",
    params(
        ("upload" = UploadId, Path, description = "The upload"),
        ("Tus-Resumable" = String, Header, description = "`1.0.0`"),
    ),
    responses((status = 204, description = "Given up")),
)]
pub(super) async fn abandon(
    State(shared): State<Arc<Shared>>,
    caller: Who,
    One(upload): One<UploadId>,
    _: Tus,
) -> Answer<Response> {
    deposit::abandon(&shared.service, &caller, upload).await?;
    Ok((StatusCode::NO_CONTENT, Headers::default().finish()).into_response())
}

/// Writes a body to an upload, in a task that outlives the request.
async fn write(
    shared: &Arc<Shared>,
    caller: Caller,
    upload: UploadId,
    offset: u64,
    body: Body,
    checksum: Option<Checksum>,
) -> Answer<Progress> {
    let permit = shared.transfers.begin(caller.token())?;
    let body = incoming(body, shared.stall, shared.seal.clone());
    let service = Arc::clone(&shared.service);
    let writing = async move {
        let _permit = permit;
        deposit::write(&service, &caller, upload, offset, body, checksum).await
    };
    let progress = shared.finish(writing).await?;
    if progress.offset == progress.length {
        // It may be the version that an erasure waited for.
        shared.erasures.notify_one();
    }
    Ok(progress)
}

/// The body, when it is the first piece of an upload; nothing when there is none.
fn piece_of(request: Request) -> Answer<Option<Body>> {
    let headers = request.headers();
    if tus::is_chunk(headers) {
        return Ok(Some(request.into_body()));
    }
    let empty = headers
        .get(CONTENT_LENGTH)
        .is_none_or(|length| length == HeaderValue::from_static("0"));
    match empty && !headers.contains_key(TRANSFER_ENCODING) {
        true => Ok(None),
        false => Err(tus::not_a_chunk()),
    }
}
