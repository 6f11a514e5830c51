//! An index built from nothing, against a model: runs, packs, what changes afterwards, and crashes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::store::{STANDING_ROW, Sizes};
use super::{Batch, Index, IndexError, OpenError, Table, Unusable};
use crate::entropy::SystemEntropy;
use crate::secret::Key;

pub(super) const WORDS: Table<(u8, u32), String> = Table::new(1, "words");
pub(super) const OTHERS: Table<u32, String> = Table::new(200, "others");

/// So small that a few rows make a run, and two or three a pack.
const SMALL: Sizes = Sizes {
    gather_bytes: 300,
    pack_bytes: 60,
    loose_rows: 4,
    section_rows: 2,
};

pub(super) struct Home {
    pub(super) folder: TempDir,
    key: Key,
}

impl Home {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            key: Key::random(&SystemEntropy::new()).expect("entropy"),
        }
    }

    pub(super) fn dir(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    pub(super) fn create(&self) -> Index {
        let entropy = Arc::new(SystemEntropy::new());
        let made = Index::create_with(&self.dir(), &self.key, entropy, SMALL);
        made.expect("made")
    }

    pub(super) fn open_at(&self, dir: &Path) -> Result<Index, OpenError> {
        self.open_verifying(dir, u64::MAX)
    }

    pub(super) fn open_verifying(
        &self,
        dir: &Path,
        verified_first: u64,
    ) -> Result<Index, OpenError> {
        let entropy = Arc::new(SystemEntropy::new());
        Index::open_with(dir, &self.key, entropy, verified_first, SMALL)
    }

    /// A copy of the index as a kill would leave it now.
    pub(super) fn crashed(&self, name: &str) -> PathBuf {
        let copy = self.folder.path().join(name);
        copy_tree(&self.dir(), &copy);
        copy
    }
}

pub(super) fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    for entry in std::fs::read_dir(from).expect("listed") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_tree(&path, &target),
            false => drop(std::fs::copy(&path, &target).expect("copied")),
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Model {
    pub(super) words: BTreeMap<(u8, u32), String>,
    pub(super) others: BTreeMap<u32, String>,
    pub(super) position: u64,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    Word((u8, u32), Option<String>),
    Other(u32, Option<String>),
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Gather(Vec<Change>),
    Apply(Vec<Change>),
    MakeDurable,
    Reopen,
    /// The same, verifying each section when it is needed.
    ReopenInDoubt,
}

pub(super) fn root_at(position: u64) -> [u8; 32] {
    [position as u8; 32]
}

impl Model {
    pub(super) fn batch(&mut self, changes: &[Change]) -> Batch {
        let mut batch = Batch::new();
        for change in changes {
            match change.clone() {
                Change::Word(key, Some(text)) => {
                    batch.put(&WORDS, &key, &text).expect("a value");
                    self.words.insert(key, text);
                }
                Change::Word(key, None) => {
                    batch.remove(&WORDS, &key);
                    self.words.remove(&key);
                }
                Change::Other(key, Some(text)) => {
                    batch.put(&OTHERS, &key, &text).expect("a value");
                    self.others.insert(key, text);
                }
                Change::Other(key, None) => {
                    batch.remove(&OTHERS, &key);
                    self.others.remove(&key);
                }
            }
        }
        self.position += 1;
        batch
    }
}

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::weighted(0.7, "[a-z]{0,30}")
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        3 => ((0_u8..3, 0_u32..24), text()).prop_map(|(key, text)| Change::Word(key, text)),
        1 => (0_u32..8, text()).prop_map(|(key, text)| Change::Other(key, text)),
    ]
}

pub(super) fn changes() -> impl Strategy<Value = Vec<Change>> {
    proptest::collection::vec(change(), 0..12)
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => changes().prop_map(Step::Gather),
        2 => changes().prop_map(Step::Apply),
        1 => Just(Step::MakeDurable),
        1 => Just(Step::Reopen),
        2 => Just(Step::ReopenInDoubt),
    ]
}

/// Does what `step` says to the index and to the model.
pub(super) fn take(index: Index, step: &Step, model: &mut Model, home: &Home) -> Index {
    let reopened = |index: Index, verified_first| {
        index.close().expect("closes");
        let opened = home.open_verifying(&home.dir(), verified_first);
        opened.expect("opens again")
    };
    match step {
        Step::Gather(changes) => {
            let batch = model.batch(changes);
            let position = model.position;
            let gathered = index.apply_gathering(batch, position, root_at(position));
            gathered.expect("applies");
        }
        Step::Apply(changes) => {
            let batch = model.batch(changes);
            let position = model.position;
            index
                .apply(batch, position, root_at(position))
                .expect("applies");
        }
        Step::MakeDurable => index.make_durable().expect("durable"),
        Step::Reopen => return reopened(index, u64::MAX),
        Step::ReopenInDoubt => return reopened(index, 5),
    }
    index
}

/// Every way of reading gives what the model has.
pub(super) fn agree(index: &Index, model: &Model, limit: usize) -> Result<(), TestCaseError> {
    let reader = index.read().expect("runs");
    prop_assert_eq!(reader.position(), model.position);
    for first in 0..3 {
        let under = model.words.range((first, 0)..=(first, u32::MAX));
        let expected: Vec<_> = under.map(|(key, text)| (*key, text.clone())).collect();
        let count = reader.count(&WORDS, &first).expect("reads");
        prop_assert_eq!(count, expected.len() as u64);
        let (mut found, mut after) = (Vec::new(), None);
        while let page = reader
            .page(&WORDS, &first, after.as_ref(), limit)
            .expect("reads")
            && let Some((last, _)) = page.last()
        {
            after = Some(*last);
            found.extend(page);
        }
        prop_assert_eq!(&found, &expected);
        let (mut found, mut before) = (Vec::new(), None);
        while let page = reader
            .page_back(&WORDS, &first, before.as_ref(), limit)
            .expect("reads")
            && let Some((last, _)) = page.last()
        {
            before = Some(*last);
            found.extend(page);
        }
        found.reverse();
        prop_assert_eq!(&found, &expected);
        for number in 0..24 {
            let key = (first, number);
            let there = model.words.get(&key).cloned();
            prop_assert_eq!(
                reader.contains(&WORDS, &key).expect("reads"),
                there.is_some()
            );
            prop_assert_eq!(reader.get(&WORDS, &key).expect("reads"), there);
        }
    }
    let others = reader.page(&OTHERS, &(), None, usize::MAX).expect("reads");
    let expected: Vec<_> = model.others.clone().into_iter().collect();
    prop_assert_eq!(others, expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Gathered into runs, packed, changed one by one afterwards, reopened: always what an ordered
    /// map has.
    #[test]
    fn what_is_packed_does_what_ordered_maps_do(
        steps in proptest::collection::vec(step(), 1..24), limit in 1_usize..6,
    ) {
        let home = Home::new();
        let mut index = home.create();
        let mut model = Model::default();
        for step in &steps {
            index = take(index, step, &mut model, &home);
            agree(&index, &model, limit)?;
        }
    }
}

/// Gathers numbered rows, in no order, some of them again and some removed.
fn gather(index: &Index, model: &mut Model, records: u64) {
    for number in 0..records {
        let key = (1, (number * 7919 % 1009) as u32);
        let changes = [
            Change::Word(key, Some(format!("word {number}"))),
            Change::Word((2, key.1 / 3), (number % 3 > 0).then(|| number.to_string())),
        ];
        let batch = model.batch(&changes);
        let position = model.position;
        let gathered = index.apply_gathering(batch, position, root_at(position));
        gathered.expect("applies");
    }
}

#[test]
fn a_crash_while_runs_are_gathered_leaves_an_empty_index() {
    let home = Home::new();
    let index = home.create();
    let mut model = Model::default();
    gather(&index, &mut model, 200);
    assert!(index.read().expect("runs").state().shelves().len() > 5);
    let copy = home.crashed("crashed");
    assert!(copy.join("runs").read_dir().expect("listed").count() > 5);
    let mut crashed = home.open_at(&copy).expect("opens");
    assert_eq!(crashed.position().expect("runs"), 0);
    assert_eq!(crashed.merkle_root().expect("runs")[..2], [0xe3, 0xb0]);
    assert!(!copy.join("runs").exists());
    // What the journal has is applied again, to the same end.
    let mut again = Model::default();
    gather(&crashed, &mut again, 200);
    crashed.close().expect("closes");
    crashed = home.open_at(&copy).expect("opens");
    agree(&crashed, &model, 100).expect("the same rows");
    drop(index);
}

#[test]
fn a_crash_while_packs_are_written_is_told() {
    let home = Home::new();
    let index = home.create();
    let mut model = Model::default();
    gather(&index, &mut model, 200);
    index.make_durable().expect("durable");
    assert!(!home.dir().join("runs").exists());
    let whole = home.crashed("whole");
    home.open_at(&whole)
        .expect("opens")
        .close()
        .expect("closes");
    // As it was a moment before it was finished: the packs are there, and nothing says that they are all.
    index.engine().remove(&STANDING_ROW).expect("removed");
    index.engine().flush().expect("flushed");
    let crashed = home.crashed("crashed");
    let unusable = |dir: &Path| match home.open_at(dir) {
        Err(OpenError::Unusable(reason)) => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(unusable(&crashed), Unusable::Unfinished);
}

fn key_of_a_pack(db: &sled::Db) -> sled::IVec {
    let packs = db.scan_prefix(super::pack::PACKS);
    packs.flatten().nth(7).expect("a pack").0
}

#[test]
fn a_pack_that_is_missing_or_changed_is_noticed() {
    let home = Home::new();
    let index = home.create();
    let mut model = Model::default();
    gather(&index, &mut model, 200);
    index.close().expect("closes");
    let whole = home.crashed("whole");
    type Tamper = dyn Fn(&sled::Db);
    let missing: &Tamper = &|db| drop(db.remove(key_of_a_pack(db)).expect("removed"));
    let changed: &Tamper = &|db| {
        let key = key_of_a_pack(db);
        let mut sealed = db.get(&key).expect("reads").expect("a pack").to_vec();
        sealed[20] ^= 1;
        db.insert(&key, sealed).expect("put");
    };
    for (number, tamper) in [missing, changed].into_iter().enumerate() {
        let copy = home.folder.path().join(format!("tampered {number}"));
        copy_tree(&whole, &copy);
        let db = sled::open(copy.join("sled")).expect("sled opens");
        tamper(&db);
        db.flush().expect("flushes");
        drop(db);
        let refused = home.open_at(&copy);
        assert!(matches!(
            refused,
            Err(OpenError::Unusable(
                Unusable::CountDiffers { .. } | Unusable::RowsDamaged { damaged: 1, .. }
            ))
        ));
    }
    // While it is open, it is noticed when it is read.
    let index = home.open_at(&whole).expect("opens");
    let key = {
        let mut packs = index.engine().scan(
            (
                std::ops::Bound::Included(&super::pack::PACKS[..]),
                std::ops::Bound::Excluded(&[1][..]),
            ),
            false,
        );
        let first = packs.as_mut().expect("scans").next().expect("a pack");
        first.expect("reads").0
    };
    index.engine().insert(&key, vec![7; 90]).expect("put");
    let read = index.read().expect("runs").page(&WORDS, &1, None, 9);
    assert!(matches!(read, Err(IndexError::Damaged { table: "words" })));
    assert!(matches!(index.read().map(drop), Err(IndexError::Stopped)));
}

#[test]
fn nothing_readable_lies_in_a_run() {
    let home = Home::new();
    let index = home.create();
    let mut batch = Batch::new();
    let canary = "a canary in a row of words".to_owned();
    batch
        .put(&WORDS, &(0, 1), &canary.repeat(20))
        .expect("a value");
    index
        .apply_gathering(batch, 1, root_at(1))
        .expect("applies");
    let run = std::fs::read(home.dir().join("runs/0")).expect("a run");
    assert!(run.len() > canary.len() * 20);
    assert!(
        !run.windows(8)
            .any(|window| canary.as_bytes().windows(8).any(|part| part == window))
    );
    let read = index.read().expect("runs").get(&WORDS, &(0, 1));
    assert_eq!(read.expect("reads"), Some(canary.repeat(20)));
}
