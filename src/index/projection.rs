//! Events become rows: the one place that says what each event does to the index.

use crate::id::{ErasureId, ItemId, ParticipantId, PersonId, RequestId, UploadId};
use crate::model::key::LEVELS;
use crate::model::{
    Entry, Erasure, ErasureStage, Event, Invitation, Item, Membership, Person, RightsRequest,
    Session, Standing, Token, TreeChange, Upload,
};

use super::batch::Batch;
use super::error::IndexError;
use super::reader::Reader;
use super::tables;

/// More rows of one list than this are never read at once.
const LIST_MAX: usize = usize::MAX;

/// The rows that `entry` changes, given the index as it stands before it.
///
/// # Errors
/// [`IndexError::Contradiction`] when the entry speaks of something the journal never introduced,
/// and whatever reading the rows it builds on may give.
pub fn project(before: &Reader<'_>, entry: &Entry) -> Result<Batch, IndexError> {
    let mut projection = Projection {
        before,
        batch: Batch::new(),
    };
    projection.keys(&entry.keys)?;
    projection.event(entry)?;
    Ok(projection.batch)
}

struct Projection<'a> {
    before: &'a Reader<'a>,
    batch: Batch,
}

impl Projection<'_> {
    fn event(&mut self, entry: &Entry) -> Result<(), IndexError> {
        match &entry.event {
            Event::VaultCreated { .. }
            | Event::GatewayStarted { .. }
            | Event::Accessed { .. }
            | Event::Refused { .. }
            | Event::StrangersRefused { .. } => Ok(()),
            Event::StoreAttested { attestation } => {
                self.batch
                    .put(&tables::ATTESTATION, &tables::THE_ONE, attestation)
            }

            Event::PersonInvited { person, invitation } => {
                self.batch.put(&tables::PEOPLE, &person.id, person)?;
                self.invitation(invitation)
            }
            Event::PersonReinvited { invitation } => {
                self.end_invitations(invitation.person)?;
                self.invitation(invitation)
            }
            Event::PersonEnrolled {
                person,
                token,
                recipient,
                ..
            } => {
                self.person(*person, |row| {
                    row.enrolled = true;
                    if recipient.is_some() {
                        row.recipient.clone_from(recipient);
                    }
                })?;
                self.end_invitations(*person)?;
                self.token(token)
            }
            Event::TokenIssued { token } => self.token(token),
            Event::PersonSuspended { person, suspended } => {
                if *suspended {
                    self.end_tokens(*person)?;
                }
                self.person(*person, |row| row.suspended = *suspended)
            }
            Event::TokenRevoked { token, person } => self.end_token(*person, *token),

            Event::StudyCreated { study, lead } => {
                self.batch.put(&tables::STUDIES, &study.id, study)?;
                lead.iter().try_for_each(|lead| self.membership(lead))
            }
            Event::StudyClosed { study } => {
                let mut row = known(self.before.get(&tables::STUDIES, study)?, "study")?;
                row.closed = true;
                self.batch.put(&tables::STUDIES, study, &row)
            }
            Event::StudyAccessGranted { membership } => self.membership(membership),
            Event::StudyAccessEnded { study, person } => {
                self.batch.remove(&tables::MEMBERSHIPS, &(*study, *person));
                self.batch.remove(&tables::STUDIES_OF, &(*person, *study));
                Ok(())
            }

            Event::ParticipantAdded { participant } => {
                let of = (participant.study, participant.id);
                self.batch.put(&tables::PARTICIPANTS_OF, &of, &())?;
                self.batch
                    .put(&tables::PARTICIPANTS, &participant.id, participant)
            }
            Event::SessionAdded { session } => self.session(session),

            Event::UploadStarted { upload } => self.upload_started(upload),
            Event::UploadPartSealed {
                upload,
                number,
                digest,
            } => self.upload(*upload, |row| row.sealed.push((*number, *digest))),
            Event::UploadPartStored { upload, part } => self.upload(*upload, |row| {
                row.sealed.retain(|(number, _)| *number != part.number);
                row.stored.push(part.clone());
            }),
            Event::UploadAbandoned { upload } => {
                let row = self.end_upload(*upload)?;
                self.batch
                    .put(&tables::SPARE_KEYS, &row.item.key.get(), &())
            }
            Event::ItemDeposited { upload, item } => {
                self.end_upload(*upload)?;
                self.batch
                    .put(&tables::FINISHED_UPLOADS, upload, &item.id)?;
                self.item(item)
            }

            Event::SupplierApproved { supplier } => {
                self.batch.put(&tables::SUPPLIERS, &supplier.id, supplier)
            }
            Event::ItemAssigned { assignment } => {
                let (item, supplier) = (assignment.item, assignment.supplier);
                self.batch
                    .put(&tables::ASSIGNMENTS_OF, &(item, assignment.id), &())?;
                self.batch
                    .put(&tables::ASSIGNMENTS_TO, &(supplier, assignment.id), &())?;
                self.batch
                    .put(&tables::ASSIGNMENTS, &assignment.id, assignment)
            }
            Event::AssignmentEnded { assignment } => {
                let row = self.before.get(&tables::ASSIGNMENTS, assignment)?;
                let mut row = known(row, "assignment")?;
                row.ended = true;
                self.batch.put(&tables::ASSIGNMENTS, assignment, &row)
            }

            Event::RequestOpened { request } => self.request_opened(request),
            Event::RequestPaused {
                request,
                from,
                reason,
            } => self.request(*request, |row| row.pause(*from, reason.clone())),
            Event::RequestResumed { request, on } => self.request(*request, |row| row.resume(*on)),
            Event::RequestClosed { request, closed } => {
                self.request(*request, |row| row.close(closed.clone()))
            }
            Event::DisclosureRaised { disclosure } => {
                let of = (disclosure.study, disclosure.id);
                self.batch.put(&tables::DISCLOSURES_OF, &of, &())?;
                self.batch
                    .put(&tables::DISCLOSURES, &disclosure.id, disclosure)
            }
            Event::DisclosureDecided {
                disclosure,
                decision,
            } => {
                let row = self.before.get(&tables::DISCLOSURES, disclosure)?;
                let mut row = known(row, "disclosure")?;
                row.decision = Some((**decision).clone());
                self.batch.put(&tables::DISCLOSURES, disclosure, &row)
            }

            Event::WithdrawalRecorded { erasure } => {
                let participant = erasure.withdrawal.participant;
                if !erasure.withdrawal.contact_only {
                    self.standing(participant, Standing::Frozen)?;
                }
                self.batch
                    .put(&tables::ERASURES_OF, &(participant, erasure.id), &())?;
                self.batch.put(&tables::ERASURES, &erasure.id, erasure)
            }
            Event::ErasureApproved {
                erasure,
                by,
                target,
            } => {
                self.batch.put(&tables::ERASURES_UNDER_WAY, erasure, &())?;
                self.erasure(*erasure, ErasureStage::Approved, |row| {
                    row.approved = Some((*by, entry.at));
                    row.target.clone_from(target);
                })
            }
            Event::KeysDestroyed { erasure, epoch } => self.keys_destroyed(*erasure, *epoch),
            Event::OldRootEffaced { erasure, slots } => {
                self.erasure(*erasure, ErasureStage::Inaccessible, |row| {
                    row.old_root_effaced = Some((entry.at, slots.clone()));
                })
            }
            Event::CiphertextDeleted { erasure, deleted } => {
                self.erasure(*erasure, ErasureStage::CiphertextDeleted, |row| {
                    row.deleted.clone_from(deleted);
                })
            }
            Event::ErasureCertified {
                erasure,
                certificate,
            } => {
                self.batch.remove(&tables::ERASURES_UNDER_WAY, erasure);
                self.erasure(*erasure, ErasureStage::Certified, |row| {
                    row.certificate = Some(certificate.clone());
                })
            }
        }
    }

    fn keys(&mut self, change: &TreeChange) -> Result<(), IndexError> {
        let mut next_leaf = None;
        for (node, wrapped) in &change.put {
            if node.level() == LEVELS {
                next_leaf = next_leaf.max(Some(node.index() + 1));
            }
            self.batch.put(&tables::NODES, &(*node).into(), wrapped)?;
        }
        for node in &change.remove {
            self.batch.remove(&tables::NODES, &(*node).into());
            if node.level() == LEVELS {
                self.batch.remove(&tables::SPARE_KEYS, &node.index());
            }
        }
        let known = self.before.get(&tables::NEXT_LEAF, &tables::THE_ONE)?;
        match next_leaf.filter(|next| known.is_none_or(|known| *next > known)) {
            Some(next) => self.batch.put(&tables::NEXT_LEAF, &tables::THE_ONE, &next),
            None => Ok(()),
        }
    }

    fn person(&mut self, id: PersonId, change: impl FnOnce(&mut Person)) -> Result<(), IndexError> {
        let mut row = known(self.before.get(&tables::PEOPLE, &id)?, "person")?;
        change(&mut row);
        self.batch.put(&tables::PEOPLE, &id, &row)
    }

    fn invitation(&mut self, invitation: &Invitation) -> Result<(), IndexError> {
        let digest = *invitation.digest.as_bytes();
        let of = (invitation.person, digest);
        self.batch.put(&tables::INVITATIONS_OF, &of, &())?;
        self.batch.put(&tables::INVITATIONS, &digest, invitation)
    }

    fn token(&mut self, token: &Token) -> Result<(), IndexError> {
        let of = (token.person, token.id);
        self.batch.put(&tables::TOKENS_OF, &of, &token.digest)?;
        self.batch
            .put(&tables::TOKENS, token.digest.as_bytes(), token)
    }

    fn end_invitations(&mut self, person: PersonId) -> Result<(), IndexError> {
        let open = self
            .before
            .page(&tables::INVITATIONS_OF, &person, None, LIST_MAX)?;
        for ((person, digest), ()) in open {
            self.batch
                .remove(&tables::INVITATIONS_OF, &(person, digest));
            self.batch.remove(&tables::INVITATIONS, &digest);
        }
        Ok(())
    }

    fn end_tokens(&mut self, person: PersonId) -> Result<(), IndexError> {
        let tokens = self
            .before
            .page(&tables::TOKENS_OF, &person, None, LIST_MAX)?;
        for ((person, token), digest) in tokens {
            self.batch.remove(&tables::TOKENS_OF, &(person, token));
            self.batch.remove(&tables::TOKENS, digest.as_bytes());
        }
        Ok(())
    }

    fn end_token(&mut self, person: PersonId, token: crate::id::TokenId) -> Result<(), IndexError> {
        if let Some(digest) = self.before.get(&tables::TOKENS_OF, &(person, token))? {
            self.batch.remove(&tables::TOKENS, digest.as_bytes());
        }
        self.batch.remove(&tables::TOKENS_OF, &(person, token));
        Ok(())
    }

    fn membership(&mut self, membership: &Membership) -> Result<(), IndexError> {
        let Membership { study, person, .. } = *membership;
        self.batch.put(&tables::STUDIES_OF, &(person, study), &())?;
        self.batch
            .put(&tables::MEMBERSHIPS, &(study, person), membership)
    }

    fn session(&mut self, session: &Session) -> Result<(), IndexError> {
        for participant in &session.participants {
            let with = (*participant, session.id);
            self.batch.put(&tables::SESSIONS_WITH, &with, &())?;
        }
        let of = (session.study, session.id);
        self.batch.put(&tables::SESSIONS_OF, &of, &())?;
        self.batch.put(&tables::SESSIONS, &session.id, session)
    }

    fn standing(&mut self, id: ParticipantId, standing: Standing) -> Result<(), IndexError> {
        let row = self.before.get(&tables::PARTICIPANTS, &id)?;
        let mut row = known(row, "participant")?;
        row.standing = standing;
        if standing == Standing::Erased {
            row.contact = None;
            let of = (row.study, id);
            self.batch.remove(&tables::PARTICIPANTS_OF, &of);
        }
        self.batch.put(&tables::PARTICIPANTS, &id, &row)
    }

    fn upload_started(&mut self, upload: &Upload) -> Result<(), IndexError> {
        for participant in &upload.item.participants {
            let with = (*participant, upload.id);
            self.batch.put(&tables::UPLOADS_WITH, &with, &())?;
        }
        self.batch.put(&tables::UPLOADS, &upload.id, upload)
    }

    fn upload(&mut self, id: UploadId, change: impl FnOnce(&mut Upload)) -> Result<(), IndexError> {
        let mut row = known(self.before.get(&tables::UPLOADS, &id)?, "upload")?;
        change(&mut row);
        self.batch.put(&tables::UPLOADS, &id, &row)
    }

    fn end_upload(&mut self, id: UploadId) -> Result<Upload, IndexError> {
        let row = known(self.before.get(&tables::UPLOADS, &id)?, "upload")?;
        for participant in &row.item.participants {
            self.batch
                .remove(&tables::UPLOADS_WITH, &(*participant, id));
        }
        self.batch.remove(&tables::UPLOADS, &id);
        Ok(row)
    }

    fn item(&mut self, item: &Item) -> Result<(), IndexError> {
        for participant in &item.participants {
            let with = (*participant, item.id);
            self.batch.put(&tables::ITEMS_WITH, &with, &())?;
        }
        if let Some(assignment) = item.answers {
            let answers = (assignment, item.id);
            self.batch.put(&tables::ANSWERS_TO, &answers, &())?;
        }
        self.batch
            .put(&tables::ITEMS_OF, &(item.study, item.id), &())?;
        self.batch
            .put(&tables::ITEMS_IN, &(item.session, item.id), &())?;
        self.batch.put(&tables::ITEMS, &item.id, item)
    }

    fn request_opened(&mut self, request: &RightsRequest) -> Result<(), IndexError> {
        let of = (request.study, request.id);
        self.batch.put(&tables::REQUESTS_OF, &of, &())?;
        let with = (request.participant, request.id);
        self.batch.put(&tables::REQUESTS_WITH, &with, &())?;
        self.batch.put(&tables::REQUESTS, &request.id, request)
    }

    fn request(
        &mut self,
        id: RequestId,
        change: impl FnOnce(&mut RightsRequest),
    ) -> Result<(), IndexError> {
        let mut row = known(self.before.get(&tables::REQUESTS, &id)?, "request")?;
        change(&mut row);
        self.batch.put(&tables::REQUESTS, &id, &row)
    }

    fn erasure(
        &mut self,
        id: ErasureId,
        stage: ErasureStage,
        change: impl FnOnce(&mut Erasure),
    ) -> Result<(), IndexError> {
        let mut row = known(self.before.get(&tables::ERASURES, &id)?, "erasure")?;
        row.stage = stage;
        change(&mut row);
        self.batch.put(&tables::ERASURES, &id, &row)
    }

    fn keys_destroyed(&mut self, id: ErasureId, epoch: u64) -> Result<(), IndexError> {
        let erasure = known(self.before.get(&tables::ERASURES, &id)?, "erasure")?;
        let participant = erasure.withdrawal.participant;
        if erasure.withdrawal.contact_only {
            let row = self.before.get(&tables::PARTICIPANTS, &participant)?;
            let mut row = known(row, "participant")?;
            row.contact = None;
            self.batch.put(&tables::PARTICIPANTS, &participant, &row)?;
        } else {
            self.standing(participant, Standing::Erased)?;
        }
        for item in &erasure.target.items {
            self.item_erased(*item)?;
        }
        for upload in &erasure.target.uploads {
            if self.before.contains(&tables::UPLOADS, upload)? {
                self.end_upload(*upload)?;
            }
        }
        self.batch.put(&tables::EPOCH, &tables::THE_ONE, &epoch)?;
        self.erasure(id, ErasureStage::KeysDestroyed, |row| {
            row.epoch = Some(epoch);
        })
    }

    fn item_erased(&mut self, id: ItemId) -> Result<(), IndexError> {
        // An upload that was broken off is named by the item it would have become.
        let Some(mut row) = self.before.get(&tables::ITEMS, &id)? else {
            return Ok(());
        };
        row.erased = true;
        self.batch.remove(&tables::ITEMS_OF, &(row.study, id));
        self.batch.remove(&tables::ITEMS_IN, &(row.session, id));
        self.batch.put(&tables::ITEMS, &id, &row)
    }
}

/// The row, or the contradiction that there is none of it.
fn known<T>(row: Option<T>, what: &'static str) -> Result<T, IndexError> {
    row.ok_or(IndexError::Contradiction { what })
}
