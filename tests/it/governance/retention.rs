//! The end of keeping: what is due is found, shown with its reason, and destroyed, with a moved clock.

use jiff::civil::{Date, date};
use strongroom::access::acts;
use strongroom::id::{ItemId, ParticipantId, StudyId};
use strongroom::index::tables;
use strongroom::model::{
    Actor, Cause, Erasure, ErasureStage, Event, LawfulBasis, Moment, Standing, StudyMoment,
};
use strongroom::objects::ObjectKey;
use strongroom::work::retain::{DueList, DueRow, KeptBack, Thing, Warning};
use strongroom::work::study::{self, NewStudy};
use strongroom::work::{WorkError, certificate, erase, inspect, moment, retain};

use crate::support::house::{House, Pass, noise};

/// A house whose lead founded a study with these rules, on the day every story begins.
async fn house_keeping(rules: &str) -> House {
    let mut house = House::new().await;
    house.staff.study = study_keeping(&house, rules).await.expect("founded");
    house
}

async fn study_keeping(house: &House, rules: &str) -> Result<StudyId, WorkError> {
    let lead = &house.staff.lead;
    let grant = house.admit::<acts::CreateStudy>(lead, ()).await?;
    let new = NewStudy {
        name: "Support for victims".parse().expect("a name"),
        controller: "Ministry of Justice".parse().expect("a name"),
        lawful_basis: LawfulBasis::PublicTask,
        withdraw_within: "30d".parse().expect("a window"),
        retain: rules.parse().expect("rules"),
    };
    study::found(&house.service, grant, new).await
}

async fn due_for(house: &House, who: &Pass, by: Option<Date>) -> Result<DueList, WorkError> {
    let caller = house.caller(who);
    let study = Some(house.staff.study);
    retain::due(&house.service, &caller, study, by, None, 1000).await
}

/// What is due, as information governance sees it.
async fn due(house: &House, by: Option<Date>) -> DueList {
    let who = &house.staff.governance;
    due_for(house, who, by).await.expect("seen")
}

fn things(list: &DueList) -> Vec<Thing> {
    let mut things: Vec<_> = list.rows.iter().map(|row| row.thing).collect();
    things.sort();
    things
}

async fn run(house: &House) -> Vec<Erasure> {
    let who = &house.staff.governance;
    let grant = house.admit::<acts::RunRetention>(who, ()).await;
    let study = Some(house.staff.study);
    retain::run(&house.service, grant.expect("granted"), study)
        .await
        .expect("runs")
}

async fn dated(house: &House, moment: StudyMoment, on: Date) -> Result<moment::Dated, WorkError> {
    let (lead, study) = (&house.staff.lead, house.staff.study);
    let grant = house.admit::<acts::ManageStudy>(lead, study).await?;
    moment::date(&house.service, grant, moment, on).await
}

fn standing(house: &House, participant: ParticipantId) -> Standing {
    let view = house.service.vault().view().expect("the index runs");
    let row = view.reader().get(&tables::PARTICIPANTS, &participant);
    row.expect("the index runs").expect("a row").standing
}

/// The certificate verifies, and says that the study's own rule did it.
fn certified(house: &House, erasure: &Erasure) -> certificate::Statement {
    assert_eq!(erasure.stage, ErasureStage::Certified);
    let note = erasure.certificate.as_ref().expect("a certificate");
    let key = house.service.vault().signer().verifier_key();
    let read = certificate::verify(note, &key).expect("verifies").statement;
    assert_eq!(read.items_erased(), erasure.target.items);
    assert_eq!(read.verified.keys_absent, erasure.target.keys.len() as u64);
    assert!(read.approved.is_empty(), "the rule was approved");
    read
}

async fn is_gone(house: &House, item: ItemId) {
    let fetched = house.fetch(item).await;
    assert!(
        matches!(fetched, Err(WorkError::NoSuchThing)),
        "{fetched:?}"
    );
    let object = ObjectKey::Material(item);
    let head = house.service.store().head(object).await.expect("asked");
    assert_eq!(head, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_two_years_after_the_session_everything_is_gone() {
    let house = house_keeping("2y after session").await;
    let (her, hers) = house.interview("Agnes", b"what she said").await;
    house.move_to(date(2026, 3, 3)).await;
    let (him, his) = house.interview("Basil", b"what he said").await;

    house.move_to(date(2028, 3, 1)).await;
    assert!(due(&house, None).await.rows.is_empty());
    assert!(run(&house).await.is_empty());
    assert_eq!(house.service.vault().epoch(), 0);
    let tomorrow = due(&house, Some(date(2028, 3, 2))).await;
    assert_eq!(
        things(&tomorrow),
        [Thing::Item(hers), Thing::Participant(her)]
    );
    let DueRow {
        due: day,
        rule,
        from,
        ..
    } = &tomorrow.rows[0];
    assert_eq!(
        (*day, rule.as_str()),
        (date(2028, 3, 2), "everything: 2y after session")
    );
    assert_eq!(*from, Some((Moment::Session, date(2026, 3, 2))));

    house.move_to(date(2028, 3, 2)).await;
    let ran = run(&house).await;
    let [erasure] = &ran[..] else {
        panic!("{ran:?}");
    };
    let read = certified(&house, erasure);
    let Cause::Retention(why) = &read.cause else {
        panic!("{:?}", read.cause);
    };
    assert_eq!(why.due, date(2028, 3, 2));
    assert_eq!(
        why.rules,
        ["everything: 2y after session; session on 2026-03-02"]
    );
    let words = read.text();
    assert!(words.contains("everything: 2y after session"), "{words}");
    is_gone(&house, hers).await;
    assert_eq!(
        (house.name_of(her), standing(&house, her)),
        (None, Standing::Erased)
    );
    assert_eq!(house.fetch(his).await.expect("opens"), b"what he said");
    assert_eq!(house.name_of(him).as_deref(), Some("Basil"));

    // What is done is done: a day later only the other is due.
    assert!(run(&house).await.is_empty());
    house.move_to(date(2028, 3, 3)).await;
    assert_eq!(
        things(&due(&house, None).await),
        [Thing::Item(his), Thing::Participant(him)]
    );
    retain::daily(&house.service).await.expect("runs");
    is_gone(&house, his).await;
    assert!(due(&house, Some(date(2090, 1, 1))).await.rows.is_empty());
    // R20: nothing is held, of them or of their material.
    let lead = house.caller(&house.staff.lead);
    let grant = house
        .admit::<acts::ReadStudy>(&house.staff.lead, house.staff.study)
        .await;
    let left = inspect::participants(&house.service, grant.expect("granted"), None, 10);
    assert!(left.expect("listed").is_empty());
    let items = inspect::items(&house.service, &lead, Default::default(), None, 10).await;
    assert!(items.expect("listed").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r42_identifiable_material_goes_twelve_months_after_the_report() {
    let house = house_keeping("identifiable: 12m after publication").await;
    let (her, hers) = house.interview("Agnes", b"what she said").await;
    house.move_to(date(2026, 9, 1)).await;
    let Ok(moment::Dated {
        before: None,
        due: 0,
    }) = dated(&house, StudyMoment::Publication, date(2026, 9, 1)).await
    else {
        panic!("nothing is due yet");
    };
    // Corrected while nothing was destroyed by it.
    let corrected = dated(&house, StudyMoment::Publication, date(2026, 9, 2)).await;
    assert_eq!(corrected.expect("dated").before, Some(date(2026, 9, 1)));

    house.move_to(date(2027, 9, 1)).await;
    assert!(run(&house).await.is_empty());
    house.move_to(date(2027, 9, 2)).await;
    let seen = due(&house, None).await;
    assert_eq!(
        seen.rows[0].from,
        Some((Moment::Study(StudyMoment::Publication), date(2026, 9, 2)))
    );
    assert_eq!(seen.warnings, []);
    let ran = run(&house).await;
    let Cause::Retention(why) = certified(&house, &ran[0]).cause else {
        panic!("it was due");
    };
    assert_eq!(
        why.rules,
        ["identifiable: 12m after publication; publication on 2026-09-02"]
    );
    is_gone(&house, hers).await;
    assert_eq!(standing(&house, her), Standing::Erased);
    let again = dated(&house, StudyMoment::Publication, date(2026, 9, 3)).await;
    let Err(WorkError::Conflict(why)) = again else {
        panic!("{again:?}");
    };
    assert!(why.contains("it stands"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r43_everything_goes_within_three_months_of_the_end_and_the_study_with_it() {
    let house =
        house_keeping("everything: earliest of (publication, 3m after collection-ends)").await;
    let (her, hers) = house.interview("Agnes", b"what she said").await;
    dated(&house, StudyMoment::CollectionEnds, date(2026, 5, 31))
        .await
        .expect("dated");
    house.move_to(date(2026, 8, 31)).await;
    assert_eq!(
        things(&due(&house, None).await),
        [
            Thing::Item(hers),
            Thing::Participant(her),
            Thing::Study(house.staff.study)
        ]
    );
    let ran = run(&house).await;
    let read = certified(&house, &ran[0]);
    assert!(read.study_ended);
    assert_eq!(read.participants, [her]);
    is_gone(&house, hers).await;
    let view = house.service.vault().view().expect("the index runs");
    let row = view.reader().get(&tables::STUDIES, &house.staff.study);
    let row = row.expect("the index runs").expect("a study");
    assert!(row.ended && row.closed);
    assert!(view.key(row.key).is_err(), "its own key is gone");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r44_a_rule_that_waits_is_shown_as_a_warning() {
    let house = house_keeping(
        "contact: 1d after linked; identifiable: 12m after publication; audio: 7d after transcript-accepted",
    )
    .await;
    house.interview("Agnes", b"what she said").await;
    let seen = due(&house, Some(date(2090, 1, 1))).await;
    assert!(seen.rows.is_empty());
    let told: Vec<String> = seen.warnings.iter().map(ToString::to_string).collect();
    let study = house.staff.study;
    assert_eq!(
        told,
        [
            format!(
                "`contact: 1d after linked` counts from linked, which has no date yet: date it with `strongroom study date {study} --moment linked --on …` when it is known"
            ),
            format!(
                "`identifiable: 12m after publication` counts from publication, which has no date yet: date it with `strongroom study date {study} --moment publication --on …` when it is known"
            ),
        ]
    );
    dated(&house, StudyMoment::Linked, house.service.today())
        .await
        .expect("dated");
    let seen = due(&house, None).await;
    let waiting = |warning: &Warning| matches!(warning, Warning::Undated { rule, .. } if rule.starts_with("identifiable"));
    assert!(
        seen.warnings.iter().all(waiting) && seen.warnings.len() == 1,
        "{:?}",
        seen.warnings
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r24_contact_details_go_once_linked_and_the_rest_stays() {
    let house = house_keeping("contact: 1d after linked; identifiable: 2y after session").await;
    let (her, hers) = house.interview("Agnes", b"what she said").await;
    let unmet = house.participant("Cecily").await;
    dated(&house, StudyMoment::Linked, date(2026, 3, 10))
        .await
        .expect("dated");
    house.move_to(date(2026, 3, 11)).await;
    assert_eq!(
        things(&due(&house, None).await),
        [Thing::Contact(her), Thing::Participant(unmet)]
    );
    let ran = run(&house).await;
    let read = certified(&house, &ran[0]);
    assert_eq!(
        (&read.contacts[..], &read.participants[..]),
        (&[her][..], &[unmet][..])
    );
    assert_eq!(house.name_of(her), None);
    assert_eq!(standing(&house, her), Standing::Active);
    assert_eq!(house.fetch(hers).await.expect("opens"), b"what she said");
    assert!(due(&house, None).await.rows.is_empty());
    // She goes altogether with the last thing she is in.
    house.move_to(date(2028, 3, 2)).await;
    assert_eq!(
        things(&due(&house, None).await),
        [Thing::Item(hers), Thing::Participant(her)]
    );
    assert_eq!(certified(&house, &run(&house).await[0]).participants, [her]);
    assert_eq!(standing(&house, her), Standing::Erased);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r43_recordings_go_when_their_transcript_is_accepted() {
    let house =
        house_keeping("audio: 7d after transcript-accepted; identifiable: 2y after session").await;
    let (her, tape) = house.interview("Agnes", b"what she said").await;
    let (_, other) = house.interview("Basil", b"what he said").await;
    let session = house.session(&[her]).await;
    let text = house.deposit(session, noise(300, 7), "second.wav").await;
    let accepted = Event::TranscriptAccepted {
        recording: tape,
        transcript: text,
        assignment: None,
        on: date(2026, 4, 1),
    };
    let noted = house
        .service
        .vault()
        .commit(Actor::Gateway, |_| Ok::<_, WorkError>((accepted, ())));
    noted.await.expect("noted");
    house.move_to(date(2026, 4, 7)).await;
    assert!(due(&house, None).await.rows.is_empty());
    house.move_to(date(2026, 4, 8)).await;
    let seen = due(&house, None).await;
    let mut both = [Thing::Item(tape), Thing::Item(text)];
    both.sort();
    assert_eq!(things(&seen), both);
    assert_eq!(
        seen.rows[0].from,
        Some((Moment::TranscriptAccepted, date(2026, 4, 1)))
    );
    certified(&house, &run(&house).await[0]);
    is_gone(&house, tape).await;
    assert_eq!(house.fetch(other).await.expect("opens"), b"what he said");
    assert_eq!(house.name_of(her).as_deref(), Some("Agnes"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_what_is_restricted_stays_until_it_is_not() {
    let house = house_keeping("2y after session").await;
    let (her, hers) = house.interview("Agnes", b"what she said").await;
    let (him, his) = house.interview("Basil", b"what he said").await;
    let session = house.session(&[her, him]).await;
    let both = house.deposit(session, noise(4000, 1), "pair.wav").await;
    let restrict = async |restricted| {
        let event = Event::ParticipantRestricted {
            participant: her,
            restricted,
        };
        let noted = house
            .service
            .vault()
            .commit(Actor::Gateway, |_| Ok::<_, WorkError>((event, ())));
        noted.await.expect("noted");
    };
    restrict(true).await;
    house.move_to(date(2028, 3, 2)).await;
    let seen = due(&house, None).await;
    let kept: Vec<_> = seen
        .rows
        .iter()
        .filter(|row| row.kept_back == Some(KeptBack::Restricted))
        .collect();
    assert_eq!(
        kept.len(),
        3,
        "hers, theirs, and she herself: {:?}",
        seen.rows
    );
    let ran = run(&house).await;
    assert_eq!(ran[0].target.items, [his]);
    assert_eq!(ran[0].target.contacts, [him], "he is in what is kept");
    is_gone(&house, his).await;
    restrict(false).await;
    let ran = run(&house).await;
    let mut people = ran[0].target.participants.clone();
    people.sort();
    let mut expected = [her, him];
    expected.sort();
    assert_eq!(people, expected);
    for gone in [hers, both] {
        is_gone(&house, gone).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_a_withdrawal_that_waits_keeps_nothing() {
    let house = house_keeping("2y after session").await;
    let (her, hers) = house.interview("Agnes", b"what she said").await;
    let withdrawn = house.withdraw(her, false).await.erasure;
    house.move_to(date(2028, 3, 2)).await;
    certified(&house, &run(&house).await[0]);
    is_gone(&house, hers).await;
    // And is still answered with a certificate.
    assert_eq!(
        house.approve(withdrawn).await.stage,
        ErasureStage::Certified
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_an_upload_of_what_is_due_is_broken_off() {
    let house = house_keeping("on 2026-06-01").await;
    let her = house.participant("Agnes").await;
    let session = house.session(&[her]).await;
    house.move_to(date(2026, 5, 31)).await;
    let begun = house.begin(session, 5000, "late.wav").await.expect("begun");
    house.write(begun.upload, 0, noise(100, 1)).await.ok();
    house.move_to(date(2026, 6, 1)).await;
    let ran = run(&house).await;
    assert_eq!(ran[0].target.uploads, [begun.upload]);
    certified(&house, &ran[0]);
    let more = house.write(begun.upload, 0, noise(5000, 1)).await;
    assert!(matches!(more, Err(WorkError::NoSuchThing)), "{more:?}");
    assert_eq!(standing(&house, her), Standing::Erased);
}

/// Invariants 3 and 5, for what is due: a crash at any step is gone on from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r41_a_crash_at_any_step_is_gone_on_from() {
    let house = house_keeping("2y after session").await;
    let (her, hers) = house.interview("Agnes", b"what she said").await;
    house.move_to(date(2026, 3, 3)).await;
    let (_, his) = house.interview("Basil", b"what he said").await;
    house.move_to(date(2028, 3, 2)).await;
    let film = house.film();
    let ran = run(&house).await;
    let images = film.end();
    certified(&house, &ran[0]);
    assert!(images.len() > 5, "{}", images.len());
    let mut begun = 0;
    for image in images {
        let again = house.open_image(image).await.expect("opens");
        begun += erase::resume(&again.service).await.expect("goes on");
        // Where it was not begun yet, the next run does; where it was, nothing is left to do.
        run(&again).await;
        is_gone(&again, hers).await;
        assert_eq!(standing(&again, her), Standing::Erased);
        assert_eq!(again.service.vault().epoch(), 1);
        assert_eq!(again.fetch(his).await.expect("opens"), b"what he said");
        assert!(due(&again, None).await.rows.is_empty());
    }
    assert!(begun > 0, "no crash was after the beginning");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r44_who_sees_what_is_due_and_who_destroys_it() {
    let house = house_keeping("2y after session").await;
    house.interview("Agnes", b"what she said").await;
    let by = Some(date(2030, 1, 1));
    let staff = house.staff.clone();
    for who in [&staff.lead, &staff.governance] {
        assert_eq!(due_for(&house, who, by).await.expect("seen").rows.len(), 2);
    }
    for who in [
        &staff.admin,
        &house.invite(strongroom::model::Role::Commissioner).await,
    ] {
        let seen = due_for(&house, who, by).await;
        assert!(matches!(seen, Err(WorkError::NoSuchThing)), "{seen:?}");
        let all = retain::due(&house.service, &house.caller(who), None, by, None, 10).await;
        assert!(all.expect("a list").rows.is_empty());
    }
    let run = house.admit::<acts::RunRetention>(&staff.lead, ()).await;
    assert!(matches!(run, Err(WorkError::Refused(_))), "{run:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r44_what_is_due_comes_in_pages() {
    let house = house_keeping("2y after session").await;
    let mut days = Vec::new();
    for day in 2..6 {
        house.move_to(date(2026, 3, day)).await;
        house.interview("Somebody", b"something").await;
        days.push(date(2028, 3, day));
    }
    let caller = house.caller(&house.staff.governance);
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let by = Some(date(2030, 1, 1));
        let page = retain::due(&house.service, &caller, None, by, after, 3).await;
        let page = page.expect("seen");
        assert_eq!(page.total, 8);
        seen.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 8);
    assert!(seen.is_sorted_by_key(|row| row.due));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r44_impossible_rules_and_dates_are_refused_when_they_are_made() {
    let house = house_keeping("identifiable: 12m after publication").await;
    for (rules, said) in [
        (
            "2y after session; anonymised: 1y after session",
            "can never come true",
        ),
        ("on 2026-03-01", "is past"),
        (
            "2y after session; audio: 3y after session",
            "decides nothing",
        ),
        ("contact: 1d after linked", "kept for ever"),
    ] {
        let refused = study_keeping(&house, rules).await;
        let Err(WorkError::Unacceptable(why)) = refused else {
            panic!("{rules}: {refused:?}");
        };
        assert!(why.contains(said), "{why}");
    }
    house.interview("Agnes", b"what she said").await;
    for (moment, day, said) in [
        (
            StudyMoment::CollectionEnds,
            date(2026, 3, 1),
            "a session on 2026-03-02 is held",
        ),
        (
            StudyMoment::Publication,
            date(2126, 3, 1),
            "look at the year",
        ),
    ] {
        let refused = dated(&house, moment, day).await;
        let Err(WorkError::Unacceptable(why)) = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains(said), "{why}");
    }
    dated(&house, StudyMoment::Publication, date(2026, 9, 1))
        .await
        .expect("dated");
    let refused = dated(&house, StudyMoment::CollectionEnds, date(2026, 9, 2)).await;
    assert!(
        matches!(refused, Err(WorkError::Unacceptable(_))),
        "{refused:?}"
    );
}
