//! Ministry of Justice Digital and Technology: user research, 2025.

use http::Method;
use serde_json::json;

use super::troupe::Troupe;
use crate::governance::stage::{done, refused, says};
use crate::support::gateway::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r01_r07_r08_r16_r30_r41_r50_the_notice_is_kept_from_recruitment_to_deletion() {
    let story = Troupe::founded("2025-08-04", "moj-user-research", &json!({})).await;
    story.publishes(1, "2025-07-22", "2026-07-22").await;

    // "We only collect the personal data we need": each with its reason, sensitive ones marked.
    let study = story.lead.get(&story.path("")).await;
    assert_eq!(study["lawful_basis"], "legitimate-interests");
    let fields = study["fields"].as_array().expect("fields");
    let special = fields.iter().filter(|field| field["category"] == "special");
    let special: Vec<_> = special.map(|field| text(field, "name")).collect();
    says(
        &special.join(", "),
        &["disability", "ethnic origin", "sexual orientation"],
    );
    assert!(fields.iter().all(|field| !text(field, "reason").is_empty()));

    // "written notes, video recordings, screen recordings, audio recordings, photos", each with the
    // person's permission.
    let kinds = ["notes", "video", "screen", "audio", "photo"];
    let added = json!({ "permit": kinds, "name": "Ines", "email": "ines@example.org", "source": "recruiter" });
    let who = story.lead.post(&story.path("/participants"), &added).await;
    let who = text(&who, "id");
    let session = json!({ "kind": "interview", "date": "2025-08-04", "participants": [who] });
    let session = story.lead.post(&story.path("/sessions"), &session).await;
    let session = text(&session, "id");
    let mut items = Vec::new();
    for kind in kinds {
        let item = story
            .lead
            .upload(&session, kind, "file", b"what they said")
            .await;
        story.opened_by(&story.lead, &item).await;
        items.push(item);
    }

    // "de-identified or anonymised before it is shared with anyone": other organisations in the vault
    // see none of it, nor that the study is there.
    let neighbour = story.stage.hire("study-lead").await;
    story.is_nothing_to(&neighbour, &items[0]).await;
    let theirs = neighbour.get("/v1/studies").await;
    assert_eq!(theirs, json!([]));
    story.is_nothing_to(&story.commissioner, &items[0]).await;

    // "If you make a request, we have one month to respond to you."
    let (status, request) = story.asks(&who, "access").await;
    assert_eq!((status, request["due"].as_str()), (201, Some("2025-09-04")));
    // "restrict the processing of your personal information": kept, and used no more until that ends.
    let restriction = format!("/v1/participants/{who}/restriction");
    done(
        &story.governance,
        Method::PUT,
        &restriction,
        &json!({ "restricted": true }),
    )
    .await;
    let closed = crate::governance::stage::opens(&story.lead, &items[0]).await;
    assert_eq!(closed.status, 403, "{closed:?}");
    done(
        &story.governance,
        Method::PUT,
        &restriction,
        &json!({ "restricted": false }),
    )
    .await;
    story.opened_by(&story.lead, &items[0]).await;

    // "withdraw from the research": a second one does, more than a year later, and is in time.
    let (other, _, recording) = story.is_heard().await;
    story.stage.move_to("2026-12-01").await;
    let withdrawn = story.withdraws(&other).await;
    assert_eq!(withdrawn["in_time"], true);
    story.approved(&withdrawn).await;
    story.is_nothing_to(&story.lead, &recording).await;

    // "Your information will be kept for up to 2 years before being deleted": and not longer, whatever
    // the team would like.
    let longer = json!({ "retain": "3y after session" });
    refused(&story.lead, Method::PATCH, &story.path(""), &longer, 409).await;
    story.stage.move_to("2027-08-03").await;
    assert!(story.due().await.is_empty());
    story.opened_by(&story.lead, &items[0]).await;
    story.stage.move_to("2027-08-04").await;
    story.destroys_what_is_due().await;
    for item in &items {
        story.is_nothing_to(&story.lead, item).await;
    }
    assert_eq!(story.participants().await, 0);
    let (_, answer) = story.asks(&who, "access").await;
    assert_eq!(answer["outcome"], "nothing-held");
}
