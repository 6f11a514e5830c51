//! `docs/security.md` held against the source: every line that a reviewer checks names tests there are.

use std::path::Path;

use crate::promises::{in_backticks, tests};

/// What the list must speak of, by a word of each line.
const CHECKED: [&str; 24] = [
    "random",
    "revoked at once",
    "one answer",
    "Rate limits",
    "what exists",
    "timing",
    "Every route",
    "in addresses",
    "Security headers",
    "Paths in storage",
    "RFC 6266",
    "bounded",
    "TLS 1.2",
    "plain HTTP",
    "Outbound",
    "Nonces",
    "life cycle",
    "private files",
    "swap",
    "Logs",
    "audit is immutable",
    "Errors",
    "Backups",
    "Strangers' bytes",
];

fn rows(page: &str) -> Vec<[&str; 3]> {
    let (_, list) = page
        .split_once("## What a reviewer checks")
        .expect("the list");
    let lines = list.lines().filter(|line| line.starts_with("| "));
    let cells = lines.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        <[&str; 3]>::try_from(cells).unwrap_or_else(|_| panic!("three cells: {line}"))
    });
    cells.skip(2).collect()
}

#[test]
fn every_line_a_reviewer_checks_names_tests_that_exist() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let page = std::fs::read_to_string(path).expect("docs/security.md");
    let (rows, tests) = (rows(&page), tests());
    let mut wrong = Vec::new();
    for what in CHECKED {
        if !rows.iter().any(|[line, ..]| line.contains(what)) {
            wrong.push(format!("no line on {what:?}"));
        }
    }
    for [line, how, shown] in &rows {
        let named = in_backticks(shown);
        if named.is_empty() || how.is_empty() {
            wrong.push(format!("{line:?} says not how, or names no test"));
        }
        for name in named.iter().filter(|name| !tests.contains_key(*name)) {
            wrong.push(format!("{line:?}: there is no test `{name}`"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
