//! Uploading over tus 1.0 (<https://tus.io>), going on by itself after every interruption.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use reqwest::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use reqwest::{Body, Method, RequestBuilder, Response};

use super::Watcher;
use super::connect::Client;
use super::error::ClientError;
use super::source::Source;
use crate::id::ItemId;
use crate::model::IdempotencyKey;
use crate::wire::{Destination, PIECE_MEDIA_TYPE, Problem, ProblemKind, TUS_VERSION};

const TUS_RESUMABLE: &str = "Tus-Resumable";
const UPLOAD_OFFSET: &str = "Upload-Offset";
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const ITEM: &str = "Strongroom-Item";

/// Files up to this long are sent in the request that announces them, in bytes.
const SENT_WHOLE_BYTES: u64 = 4 << 20;

/// Interruptions in a row, without a byte of progress, after which an upload is left for later.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A file that has become an item.
#[derive(Debug, Clone, Copy)]
pub struct Uploaded {
    /// The item.
    pub item: ItemId,
    /// Its length, in bytes.
    pub bytes: u64,
    /// How often it was interrupted.
    pub interruptions: u32,
}

/// Where an upload is remembered, so that it goes on after the program was ended.
pub trait Resumption: Send + Sync {
    /// What the file is announced by when it is sent in one request: the same, should that be done
    /// again. Without one it is announced first, and the location remembered.
    fn key(&self) -> Option<IdempotencyKey>;
    /// The location that was remembered.
    fn recall(&self) -> Option<String>;
    /// Remembers a location.
    fn remember(&self, location: &str);
    /// Forgets it: the upload is over.
    fn forget(&self);
}

impl Client {
    /// Uploads a file to where it goes, from where it stood when it was last interrupted.
    ///
    /// # Errors
    /// [`ClientError::FileChanged`], after which the upload is given up; [`ClientError::Problem`] as
    /// the gateway says; and, when no progress is made for several tries, the last interruption. After
    /// that, and when there is no room left, the same call goes on later.
    pub async fn upload(
        &self,
        source: &Source,
        to: &Destination,
        resumption: &dyn Resumption,
        watcher: &dyn Watcher,
    ) -> Result<Uploaded, ClientError> {
        let mut upload = Upload {
            client: self,
            source,
            to,
            resumption,
            watcher,
            location: resumption.recall(),
            interruptions: 0,
        };
        let outcome = upload.run().await;
        match &outcome {
            Ok(_) => resumption.forget(),
            Err(ClientError::FileChanged(_)) => upload.give_up().await,
            Err(error) if error.is_transient() || error.is_full() => {}
            Err(_) => resumption.forget(),
        }
        outcome
    }
}

struct Upload<'a> {
    client: &'a Client,
    source: &'a Source,
    to: &'a Destination,
    resumption: &'a dyn Resumption,
    watcher: &'a dyn Watcher,
    location: Option<String>,
    interruptions: u32,
}

/// Where an upload stands.
struct Stand {
    offset: u64,
    item: ItemId,
}

impl Upload<'_> {
    async fn run(&mut self) -> Result<Uploaded, ClientError> {
        let (mut tries, mut best) = (0, 0);
        loop {
            self.source.check_unchanged()?;
            let error = match self.go_on().await {
                Ok(stand) if stand.offset == self.source.length() => {
                    self.source.check_unchanged()?;
                    return Ok(Uploaded {
                        item: stand.item,
                        bytes: stand.offset,
                        interruptions: self.interruptions,
                    });
                }
                // The gateway took less than was sent, and says so: that is progress, if it moved.
                Ok(stand) if stand.offset > best => {
                    (tries, best) = (0, stand.offset);
                    continue;
                }
                Ok(_) => ClientError::BrokenOff("the gateway takes no more".to_owned()),
                Err(error) if self.may_go_on(&error) => error,
                Err(error) => return Err(error),
            };
            self.interruptions += 1;
            tries += 1;
            if tries > TRIES {
                return Err(error);
            }
            self.watcher.interrupted(&error);
            tokio::time::sleep(pause(tries)).await;
        }
    }

    /// Begins the upload or finds where it stands, and sends the rest.
    async fn go_on(&mut self) -> Result<Stand, ClientError> {
        let (location, stand) = match self.location.clone() {
            Some(location) => {
                let stand = self.ask(&location).await?;
                (location, stand)
            }
            None => match self.key() {
                Some(key) => self.send_whole(&key).await?,
                None => self.create().await?,
            },
        };
        self.watcher.moved(stand.offset, self.source.length());
        if stand.offset >= self.source.length() {
            return Ok(stand);
        }
        self.patch(&location, stand.offset).await
    }

    /// The key of a file that is sent in one request.
    fn key(&self) -> Option<IdempotencyKey> {
        let is_short = self.source.length() <= SENT_WHOLE_BYTES;
        is_short.then(|| self.resumption.key()).flatten()
    }

    /// Announces the file, its bytes to follow.
    async fn create(&mut self) -> Result<(String, Stand), ClientError> {
        let response = self.client.send(self.announcement()).await?;
        let location = location_of(&response)?;
        let item = item_of(&response)?;
        self.resumption.remember(&location);
        self.location = Some(location.clone());
        Ok((location, Stand { offset: 0, item }))
    }

    /// Announces the file with its bytes, or finds where it stands if that was done before: the key
    /// tells, so that one whose answer was lost is not kept twice.
    async fn send_whole(&mut self, key: &IdempotencyKey) -> Result<(String, Stand), ClientError> {
        let request = self
            .announcement()
            .header(IDEMPOTENCY_KEY, format!("\"{}\"", key.as_str()))
            .header(CONTENT_TYPE, PIECE_MEDIA_TYPE)
            .body(self.source.whole().await?);
        let response = self.client.send(request).await?;
        let (location, stand) = (location_of(&response)?, stand_of(&response)?);
        self.location = Some(location.clone());
        Ok((location, stand))
    }

    fn announcement(&self) -> RequestBuilder {
        let metadata = self.to.metadata();
        let metadata = metadata.iter().map(|(key, text)| pair(key, text));
        let mut metadata: Vec<String> = metadata.collect();
        metadata.extend(self.source.name().map(|name| pair("filename", &name)));
        self.client
            .request(Method::POST, "/uploads")
            .header(TUS_RESUMABLE, TUS_VERSION)
            .header("Upload-Length", self.source.length())
            .header("Upload-Metadata", metadata.join(","))
    }

    async fn ask(&self, location: &str) -> Result<Stand, ClientError> {
        let request = self
            .client
            .request_at(Method::HEAD, location)?
            .header(TUS_RESUMABLE, TUS_VERSION);
        match self.client.send(request).await {
            Err(error) => Err(in_words(error)),
            Ok(response) => stand_of(&response),
        }
    }

    async fn patch(&self, location: &str, offset: u64) -> Result<Stand, ClientError> {
        let total = self.source.length();
        let (progress, mut told) = tokio::sync::mpsc::unbounded_channel();
        let mut sent = offset;
        let body = futures::StreamExt::map(self.source.stream_from(offset), move |piece| {
            if let Ok(bytes) = &piece {
                sent += bytes.len() as u64;
                let _ = progress.send(sent);
            }
            piece
        });
        let request = self
            .client
            .request_at(Method::PATCH, location)?
            .header(TUS_RESUMABLE, TUS_VERSION)
            .header(UPLOAD_OFFSET, offset)
            .header(CONTENT_TYPE, PIECE_MEDIA_TYPE)
            .body(Body::wrap_stream(body));
        let sending = self.client.send(request);
        tokio::pin!(sending);
        loop {
            tokio::select! {
                response = &mut sending => return stand_of(&response?),
                Some(sent) = told.recv() => self.watcher.moved(sent, total),
            }
        }
    }

    /// Whether an interruption is one after which the upload goes on.
    fn may_go_on(&mut self, error: &ClientError) -> bool {
        match error.problem() {
            // It stands elsewhere than we thought: it is asked again.
            Some(ProblemKind::Conflict | ProblemKind::Precondition) => true,
            // It has expired, or was of another gateway: begun again, once.
            Some(ProblemKind::NoSuchThing) if self.location.is_some() => {
                self.location = None;
                self.resumption.forget();
                true
            }
            _ => error.is_transient(),
        }
    }

    async fn give_up(&self) {
        if let Some(location) = &self.location
            && let Ok(request) = self.client.request_at(Method::DELETE, location)
        {
            let request = request.header(TUS_RESUMABLE, TUS_VERSION);
            if let Err(error) = self.client.send(request).await {
                tracing::debug!(%error, "the upload expires by itself");
            }
        }
        self.resumption.forget();
    }
}

/// Doubling pauses, up to a quarter of a minute.
fn pause(tries: u32) -> Duration {
    let doubled = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    doubled.min(LONGEST_PAUSE)
}

fn pair(key: &str, value: &str) -> String {
    format!("{key} {}", BASE64_STANDARD.encode(value))
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn stand_of(response: &Response) -> Result<Stand, ClientError> {
    let offset = header(response.headers(), UPLOAD_OFFSET)
        .and_then(|offset| offset.parse().ok())
        .ok_or_else(|| unintelligible(response))?;
    let item = item_of(response)?;
    Ok(Stand { offset, item })
}

fn location_of(response: &Response) -> Result<String, ClientError> {
    header(response.headers(), LOCATION.as_str())
        .map(str::to_owned)
        .ok_or_else(|| unintelligible(response))
}

fn item_of(response: &Response) -> Result<ItemId, ClientError> {
    header(response.headers(), ITEM)
        .and_then(|item| item.parse().ok())
        .ok_or_else(|| unintelligible(response))
}

/// What is wrong, by the status alone: an answer to HEAD has no body to say it.
fn in_words(error: ClientError) -> ClientError {
    let ClientError::Unintelligible { status } = error else {
        return error;
    };
    let (kind, what) = match status {
        404 | 410 => (ProblemKind::NoSuchThing, "the upload has expired"),
        401 => (
            ProblemKind::NotEnrolled,
            "the token does not work; log in again (`strongroom login`)",
        ),
        429 => (
            ProblemKind::TooMany,
            "too much at once; try again in a minute",
        ),
        503 => (
            ProblemKind::Unavailable,
            "the gateway or its storage is not available; nothing is lost, try again in a while",
        ),
        507 => (
            ProblemKind::Full,
            "the gateway or its storage is full; nothing is lost, try again when there is room",
        ),
        _ => return error,
    };
    ClientError::Problem(Problem::new(kind, what))
}

fn unintelligible(response: &Response) -> ClientError {
    ClientError::Unintelligible {
        status: response.status().as_u16(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        assert_eq!(pause(1), FIRST_PAUSE);
        assert_eq!(pause(2), FIRST_PAUSE * 2);
        assert_eq!(pause(40), LONGEST_PAUSE);
    }
}
