//! Headers, from whoever sends them.

use http::HeaderMap;

use super::range::{self, Wanted};
use super::tus::Creation;
use crate::limits::OBJECT_BYTES_MAX;

/// Reads the headers of an upload's creation.
///
/// # Panics
/// When what is understood is not within bounds.
pub(crate) fn creation(headers: &HeaderMap) {
    if let Ok(creation) = Creation::parse(headers) {
        assert!((1..=OBJECT_BYTES_MAX).contains(&creation.length));
    }
}

/// Reads what a download asks for.
///
/// # Panics
/// When a part is to be served that does not lie inside.
pub(crate) fn wanted(headers: &HeaderMap, length: u64) {
    let tag = range::entity_tag("tag");
    let _ = range::precondition(headers, &tag);
    let _ = range::asks_for_part(headers, &tag);
    if let Wanted::Part(part) = range::wanted(headers, length) {
        assert!(
            part.start < part.end && part.end <= length,
            "{part:?} of {length}"
        );
    }
}
