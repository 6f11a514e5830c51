//! Bringing material in: begun once, written in pieces of any size, gone on with after any break.
//!
//! Plaintext is gathered in memory, sealed in place a part at a time and sent to the store. What is
//! acknowledged as the offset is either durable in the store or in memory: after a crash of the
//! gateway the offset falls back to the last durable part, and the client goes on from there.

mod assembly;
mod begin;
mod derived;
mod plan;
mod room;
mod turn;
mod uploads;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use super::error::WorkError;
use super::service::Service;
use crate::access::Caller;
use crate::id::{ItemId, PersonId, UploadId};
use crate::index::tables;
use crate::limits::CHECKED_BODY_MAX;
use crate::model::{Actor, Event, Item, Upload};
use crate::objects::{self, Family, ObjectKey};

use assembly::Assembly;
use uploads::Active;

pub use begin::{Announced, Begun, begin, begin_redacted};
pub use derived::{Made, begin_derived};
pub use plan::LENGTH_MAX;
pub(crate) use uploads::Uploads;

/// How far an upload has come.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Bytes of plaintext taken in.
    pub offset: u64,
    /// Bytes of plaintext in all.
    pub length: u64,
    /// When it is given up, if it is not finished.
    pub expires: Timestamp,
    /// The item it becomes; it is there when `offset` is `length`.
    pub item: ItemId,
}

/// A checksum that comes with a body (tus `checksum`).
#[derive(Debug, Clone)]
pub enum Checksum {
    /// SHA-1, which tus asks every server to know.
    Sha1(Vec<u8>),
    /// SHA-256.
    Sha256(Vec<u8>),
}

impl Checksum {
    fn fits(&self, body: &[u8]) -> bool {
        let (algorithm, expected) = match self {
            Self::Sha1(expected) => (&SHA1_FOR_LEGACY_USE_ONLY, expected),
            Self::Sha256(expected) => (&SHA256, expected),
        };
        let mut context = Context::new(algorithm);
        context.update(body);
        context.finish().as_ref() == expected.as_slice()
    }
}

/// How far an upload has come. Whoever else was writing to it has stopped by then.
///
/// # Errors
/// [`WorkError::NoSuchThing`] for anybody but the one who began it.
pub async fn offset(
    service: &Arc<Service>,
    caller: &Caller,
    id: UploadId,
) -> Result<Progress, WorkError> {
    let owned = own_upload(service, caller.person().id, id)?;
    stand(service, id, owned).await
}

async fn stand(service: &Arc<Service>, id: UploadId, owned: Owned) -> Result<Progress, WorkError> {
    let row = match owned {
        Owned::UnderWay(row) => row,
        Owned::Finished(item) => return Ok(progress_of_item(&item)),
    };
    match service.uploads.find(id)? {
        None if plan::durable_bytes(&row) == row.item.length => finish(service, id, &row).await,
        None => Ok(progress_of(&row, plan::durable_bytes(&row))),
        Some(active) => {
            let _turn = active.turns.take().await?;
            active.touch();
            let assembly = active.assembly.lock().await;
            match assembly.is_broken() {
                true => Ok(progress_of(&row, plan::durable_bytes(&row))),
                false => Ok(progress_of(&row, assembly.received())),
            }
        }
    }
}

/// Writes a body at `offset` and gives how far the upload has come; the last byte makes the item.
///
/// # Errors
/// [`WorkError::Conflict`] when the upload stands elsewhere or the bytes differ from those sent
/// before at the same place; [`WorkError::Checksum`]; [`WorkError::BrokenOff`] when the body ends
/// with an error, which keeps what arrived; [`WorkError::TooMany`] when there is no room.
pub async fn write<S, E>(
    service: &Arc<Service>,
    caller: &Caller,
    id: UploadId,
    offset: u64,
    mut body: S,
    checksum: Option<Checksum>,
) -> Result<Progress, WorkError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
{
    let row = match own_upload(service, caller.person().id, id)? {
        Owned::UnderWay(row) => row,
        Owned::Finished(item) if offset == item.length => return Ok(progress_of_item(&item)),
        Owned::Finished(_) => return Err(elsewhere()),
    };
    let active = activate(service, id, &row).await?;
    let turn = active.turns.take().await?;
    let mut assembly = active.assembly.lock().await;
    if assembly.is_broken() {
        assembly.settle().await?;
        service.uploads.let_go(id, &active);
        return Err(elsewhere());
    }
    if assembly.received() != offset {
        return Err(elsewhere());
    }
    let written = match checksum {
        Some(checksum) => match gather(&mut body, &turn).await {
            Ok(gathered) if checksum.fits(&gathered) => assembly.push(service, gathered).await,
            Ok(_) => Err(WorkError::Checksum),
            Err(error) => Err(error),
        },
        None => pour(service, &mut assembly, &mut body, &turn).await,
    };
    active.touch();
    let finished = match written {
        Ok(()) => assembly.finish_if_whole(service).await,
        Err(error) => Err(error),
    };
    let progress = progress_of(&row, assembly.received());
    let at_rest = assembly.is_broken() && assembly.settle().await.is_ok();
    if at_rest || matches!(finished, Ok(true)) {
        service.uploads.let_go(id, &active);
    }
    drop(assembly);
    drop(turn);
    match finished {
        Ok(_) => Ok(progress),
        Err(error) => {
            if assembly::is_hopeless(&error) {
                give_up(service, caller_actor(caller), id).await?;
            }
            Err(error)
        }
    }
}

/// Gives an upload up: what was stored of it is deleted.
///
/// # Errors
/// [`WorkError::NoSuchThing`] for anybody but the one who began it; [`WorkError::Conflict`] when it
/// is finished.
pub async fn abandon(service: &Service, caller: &Caller, id: UploadId) -> Result<(), WorkError> {
    match own_upload(service, caller.person().id, id)? {
        Owned::UnderWay(_) => give_up(service, caller_actor(caller), id).await,
        Owned::Finished(_) => Err(already_an_item()),
    }
}

/// Gives up every upload whose time is over, and whatever the store holds of uploads that never
/// began; gives how many there were.
///
/// # Errors
/// The first failure, after all were tried.
pub async fn expire(service: &Service) -> Result<usize, WorkError> {
    let now = service.now();
    let rows = {
        let view = service.vault().view()?;
        view.reader()
            .page(&tables::UPLOADS, &(), None, usize::MAX)?
    };
    let mut ended = Ok(0);
    for (id, row) in rows {
        if row.expires <= now {
            match give_up(service, Actor::Gateway, id).await {
                Ok(()) => ended = ended.map(|count| count + 1),
                Err(error) => ended = ended.and(Err(error)),
            }
        }
    }
    ended
}

/// Aborts what the store still holds of uploads the vault does not know; gives how many there were.
///
/// # Errors
/// Those of the store. A store that cannot list unfinished uploads has none to reconcile.
pub async fn reconcile(service: &Service) -> Result<usize, WorkError> {
    let listed = service
        .store()
        .list_unfinished_uploads(Family::Material)
        .await?;
    let mut aborted = 0;
    for orphan in listed.unwrap_or_default() {
        let Ok(upload) = orphan.upload else { continue };
        let known = {
            let view = service.vault().view()?;
            let uploads = view
                .reader()
                .page(&tables::UPLOADS, &(), None, usize::MAX)?;
            uploads
                .iter()
                .any(|(_, row)| row.multipart.as_deref() == Some(upload.id()))
        };
        // One begun a moment ago may not be in the journal yet.
        let young = orphan
            .begun
            .is_none_or(|begun| service.now().duration_since(begun).as_secs() < ORPHAN_AGE_SECONDS);
        if !known && !young {
            service.store().abort(&upload).await?;
            aborted += 1;
        }
    }
    Ok(aborted)
}

/// How old an unfinished upload that nobody knows must be before it is aborted, in seconds.
const ORPHAN_AGE_SECONDS: i64 = 600;

/// Makes the item of an upload whose last part was stored just before a crash.
async fn finish(service: &Arc<Service>, id: UploadId, row: &Upload) -> Result<Progress, WorkError> {
    let active = activate(service, id, row).await?;
    let _turn = active.turns.take().await?;
    let finished = active.assembly.lock().await.finish_if_whole(service).await;
    service.uploads.let_go(id, &active);
    finished.map(|_| progress_of(row, row.item.length))
}

enum Owned {
    UnderWay(Box<Upload>),
    Finished(Box<Item>),
}

/// The upload, if it is `person`'s and there is still something of it.
fn own_upload(service: &Service, person: PersonId, id: UploadId) -> Result<Owned, WorkError> {
    let view = service.vault().view()?;
    if let Some(row) = view.reader().get(&tables::UPLOADS, &id)? {
        let mine = row.item.depositor == person && row.expires > service.now();
        return mine
            .then(|| Owned::UnderWay(Box::new(row)))
            .ok_or(WorkError::NoSuchThing);
    }
    let item = view.reader().get(&tables::FINISHED_UPLOADS, &id)?;
    let item = item.ok_or(WorkError::NoSuchThing)?;
    let row = view.reader().get(&tables::ITEMS, &item)?;
    let row = row.filter(|row| row.depositor == person && !row.erased);
    row.map(|row| Owned::Finished(Box::new(row)))
        .ok_or(WorkError::NoSuchThing)
}

/// The upload in memory, brought there if need be.
async fn activate(service: &Service, id: UploadId, row: &Upload) -> Result<Arc<Active>, WorkError> {
    if let Some(active) = service.uploads.find(id)? {
        return Ok(active);
    }
    let room = uploads::room_for(service, row).await?;
    service
        .uploads
        .find_or(id, || Assembly::load(service, id, room))
}

/// Takes a body whole, when it comes with a checksum that all of it must fit first.
async fn gather<S, E>(body: &mut S, turn: &turn::Turn<'_>) -> Result<Bytes, WorkError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
{
    let mut gathered = BytesMut::new();
    while let Some(piece) = turn.unless_lost(body.next()).await? {
        let piece = piece.map_err(|_| WorkError::BrokenOff)?;
        if gathered.len() + piece.len() > CHECKED_BODY_MAX {
            return Err(WorkError::TooLarge(format!(
                "a body with a checksum has at most {CHECKED_BODY_MAX} bytes here; send smaller pieces"
            )));
        }
        gathered.extend_from_slice(&piece);
    }
    Ok(gathered.freeze())
}

async fn pour<S, E>(
    service: &Arc<Service>,
    assembly: &mut Assembly,
    body: &mut S,
    turn: &turn::Turn<'_>,
) -> Result<(), WorkError>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin + Send,
{
    while let Some(piece) = turn.unless_lost(body.next()).await? {
        let piece = piece.map_err(|_| WorkError::BrokenOff)?;
        assembly.push(service, piece).await?;
    }
    Ok(())
}

/// Ends an upload and deletes what was stored of it.
async fn give_up(service: &Service, by: Actor, id: UploadId) -> Result<(), WorkError> {
    let given_up = give_up_at_rest(service, by, id).await;
    service.uploads.forget(id);
    given_up
}

async fn give_up_at_rest(service: &Service, by: Actor, id: UploadId) -> Result<(), WorkError> {
    service.uploads.come_to_rest(id).await?;
    // Looked at only now: its last byte may have made it an item just before.
    let (row, finished) = {
        let view = service.vault().view()?;
        let finished = view.reader().contains(&tables::FINISHED_UPLOADS, &id)?;
        (view.reader().get(&tables::UPLOADS, &id)?, finished)
    };
    if finished {
        return Err(already_an_item());
    }
    let row = row.ok_or(WorkError::NoSuchThing)?;
    let key = ObjectKey::Material(row.item.id);
    if let Some(multipart) = &row.multipart {
        let upload = objects::Upload::resumed(key, multipart.clone());
        service.store().abort(&upload).await?;
    }
    service.store().delete_everything(key).await?;
    service
        .vault()
        .commit(by, |draft| {
            // It may have been erased meanwhile.
            match draft.reader().contains(&tables::UPLOADS, &id)? {
                true => Ok((Event::UploadAbandoned { upload: id }, ())),
                false => Err(WorkError::NoSuchThing),
            }
        })
        .await
}

fn already_an_item() -> WorkError {
    WorkError::Conflict("the upload is finished and has become an item".to_owned())
}

fn progress_of(row: &Upload, offset: u64) -> Progress {
    Progress {
        offset,
        length: row.item.length,
        expires: row.expires,
        item: row.item.id,
    }
}

fn progress_of_item(item: &Item) -> Progress {
    Progress {
        offset: item.length,
        length: item.length,
        expires: item.deposited,
        item: item.id,
    }
}

fn caller_actor(caller: &Caller) -> Actor {
    Actor::Person(caller.person().id)
}

fn elsewhere() -> WorkError {
    WorkError::Conflict(
        "the upload stands at another offset; ask where (HEAD) and go on from there".to_owned(),
    )
}
