//! What commands print: words for people, JSON for programs, errors apart.

use std::io::Write as _;

use serde::Serialize;
use serde_json::json;

use super::failure::Failure;

/// Where a command's answer goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON is wanted.
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// Prints an answer: `value` as JSON on one line, or the words.
    pub(super) fn answer(self, value: &impl Serialize, words: impl FnOnce() -> String) {
        match self.json {
            true => self.line(&serde_json::to_string(value).unwrap_or_default()),
            false => self.line(&words()),
        }
    }

    /// Prints a list: one JSON array, or a table with a heading.
    pub(super) fn list<T: Serialize>(
        self,
        rows: &[T],
        heading: &[&str],
        cells: impl Fn(&T) -> Vec<String>,
    ) {
        self.answer(&rows, || {
            if rows.is_empty() {
                return "nothing".to_owned();
            }
            table(heading, &rows.iter().map(cells).collect::<Vec<_>>())
        });
    }

    /// Prints a line to standard output.
    pub(super) fn line(self, line: &str) {
        // Whoever reads may have gone; there is nobody left to tell.
        let _ = writeln!(anstream::stdout(), "{line}");
    }

    /// Tells people something beside the answer, on standard error.
    pub(super) fn remark(self, text: &str) {
        let _ = writeln!(anstream::stderr(), "{text}");
    }

    /// Says why a command failed, on standard error.
    pub(super) fn failure(self, failure: &Failure) {
        let text = match self.json {
            true => json!({
                "error": failure.name(),
                "exit": failure.number(),
                "detail": failure.to_string(),
            })
            .to_string(),
            false => {
                let red = anstyle::AnsiColor::Red.on_default().bold();
                format!("{red}error:{red:#} {failure}")
            }
        };
        let _ = writeln!(anstream::stderr(), "{text}");
    }
}

/// Columns as wide as their widest cell, two spaces apart.
pub(super) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let cells = cells.map(|cell| cell.chars().count());
        let heading = heading.get(column).map_or(0, |text| text.chars().count());
        cells.max().unwrap_or(0).max(heading)
    };
    let widths: Vec<_> = (0..heading.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(&mut heading.iter().copied())];
    lines.extend(
        rows.iter()
            .map(|row| line(&mut row.iter().map(String::as_str))),
    );
    lines.join("\n")
}

/// Yes, no.
pub(super) fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// A value, or a dash when there is none.
pub(super) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
