//! Crashes: what a journal is after its last segment was left short or unwritten.

use std::fs;

use proptest::prelude::*;
use strongroom::journal::{Damage, Error};

use super::{Found, Place, SEGMENT_HEADER_BYTES, damage, length};

const SECTOR_BYTES: usize = 512;

/// Invariant 5, at every byte: a tail cut short anywhere leaves exactly the whole records before it.
#[test]
fn a_tail_cut_at_any_byte_leaves_the_records_before_it() {
    let place = Place::new();
    let (journal, mut ends) = (place.create(), vec![0, SEGMENT_HEADER_BYTES]);
    for n in 0..4_u8 {
        journal
            .append(&vec![n; usize::from(n) * 3], &vec![n; usize::from(n) * 5])
            .expect("writes");
        ends.push(length(&place.last_segment()));
    }
    let anchor = journal.anchor_at(2).expect("has two");
    drop(journal);
    let (path, whole) = (
        place.last_segment(),
        fs::read(place.last_segment()).expect("reads"),
    );
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).expect("writes");
        let records = ends
            .iter()
            .filter(|end| **end <= cut)
            .count()
            .saturating_sub(2);
        if records < 2 {
            let refused = place.refused(Some(anchor));
            assert!(
                matches!(refused, Error::RolledBack { .. }),
                "{cut}: {refused}"
            );
            assert_eq!(length(&path), cut, "nothing is altered");
        }
        let (journal, recovery, found) = place.open();
        assert_eq!(found.len(), records, "{cut}");
        let kept = if records == 0 { 0 } else { ends[records + 1] };
        let torn = if cut < ends[1] {
            cut
        } else {
            cut - ends[records + 1]
        };
        assert_eq!(recovery.torn_bytes as usize, torn, "{cut}");
        assert_eq!(path.exists(), records > 0);
        assert!(records == 0 || length(&path) == kept);
        journal.append(b"", b"next").expect("writes");
        drop(journal);
        assert_eq!(place.open().2.len(), records + 1);
        place
            .segments()
            .iter()
            .for_each(|path| fs::remove_file(path).expect("removes"));
    }
}

/// A disk that stopped writing leaves zeros: from anywhere in the last frame on that is a torn
/// tail if it begins where a sector does, and damage if it does not.
#[test]
fn an_unwritten_tail_is_torn_and_a_zeroed_one_is_damage() {
    // The second frame begins well inside a sector, and then so that its header crosses into the next.
    for (first_bytes, start) in [(300, 454), (352, 506)] {
        let place = Place::new();
        let journal = place.create();
        journal
            .append(b"first", &vec![1; first_bytes])
            .expect("writes");
        assert_eq!(length(&place.last_segment()), start);
        journal.append(b"second", &[2; 1500]).expect("writes");
        drop(journal);
        let (path, whole) = (
            place.last_segment(),
            fs::read(place.last_segment()).expect("reads"),
        );
        for (from, beyond) in (start..whole.len()).flat_map(|from| [(from, 0), (from, 5000)]) {
            let mut bytes = whole.clone();
            bytes[from..].fill(0);
            bytes.resize(whole.len() + beyond, 0);
            fs::write(&path, &bytes).expect("writes");
            let zeros = bytes
                .iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |last| last + 1);
            let header = start..start + 12;
            let (end, what) = match bytes[header.clone()] == whole[header] {
                true => (whole.len(), Damage::Checksum),
                false => (start + 12, Damage::FrameHeader),
            };
            if zeros <= start || zeros.next_multiple_of(SECTOR_BYTES) < end {
                let (_, recovery, found) = place.open();
                assert_eq!(found.len(), 1, "{from}");
                assert_eq!(recovery.torn_bytes as usize, bytes.len() - start);
            } else {
                assert_eq!(damage(place.refused(None)), what, "{from}");
            }
        }
    }
}

#[test]
fn a_segment_whose_creation_was_interrupted_is_removed() {
    for left in [vec![], vec![0; 10], vec![0; 4096], b"strongroom".to_vec()] {
        let place = Place::new();
        let (anchor, written) = place.filled(&[2]);
        let path = place.dir().join("00000000000000000002.seg");
        fs::write(&path, &left).expect("writes");
        let (journal, recovery, found) = place.try_open(Some(anchor)).expect("opens");
        assert_eq!((found, recovery.torn_bytes), (written, left.len() as u64));
        assert!(!path.exists());
        journal.append(b"", b"next").expect("writes");
        drop(journal);
        assert_eq!(place.open().1.anchor.size, 3);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append {
        public: u8,
        payload: u16,
    },
    Commit,
    Reopen,
    /// Stop at once, losing this share of what was not committed.
    Crash {
        lost: u8,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (any::<u8>(), 0_u16..900).prop_map(|(public, payload)| Step::Append { public, payload }),
        2 => Just(Step::Commit),
        1 => Just(Step::Reopen),
        2 => any::<u8>().prop_map(|lost| Step::Crash { lost }),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Invariant 5 against a model: after any history of appends, commits and crashes the journal
    /// is a prefix of what was written that has everything committed.
    #[test]
    fn a_crash_leaves_a_prefix_with_everything_committed(steps in steps()) {
        let place = Place::new();
        let mut journal = place.create();
        let (mut written, mut committed): (Found, usize) = (Vec::new(), 0);
        // Length of the last segment when it held nothing that was not committed.
        let mut safe = 0;
        for step in steps {
            match step {
                Step::Append { public, payload } => {
                    let (segments, position) = (place.segments().len(), written.len());
                    let record = (vec![public; usize::from(public % 9)], vec![public; usize::from(payload)]);
                    prop_assert_eq!(journal.append(&record.0, &record.1).expect("writes"), position as u64);
                    written.push(record);
                    if place.segments().len() > segments {
                        safe = 0;
                    }
                }
                Step::Commit => {
                    if let Some(last) = written.len().checked_sub(1) {
                        journal.durable_blocking(last as u64).expect("durable");
                        (committed, safe) = (written.len(), length(&place.last_segment()));
                    }
                }
                Step::Reopen => {
                    journal.close().expect("closes");
                    journal = place.open().0;
                    committed = written.len();
                    safe = place.segments().pop().map_or(0, |path| length(&path));
                }
                Step::Crash { lost } => {
                    let anchor = journal.anchor();
                    prop_assert_eq!(anchor.size as usize, committed);
                    drop(journal);
                    if let Some(path) = place.segments().pop().filter(|_| committed < written.len()) {
                        let unsafe_bytes = length(&path) - safe;
                        let kept = length(&path) - unsafe_bytes * usize::from(lost) / 255;
                        let file = fs::OpenOptions::new().write(true).open(&path).expect("opens");
                        file.set_len(kept as u64).expect("cuts");
                    }
                    let (reopened, recovery, found) = place.try_open(Some(anchor)).expect("opens");
                    prop_assert!(found.len() >= committed);
                    prop_assert_eq!(&found[..], &written[..found.len()]);
                    prop_assert_eq!(recovery.anchor, reopened.verify().expect("verifies"));
                    (journal, committed) = (reopened, found.len());
                    written = found;
                    safe = place.segments().pop().map_or(0, |path| length(&path));
                }
            }
        }
        journal.close().expect("closes");
        prop_assert_eq!(place.open().2, written);
    }

    /// Whatever lies in a segment, opening answers.
    #[test]
    fn any_bytes_are_answered(
        bytes in proptest::collection::vec(any::<u8>(), 0..600), keep in 0..400_usize, name in 0..3_u64,
    ) {
        let place = Place::new();
        place.filled(&[2]);
        let whole = fs::read(place.last_segment()).expect("reads");
        let kept = &whole[..keep.min(whole.len())];
        let path = place.dir().join(format!("{name:020}.seg"));
        fs::write(path, [kept, &bytes[..]].concat()).expect("writes");
        if let Ok((journal, ..)) = place.try_open(None) {
            journal.verify().expect("what opened verifies");
        }
    }
}
