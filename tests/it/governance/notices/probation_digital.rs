//! Ministry of Justice: Probation Digital Services, what is kept of the people who use them, 2025.

use http::Method;
use serde_json::json;

use super::troupe::Troupe;
use crate::governance::stage::{Stage, done, refused, says};
use crate::support::gateway::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r39_what_is_promised_to_the_eea_is_not_kept_in_london() {
    let stage = Stage::on("2025-06-02").await;
    let lead = stage.hire("study-lead").await;
    let new = json!({ "name": "Use of the services", "template": "probation-digital" });
    // "All personal data is stored in the European Economic Area (EEA)."
    let why = refused(&lead, Method::POST, "/v1/studies", &new, 422).await;
    says(&why, &["the EEA only", "United Kingdom", "uk-or-eea"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r17_r21_r44_r45_r46_r49_the_notice_is_kept_as_long_as_it_is_needed() {
    // A notice published anew that names the United Kingdom too.
    let more = json!({ "regions": "uk-or-eea", "review": "2026-05-30" });
    let story = Troupe::founded("2025-06-02", "probation-digital", &more).await;
    story.publishes(1, "2025-05-30", "2026-05-30").await;
    let (who, _, item) = story.is_heard().await;

    // "This service records what pages you view, and the actions you perform."
    story.opened_by(&story.lead, &item).await;
    let mine = story.lead.get("/v1/me/export").await;
    let record = mine["record"].as_array().expect("a record");
    assert!(
        record
            .iter()
            .any(|act| act["action"] == "open-item" && act["resource"] == item.as_str())
    );
    let watched = story.governance.get("/v1/reviews/people").await.to_string();
    says(&watched, &[&story.lead.id]);
    // "We will not identify you through analytics information".
    let usage = story.governance.get("/v1/reviews/usage").await.to_string();
    for named in [&who, &item, &story.lead.id] {
        assert!(!usage.contains(named.as_str()), "{usage}");
    }

    // "anything inaccurate in your personal data is corrected immediately"
    let corrected = json!({ "name": "Lena Lead" });
    done(&story.lead, Method::PATCH, "/v1/me", &corrected).await;
    assert_eq!(story.lead.get("/v1/me").await["name"], "Lena Lead");

    // "confirm you can lawfully access and alter data on the service": at each access.
    let suspension = format!("/v1/people/{}/suspension", story.lead.id);
    let stopped = json!({ "suspended": true });
    done(&story.stage.admin, Method::PUT, &suspension, &stopped).await;
    let closed = crate::governance::stage::opens(&story.lead, &item).await;
    assert_eq!(closed.status, 401, "{closed:?}");
    let back = json!({ "suspended": false });
    done(&story.stage.admin, Method::PUT, &suspension, &back).await;
    let invited = format!("/v1/people/{}/invitations", story.lead.id);
    let invited = story.stage.admin.post(&invited, &json!(null)).await;
    let again = json!({ "code": text(&invited, "code"), "terms": 1 });
    let lead = story.stage.house.enrol_with(&again).await;
    story.opened_by(&lead, &item).await;

    // "We may change this privacy policy. In that case, the ‘Last reviewed’ date on this page will also
    // change. […] the MoJ will take reasonable steps to let you know": whom it affects is listed.
    story.stage.move_to("2026-05-31").await;
    let concerns = story.stage.admin.get("/v1/vault").await["concerns"].to_string();
    says(
        &concerns,
        &["review date of studies", "review date of privacy notices"],
    );
    let notice = json!({
        "version": 2, "published": "2026-05-31", "review": "2027-05-31",
        "reference": "the policy's page", "change": "what is recorded of use",
    });
    lead.post(&story.path("/notices"), &notice).await;
    let affected = lead.get(&story.path("/notices/2/affected")).await;
    assert_eq!(affected[0]["id"], who.as_str());

    // "We will only retain your personal data for as long as: it is needed".
    story.stage.move_to("2026-09-01").await;
    let completed = json!({ "on": "2026-09-01" });
    done(
        &lead,
        Method::PUT,
        &story.path("/moments/completion"),
        &completed,
    )
    .await;
    story.destroys_what_is_due().await;
    story.is_nothing_to(&lead, &item).await;
}
