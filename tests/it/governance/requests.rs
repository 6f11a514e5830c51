//! Rights requests: due, answered, refused, and answered by nothing (R7, R16–R20).

use futures::StreamExt as _;
use jiff::ToSpan as _;
use serde_json::Value;
use strongroom::access::acts;
use strongroom::id::{ParticipantId, RequestId, StudyId};
use strongroom::index::tables;
use strongroom::model::{Actor, AnswerWithin, Event, RequestKind, Role};
use strongroom::work::request::answer::NewAnswer;
use strongroom::work::request::{self, NewRequest};
use strongroom::work::{WorkError, request::answer};

use super::rights::{
    Unpacked, amend, answered, ask, fetching, in_days, later, logged_in, whole, words,
};
use crate::support::house::{House, noise};

fn identity() -> (age::x25519::Identity, String) {
    let identity = age::x25519::Identity::generate();
    let public = identity.to_public().to_string();
    (identity, public)
}

async fn pause(house: &House, id: RequestId, from: i32) -> Result<request::Seen, WorkError> {
    let who = &house.staff.governance;
    let grant = house.admit::<acts::AnswerRequest>(who, id).await?;
    let from = Some(in_days(house, from));
    request::pause(&house.service, grant, words("proof of who asks"), from).await
}

async fn resume(house: &House, id: RequestId) -> Result<request::Seen, WorkError> {
    let who = &house.staff.governance;
    let grant = house.admit::<acts::AnswerRequest>(who, id).await?;
    request::resume(&house.service, grant, None).await
}

async fn refuse(house: &House, id: RequestId) -> Result<request::Seen, WorkError> {
    let who = &house.staff.governance;
    let grant = house.admit::<acts::AnswerRequest>(who, id).await?;
    answer::refuse(&house.service, grant, words("it is somebody else's data")).await
}

async fn listed(house: &House) -> Vec<request::Seen> {
    let caller = house.caller(&house.staff.lead);
    let list = request::list(&house.service, &caller, Some(house.staff.study));
    list.await.expect("listed")
}

fn conflict<T: std::fmt::Debug>(result: Result<T, WorkError>) -> String {
    match result {
        Err(WorkError::Conflict(why) | WorkError::Unacceptable(why)) => why,
        other => panic!("not a conflict: {other:?}"),
    }
}

#[tokio::test]
async fn r16_requests_are_due_by_the_studys_rule_and_overdue_ones_come_first() {
    let mut house = House::new().await;
    let (siân, _) = house.interview("Siân", &noise(100, 1)).await;
    let (tom, _) = house.interview("Tom", &noise(100, 2)).await;
    // 2 March: a calendar month ends on 2 April, thirty days on 1 April.
    let month = ask(&house, siân, RequestKind::Access).await.expect("open");
    assert_eq!(month.due.to_string(), "2026-04-02");
    amend(&house, |study| study.answer_within = AnswerWithin::Days(30)).await;
    let thirty = ask(&house, tom, RequestKind::Rectification).await;
    let thirty = thirty.expect("open");
    assert_eq!(thirty.due.to_string(), "2026-04-01");
    let unchanged = listed(&house).await;
    assert_eq!(unchanged[0].request.id, thirty.request.id, "due first");
    assert_eq!(unchanged[1].due, month.due, "the rule it came in under");

    later(&mut house, 31).await;
    assert_eq!(house.service.today().to_string(), "2026-04-02");
    let third = ask(&house, tom, RequestKind::Access).await.expect("open");
    let list = listed(&house).await;
    let seen: Vec<_> = list.iter().map(|s| (s.request.id, s.overdue)).collect();
    let (first, second) = (thirty.request.id, month.request.id);
    assert_eq!(
        seen,
        [(first, true), (second, false), (third.request.id, false)]
    );

    let what = NewAnswer {
        what: Some(words("the day of the interview")),
        until: None,
    };
    answered(&house, first, what).await.expect("answered");
    let list = listed(&house).await;
    let last = list.last().expect("three");
    assert_eq!((last.request.id, last.overdue), (first, false));
    let closed = last.request.closed.as_ref().expect("closed");
    assert_eq!(closed.by, house.staff.governance.id, "who");
    assert_eq!(closed.on, house.service.today(), "and when");
}

#[tokio::test]
async fn r16_the_clock_stops_for_a_reason_that_goes_with_the_participant() {
    let mut house = House::new().await;
    let (siân, _) = house.interview("Siân", &noise(100, 1)).await;
    let open = ask(&house, siân, RequestKind::Access).await.expect("open");
    let id = open.request.id;
    later(&mut house, 3).await;
    assert!(conflict(pause(&house, id, 1).await).contains("not come yet"));
    assert!(conflict(pause(&house, id, -9).await).contains("2026-03-02"));
    let stopped = pause(&house, id, -1).await.expect("stopped");
    assert_eq!(stopped.pauses, [Some(words("proof of who asks"))]);
    assert!(conflict(pause(&house, id, 0).await).contains("stands still"));
    later(&mut house, 60).await;
    let standing = listed(&house).await;
    assert!(!standing[0].overdue, "it stands still");
    let runs = resume(&house, id).await.expect("runs");
    // Stopped from 4 March to 4 May.
    assert_eq!(runs.due.to_string(), "2026-06-02");
    assert!(conflict(resume(&house, id).await).contains("running"));

    // The reason is about somebody: nowhere in clear, and gone with them.
    for (path, bytes) in house.folder.files() {
        let told = bytes.windows(17).any(|w| w == b"proof of who asks");
        assert!(!told, "{}", path.display());
    }
    house.erase(siân).await;
    let list = listed(&house).await;
    assert_eq!(list[0].pauses, [None]);
    let closed = answered(&house, id, NewAnswer::default()).await;
    let closed = closed.expect("closed").request.closed.expect("closed");
    assert_eq!(closed.outcome.name(), "nothing-held");
}

#[tokio::test]
async fn r16_each_kind_is_answered_as_it_is() {
    let house = House::new().await;
    let (siân, item) = house.interview("Siân", b"a voice").await;
    let open = async |kind| {
        let open = ask(&house, siân, kind).await.expect("open");
        assert!(conflict(ask(&house, siân, kind).await).contains("already"));
        open.request.id
    };
    let word = |seen: request::Seen| seen.request.closed.map(|closed| closed.outcome.name());
    let nothing = NewAnswer::default;
    let corrected = || NewAnswer {
        what: Some(words("her name has a circumflex")),
        until: None,
    };

    let id = open(RequestKind::Rectification).await;
    assert!(conflict(answered(&house, id, nothing()).await).contains("--what"));
    let seen = answered(&house, id, corrected()).await.expect("answered");
    assert_eq!(seen.note, corrected().what);
    assert_eq!(word(seen), Some("corrected"));
    assert!(conflict(answered(&house, id, corrected()).await).contains("closed"));

    let id = open(RequestKind::Restriction).await;
    assert!(conflict(answered(&house, id, corrected()).await).contains("leave out"));
    let seen = answered(&house, id, nothing()).await.expect("answered");
    assert_eq!(word(seen), Some("restricted"));
    let refused = house.fetch(item).await;
    assert!(
        matches!(refused, Err(WorkError::Refused(_))),
        "kept, not used"
    );
    let lift = house.admit::<acts::RestrictParticipant>(&house.staff.lead, siân);
    let lift = lift.await.expect("granted");
    answer::restrict(&house.service, lift, false)
        .await
        .expect("lifted");
    assert_eq!(house.fetch(item).await.expect("used again"), b"a voice");

    let id = open(RequestKind::Portability).await;
    let late = NewAnswer {
        what: None,
        until: Some(in_days(&house, 91)),
    };
    assert!(conflict(answered(&house, id, late).await).contains("give one from"));
    let seen = answered(&house, id, nothing()).await.expect("answered");
    assert_eq!(word(seen), Some("bundle"));

    let objection = open(RequestKind::Objection).await;
    let seen = answered(&house, objection, nothing())
        .await
        .expect("answered");
    assert_eq!(word(seen), Some("withdrawal"));
    assert!(matches!(
        house.fetch(item).await,
        Err(WorkError::Refused(_))
    ));
    // The same withdrawal answers both.
    let erasure = open(RequestKind::Erasure).await;
    let seen = answered(&house, erasure, nothing())
        .await
        .expect("answered");
    assert_eq!(word(seen), Some("withdrawal"));
    let view = house.service.vault().view().expect("the index runs");
    let rows = view.reader().page(&tables::ERASURES, &(), None, 10);
    assert_eq!(rows.expect("read").len(), 1);
}

#[tokio::test]
async fn r17_the_answer_says_who_saw_what_and_when() {
    let house = House::new().await;
    let recording = noise(300_000, 7);
    let (siân, item) = house.interview("Siân", &recording).await;
    let (_, elsewhere) = house.interview("Tom", &noise(50, 8)).await;
    let (supplier, typist) = house.supplier(house.service.today()).await;
    house.assign(item, supplier, in_days(&house, 5)).await;
    assert_eq!(house.fetch(item).await.expect("opened"), recording);
    house.fetch(elsewhere).await.expect("opened");
    house.fetch_as(&typist, item).await.expect("opened");
    let outsider = house.invite(Role::Researcher).await;
    assert!(house.fetch_as(&outsider, item).await.is_err());

    let open = ask(&house, siân, RequestKind::Access).await.expect("open");
    let id = open.request.id;
    let (identity, public) = identity();
    let early = fetching(&house, id, &public).await;
    assert!(
        matches!(early, Err(WorkError::Refused(_))),
        "not answered yet"
    );
    answered(&house, id, NewAnswer::default())
        .await
        .expect("answered");
    // Information governance says that it may be had, and does not reach the recordings.
    let governance = &house.staff.governance;
    let refused = house.admit::<acts::FetchBundle>(governance, id).await;
    assert!(matches!(refused, Err(WorkError::Refused(_))));
    let sealed = fetching(&house, id, &public).await.expect("granted");
    let sealed = whole(sealed).await.expect("whole");

    let Some(answer) = Unpacked::new(&sealed, &identity) else {
        return;
    };
    let about = answer.json("about.json");
    assert_eq!(about["you"]["name"], "Siân");
    assert_eq!(about["items"][0]["id"], item.to_string());
    assert_eq!(
        about["given_to"][0]["organisation"],
        "McGowan Transcriptions"
    );
    let file = about["items"][0]["file"].as_str().expect("a file");
    assert!(answer.file(file).expect("it is there") == recording);
    let told = answer.json("use/0001.json");
    let told = told.as_array().expect("rows");
    let seen = |role: &str, refused: bool| {
        let mut rows = told.iter();
        rows.find(|row| {
            row["what"] == "open-item"
                && row["by"]["role"] == role
                && row["refused"] == refused
                && row["of"][0] == item.to_string()
        })
    };
    assert!(seen("study-lead", false).is_some_and(|row| row["at"].is_string()));
    let theirs = seen("transcriber", false).expect("the supplier's");
    assert_eq!(theirs["by"]["organisation"], "McGowan Transcriptions");
    assert!(seen("researcher", true).is_some(), "and who tried in vain");
    let text = serde_json::to_string(told).expect("json");
    assert!(!text.contains(&elsewhere.to_string()), "nobody else's");
    assert!(!text.contains("psn-"), "by role, not by name");
}

#[tokio::test]
async fn r7_what_others_are_in_is_listed_and_portability_gives_what_they_gave() {
    let house = House::new().await;
    let (siân, own) = house.interview("Siân", &noise(9000, 1)).await;
    let tom = house.participant("Tom").await;
    let group = house.session(&[siân, tom]).await;
    let shared = house.deposit(group, noise(100, 2), "group.wav").await;
    for (kind, whole_answer) in [
        (RequestKind::Access, true),
        (RequestKind::Portability, false),
    ] {
        let id = ask(&house, siân, kind).await.expect("open").request.id;
        answered(&house, id, NewAnswer::default())
            .await
            .expect("answered");
        let (identity, public) = identity();
        let sealed = fetching(&house, id, &public).await.expect("granted");
        let sealed = whole(sealed).await.expect("whole");
        let Some(answer) = Unpacked::new(&sealed, &identity) else {
            return;
        };
        let about = answer.json("about.json");
        let items = about["items"].as_array().expect("items");
        let of = |id: &str| items.iter().find(|row| row["id"] == id).expect("listed");
        let listed = of(&shared.to_string());
        assert_eq!(listed["file"], Value::Null);
        let why = listed["left_out"].as_str().expect("a reason");
        assert!(why.contains("other people"), "{why}");
        assert!(of(&own.to_string())["file"].is_string());
        assert_eq!(about["sessions"].is_array(), whole_answer);
        assert_eq!(answer.file("use/0001.json").is_some(), whole_answer);
        let text = serde_json::to_string(&about).expect("json");
        assert!(!text.contains(&tom.to_string()) && !text.contains("Tom"));
    }
}

#[tokio::test]
async fn r7_an_answer_ends_with_its_day_and_dies_with_an_erasure() {
    let mut house = House::new().await;
    // Longer than what lies between here and there.
    let (siân, _) = house.interview("Siân", &noise(4_000_000, 3)).await;
    let open = ask(&house, siân, RequestKind::Access).await.expect("open");
    let id = open.request.id;
    let until = Some(in_days(&house, 2));
    let new = NewAnswer { what: None, until };
    answered(&house, id, new).await.expect("answered");
    let (_, public) = identity();
    later(&mut house, 2).await;
    let body = fetching(&house, id, &public).await.expect("its last day");
    let mut body = std::pin::pin!(body);
    let mut came = 0;
    while came < 1_000_000 {
        let piece = body.next().await.expect("begun");
        came += piece.expect("sealed").len();
    }
    house.erase(siân).await;
    let broken = loop {
        match body.next().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("it came whole"),
        }
    };
    assert!(
        matches!(broken, WorkError::Refused(_) | WorkError::NoSuchThing),
        "{broken:?}"
    );
    let again = fetching(&house, id, &public).await;
    assert!(again.is_err(), "nothing is left to fetch");

    let (tom, _) = house.interview("Tom", &noise(10, 4)).await;
    let open = ask(&house, tom, RequestKind::Access).await.expect("open");
    let id = open.request.id;
    let until = Some(in_days(&house, 2));
    let new = NewAnswer { what: None, until };
    answered(&house, id, new).await.expect("answered");
    later(&mut house, 3).await;
    let late = fetching(&house, id, &public).await;
    assert!(
        matches!(late, Err(WorkError::Refused(_))),
        "its day is over"
    );
    let fetches = std::cell::Cell::new(0);
    let size = house.service.vault().journal().size();
    let looked = house.service.vault().entries(0, size, |_, entry| {
        if let Event::Accessed { action, .. } = &entry.event
            && action.name() == "fetch-bundle"
        {
            fetches.set(fetches.get() + 1);
        }
        Ok::<_, WorkError>(())
    });
    looked.expect("read");
    assert_eq!(fetches.get(), 2, "the one fetch, and the item in it");
}

#[tokio::test]
async fn r18_an_anonymised_transcript_can_be_asked_for_from_its_day_on() {
    let mut house = House::new().await;
    let (siân, _) = house.interview("Siân", &noise(100, 1)).await;
    let none = ask(&house, siân, RequestKind::Transcript).await;
    assert!(conflict(none).contains("promises nobody"));
    amend(&house, |study| {
        study.transcript_after = Some("10d".parse().expect("a period"));
    })
    .await;
    let early = ask(&house, siân, RequestKind::Transcript).await;
    assert!(conflict(early).contains("2026-03-12"), "the day it works");
    later(&mut house, 9).await;
    assert!(ask(&house, siân, RequestKind::Transcript).await.is_err());
    later(&mut house, 1).await;
    let open = ask(&house, siân, RequestKind::Transcript).await;
    let id = open.expect("open").request.id;
    let seen = answered(&house, id, NewAnswer::default()).await;
    let closed = seen.expect("answered").request.closed.expect("closed");
    // Which one it was is not said: nothing leads from her to what is anonymised.
    let outcome = serde_json::to_string(&closed.outcome).expect("json");
    assert_eq!(outcome, r#"{"is":"transcript"}"#);
}

#[tokio::test]
async fn r19_a_refusal_carries_its_reason_and_whom_to_turn_to() {
    let mut house = House::new().await;
    let (siân, _) = house.interview("Siân", &noise(100, 1)).await;
    let open = ask(&house, siân, RequestKind::Access).await.expect("open");
    let id = open.request.id;
    assert!(conflict(refuse(&house, id).await).contains("data protection officer"));
    amend(&house, |study| {
        study.contacts.dpo = Some(words("dpo@example.org"));
    })
    .await;
    let seen = refuse(&house, id).await.expect("refused");
    assert_eq!(seen.note, Some(words("it is somebody else's data")));
    assert!(seen.contacts[0].contains("dpo@example.org"));
    assert!(seen.contacts[1].contains("ico.org.uk"));
    assert!(conflict(refuse(&house, id).await).contains("closed"));

    // A withdrawal in time is not refused, by whatever name; a late one may be.
    let erasure = ask(&house, siân, RequestKind::Erasure).await.expect("open");
    let told = conflict(refuse(&house, erasure.request.id).await);
    assert!(told.contains("in time"), "{told}");
    later(&mut house, 31).await;
    let objection = ask(&house, siân, RequestKind::Objection).await;
    let late = objection.expect("open").request.id;
    refuse(&house, late).await.expect("refused");
    let told = conflict(refuse(&house, erasure.request.id).await);
    assert!(told.contains("in time"), "it came in in time");
}

/// Somebody who takes part in another study of the same vault.
async fn in_another_study(house: &House) -> ParticipantId {
    let vault = house.service.vault();
    let here = house.participant("Tom").await;
    let entropy = &*vault.means().entropy;
    let study = StudyId::random(entropy).expect("entropy");
    let participant = ParticipantId::random(entropy).expect("entropy");
    let founded = vault.commit(Actor::Operator, |draft| {
        let row = draft.reader().get(&tables::STUDIES, &house.staff.study)?;
        let mut other = Box::new(row.ok_or(WorkError::NoSuchThing)?);
        other.id = study;
        let lead = None;
        Ok::<_, WorkError>((Event::StudyCreated { study: other, lead }, ()))
    });
    founded.await.expect("founded");
    let added = vault.commit(Actor::Operator, |draft| {
        let reader = draft.reader();
        let row = reader.get(&tables::PARTICIPANTS, &here)?;
        let consent = reader.get(&tables::CONSENTS, &(here, 1))?;
        let mut row = row.ok_or(WorkError::NoSuchThing)?;
        let mut consent = consent.ok_or(WorkError::NoSuchThing)?;
        (row.id, row.study, consent.participant) = (participant, study, participant);
        let event = Event::ParticipantAdded {
            participant: row,
            consent,
        };
        Ok::<_, WorkError>((event, ()))
    });
    added.await.expect("added");
    participant
}

#[tokio::test]
async fn r20_of_whom_nothing_is_held_nothing_is_held() {
    let house = House::new().await;
    let (erased, _) = house.interview("Siân", &noise(100, 1)).await;
    house.erase(erased).await;
    let entropy = &*house.service.vault().means().entropy;
    let unknown = ParticipantId::random(entropy).expect("entropy");
    let foreign = in_another_study(&house).await;
    let mut answers = Vec::new();
    for participant in [erased, unknown, foreign] {
        for kind in RequestKind::ALL {
            let seen = ask(&house, participant, kind).await.expect("recorded");
            let closed = seen.request.closed.expect("closed at once");
            assert_eq!(closed.on, house.service.today());
            answers.push((closed.outcome.name(), seen.due, seen.overdue));
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "one and the same: {answers:?}");
    assert_eq!(answers[0].0, "nothing-held");

    // Days that cannot be are refused before anything is looked up.
    for participant in [unknown, house.participant("Una").await] {
        let (who, study) = (&house.staff.lead, house.staff.study);
        let grant = house.admit::<acts::OpenRequest>(who, study).await;
        let new = NewRequest {
            participant,
            kind: RequestKind::Access,
            on: Some(house.service.today().saturating_add(1.day())),
        };
        let refused = request::open(&house.service, grant.expect("granted"), new).await;
        assert!(conflict(refused).contains("not come yet"));
    }
}

#[tokio::test]
async fn r16_requests_are_for_the_lead_and_information_governance() {
    let house = House::new().await;
    let (siân, _) = house.interview("Siân", &noise(100, 1)).await;
    let id = ask(&house, siân, RequestKind::Access).await;
    let id = id.expect("open").request.id;
    for role in [
        Role::Researcher,
        Role::StudyLead,
        Role::Commissioner,
        Role::Administrator,
        Role::Auditor,
    ] {
        let who = house.invite(role).await;
        let who = logged_in(&house, &who).await;
        let seen = house.admit::<acts::ReadRequest>(&who, id).await;
        assert!(matches!(seen, Err(WorkError::NoSuchThing)), "{role}");
        let answered = house.admit::<acts::AnswerRequest>(&who, id).await;
        assert!(matches!(answered, Err(WorkError::NoSuchThing)), "{role}");
        let fetched = house.admit::<acts::FetchBundle>(&who, id).await;
        assert!(matches!(fetched, Err(WorkError::NoSuchThing)), "{role}");
        let list = request::list(&house.service, &house.caller(&who), None).await;
        assert!(list.expect("a list").is_empty(), "{role}");
    }
    let lead = &house.staff.lead;
    let answering = house.admit::<acts::AnswerRequest>(lead, id).await;
    assert!(matches!(answering, Err(WorkError::Refused(_))));
}
