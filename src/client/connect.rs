//! The connection: an address that is safe to send a token to, and requests that answer in time.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Certificate, Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use super::error::ClientError;
use crate::wire::{PROBLEM_MEDIA_TYPE, Problem, VERSION_PREFIX};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest silence in the middle of an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(90);

/// The address of a gateway: HTTPS, or plain HTTP on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayUrl(Url);

impl FromStr for GatewayUrl {
    type Err = ClientError;
    fn from_str(text: &str) -> Result<Self, ClientError> {
        let bad = |why| ClientError::BadAddress(text.to_owned(), why);
        let mut url = Url::parse(text).map_err(|_| bad("it is no URL; write https://HOST"))?;
        let host = url.host_str().ok_or_else(|| bad("it names no host"))?;
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => {
                return Err(bad(
                    "a token would travel in the clear; use https (plain http is for this machine only)",
                ));
            }
            _ => return Err(bad("it begins with neither https:// nor http://")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("it holds a user name or password; leave them out"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() {
            return Err(bad("it has a path; give only the host and port"));
        }
        url.set_fragment(None);
        Ok(Self(url))
    }
}

impl fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A bearer token as the client holds it.
#[derive(Clone)]
pub struct BearerSecret(Zeroizing<String>);

impl BearerSecret {
    /// Takes a token.
    pub fn new(token: String) -> Self {
        Self(Zeroizing::new(token))
    }

    /// The token.
    pub fn expose_secret(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for BearerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerSecret(redacted)")
    }
}

/// A gateway that can be asked.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    gateway: GatewayUrl,
    token: Option<BearerSecret>,
}

impl Client {
    /// A client of `gateway`, which trusts the machine's certificate authorities and the one in the
    /// PEM file `authority`, if there is one.
    ///
    /// # Errors
    /// [`ClientError::BadCertificate`] when that file holds none.
    pub fn new(
        gateway: GatewayUrl,
        token: Option<BearerSecret>,
        authority: Option<&Path>,
    ) -> Result<Self, ClientError> {
        // One crypto library: whoever was first installed the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .https_only(gateway.0.scheme() == "https")
            .user_agent(concat!("strongroom/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = authority {
            let pem = std::fs::read(path).map_err(|e| ClientError::file("read", path, e))?;
            let bad = |error: reqwest::Error| ClientError::BadCertificate {
                path: path.to_path_buf(),
                reason: error.to_string(),
            };
            for certificate in Certificate::from_pem_bundle(&pem).map_err(bad)? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        let http = builder
            .build()
            .map_err(|error| ClientError::of_request(&gateway.to_string(), &error))?;
        Ok(Self {
            http,
            gateway,
            token,
        })
    }

    /// Whom it asks.
    pub fn gateway(&self) -> &GatewayUrl {
        &self.gateway
    }

    /// A request to a path under the API's version.
    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.gateway.0.clone();
        url.set_path(&format!("{VERSION_PREFIX}{path}"));
        self.request_to(method, url)
    }

    /// A request to a location the gateway gave; one on another host is refused.
    pub(super) fn request_at(
        &self,
        method: Method,
        location: &str,
    ) -> Result<RequestBuilder, ClientError> {
        let url = self.gateway.0.join(location).ok();
        let url = url
            .filter(|url| url.origin() == self.gateway.0.origin())
            .ok_or(ClientError::Unintelligible { status: 201 })?;
        Ok(self.request_to(method, url))
    }

    fn request_to(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.token {
            Some(token) => request.bearer_auth(token.expose_secret()),
            None => request,
        }
    }

    /// Sends a request; anything but success is an error.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let sent = request.send().await;
        let response = sent.map_err(|error| self.broken(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let is_problem = is_problem(response.headers());
        let body = response
            .bytes()
            .await
            .map_err(|error| self.broken(&error))?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) if is_problem => Err(ClientError::Problem(problem)),
            _ => Err(ClientError::Unintelligible { status }),
        }
    }

    pub(super) fn broken(&self, error: &reqwest::Error) -> ClientError {
        ClientError::of_request(&self.gateway.to_string(), error)
    }

    pub(super) async fn read<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, ClientError> {
        let response = self.send(request).await?;
        let status = response.status().as_u16();
        let body = response
            .bytes()
            .await
            .map_err(|error| self.broken(&error))?;
        serde_json::from_slice(&body).map_err(|_| ClientError::Unintelligible { status })
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.read(self.request(Method::GET, path)).await
    }

    pub(super) async fn post<B: Serialize + Sync, T: DeserializeOwned>(
        &self,
        path: &str,
        body: &B,
    ) -> Result<T, ClientError> {
        self.read(self.request(Method::POST, path).json(body)).await
    }

    pub(super) async fn tell<B: Serialize + Sync>(
        &self,
        method: Method,
        path: &str,
        body: &B,
    ) -> Result<(), ClientError> {
        self.send(self.request(method, path).json(body))
            .await
            .map(drop)
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), ClientError> {
        self.send(self.request(Method::DELETE, path))
            .await
            .map(drop)
    }
}

fn is_problem(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with(PROBLEM_MEDIA_TYPE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_sent_in_the_clear_beyond_this_machine() {
        for refused in [
            "http://example.org",
            "http://10.0.0.1:80",
            "ftp://localhost",
            "https://u:p@example.org",
            "https://example.org/path",
            "example.org",
        ] {
            assert!(refused.parse::<GatewayUrl>().is_err(), "{refused}");
        }
        for accepted in [
            "https://rooms.example.org",
            "http://127.0.0.1:7420",
            "http://localhost:1",
            "http://[::1]:80/",
        ] {
            assert!(accepted.parse::<GatewayUrl>().is_ok(), "{accepted}");
        }
    }

    #[test]
    fn a_token_is_silent_in_debug() {
        let client = Client::new(
            "http://127.0.0.1:1".parse().expect("an address"),
            Some(BearerSecret::new("srt1-canary".to_owned())),
            None,
        );
        assert!(!format!("{:?}", client.expect("a client")).contains("canary"));
    }
}
