//! Several people, and one of them withdraws: versions without them, and the end of the original.

use strongroom::access::acts;
use strongroom::id::{ErasureId, ItemId, ParticipantId, SessionId};
use strongroom::index::tables;
use strongroom::model::{
    Action, Actor, Erasure, ErasureStage, Event, Item, Kind, OnWithdrawal, Permission, Role,
    SessionKind,
};
use strongroom::work::consent::{self, NewConsent};
use strongroom::work::session::{self, NewSession};
use strongroom::work::{WorkError, deposit, erase, redact, retrieve};

use crate::support::house::{House, Pass};

/// A focus group of three, with a recording and a transcript, whose original is redacted first.
struct Group {
    house: House,
    people: [ParticipantId; 3],
    session: SessionId,
    audio: ItemId,
    transcript: ItemId,
}

async fn add_session(
    house: &House,
    people: &[ParticipantId],
    days: u16,
) -> Result<SessionId, WorkError> {
    let (lead, study) = (&house.staff.lead, house.staff.study);
    let grant = house.admit::<acts::AddSession>(lead, study).await?;
    let new = NewSession {
        kind: SessionKind::FocusGroup,
        date: house.service.today(),
        participants: people.to_vec(),
        on_withdrawal: OnWithdrawal::RedactFirst { days },
    };
    session::add(&house.service, grant, new).await
}

impl Group {
    async fn new() -> Self {
        let house = House::new().await;
        let mut people = [
            house.participant("Rosa").await,
            house.participant("Olu").await,
            house.participant("Siân").await,
        ];
        people.sort_unstable();
        let session = add_session(&house, &people, 14).await.expect("held");
        let audio = house.deposit_kind(session, Kind::Audio, b"all three").await;
        let transcript = house
            .deposit_kind(session, Kind::Transcript, b"their words")
            .await;
        Self {
            house,
            people,
            session,
            audio,
            transcript,
        }
    }

    async fn original(&self, who: &Pass, item: ItemId) -> Result<u64, WorkError> {
        let grant = self.house.admit::<acts::RedactItem>(who, item).await?;
        let plain = retrieve::open_original(&self.house.service, grant, None).await?;
        Ok(plain.length)
    }

    async fn redacted(
        &self,
        item: ItemId,
        kind: Kind,
        bytes: &'static [u8],
    ) -> Result<ItemId, WorkError> {
        let (house, lead) = (&self.house, &self.house.staff.lead);
        let grant = house.admit::<acts::RedactItem>(lead, item).await?;
        let length = bytes.len() as u64;
        let begun = deposit::begin_redacted(
            &house.service,
            grant,
            self.session,
            deposit::Announced::new(length, kind, None),
        )
        .await?;
        Ok(house.send(begun, bytes).await)
    }

    async fn waive(&self, item: ItemId) -> Result<(), WorkError> {
        let lead = &self.house.staff.lead;
        let grant = self.house.admit::<acts::RedactItem>(lead, item).await?;
        redact::waive(&self.house.service, grant).await
    }

    async fn resume(&self) -> usize {
        erase::resume(&self.house.service).await.expect("resumed")
    }

    fn item(&self, id: ItemId) -> Item {
        let view = self.house.service.vault().view().expect("the index runs");
        let row = view.reader().get(&tables::ITEMS, &id);
        row.expect("read").expect("an item")
    }

    /// One of the three withdraws, and a second person approves.
    async fn leaves(&self, who: ParticipantId) -> Erasure {
        let withdrawn = self.house.withdraw(who, false).await;
        self.house.approve(withdrawn.erasure).await
    }

    fn stage(&self, id: ErasureId) -> ErasureStage {
        self.house.erasure(id).stage
    }
}

#[tokio::test]
async fn r13_those_who_remain_keep_a_version_and_the_original_goes_when_it_is_there() {
    let group = Group::new().await;
    let house = &group.house;
    let researcher = house.invite(Role::Researcher).await;
    house.admit_to_study(&researcher, Role::Researcher).await;
    assert!(
        group
            .original(&house.staff.lead, group.audio)
            .await
            .is_err(),
        "no withdrawal yet"
    );

    let erasure = group.leaves(group.people[0]).await;
    assert_eq!(erasure.stage, ErasureStage::Approved, "approved, and held");
    assert_eq!(
        erasure.held_until,
        Some("2026-03-16".parse().expect("a day"))
    );
    // Everything is frozen, for everybody; the lead alone opens the original, to redact it.
    for who in [&house.staff.lead, &researcher, &house.staff.governance] {
        assert!(house.fetch_as(who, group.audio).await.is_err());
    }
    for who in [&researcher, &house.staff.governance, &house.staff.admin] {
        assert!(group.original(who, group.audio).await.is_err());
    }
    assert_eq!(
        group
            .original(&house.staff.lead, group.audio)
            .await
            .expect("opens"),
        9
    );

    let version = group
        .redacted(group.audio, Kind::Audio, b"two")
        .await
        .expect("brought");
    assert_eq!(group.item(version).participants, group.people[1..]);
    let twice = group
        .redacted(group.audio, Kind::Audio, b"two")
        .await
        .expect_err("refused");
    assert!(twice.outside().contains(&version.to_string()), "{twice}");
    let other = group
        .redacted(group.transcript, Kind::Audio, b"x")
        .await
        .expect_err("refused");
    assert!(other.outside().contains("kind transcript"), "{other}");
    assert_eq!(
        group.resume().await,
        0,
        "the transcript is still waited for"
    );
    assert_eq!(group.stage(erasure.id), ErasureStage::Approved);

    group.waive(group.transcript).await.expect("waived");
    assert!(group.waive(group.transcript).await.is_err());
    assert_eq!(group.resume().await, 1, "done before its day");
    assert_eq!(group.stage(erasure.id), ErasureStage::Certified);
    for gone in [group.audio, group.transcript] {
        assert!(house.fetch(gone).await.is_err());
        assert!(group.original(&house.staff.lead, gone).await.is_err());
    }
    for who in [&house.staff.lead, &researcher] {
        assert_eq!(house.fetch_as(who, version).await.expect("opens"), b"two");
    }

    // Nobody but the lead opened anything of it meanwhile.
    let mut opened = Vec::new();
    let read = house
        .service
        .vault()
        .entries::<WorkError>(0, u64::MAX, |_, entry| {
            if let Event::Accessed {
                action, resource, ..
            } = entry.event
                && resource == group.audio.to_string()
            {
                opened.push((entry.by, action));
            }
            Ok(())
        });
    read.expect("read");
    assert_eq!(
        opened,
        [(Actor::Person(house.staff.lead.id), Action::RedactItem)]
    );
}

#[tokio::test]
async fn r10_at_the_deadline_the_original_goes_by_itself() {
    let mut group = Group::new().await;
    let erasure = group.leaves(group.people[0]).await;
    group.house.later(14);
    assert_eq!(group.resume().await, 0, "the last day is a whole day");
    assert!(
        group
            .original(&group.house.staff.lead, group.audio)
            .await
            .is_ok()
    );
    group.house.later(1);
    assert!(
        group
            .original(&group.house.staff.lead, group.audio)
            .await
            .is_err(),
        "its time is over before anything ran"
    );
    assert_eq!(group.resume().await, 1);
    let erasure = group.house.erasure(erasure.id);
    assert_eq!(erasure.stage, ErasureStage::Certified);
    assert!(erasure.target.items.contains(&group.audio));
}

#[tokio::test]
async fn r10_a_crash_while_it_is_held_changes_nothing_and_it_comes_to_its_end() {
    let mut group = Group::new().await;
    let erasure = group.leaves(group.people[0]).await;
    let version = group
        .redacted(group.audio, Kind::Audio, b"two")
        .await
        .expect("brought");
    group.house = group.house.crash().await;
    assert_eq!(group.resume().await, 0);
    assert_eq!(group.stage(erasure.id), ErasureStage::Approved);
    group.waive(group.transcript).await.expect("waived");
    let film = group.house.film();
    assert_eq!(group.resume().await, 1);
    for image in film.end() {
        let house = group.house.open_image(image).await.expect("opens");
        erase::resume(&house.service).await.expect("resumed");
        assert_eq!(house.erasure(erasure.id).stage, ErasureStage::Certified);
        assert!(house.fetch(group.audio).await.is_err());
    }
    assert_eq!(group.house.fetch(version).await.expect("opens"), b"two");
}

#[tokio::test]
async fn r10_two_who_leave_are_both_left_out_and_a_version_can_be_left_too() {
    let group = Group::new().await;
    let first = group.leaves(group.people[0]).await;
    let second = group.leaves(group.people[2]).await;
    let version = group
        .redacted(group.audio, Kind::Audio, b"one")
        .await
        .expect("brought");
    assert_eq!(group.item(version).participants, [group.people[1]]);
    group.waive(group.transcript).await.expect("waived");
    assert_eq!(group.resume().await, 2);
    for erasure in [first, second] {
        assert_eq!(group.stage(erasure.id), ErasureStage::Certified);
    }
    assert_eq!(group.house.fetch(version).await.expect("opens"), b"one");
    // The last one goes without a wait: nobody remains.
    let last = group.leaves(group.people[1]).await;
    assert_eq!(
        (last.stage, last.held_until),
        (ErasureStage::Certified, None)
    );
    assert!(group.house.fetch(version).await.is_err());
}

#[tokio::test]
async fn r07_a_kind_permitted_no_longer_is_redacted_first_as_well() {
    let group = Group::new().await;
    let (house, who) = (&group.house, group.people[0]);
    let grant = house
        .admit::<acts::ChangeParticipant>(&house.staff.lead, who)
        .await;
    let permissions = Permission::ALL.into_iter();
    let new = NewConsent {
        permissions: permissions
            .filter(|one| *one != Permission::Audio)
            .collect(),
        given: None,
        notice: None,
        evidence: None,
    };
    let recorded = consent::record(&house.service, grant.expect("granted"), new).await;
    let erasure = recorded.expect("recorded").erasure.expect("listed");
    assert_eq!(house.approve(erasure).await.stage, ErasureStage::Approved);
    assert!(house.fetch(group.audio).await.is_err());
    assert_eq!(
        house.fetch(group.transcript).await.expect("opens"),
        b"their words"
    );
    let version = group
        .redacted(group.audio, Kind::Audio, b"two")
        .await
        .expect("brought");
    assert_eq!(group.item(version).participants, group.people[1..]);
    assert_eq!(group.resume().await, 1);
    assert_eq!(house.fetch(version).await.expect("opens"), b"two");
    assert_eq!(
        house.fetch(group.transcript).await.expect("opens"),
        b"their words"
    );
}

#[tokio::test]
async fn r10_times_that_cannot_be_are_refused_when_a_session_is_added() {
    let house = House::new().await;
    let people = [
        house.participant("Rosa").await,
        house.participant("Olu").await,
    ];
    for (people, days, words) in [
        (&people[..], 0, "1 to 28"),
        (&people[..], 29, "1 to 28"),
        (&people[..1], 14, "nobody remains"),
    ] {
        let refused = add_session(&house, people, days)
            .await
            .expect_err("refused");
        assert!(refused.outside().contains(words), "{refused}");
    }
}
