//! The real gateway before an S3 server that misbehaves in every way at every request: what it
//! acknowledged is in the store to the byte and once, and what it gives is right or an error.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use super::gate::{Gate, How};
use super::line::{Gone, Line};
use super::stage::{Stage, elsewhere};
use super::story::{Cast, people};
use crate::support::cli::{noise, wait_until};
use crate::support::effort;
use crate::support::gateway::text;
use crate::support::peers::Moto;
use crate::support::programs::tell as say;
use crate::support::s3_proxy::{Fault, S3Proxy, Verb};

pub(super) const BUCKET: &str = "tapes";

/// The longest anything may take that fails for good.
pub(super) const BOUND: Duration = Duration::from_secs(110);

/// Longer than one part, so that it goes in two.
pub(super) const LONG: usize = 9 << 20;
pub(super) const SHORT: usize = 70_001;

/// A gateway, and the proxy between it and a store.
pub(super) struct Front {
    pub(super) gate: Gate,
    pub(super) line: Line,
    pub(super) cast: Cast,
    pub(super) proxy: S3Proxy,
    // Its folder goes last.
    _stage: Stage,
}

impl Front {
    /// Before the store on `port`, with further arguments of `vault init`.
    pub(super) fn before(port: u16, more: &[&str]) -> Self {
        let proxy = S3Proxy::before(port);
        let stage = Stage::bare();
        let code = stage.found_at(&proxy.url(), more);
        let gate = stage.open(&How::Plain);
        let line = Line::to(&gate.url);
        let cast = people(&line, &code).expect("peopled");
        Self {
            gate,
            line,
            cast,
            proxy,
            _stage: stage,
        }
    }

    /// Somebody who takes part, and what they said.
    fn bring(&self, bytes: &[u8]) -> Result<String, Gone> {
        let cast = &self.cast;
        self.line.bring(
            &cast.researcher,
            &super::line::Brought {
                session: cast.session(),
                kind: "notes",
                bytes,
            },
        )
    }

    /// Brings it as a client does that does not give up; how often it had to begin again.
    pub(super) fn brings_at_last(&self, bytes: &[u8]) -> (String, usize) {
        for tries in 0..5 {
            match self.bring(bytes) {
                Ok(item) => return (item, tries),
                Err(Gone(_)) => drop(self.proxy.mend()),
            }
        }
        panic!("it cannot be brought at all: {}", self.gate.log());
    }

    pub(super) fn fetch(&self, item: &str) -> Result<(u16, Vec<u8>), Gone> {
        let path = format!("/v1/items/{item}/content");
        self.line
            .ask(Method::GET, &path, &self.cast.researcher, None)
    }

    /// That an item is what was brought; an error is none of its bytes.
    pub(super) fn is_whole(&self, item: &str, bytes: &[u8]) -> Result<(), String> {
        match self.fetch(item) {
            Ok((200, found)) if found == bytes => Ok(()),
            other => Err(format!("LOST: {item}: {}", seen(&other))),
        }
    }

    /// Erases whoever is heard in what was brought; gives how far that came, and where it is.
    pub(super) fn erase_the_speaker(&self) -> (String, String) {
        let (cast, body) = (&self.cast, json!({}));
        let path = format!("/v1/participants/{}/withdrawal", cast.speaker());
        let withdrawn = self.line.post(&path, &cast.lead, &body);
        let path = format!(
            "/v1/erasures/{}",
            text(&withdrawn.expect("withdrawn"), "id")
        );
        let approval = format!("{path}/approval");
        let approved = self.line.post(&approval, &cast.second, &body);
        (text(&approved.expect("approved"), "stage"), path)
    }
}

/// A gateway before a store that keeps versions.
struct Scene {
    front: Front,
    moto: Moto,
    runtime: tokio::runtime::Runtime,
}

impl std::ops::Deref for Scene {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.front
    }
}

impl Scene {
    fn set() -> Option<Self> {
        let moto = Moto::start()?;
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            moto.make_bucket(BUCKET, "eu-west-2").await;
            moto.keep_versions(BUCKET).await;
        });
        Some(Self {
            front: Front::before(moto.port(), &[]),
            moto,
            runtime,
        })
    }

    /// Every version in the store under what holds material, and unfinished uploads.
    fn stored(&self) -> (Vec<String>, usize) {
        let (versions, unfinished) = self.runtime.block_on(self.moto.everything(BUCKET));
        let keys = versions.into_iter().map(|(key, _)| key);
        let material = keys.filter(|key| key.contains("itm-"));
        (material.collect(), unfinished)
    }
}

fn seen(answer: &Result<(u16, Vec<u8>), Gone>) -> String {
    match answer {
        Ok((status, body)) => format!("{status}, {} bytes", body.len()),
        Err(Gone(how)) => how.clone(),
    }
}

/// Single faults that a gateway gets over, and what is asked when they come.
fn passing() -> Vec<(Verb, Fault)> {
    let faults = [
        Fault::Error(500),
        Fault::Error(503),
        Fault::Reset,
        Fault::Lost,
        Fault::Slow(Duration::from_secs(1)),
    ];
    let verbs = [
        Verb::Put,
        Verb::Begin,
        Verb::Part,
        Verb::Complete,
        Verb::Get,
    ];
    let mut all: Vec<_> = verbs
        .into_iter()
        .flat_map(|verb| faults.map(|fault| (verb, fault)))
        .collect();
    let bodies = [
        Fault::Short,
        Fault::Flipped,
        Fault::Trickle(Duration::from_millis(30)),
    ];
    all.extend(bodies.map(|fault| (Verb::Get, fault)));
    all.extend([
        (Verb::Begin, Fault::Short),
        (Verb::Complete, Fault::Short),
        (Verb::Begin, Fault::Flipped),
        (Verb::Complete, Fault::Flipped),
    ]);
    all
}

#[test]
fn a_store_that_fails_now_and_then_loses_nothing_and_doubles_nothing() {
    let Some(scene) = Scene::set() else { return };
    let began = Instant::now();
    let (mut kept, mut failures, mut begun_again) = (Vec::new(), Vec::new(), 0);
    let rounds = if effort::is_long() { 10 } else { 1 };
    for (verb, fault) in passing().repeat(rounds) {
        let bytes = match verb {
            Verb::Begin | Verb::Part | Verb::Complete => noise(LONG),
            _ => noise(SHORT),
        };
        let came = Instant::now();
        if verb != Verb::Get {
            scene.proxy.fail(verb, fault, 1);
        }
        let (item, again) = scene.brings_at_last(&bytes);
        begun_again += again;
        scene.proxy.mend();
        if verb == Verb::Get {
            scene.proxy.fail(verb, fault, 1);
            match scene.fetch(&item) {
                Ok((200, found)) if found != bytes => {
                    failures.push(format!("{verb:?} {fault:?}: other bytes were given out"));
                }
                // The right ones, or none.
                _ => {}
            }
            scene.proxy.mend();
        }
        if let Err(wrong) = scene.is_whole(&item, &bytes) {
            failures.push(format!("{verb:?} {fault:?}: {wrong}"));
        }
        let took = came.elapsed();
        if took > BOUND {
            failures.push(format!("{verb:?} {fault:?}: it took {took:?}"));
        }
        kept.push((item, format!("{verb:?} {fault:?}")));
    }
    // No duplicate: one version of each.
    let (stored, _) = scene.stored();
    for (item, fault) in &kept {
        let versions = stored.iter().filter(|key| key.contains(item)).count();
        if versions != 1 {
            failures.push(format!("{fault}: {item} is stored {versions} times"));
        }
    }
    // Uploads of whose beginning the answer was lost are given up within a minute; one that a client
    // began and never went on with is kept for it.
    wait_until("what was begun in vain is given up", || {
        (scene.stored().1 <= begun_again).then_some(())
    });
    say(&format!(
        "faults: {} between gateway and store at single requests, {begun_again} uploads begun again; {} items lost, doubled or falsified; {:.0?}",
        scene.proxy.injected(),
        failures.len(),
        began.elapsed()
    ));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn a_store_that_fails_for_good_is_said_so_in_time_and_costs_nothing() {
    let Some(scene) = Scene::set() else { return };
    let began = Instant::now();
    let bytes = noise(SHORT);
    let (item, _) = scene.brings_at_last(&bytes);
    let mut failures = Vec::new();
    let mut faults = vec![Fault::Error(503), Fault::Reset, Fault::Lost];
    if effort::is_long() {
        faults.extend([
            Fault::Error(500),
            Fault::Short,
            Fault::Slow(Duration::from_secs(30)),
        ]);
    }
    for fault in faults {
        for verb in [Verb::Put, Verb::Complete, Verb::Get] {
            scene.proxy.fail(verb, fault, u32::MAX);
            let came = Instant::now();
            let wrong = match verb {
                Verb::Get => match scene.fetch(&item) {
                    Ok((200, found)) if found != bytes => Some("other bytes were given out"),
                    Ok((200, _)) => Some("it did not fail"),
                    _ => None,
                },
                _ => {
                    let length = if verb == Verb::Put { SHORT } else { LONG };
                    let brought = scene.bring(&noise(length));
                    // Whose answer is lost is stored all the same, and found to be.
                    let told = fault == Fault::Lost || brought.is_err();
                    (!told).then_some("it was acknowledged")
                }
            };
            let took = came.elapsed();
            scene.proxy.mend();
            failures.extend(wrong.map(|wrong| format!("{verb:?} {fault:?}: {wrong}")));
            if took > BOUND {
                failures.push(format!("{verb:?} {fault:?}: it took {took:?}"));
            }
            if let Err(wrong) = scene.is_whole(&item, &bytes) {
                failures.push(format!("{verb:?} {fault:?}: {wrong}"));
            }
        }
    }
    say(&format!(
        "faults: {} between gateway and store that do not pass; {} lost, falsified or not said in time; {:.0?}",
        scene.proxy.injected(),
        failures.len(),
        began.elapsed()
    ));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Deleting fails for a while: the erasure waits, says so, goes on by itself, and its certificate counts
/// every version.
#[test]
fn a_deletion_is_tried_again_until_it_is_done_and_the_certificate_counts_it() {
    let Some(scene) = Scene::set() else { return };
    let cast = &scene.cast;
    let (item, _) = scene.brings_at_last(&noise(LONG));
    // Another version of it and a marker lie in the bucket, made past the gateway.
    scene
        .runtime
        .block_on(scene.moto.overwrite_and_mark(BUCKET, &item));
    let (stored, _) = scene.stored();
    assert_eq!(stored.iter().filter(|key| key.contains(&item)).count(), 2);

    // One version goes, and then none for a while.
    let fault = Fault::Error(503);
    scene.proxy.fail_after(1, Verb::Delete, fault, u32::MAX);
    let (stage, path) = scene.erase_the_speaker();
    assert_eq!(stage, "inaccessible");
    assert!(scene.proxy.injected() >= 4, "it was hardly tried");
    // What waits for the store is out of everybody's reach already.
    assert!(matches!(scene.fetch(&item), Ok((404, _))));
    scene.proxy.mend();
    wait_until("the certificate", || {
        let seen = scene.line.get(&path, &cast.governance).expect("seen");
        (seen["stage"] == "certified").then_some(())
    });
    let (stored, unfinished) = scene.stored();
    assert!(!stored.iter().any(|key| key.contains(&item)), "{stored:?}");
    assert_eq!(unfinished, 0);
    let (_, note) = scene
        .line
        .ask(
            Method::GET,
            &format!("{path}/certificate"),
            &cast.governance,
            None,
        )
        .expect("a certificate");
    let note = String::from_utf8(note).expect("text");
    let deleted = counts(&note, &item);
    assert_eq!(deleted, [2, 1], "versions and markers of {item} in {note}");
}

/// What is deleted and never confirmed is looked up: the erasure comes to its end although every answer
/// to a deletion is lost, at every retry, and its certificate counts all of it.
#[test]
fn deletions_whose_every_answer_is_lost_are_counted_and_come_to_an_end() {
    let Some(scene) = Scene::set() else { return };
    let (item, _) = scene.brings_at_last(&noise(LONG));
    let marked = scene.moto.overwrite_and_mark(BUCKET, &item);
    scene.runtime.block_on(marked);
    for verb in [Verb::Delete, Verb::Abort] {
        scene.proxy.fail(verb, Fault::Lost, u32::MAX);
    }
    let began = Instant::now();
    let (stage, path) = scene.erase_the_speaker();
    assert_eq!(stage, "certified", "{}", scene.gate.log());
    assert!(scene.proxy.injected() >= 9, "each of three, at every retry");
    let (stored, unfinished) = scene.stored();
    assert!(!stored.iter().any(|key| key.contains(&item)), "{stored:?}");
    assert_eq!(unfinished, 0);
    let path = format!("{path}/certificate");
    let who = &scene.cast.governance;
    let note = scene.line.ask(Method::GET, &path, who, None);
    let note = String::from_utf8(note.expect("a certificate").1).expect("text");
    assert_eq!(counts(&note, &item), [2, 1], "{note}");
    say(&format!(
        "faults: {} answers to deletions lost, every one there was; all counted, {:.0?} from approval to certificate",
        scene.proxy.injected(),
        began.elapsed()
    ));
}

/// Versions and delete markers that a certificate counts for an item.
fn counts(note: &str, item: &str) -> [u64; 2] {
    let begin = note.find('{').expect("JSON");
    let mut values = serde_json::Deserializer::from_str(&note[begin..]).into_iter::<Value>();
    let value = values.next().expect("JSON").expect("JSON");
    let found = find(&value, item).unwrap_or_else(|| panic!("{item} is not in {value}"));
    ["versions", "delete_markers"].map(|what| found[what].as_u64().unwrap_or(0))
}

/// The object that speaks of an item's versions.
fn find<'a>(value: &'a Value, item: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => {
            let named = fields.values().any(|field| field.as_str() == Some(item));
            match named && fields.contains_key("versions") {
                true => Some(value),
                false => fields.values().find_map(|field| find(field, item)),
            }
        }
        Value::Array(values) => values.iter().find_map(|value| find(value, item)),
        _ => None,
    }
}

/// A bucket whose objects are locked cannot be emptied: refused when a vault is made, and when a gateway
/// is started on one that was locked since.
#[test]
fn a_bucket_that_is_locked_is_refused_at_start_with_the_reason() {
    let Some(moto) = Moto::start() else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        moto.make_locked_bucket(BUCKET, "eu-west-2").await;
    });
    let stage = Stage::bare();
    let vault = stage.vault();
    let endpoint = moto.endpoint();
    let (code, _, said) = How::Plain.run(stage.scratch(), &elsewhere(&vault, &endpoint));
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("object lock") || said.contains("Object Lock"),
        "{said}"
    );
    assert!(!vault.exists(), "nothing is made");

    let open = Moto::start().expect("a second");
    runtime.block_on(open.make_bucket(BUCKET, "eu-west-2"));
    let stage = Stage::bare();
    let proxy = S3Proxy::before(open.port());
    stage.found_at(&proxy.url(), &[]);
    // The same address, and a store behind it in which everything is locked.
    let config = stage.vault().join("vault.json");
    let text = std::fs::read_to_string(&config).expect("read");
    std::fs::write(&config, text.replace(&proxy.url(), &endpoint)).expect("written");
    match Gate::open(&stage.vault(), stage.scratch(), &How::Plain) {
        Ok(_) => panic!("it serves from a bucket that is locked"),
        Err(log) => assert!(log.to_lowercase().contains("object lock"), "{log}"),
    }
}
