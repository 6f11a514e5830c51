//! Rights requests and disclosures at the command line, with the real program.

use age::secrecy::SecretString;
use strongroom::agefile::{Workers, open_file};

use super::rights::Unpacked;
use crate::support::cli::{Site, day, noise, plain, text};

/// R7, R16, R17, R20: from what somebody asks to what they hold in their hands.
#[test]
fn r16_a_request_is_recorded_answered_and_opened_with_other_peoples_programs() {
    let site = Site::running();
    let study = site.study();
    let (person, session) = site.interview(&study);
    let voice = noise(700_000);
    let file = site.file("interview.wav", &voice);
    let item = site.upload(&file, &session, "audio");
    let open = |kind: &str, who: &str| {
        let fixed = ["request", "open", "--study", &study, "--kind", kind];
        site.run("lead", &[&fixed[..], &["--participant", who]].concat())
    };
    let opened = open("access", &person).json();
    let id = text(&opened, "id");
    assert_eq!(text(&opened, "status"), "open");
    let late = ["request", "pause", &id, "--reason", "proof", "--from"];
    let tomorrow = day(2);
    site.run("ig", &[&late[..], &[&tomorrow]].concat())
        .fails_saying(1, &["has not come yet"]);
    let listed = site
        .run("ig", &["request", "list", "--study", &study])
        .rows();
    assert_eq!(text(&listed[0], "id"), id);
    assert_eq!(listed[0]["overdue"], false);

    let bundle = site.path("answer.age");
    let to = ["request", "bundle", &id, "--force", "-o", plain(&bundle)];
    let identity = age::x25519::Identity::generate();
    let public = identity.to_public().to_string();
    let sealed = [&to[..], &["--recipient", &public]].concat();
    site.run("lead", &sealed)
        .fails_saying(3, &["nothing to fetch"]);
    let answered = site.run("ig", &["request", "answer", &id]).json();
    assert_eq!(text(&answered, "status"), "answered");
    site.run("ig", &sealed).fails(3);
    site.run("lead", &sealed).json();
    let bytes = std::fs::read(&bundle).expect("fetched");
    if let Some(answer) = Unpacked::new(&bytes, &identity) {
        let about = answer.json("about.json");
        let name = about["items"][0]["file"].as_str().expect("a file");
        assert_eq!(name, format!("items/{item}/interview.wav"));
        assert!(answer.file(name).expect("unpacked") == voice);
        assert!(answer.file("use/0001.json").is_some());
    }

    // Under a passphrase, which the gateway is never told.
    let short = site.file("short", b"secret\n");
    let phrase = [&to[..], &["--passphrase-file", plain(&short)]].concat();
    site.run("lead", &phrase).fails_saying(2, &["shorter"]);
    let words = "correct horse battery staple";
    let file = site.file("phrase", format!("{words}\n").as_bytes());
    let phrase = [&to[..], &["--passphrase-file", plain(&file)]].concat();
    site.run("lead", &phrase).json();
    let bytes = std::fs::read(&bundle).expect("fetched");
    let mut knows = age::scrypt::Identity::new(SecretString::from(words.to_owned()));
    knows.set_max_work_factor(20);
    let mut tar = Vec::new();
    let with = [&knows as &dyn age::Identity];
    open_file(&mut &bytes[..], &mut tar, with, &Workers::one()).expect("opens");
    assert!(tar.windows(64).any(|window| window == &voice[..64]));
    assert!(!site.log().contains(words), "it stays where it is typed");

    // Somebody unknown, and afterwards she herself: nothing is held.
    let stranger = text(&open("erasure", &person).json(), "id");
    let withdrawn = site.run("ig", &["request", "answer", &stranger]).json();
    assert_eq!(text(&withdrawn, "outcome"), "withdrawal");
    site.enrol("ig2", "information-governance", None);
    let erasure = text(&withdrawn, "erasure");
    site.run("ig2", &["erasure", "approve", &erasure]).json();
    site.run("lead", &sealed)
        .fails_saying(3, &["nothing to fetch"]);
    let nothing = open("access", &person).json();
    assert_eq!(text(&nothing, "status"), "nothing-held");
}

/// R37, R38: what the lead and information governance type, and what they are told.
#[test]
fn r38_grounds_are_fixed_and_only_governance_sees_what_was_raised() {
    let site = Site::running();
    let study = site.study();
    let (_, session) = site.interview(&study);
    let file = site.file("interview.wav", &noise(1000));
    let item = site.upload(&file, &session, "audio");
    let raise = |ground: &str| {
        let fixed = ["disclosure", "raise", "--study", &study, "--ground", ground];
        site.run("lead", &[&fixed[..], &["--item", &item]].concat())
    };
    raise("marketing").fails_saying(2, &["wrongdoing", "legal-duty", "fraud"]);
    raise("fraud").fails_saying(1, &["safeguarding lead"]);
    assert!(site.run("ig", &["disclosure", "list"]).rows().is_empty());
    assert!(site.run("lead", &["disclosure", "list"]).rows().is_empty());
}
