//! What happens to every request and response, whatever the route.
//!
//! The log gets one line a request: method, the route's pattern, status, duration, and the
//! request's name, which the caller is given too. Never a path as it was typed, a query, a header
//! or a body: they can hold tokens, names, or the identifier of somebody erased.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use tokio::time::Instant;
use tracing::Instrument;

use super::problem::{Cause, Failure};
use super::state::Shared;
use super::tus::speak_tus;
use crate::limits;
use crate::wire::ProblemKind;
use crate::work::WorkError;

/// The header that names a request, as the log does.
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header by which tus clients behind narrow proxies say which method they mean.
const X_HTTP_METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

/// What is sent with every response.
const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// What tells somebody no. Each is told at the same time after it was asked: whether a thing is not
/// there, erased or somebody else's is not to be read off the clock (R14).
const REFUSALS: [StatusCode; 3] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::NOT_FOUND,
];

/// Two years, as the preload lists ask.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// The route that answers whatever happens.
pub(super) const HEALTH: &str = "/v1/health";

/// Names, guards, answers and logs one request.
pub(super) async fn guard(
    State(shared): State<Arc<Shared>>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let name = shared.name_request();
    let method = request.method().clone();
    let route = route.as_ref().map_or("-", MatchedPath::as_str);
    let span = tracing::info_span!("request", name);
    let mut response = match shared.seal.reason() {
        Some(_) if route != HEALTH => sealed().into_response(),
        _ => answer(request, next).instrument(span.clone()).await,
    };
    let status = response.status();
    let cause = response.extensions_mut().remove::<Cause>();
    let took = started.elapsed();
    span.in_scope(|| {
        if let Some(Cause(cause)) = cause {
            tracing::error!(cause, "a request failed");
        }
        let status = status.as_u16();
        tracing::info!(%method, route, status, ?took, "answered");
    });
    if REFUSALS.contains(&status) {
        tokio::time::sleep_until(started + limits::REFUSAL_TIME).await;
    }
    if route.starts_with(UPLOADS) {
        speak_tus(response.headers_mut());
    }
    adorn(response.headers_mut(), &name, shared.tls);
    response
}

/// The response to a request, also when its handler panics.
async fn answer(request: Request, next: Next) -> Response {
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    answered.unwrap_or_else(|_panic| {
        let error = WorkError::Internal("a handler panicked; the lines before say where".into());
        Failure::from(error).into_response()
    })
}

fn sealed() -> Failure {
    Failure::new(
        ProblemKind::Unavailable,
        "the vault is sealed and nothing is served; an administrator finds the reason in the gateway's log",
    )
}

fn adorn(headers: &mut HeaderMap, name: &str, tls: bool) {
    for (header, value) in ALWAYS {
        headers.insert(header, value);
    }
    if tls {
        headers.insert(STRICT_TRANSPORT_SECURITY, HSTS);
    }
    if let Ok(name) = HeaderValue::from_str(name) {
        headers.insert(X_REQUEST_ID, name);
    }
}

/// Reads `X-HTTP-Method-Override` on a POST, as tus asks; other requests mean what they say.
pub(super) async fn override_method(mut request: Request<Body>, next: Next) -> Response {
    let upload = request.uri().path().starts_with(UPLOADS);
    if upload && request.method() == Method::POST {
        let meant = request.headers().get(X_HTTP_METHOD_OVERRIDE);
        let meant = meant.and_then(|value| Method::from_bytes(value.as_bytes()).ok());
        if let Some(method) = meant {
            *request.method_mut() = method;
        }
    }
    next.run(request).await
}

/// Where uploads are.
const UPLOADS: &str = "/v1/uploads";
