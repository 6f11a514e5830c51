//! Getting another token by holding the identity one enrolled with (R31, R47).

use std::io::Read as _;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use strongroom::clock::{Clock as _, ManualClock, SystemClock};
use strongroom::limits::{CHALLENGE_LIFETIME, TOKEN_LIFETIME};

use crate::support::gateway::{Answer, House, Person, json_of, on_loopback, text};

/// A person with the identity they enrolled with.
async fn enrolled(house: &House, admin: &Person) -> (Person, age::x25519::Identity) {
    let identity = age::x25519::Identity::generate();
    let new = json!({ "name": "Rob", "role": "researcher" });
    let invited = admin.post("/v1/people", &new).await;
    let recipient = identity.to_public().to_string();
    let enrolment = json!({ "code": text(&invited, "code"), "recipient": recipient, "terms": 1 });
    (house.enrol_with(&enrolment).await, identity)
}

async fn challenge(house: &House, person: &str) -> Vec<u8> {
    let asked = house
        .ask(Method::POST, "/v1/challenges")
        .json(&json!({ "person": person }));
    let response = asked.send().await.expect("answered");
    let challenge = json_of(response, StatusCode::CREATED).await;
    BASE64_STANDARD
        .decode(text(&challenge, "sealed"))
        .expect("base64")
}

fn open(sealed: &[u8], identity: &age::x25519::Identity) -> Option<Vec<u8>> {
    let decryptor = age::Decryptor::new(sealed).expect("an age file");
    let mut answer = Vec::new();
    let identity: &dyn age::Identity = identity;
    let mut reader = decryptor.decrypt(std::iter::once(identity)).ok()?;
    reader.read_to_end(&mut answer).expect("whole");
    Some(answer)
}

async fn renew(house: &House, person: &str, answer: &[u8]) -> Answer {
    let renewal = json!({ "person": person, "answer": BASE64_STANDARD.encode(answer) });
    let asked = house.ask(Method::POST, "/v1/tokens").json(&renewal);
    Answer::of(asked.send().await.expect("answered")).await
}

fn token_in(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    let body: Value = serde_json::from_slice(&answer.body).expect("json");
    text(&body, "token")
}

async fn works(house: &House, token: &str) -> bool {
    let asked = house.ask(Method::GET, "/v1/me").bearer_auth(token);
    asked.send().await.expect("answered").status() == StatusCode::OK
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_the_identity_is_let_in_again_after_the_token_expired() {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let house = House::open_with(on_loopback(), Arc::clone(&clock) as _).await;
    let admin = house.admin().await;
    let (rob, identity) = enrolled(&house, &admin).await;

    clock.advance(SignedDuration::try_from(TOKEN_LIFETIME).expect("a span"));
    assert!(!works(&house, &rob.token).await);

    let sealed = challenge(&house, &rob.id).await;
    let answer = open(&sealed, &identity).expect("sealed to them");
    let token = token_in(&renew(&house, &rob.id, &answer).await);
    assert!(works(&house, &token).await);

    // An answer serves once.
    let again = renew(&house, &rob.id, &answer).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);

    // And not for ever.
    let sealed = challenge(&house, &rob.id).await;
    let answer = open(&sealed, &identity).expect("sealed to them");
    clock.advance(SignedDuration::try_from(CHALLENGE_LIFETIME).expect("a span"));
    let late = renew(&house, &rob.id, &answer).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);

    // Nor with the clock set back.
    clock.advance(SignedDuration::from_hours(-24));
    assert!(
        !works(&house, &rob.token).await,
        "what expired stays expired"
    );
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_let_in_and_nothing_is_told() {
    let house = House::open().await;
    let admin = house.admin().await;
    let (rob, identity) = enrolled(&house, &admin).await;
    let (eve, eves) = enrolled(&house, &admin).await;

    // Rob's challenge does not open for Eve, and her own answers nothing of his.
    let robs = challenge(&house, &rob.id).await;
    assert!(open(&robs, &eves).is_none());
    let answer = open(&challenge(&house, &eve.id).await, &eves).expect("hers");
    let stolen = renew(&house, &rob.id, &answer).await;

    // Somebody unknown, and somebody who enrolled without a recipient, get one that looks the same.
    let unknown = "psn-000000000000016JD";
    let theirs = challenge(&house, unknown).await;
    let admins = challenge(&house, &admin.id).await;
    assert_eq!(theirs.len(), robs.len());
    assert_eq!(admins.len(), robs.len());
    let nobody = renew(&house, unknown, &answer).await;
    assert_eq!(stolen.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stolen.body, nobody.body, "one answer");

    // Whoever is suspended stays out.
    let path = format!("/v1/people/{}/suspension", rob.id);
    let suspended = admin
        .ask(Method::PUT, &path)
        .json(&json!({ "suspended": true }));
    assert!(
        suspended
            .send()
            .await
            .expect("answered")
            .status()
            .is_success()
    );
    let answer = open(&challenge(&house, &rob.id).await, &identity);
    assert!(answer.is_none(), "what they get, nobody opens");
    house.close().await;
}
