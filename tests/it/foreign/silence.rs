//! What the log never says, however much it is asked to say.

use std::path::Path;
use std::process::Command;

use age_core::format::FileKey;
use age_core::secrecy::ExposeSecret as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE, Engine};
use http::Method;
use serde_json::{Value, json};
use strongroom::agefile::open_header;

use super::house::{House, How, PARTICIPANT, PARTICIPANT_EMAIL, Study, json_line, said};
use super::{PART, recorded, recording};
use crate::support::gateway::text;
use crate::support::peers::{S3sFs, SECRET};

/// What the recording holds, many times over.
const CANARY: &[u8] = b"the-canary-in-the-recording-sings-of-tredegar";
/// What the file is called.
const FILE: &str = "Angharad-of-the-Valleys-interview.wav";

/// Something that must not be read anywhere, and what it is.
struct Secret(&'static str, Vec<u8>);

impl Secret {
    fn new(what: &'static str, bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().trim_ascii();
        assert!(bytes.len() >= 8, "{what} would be found by chance");
        Self(what, bytes.to_vec())
    }

    /// The forms in which `text` holds it.
    fn found_in(&self, text: &[u8]) -> Vec<String> {
        let forms = forms(&self.1).into_iter();
        let found = forms.filter(|(_, form)| holds(text, form));
        found
            .map(|(form, _)| format!("{} {form}", self.0))
            .collect()
    }
}

/// Bytes as they are, and as programs write them: in hexadecimal, as a list, and in base64 wherever
/// in a text they may begin.
fn forms(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex = |case: fn(&u8) -> String| bytes.iter().map(case).collect::<String>().into_bytes();
    let list = format!("{bytes:?}");
    let inner = list.trim_matches(['[', ']']).to_owned();
    let mut forms = vec![
        ("as it is", bytes.to_vec()),
        ("in hexadecimal", hex(|byte| format!("{byte:02x}"))),
        ("in HEXADECIMAL", hex(|byte| format!("{byte:02X}"))),
        ("as a list", inner.into_bytes()),
        ("escaped", bytes.escape_ascii().to_string().into_bytes()),
    ];
    for engine in [BASE64_STANDARD, BASE64_URL_SAFE] {
        for before in 0..3 {
            let encoded = engine.encode([&vec![0; before], bytes].concat());
            // Without the characters in which what stands beside it takes part.
            let whole = (before + bytes.len()) / 3 * 4;
            let first = (before * 4).div_ceil(3);
            forms.push((
                "in base64",
                encoded
                    .as_bytes()
                    .split_at(whole)
                    .0
                    .split_at(first)
                    .1
                    .to_vec(),
            ));
        }
    }
    forms
}

/// Whether `needle` is in `hay`, found without looking at every byte twice.
fn holds(hay: &[u8], needle: &[u8]) -> bool {
    let (first, rest) = needle.split_first().expect("something to look for");
    let begins = |place: &usize| hay.split_at(place + 1).1.starts_with(rest);
    let places = hay.iter().enumerate().filter(|(_, byte)| *byte == first);
    places.map(|(place, _)| place).any(|place| begins(&place))
}

/// Runs the researcher's command line with everything logged; gives what it printed and what it logged.
fn chatty(house: &House, arguments: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let mut command: Command = house.command(arguments);
    let ran = command
        .env("STRONGROOM_LOG", "trace")
        .output()
        .expect("it runs");
    let logged = ran.stderr.clone();
    (said(ran), logged)
}

/// The key of the payload in a sealed copy that is addressed to the researcher.
fn file_key(house: &House, copy: &[u8]) -> FileKey {
    let identity = house.read("home/default/identity.txt");
    let secret = identity
        .lines()
        .find(|line| line.starts_with("AGE-SECRET-KEY-"));
    let secret = secret
        .expect("an identity")
        .parse::<age::x25519::Identity>();
    let secret = secret.expect("an identity");
    open_header(&mut &*copy, [&secret as &dyn age::Identity]).expect("it is addressed to them")
}

/// R46: everything is done once, with everything logged, and the log is searched for everything
/// that is not its business. What the command line logs is, too, but for the file's name, which is
/// its user's own.
#[tokio::test(flavor = "multi_thread")]
async fn r46_no_log_holds_a_secret_a_name_or_a_word_of_a_recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = S3sFs::start(folder.path(), "tapes").await;
    let house = House::open_with(How::on(&store.endpoint()).with("STRONGROOM_LOG", "trace"));
    let study = house.study().await;
    mistakes(&house, &study).await;

    // An upload in one piece, one in parts, and everything that can be fetched.
    let mut heard = Vec::new();
    let small = CANARY.repeat(100);
    let large = [
        CANARY.repeat(1000),
        recording(PART + 1000),
        CANARY.repeat(1000),
    ]
    .concat();
    let mut copies = Vec::new();
    for whole in [&small, &large] {
        let file = named(house.dir(), whole);
        let session = study.session.as_str();
        let upload = [
            "--json",
            "upload",
            &file,
            "--session",
            session,
            "--kind",
            "audio",
        ];
        let (uploaded, logged) = chatty(&house, &upload);
        heard.push(logged);
        let item = json_line(&uploaded)["id"]
            .as_str()
            .expect("an item")
            .to_owned();
        let (fetched, logged) = chatty(&house, &["fetch", &item, "-o", "-"]);
        assert!(&fetched == whole);
        heard.push(logged);
        let (_, logged) = chatty(&house, &["fetch", &item, "--range", "10-99", "-o", "-"]);
        heard.push(logged);
        let (copy, logged) = chatty(&house, &["fetch", &item, "--sealed", "-o", "-"]);
        heard.push(logged);
        copies.push(copy);
    }
    let another = json!({ "name": "Another Researcher", "role": "researcher" });
    let another = study.admin.post("/v1/people", &another).await;
    let code = another["code"].as_str().expect("a code").to_owned();
    let login = ["--profile", "another", "login", &house.url, "--code", &code];
    heard.push(chatty(&house, &login).1);
    erase(&house, &study).await;

    let mut secrets = vec![
        Secret::new("the store's secret", SECRET),
        Secret::new(
            "the vault's identity",
            house
                .read("vault/unlock-identity.txt")
                .lines()
                .last()
                .expect("a line"),
        ),
        Secret::new(
            "a researcher's identity",
            house
                .read("home/default/identity.txt")
                .lines()
                .last()
                .expect("a line"),
        ),
        Secret::new("a token", &study.token),
        Secret::new("another token", house.read("home/another/token")),
        Secret::new("an administrator's token", &study.admin.token),
        Secret::new("an administrator's code", house.admin_code()),
        Secret::new("a code", &study.code),
        Secret::new("another code", &code),
        Secret::new("a recording", CANARY),
        Secret::new("a participant's name", PARTICIPANT),
        Secret::new("a participant's address", PARTICIPANT_EMAIL),
    ];
    for copy in &copies {
        let key = file_key(&house, copy);
        secrets.push(Secret::new("a file key", key.expose_secret()));
    }
    for logged in &heard {
        assert!(holds(logged, b"TRACE"), "the command line logs everything");
        let found: Vec<_> = secrets
            .iter()
            .flat_map(|secret| secret.found_in(logged))
            .collect();
        assert!(found.is_empty(), "the command line logs {found:?}");
    }
    secrets.push(Secret::new("a file's name", FILE));
    let log = house.log();
    for said in [
        "TRACE",
        "DEBUG",
        "/v1/uploads/{upload}",
        "/v1/enrolments",
        "PUT",
    ] {
        assert!(
            holds(&log, said.as_bytes()),
            "the gateway logs everything: {said}"
        );
    }
    let found: Vec<_> = secrets
        .iter()
        .flat_map(|secret| secret.found_in(&log))
        .collect();
    assert!(found.is_empty(), "the gateway logs {found:?}");
    assert!(!holds(&log, b"AGE-SECRET-KEY-") && !holds(&log, b"panicked"));
}

/// Requests that go wrong with something secret in them.
async fn mistakes(house: &House, study: &Study) {
    let token = &study.token;
    for (method, path) in [
        (Method::GET, format!("/v1/me?token={token}")),
        (Method::GET, format!("/v1/{token}")),
        (Method::GET, format!("/v1/items/{token}")),
        (Method::GET, format!("/v1/items?session={token}")),
        (Method::PUT, format!("/v1/people/{token}/suspension")),
    ] {
        for request in [
            house.ask(method.clone(), &path),
            study.lead.ask(method.clone(), &path),
        ] {
            let status = request.send().await.expect("answered").status();
            assert!(!status.is_server_error(), "{method}: {status}");
        }
    }
    let wrong = json!({ "permit": [PARTICIPANT], "name": PARTICIPANT, "email": { "is": PARTICIPANT_EMAIL } });
    let path = format!("/v1/studies/{}/participants", study.id);
    let torn = format!("{{\"name\": \"{PARTICIPANT}\", \"permit\": [\"aud");
    for body in [wrong.to_string(), torn] {
        let request = study
            .lead
            .ask(Method::POST, &path)
            .header("Content-Type", "application/json");
        let answer = request.body(body).send().await.expect("answered");
        assert!(answer.status().is_client_error());
    }
    // A code that was used, and a name no file can have.
    let again = house
        .ask(Method::POST, "/v1/enrolments")
        .json(&json!({ "code": study.code }));
    assert!(
        again
            .send()
            .await
            .expect("answered")
            .status()
            .is_client_error()
    );
    let odd = study
        .lead
        .begin(&study.session, "audio", &format!("{FILE}\n{FILE}"), 10);
    assert!(
        odd.send()
            .await
            .expect("answered")
            .status()
            .is_client_error()
    );
    let unpermitted = study.lead.begin(&study.session, "photo", FILE, 10);
    assert!(
        unpermitted
            .send()
            .await
            .expect("answered")
            .status()
            .is_client_error()
    );
}

/// A recording in a file of the name that must not show.
fn named(folder: &Path, bytes: &[u8]) -> String {
    let file = folder.join(FILE);
    std::fs::rename(recorded(folder, bytes), &file).expect("named");
    file.to_str().expect("a plain path").to_owned()
}

/// The participant withdraws and is erased.
async fn erase(house: &House, study: &Study) {
    let officer = house.invite(&study.admin, "information-governance").await;
    let path = format!("/v1/participants/{}/withdrawal", study.participant);
    let withdrawn = study.lead.post(&path, &json!({})).await;
    let erasure = text(&withdrawn, "id");
    let approved: Value = officer
        .post(&format!("/v1/erasures/{erasure}/approval"), &json!({}))
        .await;
    assert_eq!(text(&approved, "stage"), "certified", "{approved}");
}

#[test]
fn a_secret_is_found_in_every_form() {
    let secret = Secret::new("a key", b"\x00\x01canary\xfe\xff");
    let bytes = &secret.1[..];
    for before in 0..3 {
        let around = [&b"xyz"[..before], bytes, b"after"].concat();
        for text in [
            around.clone(),
            format!("{around:?}").into_bytes(),
            format!("{}", around.escape_ascii()).into_bytes(),
            BASE64_STANDARD.encode(&around).into_bytes(),
            BASE64_URL_SAFE.encode(&around).into_bytes(),
            around
                .iter()
                .flat_map(|byte| format!("{byte:02x}").into_bytes())
                .collect(),
        ] {
            assert!(
                !secret.found_in(&text).is_empty(),
                "{}",
                text.escape_ascii()
            );
        }
    }
    assert!(secret.found_in(b"\x00\x01canar\xfe\xff").is_empty());
}
