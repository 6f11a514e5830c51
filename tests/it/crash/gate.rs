//! The real gateway on a folder: traced, killed at a certain call, or left alone.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::trace;
use crate::support::cli::program;
use crate::support::peers::{KEY_ID, SECRET};

/// The longest a gateway may take to say where it listens.
const PATIENCE: Duration = Duration::from_secs(60);

/// What tells a PKCS#11 module where its tokens are, when there are some: a file beside the disk.
pub(super) const TOKEN_SETTINGS: &str = "softhsm2.conf";

/// How the program is run.
#[derive(Debug, Clone)]
pub(super) enum How {
    /// By itself.
    Plain,
    /// With every change to a disk written down.
    Traced { strace: PathBuf, to: PathBuf },
    /// Killed by any of its threads when that makes such a call for the `when`th time.
    Killed {
        strace: PathBuf,
        call: &'static str,
        when: u32,
    },
}

impl How {
    /// The program's command, with nothing of this process's surroundings.
    pub(super) fn command(&self, scratch: &Path) -> Command {
        let mut command = match self {
            Self::Plain => Command::new(program()),
            Self::Traced { strace, to } => {
                let mut command = Command::new(strace);
                command.args(trace::FORM);
                command.args(["-e", &format!("trace={}", trace::CALLS)]);
                command.arg("-o").arg(to).arg(program());
                command
            }
            Self::Killed { strace, call, when } => {
                let mut command = Command::new(strace);
                let inject = format!("inject={call}:signal=KILL:when={when}");
                // The first line is of the program itself, whom it tells of.
                command.args(["-f", "-qq", "-e", &format!("trace=execve,{call}")]);
                command.args(["-e", &inject]).arg("-o");
                command.arg(scratch.join("killed.trace")).arg(program());
                command
            }
        };
        command
            .arg("--json")
            .current_dir(scratch)
            .env_clear()
            .env("STRONGROOM_HOME", scratch.join("home"))
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let token = scratch.join(TOKEN_SETTINGS);
        if token.is_file() {
            command.env("SOFTHSM2_CONF", token);
        }
        command
    }

    /// Runs a command to its end: its exit code, and what it said on both streams.
    pub(super) fn run(&self, scratch: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.command(scratch).args(arguments).output();
        let output = output.expect("it ran");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }
}

/// A gateway that listens.
pub(super) struct Gate {
    pub(super) url: String,
    process: Child,
    log: PathBuf,
    traced: Option<PathBuf>,
}

impl Gate {
    /// Starts the gateway of the vault in `vault`; what it said, when it does not start.
    pub(super) fn open(vault: &Path, scratch: &Path, how: &How) -> Result<Self, String> {
        let log = scratch.join("gate.log");
        let mut command = how.command(scratch);
        command.args(["serve", "--listen", "127.0.0.1:0", "--vault"]);
        command.arg(vault).env("STRONGROOM_LOG", "info");
        command.stderr(File::create(&log).expect("a log"));
        let mut process = command.spawn().expect("it starts");
        let stdout = process.stdout.take().expect("its output");
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            // Nobody listens any more when it took too long.
            let _ = tell.send(read.map(|_| line));
        });
        let line = told.recv_timeout(PATIENCE);
        let traced = match how {
            How::Traced { to, .. } => Some(to.clone()),
            How::Killed { .. } => Some(scratch.join("killed.trace")),
            How::Plain => None,
        };
        let mut gate = Self {
            url: String::new(),
            process,
            log,
            traced,
        };
        let line = line.map_or(String::new(), |line| line.unwrap_or_default());
        let said: Option<Value> = serde_json::from_str(&line).ok();
        match said.as_ref().and_then(|said| said["listening"].as_str()) {
            Some(url) => {
                gate.url = url.to_owned();
                Ok(gate)
            }
            None => {
                gate.end(Signal::KILL);
                Err(gate.log())
            }
        }
    }

    /// Stops it as an operator does; it must end well.
    pub(super) fn stop(mut self) {
        let code = self.end(Signal::TERM);
        assert_eq!(code, Some(0), "{}", self.log());
    }

    /// Its process, or its tracer's.
    pub(super) fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// Whether it has ended by itself.
    pub(super) fn is_gone(&self) -> bool {
        rustix::process::waitid(
            rustix::process::WaitId::Pid(self.pid()),
            rustix::process::WaitIdOptions::EXITED
                | rustix::process::WaitIdOptions::NOHANG
                | rustix::process::WaitIdOptions::NOWAIT,
        )
        .is_ok_and(|status| status.is_some())
    }

    /// What it has logged.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The gateway itself, which may be the tracer's child.
    fn gateway(&self) -> Option<Pid> {
        let Some(trace) = &self.traced else {
            return Some(Pid::from_child(&self.process));
        };
        // The first line of a trace is the first process'.
        let trace = File::open(trace).ok()?;
        let mut line = String::new();
        BufReader::new(trace).read_line(&mut line).ok()?;
        Pid::from_raw(line.split(' ').next()?.parse().ok()?)
    }

    fn end(&mut self, signal: Signal) -> Option<i32> {
        if let Ok(Some(ended)) = self.process.try_wait() {
            return ended.code();
        }
        match self.gateway() {
            // It may have ended already.
            Some(gateway) => drop(kill_process(gateway, signal)),
            None => drop(self.process.kill()),
        }
        self.process.wait().ok()?.code()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.end(Signal::KILL);
    }
}
