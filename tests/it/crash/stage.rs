//! A vault with people and material in it, its gateway stopped: where every story begins.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::changes::Film;
use super::facts;
use super::gate::{Gate, How};
use super::line::Line;
use super::story::{Cast, Told, people};
use super::tree::Tree;
use crate::support::cli::plain;
use crate::support::programs::on_path;

/// The vault's name on the disk.
pub(super) const VAULT: &str = "vault";

/// A folder for one run of the program, with a disk in it.
pub(super) struct Stage {
    scratch: TempDir,
    pub(super) cast: Cast,
}

impl Stage {
    /// A disk with nothing on it.
    pub(super) fn bare() -> Self {
        let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        std::fs::create_dir(scratch.path().join("disk")).expect("a folder");
        Self {
            scratch,
            cast: Cast::default(),
        }
    }

    /// A disk with a peopled vault.
    pub(super) fn set() -> Self {
        let mut stage = Self::bare();
        let code = stage.found(&How::Plain);
        let gate = stage.open(&How::Plain);
        stage.cast = people(&Line::to(&gate.url), &code).expect("peopled");
        gate.stop();
        stage
    }

    /// The same disk once more.
    pub(super) fn again(&self) -> Self {
        Self::left(&Tree::read(&self.disk()), &self.cast)
    }

    /// What was left of a disk.
    pub(super) fn left(tree: &Tree, cast: &Cast) -> Self {
        let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        tree.write(&scratch.path().join("disk"));
        Self {
            scratch,
            cast: cast.clone(),
        }
    }

    /// The disk, by its real name, as a trace has it.
    pub(super) fn disk(&self) -> PathBuf {
        let disk = self.scratch.path().join("disk");
        disk.canonicalize().expect("a folder")
    }

    pub(super) fn vault(&self) -> PathBuf {
        self.disk().join(VAULT)
    }

    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    pub(super) fn trace(&self) -> PathBuf {
        self.scratch.path().join("trace")
    }

    /// The program run with every change written down, where that can be done.
    pub(super) fn traced(&self) -> Option<How> {
        let strace = on_path("strace")?;
        let to = self.trace();
        Some(How::Traced { strace, to })
    }

    /// Makes the vault; gives the first administrator's code.
    pub(super) fn found(&self, how: &How) -> String {
        let vault = self.vault();
        let (code, stdout, stderr) = how.run(self.scratch(), &founding(&vault));
        assert_eq!(code, Some(0), "{stderr}");
        code_of(&stdout).expect("a code")
    }

    /// Makes the vault with its store at an address, and further arguments; gives the first administrator's code.
    pub(super) fn found_at(&self, endpoint: &str, more: &[&str]) -> String {
        let vault = self.vault();
        let arguments = [&elsewhere(&vault, endpoint)[..], more].concat();
        let (code, stdout, stderr) = How::Plain.run(self.scratch(), &arguments);
        assert_eq!(code, Some(0), "{stderr}");
        code_of(&stdout).expect("a code")
    }

    pub(super) fn open(&self, how: &How) -> Gate {
        let gate = Gate::open(&self.vault(), self.scratch(), how);
        gate.unwrap_or_else(|log| panic!("the gateway did not start: {log}"))
    }

    /// What the program did to the disk, which was `before`.
    pub(super) fn film(&self, before: Tree, is_answer: fn(&[u8]) -> bool) -> Film {
        let trace = std::fs::read(self.trace()).expect("a trace");
        let trace = String::from_utf8_lossy(&trace);
        let film = Film::of(before, &self.disk(), &trace, is_answer);
        film.is_complete(&self.disk());
        film
    }
}

/// The arguments that make a vault.
pub(super) fn founding(vault: &Path) -> [&str; 10] {
    [
        "vault",
        "init",
        plain(vault),
        "--admin",
        "Ada",
        "--embedded-store",
        "--bucket",
        "tapes",
        "--region",
        "eu-west-2",
    ]
}

/// The arguments that make a vault whose store is elsewhere.
pub(super) fn elsewhere<'a>(vault: &'a Path, endpoint: &'a str) -> [&'a str; 11] {
    [
        "vault",
        "init",
        plain(vault),
        "--admin",
        "Ada",
        "--s3-endpoint",
        endpoint,
        "--bucket",
        "tapes",
        "--region",
        "eu-west-2",
    ]
}

/// The code in what `vault init` said.
pub(super) fn code_of(said: &str) -> Option<String> {
    let said: serde_json::Value = serde_json::from_str(said).ok()?;
    said["code"].as_str().map(str::to_owned)
}

/// Whether bytes that were sent are the gateway's answer to somebody; the store's are not.
pub(super) fn is_answer(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(2000)).unwrap_or_default();
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    head.starts_with("http/1.1 ") && head.contains("x-request-id") && !head.contains("x-amz")
}

/// Whether bytes are what the program says when it has done what it was asked.
pub(super) fn said_something(bytes: &[u8]) -> bool {
    bytes.starts_with(b"{")
}

/// Restarts the gateway on what is left of a disk and asks whether everything is as it must be when
/// `steps` steps of the story were acknowledged.
pub(super) fn stands(disk: &Path, cast: &Cast, told: &Told, steps: usize) -> Result<(), String> {
    let scratch = disk.parent().expect("a folder");
    let gate = Gate::open(&disk.join(VAULT), scratch, &How::Plain)
        .map_err(|log| format!("it does not start: {log}"))?;
    let line = Line::to(&gate.url);
    let checked = told
        .facts
        .iter()
        .try_for_each(|fact| fact.check(&line, steps))
        .and_then(|()| facts::always(&line, &cast.admin, &cast.researcher, &cast.governance));
    let log = gate.log();
    if log.contains("panicked") {
        return Err(format!("it panicked: {log}"));
    }
    let telling = log
        .lines()
        .filter(|line| line.contains("WARN") || line.contains("ERROR"));
    let telling: Vec<&str> = telling.collect();
    checked.map_err(|wrong| format!("{wrong}\n{}", telling.join("\n")))
}
