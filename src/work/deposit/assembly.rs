//! One upload in memory: the part being filled, and the parts on their way to the store.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;

use super::super::error::WorkError;
use super::super::service::Service;
use super::begin::check_permitted;
use super::plan;
use super::turn::{STOP_WAIT, still_writing};
use crate::agefile::{
    CHUNK_BYTES, ChunkBuffer, FileKey, Last, PartBuffers, PayloadKey, chunk_count,
};
use crate::id::UploadId;
use crate::index::tables;
use crate::limits::PARTS_IN_FLIGHT;
use crate::model::{Actor, Digest, Event, StoredPart, Upload};
use crate::objects::{self, ObjectKey, ObjectsError};
use crate::vault::VaultError;

/// An upload being put together.
#[derive(Debug)]
pub(super) struct Assembly {
    id: UploadId,
    row: Upload,
    multipart: Option<objects::Upload>,
    key: Arc<PayloadKey>,
    buffers: PartBuffers,
    buffer: Option<ChunkBuffer>,
    next_part: u16,
    received: u64,
    on_their_way: VecDeque<JoinHandle<Result<objects::Part, WorkError>>>,
    broken: bool,
    room: Option<OwnedSemaphorePermit>,
}

impl Assembly {
    /// The upload as far as it is durable.
    pub(super) fn load(
        service: &Service,
        id: UploadId,
        room: OwnedSemaphorePermit,
    ) -> Result<Self, WorkError> {
        let view = service.vault().view()?;
        let row = view.reader().get(&tables::UPLOADS, &id)?;
        let row = row.ok_or(WorkError::NoSuchThing)?;
        let particulars = view.particulars(service.vault(), &row.item)?;
        let file_key = FileKey::init_with_mut(|key| *key = particulars.file_key);
        let key = PayloadKey::derive(&file_key, particulars.payload_nonce);
        let object = ObjectKey::Material(row.item.id);
        let multipart = row.multipart.clone();
        Ok(Self {
            id,
            multipart: multipart.map(|id| objects::Upload::resumed(object, id)),
            key: Arc::new(key),
            buffers: PartBuffers::default(),
            buffer: None,
            next_part: row.stored.last().map_or(1, |part| part.number + 1),
            received: plan::durable_bytes(&row),
            on_their_way: VecDeque::new(),
            broken: false,
            room: Some(room),
            row,
        })
    }

    /// Bytes of plaintext taken in.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Whether a part failed: what is in memory is worthless, and the upload goes on from what is durable.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Notes which parts have arrived, and lets go of the rest and of the room it took. Nothing
    /// happens, and it says so, while parts are on their way.
    pub(super) async fn put_away(&mut self, service: &Service) -> bool {
        if !self.on_their_way.iter().all(JoinHandle::is_finished) {
            return false;
        }
        // A part that failed has broken it already; what is durable is on record either way.
        while !self.on_their_way.is_empty() && self.land(service).await.is_ok() {}
        self.broken = true;
        self.buffer = None;
        self.room = None;
        true
    }

    /// Takes a piece of plaintext, sending every part that it fills.
    pub(super) async fn push(
        &mut self,
        service: &Arc<Service>,
        piece: Bytes,
    ) -> Result<(), WorkError> {
        if piece.len() as u64 > self.row.item.length - self.received {
            return Err(WorkError::TooLarge(format!(
                "the upload was declared to have {} bytes, and more arrive; begin again with the right length",
                self.row.item.length
            )));
        }
        while self
            .on_their_way
            .front()
            .is_some_and(JoinHandle::is_finished)
        {
            self.land(service).await?;
        }
        let mut rest = &piece[..];
        while !rest.is_empty() {
            let buffer = match &mut self.buffer {
                Some(buffer) => buffer,
                None => {
                    let fresh = new_buffer(&self.buffers, &self.row, self.next_part)?;
                    self.buffer.insert(fresh)
                }
            };
            let taken = buffer.fill(rest);
            self.received += taken as u64;
            let full = buffer.is_full();
            rest = rest.get(taken..).unwrap_or_default();
            if full && self.received < self.row.item.length {
                self.send(service, Last::No).await?;
            }
        }
        Ok(())
    }

    /// Sends the last part and makes the item, if every byte has arrived; says whether it did.
    pub(super) async fn finish_if_whole(
        &mut self,
        service: &Arc<Service>,
    ) -> Result<bool, WorkError> {
        if self.received < self.row.item.length {
            return Ok(false);
        }
        if self.buffer.is_some() {
            self.send(service, Last::Yes).await?;
        }
        while !self.on_their_way.is_empty() {
            self.land(service).await?;
        }
        if let Some(multipart) = &self.multipart {
            let parts = self.row.stored.iter().map(receipt).collect::<Vec<_>>();
            let completed = service.store().complete(multipart, &parts).await;
            self.breaking(completed.map_err(WorkError::from))?;
        }
        let made = self.make_item(service).await;
        self.breaking(made)?;
        Ok(true)
    }

    /// Seals the part that is full, or the last, and sends it on its way.
    async fn send(&mut self, service: &Arc<Service>, last: Last) -> Result<(), WorkError> {
        while self.on_their_way.len() >= PARTS_IN_FLIGHT {
            self.land(service).await?;
        }
        let Some(buffer) = self.buffer.take() else {
            return Ok(());
        };
        let number = self.next_part;
        let (key, workers) = (Arc::clone(&self.key), service.workers().clone());
        let sealed = match workers.leaves_to_caller(buffer.plain_len().div_ceil(CHUNK_BYTES)) {
            true => Ok(buffer.seal(&key, last, &workers)),
            false => tokio::task::spawn_blocking(move || buffer.seal(&key, last, &workers))
                .await
                .map_err(|error| WorkError::Internal(error.to_string())),
        };
        let sealed = self.breaking(sealed.and_then(|sealed| Ok(sealed?)))?;
        let digest = Digest::from_bytes(sealed.digest);
        let known = self.row.sealed.iter().find(|(known, _)| *known == number);
        let differs = known.is_some_and(|(_, known)| *known != digest);
        let is_new = known.is_none();
        if differs {
            // Never sealed twice with other bytes under one key and nonce: nothing leaves.
            return self.breaking(Err(changed_meanwhile()));
        }
        if is_new {
            self.row.sealed.push((number, digest));
        }
        let errand = Errand {
            service: Arc::clone(service),
            upload: self.id,
            object: ObjectKey::Material(self.row.item.id),
            multipart: self.multipart.clone(),
            number,
            digest: is_new.then_some(digest),
            bytes: sealed.bytes,
        };
        self.next_part = number.saturating_add(1);
        if self.multipart.is_none() {
            // It is all there is: nothing is filled meanwhile.
            let landed = Box::pin(errand.run()).await;
            return self.note(service, landed);
        }
        self.on_their_way.push_back(tokio::spawn(errand.run()));
        while self.on_their_way.len() > plan::parts_in_flight(self.row.part_chunks) {
            self.land(service).await?;
        }
        Ok(())
    }

    /// Waits for the part sent first, and notes that it is stored.
    async fn land(&mut self, service: &Service) -> Result<(), WorkError> {
        let Some(first) = self.on_their_way.front_mut() else {
            return Ok(());
        };
        let landed = first
            .await
            .map_err(|error| WorkError::Internal(error.to_string()))
            .and_then(|landed| landed);
        self.on_their_way.pop_front();
        self.note(service, landed)
    }

    /// Notes that a part is stored.
    fn note(
        &mut self,
        service: &Service,
        landed: Result<objects::Part, WorkError>,
    ) -> Result<(), WorkError> {
        let landed = self.breaking(landed)?;
        let part = StoredPart {
            number: landed.number(),
            bytes: landed.bytes(),
            etag: landed.etag().to_owned(),
        };
        // An object in one piece is an item a moment later; should that not be so, it is sent again.
        if self.multipart.is_some() {
            let event = Event::UploadPartStored {
                upload: self.id,
                part: part.clone(),
            };
            // Not waited for: should it be lost in a crash, the part is sent again.
            let noted = service.vault().note_unwaited(Actor::Gateway, |draft| {
                check_known(draft.reader(), self.id).map(|()| (event, ()))
            });
            self.breaking(noted)?;
        }
        self.row.sealed.retain(|(number, _)| *number != part.number);
        self.row.stored.push(part);
        Ok(())
    }

    async fn make_item(&self, service: &Service) -> Result<(), WorkError> {
        let upload = self.id;
        let mut item = self.row.item.clone();
        service
            .vault()
            .commit(Actor::Person(item.depositor), |draft| {
                // Somebody may have withdrawn while it was on its way.
                if !draft.reader().contains(&tables::UPLOADS, &upload)? {
                    return Err(WorkError::NoSuchThing);
                }
                check_permitted(draft.reader(), &item.participants, item.kind, None)?;
                // Of what is about nobody it is not known any more whom it was made from: it counts as
                // brought when that was decided over, so that no withdrawal since then is missed.
                if !item.participants.is_empty() {
                    item.deposited = draft.now();
                }
                let item = Box::new(item);
                Ok((Event::ItemDeposited { upload, item }, ()))
            })
            .await
    }

    /// Waits until no part is on its way any more; what has become of them is not asked.
    ///
    /// They are not cut short: what the store makes of half a request could arrive there later.
    pub(super) async fn settle(&mut self) -> Result<(), WorkError> {
        let settled = async {
            while let Some(errand) = self.on_their_way.front_mut() {
                let _ = errand.await;
                self.on_their_way.pop_front();
            }
        };
        let settled = tokio::time::timeout(STOP_WAIT, settled).await;
        settled.map_err(|_| still_writing())
    }

    /// Passes `result` on; a failure breaks the upload, so that nothing in memory is built on.
    fn breaking<T>(&mut self, result: Result<T, WorkError>) -> Result<T, WorkError> {
        if result.is_err() {
            self.broken = true;
            self.buffer = None;
        }
        result
    }
}

/// A sealed part on its way to the store.
struct Errand {
    service: Arc<Service>,
    upload: UploadId,
    object: ObjectKey,
    multipart: Option<objects::Upload>,
    number: u16,
    /// Its digest, unless that is on record already.
    digest: Option<Digest>,
    bytes: Bytes,
}

impl Errand {
    async fn run(self) -> Result<objects::Part, WorkError> {
        let (upload, number) = (self.upload, self.number);
        let vault = self.service.vault();
        match self.digest {
            Some(digest) => {
                let event = Event::UploadPartSealed {
                    upload,
                    number,
                    digest,
                };
                let sealed = vault.commit(Actor::Gateway, |draft| {
                    check_known(draft.reader(), upload).map(|()| (event, ()))
                });
                sealed.await?;
            }
            None => check_known(vault.view()?.reader(), upload)?,
        }
        let length = self.bytes.len() as u64;
        let store = self.service.store();
        match &self.multipart {
            Some(multipart) => Ok(store.put_part(multipart, number, self.bytes).await?),
            None => {
                match store.capabilities().conditional_put.is_yes() {
                    // One that is stored already, and whose answer was lost, gets no second version.
                    true => drop(store.put_if_absent(self.object, self.bytes).await?),
                    false => store.put(self.object, self.bytes).await?,
                }
                Ok(objects::Part::received(number, length, String::new()))
            }
        }
    }
}

/// Refuses once the upload is finished, given up or erased.
fn check_known(reader: &crate::index::Reader<'_>, upload: UploadId) -> Result<(), WorkError> {
    match reader.contains(&tables::UPLOADS, &upload)? {
        true => Ok(()),
        false => Err(WorkError::NoSuchThing),
    }
}

/// Whether an upload that failed like this can never be finished.
pub(super) fn is_hopeless(error: &WorkError) -> bool {
    match error {
        WorkError::Unacceptable(_) | WorkError::Refused(_) => true,
        WorkError::Store(error) => matches!(error, ObjectsError::UploadGone { .. }),
        WorkError::Vault(error) => matches!(error, VaultError::Destroyed),
        _ => false,
    }
}

fn changed_meanwhile() -> WorkError {
    WorkError::Unacceptable(
        "the bytes differ from those sent before the interruption: the file changed. The upload was given up; begin again".to_owned(),
    )
}

fn receipt(part: &StoredPart) -> objects::Part {
    objects::Part::received(part.number, part.bytes, part.etag.clone())
}

fn new_buffer(buffers: &PartBuffers, row: &Upload, part: u16) -> Result<ChunkBuffer, WorkError> {
    let first_chunk = u64::from(part - 1) * row.part_chunks;
    let all = chunk_count(row.item.length);
    let left = all.saturating_sub(first_chunk).min(row.part_chunks);
    let capacity = usize::try_from(left).ok().and_then(NonZeroUsize::new);
    let capacity = capacity
        .ok_or_else(|| WorkError::Internal(format!("part {part} of {} has no chunks", row.id)))?;
    Ok(ChunkBuffer::new_in(buffers, capacity, first_chunk)?)
}
