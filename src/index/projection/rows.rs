//! What events do to single rows and to the lists that lead to them.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::super::error::IndexError;
use super::super::tables;
use super::{LIST_MAX, Projection, known};
use crate::id::{
    AssignmentId, ErasureId, ItemId, ParticipantId, PersonId, RequestId, StudyId, TokenId, UploadId,
};
use crate::model::erasure::ErasureTarget;
use crate::model::fetched::{Fetched, SEALED_COPY, gives_out};
use crate::model::item::Redaction;
use crate::model::key::LEVELS;
use crate::model::{
    Action, Actor, Assignment, Consent, Entry, Erasure, ErasureStage, Invitation, Item, Membership,
    Participant, Person, RightsRequest, Session, Standing, Study, Tier, Token, TreeChange, Upload,
};

impl Projection<'_> {
    pub(super) fn keys(&mut self, change: &TreeChange) -> Result<(), IndexError> {
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

    pub(super) fn person(
        &mut self,
        id: PersonId,
        change: impl FnOnce(&mut Person),
    ) -> Result<(), IndexError> {
        let mut row = known(self.before.get(&tables::PEOPLE, &id)?, "person")?;
        change(&mut row);
        self.batch.put(&tables::PEOPLE, &id, &row)
    }

    pub(super) fn invitation(&mut self, invitation: &Invitation) -> Result<(), IndexError> {
        let digest = *invitation.digest.as_bytes();
        let of = (invitation.person, digest);
        self.batch.put(&tables::INVITATIONS_OF, &of, &())?;
        self.batch.put(&tables::INVITATIONS, &digest, invitation)
    }

    pub(super) fn token(&mut self, token: &Token) -> Result<(), IndexError> {
        let of = (token.person, token.id);
        self.batch.put(&tables::TOKENS_OF, &of, &token.digest)?;
        self.batch
            .put(&tables::TOKENS, token.digest.as_bytes(), token)
    }

    pub(super) fn end_invitations(&mut self, person: PersonId) -> Result<(), IndexError> {
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

    pub(super) fn end_tokens(&mut self, person: PersonId) -> Result<(), IndexError> {
        let tokens = self
            .before
            .page(&tables::TOKENS_OF, &person, None, LIST_MAX)?;
        for ((person, token), digest) in tokens {
            self.batch.remove(&tables::TOKENS_OF, &(person, token));
            self.batch.remove(&tables::TOKENS, digest.as_bytes());
        }
        Ok(())
    }

    pub(super) fn end_token(&mut self, person: PersonId, token: TokenId) -> Result<(), IndexError> {
        if let Some(digest) = self.before.get(&tables::TOKENS_OF, &(person, token))? {
            self.batch.remove(&tables::TOKENS, digest.as_bytes());
        }
        self.batch.remove(&tables::TOKENS_OF, &(person, token));
        Ok(())
    }

    pub(super) fn membership(&mut self, membership: &Membership) -> Result<(), IndexError> {
        let Membership { study, person, .. } = *membership;
        self.batch.put(&tables::STUDIES_OF, &(person, study), &())?;
        self.batch
            .put(&tables::MEMBERSHIPS, &(study, person), membership)
    }

    pub(super) fn session(&mut self, session: &Session) -> Result<(), IndexError> {
        for participant in &session.participants {
            let with = (*participant, session.id);
            self.batch.put(&tables::SESSIONS_WITH, &with, &())?;
        }
        let of = (session.study, session.id);
        self.batch.put(&tables::SESSIONS_OF, &of, &())?;
        self.people_were_in(session)?;
        self.batch.put(&tables::SESSIONS, &session.id, session)
    }

    pub(super) fn study(
        &mut self,
        id: StudyId,
        change: impl FnOnce(&mut Study),
    ) -> Result<(), IndexError> {
        let mut row = known(self.before.get(&tables::STUDIES, &id)?, "study")?;
        change(&mut row);
        self.batch.put(&tables::STUDIES, &id, &row)
    }

    pub(super) fn participant(
        &mut self,
        id: ParticipantId,
        change: impl FnOnce(&mut Participant),
    ) -> Result<(), IndexError> {
        let row = self.before.get(&tables::PARTICIPANTS, &id)?;
        let mut row = known(row, "participant")?;
        change(&mut row);
        self.batch.put(&tables::PARTICIPANTS, &id, &row)
    }

    pub(super) fn consent(&mut self, consent: &Consent) -> Result<(), IndexError> {
        let of = (consent.participant, consent.version);
        self.batch.put(&tables::CONSENTS, &of, consent)
    }

    pub(super) fn standing(
        &mut self,
        id: ParticipantId,
        standing: Standing,
    ) -> Result<(), IndexError> {
        let row = self.before.get(&tables::PARTICIPANTS, &id)?;
        let mut row = known(row, "participant")?;
        row.standing = standing;
        if standing == Standing::Erased {
            row.contact = None;
            let of = (row.study, id);
            self.batch.remove(&tables::PARTICIPANTS_OF, &of);
            self.unlist_person(&row);
        }
        self.batch.put(&tables::PARTICIPANTS, &id, &row)
    }

    /// Somebody frozen takes part again; whoever is gone by now stays so.
    pub(super) fn unfrozen(&mut self, id: ParticipantId) -> Result<(), IndexError> {
        self.participant(id, |row| {
            if row.standing == Standing::Frozen {
                row.standing = Standing::Active;
            }
        })
    }

    pub(super) fn assignment(
        &mut self,
        id: AssignmentId,
        change: impl FnOnce(&mut Assignment),
    ) -> Result<(), IndexError> {
        let row = self.before.get(&tables::ASSIGNMENTS, &id)?;
        let mut row = known(row, "assignment")?;
        change(&mut row);
        self.batch.put(&tables::ASSIGNMENTS, &id, &row)
    }

    pub(super) fn upload_started(&mut self, upload: &Upload) -> Result<(), IndexError> {
        for participant in &upload.item.participants {
            let with = (*participant, upload.id);
            self.batch.put(&tables::UPLOADS_WITH, &with, &())?;
        }
        self.count_coming(&upload.item)?;
        self.batch.put(&tables::UPLOADS, &upload.id, upload)
    }

    pub(super) fn upload(
        &mut self,
        id: UploadId,
        change: impl FnOnce(&mut Upload),
    ) -> Result<(), IndexError> {
        let mut row = known(self.before.get(&tables::UPLOADS, &id)?, "upload")?;
        change(&mut row);
        self.batch.put(&tables::UPLOADS, &id, &row)
    }

    pub(super) fn end_upload(&mut self, id: UploadId) -> Result<Upload, IndexError> {
        let row = known(self.before.get(&tables::UPLOADS, &id)?, "upload")?;
        for participant in &row.item.participants {
            self.batch
                .remove(&tables::UPLOADS_WITH, &(*participant, id));
        }
        self.batch.remove(&tables::UPLOADS, &id);
        self.count_come(&row.item)?;
        Ok(row)
    }

    pub(super) fn item(&mut self, item: &Item) -> Result<(), IndexError> {
        for participant in &item.participants {
            let with = (*participant, item.id);
            self.batch.put(&tables::ITEMS_WITH, &with, &())?;
        }
        if let Some(assignment) = item.answers {
            let answers = (assignment, item.id);
            self.batch.put(&tables::ANSWERS_TO, &answers, &())?;
            self.assignment(assignment, |row| {
                row.submitted = Some(item.id);
                row.answer = None;
            })?;
        }
        if let Some(original) = item.redacts {
            self.stored(original, |row| {
                row.redaction = Some(Redaction::Done(item.id));
            })?;
        }
        self.batch
            .put(&tables::ITEMS_OF, &(item.study, item.id), &())?;
        if let Some(id) = item.session {
            self.batch.put(&tables::ITEMS_IN, &(id, item.id), &())?;
        }
        if item.tier == Tier::Anonymised {
            let of = (item.study, item.id);
            self.batch.put(&tables::ANONYMISED_OF, &of, &())?;
        }
        self.list_by_day(item)?;
        self.count_stored(item)?;
        self.batch.put(&tables::ITEMS, &item.id, item)
    }

    /// Counts what somebody was given of an item.
    pub(super) fn accessed(
        &mut self,
        entry: &Entry,
        action: Action,
        resource: &str,
        detail: Option<&str>,
    ) -> Result<(), IndexError> {
        let (Actor::Person(person), true) = (entry.by, gives_out(action)) else {
            return Ok(());
        };
        let Ok(item) = resource.parse::<ItemId>() else {
            return Ok(());
        };
        let of = (item, person);
        let row = self.before.get(&tables::FETCHED, &of)?;
        let mut row = row.unwrap_or_else(|| Fetched::none_at(entry.at));
        let sealed = detail.is_some_and(|detail| detail.starts_with(SEALED_COPY));
        row.again(entry.at, sealed);
        self.batch.put(&tables::FETCHED, &of, &row)
    }

    /// Changes an item that is stored.
    pub(super) fn stored(
        &mut self,
        id: ItemId,
        change: impl FnOnce(&mut Item),
    ) -> Result<(), IndexError> {
        let mut row = known(self.before.get(&tables::ITEMS, &id)?, "item")?;
        change(&mut row);
        self.batch.put(&tables::ITEMS, &id, &row)
    }

    pub(super) fn accepted(&mut self, id: ItemId, on: Date) -> Result<(), IndexError> {
        self.relisted(id, |row| row.accepted = Some(on))
    }

    /// An erasure that a participant asked for.
    pub(super) fn erasure_asked_for(&mut self, erasure: &Erasure) -> Result<(), IndexError> {
        if let Some(withdrawal) = erasure.withdrawal() {
            let of = (withdrawal.participant, erasure.id);
            self.batch.put(&tables::ERASURES_OF, &of, &())?;
        }
        self.erasure_begun(erasure)
    }

    pub(super) fn erasure_begun(&mut self, erasure: &Erasure) -> Result<(), IndexError> {
        let of = (erasure.study, erasure.id);
        self.batch.put(&tables::ERASURES_IN, &of, &())?;
        self.batch.put(&tables::ERASURES, &erasure.id, erasure)
    }

    pub(super) fn erasure(
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

    pub(super) fn keys_destroyed(&mut self, id: ErasureId, epoch: u64) -> Result<(), IndexError> {
        let erasure = known(self.before.get(&tables::ERASURES, &id)?, "erasure")?;
        let ErasureTarget {
            items,
            uploads,
            participants,
            contacts,
            study,
            ..
        } = &erasure.target;
        let retention = erasure.withdrawal().is_none();
        for contact in contacts {
            let row = self.before.get(&tables::PARTICIPANTS, contact)?;
            let mut row = known(row, "participant")?;
            row.contact = None;
            if retention {
                self.unlist_person(&row);
            }
            self.batch.put(&tables::PARTICIPANTS, contact, &row)?;
        }
        for participant in participants {
            self.standing(*participant, Standing::Erased)?;
        }
        for item in items.iter().collect::<BTreeSet<_>>() {
            self.item_erased(*item)?;
        }
        self.look_again_at_those_in(&erasure)?;
        for upload in uploads {
            if self.before.contains(&tables::UPLOADS, upload)? {
                self.end_upload(*upload)?;
            }
        }
        if *study {
            self.study(erasure.study, |row| {
                row.closed = true;
                row.ended = true;
            })?;
        }
        self.batch.put(&tables::EPOCH, &tables::THE_ONE, &epoch)?;
        self.erasure(id, ErasureStage::KeysDestroyed, |row| {
            row.epoch = Some(epoch);
        })
    }

    /// The item is as if it had never been.
    pub(super) fn item_erased(&mut self, id: ItemId) -> Result<(), IndexError> {
        // An upload that was broken off is named by the item it would have become.
        let Some(mut row) = self.before.get(&tables::ITEMS, &id)? else {
            return Ok(());
        };
        self.unlist_by_day(&row)?;
        if !row.erased {
            self.count_erased(&row)?;
        }
        row.erased = true;
        self.batch.remove(&tables::ITEMS_OF, &(row.study, id));
        self.batch.remove(&tables::ANONYMISED_OF, &(row.study, id));
        if let Some(session) = row.session {
            self.batch.remove(&tables::ITEMS_IN, &(session, id));
        }
        self.batch.put(&tables::ITEMS, &id, &row)
    }

    pub(super) fn request_opened(&mut self, request: &RightsRequest) -> Result<(), IndexError> {
        let of = (request.study, request.id);
        self.batch.put(&tables::REQUESTS_OF, &of, &())?;
        let with = (request.participant, request.id);
        self.batch.put(&tables::REQUESTS_WITH, &with, &())?;
        self.batch.put(&tables::REQUESTS, &request.id, request)
    }

    pub(super) fn request(
        &mut self,
        id: RequestId,
        change: impl FnOnce(&mut RightsRequest),
    ) -> Result<(), IndexError> {
        let mut row = known(self.before.get(&tables::REQUESTS, &id)?, "request")?;
        change(&mut row);
        self.batch.put(&tables::REQUESTS, &id, &row)
    }
}
