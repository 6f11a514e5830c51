//! What a gateway is about to change on the disk, told by a tracer before it happens.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::cli::plain;

/// Every way in which an erasure changes what is on a disk; the index, which is rebuilt from the
/// journal, is not counted.
const CHANGES: &str =
    "pwrite64,fsync,fdatasync,fallocate,ftruncate,rename,renameat,renameat2,unlink,unlinkat";

/// How long each change is held up, so that the gateway can be killed before it happens.
const HELD_UP: Duration = Duration::from_millis(40);

/// How long no change is waited for before nothing changes any more.
const QUIET: Duration = Duration::from_secs(3);

/// The gateway's changes to the vault's folder as they are about to happen, each held up for a moment.
pub(crate) struct Trace {
    strace: Child,
    changes: Receiver<String>,
}

impl Trace {
    /// Attaches to a process, if that is permitted here.
    pub(crate) fn attach(strace: &Path, pid: Pid, vault: &Path) -> Option<Self> {
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
    pub(crate) fn nth(&self, number: usize) -> Option<String> {
        (1..number).try_for_each(|_| self.next().map(drop))?;
        self.next()
    }

    /// Waits for the next change; there is none when nothing changes for a while.
    pub(crate) fn next(&self) -> Option<String> {
        self.changes.recv_timeout(QUIET).ok()
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
