//! The gateway killed in the middle of an erasure: after the restart it comes to its end by itself.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::cli::{Site, plain, wait_until};
use crate::support::programs::{search, tell};

/// Every way in which an erasure changes what is on a disk; the index, which is rebuilt from the
/// journal, is not counted.
const CHANGES: &str =
    "pwrite64,fsync,fdatasync,fallocate,ftruncate,rename,renameat,renameat2,unlink,unlinkat";

/// How long each change is held up, so that the gateway can be killed before it happens.
const HELD_UP: Duration = Duration::from_millis(40);

/// The most time that may go by before no further kill is begun.
const TIME: Duration = Duration::from_secs(60);

/// Kills when there is no tracer, each after a delay of its own.
const BLIND_KILLS: u32 = 12;

#[test]
fn an_erasure_comes_to_its_end_whenever_the_gateway_is_killed() {
    let mut stage = Stage::set();
    let began = Instant::now();
    let (mut tried, mut reached) = (0, Vec::new());
    let tracer = search("strace").filter(|strace| stage.trace(strace).is_some());
    match &tracer {
        Some(strace) => {
            // Before the first change, the third and so on until the erasure outruns the kill, then
            // before those between: should the time run out, every stage has had its share.
            for first in [1, 2] {
                for number in (first..).step_by(2) {
                    if began.elapsed() > TIME {
                        break;
                    }
                    let Some(change) = stage.kill_before(strace, number) else {
                        break;
                    };
                    reached.push((number, change));
                }
            }
            tried = reached.len();
        }
        None => {
            for turn in 0..BLIND_KILLS {
                if began.elapsed() > TIME {
                    break;
                }
                stage.kill_after(Duration::from_millis(u64::from(20 + turn * 37 % 200)));
                tried += 1;
            }
        }
    }
    reached.sort();
    let before: Vec<_> = reached.iter().map(|(_, change)| change.as_str()).collect();
    let how = match before.is_empty() {
        true => "at moments of chance".to_owned(),
        false => format!("each before another change: {}", before.join(", ")),
    };
    let took = began.elapsed();
    tell(&format!(
        "erasure: killed {tried} times in {took:.0?}, {how}"
    ));
    assert!(tried >= 5, "only {tried} kills");
}

/// A vault with somebody who stays, and one participant after another who goes.
struct Stage {
    site: Site,
    study: String,
    staying: String,
}

impl Stage {
    fn set() -> Self {
        let site = Site::running();
        let study = site.study();
        let (_, session) = site.interview(&study);
        let file = site.file("stays.txt", b"what stays");
        let staying = site.upload(&file, &session, "notes");
        Self {
            site,
            study,
            staying,
        }
    }

    /// Somebody who withdraws: the erasure, and the item.
    fn leave(&self) -> (String, String) {
        let (participant, session) = self.site.interview(&self.study);
        let file = self.site.file("goes.txt", b"what goes");
        let item = self.site.upload(&file, &session, "notes");
        (self.site.withdraw(&participant), item)
    }

    fn trace(&self, strace: &Path) -> Option<Trace> {
        Trace::attach(strace, self.site.gateway_pid(), &self.site.vault())
    }

    /// Kills the gateway before the change of that number; says which it was, or nothing when the
    /// erasure has fewer.
    fn kill_before(&mut self, strace: &Path, number: usize) -> Option<String> {
        let (erasure, item) = self.leave();
        let trace = self.trace(strace).expect("it may attach");
        let approval = self.site.begin("ig", &["erasure", "approve", &erasure]);
        let change = trace.nth(number);
        if change.is_some() {
            self.site.kill();
        }
        drop(trace);
        let said = approval.finish();
        match &change {
            Some(_) => {
                // Nobody was told that it is done.
                said.fails(5);
                self.site.serve();
            }
            None => assert_eq!(said.json()["stage"], "certified"),
        }
        self.comes_to_its_end(&erasure, &item);
        change
    }

    /// Kills the gateway so long after the approval was sent.
    fn kill_after(&mut self, delay: Duration) {
        let (erasure, item) = self.leave();
        let approval = self.site.begin("ig", &["erasure", "approve", &erasure]);
        std::thread::sleep(delay);
        self.site.kill();
        let said = approval.finish();
        assert!(matches!(said.code, Some(0 | 5)), "{said:?}");
        self.site.serve();
        self.comes_to_its_end(&erasure, &item);
    }

    fn comes_to_its_end(&self, erasure: &str, item: &str) {
        let show = || self.site.run("ig", &["erasure", "show", erasure]).json();
        if show()["stage"] == "requested" {
            // The approval itself was not acknowledged and is not on record: it is given again.
            let again = self.site.run("ig", &["erasure", "approve", erasure]);
            again.json();
        }
        wait_until("the certificate", || {
            (show()["stage"] == "certified").then_some(())
        });
        self.site.fetch_in_vain("res", item).fails(4);
        assert_eq!(self.site.fetch("res", &self.staying), b"what stays");
        let left = self
            .site
            .vault()
            .join("store")
            .join("tapes")
            .join("material");
        let left = std::fs::read_dir(left).expect("listed");
        assert_eq!(left.count(), 1, "ciphertext is left of {item}");
    }
}

/// The gateway's changes to the vault's folder as they are about to happen, each held up for a moment.
struct Trace {
    strace: Child,
    changes: Receiver<String>,
}

impl Trace {
    /// Attaches to a process, if that is permitted here.
    fn attach(strace: &Path, pid: Pid, vault: &Path) -> Option<Self> {
        let held_up = format!("inject={CHANGES}:delay_enter={}", HELD_UP.as_micros());
        let mut strace = Command::new(strace)
            .args(["-f", "-y", "-s", "0", "-e", &format!("trace={CHANGES}")])
            .args(["-e", &held_up, "-p", &pid.as_raw_nonzero().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut told = strace.stderr.take().expect("its output");
        let mut first = [0; 200];
        let read = told.read(&mut first).expect("it says something");
        if !String::from_utf8_lossy(&first[..read]).contains("attached") {
            strace.wait().expect("it ended");
            return None;
        }
        let (tell, changes) = mpsc::channel();
        let vault = vault.canonicalize().expect("a folder");
        std::thread::spawn(move || listen(told, &vault, &tell));
        Some(Self { strace, changes })
    }

    /// Waits for the change of that number; there is none when nothing more changes.
    fn nth(&self, number: usize) -> Option<String> {
        let next = || self.changes.recv_timeout(Duration::from_secs(3)).ok();
        (1..number).try_for_each(|_| next().map(drop))?;
        next()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // Told to stop, it lets go of the process.
        let _ = kill_process(Pid::from_child(&self.strace), Signal::TERM);
        let _ = self.strace.wait();
    }
}

/// Passes every change on when it begins, which the tracer tells before the end of its line.
fn listen(mut told: impl Read, vault: &Path, tell: &Sender<String>) {
    let (mut text, mut piece, mut told_of) = (Vec::new(), [0; 8192], 0);
    while let Ok(read @ 1..) = told.read(&mut piece) {
        text.extend_from_slice(&piece[..read]);
        let all = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = all.split('\n').collect();
        for line in lines.iter().skip(told_of) {
            if let Some(change) = change_in(line, vault)
                && tell.send(change).is_err()
            {
                return;
            }
        }
        // The last line is told of as soon as it has begun, and not again when it ends.
        let begun = lines.last().is_some_and(|last| !last.is_empty());
        told_of = lines.len() - usize::from(!begun);
    }
}

/// The change to the vault that a line tells of: what is done, to which of its parts.
fn change_in(line: &str, vault: &Path) -> Option<String> {
    let call = line.split_once("] ").map_or(line, |(_, call)| call);
    let (name, rest) = call.split_once('(')?;
    let known = CHANGES.split(',').any(|change| change == name);
    let (_, inside) = rest.split_once(plain(vault))?;
    let part = inside
        .trim_start_matches('/')
        .split(['/', '>', '"'])
        .next()?;
    (known && part != "index").then(|| format!("{name} {part}"))
}
