//! One answer for what is unknown, what is erased, and what is not for the one who asks (R14).

use std::time::Instant;

use http::Method;
use serde_json::json;
use strongroom::entropy::SystemEntropy;
use strongroom::id::{ErasureId, ItemId, ParticipantId, StudyId};
use strongroom::limits::REFUSAL_TIME;

use crate::support::gateway::{Answer, House, Person, Study, field, text};

#[tokio::test(flavor = "multi_thread")]
async fn r14_unknown_foreign_and_erased_are_one_answer() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let other = Study::found(&house, &admin).await;
    let commissioner = house.invite(&admin, "commissioner", None).await;
    let erased = study
        .researcher
        .upload(&study.session, "audio", "a.wav", b"forget me")
        .await;
    let foreign = other
        .researcher
        .upload(&other.session, "audio", "b.wav", b"not yours")
        .await;
    let erasure = erase(&house, &admin, &study).await;

    let entropy = SystemEntropy::new();
    let unknown = ItemId::random(&entropy).expect("entropy").to_string();
    for (method, rest) in [
        (Method::GET, ""),
        (Method::GET, "/content"),
        (Method::HEAD, "/content"),
        (Method::GET, "/content?x=1"),
        (Method::GET, "/sealed"),
    ] {
        let path = |item: &str| format!("/v1/items/{item}{rest}");
        for person in [&study.researcher, &study.lead] {
            let expected = person.answer(method.clone(), &path(&unknown)).await;
            assert_eq!(expected.status, 404);
            for item in [&erased, &foreign] {
                let answer = person.answer(method.clone(), &path(item)).await;
                assert_eq!(answer, expected, "{method} {}", path(item));
            }
        }
        let expected = commissioner.answer(method.clone(), &path(&unknown)).await;
        for item in [&erased, &foreign] {
            assert_eq!(
                commissioner.answer(method.clone(), &path(item)).await,
                expected
            );
        }
    }

    // Ranges and conditions do not tell them apart either.
    let asked = async |item: &str, header: &str, value: &str| {
        let asked = study
            .researcher
            .ask(Method::GET, &format!("/v1/items/{item}/content"));
        let asked = asked.header(header, value).send().await.expect("answered");
        Answer::of(asked).await
    };
    for (header, value) in [
        ("Range", "bytes=99-"),
        ("If-None-Match", "*"),
        ("If-Match", "\"x\""),
    ] {
        let expected = asked(&unknown, header, value).await;
        assert_eq!(expected.status, 404);
        for item in [&erased, &foreign] {
            assert_eq!(
                asked(item, header, value).await,
                expected,
                "{header}: {value}"
            );
        }
    }

    // Studies, participants and erasures of others.
    let unknown_study = StudyId::random(&entropy).expect("entropy").to_string();
    for rest in ["", "/members", "/participants", "/sessions"] {
        let path = |study: &str| format!("/v1/studies/{study}{rest}");
        for person in [&study.researcher, &commissioner] {
            let expected = person.answer(Method::GET, &path(&unknown_study)).await;
            assert_eq!(person.answer(Method::GET, &path(&other.id)).await, expected);
        }
    }
    let unknown_participant = ParticipantId::random(&entropy)
        .expect("entropy")
        .to_string();
    let withdrawal = |participant: &str| format!("/v1/participants/{participant}/withdrawal");
    for person in [&study.lead, &commissioner] {
        let expected = person
            .answer(Method::POST, &withdrawal(&unknown_participant))
            .await;
        for participant in [&study.participant, &other.participant] {
            let answer = person.answer(Method::POST, &withdrawal(participant)).await;
            assert_eq!(answer, expected);
        }
    }
    let unknown_erasure = ErasureId::random(&entropy).expect("entropy").to_string();
    for rest in ["", "/certificate"] {
        let path = |erasure: &str| format!("/v1/erasures/{erasure}{rest}");
        let expected = commissioner
            .answer(Method::GET, &path(&unknown_erasure))
            .await;
        assert_eq!(
            commissioner.answer(Method::GET, &path(&erasure)).await,
            expected
        );
    }
    // And no list betrays it.
    assert_eq!(study.researcher.get("/v1/items").await, json!([]));
    house.close().await;
}

/// Withdraws the study's participant and carries the erasure through; gives its identifier.
/// Nothing is to be read off the clock either: no refusal is told before its time, which is long beside
/// what it takes to find out.
#[tokio::test(flavor = "multi_thread")]
async fn r14_a_refusal_takes_its_time() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let other = Study::found(&house, &admin).await;
    let unknown = ItemId::random(&SystemEntropy::new()).expect("entropy");
    let foreign = other
        .researcher
        .upload(&other.session, "audio", "b.wav", b"not yours")
        .await;
    let mut stranger = house.invite(&admin, "researcher", None).await;
    stranger.token = "srt1-nobody".to_owned();
    for (who, path, status) in [
        (&study.researcher, format!("/v1/items/{unknown}"), 404),
        (&study.researcher, format!("/v1/items/{foreign}"), 404),
        (&study.researcher, "/v1/audit".to_owned(), 403),
        (&stranger, format!("/v1/items/{foreign}"), 401),
    ] {
        for _ in 0..10 {
            let asked = Instant::now();
            let answer = who.answer(Method::GET, &path).await;
            assert_eq!(answer.status, status, "{path}");
            assert!(asked.elapsed() >= REFUSAL_TIME, "{path}");
        }
    }
}

async fn erase(house: &House, admin: &Person, study: &Study) -> String {
    let officer = house.invite(admin, "information-governance", None).await;
    let path = format!("/v1/participants/{}/withdrawal", study.participant);
    let withdrawn = study.lead.answer(Method::POST, &path).await;
    assert_eq!(withdrawn.status, 201, "{withdrawn:?}");
    let withdrawn: serde_json::Value = serde_json::from_slice(&withdrawn.body).expect("JSON");
    assert_eq!(*field(&withdrawn, "frozen_items"), 1);
    assert_eq!(*field(&withdrawn, "in_time"), true);
    let erasure = text(&withdrawn, "id");
    let path = format!("/v1/erasures/{erasure}");
    let not_yet = officer
        .answer(Method::GET, &format!("{path}/certificate"))
        .await;
    assert_eq!(not_yet.status, 409, "{:?}", not_yet.problem());
    let approved = officer.post(&format!("{path}/approval"), &json!({})).await;
    assert_eq!(text(&approved, "stage"), "certified", "{approved}");
    assert_eq!(officer.get(&path).await, approved);
    let certificate = officer
        .answer(Method::GET, &format!("{path}/certificate"))
        .await;
    assert_eq!(
        certificate.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    let key = house
        .ask(Method::GET, "/v1/vault/key")
        .send()
        .await
        .expect("answered");
    let key: serde_json::Value = key.json().await.expect("JSON");
    let note = String::from_utf8(certificate.body).expect("text");
    let read =
        strongroom::work::certificate::verify(&note, &text(&key, "key")).expect("it verifies");
    assert_eq!(read.statement.erasure.to_string(), erasure);
    erasure
}

#[tokio::test(flavor = "multi_thread")]
async fn r28_a_supplier_is_told_what_it_needs_and_not_of_whom() {
    let house = House::open().await;
    let admin = house.admin().await;
    let officer = house.invite(&admin, "information-governance", None).await;
    let study = Study::found(&house, &admin).await;
    let today = house.service.today();
    let new = json!({ "name": "McGowan Transcriptions", "contract_signed": today });
    let supplier = text(&officer.post("/v1/suppliers", &new).await, "id");
    let transcriber = house.invite(&admin, "transcriber", Some(&supplier)).await;
    let item = study
        .researcher
        .upload(&study.session, "audio", "Sian.wav", b"a voice")
        .await;
    let unassigned = study
        .researcher
        .upload(&study.session, "audio", "more.wav", b"more")
        .await;
    assert_eq!(transcriber.get("/v1/items").await, json!([]));
    let assignment = json!({ "supplier": supplier, "until": today });
    let assigned = study
        .lead
        .post(&format!("/v1/items/{item}/assignments"), &assignment)
        .await;

    let seen = transcriber.get(&format!("/v1/items/{item}")).await;
    assert_eq!(seen["until"], json!(today));
    assert_eq!(seen["session"], study.session.as_str());
    for hidden in [
        "study",
        "participants",
        "depositor",
        "file_name",
        "assignments",
    ] {
        assert!(seen.get(hidden).is_none(), "{hidden} in {seen}");
    }
    assert_eq!(transcriber.get("/v1/items").await, json!([seen]));
    assert_eq!(
        transcriber
            .answer(Method::GET, &format!("/v1/items/{unassigned}"))
            .await
            .status,
        404
    );
    let fetched = transcriber
        .answer(Method::GET, &format!("/v1/items/{item}/content"))
        .await;
    assert_eq!(fetched.body, b"a voice");
    let transcript = transcriber
        .upload(&study.session, "transcript", "t.txt", b"so to say")
        .await;
    assert_eq!(
        transcriber.get("/v1/items").await.as_array().map(Vec::len),
        Some(2)
    );
    let back = study
        .researcher
        .answer(Method::GET, &format!("/v1/items/{transcript}/content"))
        .await;
    assert_eq!(back.body, b"so to say");

    let path = format!("/v1/assignments/{}", text(&assigned, "id"));
    assert_eq!(study.lead.answer(Method::DELETE, &path).await.status, 204);
    assert_eq!(transcriber.get("/v1/items").await, json!([]));
    let fetched = transcriber
        .answer(Method::GET, &format!("/v1/items/{item}/content"))
        .await;
    assert_eq!(fetched.status, 404);
    house.close().await;
}
