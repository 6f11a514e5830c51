//! The story as it is told: a line a step, and what was checked on the way.

use std::fmt::Display;

use anstyle::AnsiColor;
use serde::Serialize;

use crate::cli::output::Output;
use crate::client::ClientError;
use crate::wire::{Problem, ProblemKind};

/// The story so far.
pub(super) struct Story {
    out: Output,
    step: usize,
    telling: String,
    checks: Vec<Check>,
}

/// One thing that was checked.
#[derive(Debug, Serialize)]
pub(super) struct Check {
    what: String,
    held: bool,
}

impl Story {
    pub(super) fn new(out: Output) -> Self {
        Self {
            out,
            step: 0,
            telling: String::new(),
            checks: Vec::new(),
        }
    }

    /// Begins a step and says what it is.
    pub(super) fn step(&mut self, telling: impl Into<String>) {
        self.step += 1;
        self.telling = telling.into();
        let number = AnsiColor::Cyan.on_default();
        self.say(&format!(
            "{number}{:>3}{number:#} · {}",
            self.step, self.telling
        ));
    }

    /// Says something that belongs to the step.
    pub(super) fn note(&self, note: impl Display) {
        self.say(&format!("      {note}"));
    }

    /// Prints a line for people; a program is told at the end.
    pub(super) fn say(&self, line: &str) {
        if !self.out.is_json() {
            self.out.line(line);
        }
    }

    /// Adds to what was checked.
    pub(super) fn check(&mut self, what: impl Into<String>, held: bool) {
        let what = what.into();
        if !held {
            self.note(format!("this did not hold: {what}"));
        }
        self.checks.push(Check { what, held });
    }

    /// Checks that the gateway refused with a problem of `kind` whose words name `naming`.
    pub(super) fn check_refused<T>(
        &mut self,
        what: impl Into<String>,
        answer: &Result<T, ClientError>,
        kind: ProblemKind,
        naming: &str,
    ) {
        let held = problem(answer).is_some_and(|p| p.kind == kind && p.detail.contains(naming));
        if !held {
            match answer {
                Ok(_) => self.note("the gateway let it through"),
                Err(error) => self.note(format!("the gateway said: {error}")),
            }
        }
        self.check(what, held);
    }

    /// What was checked.
    pub(super) fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// What did not hold.
    pub(super) fn failed(&self) -> Vec<&str> {
        let failed = self.checks.iter().filter(|check| !check.held);
        failed.map(|check| check.what.as_str()).collect()
    }

    /// Where the story is, for an error in the middle of it.
    pub(super) fn place(&self) -> String {
        match self.step {
            0 => "before its first step".to_owned(),
            step => format!("at step {step} ({})", self.telling),
        }
    }

    /// Everything that was checked, a line each.
    pub(super) fn table(&self) -> String {
        let rows = self.checks.iter().map(|Check { what, held }| {
            let (colour, mark) = match held {
                true => (AnsiColor::Green.on_default(), "yes"),
                false => (AnsiColor::Red.on_default().bold(), "NO "),
            };
            format!("  {colour}{mark}{colour:#}   {what}")
        });
        let mut lines = vec!["  held  what was checked".to_owned()];
        lines.extend(rows);
        lines.join("\n")
    }
}

/// The problem the gateway answered with, if it did.
pub(super) fn problem<T>(answer: &Result<T, ClientError>) -> Option<&Problem> {
    match answer {
        Err(ClientError::Problem(problem)) => Some(problem),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_hold_is_named() {
        let mut story = Story::new(Output::new(true));
        story.step("somebody knocks");
        story.check("the door is locked", true);
        let open: Result<(), ClientError> = Ok(());
        story.check_refused("nobody is let in", &open, ProblemKind::Refused, "");
        assert_eq!(story.failed(), ["nobody is let in"]);
        assert_eq!(story.place(), "at step 1 (somebody knocks)");
        assert!(story.table().contains("NO "));
    }

    #[test]
    fn a_refusal_counts_only_in_its_own_words() {
        let mut story = Story::new(Output::new(true));
        let problem = Problem::new(ProblemKind::Refused, "they have not permitted audio");
        let refused: Result<(), ClientError> = Err(ClientError::Problem(problem));
        story.check_refused("named", &refused, ProblemKind::Refused, "audio");
        story.check_refused("unnamed", &refused, ProblemKind::Refused, "video");
        story.check_refused("another", &refused, ProblemKind::NoSuchThing, "audio");
        assert_eq!(story.failed(), ["unnamed", "another"]);
    }
}
