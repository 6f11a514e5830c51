//! Quotas: what a study may hold, counted over what is stored and what is under way.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use strongroom::access::acts;
use strongroom::index::tables;
use strongroom::model::quota::{Held, MostBytes, MostItems};
use strongroom::model::{Kind, Quota};
use strongroom::work::{WorkError, deposit};

use crate::support::cli::Site;
use crate::support::gateway::{self, Answer, Person, Study, text};
use crate::support::house::House;

async fn amend(lead: &Person, study: &str, change: &Value) -> Value {
    let path = format!("/v1/studies/{study}");
    let asked = lead.ask(Method::PATCH, &path).json(change).send().await;
    gateway::json_of(asked.expect("answered"), StatusCode::OK).await
}

async fn held(lead: &Person, study: &str) -> Value {
    lead.get(&format!("/v1/studies/{study}")).await["held"].clone()
}

async fn begin(study: &Study, length: usize) -> Answer {
    let begun = study
        .researcher
        .begin(&study.session, "audio", "a.wav", length);
    Answer::of(begun.send().await.expect("answered")).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_takes_in_as_much_as_its_quota_and_no_more() {
    let house = gateway::House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let nothing = json!({ "items": 0, "bytes": 0, "coming_items": 0, "coming_bytes": 0 });
    assert_eq!(held(&study.lead, &study.id).await, nothing);
    let shown = study.lead.get(&format!("/v1/studies/{}", study.id)).await;
    assert_eq!(
        (&shown["quota_bytes"], &shown["quota_items"]),
        (&json!("none"), &json!("none"))
    );

    amend(&study.lead, &study.id, &json!({ "quota_bytes": "1K" })).await;
    study
        .researcher
        .upload(&study.session, "audio", "a.wav", &[1; 600])
        .await;
    // What is under way counts with the length it was declared with.
    let under_way = begin(&study, 300).await;
    assert_eq!(under_way.status, StatusCode::CREATED);
    let refused = begin(&study, 101).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    let problem = refused.problem();
    assert_eq!(text(&problem, "type"), "urn:strongroom:over-quota");
    let detail = text(&problem, "detail");
    for said in [
        "900 bytes of 1K",
        "300 bytes",
        "101 bytes",
        "lead",
        "--quota-bytes",
        &study.id,
    ] {
        assert!(detail.contains(said), "{said}: {detail}");
    }
    assert_eq!(
        held(&study.lead, &study.id).await,
        json!({ "items": 1, "bytes": 600, "coming_items": 1, "coming_bytes": 300 })
    );
    assert_eq!(begin(&study, 100).await.status, StatusCode::CREATED);

    // Given up, it counts no more.
    let upload = under_way.header("location").expect("a place").to_owned();
    let path = upload
        .rsplit_once("/v1")
        .map(|(_, path)| format!("/v1{path}"))
        .expect("a path");
    let ended = study.researcher.tus(Method::DELETE, &path).send().await;
    assert_eq!(ended.expect("answered").status(), StatusCode::NO_CONTENT);
    assert_eq!(
        begin(&study, 301).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    assert_eq!(begin(&study, 300).await.status, StatusCode::CREATED);

    // Items are counted apart, and a quota below what is there takes nothing away.
    let change = json!({ "quota_bytes": "none", "quota_items": "2" });
    let warned = amend(&study.lead, &study.id, &change).await;
    let warnings = warned["warnings"].to_string();
    assert!(warnings.contains("nothing more is taken in"), "{warned}");
    let detail = text(&begin(&study, 1).await.problem(), "detail");
    assert!(
        detail.contains("3 of 2 items") && detail.contains("--quota-items"),
        "{detail}"
    );
    amend(&study.lead, &study.id, &json!({ "quota_items": "none" })).await;
    assert_eq!(begin(&study, 1_000_000).await.status, StatusCode::CREATED);

    let path = format!("/v1/studies/{}", study.id);
    let wrong = study
        .lead
        .ask(Method::PATCH, &path)
        .json(&json!({ "quota_bytes": "lots" }));
    let wrong = Answer::of(wrong.send().await.expect("answered")).await;
    assert!(wrong.status.is_client_error(), "{wrong:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_begin_at_once_share_one_quota() {
    let house = gateway::House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    amend(&study.lead, &study.id, &json!({ "quota_bytes": "50" })).await;
    let begun = futures::future::join_all((0..12).map(|_| begin(&study, 10))).await;
    let begun: Vec<_> = begun.iter().map(|answer| answer.status).collect();
    let count = |status| begun.iter().filter(|one| **one == status).count();
    assert_eq!(count(StatusCode::CREATED), 5, "{begun:?}");
    assert_eq!(count(StatusCode::PAYLOAD_TOO_LARGE), 7, "{begun:?}");
    house.close().await;
}

/// Erasing gives room back, once; who is under way is counted by person, and both are looked up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_erased_counts_no_more_and_nothing_is_scanned() {
    let house = House::new().await;
    let held = |house: &House| {
        let view = house.service.vault().view().expect("the index runs");
        let row = view.reader().get(&tables::HELD, &house.staff.study);
        row.expect("read").unwrap_or_default()
    };
    let her = house.participant("Wilhelmina Osgood").await;
    let him = house.participant("Ambrose Pell").await;
    let together = house.session(&[her, him]).await;
    let alone = house.session(&[him]).await;
    house.deposit(together, &b"both of them"[..], "a.wav").await;
    house.deposit(alone, &b"him alone"[..], "b.wav").await;
    let unfinished = house.begin(together, 1000, "c.wav").await.expect("begun");
    let all = Held {
        items: 2,
        bytes: 21,
        coming_items: 1,
        coming_bytes: 1000,
    };
    assert_eq!(held(&house), all);
    let most = Quota {
        bytes: MostBytes(Some(1021)),
        items: MostItems(None),
    };
    house.amend_study(|study| study.quota = most);
    let refused = house.begin(alone, 1, "d.wav").await;
    assert!(
        matches!(refused, Err(WorkError::OverQuota(_))),
        "{refused:?}"
    );

    house.erase(her).await;
    let left = Held {
        items: 1,
        bytes: 9,
        coming_items: 0,
        coming_bytes: 0,
    };
    assert_eq!(held(&house), left, "{:?} was broken off", unfinished.upload);
    // What two people are in is gone once, though both of them withdraw.
    house.erase(him).await;
    assert_eq!(held(&house), Held::default());

    let another = house.participant("Rosa").await;
    let session = house.session(&[another]).await;
    for _ in 0..20 {
        house.begin(session, 1, "e.wav").await.expect("begun");
    }
    let before = house.service.vault().looked();
    house.begin(session, 1, "f.wav").await.expect("begun");
    let after = house.service.vault().looked();
    let looks = |table: u8| after[usize::from(table)] - before[usize::from(table)];
    assert_eq!(looks(tables::UPLOADS.byte()), 0, "no upload is looked at");
    assert!(looks(tables::UNFINISHED_BY.byte()) > 0 && looks(tables::HELD.byte()) > 0);
}

/// A supplier is told that there is no room and nothing of what is there: that falls when somebody
/// withdraws.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r14_a_supplier_is_not_told_how_much_a_study_holds() {
    let house = House::new().await;
    let (supplier, transcriber) = house.supplier(house.service.today()).await;
    let her = house.participant("Wilhelmina Osgood").await;
    let session = house.session(&[her]).await;
    let item = house.deposit(session, &b"what she said"[..], "a.wav").await;
    let until = house.service.today().saturating_add(jiff::ToSpan::days(20));
    house.assign(item, supplier, until).await;
    let most = Quota {
        bytes: MostBytes(Some(14)),
        items: MostItems(None),
    };
    house.amend_study(|study| study.quota = most);
    let on = (session, Kind::Transcript);
    let grant = house.admit::<acts::DepositItem>(&transcriber, on).await;
    let begun = deposit::begin(
        &house.service,
        grant.expect("granted"),
        deposit::Announced::new(4, Kind::Transcript, None),
    );
    let refused = begun.await.expect_err("over the quota");
    assert!(matches!(refused, WorkError::OverQuota(_)), "{refused:?}");
    let told = refused.outside();
    assert!(
        told.contains("takes no more") && !told.contains(|c: char| c.is_ascii_digit()),
        "{told}"
    );
}

#[test]
fn at_the_command_line_a_quota_is_set_shown_and_told_with_its_own_exit_code() {
    let site = Site::running();
    let study = site.study();
    let (_, session) = site.interview(&study);
    let first = site.file("a.wav", &[7; 800]);
    let second = site.file("b.wav", &[7; 1500]);
    site.run(
        "lead",
        &[
            "study",
            "amend",
            &study,
            "--quota-bytes",
            "2K",
            "--quota-items",
            "9",
        ],
    )
    .json();
    site.upload(&first, &session, "audio");
    let refused = site.try_upload(&second, &session, "audio");
    refused.fails_saying(3, &["quota", "800 bytes of 2K", "1.5 KB", "study amend"]);
    let shown = site.run("lead", &["study", "show", &study]);
    assert_eq!(shown.json()["held"]["bytes"], 800);
    site.run("lead", &["study", "amend", &study, "--quota-bytes", "0.1Q"])
        .fails_saying(2, &["0.1Q", "500G"]);
    site.run("lead", &["study", "amend", &study, "--quota-bytes", "2.3K"])
        .json();
    site.upload(&second, &session, "audio");
}
