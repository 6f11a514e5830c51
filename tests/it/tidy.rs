//! The project's own order, held against its source: floors, sizes, reasons, and no secrets.
//!
//! Every check is a function from text to complaints, tried on small sources that break its rule
//! before it is tried on the project.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::rust_source::{Token, mentions, tokens};
use crate::tidy_text::{leftovers, secrets};

/// The rooms, floor by floor: a room imports only rooms on lower floors.
const FLOORS: [&[&str]; 10] = [
    &["clock", "entropy", "limits", "sabotage", "secret"],
    &["id", "model", "pdf", "sealing"],
    &["agefile"],
    &["index", "journal", "keyring", "objects"],
    &["access"],
    &["vault"],
    &["work"],
    &["wire"],
    &["client", "gateway"],
    &["cli", "fuzzing"],
];

/// Steps from a room to another on its own floor; none leads back.
const BESIDE: [(&str, &str); 3] = [
    ("secret", "entropy"), // a secret is drawn from the source of randomness
    ("model", "id"),       // what is modelled is named by identifiers
    ("model", "sealing"),  // how long a wrapped key is, sealing knows
];

/// The name under which `src/main.rs`, which stands above every floor, is read.
const PROGRAM: &str = "main";

/// What must lie at the top level.
const TOP: [&str; 7] = [
    "Cargo.lock",
    "Cargo.toml",
    "README.md",
    "deploy",
    "keys",
    "src",
    "tests",
];

/// What may lie at the top level as well, besides dotfiles and a licence.
const TOP_TOO: [&str; 7] = [
    "benches",
    "clippy.toml",
    "deny.toml",
    "docs",
    "fuzz",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// Longest file of source, in lines.
const SOURCE_LINES_MAX: usize = 700;

#[test]
fn a_room_imports_only_rooms_on_lower_floors() {
    let project = Project::read();
    let mut wrong: Vec<String> = Vec::new();
    for (path, text) in project.texts("src/").filter(|(path, _)| is_rust(path)) {
        wrong.extend(misplaced_imports(path, text));
    }
    expect_none("imports that go up or sideways", &wrong);
}

#[test]
fn the_rooms_are_those_of_the_floor_table() {
    let project = Project::read();
    let library = project.text("src/lib.rs");
    expect_none("rooms", &misplaced_rooms(project.paths(), library));
}

#[test]
fn every_step_beside_is_on_one_floor_and_taken() {
    let project = Project::read();
    let mut steps = BTreeSet::new();
    for (path, text) in project.texts("src/").filter(|(path, _)| is_rust(path)) {
        let from = module_of(path).first().copied().unwrap_or_default();
        let reached = mentions(text, &module_of(path));
        steps.extend(reached.into_iter().filter_map(|mention| {
            let to = mention.path.into_iter().next()?;
            Some((from.to_owned(), to))
        }));
    }
    for (from, to) in BESIDE {
        assert!(
            floor_of(from).is_some() && floor_of(from) == floor_of(to),
            "{from} and {to}"
        );
        assert!(
            !BESIDE.contains(&(to, from)),
            "{from} and {to} lead to each other"
        );
        let taken = steps.contains(&(from.to_owned(), to.to_owned()));
        assert!(
            taken,
            "{from} no longer imports {to}: take the step out of the table"
        );
    }
}

/// What proves something by attacking the program must not be mistaken in the same way as it.
#[test]
fn the_attacker_shares_nothing_with_the_library() {
    let project = Project::read();
    let manifest = project.text("tests/attacker/Cargo.toml");
    let dependencies = manifest
        .split("[dependencies]")
        .nth(1)
        .expect("it has some");
    let dependencies = dependencies.split("\n[").next().unwrap_or_default();
    let names: Vec<&str> = dependencies
        .lines()
        .filter_map(|line| line.split(" = ").next().filter(|name| !name.is_empty()))
        .collect();
    assert_eq!(names, ["base64", "ring", "sled", "x25519-dalek"]);
    assert!(!dependencies.contains("path"), "{dependencies}");
    let mut files = 0;
    for (path, text) in project.texts("tests/attacker/src/") {
        files += 1;
        for shared in ["strongroom::", "extern crate", "include", "#[path"] {
            assert!(!text.contains(shared), "{path}: {shared}");
        }
    }
    assert!(files > 4, "{files} files");
}

#[test]
fn no_secret_is_committed() {
    let project = Project::read();
    let found = project.complaints("", secrets);
    expect_none("secrets; replace them everywhere they were used", &found);
}

#[test]
fn nothing_is_unfinished_and_no_path_is_of_one_machine() {
    let project = Project::read();
    let found = project.complaints("", leftovers);
    expect_none("leftovers", &found);
}

#[test]
fn every_allowance_gives_its_reason() {
    let project = Project::read();
    let mut found = Vec::new();
    for (path, text) in project.texts("").filter(|(path, _)| is_rust(path)) {
        let lines = unreasoned_allowances(text).into_iter();
        found.extend(lines.map(|line| format!("{path}:{line}: an allowance without a reason")));
    }
    expect_none("allowances", &found);
}

#[test]
fn source_files_stay_short() {
    let project = Project::read();
    // A recording has no lines.
    let texts = project
        .texts("src/")
        .filter(|(_, text)| !text.contains('\0'));
    let long = texts.filter_map(|(path, text)| too_long(path, text));
    expect_none("long files", &long.collect::<Vec<_>>());
}

#[test]
fn the_top_level_holds_only_what_the_design_names() {
    let project = Project::read();
    expect_none("the top level", &misplaced_at_top(project.paths()));
}

#[test]
fn an_operator_is_given_what_the_source_asks_for() {
    let project = Project::read();
    let source: String = project.texts("src/").map(|(_, text)| text).collect();
    let deployed: String = project.texts("deploy/").map(|(_, text)| text).collect();
    let asked = names(&source, "s3:");
    assert!(!asked.is_empty(), "the source names no permission");
    let granted = names(project.text("deploy/terraform/gateway.tf"), "s3:");
    let missing = asked.difference(&granted).cloned();
    expect_none(
        "permissions the gateway is not granted",
        &missing.collect::<Vec<_>>(),
    );
    let unknown: BTreeSet<String> = names(&deployed, "STRONGROOM_");
    let unknown = unknown
        .into_iter()
        .filter(|name| !source.contains(name.as_str()));
    expect_none(
        "settings the source does not know",
        &unknown.collect::<Vec<_>>(),
    );
}

/// The files that are committed or about to be, by their paths from the top level.
struct Project(BTreeMap<String, String>);

impl Project {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let paths = known_to_git(root).unwrap_or_else(|| found_under(root, root));
        assert!(
            paths.iter().any(|path| path == "Cargo.toml"),
            "these are not the project's files"
        );
        let files = paths.into_iter().filter_map(|path| {
            let bytes = std::fs::read(root.join(&path)).ok()?;
            Some((path, String::from_utf8_lossy(&bytes).into_owned()))
        });
        Self(files.collect())
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    fn texts(&self, under: &str) -> impl Iterator<Item = (&str, &str)> {
        let texts = self
            .0
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()));
        texts.filter(move |(path, _)| path.starts_with(under))
    }

    fn text(&self, path: &str) -> &str {
        self.0.get(path).expect("the project has this file")
    }

    /// What `check` says of each line of every file under `under`.
    fn complaints(
        &self,
        under: &str,
        check: fn(&str) -> Vec<(usize, &'static str)>,
    ) -> Vec<String> {
        let each = self.texts(under).flat_map(|(path, text)| {
            let found = check(text).into_iter();
            found.map(move |(line, what)| format!("{path}:{line}: {what}"))
        });
        each.collect()
    }
}

fn expect_none(what: &str, complaints: &[String]) {
    assert!(
        complaints.is_empty(),
        "{what}: {}\n  {}\n",
        complaints.len(),
        complaints.join("\n  ")
    );
}

/// The files git holds or would add, or nothing when git or its folder is missing.
fn known_to_git(root: &Path) -> Option<Vec<String>> {
    if !root.join(".git").exists() {
        return None;
    }
    let listed = Command::new("git")
        .current_dir(root)
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let names = String::from_utf8_lossy(&listed.stdout).into_owned();
    let names = names.split('\0').filter(|name| !name.is_empty());
    let names: Vec<String> = names.map(str::to_owned).collect();
    (!names.is_empty()).then_some(names)
}

fn found_under(root: &Path, folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the project's folder can be read");
    let paths = entries.map(|entry| entry.expect("its entries too").path());
    let skipped = |path: &PathBuf| path.ends_with("target") || path.ends_with(".git");
    let mut found = Vec::new();
    for path in paths.filter(|path| !path.is_symlink() && !skipped(path)) {
        if path.is_dir() {
            found.extend(found_under(root, &path));
        } else if let Ok(path) = path.strip_prefix(root) {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found
}

fn is_rust(path: &str) -> bool {
    path.ends_with(".rs")
}

/// The module a file of source is: `src/a/b.rs` and `src/a/b/mod.rs` are `a::b`.
fn module_of(path: &str) -> Vec<&str> {
    let path = path.strip_prefix("src/").unwrap_or(path);
    let path = path.strip_suffix(".rs").unwrap_or(path);
    path.split('/')
        .filter(|part| !matches!(*part, "lib" | "mod"))
        .collect()
}

/// The floor of a room; the program stands above them all.
fn floor_of(room: &str) -> Option<usize> {
    let listed = FLOORS.iter().position(|floor| floor.contains(&room));
    listed.or_else(|| (room == PROGRAM).then_some(FLOORS.len()))
}

fn misplaced_imports(path: &str, text: &str) -> Vec<String> {
    // The crate's root only declares the rooms.
    if path == "src/lib.rs" {
        return Vec::new();
    }
    let module = module_of(path);
    let from = module.first().copied().unwrap_or_default();
    // The program is a crate of its own, whose root is its only module.
    let module = if from == PROGRAM {
        Vec::new()
    } else {
        module.clone()
    };
    let complaint = |line: usize, what: String| format!("{path}:{line}: {what}");
    let mut found = Vec::new();
    if tokens(text)
        .windows(2)
        .any(|pair| matches!(pair, [a, b] if a.is("[") && b.is("path")))
    {
        found.push(format!("{path}: #[path] hides where a module lies"));
    }
    let Some(floor) = floor_of(from) else {
        found.push(format!("{path}: {from} is on no floor"));
        return found;
    };
    for mention in mentions(text, &module) {
        let to = mention.path.first().map_or("", String::as_str);
        let reached = floor_of(to);
        let allowed = to == from
            || reached.is_some_and(|reached| reached < floor)
            || BESIDE.contains(&(from, to));
        match reached {
            _ if allowed => {}
            _ if to.is_empty() => {
                found.push(complaint(
                    mention.line,
                    "brings in the root of the crate".to_owned(),
                ));
            }
            None => found.push(complaint(mention.line, format!("{to} is on no floor"))),
            Some(reached) => found.push(complaint(
                mention.line,
                format!("{from} (F{floor}) imports {to} (F{reached})"),
            )),
        }
    }
    found
}

fn misplaced_rooms<'a>(paths: impl Iterator<Item = &'a str>, library: &str) -> Vec<String> {
    let table: BTreeSet<&str> = FLOORS
        .iter()
        .flat_map(|floor| floor.iter().copied())
        .collect();
    let files = paths.filter(|path| path.starts_with("src/") && is_rust(path));
    let rooms = files.filter_map(|path| module_of(path).first().copied());
    let rooms: BTreeSet<&str> = rooms.filter(|room| *room != PROGRAM).collect();
    let words = tokens(library);
    let declared: BTreeSet<&str> = words
        .windows(3)
        .filter_map(|three| match three {
            [word, name, end] if word.is("mod") && end.is(";") => Some(name.text),
            _ => None,
        })
        .collect();
    let mut found = Vec::new();
    for room in rooms.difference(&table) {
        found.push(format!("{room} is on no floor"));
    }
    for room in table.difference(&rooms) {
        found.push(format!("{room} is on a floor and has no source"));
    }
    for room in table.symmetric_difference(&declared) {
        found.push(format!("src/lib.rs and the floor table disagree on {room}"));
    }
    found
}

fn misplaced_at_top<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let tops: BTreeSet<&str> = paths.filter_map(|path| path.split('/').next()).collect();
    let missing = TOP.iter().filter(|name| !tops.contains(*name));
    let missing = missing.map(|name| format!("{name} is missing"));
    let known = |name: &str| {
        TOP.contains(&name)
            || TOP_TOO.contains(&name)
            || name.starts_with('.')
            || name.starts_with("LICENSE")
    };
    let foreign = tops.iter().filter(|name| !known(name));
    let foreign = foreign.map(|name| format!("{name} does not belong there"));
    missing.chain(foreign).collect()
}

/// The names in `text` that begin with `prefix` and go on with a capital letter.
fn names(text: &str, prefix: &str) -> BTreeSet<String> {
    let rests = text.split(prefix).skip(1);
    let bodies = rests.map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
    });
    let whole = bodies.filter(|body| body.starts_with(|c: char| c.is_ascii_uppercase()));
    whole.map(|body| format!("{prefix}{body}")).collect()
}

fn too_long(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > SOURCE_LINES_MAX).then(|| format!("{path} has {lines} lines: it holds two ideas"))
}

/// Lines whose `allow` or `expect` attribute has no `reason = "…"`.
fn unreasoned_allowances(text: &str) -> Vec<usize> {
    let tokens = tokens(text);
    let mut attribute = 0_usize;
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let before = tokens.get(..at).unwrap_or_default();
        let opens = matches!(before, [.., mark] if mark.is("#"))
            || matches!(before, [.., mark, bang] if mark.is("#") && bang.is("!"));
        match token.text {
            "[" if opens || attribute > 0 => attribute += 1,
            "]" => attribute = attribute.saturating_sub(1),
            "allow" | "expect" if attribute > 0 => {
                let rest = tokens.get(at + 1..).unwrap_or_default();
                if rest.first().is_some_and(|mark| mark.is("(")) && !has_reason(rest) {
                    found.push(token.line);
                }
            }
            _ => {}
        }
    }
    found
}

/// Whether the brackets that `rest` begins with hold `reason = "…"`, and not an empty one.
fn has_reason(rest: &[Token<'_>]) -> bool {
    let inside = rest.iter().take_while(|token| !token.is(")")).copied();
    let inside: Vec<Token<'_>> = inside.collect();
    inside.windows(3).any(|three| {
        matches!(three, [word, equals, text] if word.is("reason") && equals.is("=")
            && text.is_string() && text.text.len() > "\"\"".len())
    })
}

/// The checks themselves, on sources that break the rules.
mod the_check {
    use super::*;

    fn imports(path: &str, source: &str) -> Vec<String> {
        let found = misplaced_imports(path, source).into_iter();
        found.map(|complaint| complaint.replace(path, "")).collect()
    }

    #[test]
    fn sees_an_import_that_goes_up_or_sideways() {
        let up = "use crate::{clock::Clock, vault::Vault};";
        assert_eq!(
            imports("src/journal/mod.rs", up),
            [":1: journal (F3) imports vault (F5)"]
        );
        let sideways = "\nfn f() { super::super::index::open() }";
        assert_eq!(
            imports("src/journal/a.rs", sideways),
            [":2: journal (F3) imports index (F3)"]
        );
        assert_eq!(
            imports("src/id.rs", "use crate::model::Item;"),
            [":1: id (F1) imports model (F1)"]
        );
        let tests = "#[cfg(test)] mod tests { use super::super::work::enrol; }";
        assert_eq!(imports("src/wire.rs", tests), Vec::<String>::new());
        assert_eq!(
            imports("src/vault/mod.rs", tests),
            [":1: vault (F5) imports work (F6)"]
        );
    }

    #[test]
    fn lets_a_room_import_what_is_below_it_and_itself() {
        let down = "use crate::journal::Journal; use self::part::Part; use crate::vault::part;";
        assert!(imports("src/vault/mod.rs", down).is_empty());
        assert!(imports("src/model/item.rs", "use crate::id::ItemId;").is_empty());
        let docs = "/// As [`crate::cli`] does.\n/// [`run`]: crate::cli::run\nfn f() {}";
        assert!(imports("src/clock.rs", docs).is_empty());
        assert!(imports("src/main.rs", "use strongroom::cli;").is_empty());
    }

    #[test]
    fn sees_a_way_round_the_table() {
        assert_eq!(
            imports("src/index/a.rs", "use crate as c;"),
            [":1: brings in the root of the crate"]
        );
        assert_eq!(
            imports("src/index/a.rs", "use crate::cellar::A;"),
            [":1: cellar is on no floor"]
        );
        assert_eq!(imports("src/cellar.rs", ""), [": cellar is on no floor"]);
        let path = "#[path = \"../vault/mod.rs\"] mod mine;";
        assert_eq!(
            imports("src/index/a.rs", path),
            [": #[path] hides where a module lies"]
        );
    }

    #[test]
    fn sees_a_room_that_is_only_in_one_place() {
        let rooms: Vec<&str> = FLOORS
            .iter()
            .flat_map(|floor| floor.iter().copied())
            .collect();
        let paths: Vec<String> = rooms
            .iter()
            .map(|room| format!("src/{room}/mod.rs"))
            .collect();
        let library: String = rooms
            .iter()
            .map(|room| format!("pub mod {room};"))
            .collect();
        let of = |paths: &[String], library: &str| {
            misplaced_rooms(paths.iter().map(String::as_str), library)
        };
        assert!(of(&paths, &library).is_empty());
        assert_eq!(
            of(&paths[1..], &library),
            ["clock is on a floor and has no source"]
        );
        let more = [paths.clone(), vec!["src/cellar.rs".to_owned()]].concat();
        assert_eq!(of(&more, &library), ["cellar is on no floor"]);
        assert_eq!(of(&paths, &library[14..]).len(), 1);
        assert_eq!(of(&paths, &format!("{library}mod cellar;")).len(), 1);
    }

    #[test]
    fn sees_what_does_not_belong_at_the_top() {
        let files = TOP
            .iter()
            .copied()
            .chain([".gitignore", "LICENSE", "docs/a.md"]);
        let files: Vec<&str> = files.collect();
        assert!(misplaced_at_top(files.iter().copied()).is_empty());
        let foreign = misplaced_at_top(files.iter().copied().chain(["notes/a.md"]));
        assert_eq!(foreign, ["notes does not belong there"]);
        let missing = misplaced_at_top(files.iter().copied().filter(|name| *name != "keys"));
        assert_eq!(missing, ["keys is missing"]);
    }

    #[test]
    fn sees_an_allowance_without_a_reason() {
        let bare = "\n#[allow(dead_code)] fn f() {}";
        assert_eq!(unreasoned_allowances(bare), [2]);
        assert_eq!(unreasoned_allowances("#![expect(dead_code)]"), [1]);
        assert_eq!(unreasoned_allowances("#[cfg_attr(test, allow(a))]"), [1]);
        assert_eq!(unreasoned_allowances("#[allow(a, reason = \"\")]"), [1]);
        assert!(unreasoned_allowances("#[allow(a, reason = \"b (c)\")]").is_empty());
        assert!(unreasoned_allowances("fn f() { vec![a.expect(\"b\")]; allow(c) }").is_empty());
    }

    #[test]
    fn sees_names_by_their_prefix() {
        let text = "needs s3:GetObject, \"s3:PutObject\" and s3:*; see s3:other";
        let found = names(text, "s3:");
        assert_eq!(
            found.into_iter().collect::<Vec<_>>(),
            ["s3:GetObject", "s3:PutObject"]
        );
    }

    #[test]
    fn sees_a_long_file() {
        assert!(too_long("a", &"\n".repeat(SOURCE_LINES_MAX)).is_none());
        assert!(too_long("a", &"\n".repeat(SOURCE_LINES_MAX + 1)).is_some());
    }
}
