//! What ends: days in London, contracts, tokens, and grants with them.

use jiff::Timestamp;
use jiff::civil::date;
use strongroom::access::acts::{AssignItem, OpenItem, ReadStudy, ReadVault};
use strongroom::access::{Act, Denial, Grant, Why};
use strongroom::index::tables;
use strongroom::model::{Role, Standing};

use super::GATE;
use super::asking::{Told, denied};
use super::house::{House, Ids, Pass};

fn at(moment: &str) -> Timestamp {
    moment.parse().expect("a moment")
}

struct Scene {
    house: House,
    ids: Ids,
}

impl Scene {
    fn new() -> Self {
        let mut house = House::new();
        let other = house.person(Role::InformationGovernance, None);
        let ids = house.ids(other.id);
        Self { house, ids }
    }

    fn decide<A: Act>(&self, who: &Pass, on: A::Resource) -> Result<Grant<A>, Denial> {
        let caller = self.house.caller(who);
        GATE.decide(&self.house.read(), &caller, on, self.house.now)
    }

    fn opens(&self, who: &Pass) -> bool {
        self.decide::<OpenItem>(who, self.ids.item).is_ok()
    }

    fn still<A: Act>(&self, grant: &Grant<A>) -> Told {
        let still = GATE.still(&self.house.read(), grant, self.house.now);
        still.map_or_else(|denial| denied(&denial), |()| Told::Yes)
    }
}

/// R31: access ends with its last day, which is London's and not UTC's.
#[test]
fn r31_a_place_ends_at_midnight_in_london() {
    let mut scene = Scene::new();
    let who = scene.house.person(Role::Researcher, None);
    let study = scene.ids.study;
    for (until, last, first) in [
        // Winter time.
        (
            date(2026, 1, 31),
            "2026-01-31T23:59:59Z",
            "2026-02-01T00:00:00Z",
        ),
        // Summer time: midnight is an hour earlier.
        (
            date(2026, 6, 30),
            "2026-06-30T22:59:59Z",
            "2026-06-30T23:00:00Z",
        ),
        // The days on which the clocks change.
        (
            date(2026, 3, 28),
            "2026-03-28T23:59:59Z",
            "2026-03-29T00:00:00Z",
        ),
        (
            date(2026, 3, 29),
            "2026-03-29T22:59:59Z",
            "2026-03-29T23:00:00Z",
        ),
        (
            date(2026, 10, 24),
            "2026-10-24T22:59:59Z",
            "2026-10-24T23:00:00Z",
        ),
        (
            date(2026, 10, 25),
            "2026-10-25T23:59:59Z",
            "2026-10-26T00:00:00Z",
        ),
    ] {
        scene
            .house
            .place(study, &who, Role::Researcher, Some(until));
        scene.house.now = at(last);
        let grant = scene
            .decide::<OpenItem>(&who, scene.ids.item)
            .expect("granted");
        assert_eq!(grant.expires(), at(first), "{until}");
        assert_eq!(grant.decided(), at(last));
        scene.house.now = at(first);
        assert!(!scene.opens(&who), "{until}");
        assert_eq!(scene.still(&grant), Told::NoSuchThing);
    }
}

/// R29: when the contract lapses, access stops, even in the middle of a transfer.
#[test]
fn r29_a_contract_that_lapses_stops_a_transfer() {
    let mut scene = Scene::new();
    let signed = date(2025, 2, 1);
    scene
        .house
        .edit(&tables::SUPPLIERS, scene.ids.supplier, |row| {
            row.contract_signed = signed;
        });
    let who = scene
        .house
        .person(Role::Transcriber, Some(scene.ids.supplier));
    let grant = scene
        .decide::<OpenItem>(&who, scene.ids.item)
        .expect("granted");
    assert_eq!(grant.expires(), at("2026-02-01T00:00:00Z"));
    scene.house.now = at("2026-01-31T23:59:59Z");
    assert_eq!(scene.still(&grant), Told::Yes);
    scene.house.now = at("2026-02-01T00:00:00Z");
    assert_eq!(scene.still(&grant), Told::NoSuchThing);
    // Refreshed, it goes on to the end of the assignment.
    scene
        .house
        .edit(&tables::SUPPLIERS, scene.ids.supplier, |row| {
            row.contract_signed = date(2026, 2, 1);
        });
    let grant = scene
        .decide::<OpenItem>(&who, scene.ids.item)
        .expect("granted");
    assert_eq!(grant.expires(), at("2026-03-31T23:00:00Z"));
    scene
        .house
        .edit(&tables::SUPPLIERS, scene.ids.supplier, |row| {
            row.approved = false;
        });
    assert_eq!(scene.still(&grant), Told::NoSuchThing);
}

/// Whoever may do something for two reasons is asked again when the first of them ends.
#[test]
fn the_reason_that_ends_first_counts() {
    let mut scene = Scene::new();
    let (study, until) = (scene.ids.study, Some(date(2026, 1, 31)));
    let who = scene.house.person(Role::InformationGovernance, None);
    let knows = scene.decide::<ReadStudy>(&who, study).expect("granted");
    assert_eq!(knows.expires(), knows.caller().expires());
    scene.house.place(study, &who, Role::StudyLead, until);
    let knows = scene.decide::<ReadStudy>(&who, study).expect("granted");
    assert_eq!(knows.expires(), at("2026-02-01T00:00:00Z"));

    let firm = Some(scene.ids.supplier);
    let who = scene.house.person(Role::Transcriber, firm);
    scene.house.place(study, &who, Role::Researcher, None);
    let opens = scene
        .decide::<OpenItem>(&who, scene.ids.item)
        .expect("granted");
    assert_eq!(opens.expires(), at("2026-03-31T23:00:00Z"));
}

#[test]
fn what_is_given_to_a_supplier_ends_with_its_contract() {
    let mut scene = Scene::new();
    let lead = scene.house.person(Role::StudyLead, None);
    scene
        .house
        .place(scene.ids.study, &lead, Role::StudyLead, None);
    let on = (scene.ids.item, scene.ids.supplier);
    let grant = scene.decide::<AssignItem>(&lead, on).expect("granted");
    assert_eq!((grant.loaded().id, grant.on()), (scene.ids.item, &on));
    assert_eq!(grant.expires(), at("2027-01-02T00:00:00Z"));
}

/// A grant ends with the token, and a token with its moment or at once.
#[test]
fn a_token_taken_back_stops_a_transfer() {
    let mut scene = Scene::new();
    let who = scene.house.person(Role::Auditor, None);
    let (first, second) = (scene.house.token(who.id), scene.house.token(who.id));
    let one = scene.decide::<ReadVault>(&first, ()).expect("granted");
    let other = scene.decide::<ReadVault>(&second, ()).expect("granted");
    assert_eq!(one.caller().token(), first.token);
    assert_eq!(one.expires(), one.caller().expires());

    let digest = strongroom::access::BearerToken::digest_of(&first.bearer).expect("a token");
    scene
        .house
        .change(|batch| batch.remove(&tables::TOKENS, digest.as_bytes()));
    assert_eq!(scene.still(&one), Told::Stranger);
    assert_eq!(scene.still(&other), Told::Yes);

    scene
        .house
        .edit(&tables::PEOPLE, who.id, |row| row.suspended = true);
    assert_eq!(scene.still(&other), Told::Stranger);
    scene
        .house
        .edit(&tables::PEOPLE, who.id, |row| row.suspended = false);
    assert_eq!(scene.still(&other), Told::Yes);
    scene.house.now = other.expires();
    assert_eq!(scene.still(&other), Told::Stranger);
}

/// What changes while a transfer runs stops it: a withdrawal, the end of a place, another role.
#[test]
fn a_transfer_stops_when_things_change() {
    let mut scene = Scene::new();
    let who = scene.house.person(Role::Researcher, None);
    let study = scene.ids.study;
    scene.house.place(study, &who, Role::Researcher, None);
    let grant = scene
        .decide::<OpenItem>(&who, scene.ids.item)
        .expect("granted");
    assert_eq!(scene.still(&grant), Told::Yes);

    scene.house.stand(scene.ids.participant, Standing::Frozen);
    assert_eq!(scene.still(&grant), Told::Refused(Why::WithdrawalUnderWay));
    scene.house.stand(scene.ids.participant, Standing::Active);
    assert_eq!(scene.still(&grant), Told::Yes);

    scene
        .house
        .edit(&tables::PEOPLE, who.id, |row| row.role = Role::Commissioner);
    assert_eq!(scene.still(&grant), Told::NoSuchThing);
    scene
        .house
        .edit(&tables::PEOPLE, who.id, |row| row.role = Role::Researcher);
    let place = (study, who.id);
    scene
        .house
        .change(|batch| batch.remove(&tables::MEMBERSHIPS, &place));
    assert_eq!(scene.still(&grant), Told::NoSuchThing);
}
