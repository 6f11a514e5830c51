//! Events become rows: the one place that says what each event does to the index.

mod due;
mod held;
mod rows;

use std::collections::BTreeMap;

use crate::id::{PersonId, StudyId};
use crate::model::erasure::RefusedErasure;
use crate::model::item::Redaction;
use crate::model::supplier::Acceptance;
use crate::model::{Cause, Entry, ErasureStage, Event, Held, Scope, Standing};

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
        held: BTreeMap::new(),
        unfinished: BTreeMap::new(),
    };
    projection.keys(&entry.keys)?;
    projection.event(entry)?;
    projection.put_counts()?;
    Ok(projection.batch)
}

struct Projection<'a> {
    before: &'a Reader<'a>,
    batch: Batch,
    /// Counts that the entry changes, perhaps more than once.
    held: BTreeMap<StudyId, Held>,
    unfinished: BTreeMap<PersonId, u64>,
}

impl Projection<'_> {
    fn event(&mut self, entry: &Entry) -> Result<(), IndexError> {
        match &entry.event {
            Event::VaultCreated { .. }
            | Event::GatewayStarted { .. }
            | Event::Refused { .. }
            | Event::RootRetired { .. }
            | Event::CertificateDrawnUp { .. }
            | Event::RecordsLost { .. }
            | Event::ControlsTested { .. }
            | Event::StrangersRefused { .. } => Ok(()),
            Event::Accessed {
                action,
                resource,
                detail,
            } => self.accessed(entry, *action, resource, detail.as_deref()),
            Event::RootReplaced { epoch } => {
                self.batch.put(&tables::EPOCH, &tables::THE_ONE, epoch)
            }
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
                terms,
                ..
            } => {
                self.person(*person, |row| {
                    row.enrolled = true;
                    row.terms = terms.or(row.terms);
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
            Event::PersonRevoked { person, reason } => {
                self.end_tokens(*person)?;
                self.end_invitations(*person)?;
                self.person(*person, |row| row.revoked = Some(reason.clone()))
            }
            Event::PersonAmended { person } => self.batch.put(&tables::PEOPLE, &person.id, person),
            Event::TermsAccepted { person, version } => {
                self.person(*person, |row| row.terms = Some(*version))
            }
            Event::TokenRevoked { token, person } => self.end_token(*person, *token),

            Event::StudyCreated { study, lead } => {
                self.batch.put(&tables::STUDIES, &study.id, study)?;
                lead.iter().try_for_each(|lead| self.membership(lead))
            }
            Event::StudyAmended { study } => self.batch.put(&tables::STUDIES, &study.id, study),
            Event::MomentDated { study, moment, on } => self.study(*study, |row| {
                row.moments.insert(*moment, *on);
            }),
            Event::NoticePublished { notice } => {
                self.study(notice.study, |row| row.notice = Some(notice.version))?;
                let of = (notice.study, notice.version);
                self.batch.put(&tables::NOTICES, &of, notice)
            }
            Event::StudyClosed { study } => self.study(*study, |row| row.closed = true),
            Event::StudyAccessGranted { membership } => self.membership(membership),
            Event::StudyAccessEnded { study, person } => {
                self.batch.remove(&tables::MEMBERSHIPS, &(*study, *person));
                self.batch.remove(&tables::STUDIES_OF, &(*person, *study));
                Ok(())
            }

            Event::ParticipantAdded {
                participant,
                consent,
            } => {
                let of = (participant.study, participant.id);
                self.batch.put(&tables::PARTICIPANTS_OF, &of, &())?;
                self.list_person(participant)?;
                self.batch
                    .put(&tables::PARTICIPANTS, &participant.id, participant)?;
                self.consent(consent)
            }
            Event::ConsentRecorded { consent, erasure } => {
                self.participant(consent.participant, |row| {
                    row.permissions.clone_from(&consent.permissions);
                    row.consent = consent.version;
                    row.notice = consent.notice;
                })?;
                if let Some(erasure) = erasure {
                    self.erasure_asked_for(erasure)?;
                }
                self.consent(consent)
            }
            Event::ContactCorrected {
                participant,
                contact,
                contact_key,
            } => {
                let row = self.before.get(&tables::PARTICIPANTS, participant)?;
                let mut row = known(row, "participant")?;
                let spare = row.contact_key.get();
                self.batch.put(&tables::SPARE_KEYS, &spare, &())?;
                row.contact = Some(contact.clone());
                row.contact_key = *contact_key;
                self.list_person(&row)?;
                self.batch.put(&tables::PARTICIPANTS, participant, &row)
            }
            Event::ParticipantRestricted {
                participant,
                restricted,
            } => self.participant(*participant, |row| row.restricted = *restricted),
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

            Event::ItemChecked { item, check } => self.relisted(*item, |row| {
                if let Some(derived) = &mut row.derived {
                    derived.check = check.clone();
                }
            }),
            Event::RedactionWaived { item } => {
                self.stored(*item, |row| row.redaction = Some(Redaction::Waived))
            }
            Event::TranscriptAccepted {
                recording,
                transcript,
                assignment,
                on,
            } => {
                self.accepted(*recording, *on)?;
                self.accepted(*transcript, *on)?;
                match assignment {
                    Some(assignment) => self.assignment(*assignment, |row| {
                        row.answer = Some(Acceptance::Accepted(*on));
                        row.ended = true;
                    }),
                    None => Ok(()),
                }
            }
            Event::TranscriptSentBack { assignment, reason } => {
                self.assignment(*assignment, |row| {
                    row.answer = Some(Acceptance::SentBack(*reason));
                })
            }
            Event::CopiesDestroyed { assignment, by } => self.assignment(*assignment, |row| {
                row.copies_destroyed = Some((*by, entry.at));
            }),
            Event::ReleaseRequested { release } => {
                let of = (release.study, release.id);
                self.batch.put(&tables::RELEASES_OF, &of, &())?;
                self.batch.put(&tables::RELEASES, &release.id, release)
            }
            Event::ReleaseDecided { release, verdict } => {
                let row = self.before.get(&tables::RELEASES, release)?;
                let mut row = known(row, "release")?;
                row.verdict = Some(verdict.clone());
                self.batch.put(&tables::RELEASES, release, &row)
            }

            Event::SupplierApproved { supplier } => {
                self.batch.put(&tables::SUPPLIERS, &supplier.id, supplier)
            }
            Event::SupplierRemoved { supplier } => {
                let row = self.before.get(&tables::SUPPLIERS, supplier)?;
                let mut row = known(row, "supplier")?;
                row.approved = false;
                self.batch.put(&tables::SUPPLIERS, supplier, &row)
            }
            Event::ItemAssigned { assignment } => {
                let (item, supplier) = (assignment.item, assignment.supplier);
                self.batch
                    .put(&tables::ASSIGNMENTS_OF, &(item, assignment.id), &())?;
                self.batch
                    .put(&tables::ASSIGNMENTS_TO, &(supplier, assignment.id), &())?;
                let in_study = (assignment.study, assignment.id);
                self.batch.put(&tables::ASSIGNMENTS_IN, &in_study, &())?;
                self.batch
                    .put(&tables::ASSIGNMENTS, &assignment.id, assignment)
            }
            Event::AssignmentEnded { assignment } => {
                self.assignment(*assignment, |row| row.ended = true)
            }

            Event::WithdrawalRecorded { erasure } => {
                if let Some(withdrawal) = erasure.withdrawal()
                    && withdrawal.scope == Scope::Everything
                {
                    self.standing(withdrawal.participant, Standing::Frozen)?;
                }
                self.erasure_asked_for(erasure)
            }
            Event::RetentionBegun { erasure } => {
                let target = &erasure.target;
                for participant in target.participants.iter().chain(&target.contacts) {
                    self.batch
                        .put(&tables::ERASURES_OF, &(*participant, erasure.id), &())?;
                }
                if let Cause::Retention(retention) = &erasure.cause
                    && !retention.moments.is_empty()
                {
                    self.study(erasure.study, |row| row.fixed.extend(&retention.moments))?;
                }
                self.batch
                    .put(&tables::ERASURES_UNDER_WAY, &erasure.id, &())?;
                self.erasure_begun(erasure)
            }
            Event::ErasureSeconded { erasure, by } => {
                self.erasure(*erasure, ErasureStage::Requested, |row| {
                    row.approved.push((*by, entry.at));
                })
            }
            Event::ErasureRefused {
                erasure,
                by,
                reason,
            } => {
                let row = self.before.get(&tables::ERASURES, erasure)?;
                let row = known(row, "erasure")?;
                if let Some(withdrawal) = row.withdrawal()
                    && withdrawal.scope == Scope::Everything
                {
                    self.unfrozen(withdrawal.participant)?;
                }
                let refused = RefusedErasure {
                    by: *by,
                    at: entry.at,
                    reason: *reason,
                };
                self.erasure(*erasure, ErasureStage::Refused, |row| {
                    row.refused = Some(refused);
                })
            }
            Event::ErasureApproved {
                erasure,
                by,
                target,
            } => {
                self.batch.put(&tables::ERASURES_UNDER_WAY, erasure, &())?;
                self.erasure(*erasure, ErasureStage::Approved, |row| {
                    row.approved.push((*by, entry.at));
                    row.target.clone_from(target);
                })
            }
            Event::KeysDestroyed { erasure, epoch } => self.keys_destroyed(*erasure, *epoch),
            Event::OldRootEffaced { erasure, slots } => {
                self.erasure(*erasure, ErasureStage::Inaccessible, |row| {
                    row.old_root_effaced = Some((entry.at, slots.clone()));
                })
            }
            Event::CiphertextDeleted {
                erasure,
                deleted,
                unfinished,
            } => {
                let stage = match unfinished {
                    true => ErasureStage::Inaccessible,
                    false => ErasureStage::CiphertextDeleted,
                };
                self.erasure(*erasure, stage, |row| {
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
        }
    }
}

/// The row, or the contradiction that there is none of it.
fn known<T>(row: Option<T>, what: &'static str) -> Result<T, IndexError> {
    row.ok_or(IndexError::Contradiction { what })
}
