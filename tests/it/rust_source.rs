//! Rust source as the tidy checks read it: its words and marks, without comments and strings.
//!
//! This is a reader for source that compiles already, so it leaves out what the compiler would
//! refuse. Comments go, doc comments and their links among them; a string or a character stays as
//! one token that begins with its quote.

use std::str::Chars;

/// A word, a string, `::`, or another mark by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) text: &'a str,
}

impl Token<'_> {
    pub(crate) fn is(&self, text: &str) -> bool {
        self.text == text
    }

    pub(crate) fn is_word(&self) -> bool {
        self.text.starts_with(is_word_character)
    }

    pub(crate) fn is_string(&self) -> bool {
        self.text.starts_with('"')
    }
}

/// A path that source names from the root of the crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// Counted from 1.
    pub(crate) line: usize,
    /// What follows the root; empty when the root itself is brought in.
    pub(crate) path: Vec<String>,
}

/// The tokens of `source`.
pub(crate) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (source, 1);
    while let Some(first) = rest.chars().next() {
        let length = length_of_next(rest, first).max(first.len_utf8());
        let (text, after) = rest.split_at(length);
        let silent = first.is_whitespace() || text.starts_with("//") || text.starts_with("/*");
        if !silent {
            // A prefix (`b`, `r##`) says how a string is written, not that it is something else.
            let quote = text.find('"').filter(|_| string_prefix(text).is_some());
            let text = quote.and_then(|at| text.get(at..)).unwrap_or(text);
            found.push(Token { line, text });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

/// Every path that `source`, the module `module`, names from the crate's root.
///
/// `crate`, `$crate`, `self`, chains of `super` and this crate's own name are followed to the root,
/// through trees of `use` and through modules written inside the file.
pub(crate) fn mentions(source: &str, module: &[&str]) -> Vec<Mention> {
    let tokens = tokens(source);
    let mut reading = Reading {
        tokens: &tokens,
        module: module.iter().map(|&name| name.to_owned()).collect(),
        inner: Vec::new(),
        depth: 0,
        found: Vec::new(),
    };
    let mut at = 0;
    while at < tokens.len() {
        at = reading.step(at);
    }
    reading.found
}

struct Reading<'a> {
    tokens: &'a [Token<'a>],
    module: Vec<String>,
    /// The depth of braces at which each module inside the file ends.
    inner: Vec<usize>,
    depth: usize,
    found: Vec<Mention>,
}

impl<'a> Reading<'a> {
    /// Reads what begins at `at`, and gives the place after it.
    fn step(&mut self, at: usize) -> usize {
        let follows_path = at > 0 && self.is(at - 1, "::") && at > 1 && self.is_word(at - 2);
        match self.text(at) {
            "{" => self.depth += 1,
            "}" => {
                if self.inner.last() == Some(&self.depth) {
                    self.inner.pop();
                    self.module.pop();
                }
                self.depth = self.depth.saturating_sub(1);
            }
            "mod" if self.is_word(at + 1) && self.is(at + 2, "{") => {
                self.depth += 1;
                self.inner.push(self.depth);
                self.module.push(self.text(at + 1).to_owned());
                return at + 3;
            }
            // `use<'a>` in a type says what it captures and brings in nothing.
            "use" if !self.is(at + 1, "<") => return self.tree(at + 1, &[]),
            root if is_root(root) && !follows_path && self.is(at + 1, "::") => {
                let (path, after) = self.path(at);
                self.note(at, &path, false);
                return after;
            }
            _ => {}
        }
        at + 1
    }

    /// Reads one tree of a `use` under `prefix`.
    fn tree(&mut self, at: usize, prefix: &[&'a str]) -> usize {
        let (own, mut after) = self.path(at);
        let path: Vec<&str> = prefix.iter().copied().chain(own).collect();
        if !self.is(after, "{") {
            self.note(at, &path, true);
            return after.max(at + 1);
        }
        after += 1;
        while after < self.tokens.len() && !self.is(after, "}") {
            after = if self.is(after, ",") {
                after + 1
            } else if self.is(after, "as") {
                after + 2
            } else {
                self.tree(after, &path)
            };
        }
        after + 1
    }

    /// Words and stars joined by `::`, from `at` on.
    fn path(&self, at: usize) -> (Vec<&'a str>, usize) {
        let mut after = if self.is(at, "::") { at + 1 } else { at };
        let mut path = Vec::new();
        while self.is_word(after) || self.is(after, "*") {
            path.push(self.text(after));
            after += 1;
            let goes_on = self.is_word(after + 1) || matches!(self.text(after + 1), "*" | "{");
            if !self.is(after, "::") || !goes_on {
                break;
            }
            after += 1;
        }
        (path, after)
    }

    fn note(&mut self, at: usize, path: &[&str], used: bool) {
        let Some(path) = self.resolve(path) else {
            return;
        };
        // Outside a `use`, the root alone brings nothing in.
        if used || !path.is_empty() {
            let line = self.tokens.get(at).map_or(0, |token| token.line);
            self.found.push(Mention { line, path });
        }
    }

    /// The path from the root, or nothing when it begins with another name.
    fn resolve(&self, path: &[&str]) -> Option<Vec<String>> {
        let mut from = self.module.clone();
        let mut steps = path.iter().copied().peekable();
        steps.peek().filter(|first| is_root(first))?;
        while let Some(step) = steps.next_if(|step| is_root(step)) {
            match step {
                "self" => {}
                "super" => drop(from.pop()),
                _ => from.clear(),
            }
        }
        let rest = steps.filter(|step| !matches!(*step, "*" | "self"));
        from.extend(rest.map(str::to_owned));
        Some(from)
    }

    fn text(&self, at: usize) -> &'a str {
        self.tokens.get(at).map_or("", |token| token.text)
    }

    fn is(&self, at: usize, text: &str) -> bool {
        self.text(at) == text
    }

    fn is_word(&self, at: usize) -> bool {
        self.tokens.get(at).is_some_and(Token::is_word)
    }
}

/// Whether a path that begins with `word` can be followed to this crate's root.
fn is_root(word: &str) -> bool {
    matches!(word, "crate" | "strongroom" | "self" | "super")
}

fn is_word_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn length_of_next(rest: &str, first: char) -> usize {
    if let Some(prefix) = string_prefix(rest) {
        return prefix + string_length(rest.get(prefix..).unwrap_or_default(), rest);
    }
    match first {
        '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
        '/' if rest.starts_with("/*") => comment_length(rest),
        ':' if rest.starts_with("::") => 2,
        '\'' => quote_length(rest.chars()),
        _ if is_word_character(first) => rest
            .find(|character| !is_word_character(character))
            .unwrap_or(rest.len()),
        _ => first.len_utf8(),
    }
}

/// The length of what stands before a string's quote: nothing, `b`, `c`, `r#`, `br##`…
fn string_prefix(rest: &str) -> Option<usize> {
    let letters = ["br", "cr", "b", "c", "r", ""];
    letters.into_iter().find_map(|letters| {
        let after = rest.strip_prefix(letters)?;
        let hashes = match letters.ends_with('r') {
            true => after.len() - after.trim_start_matches('#').len(),
            false => 0,
        };
        let quoted = after.get(hashes..)?.starts_with('"');
        quoted.then_some(letters.len() + hashes)
    })
}

/// The length of a string from its quote, where `whole` begins with its prefix.
fn string_length(quoted: &str, whole: &str) -> usize {
    let prefix = whole.get(..whole.len() - quoted.len()).unwrap_or_default();
    let body = quoted.get(1..).unwrap_or_default();
    if prefix.contains('r') {
        let end = format!("\"{}", prefix.trim_start_matches(['b', 'c', 'r']));
        return body
            .find(&end)
            .map_or(quoted.len(), |at| 1 + at + end.len());
    }
    let mut escaped = false;
    for (at, character) in body.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 2,
            _ => {}
        }
    }
    quoted.len()
}

fn comment_length(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(here) = rest.get(at..).filter(|here| !here.is_empty()) {
        let step = match here {
            _ if here.starts_with("/*") => {
                depth += 1;
                2
            }
            _ if here.starts_with("*/") => {
                depth -= 1;
                2
            }
            _ => here.chars().next().map_or(1, char::len_utf8),
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of a character in quotes, or of a lifetime.
fn quote_length(mut rest: Chars<'_>) -> usize {
    let whole = rest.as_str();
    rest.next();
    match (rest.next(), rest.as_str()) {
        (Some('\\'), after) => {
            let mut past = after.chars();
            past.next();
            let end = past.as_str().find('\'').map_or(after.len(), |at| at + 1);
            whole.len() - past.as_str().len() + end
        }
        (Some(_), after) if after.starts_with('\'') => whole.len() - after.len() + 1,
        (Some(_), _) => {
            let name = whole.get(1..).unwrap_or_default();
            1 + name
                .find(|character| !is_word_character(character))
                .unwrap_or(name.len())
        }
        (None, _) => 1,
    }
}

fn paths(source: &str, module: &[&str]) -> Vec<String> {
    mentions(source, module)
        .into_iter()
        .map(|mention| mention.path.join("::"))
        .collect()
}

#[test]
fn comments_and_strings_hide_what_they_hold() {
    let source = r####"
        //! [`crate::a`] /* not the beginning of a comment
        /* crate::b /* crate::c */ crate::d */
        const A: &str = "crate::e \" crate::f";
        const B: &[u8] = br##"crate::g "# crate::h"##;
        const C: char = '"'; const D: char = '\''; const E: char = '\u{22}'; fn f<'a>(_: &'a str) {}
        const F: &str = r"\"; use crate::seen;
    "####;
    assert_eq!(paths(source, &["room"]), ["seen"]);
}

#[test]
fn trees_and_inline_paths_are_followed_to_the_root() {
    let tree = "use crate::{a, b::{self, c as d, e::*}, f::{g, h::i}};";
    assert_eq!(
        paths(tree, &["room"]),
        ["a", "b", "b::c", "b::e", "f::g", "f::h::i"]
    );
    assert_eq!(
        paths(
            "fn f() -> crate::a::B { $crate::c!(); <crate::d::E>::g(); crate::h::<T>(i) }",
            &[]
        ),
        ["a::B", "c", "d::E", "h"]
    );
    assert_eq!(paths("use {crate::a::B, std::fmt};", &["room"]), ["a::B"]);
    assert_eq!(
        paths("use ::strongroom::a; use other::crate_like::a;", &[]),
        ["a"]
    );
    assert_eq!(
        paths("pub(in crate::a) fn f() {} pub(crate) fn g() {}", &["a"]),
        ["a"]
    );
    assert!(
        paths(
            "fn f() -> impl Sized + use<'_> { x::y::self_like() }",
            &["a"]
        )
        .is_empty()
    );
}

#[test]
fn chains_of_super_climb_through_files_and_inner_modules() {
    assert_eq!(paths("use super::b::C;", &["a", "file"]), ["a::b::C"]);
    assert_eq!(paths("use super::super::b::C;", &["a", "file"]), ["b::C"]);
    let inner = "mod m { fn f() { super::super::b::c() } } fn g() { super::d::e() }";
    assert_eq!(paths(inner, &["a"]), ["b::c", "d::e"]);
    assert_eq!(paths("use self::b::C;", &["a"]), ["a::b::C"]);
}

#[test]
fn the_root_itself_is_a_mention_only_when_it_is_brought_in() {
    for source in [
        "use crate as c;",
        "use crate::*;",
        "use super::{self as c};",
    ] {
        assert_eq!(paths(source, &["a"]), [""], "{source}");
    }
    assert!(paths("pub(super) fn f() {}", &["a"]).is_empty());
}

#[test]
fn lines_are_counted_through_strings_and_comments() {
    let source = "/*\n\n*/ const A: &str = \"\n\";\nuse crate::a;";
    let lines: Vec<usize> = mentions(source, &[]).iter().map(|m| m.line).collect();
    assert_eq!(lines, [5]);
}
