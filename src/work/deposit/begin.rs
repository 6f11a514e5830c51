//! Beginning an upload: whether what is announced may come, and whether it began already.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::error::WorkError;
use super::super::service::Service;
use super::super::{consent, redact, retain, terms};
use super::{Owned, Progress, own_upload, plan, progress_of, room, stand};
use crate::access::Grant;
use crate::access::acts::{Deposit, DepositItem, RedactItem};
use crate::agefile::new_file_key;
use crate::id::{AssignmentId, ItemId, ParticipantId, PersonId, SessionId, StudyId, UploadId};
use crate::index::{Reader, tables};
use crate::limits::UPLOAD_LIFETIME;
use crate::model::item::{Derived, Particulars};
use crate::model::{
    Actor, Event, IdempotencyKey, Item, Kind, Sealed, Standing, Text, Tier, Upload,
};
use crate::objects::ObjectKey;
use crate::vault::{Draft, MaterialKeys};

/// A file, as whoever brings it announces it.
#[derive(Debug, Clone)]
pub struct Announced {
    /// Its length, in bytes.
    pub length: u64,
    /// What it is.
    pub kind: Kind,
    /// What it is called.
    pub file_name: Option<String>,
    /// What it is known by, should it be announced again because the answer was lost.
    pub key: Option<IdempotencyKey>,
    /// Whether all of its bytes come in the same request.
    ///
    /// Its beginning is then not waited for: it is on the disk before the first of them leaves for the
    /// store, and nobody is told that anything arrived before the last is durable. Should the request fail
    /// before that, a crash may leave nothing of it.
    pub comes_along: bool,
}

impl Announced {
    /// A file whose bytes follow.
    pub fn new(length: u64, kind: Kind, file_name: Option<String>) -> Self {
        Self {
            length,
            kind,
            file_name,
            key: None,
            comes_along: false,
        }
    }
}

/// An upload that has begun.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    /// The upload.
    pub upload: UploadId,
    /// The item it becomes.
    pub item: ItemId,
    /// How far it has come: nowhere, unless it was announced before.
    pub progress: Progress,
}

/// Begins an upload to the granted session, or finds the one that the same key began.
///
/// # Errors
/// [`WorkError::Unacceptable`] for nothing, [`WorkError::TooLarge`] for more than a store holds,
/// [`WorkError::OverQuota`] for more than the study may hold,
/// [`WorkError::Refused`] when a participant has not permitted that kind of material (R2).
pub async fn begin(
    service: &Arc<Service>,
    grant: Grant<DepositItem>,
    file: Announced,
) -> Result<Begun, WorkError> {
    let (by, kind) = (grant.person(), file.kind);
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
        file,
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
    service: &Arc<Service>,
    grant: Grant<RedactItem>,
    session: SessionId,
    file: Announced,
) -> Result<Begun, WorkError> {
    let (by, kind, item) = (grant.person(), file.kind, grant.into_loaded());
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
        file,
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
pub(super) struct Coming {
    pub(super) by: PersonId,
    pub(super) file: Announced,
    pub(super) study: StudyId,
    pub(super) session: Option<SessionId>,
    pub(super) tier: Tier,
    pub(super) derived: Option<Derived>,
    pub(super) answers: Option<AssignmentId>,
    pub(super) redacts: Option<ItemId>,
}

impl Coming {
    /// Whether `item` is what this announces.
    fn is(&self, item: &Item) -> bool {
        let place = (item.study, item.session, item.redacts, item.tier);
        item.length == self.file.length
            && item.kind == self.file.kind
            && place == (self.study, self.session, self.redacts, self.tier)
            && item.derived.as_ref().map(but_its_check) == self.derived.as_ref().map(but_its_check)
    }
}

/// What something was made from and what it may hold, whoever has looked at it since.
fn but_its_check(derived: &Derived) -> (&[ItemId], u32, Option<&Text>, bool, &[Text]) {
    let Derived {
        parents,
        made_from,
        group,
        quotes,
        shows,
        check: _,
    } = derived;
    (parents, *made_from, group.as_ref(), *quotes, shows)
}

/// Begins an upload; `people` says who is in it, in the order of their identifiers, or why nothing is
/// taken in.
pub(super) async fn begin_in(
    service: &Arc<Service>,
    coming: Coming,
    people: impl Fn(&Reader<'_>) -> Result<Vec<ParticipantId>, WorkError>,
) -> Result<Begun, WorkError> {
    let length = coming.file.length;
    let part_chunks = plan::part_chunks(length)?;
    let vault = service.vault();
    let entropy = &*vault.means().entropy;
    let upload = match name_of(service, &coming).await? {
        Named::Begun(begun) => return Ok(begun),
        Named::Free(upload) => upload,
    };
    let id = ItemId::random(entropy)?;
    let is_single = plan::is_single(length, part_chunks);
    let multipart = match is_single {
        true => None,
        false => {
            {
                // Refused before the store is troubled; decided again under the lock.
                let view = vault.view()?;
                people(view.reader())?;
                room::check(view.reader(), &coming)?;
            }
            Some(service.store().begin(ObjectKey::Material(id)).await?)
        }
    };
    let (by, keyed) = (Actor::Person(coming.by), coming.file.key.is_some());
    let waited_for = !(is_single && coming.file.comes_along);
    let begin = |draft: &mut Draft<'_>| {
        if keyed && is_taken(draft.reader(), &upload)? {
            return Err(WorkError::Conflict(
                "the same file is being announced by another request; ask again".to_owned(),
            ));
        }
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
            kind: coming.file.kind,
            tier: coming.tier,
            length,
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
        let particulars = draw_particulars(entropy, coming.file.file_name)?;
        item.particulars = vault.seal_particulars(&item, &keys, &particulars)?;
        let expires = draft.now().saturating_add(UPLOAD_LIFETIME);
        let row = Upload {
            id: upload,
            item,
            part_chunks,
            multipart: multipart.as_ref().map(|begun| begun.id().to_owned()),
            expires: expires.unwrap_or(Timestamp::MAX),
            sealed: Vec::new(),
            stored: Vec::new(),
        };
        let begun = Begun {
            upload,
            item: id,
            progress: progress_of(&row, 0),
        };
        let upload = Box::new(row);
        Ok::<_, WorkError>((Event::UploadStarted { upload }, begun))
    };
    let begun = match waited_for {
        true => vault.commit(by, begin).await,
        false => vault.note_unwaited(by, begin),
    };
    if let (Err(_), Some(multipart)) = (&begun, &multipart)
        && let Err(error) = service.store().abort(multipart).await
    {
        tracing::warn!(%error, "an upload that never began could not be aborted in the store; it is found again at the next start");
    }
    begun
}

/// What an upload that is about to begin is called.
enum Named {
    /// It began before.
    Begun(Begun),
    /// Nothing is called so yet.
    Free(UploadId),
}

/// Looks for the upload that the same person began with the same key.
///
/// One that was given up or erased since is not said to have been: another begins.
async fn name_of(service: &Arc<Service>, coming: &Coming) -> Result<Named, WorkError> {
    let random = || UploadId::random(&*service.vault().means().entropy);
    let Some(key) = &coming.file.key else {
        return Ok(Named::Free(random()?));
    };
    let upload = UploadId::of_key(coming.by, key.as_str());
    if !is_taken(service.vault().view()?.reader(), &upload)? {
        return Ok(Named::Free(upload));
    }
    let owned = match own_upload(service, coming.by, upload) {
        Err(WorkError::NoSuchThing) => return Ok(Named::Free(random()?)),
        owned => owned?,
    };
    let item = match &owned {
        Owned::UnderWay(row) => &row.item,
        Owned::Finished(item) => item,
    };
    if !coming.is(item) {
        return Err(WorkError::Unacceptable(
            "another file came with that Idempotency-Key; draw another key for this one".to_owned(),
        ));
    }
    let item = item.id;
    let progress = stand(service, upload, owned).await?;
    Ok(Named::Begun(Begun {
        upload,
        item,
        progress,
    }))
}

fn is_taken(reader: &Reader<'_>, upload: &UploadId) -> Result<bool, WorkError> {
    Ok(reader.contains(&tables::UPLOADS, upload)?
        || reader.contains(&tables::FINISHED_UPLOADS, upload)?)
}

/// Whether everyone in it takes part and permits that kind of material, on the day of the session too.
pub(super) fn check_permitted(
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
