//! The two programs that these tests build for themselves: the attacker, and the broken Strongroom.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::support::cli::{plain, program};
use crate::support::programs::tell;

/// The broken program: built with the feature that breaks it, and nothing else different.
pub(super) fn broken() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let feature = ["--features", "sabotage-for-tests-only"];
        build(&[&["--example", "sabotaged"], &feature[..]].concat());
        target().join("debug").join("examples").join("sabotaged")
    });
    built.clone()
}

fn attacker() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // It tries millions of keys, and what it depends on is little.
        build(&["--package", "attacker", "--release"]);
        target().join("release").join("attacker")
    })
}

fn build(arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells this test of itself, a build script would take for a reason to build anew.
    let own = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ];
    for (name, _) in std::env::vars() {
        if own.iter().any(|start| name.starts_with(start)) {
            cargo.env_remove(name);
        }
    }
    let built = cargo
        .args(["build", "--quiet", "--locked", "--target-dir"])
        .arg(target())
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{arguments:?}: {said}");
}

/// Where the tests themselves were built.
fn target() -> PathBuf {
    let folders = program();
    let target = folders.ancestors().nth(2).expect("target/debug/strongroom");
    target.to_path_buf()
}

/// An attack, as it is being prepared.
pub(crate) struct Attack {
    arguments: Vec<String>,
}

impl Attack {
    /// Builds the attacker, unless that was done.
    pub(crate) fn make_ready() {
        attacker();
    }

    /// With the windows of everything that lies anywhere.
    pub(crate) fn thorough() -> Self {
        Self {
            arguments: Vec::new(),
        }
    }

    /// With the windows of what opens, and of what is spelled out anywhere.
    pub(crate) fn quick() -> Self {
        Self::thorough().with("--quick")
    }

    /// What is there now: its root slots are open to the identities that are there too.
    pub(crate) fn now(self, place: &Path) -> Self {
        self.with("--now").with(plain(place))
    }

    /// An image of an earlier moment, or a backup; root slots in it are passed over.
    pub(crate) fn earlier(self, place: &Path) -> Self {
        self.with("--earlier").with(plain(place))
    }

    /// A root slot of an earlier moment.
    pub(crate) fn old_root(self, slot: &Path) -> Self {
        self.with("--old-root").with(plain(slot))
    }

    /// Words to look for.
    pub(crate) fn canary(self, name: &str, text: &str) -> Self {
        self.with("--canary").with(&format!("{name}={text}"))
    }

    fn with(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Lets the attacker loose, and tells of it under a heading.
    pub(crate) fn run(self, heading: &str) -> Found {
        let ran = Command::new(attacker())
            .args(&self.arguments)
            .env_clear()
            .env("TMPDIR", env!("CARGO_TARGET_TMPDIR"))
            .stdin(Stdio::null())
            .output()
            .expect("it runs");
        let told = String::from_utf8(ran.stdout).expect("text");
        let failed = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "{heading}: {failed}");
        let found = Found { told };
        tell(&format!("attacker, {heading}: {}", found.in_a_line()));
        found
    }
}

/// What the attacker found.
#[derive(Debug)]
pub(crate) struct Found {
    told: String,
}

impl Found {
    /// The canaries it reached, by name.
    pub(crate) fn reached(&self) -> BTreeSet<&str> {
        self.lines("reached: ").collect()
    }

    /// Where canaries lie open, with nothing to be opened.
    pub(crate) fn lying_open(&self) -> Vec<&str> {
        self.lines("lies open: ").collect()
    }

    /// The objects in the bucket now that nothing opens.
    pub(crate) fn unopened(&self) -> Vec<&str> {
        self.lines("nothing opens: ").collect()
    }

    /// What it had, tried and opened, for whoever runs the tests.
    fn in_a_line(&self) -> String {
        let said = |start: &str| self.lines(start).collect::<Vec<_>>().join(", ");
        let or_none = |text: String| {
            if text.is_empty() {
                "nothing".to_owned()
            } else {
                text
            }
        };
        format!(
            "tried {} on {}; opened {}; reached {}; not {}; unopened in the bucket {}; {}",
            said("tried: "),
            said("sealed: "),
            said("opened: "),
            or_none(said("reached: ")),
            or_none(said("not reached: ")),
            self.unopened().len(),
            said("took: "),
        )
    }

    /// How many keys of 32 bytes it tried, on how many sealed things.
    pub(crate) fn effort(&self) -> (u64, u64) {
        let numbers = |start: &str| -> Vec<u64> {
            let line = self.lines(start).next().expect("it says so");
            let words = line.split(|letter: char| !letter.is_ascii_digit());
            words.filter_map(|word| word.parse().ok()).collect()
        };
        (numbers("tried: ")[0], numbers("sealed: ").iter().sum())
    }

    fn lines<'a>(&'a self, start: &'a str) -> impl Iterator<Item = &'a str> {
        self.told
            .lines()
            .filter_map(move |line| line.strip_prefix(start))
    }
}
