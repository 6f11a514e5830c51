//! The real gateway, killed by the kernel at a call of its own, and started again.
//!
//! The disks of the other tests are made from a trace; here none is made up. `strace` counts the
//! calls of each thread by itself, so which change is hit depends on chance, and every story is
//! another one.

use std::time::Instant;

use super::gate::{Gate, How};
use super::line::Line;
use super::power::Chance;
use super::stage::{Stage, stands};
use super::story::{Told, tell};
use crate::support::cli::wait_until;
use crate::support::effort;
use crate::support::programs::{on_path, tell as say};

/// The calls that change a disk.
const CALLS: [&str; 10] = [
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "fallocate",
    "ftruncate",
    "mkdir",
    "linkat",
];

#[test]
fn the_gateway_killed_at_any_call_comes_back_with_what_it_acknowledged() {
    let Some(strace) = on_path("strace") else {
        return;
    };
    let stage = Stage::set();
    let began = Instant::now();
    let mut chance = Chance::new(effort::seed());
    let (mut killed, mut outlived, mut failures) = (0, 0, Vec::new());
    let mut kills: Vec<(&str, u32)> = Vec::new();
    match effort::is_long() {
        true => kills.extend(
            CALLS
                .iter()
                .flat_map(|call| (1..=60).map(move |when| (*call, when))),
        ),
        false => kills.extend(CALLS.iter().map(|call| {
            let when = 1 + chance.below(6);
            (*call, u32::try_from(when).expect("small"))
        })),
    }
    for (call, when) in kills {
        let strace = strace.clone();
        let how = How::Killed { strace, call, when };
        let (again, mut told) = (stage.again(), Told::of(&stage.cast));
        let ended = match Gate::open(&again.vault(), again.scratch(), &how) {
            // Killed before it listened.
            Err(_) => true,
            Ok(gate) => {
                let ended = tell(&Line::to(&gate.url), &stage.cast, &mut told).is_err();
                if ended {
                    wait_until("the gateway is gone", || gate.is_gone().then_some(()));
                }
                ended
            }
        };
        match ended {
            true => killed += 1,
            false => outlived += 1,
        }
        let steps = told.steps.len();
        if let Err(wrong) = stands(&again.disk(), &stage.cast, &told, steps) {
            let failure = format!("killed at {call} {when}, after {steps} steps: {wrong}");
            say(&failure);
            failures.push(failure);
        }
    }
    say(&format!(
        "crash: the gateway was killed {killed} times at calls of its own ({outlived} stories ended first); {} failed; {:.0?}",
        failures.len(),
        began.elapsed()
    ));
    assert!(killed >= 5, "only {killed} kills");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
