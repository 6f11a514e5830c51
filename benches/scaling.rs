//! Several gateways over one log, simulated: what they do together, and how long a request waits.
//!
//!   cargo bench --bench scaling
//!
//! Time is virtual and chance is a fixed sequence, so every run prints the same. Each gateway answers
//! requests that arrive at random, decides over its copy of the log, and sends what it has decided in one
//! append at a time to a log that takes it only if the gateway was not behind (`journal::SharedLog`);
//! whoever was behind reads what it missed and decides again. What an engine takes for an append and a
//! read is an assumption, printed with the result.
#![allow(
    missing_docs,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program that prints what it finds"
)]

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use bytes::Bytes;
use strongroom::journal::{Appended, MemoryLog, SharedLog};

/// Microseconds of virtual time.
type Micros = u64;

const SECOND: Micros = 1_000_000;
const SIMULATED: Micros = 20 * SECOND;
/// What a gateway's processor takes for a request: the decision, sealing the record, projecting it.
const DECIDE: Micros = 300;
/// To take in a record that another gateway wrote.
const PROJECT: Micros = 30;
const STUDIES: usize = 64;

/// An engine that keeps the log.
#[derive(Clone, Copy)]
struct Engine {
    name: &'static str,
    append: Micros,
    read: Micros,
}

const ENGINES: [Engine; 4] = [
    Engine {
        name: "own disk, one gateway's (as built)",
        append: 400,
        read: 0,
    },
    Engine {
        name: "PostgreSQL, synchronous standby",
        append: 3_000,
        read: 800,
    },
    Engine {
        name: "FoundationDB or TiKV, one region",
        append: 6_000,
        read: 1_500,
    },
    Engine {
        name: "S3 conditional writes",
        append: 35_000,
        read: 25_000,
    },
];

/// How the log is cut.
#[derive(Clone, Copy, PartialEq)]
enum Cut {
    /// One log for all.
    Whole,
    /// One for each study, and each study at home at one gateway.
    ByStudy,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Arrives,
    Decided,
    /// An append reaches the engine; its answer takes as long again.
    Reaches,
    Answered,
    CaughtUp,
}

#[derive(Default)]
struct Gateway {
    waiting: VecDeque<Micros>,
    sent: Vec<Micros>,
    seen: u64,
    taken: Option<Appended>,
    busy: bool,
}

struct Outcome {
    done: u64,
    behind: u64,
    appends: u64,
    waits: Vec<Micros>,
}

/// A fixed sequence of numbers that look drawn (SplitMix64).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time about `mean`, with a long tail.
    fn about(&mut self, mean: Micros) -> Micros {
        let drawn = 0.6 + 0.4 * -(1.0 - self.next()).ln();
        (mean as f64 * drawn) as Micros
    }

    fn until_next(&mut self, per_second: f64) -> Micros {
        (-(1.0 - self.next()).ln() * SECOND as f64 / per_second) as Micros
    }
}

/// `gateways` share `logs`; gateway `g` writes to log `g % logs`, and requests arrive at `rate` a second in all.
fn simulate(engine: Engine, gateways: usize, logs: usize, rate: f64) -> Outcome {
    let held: Vec<MemoryLog> = (0..logs).map(|_| MemoryLog::default()).collect();
    let mut chance = Chance(7);
    let mut all: Vec<Gateway> = (0..gateways).map(|_| Gateway::default()).collect();
    let mut events = BinaryHeap::new();
    let each = rate / gateways as f64;
    for place in 0..gateways {
        events.push(Reverse((chance.until_next(each), place, What::Arrives)));
    }
    let mut outcome = Outcome {
        done: 0,
        behind: 0,
        appends: 0,
        waits: Vec::new(),
    };
    while let Some(Reverse((now, place, what))) = events.pop() {
        if now > SIMULATED {
            break;
        }
        let (gateway, log) = (&mut all[place], &held[place % logs]);
        let mut then = |wait: Micros, what| events.push(Reverse((now + wait, place, what)));
        match what {
            What::Arrives => {
                gateway.waiting.push_back(now);
                then(chance.until_next(each).max(1), What::Arrives);
                if !gateway.busy {
                    gateway.busy = true;
                    gateway.sent = gateway.waiting.drain(..).collect();
                    then(DECIDE, What::Decided);
                }
            }
            What::Decided => {
                outcome.appends += 1;
                then(chance.about(engine.append) / 2, What::Reaches);
            }
            What::Reaches => {
                let records = vec![Bytes::from_static(b"record"); gateway.sent.len()];
                let Ok(taken) = log.append(gateway.seen, &records);
                gateway.taken = Some(taken);
                then(chance.about(engine.append) / 2, What::Answered);
            }
            What::Answered => match gateway.taken.take() {
                Some(Appended::All(size)) => {
                    gateway.seen = size;
                    outcome.done += gateway.sent.len() as u64;
                    outcome
                        .waits
                        .extend(gateway.sent.drain(..).map(|since| now - since));
                    gateway.sent = gateway.waiting.drain(..).take(AT_ONCE).collect();
                    gateway.busy = !gateway.sent.is_empty();
                    if gateway.busy {
                        then(DECIDE * gateway.sent.len() as u64, What::Decided);
                    }
                }
                _ => {
                    outcome.behind += 1;
                    then(chance.about(engine.read), What::CaughtUp);
                }
            },
            What::CaughtUp => {
                let Ok(size) = log.size();
                let missed = size - gateway.seen;
                gateway.seen = size;
                let again = DECIDE * gateway.sent.len() as u64;
                then(PROJECT * missed + again, What::Decided);
            }
        }
    }
    outcome.waits.sort_unstable();
    outcome
}

/// Requests decided together, at most.
const AT_ONCE: usize = 4096;

fn at(waits: &[Micros], share: f64) -> String {
    let place = ((waits.len() as f64 * share) as usize).min(waits.len().saturating_sub(1));
    waits.get(place).map_or("-".to_owned(), |wait| {
        format!("{:.1} ms", *wait as f64 / 1000.0)
    })
}

fn main() {
    println!("{STUDIES} studies; {DECIDE} us of processor a request; 20 s of virtual time\n");
    println!(
        "| log kept by | append, read | cut | gateways | asked | answered | wait: median | p99 | appends that were behind |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for engine in ENGINES {
        for cut in [Cut::Whole, Cut::ByStudy] {
            for gateways in [1, 2, 4, 8] {
                let own = engine.read == 0;
                if own && (gateways > 1 || cut == Cut::ByStudy) {
                    continue;
                }
                let logs = if cut == Cut::Whole {
                    1
                } else {
                    gateways.min(STUDIES)
                };
                let rate = 800.0 * gateways as f64;
                let ran = simulate(engine, gateways, logs, rate);
                println!(
                    "| {} | {:.1} ms, {:.1} ms | {} | {gateways} | {rate:.0}/s | {:.0}/s | {} | {} | {:.0} % |",
                    engine.name,
                    engine.append as f64 / 1000.0,
                    engine.read as f64 / 1000.0,
                    if cut == Cut::Whole {
                        "one log"
                    } else {
                        "by study"
                    },
                    ran.done as f64 * SECOND as f64 / SIMULATED as f64,
                    at(&ran.waits, 0.5),
                    at(&ran.waits, 0.99),
                    100.0 * ran.behind as f64 / ran.appends.max(1) as f64,
                );
            }
        }
    }
}
