//! A long journal, opened with what its anchor vouches for left to be verified later.

use std::fs;
use std::sync::Arc;

use strongroom::entropy::SystemEntropy;
use strongroom::journal::{Anchor, Error, Journal, Record, Recovery};

use super::{Found, Place};

impl Place {
    /// Opened with as little verified as may be.
    fn try_open_in_doubt(&self, anchor: Anchor) -> Result<(Journal, Recovery), Error> {
        let entropy = Arc::new(SystemEntropy::new());
        Journal::open_to_serve(&self.dir(), self.keys(), Some(anchor), 0, entropy)
    }

    fn open_in_doubt(&self, anchor: Anchor) -> Journal {
        self.try_open_in_doubt(anchor).expect("opens").0
    }
}

fn read(journal: &Journal) -> Result<Found, Error> {
    let mut found = Vec::new();
    journal.read(0..journal.size(), |record: Record<'_>| {
        found.push((record.public.to_vec(), record.payload.to_vec()));
        Ok::<(), Error>(())
    })?;
    Ok(found)
}

/// Verifies the rest, and says how many segments that took.
fn verify_rest(journal: &Journal) -> Result<usize, Error> {
    let mut segments = 0;
    while journal.verify_next()? {
        segments += 1;
    }
    Ok(segments)
}

#[test]
fn a_journal_in_doubt_does_all_that_another_does() {
    let place = Place::new();
    let (anchor, mut written) = place.filled(&[5, 3, 4, 2]);
    let signer = place.signer();
    for verified_before in [false, true] {
        let journal = place.open_in_doubt(anchor);
        assert_eq!(journal.anchor(), anchor);
        if verified_before {
            verify_rest(&journal).expect("nothing was changed");
        }
        assert_eq!(read(&journal).expect("reads"), written);
        for position in 0..anchor.size {
            let stored = journal.get(position).expect("reads");
            assert_eq!(stored.public, written[position as usize].0);
            journal.evidence(position, &signer).expect("proves");
        }
        for size in 0..=anchor.size {
            let shorter = journal.anchor_at(size).expect("has it");
            assert!(journal.begins_with(&shorter).expect("proves"), "{size}");
            let other = Anchor {
                size,
                root: [7; 32],
            };
            assert!(!journal.begins_with(&other).expect("proves"), "{size}");
        }
        let longer = Anchor {
            size: anchor.size + 1,
            ..anchor
        };
        assert!(!journal.begins_with(&longer).expect("proves"));
    }
    // It grows meanwhile, and is whole in the end.
    let journal = place.open_in_doubt(anchor);
    journal.append(b"more", b"later").expect("writes");
    written.push((b"more".to_vec(), b"later".to_vec()));
    assert_eq!(verify_rest(&journal).expect("nothing was changed"), 3);
    assert_eq!(read(&journal).expect("reads"), written);
    drop(journal);
    let (journal, recovery, found) = place.try_open(Some(anchor)).expect("opens");
    assert!(!recovery.hashes_rebuilt);
    assert_eq!(found, written);
    // An anchor from the middle leaves only what lies before it.
    let middle = journal.anchor_at(9).expect("has it");
    drop(journal);
    let journal = place.open_in_doubt(middle);
    assert_eq!(verify_rest(&journal).expect("nothing was changed"), 2);
    assert_eq!(read(&journal).expect("reads"), written);
}

/// Invariant 7: damage is detected and never served, wherever it is and whenever it is looked for.
#[test]
fn a_flipped_bit_behind_the_anchor_stops_the_journal() {
    let place = Place::new();
    let (anchor, written) = place.filled(&[2, 3, 1]);
    let hashes = place.dir().join("hashes");
    let whole_hashes = fs::read(&hashes).expect("reads");
    for path in place.segments() {
        let whole = fs::read(&path).expect("reads");
        for bit in (0..whole.len() * 8).step_by(5) {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bytes).expect("writes");
            fs::write(&hashes, &whole_hashes).expect("writes");
            if let Ok((journal, _)) = place.try_open_in_doubt(anchor) {
                for position in 0..anchor.size {
                    if let Ok(stored) = journal.get(position) {
                        let found = (stored.public, stored.payload.expose_secret().to_vec());
                        assert_eq!(found, written[position as usize], "bit {bit}");
                    }
                }
                let found = verify_rest(&journal).expect_err("it was changed");
                assert!(matches!(found, Error::Damaged { .. }), "bit {bit}: {found}");
                let refused = journal.append(b"", b"").expect_err("it was changed");
                assert!(
                    matches!(refused, Error::Poisoned(_)),
                    "bit {bit}: {refused}"
                );
            }
            // Now it is said at once.
            let refused = place.try_open_in_doubt(anchor).expect_err("it was changed");
            assert!(
                matches!(refused, Error::Damaged { .. }),
                "bit {bit}: {refused}"
            );
            assert_eq!(fs::read(&path).expect("reads"), bytes, "nothing is altered");
        }
        fs::write(&path, &whole).expect("writes");
    }
}

#[test]
fn derived_hashes_that_were_changed_mislead_nobody() {
    let place = Place::new();
    let (anchor, written) = place.filled(&[4, 3, 2]);
    let path = place.dir().join("hashes");
    let whole = fs::read(&path).expect("reads");
    let true_anchors: Vec<_> = {
        let journal = place.open().0;
        let sizes = 0..=anchor.size;
        sizes
            .map(|size| journal.anchor_at(size).expect("has it"))
            .collect()
    };
    for byte in 0..whole.len() {
        let mut changed = whole.clone();
        changed[byte] ^= 0x10;
        fs::write(&path, &changed).expect("writes");
        let journal = place.open_in_doubt(anchor);
        assert_eq!(read(&journal).expect("reads"), written);
        for anchor in &true_anchors {
            match journal.begins_with(anchor) {
                Ok(begins) => assert!(begins, "byte {byte}, {anchor}"),
                Err(error) => assert!(matches!(error, Error::StaleHashes(_)), "{error}"),
            }
            // What the changed hashes come to is not believed.
            if let Ok(claimed) = journal.anchor_at(anchor.size)
                && claimed != *anchor
            {
                assert!(
                    !matches!(journal.begins_with(&claimed), Ok(true)),
                    "byte {byte}"
                );
            }
        }
        verify_rest(&journal).expect("the records are as they were written");
        for anchor in &true_anchors {
            assert!(journal.begins_with(anchor).expect("proves"), "byte {byte}");
        }
        drop(journal);
        assert_eq!(fs::read(&path).expect("reads"), whole, "byte {byte}");
    }
}

#[test]
fn a_segment_that_is_missing_cut_or_another_is_noticed() {
    let place = Place::new();
    let (anchor, _) = place.filled(&[4, 3, 2, 5]);
    let segments = place.segments();
    let hashes = place.dir().join("hashes");
    let whole_hashes = fs::read(&hashes).expect("reads");
    for path in &segments {
        let whole = fs::read(path).expect("reads");
        let other = segments.iter().find(|other| *other != path);
        let other = fs::read(other.expect("another")).expect("reads");
        let spoilt: [Option<&[u8]>; 5] = [
            None,
            Some(&[]),
            Some(&whole[..whole.len() - 3]),
            Some(&[&whole[..], b"more"].concat()),
            Some(&other),
        ];
        for (number, bytes) in spoilt.into_iter().enumerate() {
            match bytes {
                None => fs::remove_file(path).expect("removed"),
                Some(bytes) => fs::write(path, bytes).expect("writes"),
            }
            let opened = place.try_open_in_doubt(anchor);
            let noticed = opened.and_then(|(journal, _)| verify_rest(&journal));
            // A torn end is cut off, as it is when everything is verified.
            let torn = number == 3 && Some(path) == segments.last();
            assert_eq!(noticed.is_err(), !torn, "{number} of {}", path.display());
            fs::write(path, &whole).expect("writes");
            fs::write(&hashes, &whole_hashes).expect("writes");
        }
    }
    verify_rest(&place.open_in_doubt(anchor)).expect("as it was written");
}

#[test]
fn another_history_is_refused_at_once() {
    let place = Place::new();
    let (anchor, _) = place.filled(&[4, 3]);
    let longer = Anchor {
        size: anchor.size + 1,
        ..anchor
    };
    let refused = place.try_open_in_doubt(longer).expect_err("rolled back");
    assert!(matches!(refused, Error::RolledBack { .. }), "{refused}");
    for size in [2, 4, 6, anchor.size] {
        let other = Anchor {
            size,
            root: [9; 32],
        };
        let refused = place.try_open_in_doubt(other).expect_err("another history");
        assert!(matches!(refused, Error::AnotherHistory { .. }), "{refused}");
    }
}
