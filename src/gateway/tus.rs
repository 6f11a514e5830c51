//! The tus 1.0 protocol as it stands in headers (<https://tus.io/protocols/resumable-upload>).
//!
//! Nothing here touches an upload: headers are parsed into types, and answers are written as headers.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use base64::prelude::{BASE64_STANDARD, Engine};
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::extract::{media_type, only};
use super::problem::Failure;
use super::state::Shared;
use crate::id::{ItemId, UploadId};
use crate::limits::UPLOAD_METADATA_BYTES_MAX;
use crate::model::{IdempotencyKey, Text};
use crate::wire::{Destination, PIECE_MEDIA_TYPE, ProblemKind, TUS_VERSION};
use crate::work::deposit::{Checksum, LENGTH_MAX, Progress};

const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
const TUS_VERSION_HEADER: HeaderName = HeaderName::from_static("tus-version");
const TUS_EXTENSION: HeaderName = HeaderName::from_static("tus-extension");
const TUS_MAX_SIZE: HeaderName = HeaderName::from_static("tus-max-size");
const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static("tus-checksum-algorithm");
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static("upload-defer-length");
const UPLOAD_METADATA: HeaderName = HeaderName::from_static("upload-metadata");
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static("upload-checksum");
const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static("upload-expires");
const UPLOAD_CONCAT: HeaderName = HeaderName::from_static("upload-concat");
/// What an upload is announced by, to be found again (draft-ietf-httpapi-idempotency-key-header).
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The item an upload becomes; not part of tus.
const STRONGROOM_ITEM: HeaderName = HeaderName::from_static("strongroom-item");

const EXTENSIONS: HeaderValue =
    HeaderValue::from_static("creation,creation-with-upload,termination,expiration,checksum");
/// SHA-1 because every tus server has to know it; it finds accidents, not adversaries.
const CHECKSUMS: HeaderValue = HeaderValue::from_static("sha1,sha256");
const SHA1_BYTES: usize = 20;
const SHA256_BYTES: usize = 32;
const VERSION: HeaderValue = HeaderValue::from_static(TUS_VERSION);

/// A request of the one version of tus that is spoken here.
#[derive(Debug)]
pub(super) struct Tus;

impl FromRequestParts<Arc<Shared>> for Tus {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Shared>) -> Result<Self, Failure> {
        let spoken = only(&parts.headers, &TUS_RESUMABLE);
        if spoken.is_some_and(|version| version == VERSION) {
            return Ok(Self);
        }
        let failure = Failure::new(
            ProblemKind::Precondition,
            format!("uploads speak tus {TUS_VERSION}; send Tus-Resumable: {TUS_VERSION}"),
        );
        Err(failure.with(TUS_VERSION_HEADER, VERSION))
    }
}

/// What an upload is to become, from the headers of its creation.
#[derive(Debug)]
pub(super) struct Creation {
    /// Its length, in bytes.
    pub(super) length: u64,
    /// Where it comes from and what it is.
    pub(super) to: Destination,
    /// What the file is called.
    pub(super) file_name: Option<String>,
    /// What it is known by when it is announced again.
    pub(super) key: Option<IdempotencyKey>,
}

impl Creation {
    /// Reads the headers of a creation.
    ///
    /// # Errors
    /// A [`Failure`] that says which header is missing or not acceptable.
    pub(super) fn parse(headers: &HeaderMap) -> Result<Self, Failure> {
        if headers.contains_key(UPLOAD_CONCAT) {
            return Err(Failure::bad_request(
                "uploads are not put together from others here; send the file as one upload",
            ));
        }
        if headers.contains_key(UPLOAD_DEFER_LENGTH) {
            return Err(Failure::bad_request(
                "the length must be known when an upload begins; send Upload-Length instead of Upload-Defer-Length",
            ));
        }
        let length = count(headers, &UPLOAD_LENGTH)?;
        if length == 0 {
            return Err(Failure::new(
                ProblemKind::Unacceptable,
                "an empty file is not taken in; check that the recording was saved",
            ));
        }
        if length > LENGTH_MAX {
            return Err(Failure::new(
                ProblemKind::TooLarge,
                format!(
                    "a file of {length} bytes is longer than can be stored; at most {} are accepted, so split it",
                    LENGTH_MAX
                ),
            ));
        }
        let metadata = Metadata::parse(headers)?;
        let to = Destination::parse(|key| metadata.get(key))
            .map_err(|error| Failure::bad_request(format!("the upload's metadata: {error}")))?;
        let file_name = metadata.file_name()?;
        Ok(Self {
            length,
            to,
            file_name,
            key: idempotency_key(headers)?,
        })
    }
}

/// The key, which may stand in quotes, as the draft writes it, or without.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Failure> {
    if !headers.contains_key(IDEMPOTENCY_KEY) {
        return Ok(None);
    }
    let text = only(headers, &IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok());
    let text = text.unwrap_or_default().trim();
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let key = quoted.unwrap_or(text).parse::<IdempotencyKey>();
    key.map(Some).map_err(|error| {
        Failure::bad_request(format!("Idempotency-Key is not acceptable: {error}"))
    })
}

/// The `Upload-Metadata` header: keys, each with a text, in order.
#[derive(Debug)]
struct Metadata(Vec<(String, String)>);

impl Metadata {
    fn parse(headers: &HeaderMap) -> Result<Self, Failure> {
        let not = |why: &str| Failure::bad_request(format!("Upload-Metadata {why}"));
        let header = only(headers, &UPLOAD_METADATA)
            .ok_or_else(|| not("is needed, once; give session and kind in it"))?;
        if header.len() > UPLOAD_METADATA_BYTES_MAX {
            return Err(not(&format!(
                "is longer than {UPLOAD_METADATA_BYTES_MAX} bytes; give less"
            )));
        }
        let header = header
            .to_str()
            .map_err(|_| not("is not ASCII; encode values in base64"))?;
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in header.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (key, encoded) = pair.split_once(' ').unwrap_or((pair, ""));
            if pairs.iter().any(|(known, _)| known == key) {
                return Err(not(&format!("has {key} twice; give it once")));
            }
            let value = BASE64_STANDARD.decode(encoded.trim()).ok();
            let value = value.and_then(|bytes| String::from_utf8(bytes).ok());
            let value = value.ok_or_else(|| {
                not(&format!(
                    "has no text in base64 (UTF-8) for {key}; encode it so"
                ))
            })?;
            pairs.push((key.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }

    /// What the file is called: `filename` or `name`, without the folders some clients put in front.
    ///
    /// It is shown to people and nothing else; it becomes no path and no header. One that could
    /// deceive them is refused rather than altered, so that what is shown is what was brought.
    fn file_name(&self) -> Result<Option<String>, Failure> {
        let Some(given) = self.get("filename").or_else(|| self.get("name")) else {
            return Ok(None);
        };
        let last = given.rsplit(['/', '\\']).next().unwrap_or(given);
        let name: Text = last.parse().map_err(|error| {
            Failure::bad_request(format!(
                "the file's name cannot be kept ({error}); rename the file and bring it again"
            ))
        })?;
        match name.as_str() {
            "." | ".." => Err(Failure::bad_request(
                "the file's name is that of a folder; give the file's own",
            )),
            name => Ok(Some(name.to_owned())),
        }
    }
}

/// Whether the body is a piece of an upload.
pub(super) fn is_chunk(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media.eq_ignore_ascii_case(PIECE_MEDIA_TYPE))
}

/// The body is not a piece of an upload.
pub(super) fn not_a_chunk() -> Failure {
    Failure::new(
        ProblemKind::BadMedia,
        format!("a piece of an upload is needed; send it with Content-Type: {PIECE_MEDIA_TYPE}"),
    )
}

/// The place in the upload where the body begins.
///
/// # Errors
/// A [`Failure`] when the header is missing or not a number.
pub(super) fn offset(headers: &HeaderMap) -> Result<u64, Failure> {
    count(headers, &UPLOAD_OFFSET)
}

/// The checksum that came with the body, if one did.
///
/// # Errors
/// A [`Failure`] when it is of an unknown algorithm or has the wrong length.
pub(super) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, Failure> {
    if !headers.contains_key(UPLOAD_CHECKSUM) {
        return Ok(None);
    }
    let not = || {
        Failure::bad_request(
            "Upload-Checksum is not acceptable; write sha1 or sha256 and the digest in base64, as in `sha256 47DEQpj8…`",
        )
    };
    let value = only(headers, &UPLOAD_CHECKSUM).and_then(|value| value.to_str().ok());
    let (algorithm, digest) = value.and_then(|v| v.split_once(' ')).ok_or_else(not)?;
    let digest = BASE64_STANDARD.decode(digest.trim()).map_err(|_| not())?;
    match (algorithm, digest.len()) {
        ("sha1", SHA1_BYTES) => Ok(Some(Checksum::Sha1(digest))),
        ("sha256", SHA256_BYTES) => Ok(Some(Checksum::Sha256(digest))),
        _ => Err(not()),
    }
}

fn count(headers: &HeaderMap, name: &HeaderName) -> Result<u64, Failure> {
    let text = only(headers, name).and_then(|value| value.to_str().ok());
    text.filter(|text| text.bytes().all(|b| b.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| {
            Failure::bad_request(format!(
                "the header {name} is needed, once, with a number of bytes"
            ))
        })
}

/// Adds the version spoken, which every answer about uploads bears, an error too.
pub(super) fn speak_tus(headers: &mut HeaderMap) {
    headers.insert(TUS_RESUMABLE, VERSION);
}

/// The headers of an answer about uploads.
#[derive(Debug, Default)]
pub(super) struct Headers(HeaderMap);

impl Headers {
    /// What the server can do.
    pub(super) fn capabilities() -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(TUS_VERSION_HEADER, VERSION);
        headers.insert(TUS_EXTENSION, EXTENSIONS);
        headers.insert(TUS_MAX_SIZE, HeaderValue::from(LENGTH_MAX));
        headers.insert(TUS_CHECKSUM_ALGORITHM, CHECKSUMS);
        Self(headers)
    }

    /// How far an upload has come, what it becomes, and, while it is unfinished, when it is given up.
    pub(super) fn progress(self, progress: &Progress) -> Self {
        let headers = self
            .with(UPLOAD_OFFSET, HeaderValue::from(progress.offset))
            .item(progress.item);
        match progress.offset < progress.length {
            true => headers.expires(progress.expires),
            false => headers.without(&UPLOAD_EXPIRES),
        }
    }

    /// How long it is to be.
    pub(super) fn length(self, length: u64) -> Self {
        self.with(UPLOAD_LENGTH, HeaderValue::from(length))
    }

    /// What it becomes.
    pub(super) fn item(self, item: ItemId) -> Self {
        self.with_text(STRONGROOM_ITEM, &item.to_string())
    }

    /// When it is given up.
    pub(super) fn expires(self, moment: Timestamp) -> Self {
        match DateTimePrinter::new().timestamp_to_rfc9110_string(&moment) {
            Ok(date) => self.with_text(UPLOAD_EXPIRES, &date),
            Err(_) => self,
        }
    }

    /// Where it is found.
    pub(super) fn location(self, upload: UploadId) -> Self {
        self.with_text(LOCATION, &format!("/v1/uploads/{upload}"))
    }

    /// The headers.
    pub(super) fn finish(self) -> HeaderMap {
        self.0
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.insert(name, value);
        self
    }

    fn without(mut self, name: &HeaderName) -> Self {
        self.0.remove(name);
        self
    }

    fn with_text(self, name: HeaderName, text: &str) -> Self {
        match HeaderValue::from_str(text) {
            Ok(value) => self.with(name, value),
            Err(_) => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::id::SessionId;
    use crate::model::Kind;
    use proptest::prelude::*;

    fn metadata(pairs: &[(&str, &str)]) -> HeaderValue {
        let encoded: Vec<String> = pairs
            .iter()
            .map(|(key, value)| format!("{key} {}", BASE64_STANDARD.encode(value)))
            .collect();
        HeaderValue::try_from(encoded.join(",")).expect("a header")
    }

    fn creation(length: &str, pairs: &[(&str, &str)]) -> Result<Creation, Failure> {
        let session = SessionId::random(&SystemEntropy::new()).expect("entropy");
        let session = session.to_string();
        let mut all = vec![("session", session.as_str()), ("kind", "audio")];
        all.extend(pairs);
        let mut headers = HeaderMap::new();
        headers.insert(
            UPLOAD_LENGTH,
            HeaderValue::from_str(length).expect("a header"),
        );
        headers.insert(UPLOAD_METADATA, metadata(&all));
        Creation::parse(&headers)
    }

    fn name_of(given: &str) -> Option<Option<String>> {
        creation("1", &[("filename", given)])
            .ok()
            .map(|c| c.file_name)
    }

    #[test]
    fn a_creation_is_read() {
        let read = creation(
            "12",
            &[
                ("filename", "Siân’s interview.wav"),
                ("filetype", "audio/wav"),
            ],
        );
        let read = read.expect("acceptable");
        assert_eq!((read.length, read.to.kind), (12, Kind::Audio));
        assert_eq!(read.file_name.as_deref(), Some("Siân’s interview.wav"));
        let named = creation("12", &[("name", "a.wav")]).expect("acceptable");
        assert_eq!(named.file_name.as_deref(), Some("a.wav"));
        assert_eq!(creation("12", &[]).expect("acceptable").file_name, None);
    }

    #[test]
    fn file_names_are_names_and_nothing_else() {
        for (given, kept) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\me\\a.wav", "a.wav"),
            (" a ", "a"),
        ] {
            assert_eq!(name_of(given), Some(Some(kept.to_owned())), "{given}");
        }
        for given in [
            "",
            "..",
            "a/..",
            "a/",
            "a\0b",
            "a\r\nX: y",
            "a\u{202E}gpj.exe",
            "\u{FEFF}a",
        ] {
            assert_eq!(name_of(given), None, "{given:?}");
        }
    }

    #[test]
    fn keys_stand_in_quotes_or_without() {
        let key_of = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                let value = HeaderValue::from_str(value).expect("a header");
                headers.append(IDEMPOTENCY_KEY, value);
            }
            idempotency_key(&headers)
        };
        let key = "8e03978e-40d5-43dd-bc93-6894a57f9324";
        for given in [key.to_owned(), format!("\"{key}\""), format!(" {key} ")] {
            let read = key_of(&[&given]).expect("acceptable").expect("there");
            assert_eq!(read.as_str(), key);
        }
        assert!(key_of(&[]).expect("acceptable").is_none());
        let long = "k".repeat(IdempotencyKey::LONGEST + 1);
        for bad in [
            "",
            "short",
            "\"8e03978e-40d5-43dd",
            "with spaces in it, many",
            &long,
        ] {
            assert!(key_of(&[bad]).is_err(), "{bad}");
        }
        assert!(key_of(&[key, key]).is_err());
    }

    #[test]
    fn lengths_are_bounded() {
        assert!(creation(&LENGTH_MAX.to_string(), &[]).is_ok());
        assert!(creation(&(LENGTH_MAX + 1).to_string(), &[]).is_err());
        for length in ["0", "", "-1", "+1", "1e3", "0x10", "18446744073709551616"] {
            assert!(creation(length, &[]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_key_is_given_once() {
        assert!(creation("1", &[("kind", "video")]).is_err());
    }

    #[test]
    fn checksums_are_of_the_algorithms_offered_and_of_their_length() {
        let read = |value: &str| {
            let value = HeaderValue::from_str(value).expect("a header");
            checksum(&HeaderMap::from_iter([(UPLOAD_CHECKSUM, value)]))
        };
        let of = |length: usize| BASE64_STANDARD.encode(vec![7; length]);
        assert!(matches!(
            read(&format!("sha1 {}", of(20))),
            Ok(Some(Checksum::Sha1(_)))
        ));
        assert!(matches!(
            read(&format!("sha256 {}", of(32))),
            Ok(Some(Checksum::Sha256(_)))
        ));
        for value in [
            "sha1",
            "md5 AAAA",
            "sha256 ?",
            &format!("sha1 {}", of(32)),
            "",
        ] {
            assert!(read(value).is_err(), "{value}");
        }
        assert!(matches!(checksum(&HeaderMap::new()), Ok(None)));
    }

    #[test]
    fn an_expiry_is_a_date_of_http() {
        let moment: Timestamp = "1994-11-15T08:12:31Z".parse().expect("a moment");
        let headers = Headers::default().expires(moment).finish();
        assert_eq!(headers[UPLOAD_EXPIRES], "Tue, 15 Nov 1994 08:12:31 GMT");
    }

    proptest! {
        #[test]
        fn any_metadata_is_answered(text in "[ -~]{0,60}") {
            let Ok(value) = HeaderValue::from_str(&text) else { return Ok(()) };
            let headers = HeaderMap::from_iter([(UPLOAD_METADATA, value)]);
            let _answered: Option<Metadata> = Metadata::parse(&headers).ok();
        }
    }
}
