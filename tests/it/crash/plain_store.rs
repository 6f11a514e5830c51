//! The same faults before a store that knows little: `rclone serve s3`, which ignores conditions and
//! keeps no versions, lists no unfinished uploads, and cannot say where it is.

use std::path::Path;
use std::time::{Duration, Instant};

use super::store::{BOUND, BUCKET, Front, LONG, SHORT};
use crate::support::cli::noise;
use crate::support::effort;
use crate::support::peers::Rclone;
use crate::support::programs::{files, tell};
use crate::support::s3_proxy::{Fault, Verb};

/// What comes at single requests: fewer of each than before the store that knows more.
fn passing() -> Vec<(Verb, Fault)> {
    let all = [Fault::Error(503), Fault::Reset, Fault::Lost];
    let verbs = [Verb::Put, Verb::Part, Verb::Complete];
    let mut passing: Vec<_> = verbs
        .into_iter()
        .flat_map(|verb| all.map(|fault| (verb, fault)))
        .collect();
    let bodies = [Fault::Short, Fault::Flipped, Fault::Reset];
    passing.extend(bodies.map(|fault| (Verb::Get, fault)));
    passing.push((Verb::Get, Fault::Slow(Duration::from_secs(1))));
    passing
}

/// The files under what holds an item.
fn stored(served: &Path, item: &str) -> usize {
    let all = files(&served.join(BUCKET));
    let of = |path: &&std::path::PathBuf| path.to_string_lossy().contains(item);
    all.iter().filter(of).count()
}

#[test]
fn a_plain_store_that_fails_now_and_then_loses_nothing_and_forgets_what_is_erased() {
    let served = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let Some(rclone) = Rclone::start(served.path(), BUCKET) else {
        return;
    };
    let attest = ["--attest-region", "eu-west-2", "--attested-by", "Ada"];
    let front = Front::before(rclone.port(), &attest);
    let began = Instant::now();
    let (mut kept, mut failures, mut begun_again) = (Vec::new(), Vec::new(), 0);
    let rounds = if effort::is_long() { 10 } else { 1 };
    for (verb, fault) in passing().repeat(rounds) {
        let length = match verb {
            Verb::Part | Verb::Complete => LONG,
            _ => SHORT,
        };
        let (bytes, came) = (noise(length), Instant::now());
        if verb != Verb::Get {
            front.proxy.fail(verb, fault, 1);
        }
        let (item, again) = front.brings_at_last(&bytes);
        begun_again += again;
        front.proxy.mend();
        if verb == Verb::Get {
            front.proxy.fail(verb, fault, 1);
            if let Ok((200, found)) = front.fetch(&item)
                && found != bytes
            {
                failures.push(format!("{verb:?} {fault:?}: other bytes were given out"));
            }
            front.proxy.mend();
        }
        let whole = front.is_whole(&item, &bytes);
        failures.extend(whole.err().map(|how| format!("{verb:?} {fault:?}: {how}")));
        let (times, took) = (stored(served.path(), &item), came.elapsed());
        if times != 1 || took > BOUND {
            failures.push(format!(
                "{verb:?} {fault:?}: stored {times} times, {took:?}"
            ));
        }
        kept.push(item);
    }
    // What is deleted and never confirmed is looked for: it counts, and the erasure comes to its end.
    let lost = if effort::is_long() { u32::MAX } else { 12 };
    front.proxy.fail(Verb::Delete, Fault::Lost, lost);
    let (stage, _) = front.erase_the_speaker();
    assert_eq!(stage, "certified", "{}", front.gate.log());
    let left = kept.iter().filter(|item| stored(served.path(), item) > 0);
    failures.extend(left.map(|item| format!("{item} outlived its erasure")));
    tell(&format!(
        "faults: {} between gateway and rclone, {begun_again} uploads begun again; {} items lost, doubled, falsified or left behind; {:.0?}",
        front.proxy.injected(),
        failures.len(),
        began.elapsed()
    ));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
