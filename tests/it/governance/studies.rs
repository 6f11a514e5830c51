//! Studies: their terms, their templates, and what is never loosened.

use http::Method;
use serde_json::{Value, json};

use super::stage::{Stage, done, found, interview, refused, says, takes_part};
use crate::support::cli::Site;
use crate::support::gateway::{Person, text};

const DAY: &str = "2026-03-02";

async fn stage() -> (Stage, Person) {
    let stage = Stage::on(DAY).await;
    let lead = stage.hire("study-lead").await;
    (stage, lead)
}

/// Why a study with one term more is not founded.
async fn not_founded(lead: &Person, more: &Value) -> String {
    let mut study = json!({
        "name": "Support for victims", "controller": "Ministry of Justice",
        "lawful_basis": "public-task", "withdraw_within": "30d", "retain": "2y after session",
    });
    for (term, value) in more.as_object().expect("terms") {
        study[term] = value.clone();
    }
    refused(lead, Method::POST, "/v1/studies", &study, 422).await
}

/// Why a change of a study is not made.
async fn not_changed(lead: &Person, study: &str, change: &Value) -> String {
    let path = format!("/v1/studies/{study}");
    refused(lead, Method::PATCH, &path, change, 409).await
}

async fn amend(lead: &Person, study: &str, change: &Value) {
    done(lead, Method::PATCH, &format!("/v1/studies/{study}"), change).await;
}

async fn add_notice(lead: &Person, study: &str, version: u32, published: &str) {
    let notice = json!({
        "version": version, "published": published, "review": "2027-03-01",
        "reference": "the notice on the project's page", "change": "how long things are kept",
    });
    lead.post(&format!("/v1/studies/{study}/notices"), &notice)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r09_every_term_is_kept_and_shown_and_what_is_missing_is_said() {
    let (stage, lead) = stage().await;
    let governance = stage.hire("information-governance").await;
    let terms = json!({
        "processors": ["NatCen"], "groups": ["PCC participant"],
        "fields": [{ "name": "age", "reason": "to compare age groups" }],
        "dpia": "DPIA-12", "requires": ["training"], "regions": "uk-or-eea",
        "review": "2027-03-01", "answer_within": "30d", "transcript_after": "10d",
        "team_contact": "team@example.org", "dpo_contact": "dpo@example.org",
        "safeguarding_lead": governance.id, "approvers": 1, "unpublished": "a sensitive topic",
        "quota_bytes": "500G", "quota_items": "20000",
    });
    let study = found(&lead, &terms).await;
    let shown = lead.get(&format!("/v1/studies/{study}")).await;
    for (term, value) in terms.as_object().expect("terms") {
        match term.as_str() {
            "fields" => assert_eq!(shown["fields"][0]["name"], "age"),
            _ => assert_eq!(&shown[term], value, "{term}"),
        }
    }
    assert_eq!(
        shown["missing"],
        json!(["data-sharing", "approval", "notice"])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r08_r09_terms_that_contradict_each_other_are_refused_when_they_are_given() {
    let (stage, lead) = stage().await;
    let age = json!({ "name": "age", "reason": "to compare" });
    let researcher = stage.hire("researcher").await;
    for (terms, words) in [
        (json!({ "approvers": 0 }), &["one person", "1 or more"][..]),
        (json!({ "fields": [age, age] }), &["age", "twice"]),
        (
            json!({ "fields": [{ "name": "Email", "reason": "to write" }] }),
            &["kept of everybody"],
        ),
        (
            json!({ "fields": [{ "name": "age", "reason": "to compare", "sharing": "why not" }] }),
            &["special or criminal"],
        ),
        (json!({ "review": "2026-03-01" }), &["past", DAY]),
        (
            json!({ "withdraw_within": "until 2024-09-02" }),
            &["ended before it began"],
        ),
        (
            json!({ "retain": "photo: 1y after transcript-accepted" }),
            &["never"],
        ),
        (
            json!({ "safeguarding_lead": researcher.id }),
            &["information governance"],
        ),
        (
            json!({ "processors": ["Ministry of Justice"] }),
            &["controller"],
        ),
        (
            json!({ "template": "natcen" }),
            &["natcen-victim-support", "data-first"],
        ),
        (
            json!({ "fields": [{ "name": "age", "reason": " " }] }),
            &["empty"],
        ),
    ] {
        says(&not_founded(&lead, &terms).await, words);
    }
    let bare = json!({ "name": "No terms" });
    let why = refused(&lead, Method::POST, "/v1/studies", &bare, 422).await;
    says(&why, &["controller", "--template"]);
    let many = json!({
        "name": "Four eyes twice", "controller": "MoJ", "lawful_basis": "public-task",
        "withdraw_within": "30d", "retain": "2y after session", "approvers": 9,
    });
    let founded = lead.post("/v1/studies", &many).await;
    says(
        &founded["warnings"].to_string(),
        &["9 people", "invite more"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r04_a_template_gives_what_its_notice_promises_and_what_is_given_wins() {
    let (_stage, lead) = stage().await;
    let new = json!({
        "name": "Group-based support", "template": "natcen-victim-support", "groups": ["helper"],
    });
    let study = text(&lead.post("/v1/studies", &new).await, "id");
    let shown = lead.get(&format!("/v1/studies/{study}")).await;
    assert_eq!(shown["controller"], "Ministry of Justice");
    assert_eq!(shown["lawful_basis"], "public-task");
    assert_eq!(shown["withdraw_within"], "30d after session");
    assert_eq!(shown["answer_within"], "30d");
    assert_eq!(shown["groups"], json!(["helper"]));
    assert_eq!(shown["undated"], json!(["publication"]));
    // Its fixed last day is past: who uses the notice anew gives their own.
    let ons = json!({ "name": "Management practices", "template": "ons-management-practices" });
    let why = refused(&lead, Method::POST, "/v1/studies", &ons, 422).await;
    says(&why, &["until 2024-09-02", "ended before it began"]);
    let ons = json!({
        "name": "Management practices", "template": "ons-management-practices",
        "withdraw_within": "until 2026-09-02, or when analysis begins",
    });
    lead.post("/v1/studies", &ons).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r39_a_study_is_stored_only_where_it_may_be() {
    let (_stage, lead) = stage().await;
    let why = not_founded(&lead, &json!({ "regions": "eea" })).await;
    says(&why, &["the EEA only", "United Kingdom", "uk-or-eea"]);
    let study = found(&lead, &json!({ "regions": "uk-or-eea" })).await;
    let path = format!("/v1/studies/{study}");
    let eea = json!({ "regions": "eea" });
    let why = refused(&lead, Method::PATCH, &path, &eea, 422).await;
    says(&why, &["the EEA only"]);
    amend(&lead, &study, &json!({ "regions": "uk" })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r44_what_was_promised_to_those_in_a_study_is_not_loosened() {
    let (_stage, lead) = stage().await;
    let study = found(&lead, &json!({ "requires": ["training"] })).await;
    // Nobody was promised anything yet.
    amend(&lead, &study, &json!({ "retain": "3y after session" })).await;
    takes_part(&lead, &study, &["audio"]).await;
    for (change, words) in [
        (json!({ "retain": "4y after session" }), "3y after session"),
        (
            json!({ "retain": "everything: 1y after publication" }),
            "longer",
        ),
        (json!({ "withdraw_within": "29d" }), "less long"),
        (
            json!({ "withdraw_within": "until 2030-01-01" }),
            "less long",
        ),
        (
            json!({ "withdraw_within": "30d, or when analysis begins" }),
            "less long",
        ),
        (json!({ "regions": "uk-or-eea" }), "stored outside"),
        (
            json!({ "controller": "Office for National Statistics" }),
            "controller",
        ),
        (json!({ "lawful_basis": "consent" }), "lawful basis"),
        (json!({ "processors": ["NatCen"] }), "NatCen"),
        (json!({ "requires": ["dpia"] }), "training"),
        (
            json!({ "fields": [{ "name": "age", "reason": "to compare" }] }),
            "age would be collected",
        ),
    ] {
        let why = not_changed(&lead, &study, &change).await;
        says(&why, &[words, "notice add"]);
    }
    // What keeps the promise better is done.
    amend(&lead, &study, &json!({ "retain": "1y after session" })).await;
    amend(&lead, &study, &json!({ "withdraw_within": "60d" })).await;
    amend(&lead, &study, &json!({ "answer_within": "20d" })).await;
    amend(&lead, &study, &json!({ "requires": ["training", "dpia"] })).await;
    not_changed(&lead, &study, &json!({ "answer_within": "month" })).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r49_a_new_notice_is_on_record_and_those_it_affects_are_listed() {
    let (stage, lead) = stage().await;
    let study = found(&lead, &json!({})).await;
    let notices = format!("/v1/studies/{study}/notices");
    let early = takes_part(&lead, &study, &["audio"]).await;
    add_notice(&lead, &study, 1, "2026-03-01").await;
    let first = takes_part(&lead, &study, &["audio"]).await;
    stage.move_to("2026-06-01").await;
    let silent = json!({
        "version": 2, "published": "2026-05-30", "review": "2027-05-30", "reference": "the page",
    });
    let why = refused(&lead, Method::POST, &notices, &silent, 422).await;
    says(&why, &["--change", "version 1"]);
    for (change, words) in [
        (
            json!({ "version": 2, "published": "2026-06-02", "review": "2027-05-30" }),
            "has not come",
        ),
        (
            json!({ "version": 2, "published": "2026-05-30", "review": "2026-05-29" }),
            "review date",
        ),
        (
            json!({ "version": 0, "published": "2026-05-30", "review": "2027-05-29" }),
            "from 1",
        ),
    ] {
        let mut notice = change;
        notice["reference"] = json!("the page");
        notice["change"] = json!("something");
        let why = refused(&lead, Method::POST, &notices, &notice, 422).await;
        says(&why, &[words]);
    }
    add_notice(&lead, &study, 2, "2026-05-30").await;
    let again = json!({
        "version": 2, "published": "2026-05-30", "review": "2027-05-30", "reference": "the page",
    });
    refused(&lead, Method::POST, &notices, &again, 409).await;
    let later = takes_part(&lead, &study, &["audio"]).await;
    let listed = lead.get(&notices).await;
    assert_eq!(listed[1]["change"], "how long things are kept");
    assert_eq!(listed[1]["review"], "2027-03-01");
    let affected = lead.get(&format!("{notices}/2/affected")).await;
    let mut ids: Vec<String> = rows(&affected).iter().map(|row| text(row, "id")).collect();
    ids.sort();
    let mut expected = vec![early.clone(), first];
    expected.sort();
    assert_eq!(ids, expected, "and not {later}");
    let of_first = lead.get(&format!("{notices}/1/affected")).await;
    assert_eq!(text(&of_first[0], "id"), early);
    // A change under the new notice waits for those who were promised more.
    let longer = json!({ "retain": "3y after session", "under_notice": 2 });
    let why = not_changed(&lead, &study, &longer).await;
    says(&why, &["2 of them", "affected"]);
    let old = json!({ "retain": "3y after session", "under_notice": 1 });
    let path = format!("/v1/studies/{study}");
    refused(&lead, Method::PATCH, &path, &old, 422).await;
    let fresh = found(&lead, &json!({})).await;
    add_notice(&lead, &fresh, 1, "2026-05-30").await;
    takes_part(&lead, &fresh, &["audio"]).await;
    amend(
        &lead,
        &fresh,
        &json!({ "retain": "3y after session", "under_notice": 1 }),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r32_information_governance_records_the_data_owners_approval() {
    let (stage, lead) = stage().await;
    let governance = stage.hire("information-governance").await;
    let terms = json!({ "requires": ["approval"], "dpia": "DPIA-1", "data_sharing": "DSA-1" });
    let study = found(&lead, &terms).await;
    let person = takes_part(&lead, &study, &["audio"]).await;
    let session = interview(&lead, &study, stage.today(), &[&person]).await;
    let item = lead.upload(&session, "audio", "a.wav", b"a word").await;
    let closed = super::stage::opens(&lead, &item).await;
    assert_eq!(closed.status, 403, "{closed:?}");
    let path = format!("/v1/studies/{study}/approval");
    let approval = json!({ "by": "Data Access Governance Board", "on": "2026-03-01" });
    refused(&lead, Method::POST, &path, &approval, 403).await;
    let tomorrow = json!({ "by": "Data Access Governance Board", "on": "2026-03-03" });
    refused(&governance, Method::POST, &path, &tomorrow, 422).await;
    governance.post(&path, &approval).await;
    refused(&governance, Method::POST, &path, &approval, 409).await;
    let shown = lead.get(&format!("/v1/studies/{study}")).await;
    assert_eq!(shown["approval"]["by"], "Data Access Governance Board");
    assert_eq!(shown["missing"], json!(["notice"]));
    let open = super::stage::opens(&lead, &item).await;
    assert_eq!(open.status, 200, "{open:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r44_a_review_that_was_not_held_is_a_concern() {
    let (stage, lead) = stage().await;
    let study = found(&lead, &json!({ "review": "2026-05-01" })).await;
    let concerns = stage.admin.get("/v1/vault").await["concerns"].to_string();
    assert!(!concerns.contains("review date"), "{concerns}");
    stage.move_to("2026-05-02").await;
    let concerns = stage.admin.get("/v1/vault").await["concerns"].to_string();
    says(&concerns, &["review date", "(1)"]);
    assert!(
        !concerns.contains(&study),
        "an administrator knows no study"
    );
    amend(&lead, &study, &json!({ "review": "2027-05-01" })).await;
    let concerns = stage.admin.get("/v1/vault").await["concerns"].to_string();
    assert!(!concerns.contains("review date"), "{concerns}");
}

#[test]
fn r04_r49_a_study_is_founded_and_changed_on_the_command_line() {
    let site = Site::running();
    site.enter();
    site.enrol("lead", "study-lead", None);
    let create = ["study", "create", "Victim support", "--template"];
    let founded = site.run(
        "lead",
        &[&create[..], &["natcen-victim-support", "--dpia", "DPIA-7"]].concat(),
    );
    let study = founded.id();
    site.run("lead", &[&create[..], &["none"]].concat())
        .fails_saying(2, &["natcen-victim-support", "probation-digital"]);
    let field = "ethnicity: to include everybody; special";
    let fields = ["study", "amend", &study, "--field", field];
    site.run("lead", &fields).json();
    let shown = site.run("lead", &["study", "show", &study]).json();
    assert_eq!(shown["dpia"], "DPIA-7");
    assert_eq!(shown["fields"][0]["category"], "special");
    let bare = ["study", "amend", &study];
    site.run("lead", &bare)
        .fails_saying(1, &["nothing is changed"]);
    let notice = [
        "study",
        "notice",
        "add",
        &study,
        "--version",
        "1",
        "--published",
        "2025-10-01",
        "--review",
        "2099-10-01",
        "--reference",
        "the notice of October",
    ];
    site.run("lead", &notice).json();
    let listed = site
        .run("lead", &["study", "notice", "list", &study])
        .rows();
    assert_eq!(listed[0]["version"], 1);
    let affected = ["study", "notice", "affected", &study, "--version", "1"];
    assert!(site.run("lead", &affected).rows().is_empty());
}

fn rows(list: &Value) -> &Vec<Value> {
    list.as_array().expect("a list")
}
