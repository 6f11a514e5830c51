//! People: what they need before they see anything, and how their access ends.

use futures::StreamExt as _;
use http::Method;
use serde_json::json;
use strongroom::access::acts::{ManagePeople, ManageStudy, OpenItem};
use strongroom::model::study::Requirement;
use strongroom::model::{Event, Terms};
use strongroom::work::person::{self, Amendment};
use strongroom::work::{WorkError, retrieve, terms};

use super::stage::{Stage, done, found, interview, opens, refused, says, takes_part};
use crate::support::gateway::Person;
use crate::support::house::{House, noise};

/// A study that requires training, with an item in it.
async fn trained_study(stage: &Stage, lead: &Person) -> (String, String) {
    let study = found(lead, &json!({ "requires": ["training", "accreditation"] })).await;
    let who = takes_part(lead, &study, &["audio"]).await;
    let session = interview(lead, &study, stage.today(), &[&who]).await;
    let item = lead.upload(&session, "audio", "a.wav", b"a word").await;
    (study, item)
}

async fn amend(stage: &Stage, who: &Person, change: serde_json::Value) {
    let path = format!("/v1/people/{}", who.id);
    done(&stage.admin, Method::PATCH, &path, &change).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r32_who_is_not_trained_and_accredited_opens_nothing() {
    let stage = Stage::on("2026-03-02").await;
    let lead = stage.hire("study-lead").await;
    let (_, item) = trained_study(&stage, &lead).await;
    let closed = opens(&lead, &item).await;
    assert_eq!(closed.status, 403);
    says(
        &String::from_utf8_lossy(&closed.body),
        &["training", "--trained-until"],
    );
    amend(&stage, &lead, json!({ "trained_until": "2026-03-31" })).await;
    assert_eq!(opens(&lead, &item).await.status, 403);
    amend(&stage, &lead, json!({ "accredited_until": "2027-03-31" })).await;
    assert_eq!(opens(&lead, &item).await.status, 200);
    stage.move_to("2026-04-01").await;
    assert_eq!(opens(&lead, &item).await.status, 403);
    // Nobody vouches for themselves, and only managers for others.
    let own = format!("/v1/people/{}", stage.admin.id);
    let trained = json!({ "trained_until": "2030-01-01" });
    refused(&stage.admin, Method::PATCH, &own, &trained, 403).await;
    refused(&lead, Method::PATCH, &own, &trained, 403).await;
    refused(&stage.admin, Method::PATCH, &own, &json!({}), 422).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r31_training_that_runs_out_stops_a_transfer_that_runs() {
    let house = House::new().await;
    let study = house.staff.study;
    let grant = house.admit::<ManageStudy>(&house.staff.lead, study).await;
    let requires = Terms {
        requires: Some([Requirement::Training].into()),
        ..Terms::default()
    };
    let change = terms::Amendment {
        terms: requires,
        ..terms::Amendment::default()
    };
    terms::amend(&house.service, grant.expect("granted"), change)
        .await
        .expect("amended");
    let length = 8 * 1024 * 1024;
    let participant = house.participant("Ines").await;
    let session = house.session(&[participant]).await;
    let item = house.deposit(session, noise(length, 7), "a.wav").await;
    let last_day = house.service.today();
    let grant = house.admit::<ManagePeople>(&house.staff.admin, ()).await;
    let change = Amendment {
        trained_until: Some(last_day),
        ..Amendment::default()
    };
    let lead = house.staff.lead.id;
    person::amend(&house.service, grant.expect("granted"), lead, change)
        .await
        .expect("amended");
    let grant = house.admit::<OpenItem>(&house.staff.lead, item).await;
    let plain = retrieve::open(&house.service, grant.expect("granted"), None)
        .await
        .expect("opens on the last day");
    let mut body = std::pin::pin!(plain.body);
    let first = body.next().await.expect("a piece").expect("readable");
    // Their training's last day is over.
    house.move_to(last_day.tomorrow().expect("a day")).await;
    let mut came = first.len();
    let ended = loop {
        match body.next().await {
            Some(Ok(piece)) => came += piece.len(),
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    assert!(ended.is_some() && came < length, "{came} of {length} came");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r31_access_ends_on_its_day_and_for_good_on_misuse() {
    let stage = Stage::on("2026-03-02").await;
    let lead = stage.hire("study-lead").await;
    let researcher = stage.hire("researcher").await;
    let study = found(&lead, &json!({})).await;
    let who = takes_part(&lead, &study, &["audio"]).await;
    let session = interview(&lead, &study, stage.today(), &[&who]).await;
    let item = lead.upload(&session, "audio", "a.wav", b"a word").await;
    let member = json!({ "person": researcher.id, "role": "researcher", "until": "2026-03-31" });
    let members = format!("/v1/studies/{study}/members");
    done(&lead, Method::POST, &members, &member).await;
    assert_eq!(opens(&researcher, &item).await.status, 200);
    stage.move_to("2026-03-31").await;
    assert_eq!(opens(&researcher, &item).await.status, 200);
    stage.move_to("2026-04-01").await;
    assert_eq!(opens(&researcher, &item).await.status, 404);
    let longer = json!({ "person": researcher.id, "role": "researcher", "until": "2026-12-31" });
    done(&lead, Method::POST, &members, &longer).await;
    assert_eq!(opens(&researcher, &item).await.status, 200);
    // Misuse.
    let path = format!("/v1/people/{}/revocation", researcher.id);
    let reason = json!({ "reason": "tried to find out who somebody is" });
    refused(&lead, Method::PUT, &path, &reason, 403).await;
    done(&stage.admin, Method::PUT, &path, &reason).await;
    assert_eq!(opens(&researcher, &item).await.status, 401);
    refused(&stage.admin, Method::PUT, &path, &reason, 409).await;
    let suspension = format!("/v1/people/{}/suspension", researcher.id);
    let back = json!({ "suspended": false });
    let why = refused(&stage.admin, Method::PUT, &suspension, &back, 409).await;
    says(&why, &["for good", "invited anew"]);
    let invitations = format!("/v1/people/{}/invitations", researcher.id);
    let nothing = json!(null);
    refused(&stage.admin, Method::POST, &invitations, &nothing, 409).await;
    let own = format!("/v1/people/{}/revocation", stage.admin.id);
    refused(&stage.admin, Method::PUT, &own, &reason, 403).await;
    let people = stage.admin.get("/v1/people").await.to_string();
    says(&people, &["tried to find out who somebody is"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r34_who_has_not_accepted_the_terms_sees_nothing() {
    let stage = Stage::on("2026-03-02").await;
    let new = json!({ "name": "Lena Lead", "role": "study-lead" });
    let invited = stage.admin.post("/v1/people", &new).await;
    let enrolment = json!({ "code": invited["code"] });
    let lead = stage.house.enrol_with(&enrolment).await;
    let study = found(&lead, &json!({})).await;
    let who = takes_part(&lead, &study, &["audio"]).await;
    let session = interview(&lead, &study, stage.today(), &[&who]).await;
    let item = lead.upload(&session, "audio", "a.wav", b"a word").await;
    let closed = opens(&lead, &item).await;
    assert_eq!(closed.status, 403);
    says(&String::from_utf8_lossy(&closed.body), &["terms accept"]);
    let terms = lead.get("/v1/terms").await;
    assert!(terms["accepted"].is_null());
    says(
        &terms["text"].to_string(),
        &["I do not try to find out who anybody in it is"],
    );
    let why = refused(
        &lead,
        Method::POST,
        "/v1/me/terms",
        &json!({ "version": 0 }),
        422,
    )
    .await;
    says(&why, &["version 1"]);
    done(
        &lead,
        Method::POST,
        "/v1/me/terms",
        &json!({ "version": 1 }),
    )
    .await;
    assert_eq!(opens(&lead, &item).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r21_staff_read_and_correct_what_is_held_of_them() {
    let stage = Stage::on("2026-03-02").await;
    let lead = stage.hire("study-lead").await;
    let study = found(&lead, &json!({})).await;
    let who = takes_part(&lead, &study, &["audio"]).await;
    let session = interview(&lead, &study, stage.today(), &[&who]).await;
    let item = lead.upload(&session, "audio", "a.wav", b"a word").await;
    opens(&lead, &item).await;
    done(
        &lead,
        Method::PATCH,
        "/v1/me",
        &json!({ "name": "Lena Lead" }),
    )
    .await;
    let mine = lead.get("/v1/me/export").await;
    assert_eq!(mine["name"], "Lena Lead");
    assert_eq!(mine["studies"][0]["study"], study.as_str());
    let record = mine["record"].as_array().expect("a record");
    let opened = record
        .iter()
        .find(|act| act["action"] == "open-item")
        .expect("their opening is in it");
    assert_eq!(
        (&opened["resource"], &opened["own"]),
        (&json!(item), &json!(true))
    );
    assert!(
        record
            .iter()
            .any(|act| act["event"] == "person-invited" && act["own"] == false)
    );
    // Nobody else's.
    let other = stage.hire("researcher").await;
    let theirs = other.get("/v1/me/export").await.to_string();
    assert!(
        !theirs.contains(&item) && !theirs.contains(&lead.id),
        "{theirs}"
    );
    // A commissioner has the same rights over their own account.
    let commissioner = stage.hire("commissioner").await;
    let rename = json!({ "name": "Cora Commissioner" });
    done(&commissioner, Method::PATCH, "/v1/me", &rename).await;
    assert_eq!(
        commissioner.get("/v1/me/export").await["name"],
        "Cora Commissioner"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r45_what_is_changed_of_somebody_is_on_record() {
    let house = House::new().await;
    let grant = house.admit::<ManagePeople>(&house.staff.admin, ()).await;
    let lead = house.staff.lead.id;
    let change = Amendment {
        trained_until: Some(house.service.today()),
        ..Amendment::default()
    };
    person::amend(&house.service, grant.expect("granted"), lead, change)
        .await
        .expect("amended");
    let mut amended = 0;
    let vault = house.service.vault();
    vault
        .entries::<WorkError>(0, u64::MAX, |_, entry| {
            if let Event::PersonAmended { person } = entry.event {
                assert_eq!(person.id, lead);
                amended += 1;
            }
            Ok(())
        })
        .expect("readable");
    assert_eq!(amended, 1);
}
