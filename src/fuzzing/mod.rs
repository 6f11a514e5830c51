//! What strangers' bytes are tried on: each target says what must hold of whatever comes.
//!
//! The programs in `fuzz/` call these with bytes of their own making, and the tests with those that
//! are kept in `fuzz/corpus`, where every input that ever broke something stays. Nothing of this is in
//! the program itself.

#![allow(clippy::panic, reason = "a property that does not hold ends the run")]

mod formats;
mod words;

pub use formats::{header, journal_frame, payload};
pub use words::{credentials, range, retention, tus};

/// Something that strangers' bytes are tried on.
pub type Target = fn(&[u8]);

/// Every target, by the name of its folder of inputs.
pub const TARGETS: [(&str, Target); 7] = [
    ("payload", payload),
    ("header", header),
    ("journal_frame", journal_frame),
    ("credentials", credentials),
    ("retention", retention),
    ("tus", tus),
    ("range", range),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    fn names(folder: &Path) -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").path());
        let stem = |path: &PathBuf| {
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned())
        };
        names.filter_map(|path| stem(&path)).collect()
    }

    #[test]
    fn every_target_holds_for_every_input_that_is_kept() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let known: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(
            names(&fuzz.join("fuzz_targets")),
            known,
            "a program for each"
        );
        assert_eq!(names(&fuzz.join("corpus")), known, "inputs for each");
        for (name, target) in TARGETS {
            let mut tried = 0;
            for entry in std::fs::read_dir(fuzz.join("corpus").join(name)).expect("a folder") {
                let input = std::fs::read(entry.expect("an entry").path()).expect("an input");
                target(&input);
                tried += 1;
            }
            assert!(tried > 0, "{name} has no input");
        }
    }
}
