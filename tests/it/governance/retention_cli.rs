//! Retention with the real program: what is due, why, by whose hand, and by the gateway's own.

use serde_json::Value;

use crate::support::cli::{Site, day, plain, text, wait_until};

/// A study that keeps nothing beyond the day after it was linked, with one interview in it.
fn linked_study(site: &Site, researcher: &str) -> (String, String, String) {
    let terms = ["study", "create", "Linking", "--controller", "MoJ"];
    let basis = ["--lawful-basis", "public-task", "--withdraw-within", "30d"];
    let retain = ["--retain", "everything: 1d after linked"];
    let study = site
        .run("lead", &[&terms[..], &basis, &retain].concat())
        .id();
    let until = day(60);
    let grant = ["study", "grant", &study, "--person", researcher];
    let grant = [&grant[..], &["--role", "researcher", "--until", &until]].concat();
    site.run("lead", &grant).json();
    let (person, session) = site.interview(&study);
    let file = site.file("interview.wav", b"what was said");
    let item = site.upload(&file, &session, "audio");
    (study, person, item)
}

fn date_linked(site: &Site, study: &str) -> Value {
    let yesterday = day(-1);
    let moment = ["study", "date", study, "--moment", "linked"];
    site.run("lead", &[&moment[..], &["--on", &yesterday]].concat())
        .json()
}

#[test]
fn r44_what_is_due_is_seen_and_destroyed_by_hand_and_by_the_gateway() {
    let mut site = Site::running();
    site.study();
    let whoami = site.run("res", &["whoami"]).json();
    let researcher = text(&whoami, "id");
    let (study, person, item) = linked_study(&site, &researcher);

    let due = ["retention", "due", "--study", &study];
    let seen = site.run("lead", &due).json();
    assert_eq!(seen["due"], Value::Array(Vec::new()));
    assert_eq!(seen["warnings"][0]["about"], "undated");
    assert_eq!(seen["warnings"][0]["moments"][0], "linked");

    let dated = date_linked(&site, &study);
    assert_eq!(dated["due"], 2, "{dated}");
    let seen = site.run("lead", &due).json();
    let rows = seen["due"].as_array().expect("rows");
    let whats: Vec<_> = rows.iter().map(|row| text(row, "what")).collect();
    assert!(whats.contains(&"item".to_owned()), "{whats:?}");
    for row in rows {
        assert_eq!(row["rule"], "everything: 1d after linked");
        assert_eq!(row["moment"], "linked");
        assert_eq!(row["due"], Value::String(day(0)));
    }
    site.run("lead", &["retention", "run"]).fails(3);
    let ran = site
        .run("ig", &["retention", "run", "--study", &study])
        .json();
    let erasure = &ran["erasures"][0];
    assert_eq!(
        (&erasure["stage"], &erasure["items"]),
        (&"certified".into(), &1.into())
    );
    let file = site.path("certificate.txt");
    let id = text(erasure, "id");
    site.run("ig", &["erasure", "certificate", &id, "-o", plain(&file)])
        .json();
    let note = std::fs::read_to_string(&file).expect("written");
    assert!(
        note.contains("everything: 1d after linked; linked on"),
        "{note}"
    );
    assert!(note.contains(&person), "they are gone altogether");
    site.fetch_in_vain("lead", &item).fails(4);
    let corrected = [
        "study",
        "date",
        &study,
        "--moment",
        "linked",
        "--on",
        &day(3),
    ];
    site.run("lead", &corrected).fails_saying(1, &["it stands"]);
    let none = site.run("ig", &["retention", "run"]).json();
    assert_eq!(none["erasures"], Value::Array(Vec::new()));

    // And by itself, when the gateway starts.
    let (study, _, item) = linked_study(&site, &researcher);
    date_linked(&site, &study);
    site.kill();
    site.serve();
    wait_until("the gateway destroys what is due", || {
        let erasures = site.run("ig", &["erasure", "list"]).rows();
        let done = erasures.iter().filter(|one| one["stage"] == "certified");
        (done.count() == 2).then_some(())
    });
    site.fetch_in_vain("lead", &item).fails(4);
    let log = site.log();
    let mut told = log.lines().filter(|line| line.contains("what is due"));
    let told = told.next_back().expect("its log says so");
    assert!(told.contains("erasures=1 items=1"), "{told}");
    assert!(
        !told.contains("itm-") && !told.contains("stu-"),
        "counts only: {told}"
    );
}

#[test]
fn r44_rules_that_are_none_are_refused_with_what_would_work() {
    let site = Site::running();
    site.study();
    let create = ["study", "create", "Another", "--controller", "MoJ"];
    let basis = ["--lawful-basis", "public-task", "--withdraw-within", "30d"];
    let founded = |rules| {
        site.run(
            "lead",
            &[&create[..], &basis, &["--retain", rules]].concat(),
        )
    };
    founded("12m after publicaton").fails_saying(2, &["did you mean publication?"]);
    founded("2y after session; audio: 3y after session")
        .fails_saying(1, &["audio: 3y after session", "leave it out"]);
    founded("contact: 1d after linked").fails_saying(1, &["for ever", "as in"]);
    let dated = [
        "study",
        "date",
        "x",
        "--moment",
        "publication",
        "--on",
        "2026-01-01",
    ];
    site.run("lead", &dated).fails(2);
}
