//! Other people's programs: found, run, and ended with the test.
//!
//! A test that needs a program which is not there says so and passes, unless
//! `STRONGROOM_REQUIRE_PEERS=1` is set.

use std::ffi::OsStr;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Every file under `directory`.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("listed") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

/// Where a program is: as the variable says, or on the path. Its absence is said, or a failure.
pub(crate) fn find(program: &str, variable: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let found = named.or_else(|| search(program));
    if found.is_none() {
        missing(
            program,
            &format!("no {program} on the path, and {variable} names none"),
        );
    }
    found
}

/// Where a program is on the path. Its absence is said, or a failure.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let found = search(program);
    if found.is_none() {
        missing(program, &format!("no {program} on the path"));
    }
    found
}

/// Where a program is on the path, if it is.
pub(crate) fn search(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Tells that something is not there, and why; it fails where that is required.
pub(crate) fn missing(program: &str, why: &str) {
    let required = std::env::var_os("STRONGROOM_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{program} is required and was not found");
    tell(&format!("skipped: {why}"));
}

/// Tells whoever runs the tests something, straight to the terminal: the test harness keeps what a
/// passing test prints to itself.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A program that is ended when dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Starts a program and waits until it listens on `port`.
    pub(crate) fn start(program: &Path, arguments: &[&OsStr], port: u16) -> Self {
        let child = Command::new(program)
            .args(arguments)
            .env("RCLONE_CONFIG", "/nonexistent/rclone.conf")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut running = Self(child);
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = running.0.try_wait().expect("asked");
            assert_eq!(ended, None, "{} ended", program.display());
            assert!(Instant::now() < deadline, "{} is silent", program.display());
            std::thread::sleep(Duration::from_millis(50));
        }
        running
    }
}

impl Running {
    /// Makes it stand still, or go on.
    pub(crate) fn hold(&self, still: bool) {
        let signal = if still { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.0), signal).expect("told");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
