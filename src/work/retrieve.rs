//! Giving material out: opened here, or as it is stored with a fresh header for its recipient.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use futures::Stream;
use futures::stream::try_unfold;
use tokio::sync::watch;
use tokio::time::Instant;

use super::error::WorkError;
use super::service::Service;
use crate::access::acts::{OpenItem, RedactItem};
use crate::access::{Act, Grant};
use crate::agefile::{
    ChunkSpan, FileKey, Opener, PayloadKey, Plugins, Recipients, sealed_length, write_header,
};
use crate::limits::{DOWNLOAD_BATCH_CHUNKS, TRANSFER_RECHECK};
use crate::model::fetched::SEALED_COPY;
use crate::model::item::Particulars;
use crate::model::{Action, Actor, Event, Item};
use crate::objects::{Download, ObjectKey};

/// Plaintext on its way out.
pub struct Plain<S> {
    /// The item's whole length, in bytes.
    pub length: u64,
    /// The bytes that follow.
    pub range: Range<u64>,
    /// Authenticated plaintext; after an error the connection must be aborted, not ended.
    pub body: S,
}

/// A whole age file on its way out.
pub struct SealedCopy<S> {
    /// Its length, in bytes.
    pub length: u64,
    /// Header and payload; after an error the connection must be aborted, not ended.
    pub body: S,
}

/// Opens an item, or `range` of it. The access is on record before this returns.
///
/// While it runs, the decision is taken again every [`TRANSFER_RECHECK`], when the grant ends, and
/// whenever somebody's access is narrowed; the body then ends in an error.
///
/// # Errors
/// [`WorkError::BadRange`] for an empty range or one outside the item; [`WorkError::NoSuchThing`]
/// when its keys are gone.
pub async fn open(
    service: &Arc<Service>,
    grant: Grant<OpenItem>,
    range: Option<Range<u64>>,
) -> Result<Plain<impl Stream<Item = Result<Bytes, WorkError>> + Send + use<>>, WorkError> {
    let item = grant.loaded().clone();
    open_under(service, grant, &item, range).await
}

/// Opens, for whoever leads the study, an item that somebody withdraws from, to make a version
/// without them; it is recorded and watched over as [`open`] is.
///
/// # Errors
/// As [`open`].
pub async fn open_original(
    service: &Arc<Service>,
    grant: Grant<RedactItem>,
    range: Option<Range<u64>>,
) -> Result<Plain<impl Stream<Item = Result<Bytes, WorkError>> + Send + use<>>, WorkError> {
    let item = grant.loaded().clone();
    open_under(service, grant, &item, range).await
}

/// Opens `item` for as long as `grant` lasts.
pub(super) async fn open_under<A: Act>(
    service: &Arc<Service>,
    grant: Grant<A>,
    item: &Item,
    range: Option<Range<u64>>,
) -> Result<Plain<impl Stream<Item = Result<Bytes, WorkError>> + Send + use<A>>, WorkError> {
    let length = item.length;
    let range = range.unwrap_or(0..length);
    let span = ChunkSpan::covering(range.clone(), length).ok_or(WorkError::BadRange { length })?;
    let watch = Watch::over(service, grant)?;
    let particulars = particulars(service, item)?;
    let detail = (range != (0..length)).then(|| format!("bytes {}-{}", range.start, range.end - 1));
    record(service, &watch.grant, detail).await?;
    let file_key = file_key(&particulars);
    let key = PayloadKey::derive(&file_key, particulars.payload_nonce);
    let object = ObjectKey::Material(item.id);
    let download = service.store().get(object, span.stored()).await?;
    let flow = Flow {
        watch,
        download,
        ready: VecDeque::new(),
        opener: Some(
            Opener::new(key, &span, service.workers().clone()).in_batches_of(DOWNLOAD_BATCH_CHUNKS),
        ),
    };
    Ok(Plain {
        length,
        range,
        body: try_unfold(flow, Flow::next),
    })
}

/// Gives an item out as it is stored, with a fresh age header for `recipients`, or for the recipient
/// the caller enrolled with when there are none. No byte of the payload is touched.
///
/// # Errors
/// [`WorkError::Unacceptable`] for recipients age does not know, or when none is known.
pub async fn sealed(
    service: &Arc<Service>,
    grant: Grant<OpenItem>,
    mut recipients: Vec<String>,
) -> Result<SealedCopy<impl Stream<Item = Result<Bytes, WorkError>> + Send + use<>>, WorkError> {
    if recipients.is_empty() {
        recipients.extend(grant.caller().person().recipient.clone());
    }
    if recipients.is_empty() {
        return Err(WorkError::Unacceptable(
            "no recipient is known for you; name one with --recipient, or log in again".to_owned(),
        ));
    }
    let to = Recipients::parse(&recipients, Plugins::Refuse)
        .map_err(|error| WorkError::Unacceptable(error.to_string()))?;
    let accessed = Event::Accessed {
        action: Action::OpenItem,
        resource: grant.loaded().id.to_string(),
        detail: Some(format!("{SEALED_COPY} {}", recipients.join(" "))),
    };
    let item = grant.loaded().clone();
    sealed_to(service, grant, &item, &to, accessed).await
}

/// Gives `item` out as it is stored, with a fresh age header for `recipients`, once `accessed` is on
/// record and as long as `grant` lasts.
pub(super) async fn sealed_to<A: Act>(
    service: &Arc<Service>,
    grant: Grant<A>,
    item: &Item,
    recipients: &Recipients,
    accessed: Event,
) -> Result<SealedCopy<impl Stream<Item = Result<Bytes, WorkError>> + Send + use<A>>, WorkError> {
    let watch = Watch::over(service, grant)?;
    let particulars = particulars(service, item)?;
    let header = write_header(&file_key(&particulars), recipients)
        .map_err(|error| WorkError::Unacceptable(error.to_string()))?;
    service
        .note(Actor::Person(watch.grant.person()), accessed)
        .await?;
    let stored = sealed_length(item.length);
    let stored = stored.ok_or_else(|| WorkError::Internal("a length beyond age".to_owned()))?;
    let object = ObjectKey::Material(item.id);
    let download = service.store().get(object, 0..stored).await?;
    let length = header.len() as u64 + stored;
    let flow = Flow {
        watch,
        download,
        ready: VecDeque::from([Bytes::from(header)]),
        opener: None,
    };
    Ok(SealedCopy {
        length,
        body: try_unfold(flow, Flow::next),
    })
}

/// A transfer under way.
struct Flow<A: Act> {
    watch: Watch<A>,
    download: Download,
    ready: VecDeque<Bytes>,
    opener: Option<Opener>,
}

impl<A: Act> Flow<A> {
    /// The next bytes, after a look at whether they may still flow.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, WorkError> {
        loop {
            self.watch.check()?;
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some((bytes, self)));
            }
            match self.download.next().await {
                Some(piece) => self.take(piece?)?,
                None => {
                    let Some(opener) = self.opener.take() else {
                        return Ok(None);
                    };
                    let rest = opener.finish()?;
                    if rest.is_empty() {
                        return Ok(None);
                    }
                    self.ready.push_back(rest);
                }
            }
        }
    }
}

impl<A: Act> Flow<A> {
    /// Opens a piece as far as whole chunks of it go, or passes it on as it is.
    fn take(&mut self, mut piece: Bytes) -> Result<(), WorkError> {
        let Some(opener) = &mut self.opener else {
            self.ready.push_back(piece);
            return Ok(());
        };
        while piece.has_remaining() {
            let opened = opener.push(&mut piece)?;
            if !opened.is_empty() {
                self.ready.push_back(opened);
            }
        }
        Ok(())
    }
}

/// Whether a transfer may go on.
pub(super) struct Watch<A: Act> {
    service: Arc<Service>,
    pub(super) grant: Grant<A>,
    narrowed: watch::Receiver<u64>,
    checked: Instant,
}

impl<A: Act> Watch<A> {
    /// Watches over what was granted, which is decided once more: whatever took it away between
    /// the decision and the first look would not be noticed otherwise.
    pub(super) fn over(service: &Arc<Service>, grant: Grant<A>) -> Result<Self, WorkError> {
        let narrowed = service.vault().narrowed();
        service.still(&grant)?;
        Ok(Self {
            service: Arc::clone(service),
            grant,
            narrowed,
            checked: Instant::now(),
        })
    }

    pub(super) fn check(&mut self) -> Result<(), WorkError> {
        let narrowed = self.narrowed.has_changed().unwrap_or(true);
        let ended = self.service.now() >= self.grant.expires();
        if !narrowed && !ended && self.checked.elapsed() < TRANSFER_RECHECK {
            return Ok(());
        }
        self.narrowed.mark_unchanged();
        self.checked = Instant::now();
        self.service.still(&self.grant)
    }
}

pub(super) fn particulars(service: &Service, item: &Item) -> Result<Particulars, WorkError> {
    let view = service.vault().view()?;
    Ok(view.particulars(service.vault(), item)?)
}

async fn record<A: Act>(
    service: &Service,
    grant: &Grant<A>,
    detail: Option<String>,
) -> Result<(), WorkError> {
    let accessed = Event::Accessed {
        action: A::ACTION,
        resource: A::name(grant.on()),
        detail,
    };
    service.note(Actor::Person(grant.person()), accessed).await
}

pub(super) fn file_key(particulars: &Particulars) -> FileKey {
    FileKey::init_with_mut(|key| *key = particulars.file_key)
}
