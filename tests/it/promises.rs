//! `docs/promises.md` held against the source: every promise has its row, every row names tests that
//! exist and carry its number, and no test carries a number that no promise has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// R1 to R50.
const PROMISES: std::ops::RangeInclusive<u32> = 1..=50;

/// One row of the table.
#[derive(Debug)]
struct Row {
    number: u32,
    promise: String,
    kept: String,
    shown: Vec<String>,
}

fn rows(page: &str) -> Vec<Row> {
    let lines = page.lines().filter(|line| line.starts_with("| R"));
    lines.map(row).collect()
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
    let [number, promise, kept, shown] = cells[..] else {
        panic!("four cells: {line}");
    };
    Row {
        number: number[1..].parse().expect("a number"),
        promise: promise.to_owned(),
        kept: kept.to_owned(),
        shown: in_backticks(shown),
    }
}

/// What stands in backticks.
pub(crate) fn in_backticks(text: &str) -> Vec<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// The numbers a test's name carries: `r12_…`, and `…_r12_…` for one that shows several.
fn numbers(name: &str) -> BTreeSet<u32> {
    let words = name.split('_');
    let numbers = words.filter_map(|word| word.strip_prefix('r')?.parse().ok());
    numbers.collect()
}

/// Every test function there is, by the last part of its path.
pub(crate) fn tests() -> BTreeMap<String, PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    let mut folders = vec![root.join("src"), root.join("tests")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("text");
                for name in test_names(&text) {
                    found.insert(name, path.clone());
                }
            }
        }
    }
    found
}

/// The functions that follow a test attribute, or stand in `proptest!`.
fn test_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some(rest) = line
            .strip_prefix("async fn ")
            .or_else(|| line.strip_prefix("fn "))
        {
            if is_test {
                let end = rest.find('(').unwrap_or(rest.len());
                names.push(rest[..end].to_owned());
            }
            is_test = false;
        }
    }
    names
}

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/promises.md");
    std::fs::read_to_string(path).expect("docs/promises.md")
}

#[test]
fn every_promise_has_one_row_and_tests_that_carry_its_number() {
    let (rows, tests) = (rows(&page()), tests());
    let told: Vec<u32> = rows.iter().map(|row| row.number).collect();
    assert_eq!(told, PROMISES.collect::<Vec<_>>(), "each once, in order");
    let mut wrong = Vec::new();
    for row in &rows {
        let number = row.number;
        if row.promise.len() < 20 {
            wrong.push(format!("R{number} does not say what is promised"));
        }
        if row.shown.is_empty() {
            wrong.push(format!("R{number} names no test"));
        }
        for path in &row.shown {
            let name = path.rsplit("::").next().unwrap_or(path);
            if !tests.contains_key(name) {
                wrong.push(format!("R{number}: there is no test `{path}`"));
            }
            if !numbers(name).contains(&number) {
                wrong.push(format!("R{number}: `{path}` does not carry its number"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_keeps_a_promise_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for row in rows(&page()) {
        let kept = in_backticks(&row.kept);
        let files = kept.iter().filter(|path| path.contains('/'));
        for path in files {
            if !root.join(path).exists() {
                wrong.push(format!("R{}: there is no {path}", row.number));
            }
        }
        if kept.is_empty() && !row.kept.contains("operator") {
            wrong.push(format!(
                "R{} says neither where it is kept nor what the operator does instead",
                row.number
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_test_carries_a_number_that_no_promise_has() {
    let wrong: Vec<_> = tests()
        .into_iter()
        .filter(|(name, _)| !numbers(name).iter().all(|number| PROMISES.contains(number)))
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_check_itself_sees() {
    let row = row(
        "| R7 | Somebody may change their mind. | `src/work/consent.rs` | `a::r07_b`, `r7_c` |",
    );
    assert_eq!((row.number, row.shown.len()), (7, 2));
    assert_eq!(numbers("r07_b"), [7].into());
    assert_eq!(numbers("r13_r14_nothing_shows"), [13, 14].into());
    assert_eq!(numbers("rows_are_read"), [].into());
    let text =
        "#[test]\nfn one() {}\nfn two() {}\n#[tokio::test(flavor = \"x\")]\nasync fn three() {}";
    assert_eq!(test_names(text), ["one", "three"]);
}
