//! Ministry of Justice: Data First, linked administrative data for the justice system, 2021.

use http::Method;
use serde_json::json;

use super::troupe::Troupe;
use crate::governance::stage::{done, opens, says};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r24_r26_r31_r32_r33_r34_r35_r44_the_notice_is_kept_from_approval_to_deletion() {
    let more = json!({ "review": "2022-04-30" });
    let story = Troupe::founded("2021-05-04", "data-first", &more).await;
    let study = story.lead.get(&story.path("")).await;
    let categories = study["fields"].to_string();
    says(&categories, &["criminal", "special", "date of birth"]);
    let permits = json!({ "permit": ["audio", "transcript", "notes", "share"] });
    let (who, _, item) = story.is_heard_who(&permits).await;

    // "Safe Projects": approved by the data owner, a DPIA and a data-sharing agreement first; "Safe
    // People": trained and accredited. Until all of it is there, nobody opens anything.
    let papers = json!({ "dpia": "DPIA-2021-04", "data_sharing": "DSA-MoJ-ONS-1" });
    let approval = json!({ "by": "Data Access Governance Board", "on": "2021-05-03" });
    assert_eq!(opens(&story.lead, &item).await.status, 403);
    done(&story.lead, Method::PATCH, &story.path(""), &papers).await;
    assert_eq!(opens(&story.lead, &item).await.status, 403);
    story
        .governance
        .post(&story.path("/approval"), &approval)
        .await;
    assert_eq!(opens(&story.lead, &item).await.status, 403);
    let person = format!("/v1/people/{}", story.lead.id);
    let trained = json!({ "trained_until": "2022-05-31", "accredited_until": "2026-05-31" });
    done(&story.stage.admin, Method::PATCH, &person, &trained).await;
    story.opened_by(&story.lead, &item).await;

    // "Attempting to identify individuals is strictly against the terms and conditions which
    // researchers must agree."
    let terms = story.lead.get("/v1/terms").await["text"].to_string();
    says(&terms, &["I do not try to find out who anybody in it is"]);

    // "Access to the data is limited to a fixed time period agreed by MoJ."
    let analyst = story.stage.hire("researcher").await;
    let path = format!("/v1/people/{}", analyst.id);
    done(&story.stage.admin, Method::PATCH, &path, &trained).await;
    let member = json!({ "person": analyst.id, "role": "researcher", "until": "2021-12-31" });
    done(&story.lead, Method::POST, &story.path("/members"), &member).await;
    story.opened_by(&analyst, &item).await;

    // "Safe Data": "Researchers can only use data that have been de-identified", and what somebody made
    // counts as that once a second person has looked.
    let limited = json!({ "sees": "de-identified", "purpose": "analysis" });
    let academic = story.colleague(&limited).await;
    let path = format!("/v1/people/{}", academic.id);
    done(&story.stage.admin, Method::PATCH, &path, &trained).await;
    let extract = story
        .derives(&item, "de-identified", b"what they said")
        .await;
    story.is_nothing_to(&academic, &item).await;
    story.is_nothing_to(&academic, &extract).await;
    story.is_checked_by(&analyst, &extract).await;
    story.opened_by(&academic, &extract).await;
    story.is_nothing_to(&academic, &item).await;

    // "A brief summary of successful applications to access the data will be published".
    let summary = story
        .governance
        .get("/v1/reviews/summary")
        .await
        .to_string();
    says(
        &summary,
        &["Data Access Governance Board", "2021-05-03", "fewer than 5"],
    );
    assert!(!summary.contains(&who) && !summary.contains(&item));

    // Identifiers are "deleted immediately following linking", on their own.
    story.stage.move_to("2021-06-01").await;
    story.dates("linked", "2021-06-01").await;
    story.destroys_what_is_due().await;
    let listed = story.lead.get(&story.path("/participants")).await;
    assert_eq!(listed[0]["has_contact"], false);
    story.opened_by(&story.lead, &item).await;

    // "Users' activity is closely monitored […] and access will be revoked if they go beyond the
    // permitted uses".
    let watched = story.governance.get("/v1/reviews/people").await.to_string();
    says(&watched, &[&analyst.id, "2021-05"]);
    let misuse = json!({ "reason": "went beyond the permitted use" });
    let revocation = format!("/v1/people/{}/revocation", analyst.id);
    done(&story.stage.admin, Method::PUT, &revocation, &misuse).await;
    assert_eq!(opens(&analyst, &item).await.status, 401);

    // "The data will be reviewed and refreshed approximately annually".
    story.stage.move_to("2022-05-01").await;
    let warned = story.governance.get("/v1/retention").await["warnings"].to_string();
    says(&warned, &["2022-04-30"]);
    let next = json!({ "review": "2023-04-30" });
    done(&story.lead, Method::PATCH, &story.path(""), &next).await;

    // Training is out of date: access ends with it.
    story.stage.move_to("2022-06-01").await;
    assert_eq!(opens(&story.lead, &item).await.status, 403);

    // "Data is only kept as long as necessary and is then securely deleted."
    story.stage.move_to("2023-03-31").await;
    story.dates("completion", "2023-03-31").await;
    story.destroys_what_is_due().await;
    story.is_nothing_to(&story.lead, &item).await;
    assert_eq!(story.participants().await, 0);
}
