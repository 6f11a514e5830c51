//! Finding one participant by their e-mail address among a hundred thousand of one study, and one by
//! one as it would be without keeping nodes of the key tree open.
//!
//! The promise: under a second on two processors.
//!
//! `cargo bench --bench contacts -- [PARTICIPANTS]`

#![allow(clippy::print_stdout, reason = "a measurement is printed")]
#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "the tests use all of their support, and panic in it"
)]

mod rounds;
#[path = "../tests/it/support/mod.rs"]
mod support;

use rounds::{Contender, alternate, report};
use strongroom::id::ParticipantId;
use strongroom::index::tables;
use strongroom::model::participant::Contact;
use strongroom::model::{Actor, Consent, Event, Participant};
use strongroom::work::WorkError;
use support::house::House;

const PARTICIPANTS: usize = 100_000;
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    let wanted = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let participants = wanted.unwrap_or(PARTICIPANTS);
    let house = House::new().await;
    let first = house.participant("Person 0").await;
    let ids: Vec<ParticipantId> = (1..participants).map(|at| add(&house, first, at)).collect();
    let vault = house.service.vault();
    vault.make_index_durable().expect("durable");

    let sought = ids.get(ids.len() / 2).copied().unwrap_or(first);
    let email = format!("person.{}@example.org", ids.len() / 2 + 1);
    let study = house.staff.study;
    let search = Contender::new("searched", || {
        let found = vault.search_contacts(study, |contact| is(contact, &email));
        assert_eq!(found.expect("searched"), [sought]);
    });
    let singly = Contender::new("one by one", || {
        for id in &ids {
            let view = vault.view().expect("a view");
            let row = view.reader().get(&tables::PARTICIPANTS, id);
            let row = row.expect("read").expect("there");
            std::hint::black_box(view.contact(&row).expect("opens"));
        }
    });
    let mut contenders = [search, singly];
    alternate(ROUNDS, &mut contenders);
    let what = format!("one of {participants} by e-mail");
    report(&what, &contenders, |turn| format!("{turn:.2?}"));
}

fn is(contact: &Contact, email: &str) -> bool {
    contact
        .email
        .as_ref()
        .is_some_and(|it| it.as_str() == email)
}

/// Adds one more like `first`, without waiting for the disk.
fn add(house: &House, first: ParticipantId, at: usize) -> ParticipantId {
    let vault = house.service.vault();
    let id = ParticipantId::random(&*vault.means().entropy).expect("entropy");
    let named = serde_json::json!({
        "name": format!("Person {at}"),
        "email": format!("person.{at}@example.org"),
    });
    let contact: Contact = serde_json::from_value(named).expect("a name and an address");
    let added = vault.note_unwaited::<_, WorkError>(Actor::Gateway, |draft| {
        let row = draft.reader().get(&tables::PARTICIPANTS, &first)?;
        let like = row.ok_or(WorkError::NoSuchThing)?;
        let consent = draft
            .reader()
            .get(&tables::CONSENTS, &(first, like.consent))?;
        let consent = consent.ok_or(WorkError::NoSuchThing)?;
        let [(contact_leaf, key), (material_leaf, _)] = draft.new_keys()?;
        let participant = Participant {
            id,
            contact: Some(vault.seal_contact(id, &key, &contact)?),
            contact_key: contact_leaf,
            material_key: material_leaf,
            ..like
        };
        let consent = Consent {
            participant: id,
            ..consent
        };
        let added = Event::ParticipantAdded {
            participant,
            consent,
        };
        Ok((added, id))
    });
    added.expect("added")
}
