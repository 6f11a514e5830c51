//! Giving material out: opened here, or as it is stored with a fresh header for its recipient.

mod ahead;
mod watch;

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::Stream;
use futures::stream::try_unfold;

use super::error::WorkError;
use super::service::Service;
use crate::access::acts::{OpenItem, RedactItem};
use crate::access::{Act, Grant};
use crate::agefile::{
    ChunkSpan, FileKey, PayloadKey, Plugins, Recipients, sealed_length, write_header,
};
use crate::model::fetched::SEALED_COPY;
use crate::model::item::Particulars;
use crate::model::{Action, Actor, Event, Item};
use crate::objects::ObjectKey;

use ahead::{Ahead, Habits, Manner};

pub(super) use watch::Watch;

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
/// While it runs, the decision is taken again every [`TRANSFER_RECHECK`](crate::limits::TRANSFER_RECHECK), when the grant ends, and
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
    if ChunkSpan::covering(range.clone(), length).is_none() {
        return Err(WorkError::BadRange { length });
    }
    let watch = Watch::over(service, grant)?;
    let particulars = particulars(service, item)?;
    let detail = (range != (0..length)).then(|| format!("bytes {}-{}", range.start, range.end - 1));
    let key = PayloadKey::derive(&file_key(&particulars), particulars.payload_nonce);
    let manner = Manner::Opened(Arc::new(key));
    let asked = ask(service, item, manner, range.clone());
    // The store is asked while the record is written; nothing is read from it before that is durable.
    let (asked, recorded) = tokio::join!(asked, record(service, &watch.grant, detail));
    recorded?;
    let flow = Flow {
        watch,
        first: None,
        rest: asked?,
    };
    Ok(Plain {
        length,
        range,
        body: try_unfold(flow, Flow::next),
    })
}

/// Asks the store for `range` of the plaintext of an item.
async fn ask(
    service: &Service,
    item: &Item,
    manner: Manner,
    range: Range<u64>,
) -> Result<Ahead, WorkError> {
    let (store, object) = (service.store(), ObjectKey::Material(item.id));
    let (habits, room) = (Habits::default(), Arc::clone(&service.read_ahead));
    Ahead::begin(store, object, manner, item.length, range, habits, room).await
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
    let stored = sealed_length(item.length);
    let stored = stored.ok_or_else(|| WorkError::Internal("a length beyond age".to_owned()))?;
    let length = header.len() as u64 + stored;
    // The nonce that the payload begins with is on record, so the store is asked for what follows it.
    let mut first = BytesMut::from(&header[..]);
    first.extend_from_slice(&particulars.payload_nonce);
    let by = Actor::Person(watch.grant.person());
    let asked = ask(service, item, Manner::Sealed, 0..item.length);
    let (asked, recorded) = tokio::join!(asked, service.note(by, accessed));
    recorded?;
    let flow = Flow {
        watch,
        first: Some(first.freeze()),
        rest: asked?,
    };
    Ok(SealedCopy {
        length,
        body: try_unfold(flow, Flow::next),
    })
}

/// A transfer under way.
struct Flow<A: Act> {
    watch: Watch<A>,
    /// What comes before the store's bytes.
    first: Option<Bytes>,
    rest: Ahead,
}

impl<A: Act> Flow<A> {
    /// The next bytes, after a look at whether they may still flow.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, WorkError> {
        let bytes = match self.first.take() {
            Some(first) => Some(first),
            None => self.rest.next().await?,
        };
        self.watch.check()?;
        Ok(bytes.map(|bytes| (bytes, self)))
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
