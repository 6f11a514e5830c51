//! From a recording to what the commissioner reads, and through a supplier's hands, at the command line.

use crate::support::cli::{Site, day, plain, text};

/// R13, R22, R26, R28–R32: one interview, its transcript by a supplier, and the report made from it.
#[test]
fn r26_an_output_is_made_checked_released_and_read() {
    let site = Site::running();
    let study = site.study();
    let everything = "audio,notes,transcript,share,quote";
    let person = site.participant(&study, everything, &[]);
    let session = site.session(&study, &[&person]);
    let recording = site.upload(&site.file("interview.wav", b"a voice"), &session, "audio");

    // A supplier transcribes it, and owes the word that its copies are destroyed.
    let today = day(0);
    let approve = [
        "supplier",
        "approve",
        "McGowan",
        "--contract-signed",
        &today,
    ];
    let supplier = site.run("ig", &approve).id();
    site.enrol("tr", "transcriber", Some(&supplier));
    let assign = ["assign", &recording, "--to", &supplier, "--until", &today];
    let translation = [&assign[..], &["--purpose", "translation"]].concat();
    site.run("lead", &translation)
        .fails_saying(3, &["`supplier`", &person]);
    let marketing = [&assign[..], &["--purpose", "marketing"]].concat();
    site.run("lead", &marketing)
        .fails_saying(2, &["research, transcription, translation, analysis"]);
    let assignment = site.run("lead", &assign).id();
    assert_eq!(site.fetch("tr", &recording), b"a voice");
    let file = site.file("t.txt", b"what was said");
    let bring = [
        "upload",
        plain(&file),
        "--session",
        &session,
        "--kind",
        "transcript",
    ];
    site.run("tr", &bring).id();
    let send_back = [
        "transcript",
        "send-back",
        &assignment,
        "--reason",
        "incomplete",
    ];
    site.run("res", &send_back).json();
    let theirs = site.run("tr", &["assignment", "list"]).rows();
    assert_eq!(text(&theirs[0], "sent_back"), "incomplete");
    let transcript = site.run("tr", &bring).id();
    let accept = [
        "transcript",
        "accept",
        &recording,
        "--transcript",
        &transcript,
    ];
    site.run("res", &accept).json();
    assert_eq!(site.run("ig", &["supplier", "outstanding"]).rows().len(), 1);
    site.run("tr", &["assignment", "confirm-destroyed", &assignment])
        .json();
    assert!(
        site.run("ig", &["supplier", "outstanding"])
            .rows()
            .is_empty()
    );

    // A report of it, which a colleague looks at.
    let report = site.file("report.txt", b"victims wait too long");
    let made = [
        "upload",
        plain(&report),
        "--from",
        &transcript,
        "--kind",
        "notes",
    ];
    site.run("res", &made).fails_saying(2, &["--tier"]);
    let made = [&made[..], &["--tier", "anonymised"]].concat();
    let grouped = [&made[..], &["--group", "victims"]].concat();
    site.run("res", &grouped).fails_saying(1, &["no groups"]);
    let output = site.run("res", &[&made[..], &["--quotes"]].concat()).id();
    let shown = site.run("res", &["item", "show", &output]).json();
    assert_eq!(shown["derived"]["made_from"], 1);
    assert!(shown.get("session").is_none() && shown.get("participants").is_none());
    let check = ["item", "check", &output, "--passed"];
    site.run("res", &check)
        .fails_saying(3, &["does not check it"]);
    site.run("lead", &["item", "check", &output])
        .fails_saying(2, &["--passed"]);
    site.run("lead", &check).json();

    // Asked for, with every paper on record, and decided on by another.
    let until = day(30);
    let commissioner = site.enrol("com", "commissioner", None);
    let grant = [
        "study",
        "grant",
        &study,
        "--person",
        &commissioner,
        "--until",
        &until,
    ];
    let place = [&grant[..], &["--role", "researcher"]].concat();
    site.run("lead", &place).fails_saying(1, &["commissioner"]);
    let place = [&grant[..], &["--role", "commissioner"]].concat();
    site.run("lead", &place).json();
    let ask = ["release", "request", &output, "--title", "Interim findings"];
    site.run("res", &ask)
        .fails_saying(3, &["dpia, data-sharing, approval"]);
    let papers = [
        "study",
        "amend",
        &study,
        "--dpia",
        "DPIA-7",
        "--data-sharing",
        "DSA-3",
    ];
    site.run("lead", &papers).json();
    let approval = [
        "study",
        "approve",
        &study,
        "--by",
        "Data board",
        "--on",
        &today,
    ];
    site.run("ig", &approval).json();
    let release = site.run("res", &ask).id();
    site.run("res", &["release", "approve", &release]).fails(3);
    assert!(site.run("com", &["release", "list"]).rows().is_empty());
    site.run("lead", &["release", "approve", &release]).json();

    // What the commissioner has, and nothing else; nor does a withdrawal show.
    let seen = site.run("com", &["release", "list"]).rows();
    assert_eq!(text(&seen[0], "title"), "Interim findings");
    assert!(seen[0].get("item").is_none() && seen[0].get("requested_by").is_none());
    let path = site.path("report");
    let fetch = ["release", "fetch", &release, "--force", "-o", plain(&path)];
    let read = || {
        site.run("com", &fetch).json();
        std::fs::read(&path).expect("fetched")
    };
    assert_eq!(read(), b"victims wait too long");
    site.fetch_in_vain("com", &recording).fails(4);
    assert!(site.run("com", &["item", "list"]).rows().is_empty());
    let before = site.run("com", &["whoami"]).json();
    site.withdraw(&person);
    assert_eq!(site.run("com", &["release", "list"]).rows(), seen);
    assert_eq!(read(), b"victims wait too long");
    assert_eq!(site.run("com", &["whoami"]).json(), before);

    // Nothing more is made of what they are in.
    site.run("res", &made).fails_saying(3, &["withdrawal"]);
    let supplier_gone = ["supplier", "remove", &supplier];
    site.run("ig", &supplier_gone).json();
    site.run("ig", &supplier_gone).fails_saying(1, &["already"]);
}
