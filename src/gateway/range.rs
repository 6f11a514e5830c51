//! Byte ranges and preconditions of a download (RFC 9110, sections 13 and 14).
//!
//! An item never changes, so its identifier is its entity tag, and a strong one.

use std::ops::Range;

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};

/// What a request asks to see of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// A part, which is inside.
    Part(Range<u64>),
    /// A part that is not inside, several parts, or nothing that makes sense.
    Absurd,
}

/// What a request's preconditions come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precondition {
    /// Go on.
    Holds,
    /// What the caller has is what there is: 304.
    Unchanged,
    /// What the caller builds on is not what there is: 412.
    Fails,
}

/// The entity tag of an item.
pub(super) fn entity_tag(item: impl std::fmt::Display) -> String {
    format!("\"{item}\"")
}

/// What `If-Match` and `If-None-Match` come to for something tagged `tag`.
pub(super) fn precondition(headers: &HeaderMap, tag: &str) -> Precondition {
    if headers.contains_key(IF_MATCH) && !names(headers, &IF_MATCH, tag, Comparison::Strong) {
        return Precondition::Fails;
    }
    match names(headers, &IF_NONE_MATCH, tag, Comparison::Weak) {
        true => Precondition::Unchanged,
        false => Precondition::Holds,
    }
}

/// Whether a part is asked for, so that the length must be known.
pub(super) fn asks_for_part(headers: &HeaderMap, tag: &str) -> bool {
    headers.contains_key(RANGE)
        && (!headers.contains_key(IF_RANGE) || names(headers, &IF_RANGE, tag, Comparison::Strong))
}

/// What the `Range` header asks for of something `length` bytes long.
///
/// A unit other than bytes is passed over, as the RFC demands; several ranges are not served.
pub(super) fn wanted(headers: &HeaderMap, length: u64) -> Wanted {
    let mut values = headers.get_all(RANGE).iter();
    let (value, more) = (values.next(), values.next());
    let Some(value) = value else {
        return Wanted::Whole;
    };
    let Some((unit, ranges)) = value.to_str().ok().and_then(|v| v.split_once('=')) else {
        return Wanted::Absurd;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::Whole;
    }
    let part = more.is_none().then(|| one_part(ranges.trim(), length));
    part.flatten().map_or(Wanted::Absurd, Wanted::Part)
}

/// The one range in `text`, cut to `length`; nothing when it lies outside or is none.
fn one_part(text: &str, length: u64) -> Option<Range<u64>> {
    let (first, last) = text.split_once('-')?;
    let range = match (first, last) {
        ("", suffix) => length.saturating_sub(number(suffix)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(length)
        }
    };
    (range.start < range.end).then_some(range)
}

/// A run of digits; one too long for 64 bits is as good as the largest number.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether one of the tags in a header is `tag`, or any will do.
fn names(headers: &HeaderMap, header: &HeaderName, tag: &str, comparison: Comparison) -> bool {
    headers
        .get_all(header)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|named| {
            let weak = named.strip_prefix("W/");
            named == tag
                || named == "*"
                || comparison == Comparison::Weak && weak.is_some_and(|weak| weak == tag)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn asking(header: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header, HeaderValue::from_str(value).expect("a header"))])
    }

    fn of_ten(range: &str) -> Wanted {
        wanted(&asking(RANGE, range), 10)
    }

    #[test]
    fn ranges_inside_are_served() {
        for (asked, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-", 0..10),
            ("bytes=9-", 9..10),
            ("bytes=2-4", 2..5),
            ("bytes=2-400", 2..10),
            ("bytes=2-99999999999999999999999", 2..10),
            ("bytes=-1", 9..10),
            ("bytes=-10", 0..10),
            ("bytes=-11", 0..10),
            ("BYTES = 2-4", 2..5),
        ] {
            assert_eq!(of_ten(asked), Wanted::Part(part), "{asked}");
        }
    }

    #[test]
    fn absurd_ranges_are_not() {
        for asked in [
            "bytes=10-",
            "bytes=10-11",
            "bytes=18446744073709551615-",
            "bytes=-0",
            "bytes=4-2",
            "bytes=",
            "bytes=-",
            "bytes=--1",
            "bytes=+1-2",
            "bytes=a-b",
            "bytes=1",
            "bytes",
            "bytes=0-1,3-4",
            "bytes=0-5,2-7",
            "bytes=0-0,",
            "bytes=0x1-2",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(of_ten(asked), Wanted::Absurd, "{asked}");
        }
        let mut twice = asking(RANGE, "bytes=0-1");
        twice.append(RANGE, HeaderValue::from_static("bytes=2-3"));
        assert_eq!(wanted(&twice, 10), Wanted::Absurd);
    }

    #[test]
    fn units_that_are_not_known_are_passed_over() {
        assert_eq!(of_ten("lines=1-2"), Wanted::Whole);
        assert_eq!(wanted(&HeaderMap::new(), 10), Wanted::Whole);
    }

    #[test]
    fn if_range_decides_whether_a_part_is_meant() {
        let mut headers = asking(RANGE, "bytes=0-1");
        assert!(asks_for_part(&headers, "\"a\""));
        for (tag, meant) in [
            ("\"a\"", true),
            ("\"b\"", false),
            ("W/\"a\"", false),
            ("Tue, 15 Nov 1994 12:45:26 GMT", false),
        ] {
            headers.insert(IF_RANGE, HeaderValue::from_str(tag).expect("a header"));
            assert_eq!(asks_for_part(&headers, "\"a\""), meant, "{tag}");
        }
    }

    #[test]
    fn preconditions_are_compared_as_the_rfc_says() {
        for (header, value, outcome) in [
            (IF_NONE_MATCH, "\"a\"", Precondition::Unchanged),
            (IF_NONE_MATCH, "W/\"a\"", Precondition::Unchanged),
            (IF_NONE_MATCH, "\"b\", \"a\"", Precondition::Unchanged),
            (IF_NONE_MATCH, "*", Precondition::Unchanged),
            (IF_NONE_MATCH, "\"b\"", Precondition::Holds),
            (IF_MATCH, "\"a\"", Precondition::Holds),
            (IF_MATCH, "*", Precondition::Holds),
            (IF_MATCH, "W/\"a\"", Precondition::Fails),
            (IF_MATCH, "\"b\"", Precondition::Fails),
        ] {
            assert_eq!(
                precondition(&asking(header, value), "\"a\""),
                outcome,
                "{value}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_range_is_answered(asked in "(bytes)?=?[-0-9, ]{0,30}", length in 1_u64..1000) {
            let Ok(value) = HeaderValue::from_str(&asked) else { return Ok(()) };
            let headers = HeaderMap::from_iter([(RANGE, value)]);
            if let Wanted::Part(part) = wanted(&headers, length) {
                prop_assert!(part.start < part.end && part.end <= length);
            }
        }
    }
}
