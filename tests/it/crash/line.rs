//! Asking a gateway that may be gone at any moment.

use std::cell::Cell;
use std::time::Duration;

use http::Method;
use reqwest::Client;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::support::gateway::{CHUNK, client, metadata};

/// The gateway is gone, or will not have it; what was asked.
#[derive(Debug)]
pub(super) struct Gone(pub(super) String);

/// A way to a gateway, on which answers are counted.
pub(super) struct Line {
    url: String,
    client: Client,
    runtime: Runtime,
    answers: Cell<usize>,
}

/// Bytes that are brought, and where to.
pub(super) struct Brought<'a> {
    pub(super) session: &'a str,
    pub(super) kind: &'a str,
    pub(super) bytes: &'a [u8],
}

impl Line {
    pub(super) fn to(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().expect("a runtime");
        Self {
            url: url.to_owned(),
            client: client(),
            runtime,
            answers: Cell::new(0),
        }
    }

    /// Answers so far.
    pub(super) fn answers(&self) -> usize {
        self.answers.get()
    }

    /// Asks, with a token and a body if there is one.
    pub(super) fn ask(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<(u16, Vec<u8>), Gone> {
        let mut asked = self.client.request(method, format!("{}{path}", self.url));
        if !token.is_empty() {
            asked = asked.header("authorization", format!("Bearer {token}"));
        }
        if let Some(body) = body {
            asked = asked.json(body);
        }
        let (status, _, body) = self.send(path, asked)?;
        Ok((status, body))
    }

    /// What `GET` gives, which must be there.
    pub(super) fn get(&self, path: &str, token: &str) -> Result<Value, Gone> {
        self.done(Method::GET, path, token, None)
    }

    /// What `POST` gives, which must be accepted.
    pub(super) fn post(&self, path: &str, token: &str, body: &Value) -> Result<Value, Gone> {
        self.done(Method::POST, path, token, Some(body))
    }

    /// What a request gives, which must be accepted.
    pub(super) fn done(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<&Value>,
    ) -> Result<Value, Gone> {
        let (status, body) = self.ask(method, path, token, body)?;
        let text = String::from_utf8_lossy(&body).into_owned();
        // It says that it cannot: nothing was acknowledged.
        if status >= 500 {
            return Err(Gone(format!("{path}: {status} {text}")));
        }
        assert!((200..300).contains(&status), "{path}: {status} {text}");
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Brings material in one request; gives the item.
    pub(super) fn bring(&self, token: &str, what: &Brought<'_>) -> Result<String, Gone> {
        let Brought {
            session,
            kind,
            bytes,
        } = what;
        let asked = self
            .client
            .post(format!("{}/v1/uploads", self.url))
            .header("authorization", format!("Bearer {token}"))
            .header("tus-resumable", "1.0.0")
            .header("upload-length", bytes.len())
            .header("upload-metadata", metadata(session, kind, "a name"))
            .header("content-type", CHUNK)
            .body(bytes.to_vec());
        let (status, headers, body) = self.send("upload", asked)?;
        let text = String::from_utf8_lossy(&body);
        if status >= 500 {
            return Err(Gone(format!("upload: {status} {text}")));
        }
        assert_eq!(status, 201, "{text}");
        let offset = headers.get("upload-offset").and_then(|o| o.to_str().ok());
        if offset != Some(bytes.len().to_string().as_str()) {
            return Err(Gone("it was not taken whole".to_owned()));
        }
        let item = headers.get("strongroom-item").expect("an item");
        Ok(item.to_str().expect("text").to_owned())
    }

    fn send(
        &self,
        what: &str,
        asked: reqwest::RequestBuilder,
    ) -> Result<(u16, http::HeaderMap, Vec<u8>), Gone> {
        let answer = self.runtime.block_on(async {
            let answer = asked.timeout(Duration::from_secs(60)).send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?.to_vec()))
        });
        let answer = answer.map_err(|error| Gone(format!("{what}: {error:?}")))?;
        self.answers.set(self.answers.get() + 1);
        Ok(answer)
    }
}
