//! Reviews: who has access to what, what of it is published, and how it is used.

use http::Method;
use serde_json::{Value, json};

use super::stage::{Stage, done, found, interview, opens, takes_part};
use crate::support::gateway::Person;

/// A study with an item in it.
async fn study_with_item(stage: &Stage, lead: &Person, more: &Value) -> (String, String) {
    let study = found(lead, more).await;
    let who = takes_part(lead, &study, &["audio"]).await;
    let session = interview(lead, &study, stage.today(), &[&who]).await;
    let item = lead.upload(&session, "audio", "a.wav", b"a word").await;
    (study, item)
}

async fn admit(lead: &Person, study: &str, who: &Person, until: &str) {
    let member = json!({ "person": who.id, "role": "researcher", "until": until });
    done(
        lead,
        Method::POST,
        &format!("/v1/studies/{study}/members"),
        &member,
    )
    .await;
}

fn rows(list: &Value) -> Vec<&Value> {
    list.as_array().expect("a list").iter().collect()
}

fn row_of<'a>(list: &'a Value, who: &Person) -> &'a Value {
    let mut rows = rows(list).into_iter();
    rows.find(|row| row["person"] == who.id.as_str())
        .expect("a row of theirs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r33_r32_a_review_says_who_has_access_until_when_for_what_and_what_lapsed() {
    let stage = Stage::on("2026-03-02").await;
    let lead = stage.hire("study-lead").await;
    let researcher = stage.hire("researcher").await;
    let auditor = stage.hire("auditor").await;
    let governance = stage.hire("information-governance").await;
    let (study, item) = study_with_item(&stage, &lead, &json!({})).await;
    let (other, _) = study_with_item(&stage, &lead, &json!({})).await;
    admit(&lead, &study, &researcher, "2026-03-31").await;
    opens(&researcher, &item).await;
    let all = auditor.get("/v1/reviews/access").await;
    assert_eq!(rows(&all).len(), 3, "{all}");
    let of_one = governance
        .get(&format!("/v1/reviews/access?study={study}"))
        .await;
    assert_eq!(rows(&of_one).len(), 2);
    assert!(!of_one.to_string().contains(&other));
    let theirs = row_of(&of_one, &researcher);
    assert_eq!(theirs["until"], "2026-03-31");
    assert_eq!(theirs["purpose"], "research");
    assert_eq!(theirs["lapsed"], json!([]));
    let used = theirs["last_use"].as_str().expect("a moment");
    assert!(used.starts_with("2026-03-02T12:00"), "{used}");
    stage.move_to("2026-04-01").await;
    let suspension = format!("/v1/people/{}/suspension", researcher.id);
    done(
        &stage.admin,
        Method::PUT,
        &suspension,
        &json!({ "suspended": true }),
    )
    .await;
    let later = governance.get("/v1/reviews/access").await;
    let lapsed = row_of(&later, &researcher)["lapsed"].to_string();
    assert!(
        lapsed.contains("2026-03-31") && lapsed.contains("suspended"),
        "{lapsed}"
    );
    for outsider in [&lead, &stage.admin] {
        let answer = outsider.answer(Method::GET, "/v1/reviews/access").await;
        assert_eq!(answer.status, 403, "{answer:?}");
    }
    let commissioner = stage.hire("commissioner").await;
    for path in ["access", "summary", "usage", "people"] {
        let path = format!("/v1/reviews/{path}");
        assert_eq!(commissioner.answer(Method::GET, &path).await.status, 403);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r35_a_summary_can_be_published_with_exceptions() {
    let stage = Stage::on("2026-03-02").await;
    let lead = stage.hire("study-lead").await;
    let governance = stage.hire("information-governance").await;
    let published = json!({
        "name": "Journeys through the courts", "processors": ["ONS Secure Research Service"],
    });
    let (study, _) = study_with_item(&stage, &lead, &published).await;
    let secret = json!({ "name": "A sensitive topic", "unpublished": "to protect researchers" });
    found(&lead, &secret).await;
    let approval = json!({ "by": "Data Access Governance Board", "on": "2026-03-01" });
    governance
        .post(&format!("/v1/studies/{study}/approval"), &approval)
        .await;
    for _ in 0..5 {
        let researcher = stage.hire("researcher").await;
        admit(&lead, &study, &researcher, "2026-12-31").await;
    }
    let summary = governance.get("/v1/reviews/summary").await;
    assert_eq!(summary["exceptions"], 1);
    let only = rows(&summary["studies"]);
    assert_eq!(only.len(), 1);
    assert_eq!(only[0]["name"], "Journeys through the courts");
    assert_eq!(only[0]["approved_by"], "Data Access Governance Board");
    assert_eq!(
        only[0]["organisations"],
        json!(["ONS Secure Research Service"])
    );
    assert_eq!(
        only[0]["people"],
        json!([
            { "role": "study-lead", "purpose": "research", "count": "fewer than 5" },
            { "role": "researcher", "purpose": "research", "count": 5 },
        ])
    );
    let text = summary.to_string();
    for hidden in [
        "A sensitive topic",
        "to protect",
        "ppt-",
        "psn-",
        "A researcher",
    ] {
        assert!(!text.contains(hidden), "{hidden} is in {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r46_usage_is_never_told_of_a_participant() {
    let stage = Stage::on("2026-03-02").await;
    let lead = stage.hire("study-lead").await;
    let governance = stage.hire("information-governance").await;
    let (study, item) = study_with_item(&stage, &lead, &json!({})).await;
    let usage = governance.get("/v1/reviews/usage").await;
    let one = &usage[0];
    assert_eq!(
        (&one["study"], &one["month"]),
        (&json!(study), &json!("2026-03"))
    );
    assert_eq!(one["uploads"], "fewer than 5");
    assert!(
        one["bytes"].is_null(),
        "a few files' bytes would tell how long somebody spoke"
    );
    assert_eq!(one["openings"], 0);
    for _ in 0..6 {
        opens(&lead, &item).await;
    }
    let usage = governance.get("/v1/reviews/usage").await;
    assert_eq!(usage[0]["openings"], 6);
    for identifying in ["ppt-", "itm-", "ses-", "psn-"] {
        assert!(!usage.to_string().contains(identifying), "{usage}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r45_the_use_of_each_researcher_is_watched() {
    let stage = Stage::on("2026-03-31").await;
    let lead = stage.hire("study-lead").await;
    let auditor = stage.hire("auditor").await;
    let (_, item) = study_with_item(&stage, &lead, &json!({})).await;
    opens(&lead, &item).await;
    opens(&lead, &item).await;
    stage.move_to("2026-04-01").await;
    opens(&lead, &item).await;
    let people = auditor.get("/v1/reviews/people").await;
    let rows = rows(&people);
    assert_eq!(rows.len(), 2, "{people}");
    assert_eq!(
        (&rows[0]["month"], &rows[0]["openings"]),
        (&json!("2026-03"), &json!(2))
    );
    assert_eq!(
        (&rows[0]["uploads"], &rows[0]["items"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&rows[1]["month"], &rows[1]["openings"]),
        (&json!("2026-04"), &json!(1))
    );
}
