//! Where a store is and how it is spoken to, parsed at the door.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;

use super::error::ObjectsError;
use super::prefix::KeyPrefix;
use super::residency::{Attestation, Residency};
use crate::secret::SecretBytes;

/// Everything [`Store::connect`](super::Store::connect) needs to know.
#[derive(Debug)]
pub struct StoreConfig {
    /// The one address requests go to.
    pub endpoint: Endpoint,
    /// The bucket, which exists already.
    pub bucket: BucketName,
    /// The part of the bucket that names lie in.
    pub prefix: KeyPrefix,
    /// The region that requests are signed for; where the bucket really is, it is asked itself.
    pub region: RegionName,
    /// Where the access key comes from.
    pub credentials: CredentialsSource,
    /// Where the bucket may be.
    pub residency: Residency,
    /// A named operator's word, for a store that cannot say where it is.
    pub attestation: Option<Attestation>,
}

/// The address of a store: HTTPS, or plain HTTP on this machine only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    host: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Amazon S3 itself.
    Aws,
    /// Somebody else's implementation of the protocol.
    Compatible,
    /// The server in this process.
    Embedded,
}

/// Domains under which Amazon runs S3; the second is the European Sovereign Cloud.
const AWS_DOMAINS: [&str; 2] = ["amazonaws.com", "amazonaws.eu"];

impl Endpoint {
    /// The address of the server in this process.
    pub(super) fn embedded(address: SocketAddr) -> Self {
        Self {
            url: format!("http://{address}"),
            host: address.ip().to_string(),
            kind: Kind::Embedded,
        }
    }

    /// The address as a URL, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it is Amazon's own.
    pub(super) fn is_aws(&self) -> bool {
        self.kind == Kind::Aws
    }

    /// Whether it is the server in this process.
    pub fn is_embedded(&self) -> bool {
        self.kind == Kind::Embedded
    }

    /// The host's name or address, in lower case.
    pub(super) fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for Endpoint {
    type Err = ObjectsError;

    fn from_str(text: &str) -> Result<Self, ObjectsError> {
        let bad = |why| ObjectsError::BadEndpoint { why };
        let uri: Uri = text.parse().map_err(|_| bad("it is not a URL"))?;
        let authority = uri.authority().ok_or(bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad(
                "it holds a user name or password; give credentials apart",
            ));
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err(bad("it has a path; the bucket is named apart"));
        }
        let host = authority.host().to_ascii_lowercase();
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(bad("it begins with neither https:// nor http://")),
        };
        if !secure && !is_loopback(&host) {
            return Err(ObjectsError::PlainHttp {
                endpoint: text.to_owned(),
            });
        }
        let aws = AWS_DOMAINS
            .iter()
            .any(|domain| host.strip_suffix(domain).is_some_and(|h| h.ends_with('.')));
        Ok(Self {
            url: format!("{}://{authority}", if secure { "https" } else { "http" }),
            host,
            kind: if aws { Kind::Aws } else { Kind::Compatible },
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

/// The name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketName(String);

impl BucketName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BucketName {
    type Err = ObjectsError;

    fn from_str(text: &str) -> Result<Self, ObjectsError> {
        s3s::path::check_bucket_name(text)
            .then(|| Self(text.to_owned()))
            .ok_or(ObjectsError::BadBucketName)
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a region: 1 to 40 letters, digits and hyphens, kept in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RegionName(String);

impl RegionName {
    /// The longest name accepted, in bytes.
    const LONGEST: usize = 40;

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RegionName {
    type Err = ObjectsError;

    fn from_str(text: &str) -> Result<Self, ObjectsError> {
        let fits = (1..=Self::LONGEST).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        fits.then(|| Self(text.to_ascii_lowercase()))
            .ok_or(ObjectsError::BadRegionName)
    }
}

impl TryFrom<String> for RegionName {
    type Error = ObjectsError;
    fn try_from(text: String) -> Result<Self, ObjectsError> {
        text.parse()
    }
}

impl From<RegionName> for String {
    fn from(name: RegionName) -> Self {
        name.0
    }
}

impl fmt::Display for RegionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the access key comes from.
#[derive(Debug)]
pub enum CredentialsSource {
    /// A key held in memory.
    Explicit(AccessKey),
    /// The standard AWS chain: environment, profile file and, on AWS itself, the role of the
    /// container or the instance.
    Standard,
    /// A file in the format of `~/.aws/credentials`, such as one that systemd hands to a service.
    File(PathBuf),
}

/// An access key: its public name and its secret.
pub struct AccessKey {
    id: String,
    secret: SecretBytes,
}

impl AccessKey {
    /// A key of `id` and `secret`.
    pub fn new(id: impl Into<String>, secret: SecretBytes) -> Self {
        Self {
            id: id.into(),
            secret,
        }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn expose_secret(&self) -> &[u8] {
        self.secret.expose_secret()
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(redacted)")
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn endpoint(text: &str) -> Result<Endpoint, ObjectsError> {
        text.parse()
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in [
            "http://127.0.0.1:9000",
            "http://[::1]:9000/",
            "http://localhost",
            "https://s3.eu-west-2.amazonaws.com",
        ] {
            assert!(endpoint(good).is_ok(), "{good}");
        }
        for plain in [
            "http://s3.eu-west-2.amazonaws.com",
            "http://10.0.0.1:9000",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
        ] {
            assert!(
                matches!(endpoint(plain), Err(ObjectsError::PlainHttp { .. })),
                "{plain}"
            );
        }
    }

    #[test]
    fn an_endpoint_is_a_host_and_nothing_else() {
        for bad in [
            "",
            "s3.example.org",
            "ftp://s3.example.org",
            "https://key:secret@s3.example.org",
            "https://s3.example.org/bucket",
            "https://s3.example.org/?x=y",
        ] {
            let refused = endpoint(bad).expect_err(bad);
            assert!(matches!(refused, ObjectsError::BadEndpoint { .. }), "{bad}");
            assert!(!refused.to_string().contains("secret"), "{refused}");
        }
    }

    #[test]
    fn amazon_is_known_by_its_domain() {
        for (text, aws) in [
            ("https://s3.eu-west-2.amazonaws.com", true),
            ("https://s3.eusc-de-east-1.amazonaws.eu", true),
            ("https://s3.eu-west-2.amazonaws.com.example.org", false),
            ("https://evilamazonaws.com", false),
        ] {
            assert_eq!(endpoint(text).expect("an endpoint").is_aws(), aws, "{text}");
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let key = AccessKey::new("public-name", SecretBytes::new(b"canary".to_vec()));
        let shown = format!("{:?}", CredentialsSource::Explicit(key));
        assert!(!shown.contains("canary") && !shown.contains("public-name"));
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,80}") {
            let _: Result<Endpoint, ObjectsError> = text.parse();
            let _: Result<BucketName, ObjectsError> = text.parse();
            let _: Result<RegionName, ObjectsError> = text.parse();
        }
    }
}
