//! Erasure, from approval to certificate. Every step can be done again, and a restart goes on.

use std::sync::Arc;

use super::certificate::{self, Elsewhere, Verified};
use super::copies;
use super::error::WorkError;
use super::redact;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::{ApproveErasure, ReadErasure};
use crate::id::{ErasureId, ItemId, ParticipantId};
use crate::index::{Reader, tables};
use crate::model::erasure::DeletedObject;
use crate::model::{Actor, Digest, Erasure, ErasureStage, ErasureTarget, Event, Kind, Scope};
use crate::objects::{Deleted, ObjectKey};
use crate::vault::VaultError;

/// Approves an erasure that somebody else asked for, and carries it out.
///
/// From the approval on it runs to its end by itself, whatever happens to whoever asked.
///
/// # Errors
/// [`WorkError::Conflict`] when it is approved already. When a later step fails, for instance because
/// the store does not answer, the erasure as far as it came is returned: its stage says how far.
pub async fn approve(
    service: &Arc<Service>,
    grant: Grant<ApproveErasure>,
) -> Result<Erasure, WorkError> {
    let by = grant.person();
    let id = grant.loaded().id;
    service
        .vault()
        .commit(Actor::Person(by), |draft| {
            let erasure = erasure_of(draft.reader(), id)?;
            if erasure.stage != ErasureStage::Requested {
                return Err(WorkError::Conflict(
                    "the erasure is decided on already; see `erasure show`".to_owned(),
                ));
            }
            if erasure.requested_by == Actor::Person(by) {
                return Err(WorkError::Refused(
                    "an erasure is approved by somebody else than who asked for it".to_owned(),
                ));
            }
            if erasure.approved.iter().any(|(person, _)| *person == by) {
                return Err(WorkError::Refused(
                    "you have approved it already; another person approves it as well".to_owned(),
                ));
            }
            if erasure.approved.len() + 1 < usize::from(erasure.approvers) {
                return Ok((Event::ErasureSeconded { erasure: id, by }, ()));
            }
            let target = target_of(draft.reader(), &erasure)?;
            let erasure = id;
            let approved = Event::ErasureApproved {
                erasure,
                by,
                target,
            };
            Ok((approved, ()))
        })
        .await?;
    finish(service, id).await
}

/// Carries out what is approved, and gives how far it came.
pub(super) async fn finish(service: &Arc<Service>, id: ErasureId) -> Result<Erasure, WorkError> {
    // On its own: it goes on when whoever asked hangs up.
    let service = Arc::clone(service);
    let ended = tokio::spawn(async move {
        if let Err(error) = carry_out(&service, id).await {
            waits(id, error);
        }
        current(&service, id)
    });
    ended
        .await
        .map_err(|error| WorkError::Internal(error.to_string()))?
}

/// The erasure a grant is for.
pub fn show(grant: Grant<ReadErasure>) -> Erasure {
    grant.into_loaded()
}

/// The certificate of an erasure, a signed note. It is drawn up anew when what lies elsewhere is no
/// longer what the last one says: a supplier confirmed, or backups are kept for another time.
///
/// # Errors
/// [`WorkError::Conflict`] while it is not certified, and those of certifying anew.
pub async fn certificate(
    service: &Arc<Service>,
    grant: Grant<ReadErasure>,
) -> Result<String, WorkError> {
    up_to_date(service, grant.into_loaded())
        .await?
        .ok_or_else(|| {
            WorkError::Conflict(
                "the erasure is not certified yet; `erasure show` says how far it is".to_owned(),
            )
        })
}

/// The certificate of an erasure as things stand now, if there is one. The last one stays true of its
/// day, so it is given when no newer can be made now.
pub(super) async fn up_to_date(
    service: &Arc<Service>,
    erasure: Erasure,
) -> Result<Option<String>, WorkError> {
    let Some(last) = erasure.certificate.clone() else {
        return Ok(None);
    };
    let elsewhere = certificate::elsewhere(service, &erasure).await?;
    let said = certificate::read(&last).map(|statement| statement.elsewhere);
    if said.is_ok_and(|said| said == elsewhere) {
        return Ok(Some(last));
    }
    let Ok(_alone) = service.erasing.try_lock() else {
        return Ok(Some(last));
    };
    if !objects_are_absent(service, &erasure).await.unwrap_or(false) {
        tracing::warn!(erasure = %erasure.id, "the store was asked in vain, so the certificate is not drawn up anew");
        return Ok(Some(last));
    }
    draw_up(service, &erasure, elsewhere).await.map(Some)
}

/// Carries on with every erasure that was approved and is not certified; gives how many are now.
///
/// # Errors
/// The first failure, after all were tried.
pub async fn resume(service: &Arc<Service>) -> Result<usize, WorkError> {
    let under_way = {
        let view = service.vault().view()?;
        let rows = view
            .reader()
            .page(&tables::ERASURES_UNDER_WAY, &(), None, usize::MAX)?;
        rows.into_iter().map(|(id, ())| id).collect::<Vec<_>>()
    };
    let mut finished = Ok(0);
    // Everybody's keys first: they do not wait for the store to let go of somebody else's objects.
    for id in &under_way {
        if let Err(error) = make_inaccessible(service, *id).await {
            finished = finished.and(Err(waits(*id, error)));
        }
    }
    for id in under_way {
        match carry_out(service, id).await {
            Ok(()) => {
                let certified = current(service, id)?.stage == ErasureStage::Certified;
                finished = finished.map(|count| count + usize::from(certified));
            }
            Err(error) => finished = finished.and(Err(waits(id, error))),
        }
    }
    finished
}

fn waits(erasure: ErasureId, error: WorkError) -> WorkError {
    tracing::error!(%erasure, %error, "the erasure waits; it is tried again every minute");
    error
}

/// Goes from stage to stage until the erasure is certified.
async fn carry_out(service: &Arc<Service>, id: ErasureId) -> Result<(), WorkError> {
    make_inaccessible(service, id).await?;
    let _alone = service.erasing.lock().await;
    loop {
        let erasure = current(service, id)?;
        match erasure.stage {
            ErasureStage::Requested | ErasureStage::Certified | ErasureStage::Refused => {
                return Ok(());
            }
            ErasureStage::Approved if is_held(service, &erasure)? => return Ok(()),
            ErasureStage::Approved | ErasureStage::KeysDestroyed => {
                destroy_keys(service, &erasure).await?;
            }
            ErasureStage::Inaccessible => delete_ciphertext(service, &erasure).await?,
            ErasureStage::CiphertextDeleted => certify(service, &erasure).await?,
        }
    }
}

/// Destroys the keys, unless they are destroyed already; no other erasure is waited for but while
/// its own are.
async fn make_inaccessible(service: &Arc<Service>, id: ErasureId) -> Result<(), WorkError> {
    let erasure = current(service, id)?;
    match erasure.stage {
        ErasureStage::Approved if is_held(service, &erasure)? => Ok(()),
        ErasureStage::Approved | ErasureStage::KeysDestroyed => {
            destroy_keys(service, &erasure).await
        }
        _ => Ok(()),
    }
}

/// Whether an erasure waits for versions without its participant.
fn is_held(service: &Service, erasure: &Erasure) -> Result<bool, WorkError> {
    let view = service.vault().view()?;
    redact::is_held(view.reader(), erasure, service.today())
}

fn current(service: &Service, id: ErasureId) -> Result<Erasure, WorkError> {
    let view = service.vault().view()?;
    erasure_of(view.reader(), id)
}

async fn destroy_keys(service: &Arc<Service>, erasure: &Erasure) -> Result<(), WorkError> {
    for upload in &erasure.target.uploads {
        service.uploads.break_off(*upload);
    }
    let (service, id) = (Arc::clone(service), erasure.id);
    let (keys, erasure) = (erasure.target.keys.clone(), erasure.clone());
    let here = tokio::runtime::Handle::current();
    let destroying = tokio::task::spawn_blocking(move || {
        let copied = || here.block_on(copies::before_effacing(&service, &erasure));
        service.vault().destroy(id, &keys, copied)
    });
    destroying
        .await
        .map_err(|error| WorkError::Internal(error.to_string()))??;
    Ok(())
}

async fn delete_ciphertext(service: &Service, erasure: &Erasure) -> Result<(), WorkError> {
    for upload in &erasure.target.uploads {
        service.uploads.come_to_rest(*upload).await?;
    }
    let mut deleted: Vec<_> = erasure
        .target
        .items
        .iter()
        .map(|item| before(erasure, *item))
        .collect();
    let emptied = empty_store(service, &mut deleted).await;
    if emptied.is_ok() {
        for upload in &erasure.target.uploads {
            service.uploads.forget(*upload);
        }
    } else if deleted.iter().all(|now| *now == before(erasure, now.item)) {
        return emptied;
    }
    // What a failed attempt deleted is on record as well: the next finds nothing of it to count.
    let noted = Event::CiphertextDeleted {
        erasure: erasure.id,
        deleted,
        unfinished: emptied.is_err(),
    };
    service.note(Actor::Gateway, noted).await?;
    emptied
}

/// Deletes everything stored of these, and counts it.
async fn empty_store(service: &Service, counts: &mut [DeletedObject]) -> Result<(), WorkError> {
    for counted in counts {
        let mut gone = Deleted::default();
        let key = ObjectKey::Material(counted.item);
        let emptied = service.store().delete_counting(key, &mut gone).await;
        counted.versions += gone.versions;
        counted.delete_markers += gone.delete_markers;
        counted.unfinished_uploads += gone.unfinished_uploads;
        emptied?;
    }
    Ok(())
}

/// What earlier attempts deleted of an item.
fn before(erasure: &Erasure, item: ItemId) -> DeletedObject {
    let before = erasure.deleted.iter().find(|before| before.item == item);
    before.cloned().unwrap_or_else(|| DeletedObject::none(item))
}

async fn certify(service: &Arc<Service>, erasure: &Erasure) -> Result<(), WorkError> {
    if !objects_are_absent(service, erasure).await? {
        // It was on its way to the store when a crash cut everything short, and arrived late.
        return delete_ciphertext(service, erasure).await;
    }
    let elsewhere = certificate::elsewhere(service, erasure).await?;
    draw_up(service, erasure, elsewhere).await.map(drop)
}

async fn objects_are_absent(service: &Service, erasure: &Erasure) -> Result<bool, WorkError> {
    for item in &erasure.target.items {
        let found = service.store().head(ObjectKey::Material(*item)).await?;
        if found.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Commits to what the certificate states, proves that to be in the log, signs both and records it.
async fn draw_up(
    service: &Service,
    erasure: &Erasure,
    elsewhere: Elsewhere,
) -> Result<String, WorkError> {
    let verified = verify(service, erasure)?;
    let (vault, id) = (service.vault(), erasure.id);
    let stated = certificate::of(vault.id(), erasure, verified, elsewhere, service.now())
        .ok_or_else(|| WorkError::Internal(format!("{id} has stages without their records")))?;
    let text = stated.to_text().map_err(WorkError::Internal)?;
    let statement = Digest::of(text.as_bytes());
    let drawn_up = Event::CertificateDrawnUp {
        erasure: id,
        statement,
    };
    let (position, ()) = vault
        .commit_placed(Actor::Gateway, |_| Ok::<_, WorkError>((drawn_up, ())))
        .await?;
    let evidence = vault.journal().evidence(position, vault.signer());
    let evidence = evidence.map_err(VaultError::from)?;
    let certificate =
        certificate::sign(&text, &evidence, vault.signer()).map_err(WorkError::Internal)?;
    let certified = Event::ErasureCertified {
        erasure: id,
        certificate: certificate.clone(),
    };
    service.note(Actor::Gateway, certified).await?;
    Ok(certificate)
}

/// Tries what must fail. That the objects are absent has been asked just before.
fn verify(service: &Service, erasure: &Erasure) -> Result<Verified, WorkError> {
    let still_there = |what: String| {
        WorkError::Internal(format!(
            "{what} outlived erasure {}: nothing is certified; stop the gateway and report it",
            erasure.id
        ))
    };
    let mut verified = Verified {
        keys_absent: 0,
        items_do_not_open: 0,
        objects_absent: erasure.target.items.len() as u64,
    };
    let view = service.vault().view()?;
    for key in &erasure.target.keys {
        match view.key(*key).map_err(VaultError::from) {
            Err(VaultError::Destroyed) => verified.keys_absent += 1,
            Ok(_) => return Err(still_there(format!("key {key}"))),
            Err(error) => return Err(error.into()),
        }
    }
    for id in &erasure.target.items {
        let item = view.reader().get(&tables::ITEMS, id)?;
        // An upload that was broken off never became an item: its key alone was there to go.
        let Some(item) = item else { continue };
        match view.particulars(service.vault(), &item) {
            Err(VaultError::Destroyed) => verified.items_do_not_open += 1,
            Ok(_) => return Err(still_there(id.to_string())),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(verified)
}

fn erasure_of(reader: &Reader<'_>, id: ErasureId) -> Result<Erasure, WorkError> {
    reader
        .get(&tables::ERASURES, &id)?
        .ok_or(WorkError::NoSuchThing)
}

/// What a withdrawal destroys; what retention does was fixed when it began.
fn target_of(reader: &Reader<'_>, erasure: &Erasure) -> Result<ErasureTarget, WorkError> {
    let Some(withdrawal) = erasure.withdrawal() else {
        return Ok(erasure.target.clone());
    };
    let id = withdrawal.participant;
    let participant = reader.get(&tables::PARTICIPANTS, &id)?;
    let participant = participant.ok_or(WorkError::NoSuchThing)?;
    let mut target = ErasureTarget::default();
    match &withdrawal.scope {
        Scope::ContactOnly => {
            target.keys.push(participant.contact_key);
            target.contacts.push(id);
        }
        Scope::Everything => {
            target.keys.push(participant.contact_key);
            target.keys.push(participant.material_key);
            target.participants.push(id);
            hanging_on(reader, id, |_| true, &mut target)?;
        }
        Scope::Kinds(kinds) => {
            hanging_on(reader, id, |kind| kinds.contains(&kind), &mut target)?;
        }
    }
    Ok(target)
}

/// Adds what hangs on a participant, of the kinds that are to go: items and unfinished uploads.
fn hanging_on(
    reader: &Reader<'_>,
    id: ParticipantId,
    goes: impl Fn(Kind) -> bool,
    target: &mut ErasureTarget,
) -> Result<(), WorkError> {
    for ((_, item), ()) in reader.page(&tables::ITEMS_WITH, &id, None, usize::MAX)? {
        if let Some(row) = reader.get(&tables::ITEMS, &item)?
            && !row.erased
            && goes(row.kind)
        {
            target.keys.push(row.key);
            target.items.push(item);
        }
    }
    for ((_, upload), ()) in reader.page(&tables::UPLOADS_WITH, &id, None, usize::MAX)? {
        if let Some(row) = reader.get(&tables::UPLOADS, &upload)?
            && goes(row.item.kind)
        {
            target.keys.push(row.item.key);
            target.items.push(row.item.id);
            target.uploads.push(upload);
        }
    }
    Ok(())
}
