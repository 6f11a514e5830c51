//! An index with people, studies and material in it, to decide over.

use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;
use strongroom::access::{BearerToken, Caller, EnrolmentCode, authenticate};
use strongroom::entropy::SystemEntropy;
use strongroom::id::{
    AssignmentId, DisclosureId, ErasureId, InvitationId, ItemId, ParticipantId, PersonId,
    ReleaseId, RequestId, SessionId, StudyId, SupplierId, TokenId,
};
use strongroom::index::{Batch, Index, Reader, RowKey, Table, tables};
use strongroom::model::item::{Check, Derived};
use strongroom::model::person::TERMS_VERSION;
use strongroom::model::release::Verdict;
use strongroom::model::request::{Closed, Outcome};
use strongroom::model::{
    Actor, AnswerWithin, Assignment, Cause, Disclosure, Erasure, Ground, Invitation, Item, Kind,
    LawfulBasis, LeafNumber, Membership, OnWithdrawal, Participant, Permission, Person, Purpose,
    Release, RequestKind, RightsRequest, Role, Scope, Sealed, Session, SessionKind, Standing,
    Study, Supplier, Text, Tier, Token, Withdrawal,
};
use strongroom::secret::Key;
use tempfile::TempDir;

/// The vault's index, and the clock beside it.
pub(crate) struct House {
    index: Index,
    position: u64,
    entropy: Arc<SystemEntropy>,
    /// The present moment.
    pub(crate) now: Timestamp,
    _home: TempDir,
}

/// Somebody, and the token they show.
#[derive(Debug, Clone)]
pub(crate) struct Pass {
    pub(crate) id: PersonId,
    pub(crate) token: TokenId,
    pub(crate) bearer: String,
}

macro_rules! draw {
    ($kind:ty, $house:expr) => {
        <$kind>::random(&*$house.entropy).expect("entropy")
    };
}

impl House {
    /// An empty house at noon of a winter's day.
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let entropy = Arc::new(SystemEntropy::new());
        let key = Key::random(&*entropy).expect("entropy");
        let index = Index::create(&home.path().join("index"), &key, entropy.clone());
        Self {
            index: index.expect("an index"),
            position: 0,
            entropy,
            now: "2026-01-15T12:00:00Z".parse().expect("a moment"),
            _home: home,
        }
    }

    pub(crate) fn read(&self) -> Reader<'_> {
        self.index.read().expect("the index runs")
    }

    /// Changes several rows at once.
    pub(crate) fn change(&mut self, fill: impl FnOnce(&mut Batch)) {
        let mut batch = Batch::new();
        fill(&mut batch);
        self.position += 1;
        let applied = self.index.apply_gathering(batch, self.position, [0; 32]);
        applied.expect("the index runs");
    }

    /// Puts what was gathered on disk.
    #[allow(dead_code, reason = "the benchmarks use it")]
    pub(crate) fn settle(&self) {
        self.index.make_durable().expect("the index runs");
    }

    pub(crate) fn put<K: RowKey, V: Serialize>(&mut self, table: &Table<K, V>, key: K, row: &V) {
        self.change(|batch| batch.put(table, &key, row).expect("a row"));
    }

    /// Changes one row that is there.
    pub(crate) fn edit<K: RowKey, V: Serialize + serde::de::DeserializeOwned>(
        &mut self,
        table: &Table<K, V>,
        key: K,
        change: impl FnOnce(&mut V),
    ) {
        let row = self.read().get(table, &key).expect("the index runs");
        let mut row = row.expect("a row");
        change(&mut row);
        self.put(table, key, &row);
    }

    /// Somebody enrolled, with a token that works for a year.
    pub(crate) fn person(&mut self, role: Role, supplier: Option<SupplierId>) -> Pass {
        let name = "Somebody".parse().expect("a name");
        let person = Person {
            enrolled: true,
            terms: Some(TERMS_VERSION),
            ..Person::invited(draw!(PersonId, self), name, role, supplier)
        };
        self.put(&tables::PEOPLE, person.id, &person);
        self.token(person.id)
    }

    /// Another token for somebody.
    pub(crate) fn token(&mut self, person: PersonId) -> Pass {
        let (bearer, digest) = BearerToken::draw(&*self.entropy).expect("entropy");
        let token = Token {
            id: draw!(TokenId, self),
            person,
            digest,
            expires: self.now + (365 * 24).hours(),
            revoked: false,
        };
        self.put(&tables::TOKENS, *digest.as_bytes(), &token);
        Pass {
            id: person,
            token: token.id,
            bearer: bearer.expose_secret().to_owned(),
        }
    }

    /// An invitation for somebody, with its code.
    pub(crate) fn invitation(&mut self, person: PersonId) -> (String, Invitation) {
        let (code, digest) = EnrolmentCode::draw(&*self.entropy).expect("entropy");
        let invitation = Invitation {
            id: draw!(InvitationId, self),
            person,
            digest,
            expires: self.now + 24.hours(),
            used: false,
        };
        self.put(&tables::INVITATIONS, *digest.as_bytes(), &invitation);
        (code.expose_secret().to_owned(), invitation)
    }

    pub(crate) fn caller(&self, pass: &Pass) -> Caller {
        authenticate(&self.read(), &pass.bearer, self.now).expect("a token that works")
    }

    pub(crate) fn study(&mut self) -> StudyId {
        let study = Study::new(
            draw!(StudyId, self),
            "Support for victims".parse().expect("a title"),
            "Ministry of Justice".parse().expect("a name"),
            LawfulBasis::PublicTask,
            "30d".parse().expect("a window"),
            "2y after session".parse().expect("a rule"),
            LeafNumber::FIRST,
        );
        self.put(&tables::STUDIES, study.id, &study);
        study.id
    }

    pub(crate) fn place(&mut self, study: StudyId, of: &Pass, role: Role, until: Option<Date>) {
        let membership = Membership::in_team(study, of.id, role, until);
        self.put(&tables::MEMBERSHIPS, (study, of.id), &membership);
        self.put(&tables::STUDIES_OF, (of.id, study), &());
    }

    pub(crate) fn participant(&mut self, study: StudyId) -> ParticipantId {
        let participant = Participant {
            id: draw!(ParticipantId, self),
            study,
            permissions: Permission::ALL.into(),
            consent: 1,
            notice: None,
            group: None,
            source: None,
            contact: None,
            contact_key: LeafNumber::FIRST,
            material_key: LeafNumber::FIRST,
            added: Date::constant(2026, 1, 1),
            last_session: None,
            standing: Standing::Active,
            restricted: false,
        };
        self.put(&tables::PARTICIPANTS, participant.id, &participant);
        participant.id
    }

    pub(crate) fn stand(&mut self, participant: ParticipantId, standing: Standing) {
        self.edit(&tables::PARTICIPANTS, participant, |row| {
            row.standing = standing;
        });
    }

    pub(crate) fn session(&mut self, study: StudyId, participants: &[ParticipantId]) -> SessionId {
        let session = Session {
            id: draw!(SessionId, self),
            study,
            kind: SessionKind::Interview,
            date: Date::constant(2026, 1, 10),
            participants: participants.to_vec(),
            on_withdrawal: OnWithdrawal::Destroy,
        };
        self.put(&tables::SESSIONS, session.id, &session);
        session.id
    }

    pub(crate) fn item(&mut self, session: SessionId, answers: Option<AssignmentId>) -> ItemId {
        let session = self.read().get(&tables::SESSIONS, &session);
        let session = session.expect("the index runs").expect("a session");
        let item = Item {
            id: draw!(ItemId, self),
            study: session.study,
            session: Some(session.id),
            participants: session.participants,
            kind: match answers {
                Some(_) => Kind::Transcript,
                None => Kind::Audio,
            },
            tier: Tier::Identifiable,
            length: 1 << 30,
            key: LeafNumber::FIRST,
            particulars: Sealed::new(vec![7; 120]),
            deposited: self.now,
            depositor: draw!(PersonId, self),
            answers,
            derived: None,
            redacts: None,
            redaction: None,
            accepted: None,
            erased: false,
        };
        self.change(|batch| {
            batch.put(&tables::ITEMS, &item.id, &item).expect("a row");
            let in_session = (session.id, item.id);
            batch
                .put(&tables::ITEMS_IN, &in_session, &())
                .expect("a row");
            if let Some(assignment) = answers {
                let answers = (assignment, item.id);
                batch
                    .put(&tables::ANSWERS_TO, &answers, &())
                    .expect("a row");
            }
        });
        item.id
    }

    pub(crate) fn supplier(&mut self, contract_signed: Date) -> SupplierId {
        let name = "McGowan Transcriptions".parse().expect("a name");
        let supplier = Supplier::approved(draw!(SupplierId, self), name, contract_signed);
        self.put(&tables::SUPPLIERS, supplier.id, &supplier);
        supplier.id
    }

    pub(crate) fn assign(
        &mut self,
        item: ItemId,
        supplier: SupplierId,
        until: Date,
    ) -> AssignmentId {
        let row = self.read().get(&tables::ITEMS, &item);
        let study = row.expect("the index runs").expect("an item").study;
        let id = draw!(AssignmentId, self);
        let purpose = Purpose::Transcription;
        let assignment = Assignment::of(id, (item, study), supplier, purpose, until);
        self.change(|batch| {
            let of = (item, assignment.id);
            let id = assignment.id;
            batch
                .put(&tables::ASSIGNMENTS, &id, &assignment)
                .expect("a row");
            batch.put(&tables::ASSIGNMENTS_OF, &of, &()).expect("a row");
        });
        assignment.id
    }

    pub(crate) fn erasure(
        &mut self,
        study: StudyId,
        participant: ParticipantId,
        requested_by: PersonId,
    ) -> ErasureId {
        let cause = Cause::Withdrawal(Withdrawal {
            participant,
            scope: Scope::Everything,
            in_time: true,
        });
        let (id, by) = (draw!(ErasureId, self), Actor::Person(requested_by));
        let erasure = Erasure::requested(id, study, cause, by, self.now, 1);
        self.put(&tables::ERASURES, erasure.id, &erasure);
        erasure.id
    }

    /// An output somebody asked to have released, which nobody has decided on.
    pub(crate) fn release(&mut self, study: StudyId, requested_by: PersonId) -> ReleaseId {
        let release = Release {
            id: draw!(ReleaseId, self),
            study,
            item: self.output(study),
            title: "Interim findings".parse().expect("a title"),
            kind: Kind::Transcript,
            length: 1 << 20,
            group: None,
            requested_by,
            requested_at: self.now,
            verdict: None,
        };
        self.put(&tables::RELEASES, release.id, &release);
        release.id
    }

    /// What is about nobody any more.
    fn output(&mut self, study: StudyId) -> ItemId {
        let output = Item {
            id: draw!(ItemId, self),
            study,
            session: None,
            participants: Vec::new(),
            kind: Kind::Transcript,
            tier: Tier::Anonymised,
            length: 1 << 20,
            key: LeafNumber::FIRST,
            particulars: Sealed::new(vec![7; 120]),
            deposited: self.now,
            depositor: draw!(PersonId, self),
            answers: None,
            derived: None,
            redacts: None,
            redaction: None,
            accepted: None,
            erased: false,
        };
        self.put(&tables::ITEMS, output.id, &output);
        output.id
    }

    /// An output the commissioner was given.
    #[allow(dead_code, reason = "the benchmarks use the house without it")]
    pub(crate) fn given(&mut self, study: StudyId) -> ReleaseId {
        let by = draw!(PersonId, self);
        let at = self.now;
        let release = self.release(study, by);
        self.edit(&tables::RELEASES, release, |row| {
            row.verdict = Some(Verdict::Approved { by, at });
        });
        release
    }

    /// Something made from an item of that session, checked to be of that tier.
    #[allow(dead_code, reason = "the benchmarks use the house without it")]
    pub(crate) fn derived(&mut self, session: SessionId, tier: Tier) -> ItemId {
        let (by, at) = (draw!(PersonId, self), self.now);
        let item = self.item(session, None);
        self.edit(&tables::ITEMS, item, |row| {
            row.tier = tier;
            if tier == Tier::Anonymised {
                row.participants.clear();
                row.session = None;
            }
            row.derived = Some(Derived {
                parents: vec![],
                made_from: 1,
                group: None,
                quotes: false,
                shows: vec![],
                check: Check::Passed { by, at },
            });
        });
        item
    }

    /// A request that is answered by what can be fetched.
    pub(crate) fn request(&mut self, study: StudyId, participant: ParticipantId) -> RequestId {
        let request = RightsRequest {
            id: draw!(RequestId, self),
            study,
            participant,
            kind: RequestKind::Access,
            opened: Date::constant(2026, 1, 10),
            opened_by: draw!(PersonId, self),
            within: AnswerWithin::CalendarMonth,
            pauses: Vec::new(),
            closed: Some(Closed {
                on: Date::constant(2026, 1, 11),
                by: draw!(PersonId, self),
                outcome: Outcome::Bundle {
                    expires: Date::constant(2026, 1, 15),
                },
            }),
        };
        self.put(&tables::REQUESTS, request.id, &request);
        request.id
    }

    /// A disclosure that nobody has decided on.
    pub(crate) fn disclosure(&mut self, study: StudyId, item: ItemId) -> DisclosureId {
        let disclosure = Disclosure {
            id: draw!(DisclosureId, self),
            study,
            ground: Ground::Safeguarding,
            items: vec![item],
            raised_by: draw!(PersonId, self),
            raised_at: self.now,
            decision: None,
        };
        self.put(&tables::DISCLOSURES, disclosure.id, &disclosure);
        disclosure.id
    }

    /// Identifiers that nothing has.
    pub(crate) fn nothing(&self) -> Ids {
        Ids {
            study: draw!(StudyId, self),
            participant: draw!(ParticipantId, self),
            session: draw!(SessionId, self),
            item: draw!(ItemId, self),
            supplier: draw!(SupplierId, self),
            assignment: draw!(AssignmentId, self),
            erasure: draw!(ErasureId, self),
            release: draw!(ReleaseId, self),
            request: draw!(RequestId, self),
            disclosure: draw!(DisclosureId, self),
        }
    }

    /// A study with one of everything in it; the erasure was asked for by `requested_by`, who is its
    /// safeguarding lead.
    pub(crate) fn ids(&mut self, requested_by: PersonId) -> Ids {
        let study = self.study();
        let participant = self.participant(study);
        let session = self.session(study, &[participant]);
        let item = self.item(session, None);
        self.edit(&tables::STUDIES, study, |row| {
            row.contacts.safeguarding_lead = Some(requested_by);
        });
        let controller = format!("The controller of {study}");
        let controller: Text = controller.parse().expect("a name");
        let supplier = self.supplier(Date::constant(2026, 1, 2));
        self.edit(&tables::SUPPLIERS, supplier, |row| {
            row.controllers = [controller.clone()].into();
        });
        self.edit(&tables::STUDIES, study, |row| row.controller = controller);
        let assignment = self.assign(item, supplier, Date::constant(2026, 3, 31));
        Ids {
            study,
            participant,
            session,
            item,
            supplier,
            assignment,
            erasure: self.erasure(study, participant, requested_by),
            release: self.release(study, requested_by),
            request: self.request(study, participant),
            disclosure: self.disclosure(study, item),
        }
    }
}

/// One identifier of each kind that something is done to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ids {
    pub(crate) study: StudyId,
    pub(crate) participant: ParticipantId,
    pub(crate) session: SessionId,
    pub(crate) item: ItemId,
    pub(crate) supplier: SupplierId,
    pub(crate) assignment: AssignmentId,
    pub(crate) erasure: ErasureId,
    pub(crate) release: ReleaseId,
    pub(crate) request: RequestId,
    pub(crate) disclosure: DisclosureId,
}
