//! What no committed text may hold: secrets, unfinished work, paths of one machine.

/// Words of unfinished work, and paths that exist on one machine only.
///
/// They are put together here so that this file does not hold them.
const LEFTOVERS: [(&str, &str); 7] = [
    (concat!("FIX", "ME"), "unfinished"),
    (concat!("TO", "DO"), "unfinished"),
    (concat!("todo", "!("), "unfinished"),
    (concat!("unimplemented", "!("), "unfinished"),
    (concat!("#[", "ignore"), "a test that is not run"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
];

/// Lines that hold a leftover.
pub(crate) fn leftovers(text: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (line, words) in (1..).zip(text.lines()) {
        for (pattern, what) in LEFTOVERS {
            // `src/work/` is a room: only a path that begins here is of a machine.
            let begins = |at: usize| {
                let before = words
                    .get(..at)
                    .and_then(|before| before.chars().next_back());
                !before.is_some_and(|c| c.is_alphanumeric() || "._-*})".contains(c))
            };
            if words.match_indices(pattern).any(|(at, _)| begins(at)) {
                found.push((line, what));
            }
        }
    }
    found
}

/// Characters of base64 that follow each other in a key and hardly ever in prose.
const KEY_BODY: usize = 40;

/// Lines that hold a secret: an age identity, a private key, an access key of S3.
pub(crate) fn secrets(text: &str) -> Vec<(usize, &'static str)> {
    let upper = text.to_ascii_uppercase();
    let mut found = Vec::new();
    let mut note = |at: usize, what| found.push((line_at(text, at), what));
    for (at, body) in after_each(&upper, concat!("AGE-SECRET", "-KEY-")) {
        if run(body, |c| c.is_ascii_alphanumeric() || c == '-') >= 20 {
            note(at, "an age identity");
        }
    }
    for (at, body) in after_each(text, concat!("PRIVATE", " KEY-----")) {
        let near: String = body.chars().take(12 * KEY_BODY).collect();
        if near
            .split(|c| !is_base64(c))
            .any(|word| word.len() >= KEY_BODY)
        {
            note(at, "a private key");
        }
    }
    for prefix in ["AKIA", "ASIA"] {
        for (at, body) in after_each(text, prefix) {
            let id = body.get(..16).unwrap_or_default();
            let whole = run(body, |c| c.is_ascii_uppercase() || c.is_ascii_digit()) == 16;
            let alone = !text
                .get(..at)
                .is_some_and(|t| t.ends_with(char::is_alphanumeric));
            if whole && alone && !id.ends_with("EXAMPLE") {
                note(at, "an access key of S3");
            }
        }
    }
    for (at, _) in after_each(&upper, concat!("SECRET_ACCESS", "_KEY")) {
        let value = text.get(at..).unwrap_or_default();
        let value = value.trim_start_matches(|c: char| !" =:\"'".contains(c));
        let value = value.trim_start_matches([' ', '=', ':', '"', '\'']);
        let length = run(value, is_base64);
        let example = value
            .get(..length)
            .is_some_and(|value| value.contains("EXAMPLE"));
        if length == KEY_BODY && !example {
            note(at, "a secret access key of S3");
        }
    }
    found
}

/// Where each `pattern` begins in `text`, with what follows it.
fn after_each<'a>(text: &'a str, pattern: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    text.match_indices(pattern).map(|(at, pattern)| {
        let after = text.get(at + pattern.len()..).unwrap_or_default();
        (at, after)
    })
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.chars()
        .take_while(|&character| belongs(character))
        .count()
}

fn is_base64(character: char) -> bool {
    character.is_ascii_alphanumeric() || "+/=".contains(character)
}

fn line_at(text: &str, at: usize) -> usize {
    text.get(..at)
        .map_or(0, |before| before.matches('\n').count() + 1)
}

#[test]
fn sees_leftovers_and_leaves_the_room_called_work_alone() {
    for (pattern, what) in LEFTOVERS {
        assert_eq!(
            leftovers(&format!("\nlet a = \"{pattern}")),
            [(2, what)],
            "{pattern}"
        );
    }
    let room = concat!("src/wo", "rk/mod.rs, ../wo", "rk/, ${A}/wo", "rk/a");
    assert!(leftovers(room).is_empty());
}

#[test]
fn sees_secrets() {
    let body = "q0Zt7+/a".repeat(8);
    let bech = "1QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L".repeat(2);
    let age = concat!("AGE-SECRET", "-KEY-");
    let pem = concat!("-----BEGIN OPENSSH PRIVATE", " KEY-----");
    let name = concat!("aws_secret_access", "_key");
    for (text, what) in [
        (format!("{age}{bech}"), "an age identity"),
        (format!("{age}PQ-{bech}").to_lowercase(), "an age identity"),
        (format!("{pem}\n{body}\n"), "a private key"),
        (format!("\"{pem}\\n{body}\""), "a private key"),
        (
            format!("id = AKIA{}", "Q7".repeat(8)),
            "an access key of S3",
        ),
        (
            format!("{name} = {}", &body[..40]),
            "a secret access key of S3",
        ),
        (
            format!("\"{}\": \"{}\"", name.to_uppercase(), &body[..40]),
            "a secret access key of S3",
        ),
    ] {
        assert_eq!(secrets(&format!("\n\n{text}")), [(3, what)], "{text}");
    }
}

#[test]
fn takes_the_name_of_a_secret_for_no_secret() {
    let pem = concat!("-----BEGIN PRIVATE", " KEY-----");
    let example = concat!("wJalrXUtnFEMI/K7MDENG", "/bPxRfiCYEXAMPLEKEY");
    for text in [
        concat!("one line: AGE-SECRET", "-KEY-1…").to_owned(),
        format!("text.starts_with(\"{pem}\") // and so on, in many words that are no key"),
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        format!("{} = {example}", concat!("aws_secret_access", "_key")),
        concat!("AWS_SECRET_ACCESS", "_KEY must be set").to_owned(),
    ] {
        assert!(secrets(&text).is_empty(), "{text}");
    }
}
