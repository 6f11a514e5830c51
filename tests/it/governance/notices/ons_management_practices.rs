//! NatCen for the Office for National Statistics: management practices in the public sector, 2024.

use http::Method;
use serde_json::json;

use super::troupe::Troupe;
use crate::governance::stage::{refused, says};
use crate::support::gateway::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r04_r05_r09_r11_r12_r13_r14_r18_r26_r28_r29_r43_the_notice_is_kept_from_recruitment_to_deletion()
 {
    // ONS are the data controllers, NatCen is the data processor, and the basis is public task.
    let story = Troupe::founded("2024-06-03", "ons-management-practices", &json!({})).await;
    story.publishes(1, "2024-06-01", "2025-06-01").await;
    let study = story.lead.get(&story.path("")).await;
    assert_eq!(study["controller"], "Office for National Statistics");
    assert_eq!(
        study["processors"],
        json!(["National Centre for Social Research"])
    );
    assert_eq!(study["lawful_basis"], "public-task");

    // McGowan Transcriptions is from the approved supplier list; contracts are refreshed every 12
    // months.
    let (mcgowan, typist) = story.supplier("McGowan Transcriptions", "2023-07-01").await;

    // Three people who took part in the survey agreed to be contacted, and are interviewed.
    story.stage.move_to("2024-06-10").await;
    let invited = json!({
        "source": "earlier-survey", "name": "Ines", "email": "ines@example.org",
        "fields": { "telephone number": "020 7946 0000" },
    });
    let (first, session, recording) = story.is_heard_who(&invited).await;
    let listed = story.lead.get(&story.path("/participants")).await;
    assert_eq!(listed[0]["source"], "earlier-survey");
    assert_eq!(listed[0]["notice"], 1);
    let undeclared = json!({ "permit": ["audio"], "fields": { "age": "50" } });
    let path = story.path("/participants");
    let why = refused(&story.lead, Method::POST, &path, &undeclared, 422).await;
    says(&why, &["age", "telephone number"]);
    let (second, _, late_recording) = story.is_heard().await;
    let permits = json!({ "permit": ["audio", "transcript", "notes", "share"] });
    let (third, _, kept_recording) = story.is_heard_who(&permits).await;

    // McGowan has access to the recordings it is given, and to no others.
    story.assigns(&recording, &mcgowan, "2024-06-30").await;
    story.opened_by(&typist, &recording).await;
    story.is_nothing_to(&typist, &kept_recording).await;
    let transcript = typist
        .upload(&session, "transcript", "transcript.txt", b"what they said")
        .await;
    story.opened_by(&story.lead, &transcript).await;

    // "You may request your interview data […] in an anonymised transcript 10 days after the session".
    let (status, early) = story.asks(&third, "transcript").await;
    assert_eq!(status, 409);
    says(&text(&early, "detail"), &["2024-06-20"]);
    story.stage.move_to("2024-06-20").await;
    let (status, _) = story.asks(&third, "transcript").await;
    assert_eq!(status, 201);

    // The contract was not refreshed after 12 months: McGowan's access stops, and comes back with it.
    story.stage.move_to("2024-07-01").await;
    story.is_nothing_to(&typist, &recording).await;
    let refreshed = json!({ "name": "McGowan Transcriptions", "contract_signed": "2024-07-01" });
    story.governance.post("/v1/suppliers", &refreshed).await;
    story.assigns(&recording, &mcgowan, "2024-10-31").await;
    story.opened_by(&typist, &recording).await;

    // "you may request for your input to be removed. Upon your request, we will let you know whether
    // this is possible (this will only be possible before 2nd September 2024)."
    story.stage.move_to("2024-08-20").await;
    let withdrawn = story.withdraws(&first).await;
    assert_eq!(withdrawn["in_time"], true);
    assert_eq!(withdrawn["last_day"], "2024-09-02");
    story.is_nothing_to(&typist, &recording).await;
    story.approved(&withdrawn).await;
    story.is_nothing_to(&story.lead, &recording).await;
    story.is_nothing_to(&story.lead, &transcript).await;

    // "NatCen will write a report covering the main themes": it is anonymised, a colleague checks it,
    // a second person lets ONS have it, and ONS reads that and nothing else.
    let colleague = story.colleague(&json!({})).await;
    let report = story
        .derives(&kept_recording, "anonymised", b"the main themes")
        .await;
    story.is_checked_by(&colleague, &report).await;
    assert_eq!(
        story.given_to_the_commissioner().await,
        (json!([]), Vec::new())
    );
    story.may_share("2024-08-20").await;
    story.is_released(&report, "Main themes").await;
    let (given, contents) = story.given_to_the_commissioner().await;
    assert_eq!(given[0]["title"], "Main themes");
    assert_eq!(contents, [b"the main themes"]);
    for hidden in [&first, &second, &third, &session, &recording] {
        assert!(!given.to_string().contains(hidden.as_str()), "{given}");
    }

    // "Before the data is analysed": the analysis begins, and from then on it is too late.
    story.stage.move_to("2024-08-26").await;
    story.dates("analysis-begins", "2024-08-26").await;
    let late = story.withdraws(&second).await;
    assert_eq!(late["in_time"], false);
    // What is still held of them goes all the same when it is approved.
    story.approved(&late).await;
    story.is_nothing_to(&story.lead, &late_recording).await;

    // Nothing ONS was given changes with a withdrawal.
    let after = story.given_to_the_commissioner().await;
    assert_eq!(after, (given, contents));

    // "NatCen will not share with ONS what you have personally discussed": ONS sees nothing of any of
    // them, and cannot tell who took part or who withdrew.
    let ids = [&recording, &kept_recording, &late_recording, &first, &third];
    story
        .keeps_from_the_commissioner(&ids.map(String::as_str))
        .await;

    // "All data stored by NatCen will be deleted once the report has been published. This will be
    // within 3 months from end of data collection period."
    story.stage.move_to("2024-09-30").await;
    story.dates("collection-ends", "2024-09-13").await;
    assert!(story.due().await.is_empty());
    story.stage.move_to("2024-12-12").await;
    assert!(story.due().await.is_empty());
    story.stage.move_to("2024-12-13").await;
    story.destroys_what_is_due().await;
    story.is_nothing_to(&story.lead, &kept_recording).await;
    assert_eq!(story.participants().await, 0);
    assert_eq!(
        story.given_to_the_commissioner().await,
        (json!([]), Vec::new())
    );

    // After that the answer is that nothing is held (R20), to whoever asks.
    for who in [&first, &second, &third] {
        let (status, answer) = story.asks(who, "access").await;
        assert_eq!(
            (status, answer["outcome"].as_str()),
            (201, Some("nothing-held"))
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r43_everything_goes_with_the_report_when_that_comes_first() {
    let story = Troupe::founded("2024-06-03", "ons-management-practices", &json!({})).await;
    let (_, _, recording) = story.is_heard().await;
    story.stage.move_to("2024-09-30").await;
    story.dates("collection-ends", "2024-09-13").await;
    story.stage.move_to("2024-11-01").await;
    story.dates("publication", "2024-11-01").await;
    story.destroys_what_is_due().await;
    story.is_nothing_to(&story.lead, &recording).await;
    assert_eq!(story.participants().await, 0);
}
