//! An index of which not everything was verified: it answers what was written, or not at all.

use std::ops::Bound::{Excluded, Included};
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::sample::Index as Any;

use super::building::{Home, Model, OTHERS, Step, WORDS, agree, changes, copy_tree, step, take};
use super::notes::NOTES;
use super::store::STANDING_ROW;
use super::{Index, IndexError, OpenError, Unusable};

/// Rows of an index that is verified whole when it is opened.
const VERIFIED_FIRST: u64 = 5;

/// What becomes of a row in sled while the index is closed.
#[derive(Debug, Clone)]
enum Tampering {
    Removed(Any),
    Changed(Any, Any),
    /// As it was in an older image, where it may not have been.
    PutBack(Any),
    /// All that an older image has among the rows of one table.
    TablePutBack(bool),
    /// Under the key of another row.
    Moved(Any, Any),
}

fn tampering() -> impl Strategy<Value = Tampering> {
    prop_oneof![
        any::<Any>().prop_map(Tampering::Removed),
        any::<(Any, Any)>().prop_map(|(row, byte)| Tampering::Changed(row, byte)),
        any::<Any>().prop_map(Tampering::PutBack),
        any::<bool>().prop_map(Tampering::TablePutBack),
        any::<(Any, Any)>().prop_map(|(from, to)| Tampering::Moved(from, to)),
    ]
}

type Rows = Vec<(sled::IVec, sled::IVec)>;

fn rows_of(db: &sled::Db) -> Rows {
    let rows = db.iter().flatten();
    rows.filter(|(row, _)| *row != STANDING_ROW && !row.starts_with(&NOTES))
        .collect()
}

/// Does it, and says whether anything is different then.
fn tamper(tampering: &Tampering, now: &sled::Db, before: &sled::Db) -> bool {
    let (rows, old) = (rows_of(now), rows_of(before));
    let put = |row: &[u8], sealed: &[u8]| drop(now.insert(row, sealed).expect("put"));
    match tampering {
        Tampering::Removed(row) => drop(now.remove(&row.get(&rows).0).expect("removed")),
        Tampering::Changed(row, byte) => {
            let (row, sealed) = row.get(&rows);
            let mut sealed = sealed.to_vec();
            let place = byte.index(sealed.len());
            sealed[place] ^= 1;
            put(row, &sealed);
        }
        Tampering::PutBack(row) if !old.is_empty() => {
            let (row, sealed) = row.get(&old);
            put(row, sealed);
        }
        Tampering::TablePutBack(words) if !old.is_empty() => {
            let table = if *words { WORDS.byte() } else { OTHERS.byte() };
            let prefix = [table];
            for (row, _) in now.scan_prefix(prefix).flatten() {
                now.remove(row).expect("removed");
            }
            for (row, sealed) in before.scan_prefix(prefix).flatten() {
                put(&row, &sealed);
            }
        }
        Tampering::Moved(from, to) => put(&to.get(&rows).0, &from.get(&rows).1),
        _ => {}
    }
    now.flush().expect("flushed");
    rows_of(now) != rows
}

/// Asks in one way after another: every answer is the model's, until there is none any more.
fn answers(index: &Index, model: &Model, order: &[Any]) -> Result<(), TestCaseError> {
    for question in order {
        let Ok(reader) = index.read() else {
            return Ok(());
        };
        let number = question.index(3 * 24 * 4);
        let (key, way) = (
            ((number / 4 / 24) as u8, (number / 4 % 24) as u32),
            number % 4,
        );
        let under = model.words.range((key.0, 0)..=(key.0, u32::MAX));
        let mut expected: Vec<_> = under.map(|(key, text)| (*key, text.clone())).collect();
        match way {
            0 => {
                if let Ok(found) = reader.get(&WORDS, &key) {
                    prop_assert_eq!(found, model.words.get(&key).cloned());
                }
            }
            1 => {
                if let Ok(found) = reader.page(&WORDS, &key.0, Some(&key), 2) {
                    expected.retain(|(word, _)| *word > key);
                    expected.truncate(2);
                    prop_assert_eq!(found, expected);
                }
            }
            2 => {
                if let Ok(found) = reader.page_back(&WORDS, &key.0, None, 2) {
                    expected.reverse();
                    expected.truncate(2);
                    prop_assert_eq!(found, expected);
                }
            }
            _ => {
                if let Ok(found) = reader.count(&WORDS, &key.0) {
                    prop_assert_eq!(found, expected.len() as u64);
                }
            }
        }
    }
    Ok(())
}

fn verify_all(index: &Index) -> Result<(), IndexError> {
    while index.verify_next()? {}
    Ok(())
}

fn copied(home: &Home, name: &str) -> PathBuf {
    let copy = home.folder.path().join(name);
    copy_tree(&home.dir(), &copy);
    copy
}

fn sled_of(dir: &std::path::Path) -> sled::Db {
    sled::open(dir.join("sled")).expect("sled opens")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever was done to rows behind its back, a large index that is opened without looking at them
    /// gives no wrong answer, is found out by the time everything was verified, and is rebuilt after that.
    #[test]
    fn what_was_not_looked_at_is_not_answered_from(
        earlier in proptest::collection::vec(step(), 1..12),
        more in changes(),
        later in proptest::collection::vec(step(), 0..6),
        crashed in any::<bool>(),
        tampering in tampering(),
        order in proptest::collection::vec(any::<Any>(), 0..40),
    ) {
        let home = Home::new();
        let (mut index, mut model) = (home.create(), Model::default());
        for step in &earlier {
            index = take(index, step, &mut model, &home);
        }
        index.close().expect("closes");
        let before = copied(&home, "before");
        index = home.open_at(&home.dir()).expect("opens");
        for step in [Step::Apply(more)].iter().chain(&later) {
            index = take(index, step, &mut model, &home);
        }
        verify_all(&index).expect("nothing was changed yet");
        let dir = match crashed {
            false => {
                index.close().expect("closes");
                home.dir()
            }
            true => {
                // Of what is only gathered a crash leaves nothing.
                let all_in_sled = Step::Apply(Vec::new());
                index = take(index, &all_in_sled, &mut model, &home);
                crashed_in_doubt(&home, &index, "crashed")
            }
        };
        let changed = {
            let (now, before) = (sled_of(&dir), sled_of(&before));
            !rows_of(&now).is_empty() && tamper(&tampering, &now, &before)
        };
        match home.open_verifying(&dir, VERIFIED_FIRST) {
            Ok(index) => {
                answers(&index, &model, &order)?;
                prop_assert_eq!(verify_all(&index).is_err(), changed);
                if !changed {
                    prop_assert!(index.is_verified().expect("runs"));
                    agree(&index, &model, 3)?;
                }
            }
            // A small one, or packs, which are looked at first.
            Err(OpenError::Unusable(_)) => prop_assert!(changed),
            Err(other) => prop_assert!(false, "{other}"),
        }
        let again = home.open_verifying(&dir, VERIFIED_FIRST);
        prop_assert_eq!(matches!(again, Err(OpenError::Unusable(_))), changed);
    }
}

/// A large index of rows that lie by themselves.
fn grown(home: &Home, index: Index, model: &mut Model, records: u32) -> Index {
    let mut index = index;
    for number in 0..records {
        let word = super::building::Change::Word(
            ((number % 3) as u8, number),
            Some(format!("word {number}")),
        );
        index = take(index, &Step::Apply(vec![word]), model, home);
    }
    index
}

fn opened_in_doubt(home: &Home) -> Index {
    let opened = home.open_verifying(&home.dir(), VERIFIED_FIRST);
    opened.expect("opens")
}

/// How many sections are still to be verified.
fn left(index: &Index) -> usize {
    let mut left = 0;
    while index.verify_next().expect("nothing was changed") {
        left += 1;
    }
    left
}

#[test]
fn only_what_is_asked_for_is_looked_at() {
    let home = Home::new();
    let mut model = Model::default();
    let index = grown(&home, home.create(), &mut model, 200);
    index.close().expect("closes");
    let index = opened_in_doubt(&home);
    assert!(!index.is_verified().expect("runs"));
    let all = left(&index);
    assert!(all > 60, "{all} sections");
    assert!(index.is_verified().expect("runs"));
    drop(index);
    let index = opened_in_doubt(&home);
    let reader = index.read().expect("runs");
    assert!(reader.contains(&WORDS, &(1, 100)).expect("reads"));
    assert_eq!(reader.page(&WORDS, &1, None, 4).expect("reads").len(), 4);
    drop(reader);
    let looked_at = all - left(&index);
    assert!((2..=6).contains(&looked_at), "{looked_at} of {all}");
}

/// As a crash would leave it: sled has what was handed to the disk, and the file of sections is older.
fn crashed_in_doubt(home: &Home, index: &Index, name: &str) -> PathBuf {
    index.engine().flush().expect("flushed");
    home.crashed(name)
}

#[test]
fn after_a_crash_the_notes_say_how_the_sections_stand() {
    let home = Home::new();
    let mut model = Model::default();
    let index = grown(&home, home.create(), &mut model, 50);
    index.close().expect("closes");
    // It grows, so that sections are divided, and is made durable in between, so that notes go.
    let mut index = grown(&home, opened_in_doubt(&home), &mut model, 90);
    verify_all(&index).expect("nothing was changed");
    index.make_durable().expect("durable");
    index = grown(&home, index, &mut model, 130);
    let crashed = crashed_in_doubt(&home, &index, "crashed");
    let again = home.open_verifying(&crashed, VERIFIED_FIRST);
    let again = again.expect("opens");
    assert!(!again.is_verified().expect("runs"));
    assert!(left(&again) > 40);
    agree(&again, &model, 7).expect("the same rows");
    // Without one of the notes it is not known how they stand.
    drop(again);
    let db = sled_of(&crashed);
    let (note, _) = db.scan_prefix(NOTES).flatten().last().expect("a note");
    db.remove(note).expect("removed");
    db.flush().expect("flushed");
    drop(db);
    let again = home.open_verifying(&crashed, VERIFIED_FIRST);
    let again = again.expect("opens");
    assert!(again.is_verified().expect("runs"));
    agree(&again, &model, 7).expect("the same rows");
}

#[test]
fn notes_are_removed_once_a_file_says_more() {
    let home = Home::new();
    let mut model = Model::default();
    let mut index = grown(&home, home.create(), &mut model, 150);
    let notes = |index: &Index| {
        let bounds = (Included(&NOTES[..]), Excluded(&[0, 4][..]));
        let notes = index.engine().scan(bounds, false).expect("scans");
        notes.count()
    };
    assert!(notes(&index) > 100);
    index.make_durable().expect("durable");
    for _ in 0..3 {
        index = grown(&home, index, &mut model, 1);
    }
    assert_eq!(notes(&index), 3);
}

#[test]
fn a_file_of_sections_that_was_changed_is_of_no_use() {
    let home = Home::new();
    let mut model = Model::default();
    let index = grown(&home, home.create(), &mut model, 50);
    index.close().expect("closes");
    let path = home.dir().join("sections");
    let sections = std::fs::read(&path).expect("a file");
    for (place, whole) in [
        (3, true),
        (30, true),
        (100, true),
        (sections.len() - 1, false),
    ] {
        let mut changed = sections.clone();
        changed[place] ^= 1;
        changed.truncate(if whole { sections.len() } else { place });
        std::fs::write(&path, &changed).expect("written");
        let index = opened_in_doubt(&home);
        assert!(index.is_verified().expect("runs"), "byte {place}");
        agree(&index, &model, 3).expect("the same rows");
    }
}

#[test]
fn what_stopped_the_index_is_told_at_the_next_start() {
    let home = Home::new();
    let mut model = Model::default();
    let index = grown(&home, home.create(), &mut model, 50);
    index.close().expect("closes");
    let db = sled_of(&home.dir());
    let (row, _) = db
        .scan_prefix([WORDS.byte(), 1])
        .flatten()
        .next()
        .expect("a row");
    db.remove(&row).expect("removed");
    db.flush().expect("flushed");
    drop(db);
    let index = opened_in_doubt(&home);
    let missing = index.read().expect("runs").get(&WORDS, &(1, 1));
    let Err(IndexError::Unusable(Unusable::CountDiffers { .. })) = missing else {
        panic!("{missing:?}");
    };
    assert!(matches!(index.read(), Err(IndexError::Stopped)));
    drop(index);
    assert!(!home.dir().join("sections").exists());
    let again = home.open_verifying(&home.dir(), VERIFIED_FIRST);
    let Err(OpenError::Unusable(Unusable::CountDiffers { recorded, found })) = again else {
        panic!("{again:?}");
    };
    assert_eq!(found + 1, recorded);
}
