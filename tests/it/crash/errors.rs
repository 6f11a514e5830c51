//! A disk that is full, or gives errors, under the journal, the root slot or the index of the real
//! gateway: nothing is acknowledged that is not there afterwards, and nothing flows unrecorded.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use http::Method;
use rustix::process::{Pid, Signal, kill_process};

use super::gate::{Gate, How};
use super::line::{Gone, Line};
use super::stage::{Stage, stands};
use super::story::{Told, tell};
use crate::support::effort;
use crate::support::programs::{missing, on_path, tell as say};

/// A part of the vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Journal,
    Slot,
    Index,
}

/// What a call of the gateway's on a part is answered with, from the `when`th on.
#[derive(Debug, Clone, Copy)]
struct Fault {
    part: Part,
    call: &'static str,
    error: &'static str,
    /// As `strace` has it: `3` once, `3+` from then on.
    when: &'static str,
}

const FAULTS: [Fault; 14] = [
    fault(Part::Journal, "pwrite64", "ENOSPC", "1+"),
    fault(Part::Journal, "pwrite64", "EIO", "2"),
    fault(Part::Journal, "pwrite64", "ENOSPC", "5"),
    fault(Part::Journal, "fdatasync", "EIO", "1"),
    fault(Part::Journal, "fdatasync", "EIO", "7"),
    fault(Part::Journal, "fdatasync", "ENOSPC", "4+"),
    fault(Part::Slot, "pwrite64", "ENOSPC", "1+"),
    fault(Part::Slot, "pwrite64", "EIO", "2"),
    fault(Part::Slot, "fdatasync", "EIO", "1"),
    fault(Part::Slot, "fdatasync", "EIO", "2"),
    fault(Part::Slot, "fdatasync", "EIO", "3+"),
    fault(Part::Slot, "fallocate", "EIO", "1+"),
    fault(Part::Index, "pwrite64", "ENOSPC", "1+"),
    fault(Part::Index, "pwrite64", "EIO", "1"),
];

const fn fault(part: Part, call: &'static str, error: &'static str, when: &'static str) -> Fault {
    Fault {
        part,
        call,
        error,
        when,
    }
}

#[test]
fn a_disk_that_is_full_or_fails_costs_nothing_that_was_acknowledged() {
    let Some(strace) = on_path("strace") else {
        return;
    };
    let stage = Stage::set();
    let began = Instant::now();
    let (mut stopped, mut failures) = (0, Vec::new());
    let rounds = if effort::is_long() { 5 } else { 1 };
    for fault in FAULTS.repeat(rounds) {
        match suffers(&stage, &strace, fault) {
            Ok(true) => stopped += 1,
            Ok(false) => {}
            Err(wrong) => {
                let failure = format!("{fault:?}: {wrong}");
                say(&failure);
                failures.push(failure);
            }
        }
    }
    say(&format!(
        "faults: {} on the gateway's disk, {stopped} stopped the story; {} failed, and as many acknowledged things were lost; {:.0?}",
        FAULTS.len() * rounds,
        failures.len(),
        began.elapsed()
    ));
    assert!(stopped >= 6, "the faults were hardly felt: {stopped}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Tells the story to a gateway with a fault; whether it came to a stop.
fn suffers(stage: &Stage, strace: &Path, fault: Fault) -> Result<bool, String> {
    let again = stage.again();
    let gate = again.open(&How::Plain);
    let Some(injection) = Injection::into(strace, &gate, &again.vault(), fault) else {
        missing("strace", "no process may be traced here");
        return Ok(true);
    };
    let (line, mut told) = (Line::to(&gate.url), Told::of(&stage.cast));
    let ended = tell(&line, &stage.cast, &mut told);
    if let (Err(Gone(how)), Part::Journal) = (&ended, fault.part)
        && fault.call == "fdatasync"
    {
        // The opening itself cannot go on record: nothing flows.
        let path = format!("/v1/items/{}/content", stage.cast.staying());
        let opened = line.ask(Method::GET, &path, &stage.cast.researcher, None);
        if let Ok((200, _)) = opened {
            return Err(format!("bytes flowed with no record of it, after {how}"));
        }
    }
    drop(injection);
    drop(gate);
    let steps = told.steps.len();
    stands(&again.disk(), &stage.cast, &told, steps)
        .map_err(|wrong| format!("after {steps} steps: {wrong}"))?;
    Ok(ended.is_err())
}

/// A tracer that answers some of the gateway's calls itself.
struct Injection(Child);

impl Injection {
    fn into(strace: &Path, gate: &Gate, vault: &Path, fault: Fault) -> Option<Self> {
        let Fault {
            part,
            call,
            error,
            when,
        } = fault;
        let mut command = Command::new(strace);
        command.args(["-f", "-e", &format!("trace={call}")]);
        command.args(["-e", &format!("inject={call}:error={error}:when={when}")]);
        for path in paths(vault, part) {
            command.arg("-P").arg(path);
        }
        command.args(["-p", &gate.pid().as_raw_nonzero().to_string()]);
        let mut strace = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut told = strace.stderr.take().expect("its output");
        let (mut seen, mut piece) = (String::new(), [0; 512]);
        while !seen.contains("attached") {
            let read = told.read(&mut piece).expect("it says something");
            if read == 0 {
                strace.wait().expect("it ended");
                return None;
            }
            seen.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
        // What it goes on to say is not waited for.
        std::thread::spawn(move || while let Ok(1..) = told.read(&mut piece) {});
        Some(Self(strace))
    }
}

impl Drop for Injection {
    fn drop(&mut self) {
        // Told to stop, it lets go of the gateway.
        let _ = kill_process(Pid::from_child(&self.0), Signal::TERM);
        let _ = self.0.wait();
    }
}

/// The files of a part.
fn paths(vault: &Path, part: Part) -> Vec<PathBuf> {
    match part {
        Part::Slot => vec![vault.join("root.slot")],
        Part::Index => ["sled/db", "anchor.new"]
            .map(|name| vault.join("index").join(name))
            .to_vec(),
        Part::Journal => {
            let segments = std::fs::read_dir(vault.join("journal")).expect("listed");
            let segments = segments.map(|entry| entry.expect("listed").path());
            segments
                .filter(|path| path.extension().is_some_and(|kind| kind == "seg"))
                .collect()
        }
    }
}
