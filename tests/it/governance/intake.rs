//! What is taken in, and what is kept of whoever it is about, at the command line.

use crate::support::cli::{Site, day, noise};

const KINDS: [&str; 7] = [
    "audio",
    "video",
    "screen",
    "photo",
    "notes",
    "transcript",
    "survey",
];

/// R1: every kind of material the notices name, of interviews and of focus groups.
#[test]
fn r01_every_kind_of_session_material_is_taken_in() {
    let site = Site::running();
    let study = site.study();
    let everything = KINDS.join(",");
    let one = site.participant(&study, &everything, &[]);
    let other = site.participant(&study, &everything, &[]);
    let interview = site.session(&study, &[&one]);
    let group = [
        "session",
        "add",
        "--study",
        &study,
        "--kind",
        "focus-group",
        "--date",
        &day(-2),
        "--participant",
        &one,
        &other,
    ];
    let group = site.run("res", &group).id();
    for (place, kind) in KINDS.into_iter().enumerate() {
        for session in [&interview, &group] {
            let bytes = noise(2000 + place);
            let file = site.file(kind, &bytes);
            let item = site.upload(&file, session, kind);
            assert!(site.fetch("lead", &item) == bytes, "{kind}");
            let shown = site.run("res", &["item", "show", &item]).json();
            assert_eq!(shown["kind"], kind);
        }
    }
    let file = site.file("odd", b"odd");
    let refused = site.try_upload(&file, &interview, "hologram");
    refused.fails_saying(2, &["hologram", "survey"]);
}

/// R3: what they permit, what they are called, where to write to them, and the day they took part.
#[test]
fn r03_a_record_holds_permissions_name_address_and_the_day_they_took_part() {
    let site = Site::running();
    let study = site.study();
    let more = ["--name", "Siân O’Neill", "--email", "sian@example.org"];
    let person = site.participant(&study, "audio,recontact", &more);
    let session = site.session(&study, &[&person]);
    let shown = site.run("res", &["participant", "show", &person]).json();
    assert_eq!(
        shown["permissions"],
        serde_json::json!(["audio", "recontact"])
    );
    assert_eq!(
        (&shown["name"], &shown["email"]),
        (&"Siân O’Neill".into(), &"sian@example.org".into())
    );
    let sessions = site
        .run("res", &["session", "list", "--study", &study])
        .rows();
    let held = sessions.iter().find(|row| row["id"] == session.as_str());
    let held = held.expect("the session");
    assert_eq!(held["date"], day(-2));
    assert_eq!(held["participants"], serde_json::json!([person]));
    // Whoever is not of the team is told that somebody takes part, and not who.
    site.run("ig", &["participant", "show", &person]).fails(3);
}
