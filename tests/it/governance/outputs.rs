//! What the tests of outputs have in common: making things from items, and looking at them again.

use std::collections::BTreeSet;
use std::convert::Infallible;

use bytes::Bytes;
use futures::stream;
use jiff::{Timestamp, ToSpan as _};
use strongroom::access::acts;
use strongroom::clock::london_day;
use strongroom::entropy::SystemEntropy;
use strongroom::id::{ErasureId, ItemId, ParticipantId, ReleaseId};
use strongroom::index::{Reader, tables};
use strongroom::model::erasure::Retention;
use strongroom::model::participant::Contact;
use strongroom::model::study::Approval;
use strongroom::model::{
    Actor, Cause, Consent, Erasure, Event, Finding, Item, Kind, LawfulBasis, Permission, Purpose,
    Role, Text, Tier,
};
use strongroom::work::deposit::{self, Announced, Made};
use strongroom::work::participant::{self, NewParticipant};
use strongroom::work::study::NewMember;
use strongroom::work::{WorkError, check, output, study};

use crate::support::house::{House, Pass};

pub(super) fn text(words: &str) -> Text {
    words.parse().expect("a short text")
}

/// The sentence somebody is told.
pub(super) fn told<T: std::fmt::Debug>(outcome: Result<T, WorkError>) -> String {
    outcome.expect_err("refused").outside()
}

/// What is made of items when nothing more is said of it.
pub(super) fn made(tier: Tier) -> Made {
    Made {
        tier,
        group: None,
        quotes: false,
        shows: Vec::new(),
    }
}

impl House {
    /// Somebody admitted to the study for a month.
    pub(super) async fn member(&self, role: Role, sees: Option<Tier>) -> Pass {
        let pass = self.invite(role).await;
        let member = NewMember {
            person: pass.id,
            role,
            until: self.service.today().saturating_add(1.month()),
            purpose: Purpose::Research,
            sees,
        };
        self.join(member).await.expect("admitted");
        pass
    }

    pub(super) async fn join(&self, member: NewMember) -> Result<(), WorkError> {
        let study = self.staff.study;
        let grant = self.admit::<acts::ManageStudy>(&self.staff.lead, study);
        study::admit_member(&self.service, grant.await?, member).await
    }

    /// Brings what the study's lead made from items.
    pub(super) async fn derive(
        &self,
        from: &[ItemId],
        made: Made,
        kind: Kind,
        bytes: &'static [u8],
    ) -> Result<ItemId, WorkError> {
        let lead = &self.staff.lead;
        let mut grants = Vec::new();
        for item in from {
            grants.push(self.admit::<acts::DeriveItem>(lead, *item).await?);
        }
        let (length, name) = (bytes.len() as u64, Some("Siân.txt".to_owned()));
        let begun = deposit::begin_derived(
            &self.service,
            grants,
            made,
            Announced::new(length, kind, name),
        )
        .await?;
        let body = stream::iter([Ok::<_, Infallible>(Bytes::from_static(bytes))]);
        deposit::write(
            &self.service,
            &self.caller(lead),
            begun.upload,
            0,
            body,
            None,
        )
        .await?;
        Ok(begun.item)
    }

    /// Somebody's look at it.
    pub(super) async fn look(
        &self,
        who: &Pass,
        item: ItemId,
        finding: Option<Finding>,
        considered: bool,
    ) -> Result<(), WorkError> {
        let grant = self.admit::<acts::CheckItem>(who, item).await?;
        check::check(&self.service, grant, finding, considered).await
    }

    /// A findings report of what is in items, checked by `second`.
    pub(super) async fn report(&self, from: &[ItemId], second: &Pass) -> ItemId {
        let item = self.derive(from, made(Tier::Anonymised), Kind::Notes, b"findings");
        let item = item.await.expect("taken in");
        self.look(second, item, None, true).await.expect("passed");
        item
    }

    pub(super) async fn ask_for(&self, who: &Pass, item: ItemId) -> Result<ReleaseId, WorkError> {
        let grant = self.admit::<acts::RequestRelease>(who, item).await?;
        output::request(&self.service, grant, text("What we found")).await
    }

    pub(super) async fn decide(
        &self,
        who: &Pass,
        release: ReleaseId,
        finding: Option<Finding>,
        considered: bool,
    ) -> Result<(), WorkError> {
        let grant = self.admit::<acts::ApproveRelease>(who, release).await?;
        output::decide(&self.service, grant, finding, considered).await
    }

    /// Puts every paper on record.
    pub(super) fn papers(&self) {
        let (on, recorded_by) = (self.service.today(), self.staff.governance.id);
        self.amend_study(|study| {
            study.papers.dpia = Some(text("DPIA 2026/7"));
            study.papers.data_sharing = Some(text("DSA 2026/3"));
            study.papers.approval = Some(Approval {
                by: text("Data access board"),
                on,
                recorded_by,
            });
        });
    }

    /// An item as the index has it.
    pub(super) fn row(&self, item: ItemId) -> Item {
        let view = self.service.vault().view().expect("the index runs");
        let row = view.reader().get(&tables::ITEMS, &item);
        row.expect("the index runs").expect("an item")
    }

    /// Something made of one item, brought.
    pub(super) async fn derive_one(&self, from: ItemId, tier: Tier) -> Result<ItemId, WorkError> {
        let kind = match tier {
            Tier::Anonymised => Kind::Notes,
            Tier::Identifiable | Tier::DeIdentified => Kind::Transcript,
        };
        self.derive(&[from], made(tier), kind, b"derived").await
    }

    /// Somebody permits everything, but for `missing`.
    pub(super) fn permit_all_but(&self, who: ParticipantId, missing: &[Permission]) {
        let by = self.staff.lead.id;
        let permissions = Permission::ALL.into_iter();
        let permissions = permissions.filter(|one| !missing.contains(one)).collect();
        self.happen(|reader, recorded| {
            let row = reader.get(&tables::PARTICIPANTS, &who);
            let row = row.expect("the index runs").expect("a participant");
            let consent = Consent {
                participant: who,
                version: row.consent + 1,
                permissions,
                given: Some(london_day(recorded)),
                notice: None,
                lawful_basis: LawfulBasis::PublicTask,
                evidence: None,
                recorded_by: by,
                recorded,
            };
            Event::ConsentRecorded {
                consent,
                erasure: None,
            }
        });
    }

    /// A new participant of a group.
    pub(super) async fn grouped(&self, name: &str, group: &Text) {
        let contact = Contact {
            name: Some(text(name)),
            ..Contact::default()
        };
        let new = NewParticipant {
            group: Some(group.clone()),
            ..NewParticipant::permitting(Permission::ALL.into(), contact)
        };
        let (lead, study) = (&self.staff.lead, self.staff.study);
        let grant = self.admit::<acts::AddParticipant>(lead, study).await;
        let added = participant::add(&self.service, grant.expect("granted"), new).await;
        added.expect("added");
    }

    /// Somebody has their data kept only, or used again.
    pub(super) fn restrict(&self, participant: ParticipantId, restricted: bool) {
        self.happen(|_, _| Event::ParticipantRestricted {
            participant,
            restricted,
        });
    }

    /// What the index makes of an item's keys going because its time is over.
    pub(super) fn destroyed(&self, item: ItemId) {
        let study = self.staff.study;
        let id = ErasureId::random(&SystemEntropy::new()).expect("entropy");
        self.happen(|_, at| {
            let cause = Cause::Retention(Retention {
                due: london_day(at),
                rules: vec!["anonymised: 2y after publication".to_owned()],
                moments: BTreeSet::new(),
            });
            let mut erasure = Erasure::requested(id, study, cause, Actor::Gateway, at, 0);
            erasure.target.items = vec![item];
            Event::RetentionBegun {
                erasure: Box::new(erasure),
            }
        });
        self.happen(|_, _| Event::KeysDestroyed {
            erasure: id,
            epoch: 1,
        });
    }

    fn happen(&self, event: impl FnOnce(&Reader<'_>, Timestamp) -> Event) {
        let vault = self.service.vault();
        let happened = vault.commit_blocking::<_, WorkError>(Actor::Gateway, |draft| {
            Ok((event(draft.reader(), draft.now()), ()))
        });
        happened.expect("on record");
    }
}
