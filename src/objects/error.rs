//! What can go wrong with a store, by cause, and what to do about it.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};

use super::key::ObjectKey;
use super::residency::Residency;
use crate::entropy::EntropyError;

/// Why a store cannot be used, or could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ObjectsError {
    /// The endpoint is not an address of a store.
    #[error("the endpoint is not usable: {why}; give one like https://s3.eu-west-2.amazonaws.com")]
    BadEndpoint {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The endpoint is plain HTTP and elsewhere than on this machine.
    #[error(
        "{endpoint} is plain HTTP to another machine, which anybody between could read and change; use https://"
    )]
    PlainHttp {
        /// The endpoint as given.
        endpoint: String,
    },
    /// The bucket's name breaks the rules for one.
    #[error("a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens; check it")]
    BadBucketName,
    /// The prefix could lead elsewhere, or names of another kind begin with it.
    #[error(
        "a prefix is words of letters, digits, dots, hyphens and underscores with slashes between them, like backups/house, and does not begin with a name this program gives itself; choose another"
    )]
    BadPrefix,
    /// The region's name breaks the rules for one.
    #[error("a region's name has up to 40 letters, digits and hyphens, like eu-west-2; check it")]
    BadRegionName,
    /// An attestation without a name or a statement.
    #[error(
        "an attestation needs the name of the person who gives it and what they rest it on; give both"
    )]
    BadAttestation,
    /// No access key was found.
    #[error(
        "no credentials for the store were found ({detail}); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or a credentials file"
    )]
    MissingCredentials {
        /// Where was looked, without anything secret.
        detail: String,
    },
    /// The credentials file cannot be used.
    #[error("the credentials file {path} cannot be used: {why}")]
    CredentialsFile {
        /// Its path.
        path: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// The bucket does not exist.
    #[error(
        "there is no bucket {bucket} at {endpoint}; create it in the right region, or check its name"
    )]
    BucketMissing {
        /// The bucket.
        bucket: String,
        /// Where it was looked for.
        endpoint: String,
    },
    /// The store does not accept the access key, or not for this bucket.
    #[error(
        "{endpoint} refused the credentials for bucket {bucket} ({code}); check the access key, and that its policy allows this bucket"
    )]
    CredentialsRefused {
        /// The bucket.
        bucket: String,
        /// The store.
        endpoint: String,
        /// The store's word for it.
        code: String,
    },
    /// The access key may not do something that must be done.
    #[error(
        "the access key may not {action} bucket {bucket}; allow it {permission} and start again"
    )]
    PermissionMissing {
        /// The bucket.
        bucket: String,
        /// What it may not do.
        action: &'static str,
        /// The permission, by its name in IAM.
        permission: &'static str,
    },
    /// This machine's clock and the store's are too far apart.
    #[error("{endpoint} says that this machine's clock is wrong; set it by NTP and try again")]
    ClockSkewed {
        /// The store.
        endpoint: String,
    },
    /// The store cannot be reached.
    #[error(
        "{endpoint} cannot be reached ({detail}); check the address, the network and the certificate"
    )]
    Unreachable {
        /// The store.
        endpoint: String,
        /// What the connection said.
        detail: String,
    },
    /// The store did not answer in time.
    #[error("{endpoint} did not answer in time; try again, and look at the store if this goes on")]
    Timeout {
        /// The store.
        endpoint: String,
    },
    /// The store says it cannot serve just now.
    #[error("{endpoint} is unavailable ({code}); try again, and look at the store if this goes on")]
    Unavailable {
        /// The store.
        endpoint: String,
        /// The store's word for it.
        code: String,
    },
    /// The store has no room.
    #[error(
        "{endpoint} has no room left ({code}); nothing was stored: make room or raise the quota"
    )]
    Full {
        /// The store.
        endpoint: String,
        /// The store's word for it.
        code: String,
    },
    /// There is no such object.
    #[error("there is no object {key} in the bucket")]
    NoSuchObject {
        /// The object.
        key: ObjectKey,
    },
    /// The upload is over: completed otherwise, aborted or expired.
    #[error("the upload of {key} is no longer open at the store; begin it again")]
    UploadGone {
        /// The object.
        key: ObjectKey,
    },
    /// The range lies outside the object.
    #[error("the range asked for lies outside {key}")]
    OutOfRange {
        /// The object.
        key: ObjectKey,
    },
    /// The object was replaced while it was read.
    #[error("{key} was replaced while it was being read; what came before must not be used")]
    Changed {
        /// The object.
        key: ObjectKey,
    },
    /// Fewer bytes came than were promised, again and again.
    #[error(
        "{key} came incomplete: {delivered} of {expected} bytes, after trying again; try later, and look at the store if this goes on"
    )]
    Truncated {
        /// The object.
        key: ObjectKey,
        /// Bytes asked for.
        expected: u64,
        /// Bytes that came.
        delivered: u64,
    },
    /// Something else is stored under the name already.
    #[error("{key} is stored already and differs; it was left as it is")]
    AlreadyExists {
        /// The object.
        key: ObjectKey,
    },
    /// A part that no upload can have.
    #[error("a part of {key} is not acceptable: {why}")]
    BadPart {
        /// The object.
        key: ObjectKey,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The bucket is outside the residency rule.
    #[error(
        "bucket {bucket} is in {found}, outside {allowed}; nothing was written to it: use a bucket inside"
    )]
    WrongRegion {
        /// The bucket.
        bucket: String,
        /// The region it is in.
        found: String,
        /// Where it may be.
        allowed: Residency,
    },
    /// Requests were signed for another region than the bucket's.
    #[error(
        "bucket {bucket} is in {found}, but {configured} was given; give --region {found} and its endpoint"
    )]
    RegionMismatch {
        /// The bucket.
        bucket: String,
        /// The region it is in.
        found: String,
        /// The region given.
        configured: String,
    },
    /// The store gave two different answers on where the bucket is.
    #[error(
        "the store says both that bucket {bucket} is in {one} and that it is in {other}; ask the provider which"
    )]
    ContradictoryRegion {
        /// The bucket.
        bucket: String,
        /// One answer.
        one: String,
        /// The other.
        other: String,
    },
    /// The store cannot say where the bucket is, and nobody attested it.
    #[error(
        "{endpoint} cannot say where bucket {bucket} is, so it might be overseas; if you know, say so under your name when the vault is made, which is recorded: `vault init --attest-region REGION --attested-by NAME`"
    )]
    CannotSayRegion {
        /// The bucket.
        bucket: String,
        /// The store.
        endpoint: String,
    },
    /// The bucket is replicated.
    #[error(
        "bucket {bucket} is replicated to {to}, where an erasure would not reach; remove the replication rule or use another bucket"
    )]
    Replicated {
        /// The bucket.
        bucket: String,
        /// Where its objects are copied to.
        to: String,
    },
    /// The bucket has object lock.
    #[error(
        "bucket {bucket} has object lock, so ciphertext could not be deleted on an erasure; use a bucket without it"
    )]
    ObjectLock {
        /// The bucket.
        bucket: String,
    },
    /// The bucket keeps versions that cannot be listed.
    #[error(
        "bucket {bucket} keeps old versions but cannot list them, so an erasure could not delete them; turn versioning off or use another bucket"
    )]
    HiddenVersions {
        /// The bucket.
        bucket: String,
    },
    /// Something of an object is still there after deleting it repeatedly.
    #[error(
        "{key} is not wholly deleted: {what} remains; run the deletion again, and look at the bucket if this goes on"
    )]
    NotDeleted {
        /// The object.
        key: ObjectKey,
        /// What remains.
        what: &'static str,
    },
    /// The store refused for a reason of its own.
    #[error("{endpoint} refused ({code}: {message}); look at the store's own log")]
    Refused {
        /// The store.
        endpoint: String,
        /// The store's word for it.
        code: String,
        /// Its explanation, cut short.
        message: String,
    },
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The embedded store cannot use its directory or port.
    #[error("the embedded store cannot {doing}: {source}")]
    Embedded {
        /// What it was doing.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process serves the embedded store's directory.
    #[error("another process is using the embedded store in this directory; stop it first")]
    EmbeddedInUse,
}

impl ObjectsError {
    /// Whether the same request may well succeed later, with nothing changed but the time.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Timeout { .. }
                | Self::Unavailable { .. }
                | Self::Truncated { .. }
        )
    }
}

/// The bucket and the store, for messages.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) bucket: String,
    pub(super) endpoint: String,
}

/// A refusal by the store, taken apart.
#[derive(Debug)]
pub(super) struct Refusal {
    status: u16,
    code: String,
    message: String,
    /// The region header that Amazon sends along even with an error.
    pub(super) region: Option<String>,
}

impl Refusal {
    pub(super) fn is(&self, code: &str) -> bool {
        self.code == code
    }

    pub(super) fn is_status(&self, status: u16) -> bool {
        self.status == status
    }

    pub(super) fn is_denied(&self) -> bool {
        self.status == 401 || self.status == 403
    }

    pub(super) fn is_not_found(&self) -> bool {
        self.status == 404
    }

    /// Whether the store knows no such request, as opposed to refusing it: it says so, or it sends
    /// the answer to some other question.
    pub(super) fn is_not_understood(&self) -> bool {
        matches!(self.status, 200..300 | 405 | 501)
            || self.is("NotImplemented")
            || self.is("MethodNotAllowed")
    }

    pub(super) fn into_error(self, place: &Place, key: Option<ObjectKey>) -> ObjectsError {
        let Place { bucket, endpoint } = place.clone();
        let code = self.code;
        match (code.as_str(), self.status) {
            ("NoSuchBucket", _) => ObjectsError::BucketMissing { bucket, endpoint },
            ("RequestTimeTooSkewed" | "RequestExpired", _) => {
                ObjectsError::ClockSkewed { endpoint }
            }
            ("QuotaExceeded" | "XMinioStorageFull" | "InsufficientStorage", _) | (_, 507) => {
                ObjectsError::Full { endpoint, code }
            }
            ("RequestTimeout", _) => ObjectsError::Timeout { endpoint },
            (_, 401 | 403) => ObjectsError::CredentialsRefused {
                bucket,
                endpoint,
                code,
            },
            (_, 429 | 500 | 502 | 503 | 504) => ObjectsError::Unavailable { endpoint, code },
            ("NoSuchKey" | "NotFound" | "NoSuchVersion", 404) => match key {
                Some(key) => ObjectsError::NoSuchObject { key },
                None => ObjectsError::BucketMissing { bucket, endpoint },
            },
            _ => match key {
                Some(key) if code == "NoSuchUpload" => ObjectsError::UploadGone { key },
                Some(key) if self.status == 416 => ObjectsError::OutOfRange { key },
                Some(key) if self.status == 412 => ObjectsError::Changed { key },
                _ => ObjectsError::Refused {
                    endpoint,
                    code,
                    message: self.message,
                },
            },
        }
    }
}

/// Splits an error of the SDK into the store's refusal or a failure to talk to it at all.
pub(super) fn refusal<E>(
    place: &Place,
    error: SdkError<E, HttpResponse>,
) -> Result<Refusal, ObjectsError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let endpoint = place.endpoint.clone();
    match &error {
        SdkError::TimeoutError(_) => Err(ObjectsError::Timeout { endpoint }),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            Err(ObjectsError::Timeout { endpoint })
        }
        SdkError::DispatchFailure(_) | SdkError::ConstructionFailure(_) => {
            Err(ObjectsError::Unreachable {
                endpoint,
                detail: printable(&innermost(&error)),
            })
        }
        SdkError::ServiceError(_) | SdkError::ResponseError(_) => {
            let response = error.raw_response();
            let status = response.map_or(0, |r| r.status().as_u16());
            let region = response
                .and_then(|r| r.headers().get("x-amz-bucket-region"))
                .map(str::to_owned);
            let code = match error.code() {
                Some(code) => printable(code),
                None if status < 300 => "NotAnAnswer".to_owned(),
                None => format!("HTTP {status}"),
            };
            let message = match error.message() {
                Some(message) => printable(message),
                None if status < 300 => printable(&innermost(&error)),
                None => "no explanation given".to_owned(),
            };
            Ok(Refusal {
                status,
                code,
                message,
                region,
            })
        }
        other => Err(ObjectsError::Unreachable {
            endpoint,
            detail: printable(&DisplayErrorContext(other).to_string()),
        }),
    }
}

/// The text of `element` in a success whose document the SDK would not read.
///
/// Some servers put the right elements under a root of the wrong name.
pub(super) fn mislabelled<E>(error: &SdkError<E, HttpResponse>, element: &str) -> Option<String> {
    let response = error
        .raw_response()
        .filter(|response| response.status().is_success())?;
    let document = std::str::from_utf8(response.body().bytes()?).ok()?;
    let (_, rest) = document.split_once(&format!("<{element}>"))?;
    let (text, _) = rest.split_once(&format!("</{element}>"))?;
    let plain = !text.is_empty() && !text.contains(['<', '&']) && !text.contains(char::is_control);
    plain.then(|| text.to_owned())
}

/// The error of a request that is answered in no special way.
pub(super) fn cause<E>(
    place: &Place,
    key: Option<ObjectKey>,
    error: SdkError<E, HttpResponse>,
) -> ObjectsError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    refusal(place, error).map_or_else(|failure| failure, |refusal| refusal.into_error(place, key))
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// A stranger's words, fit to be shown: one line, no control characters, not long.
fn printable(words: &str) -> String {
    const LONGEST: usize = 200;
    words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST)
        .collect()
}
