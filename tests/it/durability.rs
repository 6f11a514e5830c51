//! `docs/durability.md` held against the source: every fault of the list has its row, and every row
//! names tests that exist.

use std::path::Path;

use crate::promises::{in_backticks, tests};

/// The faults this program was built against, by how their rows begin.
const FAULTS: [&str; 20] = [
    "kill at the Nth write",
    "disk full, I/O error",
    "kill at each erasure step",
    "two erasures at once",
    "erasure during an upload",
    "S3 5xx",
    "lost response",
    "clock set back",
    "old index, old journal",
    "truncated or flipped index",
    "wrong or missing root slot",
    "header of 1 MB",
    "objects or index rows swapped",
    "range past the end",
    "stolen, expired, revoked token",
    "supplier's contract lapses",
    "file names with",
    "1000 downloads",
    "disconnect mid-upload",
    "bucket outside the UK",
];

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/durability.md");
    std::fs::read_to_string(path).expect("docs/durability.md")
}

/// The rows of every table, by their cells.
fn rows(page: &str) -> Vec<Vec<&str>> {
    let lines = page.lines().filter(|line| line.starts_with("| "));
    let lines = lines.filter(|line| !line.starts_with("| ---"));
    lines
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// What the last cell of a row names, as far as it is a test's name.
fn named(row: &[&str]) -> Vec<String> {
    let last = row.last().copied().unwrap_or_default();
    let names = in_backticks(last).into_iter();
    names.filter(|name| !name.contains('/')).collect()
}

#[test]
fn every_fault_has_one_row_and_a_test() {
    let page = page();
    let rows = rows(&page);
    for fault in FAULTS {
        let of_it = rows.iter().filter(|row| row[0].starts_with(fault));
        let of_it: Vec<_> = of_it.collect();
        assert_eq!(of_it.len(), 1, "rows on {fault:?}");
        assert_eq!(
            of_it[0].len(),
            3,
            "what must hold, and what shows it: {fault}"
        );
        let says_why_not = of_it[0][2].contains("not tried, because");
        assert!(says_why_not || !named(of_it[0]).is_empty(), "{fault}");
    }
}

#[test]
fn every_test_that_is_named_is_there() {
    let (page, tests) = (page(), tests());
    let mut missing = Vec::new();
    for row in rows(&page).iter().filter(|row| row.len() > 1) {
        let names = named(row).into_iter();
        missing.extend(names.filter(|name| !tests.contains_key(name)));
    }
    assert!(missing.is_empty(), "there is no test {missing:?}");
}

#[test]
fn the_check_itself_sees() {
    let rows = rows("| a | b |\n| --- | --- |\n| a fault | holds | `one`, `src/two.rs` |\n");
    assert_eq!(rows.len(), 2);
    assert_eq!(named(&rows[1]), ["one"]);
}
