//! Letters as other people's programs read them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use strongroom::pdf::{Block, pdf};

use super::peers::python_with;
use super::script;
use crate::support::programs::search;

/// A4 with margins of 25 mm, in points.
const PAGE: (f64, f64) = (595.28, 841.89);
const MARGIN: f64 = 70.8;

fn letter() -> Vec<u8> {
    let mut blocks = vec![
        Block::Heading("What was removed".to_owned()),
        Block::Facts(vec![
            ("Your reference".to_owned(), "par-2KXV9".to_owned()),
            ("Irrecoverable".to_owned(), "1 April 2026, 14:05".to_owned()),
        ]),
    ];
    for number in 0..60 {
        blocks.push(Block::Paragraph(format!(
            "Paragraph {number}: what you said to us – “all of it” – cost £{number} and is gone; Siân, Wałęsa and {} know.",
            "supercalifragilistic".repeat(8)
        )));
    }
    pdf(
        "Your withdrawal from Zoë’s study",
        &blocks,
        &[("certificate.txt", b"signed\n"), ("key.txt", b"\x00\xff")],
    )
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn another_program_reads_every_word_of_a_letter_within_its_margins() {
    let Some(python) = python_with("pypdf") else {
        return;
    };
    let mut reader = Command::new(python)
        .arg(script("pypdf_read.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = reader.stdin.take().expect("its input");
    input.write_all(&letter()).expect("written");
    drop(input);
    let read = reader.wait_with_output().expect("it ends");
    assert!(read.status.success(), "{}", read.status);
    let read: Value = serde_json::from_slice(&read.stdout).expect("JSON");
    assert_eq!(read["title"], "Your withdrawal from Zoë’s study");
    let attached = serde_json::json!({ "certificate.txt": "7369676e65640a", "key.txt": "00ff" });
    assert_eq!(read["attached"], attached);
    let pages = read["pages"].as_array().expect("pages");
    assert!(pages.len() > 2, "{} pages", pages.len());
    let mut all = String::new();
    for (place, page) in pages.iter().enumerate() {
        let text = page["text"].as_str().expect("text");
        let number = format!("Page {} of {}", place + 1, pages.len());
        assert!(text.contains(&number), "{text}");
        all.push_str(&text.replace(&number, ""));
        for at in page["at"].as_array().expect("places") {
            let (x, y) = (at[0].as_f64(), at[1].as_f64());
            let (x, y) = (x.expect("a number"), y.expect("a number"));
            assert!((MARGIN..PAGE.0 - MARGIN).contains(&x), "{at}");
            assert!((MARGIN..PAGE.1 - MARGIN).contains(&y), "{at}");
        }
    }
    let all = words(&all).join(" ");
    assert!(all.starts_with("Your withdrawal from Zoë’s study What was removed"));
    assert!(all.contains("Irrecoverable 1 April 2026, 14:05"), "{all}");
    for number in 0..60 {
        let told = format!(
            "Paragraph {number}: what you said to us – “all of it” – cost £{number} and is gone; Siân, Wa[U+0142][U+0119]sa and"
        );
        assert!(all.contains(&told), "{told} is not in {all}");
    }
}

#[test]
fn poppler_reads_it_too_where_it_is() {
    // Poppler is nice to have: pypdf above is the one that is required.
    let Some(program) = search("pdftotext") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("letter.pdf");
    std::fs::write(&file, letter()).expect("written");
    let text = poppler(&program, &file);
    assert!(
        words(&text)
            .join(" ")
            .contains("Your withdrawal from Zoë’s study")
    );
    assert!(text.contains("Paragraph 59: what you said to us – “all of it”"));
}

fn poppler(program: &Path, file: &Path) -> String {
    let read = Command::new(program).arg(file).arg("-").output();
    let read = read.expect("it runs");
    assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
    String::from_utf8(read.stdout).expect("text")
}
