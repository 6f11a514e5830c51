//! Tokens and codes that do not work: all of them get one answer.

use jiff::ToSpan;
use strongroom::access::{Denial, EnrolmentCode, authenticate, redeem};
use strongroom::index::tables;
use strongroom::model::Role;

use super::house::House;

/// What a stranger is told, and what the log is.
fn stranger<T: std::fmt::Debug>(answer: Result<T, Denial>) -> (String, &'static str) {
    match answer.expect_err("a stranger") {
        Denial::Stranger(stranger) => (format!("{stranger} {stranger:?}"), stranger.for_the_log()),
        other => panic!("no stranger: {other}"),
    }
}

/// All were told the same, and for as many reasons as there are.
fn expect_one_answer(strangers: &[(String, &'static str)]) {
    let (told, _) = strangers.first().expect("a stranger");
    assert!(strangers.iter().all(|(other, _)| other == told));
    let mut reasons: Vec<_> = strangers.iter().map(|(_, reason)| reason).collect();
    reasons.sort();
    reasons.dedup();
    assert_eq!(reasons.len(), strangers.len());
}

#[test]
fn a_token_that_does_not_work_is_one_answer() {
    let mut house = House::new();
    let who = house.person(Role::Researcher, None);
    let token = |house: &House| authenticate(&house.read(), &who.bearer, house.now);
    let caller = token(&house).expect("it works");
    assert_eq!((caller.person().id, caller.token()), (who.id, who.token));
    let shouted = format!(" {} ", who.bearer.to_uppercase());
    assert!(authenticate(&house.read(), &shouted, house.now).is_ok());

    let unknown = House::new().person(Role::Researcher, None).bearer;
    let mut strangers = vec![
        stranger(authenticate(&house.read(), "srt1-", house.now)),
        stranger(authenticate(&house.read(), &unknown, house.now)),
        stranger(authenticate(&house.read(), &who.bearer, caller.expires())),
    ];
    house.edit(&tables::PEOPLE, who.id, |row| row.suspended = true);
    strangers.push(stranger(token(&house)));
    house.edit(&tables::PEOPLE, who.id, |row| {
        row.suspended = false;
        row.enrolled = false;
    });
    strangers.push(stranger(token(&house)));
    house.change(|batch| batch.remove(&tables::PEOPLE, &who.id));
    strangers.push(stranger(token(&house)));
    let digest = strongroom::access::BearerToken::digest_of(&who.bearer).expect("a token");
    house.edit(&tables::TOKENS, *digest.as_bytes(), |row| {
        row.revoked = true
    });
    strangers.push(stranger(token(&house)));
    expect_one_answer(&strangers);
}

#[test]
fn a_code_works_once_and_for_a_while() {
    let mut house = House::new();
    let who = house.person(Role::Researcher, None);
    let (code, invitation) = house.invitation(who.id);
    let found = redeem(&house.read(), &code, house.now).expect("it works");
    assert_eq!(found, invitation);
    // A token is no code, and a code no token.
    assert!(redeem(&house.read(), &who.bearer, house.now).is_err());
    assert!(authenticate(&house.read(), &code, house.now).is_err());

    let (unknown, _) = House::new().invitation(who.id);
    let digest = *EnrolmentCode::digest_of(&code).expect("a code").as_bytes();
    let mut strangers = vec![
        stranger(redeem(&house.read(), "", house.now)),
        stranger(redeem(&house.read(), &unknown, house.now)),
        stranger(redeem(&house.read(), &code, house.now + 24.hours())),
    ];
    house.edit(&tables::PEOPLE, who.id, |row| row.suspended = true);
    strangers.push(stranger(redeem(&house.read(), &code, house.now)));
    house.edit(&tables::PEOPLE, who.id, |row| row.suspended = false);
    house.edit(&tables::INVITATIONS, digest, |row| row.used = true);
    strangers.push(stranger(redeem(&house.read(), &code, house.now)));
    expect_one_answer(&strangers);
}
