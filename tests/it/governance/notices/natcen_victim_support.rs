//! NatCen for the Ministry of Justice: group-based victim support interventions, 2025 and 2026.

use age::x25519::Identity;
use http::Method;
use serde_json::json;

use super::troupe::Troupe;
use crate::governance::stage::{done, refused, takes_part};
use crate::support::gateway::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r02_r10_r14_r15_r22_r37_r42_the_notice_is_kept_from_recruitment_to_destruction() {
    let story = Troupe::founded("2025-10-06", "natcen-victim-support", &json!({})).await;
    story.publishes(1, "2025-10-01", "2026-10-01").await;
    let study = story.lead.get(&story.path("")).await;
    assert_eq!(study["controller"], "Ministry of Justice");
    assert_eq!(study["regions"], "uk");
    assert_eq!(study["answer_within"], "30d");

    // "Interviews will be audio recorded and transcribed with participant permission."
    let pcc = json!({ "group": "PCC participant", "source": "directly" });
    let (first, _, recording) = story.is_heard_who(&pcc).await;
    let (_, _, kept) = story.is_heard().await;
    let silent = takes_part(&story.lead, &story.study, &["notes"]).await;
    let session = json!({ "kind": "interview", "date": "2025-10-06", "participants": [silent] });
    let session = story.lead.post(&story.path("/sessions"), &session).await;
    let begun = story
        .lead
        .begin(&text(&session, "id"), "audio", "interview.wav", 3)
        .send()
        .await
        .expect("answered");
    assert_eq!(
        begun.status(),
        403,
        "they permitted notes, and no recording"
    );

    // "only the NatCen research team having access to these files. This data will not be shared with
    // the MoJ": nor are they told who was interviewed.
    story.opened_by(&story.lead, &kept).await;
    story.is_nothing_to(&story.commissioner, &kept).await;
    let colleague = story.stage.hire("researcher").await;
    story.is_nothing_to(&colleague, &kept).await;

    // "You have the right to withdraw […] up to 30 days after taking part, without the need to provide
    // a reason."
    story.stage.move_to("2025-11-05").await;
    let withdrawn = story.withdraws(&first).await;
    assert_eq!(withdrawn["in_time"], true);
    story.is_nothing_to(&story.commissioner, &recording).await;
    story.approved(&withdrawn).await;
    story.is_nothing_to(&story.lead, &recording).await;
    // "please be assured that the MoJ will not be informed"
    let ids = [&recording, &kept, &first];
    story
        .keeps_from_the_commissioner(&ids.map(String::as_str))
        .await;

    // "If you prefer not to be contacted again by NatCen, you can also request that we delete your
    // contact information": at any time, and nothing else goes.
    let named = json!({ "name": "Ines", "email": "ines@example.org" });
    let (third, _, third_recording) = story.is_heard_who(&named).await;
    story.stage.move_to("2026-02-01").await;
    let path = format!("/v1/participants/{third}/withdrawal");
    let only_contact = json!({ "contact_only": true });
    let contact = done(&story.lead, Method::POST, &path, &only_contact).await;
    story.approved(&contact).await;
    story.opened_by(&story.lead, &third_recording).await;

    // "Rights requests will be responded to without delay and within 30 days."
    let (status, request) = story.asks(&third, "access").await;
    assert_eq!((status, request["due"].as_str()), (201, Some("2026-03-03")));

    // "should NatCen be informed of an imminent threat to life or serious harm, this will be shared
    // with the project lead who will raise the issue with the NatCen Designated Safeguarding Lead".
    let raised = json!({ "ground": "risk-of-harm", "items": [third_recording] });
    let raised = story.lead.post(&story.path("/disclosures"), &raised).await;
    let decision = format!("/v1/disclosures/{}/decision", text(&raised, "id"));
    let sealed_to = Identity::generate().to_public().to_string();
    let granted = json!({
        "reason": "a day was named",
        "grant": { "recipient": "The local authority", "sealed_to": sealed_to, "until": "2026-02-08" },
    });
    refused(&story.second, Method::POST, &decision, &granted, 403).await;
    done(&story.governance, Method::POST, &decision, &granted).await;

    // "Identifiable data will be stored by NatCen for twelve months after publication of the report
    // (which we expect to be by Summer 2026) and then will be securely destroyed." Until it has a date,
    // the rule waits and says so.
    let warned = story.governance.get("/v1/retention").await["warnings"].to_string();
    assert!(warned.contains("publication"), "{warned}");
    story.stage.move_to("2026-07-01").await;
    story.dates("publication", "2026-07-01").await;
    story.stage.move_to("2027-06-30").await;
    assert!(story.due().await.is_empty());
    story.opened_by(&story.lead, &kept).await;
    story.stage.move_to("2027-07-01").await;
    story.destroys_what_is_due().await;
    story.is_nothing_to(&story.lead, &kept).await;
    story.is_nothing_to(&story.lead, &third_recording).await;
    assert_eq!(story.participants().await, 0);
    let (_, answer) = story.asks(&third, "access").await;
    assert_eq!(answer["outcome"], "nothing-held");
}
