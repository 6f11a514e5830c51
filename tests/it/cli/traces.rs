//! Looking for what must be nowhere: in folders, in a bucket, in a log.

use std::collections::BTreeSet;
use std::path::Path;

use base64::prelude::{BASE64_STANDARD, Engine};

use crate::support::programs::files;

/// Words that must be nowhere, in every form in which they might lie about.
pub(super) struct Traces(Vec<(String, Vec<u8>)>);

impl Traces {
    /// What to look for.
    pub(super) fn of(words: &[&str]) -> Self {
        Self(words.iter().flat_map(|word| forms(word)).collect())
    }

    /// What is found in `bytes`, which are gone through once.
    pub(super) fn found_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let mut beginning_with = vec![Vec::new(); 256];
        for (name, form) in &self.0 {
            beginning_with[usize::from(form[0])].push((name.as_str(), form));
        }
        let mut found = BTreeSet::new();
        for (at, byte) in bytes.iter().enumerate() {
            let begun = beginning_with[usize::from(*byte)].iter();
            let here = begun.filter(|(_, form)| bytes[at..].starts_with(form));
            found.extend(here.map(|(name, _)| *name));
        }
        found
    }

    /// That none is in `bytes`.
    pub(super) fn absent_from(&self, bytes: &[u8], place: &str) {
        let found = self.found_in(bytes);
        assert!(found.is_empty(), "{place} holds {found:?}");
    }

    /// That none is in any file of a folder, nor in the name of one.
    pub(super) fn absent_under(&self, folder: &Path) {
        let all = files(folder);
        assert!(!all.is_empty(), "{} is empty", folder.display());
        for file in all {
            let place = file.display().to_string();
            self.absent_from(place.as_bytes(), &place);
            self.absent_from(&std::fs::read(&file).expect("read"), &place);
        }
    }
}

/// The word itself, in hexadecimal digits, and in base64 wherever in a text it may begin.
fn forms(word: &str) -> Vec<(String, Vec<u8>)> {
    let hex: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        (word.to_owned(), word.as_bytes().to_vec()),
        (format!("{word} in hex"), hex.into_bytes()),
    ];
    for before in 0..3 {
        let padded = [&vec![0; before][..], word.as_bytes()].concat();
        let encoded = BASE64_STANDARD.encode(&padded);
        // What the bytes beside the word take part in is left out.
        let whole = padded.len() / 3 * 4;
        let first = (before * 4).div_ceil(3);
        let inner = encoded.as_bytes()[first..whole].to_vec();
        forms.push((format!("{word} in base64, {before} on"), inner));
    }
    forms
}

#[test]
fn traces_are_found_in_every_form() {
    let traces = Traces::of(&["canary-in-the-mine"]);
    let hidden = [
        "a canary-in-the-mine b",
        "b canary-in-the-mine",
        "canary-in-the-mine!",
    ];
    for text in hidden {
        for before in 0..3 {
            let text = format!("{}{text}", "x".repeat(before));
            let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
            for form in [text.clone(), hex, BASE64_STANDARD.encode(&text)] {
                assert_eq!(traces.found_in(form.as_bytes()).len(), 1, "{form}");
            }
        }
    }
    assert!(traces.found_in(b"canary in the mine").is_empty());
}
