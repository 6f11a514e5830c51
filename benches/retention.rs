//! What is due of a million items of one study, with few due: as `retention due` lists it. And what a
//! gateway with so many waits for before it starts: its index, every row of it verified.
//!
//! The promise: under two seconds on two processors for the list, and three for the start.
//!
//! `cargo bench --bench retention -- [ITEMS]`

#![allow(clippy::print_stdout, reason = "a measurement is printed")]

mod rounds;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use rounds::{Contender, alternate, report};
use strongroom::entropy::{Entropy, SystemEntropy};
use strongroom::id::{ItemId, ParticipantId, PersonId, SessionId, StudyId};
use strongroom::index::{Batch, Index, tables};
use strongroom::model::retention::{OwnDays, Subject};
use strongroom::model::{
    Item, Kind, LawfulBasis, LeafNumber, Participant, Permission, Sealed, Session, SessionKind,
    Standing, Study, StudyMoment, Tier,
};
use strongroom::secret::Key;
use strongroom::work::retain;

const ITEMS: u64 = 1_000_000;
const ROUNDS: usize = 9;
/// Items of a session: a recording, its transcript, notes and a photograph.
const KINDS: [Kind; 4] = [Kind::Audio, Kind::Transcript, Kind::Notes, Kind::Photo];
/// Days over which sessions were held.
const DAYS: u64 = 730;
const FIRST: Date = date(2024, 3, 1);
/// The day on which what was held on the first day is due.
const TODAY: Date = date(2026, 3, 1);

fn main() -> Result<(), Box<dyn Error>> {
    let wanted = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let items: u64 = wanted.unwrap_or(ITEMS);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
    let home = tempfile::tempdir()?;
    let key = Key::random(&*entropy)?;
    let dir = home.path().join("index");
    let index = Index::create(&dir, &key, entropy.clone())?;
    let study = study(&*entropy)?;
    let began = Instant::now();
    let sessions = items / KINDS.len() as u64;
    for number in 0..sessions {
        let batch = session(&study, number, &*entropy)?;
        index.apply_gathering(batch, number + 1, [7; 32])?;
    }
    index.make_durable()?;
    println!("{items} items laid out in {:.1?}", began.elapsed());

    let studies = [study];
    let mut due = 0;
    let mut first_page = Contender::new("the first page", || {
        let reader = index.read().expect("read");
        let list = retain::due_in(&reader, &studies, TODAY, None, 1000).expect("listed");
        due = list.total;
        list.rows.len()
    });
    alternate(ROUNDS, std::slice::from_mut(&mut first_page));
    let contenders = [first_page];
    report("what is due, and why", &contenders, |turn| {
        format!("{turn:.2?}")
    });
    drop(contenders);
    println!("{due} things were due");
    index.close()?;

    let began = Instant::now();
    let index = Index::open(&dir, &key, entropy)?;
    println!(
        "opened, every row of {items} items verified: {:.2} s",
        began.elapsed().as_secs_f64()
    );
    index.close()?;
    Ok(())
}

fn study(entropy: &dyn Entropy) -> Result<Study, Box<dyn Error>> {
    let rules = "audio: 7d after transcript-accepted; identifiable: earliest of (2y after session, 12m after publication)";
    let mut study = Study::new(
        StudyId::random(entropy)?,
        "A large study".parse()?,
        "Ministry of Justice".parse()?,
        LawfulBasis::PublicTask,
        "30d".parse()?,
        rules.parse()?,
        LeafNumber::FIRST,
    );
    study.moments = BTreeMap::from([(StudyMoment::CollectionEnds, TODAY)]);
    Ok(study)
}

/// One session with its participant and everything in it.
fn session(study: &Study, number: u64, entropy: &dyn Entropy) -> Result<Batch, Box<dyn Error>> {
    let mut batch = Batch::new();
    let held = FIRST.checked_add(i64::try_from(number % DAYS)?.days())?;
    let (who, session) = (ParticipantId::random(entropy)?, SessionId::random(entropy)?);
    let row = Session {
        id: session,
        study: study.id,
        kind: SessionKind::Interview,
        date: held,
        participants: vec![who],
        on_withdrawal: Default::default(),
    };
    batch.put(&tables::SESSIONS, &session, &row)?;
    batch.put(&tables::SESSIONS_OF, &(study.id, session), &())?;
    batch.put(&tables::SESSIONS_WITH, &(who, session), &())?;
    let row = Participant {
        id: who,
        study: study.id,
        permissions: Permission::ALL.into(),
        consent: 1,
        notice: None,
        group: None,
        source: None,
        contact: None,
        contact_key: LeafNumber::FIRST,
        material_key: LeafNumber::FIRST,
        added: held,
        last_session: Some(held),
        standing: Standing::Active,
        restricted: false,
    };
    batch.put(&tables::PARTICIPANTS, &who, &row)?;
    batch.put(&tables::PARTICIPANTS_OF, &(study.id, who), &())?;
    batch.put(&tables::PEOPLE_ON, &(study.id, held, who), &())?;
    let depositor = PersonId::random(entropy)?;
    for kind in KINDS {
        let id = ItemId::random(entropy)?;
        // Recordings whose transcripts were accepted are gone; few wait for their week to be over.
        let accepted = match kind {
            Kind::Audio => number.is_multiple_of(10_000).then_some(TODAY),
            Kind::Transcript => Some(held),
            _ => None,
        };
        let item = Item {
            id,
            study: study.id,
            session: Some(session),
            participants: vec![who],
            kind,
            tier: Tier::Identifiable,
            length: 1,
            key: LeafNumber::FIRST,
            particulars: Sealed::new(vec![7; 120]),
            deposited: held.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp(),
            depositor,
            answers: None,
            derived: None,
            redacts: None,
            redaction: None,
            accepted,
            erased: false,
        };
        batch.put(&tables::ITEMS, &id, &item)?;
        batch.put(&tables::ITEMS_OF, &(study.id, id), &())?;
        batch.put(&tables::ITEMS_IN, &(session, id), &())?;
        batch.put(&tables::ITEMS_WITH, &(who, id), &())?;
        let tier = Tier::Identifiable;
        let of = (study.id, Subject::Material { kind, tier }.number());
        let days = OwnDays {
            session: Some(held),
            deposit: held,
            accepted,
        };
        batch.put(&tables::MATERIAL_ON, &(of, held, id), &days)?;
        if let Some(day) = accepted {
            batch.put(&tables::ACCEPTED_ON, &(of, day, id), &days)?;
        }
    }
    Ok(batch)
}
