//! What goes wrong, as it is told outside (RFC 9457), in one place.
//!
//! Whoever asks is told what happened and what to do. What only the operator may know travels
//! beside the response as its [`Cause`] and ends in the log, once.

use std::error::Error;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};

use super::throttle::Wait;
use crate::id::IdError;
use crate::wire::{PROBLEM_MEDIA_TYPE, Problem, ProblemKind};
use crate::work::WorkError;

/// A handler's answer, or why there is none.
pub(super) type Answer<T> = Result<T, Failure>;

/// Why a request is not answered as it wished.
#[derive(Debug)]
pub(super) struct Failure(Box<Told>);

#[derive(Debug)]
struct Told {
    problem: Problem,
    headers: HeaderMap,
    cause: Option<Cause>,
}

/// What the log should say about a failure, and nobody else.
#[derive(Debug, Clone)]
pub(super) struct Cause(pub(super) String);

/// How long a caller is asked to wait when the gateway or its storage is not available.
const UNAVAILABLE_WAIT: Duration = Duration::from_secs(30);

impl Failure {
    /// A failure of `kind`, with what happened and what to do next.
    pub(super) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let failure = Self(Box::new(Told {
            problem: Problem::new(kind, detail),
            headers: HeaderMap::new(),
            cause: None,
        }));
        match kind {
            ProblemKind::NotEnrolled => {
                failure.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
            }
            ProblemKind::Unavailable => failure.after(UNAVAILABLE_WAIT),
            // Whoever has too many of something need not keep the connection as well.
            ProblemKind::TooMany => failure.with(CONNECTION, HeaderValue::from_static("close")),
            _ => failure,
        }
    }

    /// The request cannot be understood.
    pub(super) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::BadRequest, detail)
    }

    /// Something that should not happen, and why, for the log.
    pub(super) fn internal(cause: &dyn Error) -> Self {
        WorkError::Internal(chain(cause)).into()
    }

    /// The same, with a header more.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// The same, asking to come back after a while.
    fn after(self, wait: Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.with(RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The range is outside something `length` bytes long.
    pub(super) fn bad_range(length: u64) -> Self {
        let failure = Self::new(
            ProblemKind::BadRange,
            format!(
                "the range is outside the item, which has {length} bytes; ask for one range inside"
            ),
        );
        match HeaderValue::try_from(format!("bytes */{length}")) {
            Ok(value) => failure.with(CONTENT_RANGE, value),
            Err(_) => failure,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Told {
            problem,
            headers,
            cause,
        } = *self.0;
        let status = StatusCode::from_u16(problem.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [(CONTENT_TYPE, PROBLEM_MEDIA_TYPE)];
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, kind, headers, body).into_response();
        cause.map(|cause| response.extensions_mut().insert(cause));
        response
    }
}

impl From<WorkError> for Failure {
    fn from(error: WorkError) -> Self {
        if let WorkError::BadRange { length } = error {
            return Self::bad_range(length);
        }
        let kind = kind_of(&error);
        let mut failure = Self::new(kind, error.outside());
        if matches!(
            kind,
            ProblemKind::Full | ProblemKind::Unavailable | ProblemKind::Internal
        ) {
            failure.0.cause = Some(Cause(chain(&error)));
        }
        failure
    }
}

fn kind_of(error: &WorkError) -> ProblemKind {
    match error {
        WorkError::Stranger => ProblemKind::NotEnrolled,
        WorkError::NoSuchThing => ProblemKind::NoSuchThing,
        WorkError::Refused(_) => ProblemKind::Refused,
        WorkError::Conflict(_) => ProblemKind::Conflict,
        WorkError::Unacceptable(_) => ProblemKind::Unacceptable,
        WorkError::TooLarge(_) => ProblemKind::TooLarge,
        WorkError::OverQuota(_) => ProblemKind::OverQuota,
        WorkError::TooMany(_) => ProblemKind::TooMany,
        WorkError::BadRange { .. } => ProblemKind::BadRange,
        WorkError::Checksum => ProblemKind::Checksum,
        WorkError::BrokenOff => ProblemKind::BadRequest,
        error if error.is_full() => ProblemKind::Full,
        error if error.is_unavailable() => ProblemKind::Unavailable,
        _ => ProblemKind::Internal,
    }
}

impl From<Wait> for Failure {
    fn from(Wait(wait): Wait) -> Self {
        let seconds = wait.as_secs() + 1;
        let detail = format!("too many requests; wait {seconds} s and try again");
        Self::new(ProblemKind::TooMany, detail).after(wait)
    }
}

impl From<IdError> for Failure {
    fn from(error: IdError) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// A path that no route has.
pub(super) async fn no_such_route(uri: Uri) -> Failure {
    let hint = match uri.path().starts_with(crate::wire::VERSION_PREFIX) {
        true => "the paths there are stand in /v1/openapi.json",
        false => "every path begins with /v1; the ones there are stand in /v1/openapi.json",
    };
    Failure::new(
        ProblemKind::NoSuchThing,
        format!("there is no such path; {hint}"),
    )
}

/// A method that a route does not know.
pub(super) async fn no_such_method(method: Method) -> Failure {
    Failure::new(
        ProblemKind::BadMethod,
        format!("{method} cannot be done here; the header Allow says what can"),
    )
}

/// An error and everything behind it, on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut behind = error.source();
    while let Some(source) = behind {
        let said = source.to_string();
        if !line.ends_with(&said) {
            line = format!("{line}: {said}");
        }
        behind = source.source();
    }
    line.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_response_of_its_status() {
        for kind in ProblemKind::ALL {
            let response = Failure::new(*kind, "what happened").into_response();
            assert_eq!(response.status().as_u16(), kind.status());
            assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_MEDIA_TYPE);
        }
    }

    #[test]
    fn what_only_the_operator_may_know_stays_inside() {
        let error = WorkError::Internal("row 7 of the index\nis odd".to_owned());
        let failure = Failure::from(error);
        assert!(!failure.0.problem.detail.contains("row 7"));
        let response = failure.into_response();
        let cause = response.extensions().get::<Cause>().expect("a cause");
        assert_eq!(cause.0, "row 7 of the index is odd");
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds_rounded_up() {
        let response = Failure::from(Wait(Duration::from_millis(1200))).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    }

    #[test]
    fn a_range_outside_says_how_long_the_item_is() {
        let response = Failure::from(WorkError::BadRange { length: 12 }).into_response();
        assert_eq!(response.headers()[CONTENT_RANGE], "bytes */12");
        assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    }
}
