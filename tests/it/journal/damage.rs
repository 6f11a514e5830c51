//! Damage and deceit: changed, moved, missing, foreign and rolled back.

use std::fs;

use strongroom::journal::{Anchor, Damage, Error};
use strongroom::secret::Key;

use super::{Place, SEGMENT_HEADER_BYTES, damage, length};

/// Promise: damage is detected, never served, never silently repaired away.
#[test]
fn every_flipped_bit_is_noticed() {
    let place = Place::new();
    let (anchor, written) = place.filled(&[2, 1]);
    for path in place.segments() {
        let whole = fs::read(&path).expect("reads");
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            fs::write(&path, &bytes).expect("writes");
            let refused = place.refused((bit % 2 == 0).then_some(anchor));
            assert!(
                matches!(refused, Error::Damaged { .. }),
                "bit {bit}: {refused}"
            );
            assert_eq!(fs::read(&path).expect("reads"), bytes, "nothing is altered");
        }
        fs::write(&path, &whole).expect("writes");
    }
    let path = place.dir().join("hashes");
    let whole = fs::read(&path).expect("reads");
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &bytes).expect("writes");
        let (_, recovery, found) = place.try_open(Some(anchor)).expect("opens");
        assert!(recovery.hashes_rebuilt, "bit {bit}");
        assert_eq!(found, written);
        assert_eq!(fs::read(&path).expect("reads"), whole);
    }
}

#[test]
fn derived_hashes_are_rebuilt_whatever_became_of_them() {
    let place = Place::new();
    let (anchor, _) = place.filled(&[5, 4]);
    let path = place.dir().join("hashes");
    let whole = fs::read(&path).expect("reads");
    let spoilt: [&[u8]; 4] = [
        b"",
        &whole[..100],
        &[0; 999],
        &[&whole[..], b"more"].concat(),
    ];
    for bytes in spoilt {
        fs::write(&path, bytes).expect("writes");
        let (journal, recovery, _) = place.try_open(Some(anchor)).expect("opens");
        assert!(recovery.hashes_rebuilt);
        assert_eq!(fs::read(&path).expect("reads"), whole);
        journal.prove_inclusion(3, 9).expect("proves");
    }
    fs::remove_file(&path).expect("removes");
    assert!(place.open().1.hashes_rebuilt);
    let (journal, recovery, _) = place.open();
    assert!(!recovery.hashes_rebuilt);
    fs::write(&path, vec![0; whole.len()]).expect("writes");
    assert!(matches!(
        journal.prove_inclusion(3, 9),
        Err(Error::StaleHashes(_))
    ));
    assert!(matches!(
        journal.prove_consistency(3, 9),
        Err(Error::StaleHashes(_))
    ));
}

#[test]
fn swapped_records_are_refused() {
    let place = Place::new();
    let journal = place.create();
    let mut ends = vec![SEGMENT_HEADER_BYTES];
    for n in 0..3_u8 {
        journal.append(b"as long", &[n; 9]).expect("writes");
        ends.push(length(&place.last_segment()));
    }
    drop(journal);
    let (path, whole) = (
        place.last_segment(),
        fs::read(place.last_segment()).expect("reads"),
    );
    let frame = |n: usize| &whole[ends[n]..ends[n + 1]];
    for order in [[1, 0, 2], [0, 2, 1], [0, 0, 2], [2, 1, 0]] {
        let bytes = [
            &whole[..ends[0]],
            frame(order[0]),
            frame(order[1]),
            frame(order[2]),
        ]
        .concat();
        fs::write(&path, bytes).expect("writes");
        assert_eq!(
            damage(place.refused(None)),
            Damage::DoesNotOpen,
            "{order:?}"
        );
    }
}

#[test]
fn moved_missing_and_foreign_segments_are_refused() {
    let place = Place::new();
    let (anchor, _) = place.filled(&[2, 2, 2]);
    let paths = place.segments();
    let kept: Vec<_> = paths
        .iter()
        .map(|path| fs::read(path).expect("reads"))
        .collect();
    let restore = || {
        for (path, bytes) in paths.iter().zip(&kept) {
            fs::write(path, bytes).expect("writes");
        }
    };

    fs::write(&paths[0], &kept[1]).expect("writes");
    assert_eq!(damage(place.refused(None)), Damage::Renamed(2));
    restore();

    for (missing, found) in [(0, 2), (1, 4)] {
        fs::remove_file(&paths[missing]).expect("removes");
        let expected = found - 2;
        assert_eq!(damage(place.refused(None)), Damage::Gap { expected, found });
        restore();
    }

    fs::remove_file(&paths[2]).expect("removes");
    assert!(matches!(
        place.refused(Some(anchor)),
        Error::RolledBack { records: 4, .. }
    ));
    restore();

    for cut in [0, 50, kept[1].len() - 1] {
        fs::write(&paths[1], &kept[1][..cut]).expect("writes");
        assert_eq!(damage(place.refused(None)), Damage::CutShort);
    }
    restore();

    let other = Place::new();
    other.filled(&[2, 2, 2]);
    fs::copy(&other.segments()[1], &paths[1]).expect("copies");
    assert_eq!(
        damage(place.refused(None)),
        Damage::WrongVault(other.vault.to_string())
    );
    restore();
    assert_eq!(
        place.try_open(Some(anchor)).expect("opens").1.anchor,
        anchor
    );
}

/// Under one key there can be two histories: an old copy was put back and written on. Their
/// segments do not mix, though each verifies and the positions fit.
#[test]
fn segments_of_two_histories_do_not_mix() {
    let place = Place::new();
    place.filled(&[2, 2]);
    let old = place.root.path().join("old");
    fs::rename(place.dir(), &old).expect("moves");
    place.filled(&[2, 2]);
    let second = place.last_segment();
    fs::copy(old.join(second.file_name().expect("named")), &second).expect("copies");
    assert_eq!(damage(place.refused(None)), Damage::History);
}

/// "Old index, old journal, or both, put back: starts sealed, says why."
#[test]
fn a_rolled_back_or_replaced_journal_is_refused() {
    let place = Place::new();
    let (old, _) = place.filled(&[3]);
    let (path, bytes) = (
        place.last_segment(),
        fs::read(place.last_segment()).expect("reads"),
    );
    let journal = place.open().0;
    journal.append(b"", b"later").expect("writes");
    journal.durable_blocking(3).expect("durable");
    let new = journal.anchor();
    drop(journal);
    assert_eq!(
        place
            .try_open(Some(old))
            .expect("an older anchor still holds")
            .1
            .anchor,
        new
    );

    fs::remove_file(place.last_segment()).expect("removes");
    fs::write(&path, &bytes).expect("writes");
    let refused = place.refused(Some(new));
    assert!(matches!(refused, Error::RolledBack { records: 3, anchor } if anchor == new));
    assert!(refused.to_string().contains("rolled back"));

    let journal = place.open().0;
    journal.append(b"", b"another").expect("writes");
    drop(journal);
    let refused = place.refused(Some(new));
    assert!(matches!(refused, Error::AnotherHistory { anchor, .. } if anchor == new));
    let forged = Anchor {
        size: 0,
        root: [1; 32],
    };
    assert!(matches!(
        place.refused(Some(forged)),
        Error::AnotherHistory { .. }
    ));
}

#[test]
fn another_key_opens_nothing() {
    let mut place = Place::new();
    place.filled(&[1]);
    place.key = Key::from_slice(&[9; 32]).expect("32 bytes");
    assert_eq!(damage(place.refused(None)), Damage::DoesNotOpen);
}
