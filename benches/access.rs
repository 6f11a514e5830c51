//! How long a decision takes with 1,000 people and 1,000,000 items in the index, and its slowest hundredth.
#![allow(missing_docs, reason = "criterion's macros make undocumented items")]
#![allow(
    clippy::print_stderr,
    dead_code,
    reason = "the slowest hundredth is told beside criterion's figures; the tests use all of the house"
)]

#[path = "../tests/it/access/house.rs"]
mod house;

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::civil::Date;
use strongroom::access::acts::{OpenItem, ReadVault};
use strongroom::access::{Gatekeeper, authenticate};
use strongroom::id::ItemId;
use strongroom::index::tables;
use strongroom::model::Role;

use house::{House, Pass};

const STUDIES: usize = 50;
const PEOPLE_IN_STUDY: usize = 20;
const SESSIONS_IN_STUDY: usize = 5_000;
const ITEMS_IN_SESSION: usize = 4;

struct Town {
    house: House,
    researchers: Vec<Pass>,
    transcriber: Pass,
    commissioner: Pass,
    /// The first researcher's items.
    items: Vec<ItemId>,
    /// Items of another study.
    foreign: Vec<ItemId>,
    /// The transcriber's items.
    assigned: Vec<ItemId>,
}

fn town() -> Town {
    let mut house = House::new();
    let supplier = house.supplier(Date::constant(2026, 1, 2));
    let transcriber = house.person(Role::Transcriber, Some(supplier));
    let commissioner = house.person(Role::Commissioner, None);
    let mut researchers = Vec::new();
    let mut items = Vec::new();
    for _ in 0..STUDIES {
        let study = house.study();
        for _ in 0..PEOPLE_IN_STUDY {
            let somebody = house.person(Role::Researcher, None);
            house.place(study, &somebody, Role::Researcher, None);
            researchers.push(somebody);
        }
        for _ in 0..SESSIONS_IN_STUDY {
            let participant = house.participant(study);
            let session = house.session(study, &[participant]);
            items.extend((0..ITEMS_IN_SESSION).map(|_| house.item(session, None)));
        }
    }
    let in_study = SESSIONS_IN_STUDY * ITEMS_IN_SESSION;
    let foreign = items.split_off(in_study);
    for item in items.iter().take(200) {
        house.assign(*item, supplier, Date::constant(2026, 3, 31));
    }
    house.settle();
    Town {
        assigned: items.iter().take(200).copied().collect(),
        house,
        researchers,
        transcriber,
        commissioner,
        items,
        foreign,
    }
}

/// Median and slowest hundredth of what is asked of each of `items` in turn, in the quietest of
/// twenty rounds of a thousand.
fn quietest<T>(items: &[ItemId], mut decide: impl FnMut(ItemId) -> T) -> [Duration; 2] {
    let mut items = items.iter().cycle();
    let rounds = (0..20).map(|_| {
        let mut times: Vec<Duration> = (&mut items)
            .take(1000)
            .map(|item| {
                let start = Instant::now();
                let decided = decide(*item);
                let took = start.elapsed();
                black_box(decided);
                took
            })
            .collect();
        times.sort_unstable();
        [499, 989].map(|place| times.get(place).copied().unwrap_or_default())
    });
    rounds.min_by_key(|[_, p99]| *p99).unwrap_or_default()
}

/// Median and slowest hundredth of the first decision that each researcher asks for: the policies have
/// been asked nothing of them before.
fn first_decisions(gate: &Gatekeeper, town: &Town) -> [Duration; 2] {
    let in_study = SESSIONS_IN_STUDY * ITEMS_IN_SESSION;
    let callers = town.researchers.iter().map(|pass| town.house.caller(pass));
    let callers: Vec<_> = callers.collect();
    let mut times: Vec<Duration> = callers
        .iter()
        .enumerate()
        .map(|(number, caller)| {
            let place = (number / PEOPLE_IN_STUDY) * in_study;
            let mut items = town.items.iter().chain(&town.foreign);
            let item = *items.nth(place).expect("an item");
            let start = Instant::now();
            let decided = gate.decide::<OpenItem>(&town.house.read(), caller, item, town.house.now);
            let took = start.elapsed();
            decided.expect("granted");
            took
        })
        .collect();
    times.sort_unstable();
    [500, 990].map(|place| times.get(place).copied().unwrap_or_default())
}

fn decisions(criterion: &mut Criterion) {
    let gate = Gatekeeper::new().expect("the policies are usable");
    let town = town();
    let researcher = town
        .house
        .caller(town.researchers.first().expect("somebody"));
    let transcriber = town.house.caller(&town.transcriber);
    let commissioner = town.house.caller(&town.commissioner);
    let unknown: Vec<ItemId> = (0..200).map(|_| town.house.nothing().item).collect();
    // What of it is the index: the row of the item alone.
    for (what, items) in [
        ("200 items", &town.assigned),
        ("20,000", &town.items),
        ("980,000", &town.foreign),
    ] {
        let [median, p99] = quietest(items, |item| town.house.read().get(&tables::ITEMS, &item));
        eprintln!("a row among {what}: median {median:?}, p99 {p99:?}");
    }
    let [median, p99] = first_decisions(&gate, &town);
    eprintln!("the first of each researcher, never asked before: median {median:?}, p99 {p99:?}");
    for (what, who, items) in [
        ("researcher opens", &researcher, &town.items),
        ("transcriber opens", &transcriber, &town.assigned),
    ] {
        let reader = town.house.read();
        let facts = items.iter().map(|item| {
            let gathered = gate.gather::<OpenItem>(&reader, who, item, town.house.now);
            (*item, gathered.expect("it is there"))
        });
        let facts: HashMap<_, _> = facts.collect();
        let [median, p99] = quietest(items, |item| {
            gate.would_permit::<OpenItem>(who, facts.get(&item)?, town.house.now)
                .is_ok()
                .then_some(())
        });
        eprintln!("{what}, the facts at hand: median {median:?}, p99 {p99:?}");
    }
    for (what, who, items) in [
        ("researcher opens", &researcher, &town.items),
        ("transcriber opens", &transcriber, &town.assigned),
        ("researcher, foreign", &researcher, &town.foreign),
        ("researcher, unknown", &researcher, &unknown),
        ("commissioner, foreign", &commissioner, &town.foreign),
        ("commissioner, unknown", &commissioner, &unknown),
    ] {
        let [median, p99] = quietest(items, |item| {
            gate.decide::<OpenItem>(&town.house.read(), who, item, town.house.now)
        });
        eprintln!("{what}: median {median:?}, p99 {p99:?}");
        let mut next = items.iter().cycle();
        criterion.bench_function(what, |bencher| {
            bencher.iter(|| {
                let item = *next.next().expect("it goes round");
                let reader = town.house.read();
                gate.decide::<OpenItem>(&reader, who, item, town.house.now)
            });
        });
    }
    criterion.bench_function("commissioner, vault", |bencher| {
        bencher.iter(|| {
            gate.decide::<ReadVault>(&town.house.read(), &commissioner, (), town.house.now)
        });
    });
    let bearer = &town.researchers.first().expect("somebody").bearer;
    criterion.bench_function("a token is recognised", |bencher| {
        bencher.iter(|| authenticate(&town.house.read(), bearer, town.house.now));
    });
}

criterion_group!(benches, decisions);
criterion_main!(benches);
