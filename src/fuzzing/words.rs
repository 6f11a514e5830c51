//! Words: what people and programs write in a header, in an address, on the command line.

use http::header::{HeaderName, RANGE};
use http::{HeaderMap, HeaderValue};

use crate::access::{BearerToken, EnrolmentCode};
use crate::gateway;
use crate::id::{ItemId, ParticipantId, PersonId};
use crate::model::retention::RetentionRules;

/// An identifier is written as it was read, or not read at all; a credential is recognised however it
/// was copied.
///
/// # Panics
/// When that does not hold.
pub fn credentials(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    macro_rules! reads_back {
        ($($id:ty),+) => {$(
            if let Ok(id) = text.parse::<$id>() {
                let written = id.to_string();
                assert_eq!(written.parse::<$id>(), Ok(id), "{written}");
            }
        )+};
    }
    reads_back!(ItemId, ParticipantId, PersonId);
    let copied = format!(" {}\n", text.to_uppercase());
    assert_eq!(
        BearerToken::digest_of(&text).is_some() && text.is_ascii(),
        BearerToken::digest_of(&copied).is_some() && text.is_ascii(),
        "{text:?}"
    );
    if let (Some(token), Some(code)) = (
        BearerToken::digest_of(&text),
        EnrolmentCode::digest_of(&text),
    ) {
        panic!("{text:?} is a token ({token:?}) and a code ({code:?})");
    }
}

/// Rules that are read are written so that they are read again as the same rules.
///
/// # Panics
/// When they are not.
pub fn retention(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(rules) = text.parse::<RetentionRules>() {
        let written = rules.to_string();
        match written.parse::<RetentionRules>() {
            Ok(again) => assert_eq!(again, rules, "{written}"),
            Err(error) => panic!("{written:?} is not read again: {error}"),
        }
    }
}

/// The headers of an upload, a line each, are understood or refused.
///
/// # Panics
/// When what was understood is not within bounds.
pub fn tus(input: &[u8]) {
    gateway::fuzzing::creation(&headers(input));
}

/// A range that is served lies inside.
///
/// # Panics
/// When it does not.
pub fn range(input: &[u8]) {
    let (length, text) = match input.split_first_chunk() {
        Some((length, text)) => (u64::from_be_bytes(*length), text),
        None => (10, input),
    };
    let mut headers = headers(text);
    if let Ok(value) = HeaderValue::from_bytes(text) {
        headers.insert(RANGE, value);
    }
    gateway::fuzzing::wanted(&headers, length);
}

/// The lines that are headers.
fn headers(input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n').take(64) {
        let mut halves = line.splitn(2, |byte| *byte == b':');
        let name = halves
            .next()
            .and_then(|name| HeaderName::from_bytes(name).ok());
        let value = halves
            .next()
            .and_then(|value| HeaderValue::from_bytes(value.trim_ascii()).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}
