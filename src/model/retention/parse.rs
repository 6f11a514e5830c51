//! Reading rules. Forgiven: capitals, white space, spaces and underscores for dashes in words,
//! `12 months` for `12m`, a semicolon at the end.

use std::str::FromStr;

use jiff::civil::Date;

use super::{Class, Moment, RetentionError, RetentionRule, RetentionRules, When};
use crate::limits::{
    RETENTION_DEPTH_MAX, RETENTION_MEMBERS_MAX, RETENTION_RULES_MAX, RETENTION_TEXT_BYTES_MAX,
};
use crate::model::period::{Period, PeriodError};
use crate::model::word::folded;

impl FromStr for RetentionRules {
    type Err = RetentionError;
    fn from_str(text: &str) -> Result<Self, RetentionError> {
        if text.len() > RETENTION_TEXT_BYTES_MAX {
            return Err(RetentionError::TooLong(text.len()));
        }
        let written = text.split(';').map(str::trim);
        let written: Vec<&str> = written.filter(|rule| !rule.is_empty()).collect();
        match written.len() {
            0 => Err(RetentionError::Empty),
            count if count > RETENTION_RULES_MAX => Err(RetentionError::TooMany(count)),
            _ => {
                let rules = written.into_iter().map(rule).collect::<Result<_, _>>()?;
                Ok(Self(rules))
            }
        }
    }
}

fn rule(written: &str) -> Result<RetentionRule, RetentionError> {
    let (class, when) = match written.split_once(':') {
        None => (Class::Everything, written),
        Some((word, when)) => (class(written, word)?, when),
    };
    let mut reader = Reader {
        written,
        words: tokens(when),
        next: 0,
    };
    let when = reader.when(0)?;
    match reader.peek() {
        None => Ok(RetentionRule { class, when }),
        Some(_) => Err(reader.form("it goes on after its end")),
    }
}

fn class(written: &str, word: &str) -> Result<Class, RetentionError> {
    let typed = joined(&word.split_whitespace().collect::<Vec<_>>());
    let known = |class: &Class| folded(class.name()) == folded(&typed);
    let unknown = || RetentionError::UnknownClass {
        rule: written.to_owned(),
        word: word.trim().to_owned(),
    };
    Class::ALL.into_iter().find(known).ok_or_else(unknown)
}

fn joined(words: &[&str]) -> String {
    words.join("-").to_ascii_lowercase()
}

/// Words, and the marks between them.
fn tokens(text: &str) -> Vec<&str> {
    let is_mark = |c: char| matches!(c, '(' | ')' | ',');
    let mut tokens = Vec::new();
    for chunk in text.split_whitespace() {
        for piece in chunk.split_inclusive(is_mark) {
            let word = piece.trim_end_matches(is_mark);
            let mark = piece.get(word.len()..).unwrap_or_default();
            tokens.extend([word, mark].into_iter().filter(|token| !token.is_empty()));
        }
    }
    tokens
}

struct Reader<'t> {
    written: &'t str,
    words: Vec<&'t str>,
    next: usize,
}

impl<'t> Reader<'t> {
    fn when(&mut self, depth: usize) -> Result<When, RetentionError> {
        let Some(word) = self.peek() else {
            return Err(self.form("it says not when"));
        };
        if is(word, "earliest") {
            return Ok(When::Earliest(self.list(depth)?));
        }
        if is(word, "latest") {
            return Ok(When::Latest(self.list(depth)?));
        }
        if is(word, "on") {
            self.next += 1;
            return self.day().map(When::On);
        }
        let period = match word.starts_with(|c: char| c.is_ascii_digit()) {
            true => Some(self.period()?),
            false => None,
        };
        if period.is_some() && !self.passes("after") {
            return Err(self.form("a period is followed by `after` and a moment"));
        }
        self.moment().map(|moment| When::After(period, moment))
    }

    fn list(&mut self, depth: usize) -> Result<Vec<When>, RetentionError> {
        self.next += 1;
        let rule = || self.written.to_owned();
        if depth >= RETENTION_DEPTH_MAX {
            return Err(RetentionError::TooDeep { rule: rule() });
        }
        self.passes("of");
        if !self.passes("(") {
            return Err(
                self.form("`earliest of` and `latest of` are followed by a list in brackets")
            );
        }
        let mut members = Vec::new();
        if self.peek() != Some(")") {
            members.push(self.when(depth + 1)?);
        }
        while self.passes(",") {
            members.push(self.when(depth + 1)?);
        }
        if !self.passes(")") {
            return Err(self.form("a bracket is not closed, or a comma is missing"));
        }
        match members.len() {
            2..=RETENTION_MEMBERS_MAX => Ok(members),
            members => Err(RetentionError::List {
                rule: self.written.to_owned(),
                members,
            }),
        }
    }

    fn day(&mut self) -> Result<Date, RetentionError> {
        let word = self.take().unwrap_or_default();
        word.parse().map_err(|_| RetentionError::Day {
            rule: self.written.to_owned(),
            word: word.to_owned(),
        })
    }

    fn period(&mut self) -> Result<Period, RetentionError> {
        let count = self.take().unwrap_or_default();
        let spelled = ["day", "week", "month", "year"];
        let unit = self.peek().map(folded);
        let unit = spelled
            .into_iter()
            .find(|word| unit.as_deref() == Some(word));
        let text = match unit.and_then(|word| word.get(..1)) {
            Some(letter) if count.bytes().all(|b| b.is_ascii_digit()) => {
                self.next += 1;
                format!("{count}{letter}")
            }
            _ => count.to_ascii_lowercase(),
        };
        text.parse()
            .map_err(|error: PeriodError| RetentionError::Period {
                rule: self.written.to_owned(),
                error,
            })
    }

    fn moment(&mut self) -> Result<Moment, RetentionError> {
        self.passes("the");
        let mut words = Vec::new();
        while let Some(word) = self.peek().filter(|word| !matches!(*word, "(" | ")" | ",")) {
            words.push(word);
            self.next += 1;
        }
        let typed = joined(&words);
        if typed.is_empty() {
            return Err(self.form("a moment is missing"));
        }
        let known = |moment: &Moment| folded(moment.name()) == folded(&typed);
        Moment::all()
            .find(known)
            .ok_or_else(|| RetentionError::UnknownMoment {
                rule: self.written.to_owned(),
                word: words.join(" "),
            })
    }

    fn peek(&self) -> Option<&'t str> {
        self.words.get(self.next).copied()
    }

    fn take(&mut self) -> Option<&'t str> {
        let word = self.peek();
        self.next += 1;
        word
    }

    /// Steps over a word if it is the next one.
    fn passes(&mut self, word: &str) -> bool {
        let there = self.peek().is_some_and(|next| is(next, word));
        self.next += usize::from(there);
        there
    }

    fn form(&self, why: &'static str) -> RetentionError {
        RetentionError::Form {
            rule: self.written.to_owned(),
            why,
        }
    }
}

fn is(word: &str, known: &str) -> bool {
    word.eq_ignore_ascii_case(known)
}
