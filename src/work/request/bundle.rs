//! The answer to a request for access or portability: an archive of what is held, sealed while it is
//! sent. It is made afresh each time, so that it ends with its last day and dies with an erasure.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use futures::Stream;
use futures::stream::try_unfold;
use jiff::Timestamp;

use super::account::{Account, account};
use super::usage::Usage;
use crate::access::Grant;
use crate::access::acts::FetchBundle;
use crate::agefile::{ChunkSpan, Opener, PayloadKey, Plugins, Recipients, Sealer};
use crate::limits::DOWNLOAD_BATCH_CHUNKS;
use crate::model::request::RequestKind;
use crate::model::{Action, Actor, Event, Item};
use crate::objects::{Download, ObjectKey};
use crate::work::error::WorkError;
use crate::work::retrieve::{Watch, file_key, particulars};
use crate::work::service::Service;
use crate::work::tar;

/// Gives the sealed answer out, for `recipients`. The fetch is on record before this returns, and
/// each item before its bytes flow.
///
/// It holds a few chunks in memory, whatever is in it. While it runs, the decision is taken again as
/// for any transfer: an erasure, a withdrawal or the last day's end breaks it off, and the body ends
/// in an error.
///
/// # Errors
/// [`WorkError::Unacceptable`] for recipients age does not know; [`WorkError::NoSuchThing`] when
/// nothing is held any more.
pub async fn fetch(
    service: &Arc<Service>,
    grant: Grant<FetchBundle>,
    recipients: &[String],
) -> Result<impl Stream<Item = Result<Bytes, WorkError>> + Send + use<>, WorkError> {
    let to = Recipients::parse(recipients, Plugins::Refuse)
        .map_err(|error| WorkError::Unacceptable(error.to_string()))?;
    let watch = Watch::over(service, grant)?;
    let request = watch.grant.loaded();
    let Account {
        about,
        files,
        named,
    } = {
        let view = service.vault().view()?;
        account(service.vault(), &view, request)?
    };
    let accessed = Event::Accessed {
        action: Action::FetchBundle,
        resource: request.id.to_string(),
        detail: Some(format!("sealed for {}", recipients.join(" "))),
    };
    let (kind, study) = (request.kind, request.study.to_string());
    service
        .note(Actor::Person(watch.grant.person()), accessed)
        .await?;
    let (header, sealer) = Sealer::new(
        &to,
        &*service.vault().means().entropy,
        DOWNLOAD_BATCH_CHUNKS,
        service.workers().clone(),
    )?;
    let mut steps = VecDeque::from([Step::File("about.json".to_owned(), about)]);
    steps.extend(files.into_iter().map(|(item, name)| Step::Item(item, name)));
    if kind == RequestKind::Access {
        steps.push_back(Step::Use(Usage::over(service, study, named), 1));
    }
    let flow = Flow {
        service: Arc::clone(service),
        watch,
        made: service.now(),
        sealer: Some(sealer),
        ready: VecDeque::from([header]),
        steps,
        inside: None,
    };
    Ok(try_unfold(flow, Flow::next))
}

/// What is still to be put into the archive.
enum Step {
    /// A file at hand.
    File(String, Vec<u8>),
    /// An item from the store, under a name.
    Item(Item, String),
    /// The record of use, and the number of its next file.
    Use(Usage, u32),
}

/// An item on its way from the store into the archive.
struct Inside {
    download: Download,
    opener: Opener,
    length: u64,
}

/// An answer under way.
struct Flow {
    service: Arc<Service>,
    watch: Watch<FetchBundle>,
    made: Timestamp,
    sealer: Option<Sealer>,
    ready: VecDeque<Bytes>,
    steps: VecDeque<Step>,
    inside: Option<Inside>,
}

impl Flow {
    /// The next sealed bytes, after a look at whether they may still flow.
    async fn next(mut self) -> Result<Option<(Bytes, Self)>, WorkError> {
        loop {
            self.watch.check()?;
            if let Some(bytes) = self.ready.pop_front() {
                return Ok(Some((bytes, self)));
            }
            if let Some(inside) = self.inside.take() {
                self.go_on(inside).await?;
                continue;
            }
            match self.steps.pop_front() {
                Some(Step::File(name, bytes)) => {
                    self.seal(&tar::file_header(&name, bytes.len() as u64, self.made))?;
                    self.seal(&bytes)?;
                    self.seal(tar::padding(bytes.len() as u64))?;
                }
                Some(Step::Item(item, name)) => self.begin(&item, &name).await?,
                Some(Step::Use(usage, number)) => self.look_on(usage, number).await?,
                None => {
                    if self.sealer.is_none() {
                        return Ok(None);
                    }
                    self.seal(&tar::END)?;
                    if let Some(sealer) = self.sealer.take() {
                        self.ready.push_back(sealer.finish()?);
                    }
                }
            }
        }
    }

    /// Begins an item: on record first, then its header, then its bytes.
    async fn begin(&mut self, item: &Item, name: &str) -> Result<(), WorkError> {
        let accessed = Event::Accessed {
            action: Action::FetchBundle,
            resource: item.id.to_string(),
            detail: Some(self.watch.grant.on().to_string()),
        };
        let by = Actor::Person(self.watch.grant.person());
        self.service.note(by, accessed).await?;
        self.seal(&tar::file_header(name, item.length, self.made))?;
        let Some(span) = ChunkSpan::covering(0..item.length, item.length) else {
            return Ok(());
        };
        let particulars = particulars(&self.service, item)?;
        let key = PayloadKey::derive(&file_key(&particulars), particulars.payload_nonce);
        let store = self.service.store();
        let download = store
            .get(ObjectKey::Material(item.id), span.stored())
            .await?;
        let opener = Opener::new(key, &span, self.service.workers().clone());
        self.inside = Some(Inside {
            download,
            opener: opener.in_batches_of(DOWNLOAD_BATCH_CHUNKS),
            length: item.length,
        });
        Ok(())
    }

    /// Takes the next piece of an item, or ends it.
    async fn go_on(&mut self, mut inside: Inside) -> Result<(), WorkError> {
        let Some(piece) = inside.download.next().await else {
            let rest = inside.opener.finish()?;
            self.seal(&rest)?;
            return self.seal(tar::padding(inside.length));
        };
        let mut piece = piece?;
        while piece.has_remaining() {
            let opened = inside.opener.push(&mut piece)?;
            self.seal(&opened)?;
        }
        self.inside = Some(inside);
        Ok(())
    }

    /// Looks through a stretch of the journal, and puts a page into the archive when one is full.
    async fn look_on(&mut self, usage: Usage, number: u32) -> Result<(), WorkError> {
        let (usage, page) = usage.next(&self.service).await?;
        let next = number + u32::from(page.is_some());
        if !usage.is_over() {
            self.steps.push_front(Step::Use(usage, next));
        }
        if let Some(page) = page {
            let name = format!("use/{number:04}.json");
            self.steps.push_front(Step::File(name, page));
        }
        Ok(())
    }

    fn seal(&mut self, mut plain: &[u8]) -> Result<(), WorkError> {
        let Some(sealer) = &mut self.sealer else {
            return Ok(());
        };
        while !plain.is_empty() {
            self.ready.extend(sealer.push(&mut plain)?);
        }
        Ok(())
    }
}
