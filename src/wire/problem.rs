//! Problem details (RFC 9457): what an error is outside.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What went wrong, as every error response says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Which kind of problem.
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// The kind in words; the same for every problem of the kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do next.
    pub detail: String,
}

impl Problem {
    /// A problem of `kind`, with what happened and what to do next.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident = $urn:literal, $status:literal, $title:literal;)+) => {
        /// The kinds of problem, one a status and cause.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ProblemKind {
            $($(#[$doc])+ #[serde(rename = $urn)] $name,)+
        }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The HTTP status it is told with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }

            /// The kind in words.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ }
            }
        }
    };
}

kinds! {
    /// The request cannot be understood.
    BadRequest = "urn:strongroom:bad-request", 400, "The request cannot be understood";
    /// No token, or one that does not work.
    NotEnrolled = "urn:strongroom:not-enrolled", 401, "No token that works";
    /// Permitted to nobody in this place.
    Refused = "urn:strongroom:refused", 403, "Refused";
    /// Unknown, erased, or not for the one who asks: one and the same.
    NoSuchThing = "urn:strongroom:no-such-thing", 404, "No such thing, or no longer";
    /// The route does not know the method.
    BadMethod = "urn:strongroom:bad-method", 405, "This cannot be done here";
    /// It contradicts how things stand.
    Conflict = "urn:strongroom:conflict", 409, "It contradicts how things stand";
    /// The upload or item is no longer what the request builds on.
    Precondition = "urn:strongroom:precondition", 412, "It has changed";
    /// More than is accepted.
    TooLarge = "urn:strongroom:too-large", 413, "Too large";
    /// The study would hold more than it may.
    OverQuota = "urn:strongroom:over-quota", 413, "The study's quota is used up";
    /// A body of another media type.
    BadMedia = "urn:strongroom:bad-media", 415, "Another media type is needed";
    /// A range outside the item.
    BadRange = "urn:strongroom:bad-range", 416, "The range is outside the item";
    /// It is well formed and not acceptable.
    Unacceptable = "urn:strongroom:unacceptable", 422, "It is not acceptable";
    /// Too many requests at once.
    TooMany = "urn:strongroom:too-many", 429, "Too many at once";
    /// A checksum does not fit (tus).
    Checksum = "urn:strongroom:checksum", 460, "The checksum does not fit";
    /// The gateway failed; the log says why.
    Internal = "urn:strongroom:internal", 500, "The gateway failed";
    /// There is no room left at the gateway or in its storage.
    Full = "urn:strongroom:full", 507, "No room left";
    /// The gateway or its storage is not available.
    Unavailable = "urn:strongroom:unavailable", 503, "The gateway or its storage is not available";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_rfc_9457() {
        let problem = Problem::new(ProblemKind::NoSuchThing, "there is none");
        let json = serde_json::to_value(&problem).expect("json");
        assert_eq!(json["type"], "urn:strongroom:no-such-thing");
        assert_eq!(json["status"], 404);
        assert!(json["title"].is_string() && json["detail"].is_string());
    }
}
