//! Bringing material in: begun once, written in pieces of any size, gone on with after any break.
//!
//! Plaintext is gathered in memory, sealed in place a part at a time and sent to the store. What is
//! acknowledged as the offset is either durable in the store or in memory: after a crash of the
//! gateway the offset falls back to the last durable part, and the client goes on from there.

mod assembly;
mod derived;
mod plan;
mod room;
mod turn;
mod uploads;

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;
use jiff::civil::Date;
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};

use super::error::WorkError;
use super::service::Service;
use super::{consent, redact, retain, terms};
use crate::access::acts::{Deposit, DepositItem, RedactItem};
use crate::access::{Caller, Grant};
use crate::agefile::new_file_key;
use crate::id::{AssignmentId, ItemId, ParticipantId, PersonId, SessionId, StudyId, UploadId};
use crate::index::{Reader, tables};
use crate::limits::{CHECKED_BODY_MAX, UPLOAD_LIFETIME};
use crate::model::item::{Derived, Particulars};
use crate::model::{Actor, Event, Item, Kind, Sealed, Standing, Tier, Upload};
use crate::objects::{self, Family, ObjectKey};
use crate::vault::MaterialKeys;

use assembly::Assembly;
use uploads::Active;

pub use derived::{Made, begin_derived};
pub use plan::LENGTH_MAX;
pub(crate) use uploads::Uploads;

/// An upload that has begun.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    /// The upload.
    pub upload: UploadId,
    /// The item it becomes.
    pub item: ItemId,
    /// When it is given up, if it is not finished.
    pub expires: Timestamp,
}

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

/// Begins an upload of `length` bytes to the granted session.
///
/// # Errors
/// [`WorkError::Unacceptable`] for nothing, [`WorkError::TooLarge`] for more than a store holds,
/// [`WorkError::OverQuota`] for more than the study may hold,
/// [`WorkError::Refused`] when a participant has not permitted that kind of material (R2).
pub async fn begin(
    service: &Service,
    grant: Grant<DepositItem>,
    length: u64,
    kind: Kind,
    file_name: Option<String>,
) -> Result<Begun, WorkError> {
    let by = grant.person();
    let Deposit {
        session,
        study,
        answers,
        ..
    } = grant.into_loaded();
    terms::check_place(service, study.regions)?;
    retain::refuse_due(&study, kind, &session, service.today())?;
    let coming = Coming {
        by,
        length,
        file_name,
        kind,
        study: session.study,
        session: Some(session.id),
        tier: Tier::Identifiable,
        derived: None,
        answers: answers.map(|assignment| assignment.id),
        redacts: None,
    };
    begin_in(service, coming, |reader| {
        check_permitted(reader, &session.participants, kind, Some(session.date))?;
        Ok(session.participants.clone())
    })
    .await
}

/// Begins an upload of a version of the granted item without those who withdraw: it hangs on the keys
/// of those who remain, and on no other.
///
/// # Errors
/// As [`begin`]; and [`WorkError::Unacceptable`] for another session than the item's, or a kind that
/// is neither the item's nor words in its place; [`WorkError::Conflict`] when there is such a version.
pub async fn begin_redacted(
    service: &Service,
    grant: Grant<RedactItem>,
    session: SessionId,
    length: u64,
    kind: Kind,
    file_name: Option<String>,
) -> Result<Begun, WorkError> {
    let (by, item) = (grant.person(), grant.into_loaded());
    if item.session != Some(session) {
        return Err(WorkError::Unacceptable(format!(
            "{} is not of that session; name its own, which `item show` says",
            item.id
        )));
    }
    if kind != item.kind && kind != Kind::Transcript {
        return Err(WorkError::Unacceptable(format!(
            "{} is of kind {}: a version of it is as well, or a transcript",
            item.id, item.kind
        )));
    }
    {
        let view = service.vault().view()?;
        let study = view.reader().get(&tables::STUDIES, &item.study)?;
        let held = view.reader().get(&tables::SESSIONS, &session)?;
        if let (Some(study), Some(held)) = (study, held) {
            terms::check_place(service, study.regions)?;
            retain::refuse_due(&study, kind, &held, service.today())?;
        }
    }
    let coming = Coming {
        by,
        length,
        file_name,
        kind,
        study: item.study,
        session: Some(session),
        tier: Tier::Identifiable,
        derived: None,
        answers: None,
        redacts: Some(item.id),
    };
    begin_in(service, coming, |reader| {
        redact::those_who_remain(reader, item.id, kind)
    })
    .await
}

/// Material that is about to be brought.
struct Coming {
    by: PersonId,
    length: u64,
    file_name: Option<String>,
    kind: Kind,
    study: StudyId,
    session: Option<SessionId>,
    tier: Tier,
    derived: Option<Derived>,
    answers: Option<AssignmentId>,
    redacts: Option<ItemId>,
}

/// Begins an upload; `people` says who is in it, in the order of their identifiers, or why nothing is
/// taken in.
async fn begin_in(
    service: &Service,
    coming: Coming,
    people: impl Fn(&Reader<'_>) -> Result<Vec<ParticipantId>, WorkError>,
) -> Result<Begun, WorkError> {
    let part_chunks = plan::part_chunks(coming.length)?;
    let vault = service.vault();
    let entropy = &*vault.means().entropy;
    let (upload, id) = (UploadId::random(entropy)?, ItemId::random(entropy)?);
    {
        // Refused before the store is troubled; decided again under the lock.
        let view = vault.view()?;
        people(view.reader())?;
        room::check(view.reader(), &coming)?;
    }
    let multipart = match plan::is_single(coming.length, part_chunks) {
        true => None,
        false => Some(service.store().begin(ObjectKey::Material(id)).await?),
    };
    let begun = vault
        .commit(Actor::Person(coming.by), |draft| {
            let participants = people(draft.reader())?;
            room::check(draft.reader(), &coming)?;
            let [(leaf, key)] = draft.new_keys()?;
            let keys = MaterialKeys {
                item: key,
                people: draft.view().keys_beside(coming.study, &participants)?,
            };
            let mut item = Item {
                id,
                study: coming.study,
                session: coming.session,
                participants,
                kind: coming.kind,
                tier: coming.tier,
                length: coming.length,
                key: leaf,
                particulars: Sealed::new(Vec::new()),
                deposited: draft.now(),
                depositor: coming.by,
                answers: coming.answers,
                derived: coming.derived,
                redacts: coming.redacts,
                redaction: None,
                accepted: None,
                erased: false,
            };
            let particulars = draw_particulars(entropy, coming.file_name)?;
            item.particulars = vault.seal_particulars(&item, &keys, &particulars)?;
            let expires = draft.now().saturating_add(UPLOAD_LIFETIME);
            let expires = expires.unwrap_or(Timestamp::MAX);
            let row = Upload {
                id: upload,
                item,
                part_chunks,
                multipart: multipart.as_ref().map(|begun| begun.id().to_owned()),
                expires,
                sealed: Vec::new(),
                stored: Vec::new(),
            };
            let begun = Begun {
                upload,
                item: id,
                expires,
            };
            let upload = Box::new(row);
            Ok::<_, WorkError>((Event::UploadStarted { upload }, begun))
        })
        .await;
    if let (Err(_), Some(multipart)) = (&begun, &multipart)
        && let Err(error) = service.store().abort(multipart).await
    {
        tracing::warn!(%error, "an upload that never began could not be aborted in the store; it is found again at the next start");
    }
    begun
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
    let row = match own_upload(service, caller, id)? {
        Owned::UnderWay(row) => row,
        Owned::Finished(progress) => return Ok(progress),
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
    let row = match own_upload(service, caller, id)? {
        Owned::UnderWay(row) => row,
        Owned::Finished(progress) if offset == progress.length => return Ok(progress),
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
    match own_upload(service, caller, id)? {
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
    Finished(Progress),
}

fn own_upload(service: &Service, caller: &Caller, id: UploadId) -> Result<Owned, WorkError> {
    let person = caller.person().id;
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
    let row = row.ok_or(WorkError::NoSuchThing)?;
    Ok(Owned::Finished(Progress {
        offset: row.length,
        length: row.length,
        expires: row.deposited,
        item,
    }))
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

/// Whether everyone in it takes part and permits that kind of material, on the day of the session too.
fn check_permitted(
    reader: &Reader<'_>,
    participants: &[ParticipantId],
    kind: Kind,
    session: Option<Date>,
) -> Result<(), WorkError> {
    for id in participants {
        let row = reader.get(&tables::PARTICIPANTS, id)?;
        let row = row.ok_or(WorkError::NoSuchThing)?;
        if row.standing != Standing::Active {
            return Err(WorkError::Refused(
                "a participant of this session has withdrawn or is withdrawing; nothing more is taken in"
                    .to_owned(),
            ));
        }
        consent::check_permitted_by(reader, &row, kind, session)?;
    }
    Ok(())
}

fn draw_particulars(
    entropy: &dyn crate::entropy::Entropy,
    file_name: Option<String>,
) -> Result<Particulars, WorkError> {
    use secrecy::ExposeSecret as _;
    let mut payload_nonce = [0; 16];
    entropy.fill(&mut payload_nonce)?;
    let file_key = new_file_key(entropy)?;
    Ok(Particulars {
        file_key: *file_key.expose_secret(),
        payload_nonce,
        file_name,
    })
}

fn progress_of(row: &Upload, offset: u64) -> Progress {
    Progress {
        offset,
        length: row.item.length,
        expires: row.expires,
        item: row.item.id,
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
