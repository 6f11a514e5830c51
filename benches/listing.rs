//! A page of a hundred out of a million items of one study, as a researcher lists them: decided over,
//! recorded, and with the names they were brought under.
//!
//! The promise: under 10 ms on two processors. Then one participant is erased among all of them, from
//! the approval to the certificate.
//!
//! `cargo bench --bench listing -- [ITEMS]`

#![allow(clippy::print_stdout, reason = "a measurement is printed")]
#![allow(
    dead_code,
    clippy::indexing_slicing,
    reason = "the tests use all of their support, and panic in it"
)]

mod rounds;
#[path = "../tests/it/support/mod.rs"]
mod support;

use std::cell::Cell;
use std::time::Instant;

use rounds::{Contender, alternate, report};
use strongroom::id::{ItemId, ParticipantId, SessionId, UploadId};
use strongroom::index::tables;
use strongroom::model::item::Particulars;
use strongroom::model::{
    Actor, Consent, ErasureStage, Event, Item, OnWithdrawal, Participant, Role, Sealed, Session,
    SessionKind, Upload,
};
use strongroom::vault::MaterialKeys;
use strongroom::work::WorkError;
use strongroom::work::inspect::{self, ItemFilter};
use support::house::House;

const ITEMS: usize = 1_000_000;
const ITEMS_IN_SESSION: usize = 100;
const PAGE: usize = 100;
const ROUNDS: usize = 200;

#[tokio::main]
async fn main() {
    let wanted = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let items: usize = wanted.unwrap_or(ITEMS);
    let house = House::new().await;
    let researcher = house.invite(Role::Researcher).await;
    house.admit_to_study(&researcher, Role::Researcher).await;
    let (mut leaver, first) = house.interview("Person 0", b"words").await;
    let like = leaver;
    let began = Instant::now();
    for _ in 0..items / ITEMS_IN_SESSION {
        let (participant, session) = somebody(&house, like);
        add(&house, first, session);
        leaver = participant;
    }
    house.service.vault().make_index_durable().expect("durable");
    println!("{items} items laid out in {:.0?}", began.elapsed());

    let caller = house.caller(&researcher);
    let filter = ItemFilter {
        study: Some(house.staff.study),
        session: None,
    };
    let after = Cell::new(None);
    let page = Contender::new("a page", || {
        let listing = inspect::items(&house.service, &caller, filter, after.get(), PAGE);
        let page =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(listing));
        let page = page.expect("listed");
        assert!(page.iter().all(|seen| seen.file_name.is_some()));
        after.set(page.last().map(|seen| seen.item.id));
    });
    let audit = Contender::new("its record alone", || {
        let event = Event::StrangersRefused { count: 1 };
        let recorded = house
            .service
            .vault()
            .commit_blocking::<_, WorkError>(Actor::Gateway, |_| Ok((event, ())));
        recorded.expect("recorded");
    });
    let mut contenders = [page, audit];
    alternate(ROUNDS, &mut contenders);
    let what = format!("a page of {PAGE} of {items} items");
    report(&what, &contenders, |turn| format!("{turn:.2?}"));
    drop(contenders);

    let began = Instant::now();
    let withdrawn = house.withdraw(leaver, false).await;
    let frozen = began.elapsed();
    let began = Instant::now();
    let erasure = house.approve(withdrawn.erasure).await;
    assert_eq!(erasure.stage, ErasureStage::Certified);
    println!(
        "one participant and the {ITEMS_IN_SESSION} items they are in: frozen in {frozen:.0?}, from approval to certificate {:.0?}",
        began.elapsed()
    );
}

/// Adds somebody like `first` and a session with them, without waiting for the disk.
fn somebody(house: &House, first: ParticipantId) -> (ParticipantId, SessionId) {
    let vault = house.service.vault();
    let entropy = &*vault.means().entropy;
    let (id, session) = (
        ParticipantId::random(entropy).expect("entropy"),
        SessionId::random(entropy).expect("entropy"),
    );
    let added = vault.note_unwaited::<_, WorkError>(Actor::Gateway, |draft| {
        let reader = draft.reader();
        let like = reader.get(&tables::PARTICIPANTS, &first)?;
        let like = like.expect("a participant");
        let consent = reader.get(&tables::CONSENTS, &(first, like.consent))?;
        let consent = Consent {
            participant: id,
            ..consent.expect("a consent")
        };
        let [(contact_key, _), (material_key, _)] = draft.new_keys()?;
        let participant = Participant {
            id,
            contact: None,
            contact_key,
            material_key,
            last_session: None,
            ..like
        };
        let added = Event::ParticipantAdded {
            participant,
            consent,
        };
        Ok((added, ()))
    });
    added.expect("added");
    let held = vault.note_unwaited::<_, WorkError>(Actor::Gateway, |_| {
        let session = Session {
            id: session,
            study: house.staff.study,
            kind: SessionKind::Interview,
            date: house.service.today(),
            participants: vec![id],
            on_withdrawal: OnWithdrawal::Destroy,
        };
        Ok((Event::SessionAdded { session }, ()))
    });
    held.expect("held");
    (id, session)
}

/// Adds items like `first` to a session, without waiting for the disk.
fn add(house: &House, first: ItemId, session: SessionId) {
    let vault = house.service.vault();
    let entropy = &*vault.means().entropy;
    for number in 0..ITEMS_IN_SESSION {
        let (id, upload) = (ItemId::random(entropy), UploadId::random(entropy));
        let (id, upload) = (id.expect("entropy"), upload.expect("entropy"));
        let begun = vault.note_unwaited::<_, WorkError>(Actor::Gateway, |draft| {
            let reader = draft.reader();
            let like = reader.get(&tables::ITEMS, &first)?.expect("an item");
            let row = reader.get(&tables::SESSIONS, &session)?.expect("a session");
            let [(leaf, key)] = draft.new_keys()?;
            let mut item = Item {
                id,
                session: Some(session),
                participants: row.participants,
                key: leaf,
                particulars: Sealed::new(Vec::new()),
                ..like
            };
            let keys = MaterialKeys {
                item: key,
                people: draft.view().material_keys_of(&item.participants)?,
            };
            let particulars = Particulars {
                file_key: [7; 16],
                payload_nonce: [8; 16],
                file_name: Some(format!("recording {number}.wav")),
            };
            item.particulars = vault.seal_particulars(&item, &keys, &particulars)?;
            let row = Upload {
                id: upload,
                item: item.clone(),
                part_chunks: 1,
                multipart: None,
                expires: draft.now(),
                sealed: Vec::new(),
                stored: Vec::new(),
            };
            let upload = Box::new(row);
            Ok((Event::UploadStarted { upload }, item))
        });
        let item = Box::new(begun.expect("begun"));
        let event = Event::ItemDeposited { upload, item };
        let deposited = vault.note_unwaited::<_, WorkError>(Actor::Gateway, |_| Ok((event, ())));
        deposited.expect("deposited");
    }
}
