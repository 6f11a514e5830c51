//! Words that are wrong: kinds, identifiers, codes, tokens, and permissions that were not given.

use std::fs;

use crate::support::cli::{Site, day};

#[test]
fn words_that_are_not_known_are_named() {
    let site = Site::empty();
    let session = "ses-00000000000000000";
    let upload = ["upload", "a.wav", "--session"];
    let kind = [&upload[..], &[session, "--kind", "hologram"]].concat();
    site.run("res", &kind)
        .fails_saying(2, &["hologram", "audio", "transcript"]);
    let invite = ["person", "invite", "--name", "A", "--role", "king"];
    site.run("admin", &invite)
        .fails_saying(2, &["king", "study-lead"]);
    let permit = [
        "participant",
        "add",
        "--study",
        "stu-00000000000000000",
        "--permit",
        "telepathy",
    ];
    site.run("res", &permit).fails_saying(2, &["telepathy"]);
    let when = [
        "session",
        "add",
        "--study",
        "stu-00000000000000000",
        "--kind",
        "interview",
        "--date",
        "31/12/26",
    ];
    site.run("res", &when)
        .fails_saying(2, &["31/12/26", "like 2026-"]);
    site.run("res", &["reset"])
        .fails_saying(2, &["reset", "--help"]);
    site.run("../res", &["whoami"])
        .fails_saying(2, &["letters, digits"]);
    for range in ["9-1", "a-b", "-", "5"] {
        let fetch = ["fetch", "itm-00000000000000000", "--range", range];
        assert_eq!(site.run("res", &fetch).code, Some(2), "{range}");
    }
}

#[test]
fn an_identifier_that_was_mistyped_is_told_from_one_that_does_not_exist() {
    let site = Site::running();
    let study = site.study();
    let (participant, session) = site.interview(&study);
    let file = site.file("a.txt", b"a");
    let item = site.upload(&file, &session, "notes");

    let mut mistyped: Vec<char> = item.chars().collect();
    let last = mistyped.last_mut().expect("a symbol");
    *last = if *last == '0' { '1' } else { '0' };
    let mistyped: String = mistyped.into_iter().collect();
    let fetch = |id: &str| site.run("res", &["fetch", id]);
    fetch(&mistyped).fails_saying(2, &["check symbol does not fit", "copy it again"]);
    fetch(&item[..item.len() - 1]).fails_saying(2, &["17 symbols"]);
    fetch(&item.replacen("itm-", "itm-#", 1)).fails_saying(2, &["symbols"]);
    fetch(&participant).fails_saying(2, &["`itm-`"]);
    fetch("../../etc/passwd").fails_saying(2, &["`itm-`"]);
    // As people write them: small letters, and O and I for 0 and 1.
    let sloppy = item.to_lowercase().replace('0', "o").replace('1', "i");
    fetch(&sloppy).json();
    fetch("itm-00000000000000000").fails_saying(4, &["no such thing", "check the identifier"]);
    let unknown = site.try_upload(&file, "ses-00000000000000000", "notes");
    unknown.fails_saying(4, &["no such thing"]);
}

#[test]
fn what_a_participant_has_not_permitted_is_refused() {
    let site = Site::running();
    let study = site.study();
    let silent = site.participant(&study, "notes", &[]);
    let talkative = site.participant(&study, "notes,audio,video", &[]);
    let alone = site.session(&study, &[&silent]);
    let together = site.session(&study, &[&talkative, &silent]);
    let file = site.file("a.wav", b"a voice");
    for kind in ["audio", "video", "screen", "photo", "transcript"] {
        let said = site.try_upload(&file, &alone, kind);
        said.fails_saying(3, &[&silent, kind, "nothing was taken in"]);
    }
    // One person's silence holds for the whole room.
    let said = site.try_upload(&file, &together, "video");
    said.fails_saying(3, &[&silent, "`video`", "nothing was taken in"]);
    site.upload(&file, &together, "notes");
    // One who has withdrawn keeps everything more out, for everybody in the room.
    site.withdraw(&silent);
    let said = site.try_upload(&file, &together, "notes");
    said.fails_saying(3, &["withdraw"]);
    let elsewhere = site.session(&study, &[&talkative]);
    site.upload(&file, &elsewhere, "video");
}

#[test]
fn a_closed_study_takes_nothing_in_and_gives_out_what_it_has() {
    let site = Site::running();
    let study = site.study();
    let (participant, session) = site.interview(&study);
    let file = site.file("a.txt", b"before");
    let item = site.upload(&file, &session, "notes");
    site.run("lead", &["study", "close", &study]).json();
    let upload = site.try_upload(&file, &session, "notes");
    upload.fails_saying(3, &["closed"]);
    let add = ["participant", "add", "--study", &study, "--permit", "notes"];
    site.run("res", &add).fails_saying(3, &["closed"]);
    let held = [
        "session",
        "add",
        "--study",
        &study,
        "--kind",
        "interview",
        "--date",
    ];
    let date = day(-1);
    let held = [&held[..], &[&date, "--participant", &participant]].concat();
    site.run("res", &held).fails_saying(3, &["closed"]);
    assert_eq!(site.fetch("res", &item), b"before");
}

#[test]
fn nobody_approves_what_they_asked_for() {
    let site = Site::running();
    let study = site.study();
    let (participant, session) = site.interview(&study);
    let file = site.file("a.txt", b"still here");
    let item = site.upload(&file, &session, "notes");
    let erasure = site.run("ig", &["withdraw", &participant]).id();
    let approve = ["erasure", "approve", &erasure];
    site.run("ig", &approve)
        .fails_saying(3, &["does not approve it", "colleague"]);
    for profile in ["admin", "lead", "res"] {
        let said = site.run(profile, &approve);
        assert!(matches!(said.code, Some(3 | 4)), "{said:?}");
    }
    let erasure_of = |profile| site.run(profile, &["erasure", "show", &erasure]).json();
    assert_eq!(erasure_of("ig")["stage"], "requested");
    // Asked again, it is the same one; and there is no certificate of what has not happened.
    let twice = site.run("lead", &["withdraw", &participant]);
    twice.fails_saying(1, &["recorded already", &erasure]);
    let certificate = ["erasure", "certificate", &erasure];
    site.run("ig", &certificate)
        .fails_saying(1, &["not certified yet", "erasure show"]);
    site.enrol("ig2", "information-governance", None);
    let said = site.run("ig2", &approve).json();
    assert_eq!(said["stage"], "certified");
    site.run("ig2", &approve)
        .fails_saying(1, &["decided on already"]);
    site.fetch_in_vain("res", &item).fails(4);
}

#[test]
fn tokens_and_codes_that_do_not_work_are_all_alike() {
    let site = Site::running();
    let study = site.study();
    let invite = ["person", "invite", "--name", "New", "--role", "researcher"];
    let invited = site.run("admin", &invite).json();
    let code = invited["code"].as_str().expect("a code");
    site.login("new", code).json();
    // Used, altered and never given: one answer.
    let used = site.login("new2", code).fails(3);
    let altered = site
        .login("new2", &code.replace('0', "1").replace('7', "8"))
        .fails(3);
    let unknown = site.login("new2", "src1-00000000000000000000").fails(3);
    assert_eq!((&used, &used), (&altered, &unknown));
    assert!(used.contains("new code"), "{used}");
    assert!(!used.contains(code));
    // The one who lost that race is still who they are.
    site.run("new", &["whoami"]).json();

    let token = site.home().join("new").join("token");
    let right = fs::read_to_string(&token).expect("a token");
    let wrong = right.chars().rev().collect::<String>();
    let mut answers = Vec::new();
    for text in [wrong.as_str(), "", "srt1-", &right[1..], "a\u{e9}b"] {
        fs::write(&token, text).expect("written");
        answers.push(site.run("new", &["study", "show", &study]).fails(3));
    }
    assert!(
        answers.iter().all(|answer| answer.contains("login")),
        "{answers:?}"
    );
    fs::write(&token, right).expect("written");
    site.run("new", &["whoami"]).json();
    // Taken back: by leaving, and by an administrator.
    let person = invited["id"].as_str().expect("a person");
    site.run("admin", &["person", "suspend", person]).json();
    let said = site.run("new", &["whoami"]);
    assert_eq!(said.code, Some(3), "{said:?}");
    site.run("res", &["logout"]).json();
    site.run("res", &["whoami"]).fails_saying(3, &["login"]);
    site.run("nobody", &["whoami"])
        .fails_saying(3, &["`nobody` is not logged in", "login"]);
}
