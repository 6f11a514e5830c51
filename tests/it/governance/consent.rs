//! What somebody permits: over time, on which notice, and what is refused without it.

use jiff::civil::{Date, date};
use strongroom::access::acts;
use strongroom::id::{ErasureId, ItemId, ParticipantId, SessionId};
use strongroom::index::tables;
use strongroom::model::participant::Contact;
use strongroom::model::{
    Actor, Consent, ErasureStage, Event, Kind, LawfulBasis, Notice, OnWithdrawal, Permission,
    Permissions, SessionKind,
};
use strongroom::work::consent::{self, NewConsent, Recorded};
use strongroom::work::participant::{self, NewParticipant};
use strongroom::work::session::{self, NewSession};
use strongroom::work::{WorkError, deposit};

use crate::support::house::House;

fn permits(permissions: &[Permission]) -> Permissions {
    permissions.iter().copied().collect()
}

fn now(permissions: &[Permission]) -> NewConsent {
    NewConsent {
        permissions: permits(permissions),
        given: None,
        notice: None,
        evidence: None,
    }
}

async fn add(house: &House, new: NewParticipant) -> Result<ParticipantId, WorkError> {
    let (lead, study) = (&house.staff.lead, house.staff.study);
    let grant = house.admit::<acts::AddParticipant>(lead, study).await?;
    participant::add(&house.service, grant, new).await
}

async fn permitting(house: &House, permissions: &[Permission]) -> ParticipantId {
    let new = NewParticipant::permitting(permits(permissions), Contact::default());
    add(house, new).await.expect("added")
}

async fn record(house: &House, who: ParticipantId, new: NewConsent) -> Result<Recorded, WorkError> {
    let lead = &house.staff.lead;
    let grant = house.admit::<acts::ChangeParticipant>(lead, who).await?;
    consent::record(&house.service, grant, new).await
}

async fn held(house: &House, who: &[ParticipantId], on: Date) -> Result<SessionId, WorkError> {
    let (lead, study) = (&house.staff.lead, house.staff.study);
    let grant = house.admit::<acts::AddSession>(lead, study).await?;
    let new = NewSession {
        kind: SessionKind::Interview,
        date: on,
        participants: who.to_vec(),
        on_withdrawal: OnWithdrawal::Destroy,
    };
    session::add(&house.service, grant, new).await
}

async fn begin(house: &House, session: SessionId, kind: Kind) -> Result<(), WorkError> {
    let lead = &house.staff.lead;
    let grant = house
        .admit::<acts::DepositItem>(lead, (session, kind))
        .await?;
    deposit::begin(
        &house.service,
        grant,
        deposit::Announced::new(5, kind, None),
    )
    .await
    .map(drop)
}

async fn versions(house: &House, who: ParticipantId) -> Vec<Consent> {
    let lead = &house.staff.lead;
    let grant = house.admit::<acts::ReadParticipant>(lead, who).await;
    consent::versions(&house.service, grant.expect("granted")).expect("read")
}

fn publish(house: &House, version: u32, published: Date) {
    let notice = Notice {
        study: house.staff.study,
        version,
        published,
        review: None,
        reference: None,
        change: None,
    };
    let vault = house.service.vault();
    let published = vault.commit_blocking::<_, WorkError>(Actor::Gateway, |_| {
        Ok((Event::NoticePublished { notice }, ()))
    });
    published.expect("published");
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, WorkError>, words: &[&str]) {
    let why = answer.expect_err("refused").outside();
    for word in words {
        assert!(why.contains(word), "{word:?} is not in {why:?}");
    }
}

#[tokio::test]
async fn r02_material_is_refused_that_somebody_has_not_permitted() {
    let house = House::new().await;
    let notes_only = permitting(&house, &[Permission::Notes]).await;
    let all = permitting(&house, &Permission::ALL).await;
    let today = house.service.today();
    let alone = held(&house, &[notes_only], today).await.expect("held");
    let both = held(&house, &[notes_only, all], today).await.expect("held");
    for session in [alone, both] {
        let answer = begin(&house, session, Kind::Audio).await;
        assert!(matches!(answer, Err(WorkError::Refused(_))), "{answer:?}");
        refused(answer, &[&notes_only.to_string(), "`audio`"]);
        assert!(begin(&house, session, Kind::Notes).await.is_ok());
    }
}

#[tokio::test]
async fn r02_what_was_recorded_before_it_was_permitted_is_refused() {
    let mut house = House::new().await;
    let who = permitting(&house, &[Permission::Notes]).await;
    let before = held(&house, &[who], date(2026, 3, 2)).await.expect("held");
    house.later(3);
    let widened = now(&[Permission::Notes, Permission::Audio, Permission::Transcript]);
    record(&house, who, widened).await.expect("recorded");
    let after = held(&house, &[who], date(2026, 3, 5)).await.expect("held");
    let answer = begin(&house, before, Kind::Audio).await;
    refused(answer, &["2026-03-05", "2026-03-02", "`audio`"]);
    assert!(begin(&house, after, Kind::Audio).await.is_ok());
    // Written out later, by what is permitted now.
    assert!(begin(&house, before, Kind::Transcript).await.is_ok());
}

#[tokio::test]
async fn r04_each_version_is_bound_to_the_notice_and_basis_then_in_force() {
    let mut house = House::new().await;
    publish(&house, 1, date(2026, 1, 1));
    let first = NewParticipant {
        given: Some(date(2026, 3, 1)),
        ..NewParticipant::permitting(permits(&[Permission::Audio]), Contact::default())
    };
    let who = add(&house, first).await.expect("added");
    house.later(10);
    publish(&house, 2, date(2026, 3, 10));
    house.amend_study(|study| study.lawful_basis = LawfulBasis::LegitimateInterests);
    let more = now(&[Permission::Audio, Permission::Quote]);
    record(&house, who, more).await.expect("recorded");
    let told = versions(&house, who).await;
    let told: Vec<_> = told
        .iter()
        .map(|row| (row.version, row.given, row.notice, row.lawful_basis))
        .collect();
    let expected = [
        (1, Some(date(2026, 3, 1)), Some(1), LawfulBasis::PublicTask),
        (
            2,
            Some(date(2026, 3, 12)),
            Some(2),
            LawfulBasis::LegitimateInterests,
        ),
    ];
    assert_eq!(told, expected);
    // The version that somebody was given is named when it is not the last one; never a later one.
    let named = |notice, given| NewConsent {
        notice: Some(notice),
        given: Some(given),
        ..now(&[Permission::Audio])
    };
    let too_new = NewParticipant {
        given: Some(date(2026, 3, 5)),
        notice: Some(2),
        ..NewParticipant::permitting(permits(&[Permission::Audio]), Contact::default())
    };
    refused(add(&house, too_new).await, &["2026-03-10", "2026-03-05"]);
    let unknown = record(&house, who, named(3, date(2026, 3, 12))).await;
    refused(unknown, &["no version 3", "latest is 2"]);
    let older = record(&house, who, named(1, date(2026, 3, 12))).await;
    assert_eq!(older.expect("recorded").version, 3);
    assert_eq!(versions(&house, who).await[2].notice, Some(1));
}

#[tokio::test]
async fn r04_a_consent_that_cannot_be_is_refused_when_it_is_recorded() {
    let mut house = House::new().await;
    house.later(10);
    let dated = |given| NewParticipant {
        given: Some(given),
        ..NewParticipant::permitting(permits(&[Permission::Audio]), Contact::default())
    };
    refused(
        add(&house, dated(date(2026, 3, 13))).await,
        &["2026-03-13", "not come", "2026-03-12"],
    );
    let who = add(&house, dated(date(2026, 3, 11))).await.expect("added");
    let early = held(&house, &[who], date(2026, 3, 10)).await;
    refused(early, &["2026-03-11", "2026-03-10", "before they consent"]);
    assert!(held(&house, &[who], date(2026, 3, 11)).await.is_ok());

    let given = |day| NewConsent {
        given: Some(day),
        ..now(&[Permission::Audio, Permission::Quote])
    };
    let future = record(&house, who, given(date(2026, 3, 13))).await;
    refused(future, &["not come"]);
    let backwards = record(&house, who, given(date(2026, 3, 10))).await;
    refused(backwards, &["version 1", "2026-03-11"]);
    refused(record(&house, who, now(&[])).await, &["`withdraw`"]);
    let same = record(&house, who, now(&[Permission::Audio])).await;
    refused(same, &["already", "version 1"]);
    assert_eq!(
        versions(&house, who).await.len(),
        1,
        "nothing of it was kept"
    );
}

#[tokio::test]
async fn r06_permission_to_be_contacted_again_stands_on_its_own() {
    let house = House::new().await;
    let (who, item) = house.interview("Rosa", b"hello").await;
    let without: Vec<_> = Permission::ALL
        .into_iter()
        .filter(|permission| *permission != Permission::Recontact)
        .collect();
    let recorded = record(&house, who, now(&without)).await.expect("recorded");
    assert!(recorded.erasure.is_none() && recorded.frozen.is_empty());
    assert_eq!(house.fetch(item).await.expect("opens"), b"hello");
}

async fn bring(house: &House, session: SessionId, kind: Kind, bytes: &'static [u8]) -> ItemId {
    house.deposit_kind(session, kind, bytes).await
}

#[tokio::test]
async fn r07_what_is_permitted_no_longer_freezes_at_once_and_goes_on_approval() {
    let mut house = House::new().await;
    let who = permitting(&house, &Permission::ALL).await;
    let session = house.session(&[who]).await;
    let audio = bring(&house, session, Kind::Audio, b"a voice").await;
    let notes = bring(&house, session, Kind::Notes, b"notes").await;
    let transcript = bring(&house, session, Kind::Transcript, b"words").await;
    house.later(1);
    let left = [Permission::Notes, Permission::Transcript];
    let recorded = record(&house, who, now(&left)).await.expect("recorded");
    assert_eq!(recorded.version, 2);
    assert_eq!(
        recorded.frozen.into_iter().collect::<Vec<_>>(),
        [(Kind::Audio, 1)]
    );
    let kept: Vec<_> = recorded.kept.into_iter().collect();
    assert_eq!(kept, [(Kind::Notes, 1), (Kind::Transcript, 1)]);
    let erasure: ErasureId = recorded.erasure.expect("listed for erasure");

    assert!(house.fetch(audio).await.is_err(), "frozen at once");
    assert_eq!(house.fetch(notes).await.expect("opens"), b"notes");
    refused(begin(&house, session, Kind::Audio).await, &["`audio`"]);
    // While it waits it is not permitted again; nothing comes back to life.
    let again = record(&house, who, now(&[Permission::Audio])).await;
    refused(again, &["audio", &erasure.to_string()]);

    let done = house.approve(erasure).await;
    assert_eq!(done.stage, ErasureStage::Certified);
    assert_eq!(done.target.items, [audio]);
    assert!(house.fetch(audio).await.is_err());
    assert_eq!(house.fetch(notes).await.expect("opens"), b"notes");
    assert_eq!(house.fetch(transcript).await.expect("opens"), b"words");
    let all = now(&Permission::ALL);
    assert_eq!(record(&house, who, all).await.expect("recorded").version, 3);
}

#[tokio::test]
async fn r07_evidence_is_a_form_or_a_word_of_that_very_participant() {
    let house = House::new().await;
    let (who, theirs) = house.interview("Rosa", b"I agree").await;
    let (_, others) = house.interview("Olu", b"so do I").await;
    let session = house.session(&[who]).await;
    let film = bring(&house, session, Kind::Video, b"film").await;
    let with = |evidence| NewConsent {
        evidence: Some(evidence),
        ..now(&Permission::ALL)
    };
    refused(
        record(&house, who, with(others)).await,
        &["no item of this participant"],
    );
    refused(
        record(&house, who, with(film)).await,
        &["no evidence", "audio"],
    );
    record(&house, who, with(theirs)).await.expect("recorded");
    let last = versions(&house, who).await.pop().expect("a version");
    assert_eq!((last.version, last.evidence), (2, Some(theirs)));
}

#[tokio::test]
async fn r49_those_a_notice_was_given_to_are_known() {
    let house = House::new().await;
    publish(&house, 1, date(2026, 1, 1));
    let told = permitting(&house, &[Permission::Audio]).await;
    let view = house.service.vault().view().expect("the index runs");
    let row = view.reader().get(&tables::PARTICIPANTS, &told);
    assert_eq!(row.expect("read").expect("there").notice, Some(1));
}
