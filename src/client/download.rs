//! Downloading: to a file that is whole or not there, or to standard output.

use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Method, Response, StatusCode};

use super::Watcher;
use super::connect::Client;
use super::error::ClientError;
use super::readdress::Readdress;
use crate::agefile::AgeError;
use crate::id::{DisclosureId, ItemId, ReleaseId, RequestId};
use age::secrecy::SecretString;

/// Interruptions in a row, without a byte of progress, after which a download is given up.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(400);

/// Where a download goes.
#[derive(Debug)]
pub enum Target {
    /// A file, readable by its owner only. It appears whole, under another name until then.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether one that is there is overwritten.
        force: bool,
    },
    /// Standard output, as the bytes come.
    Stdout,
}

impl Target {
    /// The file of that name, or standard output for `-`.
    pub fn named(path: &Path, force: bool) -> Self {
        match path.as_os_str() == "-" {
            true => Self::Stdout,
            false => Self::File {
                path: path.to_path_buf(),
                force,
            },
        }
    }

    /// Whether it is standard output, where nothing else is to be written.
    pub fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }
}

/// A download that is complete.
#[derive(Debug, Clone, Copy)]
pub struct Fetched {
    /// Bytes written.
    pub bytes: u64,
    /// How often it was interrupted.
    pub interruptions: u32,
}

impl Client {
    /// Downloads an item, or the bytes of it in `range`, opened by the gateway.
    ///
    /// # Errors
    /// [`ClientError::Problem`] as the gateway says, [`ClientError::Exists`], and the last
    /// interruption when no progress is made any more; nothing is left at the target then.
    pub async fn fetch(
        &self,
        item: ItemId,
        range: Option<Range<u64>>,
        target: &Target,
        watcher: &dyn Watcher,
    ) -> Result<Fetched, ClientError> {
        let path = format!("/items/{item}/content");
        let mut sink = Sink::open(target)?;
        let fetched = self.fetch_into(&path, range, &mut sink, watcher).await;
        sink.end(fetched)
    }

    /// Downloads what was released.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub async fn fetch_release(
        &self,
        release: ReleaseId,
        target: &Target,
        watcher: &dyn Watcher,
    ) -> Result<Fetched, ClientError> {
        let path = format!("/releases/{release}/content");
        let mut sink = Sink::open(target)?;
        let fetched = self.fetch_into(&path, None, &mut sink, watcher).await;
        sink.end(fetched)
    }

    /// Downloads an item somebody withdraws from, to make a version without them.
    ///
    /// # Errors
    /// As [`Client::fetch`].
    pub async fn fetch_original(
        &self,
        item: ItemId,
        range: Option<Range<u64>>,
        target: &Target,
        watcher: &dyn Watcher,
    ) -> Result<Fetched, ClientError> {
        let path = format!("/items/{item}/original");
        let mut sink = Sink::open(target)?;
        let fetched = self.fetch_into(&path, range, &mut sink, watcher).await;
        sink.end(fetched)
    }

    /// Downloads an item as a whole age file for `recipients`, or for the one enrolled with.
    ///
    /// # Errors
    /// As [`Client::fetch`]. A sealed copy is made afresh each time, so one that breaks off is begun
    /// again; on standard output it cannot be.
    pub async fn fetch_sealed(
        &self,
        item: ItemId,
        recipients: &[String],
        target: &Target,
        watcher: &dyn Watcher,
    ) -> Result<Fetched, ClientError> {
        let path = format!("/items/{item}/sealed");
        self.fetch_age(&path, recipients, None, target, watcher)
            .await
    }

    /// Downloads the answer to a rights request, sealed to `recipients`.
    ///
    /// # Errors
    /// As [`Client::fetch_sealed`].
    pub async fn fetch_bundle(
        &self,
        request: RequestId,
        recipients: &[String],
        target: &Target,
        watcher: &dyn Watcher,
    ) -> Result<Fetched, ClientError> {
        let path = format!("/requests/{request}/bundle");
        self.fetch_age(&path, recipients, None, target, watcher)
            .await
    }

    /// Downloads the answer to a rights request, sealed under a passphrase that stays on this machine.
    ///
    /// # Errors
    /// As [`Client::fetch_sealed`], and [`ClientError::Age`].
    pub async fn fetch_bundle_for_passphrase(
        &self,
        request: RequestId,
        passphrase: &SecretString,
        target: &Target,
        watcher: &dyn Watcher,
    ) -> Result<Fetched, ClientError> {
        let path = format!("/requests/{request}/bundle");
        let identity = age::x25519::Identity::generate();
        let recipients = [identity.to_public().to_string()];
        let readdress = Some((&identity, passphrase));
        self.fetch_age(&path, &recipients, readdress, target, watcher)
            .await
    }

    /// Downloads one item of a disclosure, sealed to the recipient that was named.
    ///
    /// # Errors
    /// As [`Client::fetch_sealed`].
    pub async fn fetch_disclosed(
        &self,
        disclosure: DisclosureId,
        item: ItemId,
        target: &Target,
        watcher: &dyn Watcher,
    ) -> Result<Fetched, ClientError> {
        let path = format!("/disclosures/{disclosure}/items/{item}");
        self.fetch_age(&path, &[], None, target, watcher).await
    }

    async fn fetch_age(
        &self,
        path: &str,
        recipients: &[String],
        readdress: Option<(&age::x25519::Identity, &SecretString)>,
        target: &Target,
        watcher: &dyn Watcher,
    ) -> Result<Fetched, ClientError> {
        let recipients: Vec<_> = recipients.iter().map(|r| ("recipient", r)).collect();
        let mut interruptions = 0;
        loop {
            let mut sink = Sink::open(target)?;
            sink.readdress = readdress.map(|(from, to)| Readdress::new(from, to));
            let request = self.request(Method::GET, path).query(&recipients);
            let fetched = match self.send(request).await {
                Ok(response) => self.pour(response, &mut sink, 0, watcher).await,
                Err(error) => Err(error),
            };
            let fetched = fetched.and_then(|bytes| sink.readdressed().map(|()| bytes));
            match fetched {
                Ok(bytes) => {
                    return sink.end(Ok(Fetched {
                        bytes,
                        interruptions,
                    }));
                }
                Err(error)
                    if error.is_transient()
                        && interruptions < TRIES
                        && (sink.written == 0 || sink.is_file()) =>
                {
                    interruptions += 1;
                    watcher.interrupted(&error);
                    tokio::time::sleep(PAUSE * interruptions).await;
                }
                Err(error) => return sink.end(Err(error)),
            }
        }
    }

    async fn fetch_into(
        &self,
        path: &str,
        range: Option<Range<u64>>,
        sink: &mut Sink<'_>,
        watcher: &dyn Watcher,
    ) -> Result<Fetched, ClientError> {
        let start = range.as_ref().map_or(0, |range| range.start);
        let mut end = range.as_ref().map(|range| range.end);
        let (mut etag, mut tries, mut interruptions) = (None::<String>, 0, 0);
        loop {
            let at = start + sink.written;
            if end.is_some_and(|end| at >= end) && sink.written > 0 {
                break;
            }
            let mut request = self.request(Method::GET, path);
            if range.is_some() || sink.written > 0 {
                let last = end.map_or(String::new(), |end| (end - 1).to_string());
                request = request.header(RANGE, format!("bytes={at}-{last}"));
                if let Some(etag) = &etag {
                    request = request.header(IF_RANGE, etag);
                }
            }
            let before = sink.written;
            let poured = match self.send(request).await {
                Ok(response) => {
                    check_continues(&response, at)?;
                    let headers = response.headers();
                    etag = etag.or_else(|| header(headers, ETAG.as_str()));
                    end = Some(end_of(headers, at)?);
                    self.pour(response, sink, start, watcher).await.map(drop)
                }
                Err(error) => Err(error),
            };
            let Err(error) = poured else { break };
            if sink.written > before {
                tries = 0;
            }
            tries += 1;
            interruptions += 1;
            if !error.is_transient() || tries > TRIES {
                return Err(error);
            }
            watcher.interrupted(&error);
            tokio::time::sleep(PAUSE * tries).await;
        }
        let expected = end.map_or(sink.written, |end| end - start);
        match sink.written == expected {
            true => Ok(Fetched {
                bytes: sink.written,
                interruptions,
            }),
            false => Err(ClientError::WrongLength {
                expected,
                got: sink.written,
            }),
        }
    }

    async fn pour(
        &self,
        mut response: Response,
        sink: &mut Sink<'_>,
        start: u64,
        watcher: &dyn Watcher,
    ) -> Result<u64, ClientError> {
        let promised = header(response.headers(), CONTENT_LENGTH.as_str());
        let promised = promised.and_then(|length| length.parse::<u64>().ok());
        let begun = sink.written;
        let total = promised.map_or(0, |promised| begun + promised);
        loop {
            let piece = response.chunk().await;
            let Some(piece) = piece.map_err(|error| self.broken(&error))? else {
                break;
            };
            sink.write(&piece)?;
            watcher.moved(sink.written, total);
        }
        let got = sink.written - begun;
        match promised {
            Some(expected) if expected != got => Err(ClientError::BrokenOff(format!(
                "{got} of {expected} bytes arrived, from byte {}",
                start + begun
            ))),
            _ => Ok(sink.written),
        }
    }
}

/// What is written until it is whole.
struct Sink<'a> {
    place: Place,
    /// Bytes that came, and are written or waiting for their header.
    written: u64,
    readdress: Option<Readdress<'a>>,
}

enum Place {
    File {
        file: std::fs::File,
        unfinished: PathBuf,
        path: PathBuf,
    },
    Stdout(io::Stdout),
}

impl Sink<'_> {
    fn open(target: &Target) -> Result<Self, ClientError> {
        let place = match target {
            Target::Stdout => Place::Stdout(io::stdout()),
            Target::File { path, force } => {
                if !force && path.exists() {
                    return Err(ClientError::Exists(path.clone()));
                }
                let unfinished = unfinished(path);
                let file = std::fs::OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .mode(0o600)
                    .open(&unfinished)
                    .map_err(|error| ClientError::file("write", &unfinished, error))?;
                Place::File {
                    file,
                    unfinished,
                    path: path.clone(),
                }
            }
        };
        Ok(Self {
            place,
            written: 0,
            readdress: None,
        })
    }

    fn is_file(&self) -> bool {
        matches!(self.place, Place::File { .. })
    }

    fn write(&mut self, piece: &[u8]) -> Result<(), ClientError> {
        let exchanged = match &mut self.readdress {
            Some(readdress) => readdress.pass(piece)?,
            None => None,
        };
        self.written += piece.len() as u64;
        let piece = exchanged.as_deref().unwrap_or(piece);
        let (written, path) = match &mut self.place {
            Place::File {
                file, unfinished, ..
            } => (file.write_all(piece), unfinished.as_path()),
            Place::Stdout(stdout) => (stdout.write_all(piece), Path::new("standard output")),
        };
        written.map_err(|error| ClientError::file("write", path, error))
    }

    /// That a header that was to be exchanged came whole.
    fn readdressed(&self) -> Result<(), ClientError> {
        match &self.readdress {
            Some(readdress) if !readdress.is_done() => Err(AgeError::HeaderTruncated.into()),
            _ => Ok(()),
        }
    }

    /// Puts a whole download in its place, or takes away what there is of a broken one.
    fn end(self, fetched: Result<Fetched, ClientError>) -> Result<Fetched, ClientError> {
        match (self.place, fetched) {
            (Place::Stdout(mut stdout), fetched) => {
                let failed =
                    |error| ClientError::file("write", Path::new("standard output"), error);
                stdout.flush().map_err(failed)?;
                fetched
            }
            (
                Place::File {
                    file,
                    unfinished,
                    path,
                },
                Ok(fetched),
            ) => {
                let failed = |error| ClientError::file("write", &path, error);
                file.sync_all().map_err(failed)?;
                std::fs::rename(&unfinished, &path).map_err(failed)?;
                Ok(fetched)
            }
            (Place::File { unfinished, .. }, Err(error)) => {
                // What was opened of an item must not stay behind; the first error is the one told.
                let _ = std::fs::remove_file(unfinished);
                Err(error)
            }
        }
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// That an answer begins at the byte asked for; one that begins elsewhere is of another item.
fn check_continues(response: &Response, at: u64) -> Result<(), ClientError> {
    let starts = match response.status() {
        StatusCode::PARTIAL_CONTENT => content_range(response.headers()).map(|range| range.start),
        _ => Some(0),
    };
    match starts == Some(at) {
        true => Ok(()),
        false => Err(ClientError::Unintelligible {
            status: response.status().as_u16(),
        }),
    }
}

/// The byte after the last one that an answer brings.
fn end_of(headers: &HeaderMap, at: u64) -> Result<u64, ClientError> {
    let by_length = || {
        let length = header(headers, CONTENT_LENGTH.as_str())?.parse::<u64>();
        length.ok().map(|length| at + length)
    };
    content_range(headers)
        .map(|range| range.end)
        .or_else(by_length)
        .ok_or(ClientError::Unintelligible { status: 200 })
}

/// `bytes 5-9/20` as 5..10.
fn content_range(headers: &HeaderMap) -> Option<Range<u64>> {
    let text = header(headers, CONTENT_RANGE.as_str())?;
    let (first, last) = text
        .strip_prefix("bytes ")?
        .split_once('/')?
        .0
        .split_once('-')?;
    let last: u64 = last.parse().ok()?;
    Some(first.parse().ok()?..last.checked_add(1)?)
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_read() {
        let mut headers = HeaderMap::new();
        for (text, range) in [
            ("bytes 5-9/20", Some(5..10)),
            ("bytes */20", None),
            ("octets 5-9/20", None),
            ("bytes 5-18446744073709551615/20", None),
        ] {
            headers.insert(CONTENT_RANGE, text.parse().expect("a header"));
            assert_eq!(content_range(&headers), range, "{text}");
        }
    }
}
