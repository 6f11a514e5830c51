//! Reading: a stream that takes itself up again where it broke, and counts what it delivers.

use std::ops::Range;

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use futures::Stream;
use futures::stream::unfold;

use super::error::{ObjectsError, cause};
use super::key::ObjectKey;
use super::{Store, timing};

impl Store {
    /// Opens the bytes of `key` in `range`, of which there is at least one.
    ///
    /// # Errors
    /// [`ObjectsError::NoSuchObject`], [`ObjectsError::OutOfRange`] for a range that begins or ends
    /// beyond the object, or a refusal or failed connection.
    pub async fn get(&self, key: ObjectKey, range: Range<u64>) -> Result<Download, ObjectsError> {
        if range.is_empty() {
            return Err(ObjectsError::OutOfRange { key });
        }
        let opened = self.open(key, Some(&range), None).await?;
        let (first, total) = opened.span.ok_or(ObjectsError::OutOfRange { key })?;
        if first != range.start || total < range.end {
            return Err(ObjectsError::OutOfRange { key });
        }
        let object = Object {
            store: self.clone(),
            key,
            etag: opened.etag,
            bytes: total,
        };
        Ok(object.giving(range, opened.body))
    }

    /// Opens all of `key`.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub async fn get_whole(&self, key: ObjectKey) -> Result<Download, ObjectsError> {
        let opened = self.open(key, None, None).await?;
        let bytes = opened.length.ok_or_else(|| self.unmeasured())?;
        let object = Object {
            store: self.clone(),
            key,
            etag: opened.etag,
            bytes,
        };
        Ok(object.giving(0..bytes, opened.body))
    }

    /// Reads all of a small object, of at most `longest` bytes, into memory.
    ///
    /// # Errors
    /// [`ObjectsError::OutOfRange`] for a longer one; otherwise as [`Store::get`].
    pub async fn read(&self, key: ObjectKey, longest: u64) -> Result<Bytes, ObjectsError> {
        let mut download = self.get_whole(key).await?;
        if download.remaining() > longest {
            return Err(ObjectsError::OutOfRange { key });
        }
        let mut bytes = BytesMut::new();
        while let Some(piece) = download.next().await {
            bytes.extend_from_slice(&piece?);
        }
        Ok(bytes.freeze())
    }

    async fn open(
        &self,
        key: ObjectKey,
        range: Option<&Range<u64>>,
        etag: Option<&str>,
    ) -> Result<Opened, ObjectsError> {
        let place = &self.0.place;
        let answer = self
            .0
            .client
            .get_object()
            .bucket(&place.bucket)
            .key(self.0.name(key))
            .set_range(range.map(|r| format!("bytes={}-{}", r.start, r.end.saturating_sub(1))))
            .set_if_match(etag.map(str::to_owned))
            .send()
            .await
            .map_err(|error| cause(place, Some(key), error))?;
        let length = answer.content_length().and_then(|n| u64::try_from(n).ok());
        let span = match answer.content_range() {
            Some(header) => content_range(header),
            // The whole object is a fair answer to a range that covers it.
            None => length.map(|length| (0, length)),
        };
        Ok(Opened {
            span,
            length,
            etag: answer.e_tag,
            body: answer.body,
        })
    }

    fn unmeasured(&self) -> ObjectsError {
        ObjectsError::Refused {
            endpoint: self.0.place.endpoint.clone(),
            code: "NoContentLength".to_owned(),
            message: "the store sent an object without saying how long it is".to_owned(),
        }
    }
}

struct Opened {
    /// The first byte and the object's whole length.
    span: Option<(u64, u64)>,
    length: Option<u64>,
    etag: Option<String>,
    body: ByteStream,
}

/// An object as it was when it was first asked for.
#[derive(Debug, Clone)]
pub struct Object {
    store: Store,
    key: ObjectKey,
    etag: Option<String>,
    bytes: u64,
}

impl Object {
    /// Opens another range of the same object, of which there is at least one byte.
    ///
    /// # Errors
    /// [`ObjectsError::Changed`] when it is not the same any more; otherwise as [`Store::get`].
    pub async fn get(&self, range: Range<u64>) -> Result<Download, ObjectsError> {
        if range.is_empty() {
            return Err(ObjectsError::OutOfRange { key: self.key });
        }
        let body = self.open(&range).await?;
        Ok(self.clone().giving(range, body))
    }

    /// Its bytes in `range`, of the object it was and no other: not every store honours the condition,
    /// so the answer is compared as well.
    async fn open(&self, range: &Range<u64>) -> Result<ByteStream, ObjectsError> {
        let etag = self.etag.as_deref();
        match self.store.open(self.key, Some(range), etag).await {
            Ok(opened)
                if opened.etag == self.etag && opened.span == Some((range.start, self.bytes)) =>
            {
                Ok(opened.body)
            }
            Ok(_) | Err(ObjectsError::OutOfRange { .. }) => {
                Err(ObjectsError::Changed { key: self.key })
            }
            Err(error) => Err(error),
        }
    }

    fn giving(self, range: Range<u64>, body: ByteStream) -> Download {
        Download {
            object: self,
            at: range.start,
            range,
            body: Some(body),
            failures: 0,
            progress: 0,
        }
    }
}

/// Bytes on their way from the store: exactly those asked for, or an error.
///
/// A body that breaks or stalls is taken up again from the next byte, on condition that the object
/// is still the same. Dropping it closes the connection.
pub struct Download {
    object: Object,
    range: Range<u64>,
    at: u64,
    body: Option<ByteStream>,
    failures: u32,
    progress: u64,
}

impl Download {
    /// What it is a range of.
    pub fn object(&self) -> &Object {
        &self.object
    }

    /// The length of the whole object, in bytes.
    pub fn object_bytes(&self) -> u64 {
        self.object.bytes
    }

    /// The bytes still to come.
    pub fn remaining(&self) -> u64 {
        self.range.end.saturating_sub(self.at)
    }

    /// The next bytes, or nothing after the last one asked for. Nothing follows an error.
    pub async fn next(&mut self) -> Option<Result<Bytes, ObjectsError>> {
        while self.remaining() > 0 {
            let piece = match self.body.as_mut() {
                Some(body) => tokio::time::timeout(timing::DOWNLOAD_STALL, body.next()).await,
                None => return None,
            };
            if let Ok(Some(Ok(bytes))) = piece {
                if bytes.is_empty() {
                    continue;
                }
                return Some(self.deliver(bytes));
            }
            if let Err(error) = self.resume().await {
                self.body = None;
                return Some(Err(error));
            }
        }
        self.body = None;
        None
    }

    /// The rest as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, ObjectsError>> + Send {
        unfold(self, async |mut download| {
            download.next().await.map(|piece| (piece, download))
        })
    }

    fn deliver(&mut self, bytes: Bytes) -> Result<Bytes, ObjectsError> {
        let length = bytes.len() as u64;
        if length > self.remaining() {
            self.body = None;
            return Err(ObjectsError::Changed {
                key: self.object.key,
            });
        }
        self.at += length;
        self.progress += length;
        if self.progress >= timing::RESUME_PROGRESS {
            self.failures = 0;
        }
        Ok(bytes)
    }

    async fn resume(&mut self) -> Result<(), ObjectsError> {
        loop {
            self.body = None;
            self.failures += 1;
            self.progress = 0;
            if self.failures > timing::RESUMES {
                return Err(self.truncated());
            }
            tokio::time::sleep(timing::RESUME_PAUSE * self.failures).await;
            let rest = self.at..self.range.end;
            tracing::warn!(key = %self.object.key, at = self.at, "a download broke; taking it up again");
            match self.object.open(&rest).await {
                Ok(body) => {
                    self.body = Some(body);
                    return Ok(());
                }
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn truncated(&self) -> ObjectsError {
        ObjectsError::Truncated {
            key: self.object.key,
            expected: self.range.end.saturating_sub(self.range.start),
            delivered: self.at.saturating_sub(self.range.start),
        }
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download")
            .field("key", &self.object.key)
            .field("range", &self.range)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// The first byte and the whole length out of `bytes 0-99/1234` (RFC 9110, section 14.4).
fn content_range(header: &str) -> Option<(u64, u64)> {
    let (span, total) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let (first, last, total): (u64, u64, u64) =
        (first.parse().ok()?, last.parse().ok()?, total.parse().ok()?);
    (first <= last && last < total).then_some((first, total))
}

#[cfg(test)]
mod tests {
    use super::content_range;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_content_range_is_read_or_refused(first in 0_u64..1000, more in 0_u64..1000, after in 1_u64..1000, noise in ".{0,30}") {
            let (last, total) = (first + more, first + more + after);
            prop_assert_eq!(content_range(&format!("bytes {first}-{last}/{total}")), Some((first, total)));
            prop_assert_eq!(content_range(&format!("bytes {first}-{last}/{last}")), None);
            let _ = content_range(&noise);
        }
    }
}
