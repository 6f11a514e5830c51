//! The index through its public face: a model of its batches, damage of every kind, older copies.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use strongroom::entropy::{Entropy, EntropyError, SystemEntropy};
use strongroom::id::{ItemId, StudyId};
use strongroom::index::{
    Batch, Index, IndexError, Leads, OpenError, Reader, RowKey, Table, Unusable, set_aside,
};
use strongroom::secret::Key;
use tempfile::TempDir;

const WORDS: Table<(String, u8), u32> = Table::new(1, "words");
const NUMBERS: Table<u64, String> = Table::new(2, "numbers");
const LAST: Table<(String, u8), u32> = Table::new(255, "last");
const ITEMS: Table<(StudyId, ItemId), String> = Table::new(3, "items");

/// A folder for an index and the journal key it goes with.
struct Home {
    folder: TempDir,
    key: Key,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            key: Key::random(&SystemEntropy::new()).expect("entropy"),
        }
    }

    fn dir(&self) -> PathBuf {
        self.folder.path().join("index")
    }

    fn create(&self) -> Index {
        Index::create(&self.dir(), &self.key, entropy()).expect("made")
    }

    fn open(&self) -> Result<Index, OpenError> {
        self.open_at(&self.dir())
    }

    fn open_at(&self, dir: &Path) -> Result<Index, OpenError> {
        Index::open(dir, &self.key, entropy())
    }

    fn reopen(&self, index: Index) -> Index {
        index.close().expect("closes");
        self.open().expect("opens again")
    }

    /// An index with `rows` numbers in it, each applied by itself, closed.
    fn filled(rows: u64) -> Self {
        let home = Self::new();
        let index = home.create();
        for number in 0..rows {
            put_number(&index, number, &text_of(number));
        }
        index.close().expect("closes");
        home
    }

    /// Changes sled's rows behind the index's back.
    fn tamper(&self, change: impl FnOnce(&sled::Db)) {
        let db = sled::open(self.dir().join("sled")).expect("sled opens");
        change(&db);
        db.flush().expect("flushes");
    }

    fn why_unusable(&self) -> Unusable {
        match self.open() {
            Err(OpenError::Unusable(reason)) => reason,
            other => panic!("{other:?}"),
        }
    }
}

fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy::new())
}

fn text_of(number: u64) -> String {
    format!("{number} {}", "x".repeat(150 + number as usize % 50))
}

fn root_at(position: u64) -> [u8; 32] {
    [position as u8; 32]
}

fn put_number(index: &Index, number: u64, text: &str) {
    let mut batch = Batch::new();
    batch
        .put(&NUMBERS, &number, &text.to_owned())
        .expect("a value");
    apply_next(index, batch);
}

fn apply_next(index: &Index, batch: Batch) {
    let position = index.position().expect("runs") + 1;
    index
        .apply(batch, position, root_at(position))
        .expect("applies");
}

fn numbers_in(index: &Index) -> Vec<(u64, String)> {
    let reader = index.read().expect("runs");
    reader.page(&NUMBERS, &(), None, usize::MAX).expect("reads")
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_tree(&path, &target),
            false => {
                fs::copy(&path, &target).expect("copied");
            }
        }
    }
}

fn put_back(copy: &Path, dir: &Path) {
    fs::remove_dir_all(dir).expect("removed");
    copy_tree(copy, dir);
}

fn files_under(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).expect("listed") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files.extend(files_under(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

mod model {
    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Apply(Vec<Change>),
        Gather(Vec<Change>),
        Reopen,
        MakeDurable,
        /// The files as a kill would leave them, opened elsewhere.
        Crash,
    }

    #[derive(Debug, Clone)]
    enum Change {
        Word(bool, (String, u8), Option<u32>),
        Number(u64, Option<String>),
    }

    #[derive(Default, Debug, Clone, PartialEq)]
    struct Model {
        words: BTreeMap<(String, u8), u32>,
        last: BTreeMap<(String, u8), u32>,
        numbers: BTreeMap<u64, String>,
        position: u64,
    }

    impl Model {
        fn apply(&mut self, changes: &[Change]) {
            for change in changes {
                match change.clone() {
                    Change::Word(first, key, value) => {
                        let table = if first {
                            &mut self.words
                        } else {
                            &mut self.last
                        };
                        set(table, key, value);
                    }
                    Change::Number(key, value) => set(&mut self.numbers, key, value),
                }
            }
            self.position += 1;
        }
    }

    fn set<K: Ord, V>(table: &mut BTreeMap<K, V>, key: K, value: Option<V>) {
        match value {
            Some(value) => drop(table.insert(key, value)),
            None => drop(table.remove(&key)),
        }
    }

    fn batch_of(changes: &[Change]) -> Batch {
        let mut batch = Batch::new();
        for change in changes {
            match change {
                Change::Word(first, key, value) => {
                    let table = if *first { &WORDS } else { &LAST };
                    match value {
                        Some(value) => batch.put(table, key, value).expect("a value"),
                        None => batch.remove(table, key),
                    }
                }
                Change::Number(key, Some(value)) => {
                    batch.put(&NUMBERS, key, value).expect("a value");
                }
                Change::Number(key, None) => batch.remove(&NUMBERS, key),
            }
        }
        batch
    }

    fn key() -> impl Strategy<Value = (String, u8)> {
        (
            "[\0ab\u{ff}]{0,2}",
            prop_oneof![Just(0), Just(1), Just(255)],
        )
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            (any::<bool>(), key(), any::<Option<u32>>())
                .prop_map(|(first, key, value)| Change::Word(first, key, value)),
            (0_u64..20, proptest::option::of(".{0,40}"))
                .prop_map(|(key, value)| Change::Number(key * 0x0100_0001, value)),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        let changes = || proptest::collection::vec(change(), 0..6);
        prop_oneof![
            4 => changes().prop_map(Step::Apply),
            4 => changes().prop_map(Step::Gather),
            1 => Just(Step::Reopen),
            1 => Just(Step::MakeDurable),
            1 => Just(Step::Crash),
        ]
    }

    fn agree(index: &Index, model: &Model, limit: usize) -> Result<(), TestCaseError> {
        let reader = &index.read().expect("runs");
        prop_assert_eq!(reader.position(), model.position);
        pages_agree(reader, &WORDS, &(), &model.words, limit)?;
        pages_agree(reader, &LAST, &(), &model.last, limit)?;
        pages_agree(reader, &NUMBERS, &(), &model.numbers, limit)?;
        for (word, _) in model.words.keys() {
            let mut under = model.words.clone();
            under.retain(|(other, _), _| other == word);
            pages_agree(reader, &WORDS, word, &under, limit)?;
        }
        for number in (0..20).map(|number| number * 0x0100_0001) {
            let there = model.numbers.get(&number).cloned();
            let contained = reader.contains(&NUMBERS, &number).expect("reads");
            prop_assert_eq!(contained, there.is_some());
            prop_assert_eq!(reader.get(&NUMBERS, &number).expect("reads"), there);
        }
        Ok(())
    }

    fn pages_agree<K, V, L>(
        reader: &Reader<'_>,
        table: &Table<K, V>,
        lead: &L,
        model: &BTreeMap<K, V>,
        limit: usize,
    ) -> Result<(), TestCaseError>
    where
        K: RowKey + Ord + Clone + std::fmt::Debug,
        V: serde::de::DeserializeOwned + Clone + PartialEq + std::fmt::Debug,
        L: Leads<K>,
    {
        let mut expected: Vec<_> = model.clone().into_iter().collect();
        prop_assert_eq!(
            reader.count(table, lead).expect("reads"),
            expected.len() as u64
        );
        for backwards in [false, true] {
            let mut found: Vec<(K, V)> = Vec::new();
            loop {
                let cursor = found.last().map(|(key, _)| key.clone());
                let page = match backwards {
                    false => reader.page(table, lead, cursor.as_ref(), limit),
                    true => reader.page_back(table, lead, cursor.as_ref(), limit),
                };
                let page = page.expect("reads");
                prop_assert!(page.len() <= limit);
                let last = page.len() < limit;
                found.extend(page);
                if last {
                    break;
                }
            }
            prop_assert_eq!(&found, &expected);
            expected.reverse();
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        /// Batches over several tables do what they do to ordered maps, through reopening; and what a
        /// kill leaves on disk is the state after one of the batches, with all that was made durable.
        #[test]
        fn batches_do_what_they_do_to_ordered_maps(
            steps in proptest::collection::vec(step(), 1..14), limit in 1_usize..5,
        ) {
            let home = Home::new();
            let mut index = home.create();
            let mut model = Model::default();
            let mut durable = 0;
            let mut states = vec![model.clone()];
            for (turn, step) in steps.iter().enumerate() {
                match step {
                    Step::Apply(changes) => {
                        model.apply(changes);
                        let position = model.position;
                        index.apply(batch_of(changes), position, root_at(position)).expect("applies");
                    }
                    Step::Gather(changes) => {
                        model.apply(changes);
                        let position = model.position;
                        let root = root_at(position);
                        index.apply_gathering(batch_of(changes), position, root).expect("applies");
                    }
                    Step::Reopen => {
                        index = home.reopen(index);
                        durable = model.position;
                        if model.position > 0 {
                            prop_assert_eq!(index.merkle_root().expect("runs"), root_at(model.position));
                        }
                    }
                    Step::MakeDurable => {
                        index.make_durable().expect("durable");
                        durable = model.position;
                    }
                    Step::Crash => {
                        let copy = home.folder.path().join(format!("crashed-{turn}"));
                        copy_tree(&home.dir(), &copy);
                        let crashed = home.open_at(&copy).expect("a kill does no damage");
                        let position = crashed.position().expect("runs");
                        prop_assert!(position >= durable);
                        agree(&crashed, &states[position as usize], limit)?;
                    }
                }
                if states.len() as u64 == model.position {
                    states.push(model.clone());
                }
                agree(&index, &model, limit)?;
            }
        }
    }
}

mod damage {
    use super::*;

    const ROWS: u64 = 400;

    /// Positions to damage, the same in every run.
    fn sample(seed: u64, below: u64) -> u64 {
        let mixed = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) % below.max(1)
    }

    /// Damages copies of an index and opens them: every row must be there as it was written, or
    /// the index be refused. Returns how often it was refused.
    fn refused(whole: &Home, turns: u64, damage: impl Fn(u64, &File, u64)) -> usize {
        let copy = whole.folder.path().join("whole");
        copy_tree(&whole.dir(), &copy);
        let noticed = |turn| {
            put_back(&copy, &whole.dir());
            let files = files_under(&whole.dir());
            let path = files.iter().cycle().nth(turn as usize).expect("files");
            let file = File::options()
                .read(true)
                .write(true)
                .open(path)
                .expect("opens");
            damage(turn, &file, file.metadata().expect("a file").len());
            match whole.open() {
                Ok(index) => {
                    assert_eq!(
                        numbers_in(&index),
                        numbers(),
                        "damage {turn} went unnoticed"
                    );
                    false
                }
                Err(OpenError::Unusable(_)) => true,
                Err(other) => panic!("{other}"),
            }
        };
        (0..turns).filter(|turn| noticed(*turn)).count()
    }

    fn numbers() -> Vec<(u64, String)> {
        (0..ROWS).map(|number| (number, text_of(number))).collect()
    }

    #[test]
    fn a_flipped_bit_is_refused_or_changes_nothing() {
        let flips = refused(&Home::filled(ROWS), 200, |turn, file, length| {
            let (place, bit) = (sample(turn, length), turn / 4 % 8);
            let mut byte = [0];
            file.read_exact_at(&mut byte, place).expect("reads");
            file.write_all_at(&[byte[0] ^ 1 << bit], place)
                .expect("writes");
        });
        assert!(flips > 100, "only {flips} of 200 were noticed");
    }

    #[test]
    fn a_truncated_file_is_refused_or_changes_nothing() {
        let cuts = refused(&Home::filled(ROWS), 60, |turn, file, length| {
            file.set_len(sample(turn, length)).expect("cut");
        });
        assert!(cuts > 30, "only {cuts} of 60 were noticed");
    }

    #[test]
    fn a_page_of_zeroes_or_noise_is_refused_or_changes_nothing() {
        let pages = refused(&Home::filled(ROWS), 60, |turn, file, length| {
            let mut page = [0; 512];
            if turn / 4 % 2 == 0 {
                SystemEntropy::new().fill(&mut page).expect("entropy");
            }
            let place = sample(turn, length) / 512 * 512;
            let end = (length - place).min(512) as usize;
            file.write_all_at(&page[..end], place).expect("writes");
        });
        assert!(pages > 30, "only {pages} of 60 were noticed");
    }
}

mod older {
    use super::*;

    /// An index with five rows, a copy of it, and five more rows.
    fn grown() -> (Home, PathBuf) {
        let home = Home::filled(5);
        let before = home.folder.path().join("before");
        copy_tree(&home.dir(), &before);
        let index = home.open().expect("opens");
        for number in 5..10 {
            put_number(&index, number, &text_of(number));
        }
        index.close().expect("closes");
        (home, before)
    }

    #[test]
    fn a_whole_older_index_says_how_old_it_is() {
        let (home, before) = grown();
        put_back(&before, &home.dir());
        let index = home.open().expect("opens");
        assert_eq!(index.position().expect("runs"), 5);
        assert_eq!(index.merkle_root().expect("runs"), root_at(5));
        assert_eq!(numbers_in(&index).len(), 5);
        put_number(&index, 5, "again");
        assert_eq!(numbers_in(&home.reopen(index)).len(), 6);
    }

    #[test]
    fn older_rows_under_a_newer_anchor_are_refused() {
        let (home, before) = grown();
        put_back(&before.join("sled"), &home.dir().join("sled"));
        let went_back = Unusable::WentBack {
            anchored: 10,
            found: 5,
        };
        assert_eq!(home.why_unusable(), went_back);
        assert!(
            went_back
                .to_string()
                .contains("record 5, although record 10")
        );
    }

    #[test]
    fn an_older_anchor_is_what_a_crash_leaves() {
        let (home, before) = grown();
        fs::copy(before.join("anchor"), home.dir().join("anchor")).expect("copied");
        assert_eq!(numbers_in(&home.open().expect("opens")).len(), 10);
    }

    #[test]
    fn another_history_of_the_same_length_is_refused() {
        let home = Home::filled(5);
        let fork = home.folder.path().join("fork");
        copy_tree(&home.dir(), &fork);
        for (dir, text) in [(home.dir(), "one"), (fork.clone(), "other")] {
            let index = home.open_at(&dir).expect("opens");
            put_number(&index, 5, text);
            index.close().expect("closes");
        }
        put_back(&fork.join("sled"), &home.dir().join("sled"));
        assert_eq!(home.why_unusable(), Unusable::AnchorDiffers(6));
    }

    #[test]
    fn rows_of_another_index_are_refused() {
        let (home, other) = (Home::filled(5), Home::filled(5));
        put_back(&other.dir().join("sled"), &home.dir().join("sled"));
        assert_eq!(home.why_unusable(), Unusable::OtherIndex);
    }
}

mod tampering {
    use super::*;

    const SLED_SEGMENT_BYTES: usize = 512 * 1024;

    fn row(number: u64) -> Vec<u8> {
        [&[NUMBERS.byte()][..], &number.to_be_bytes()].concat()
    }

    #[test]
    fn swapped_rows_do_not_open() {
        let home = Home::filled(5);
        home.tamper(|db| {
            let (one, other) = (db.get(row(1)), db.get(row(2)));
            let (one, other) = (one.expect("read"), other.expect("read"));
            db.insert(row(1), other.expect("a row")).expect("written");
            db.insert(row(2), one.expect("a row")).expect("written");
        });
        let swapped = Unusable::RowsDamaged {
            damaged: 2,
            found: 5,
        };
        assert_eq!(home.why_unusable(), swapped);
    }

    #[test]
    fn an_older_value_of_a_row_is_noticed() {
        let home = Home::filled(5);
        let mut older = None;
        home.tamper(|db| older = db.get(row(1)).expect("read"));
        let index = home.open().expect("opens");
        put_number(&index, 1, "newer");
        index.close().expect("closes");
        home.tamper(|db| drop(db.insert(row(1), older.expect("a row")).expect("written")));
        assert_eq!(home.why_unusable(), Unusable::ChecksumDiffers);
    }

    #[test]
    fn a_row_left_out_is_noticed() {
        let home = Home::filled(5);
        home.tamper(|db| drop(db.remove(row(3)).expect("removed")));
        let differs = Unusable::CountDiffers {
            recorded: 5,
            found: 4,
        };
        assert_eq!(home.why_unusable(), differs);
    }

    #[test]
    fn an_emptied_index_is_noticed() {
        let home = Home::filled(5);
        home.tamper(|db| db.clear().expect("cleared"));
        assert_eq!(home.why_unusable(), Unusable::Unfinished);
    }

    #[test]
    fn missing_parts_are_told_apart() {
        let home = Home::filled(5);
        fs::remove_dir_all(home.dir().join("sled")).expect("removed");
        assert_eq!(home.why_unusable(), Unusable::Unfinished);
        fs::remove_file(home.dir().join("anchor")).expect("removed");
        assert_eq!(home.why_unusable(), Unusable::AnchorMissing);
        fs::remove_dir_all(home.dir()).expect("removed");
        assert_eq!(home.why_unusable(), Unusable::Missing);
    }

    #[test]
    fn another_journal_key_opens_nothing() {
        let home = Home::filled(5);
        let other = Key::random(&SystemEntropy::new()).expect("entropy");
        let opened = Index::open(&home.dir(), &other, entropy());
        assert!(matches!(
            opened,
            Err(OpenError::Unusable(Unusable::OtherKey))
        ));
        assert_eq!(numbers_in(&home.open().expect("opens")).len(), 5);
    }

    /// sled asserts that no two segments of its log have the same number.
    #[test]
    fn a_panic_in_sled_is_an_error() {
        let home = Home::filled(5);
        let log = home.dir().join("sled/db");
        let mut segment = fs::read(&log).expect("read");
        segment.resize(SLED_SEGMENT_BYTES, 0);
        fs::write(&log, [&segment[..], &segment[..]].concat()).expect("written");
        match home.why_unusable() {
            Unusable::WouldNotOpen(words) => assert!(words.contains("panicked"), "{words}"),
            other => panic!("{other:?}"),
        }
        set_aside(&home.dir()).expect("set aside");
        let index = home.create();
        put_number(&index, 1, "sled still works in this process");
        assert_eq!(numbers_in(&home.reopen(index)).len(), 1);
    }

    /// A kill while sled writes its snapshot at start (spacejam/sled#1512).
    #[test]
    fn a_snapshot_left_half_written_is_passed_over() {
        let home = Home::filled(5);
        let half = home.dir().join("sled/snap.0000000000000DE8.generating");
        fs::write(&half, b"half").expect("written");
        assert_eq!(numbers_in(&home.open().expect("opens")).len(), 5);
        assert!(!half.exists());
    }

    /// A stolen disk shows neither values nor the key (invariant 10).
    #[test]
    fn no_value_is_in_the_files() {
        let home = Home::new();
        let index = home.create();
        let canary = "Victim support interviews, Leeds";
        for number in 0..200 {
            put_number(&index, number, &format!("{canary} {number}"));
        }
        index.close().expect("closes");
        let secrets = [canary.as_bytes(), &home.key.expose_secret()[..]];
        let mut searched = 0;
        for file in files_under(&home.dir()) {
            let bytes = fs::read(file).expect("read");
            searched += bytes.len();
            for secret in secrets {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret));
            }
        }
        assert!(searched > 200 * canary.len());
    }
}

mod using {
    use super::*;

    #[test]
    fn one_opens_it_at_a_time() {
        let home = Home::new();
        let index = home.create();
        let in_use = |result: Result<(), OpenError>| matches!(result, Err(OpenError::InUse(_)));
        assert!(in_use(home.open().map(drop)));
        assert!(in_use(set_aside(&home.dir()).map(drop)));
        put_number(&index, 1, "unharmed");
        drop(index);
        home.open().expect("opens");
    }

    #[test]
    fn an_index_is_not_made_over_another() {
        let home = Home::filled(1);
        let made = Index::create(&home.dir(), &home.key, entropy());
        assert!(matches!(made, Err(OpenError::Occupied(_))));
        assert_eq!(numbers_in(&home.open().expect("opens")).len(), 1);
    }

    #[test]
    fn the_latest_two_set_aside_are_kept() {
        let home = Home::new();
        assert_eq!(set_aside(&home.dir()).expect("nothing there"), None);
        for number in 1..=4 {
            home.create().close().expect("closes");
            let aside = set_aside(&home.dir()).expect("set aside").expect("a place");
            assert!(aside.ends_with(format!("index.set-aside-{number}")));
            home.open_at(&aside).expect("still whole there");
        }
        let mut left: Vec<_> = fs::read_dir(home.folder.path())
            .expect("listed")
            .map(|entry| entry.expect("an entry").file_name())
            .filter(|name| !name.to_string_lossy().ends_with(".lock"))
            .collect();
        left.sort();
        assert_eq!(left, ["index.set-aside-3", "index.set-aside-4"]);
    }

    #[test]
    fn records_are_applied_in_order() {
        let home = Home::new();
        let index = home.create();
        for given in [0, 2, u64::MAX] {
            let refused = index.apply(Batch::new(), given, root_at(given));
            assert!(
                matches!(refused, Err(IndexError::OutOfOrder { applied: 0, given: g }) if g == given)
            );
        }
        index
            .apply(Batch::new(), 1, root_at(1))
            .expect("the next one");
        assert!(index.apply(Batch::new(), 1, root_at(1)).is_err());
        assert_eq!(home.reopen(index).position().expect("runs"), 1);
    }

    #[test]
    fn a_new_index_stands_at_the_root_of_no_leaves() {
        let root = Home::new().create().merkle_root().expect("runs");
        assert_eq!(root[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    }

    #[test]
    fn many_gathered_records_are_all_there() {
        let home = Home::new();
        let mut index = home.create();
        let study = StudyId::random(&SystemEntropy::new()).expect("entropy");
        for round in 0..2_u64 {
            for number in 1..=1500 {
                let mut batch = Batch::new();
                batch
                    .put(&NUMBERS, &number, &format!("{round}"))
                    .expect("a value");
                let item = ItemId::random(&SystemEntropy::new()).expect("entropy");
                batch
                    .put(&ITEMS, &(study, item), &String::new())
                    .expect("a value");
                batch.remove(&NUMBERS, &(number - 1));
                let position = round * 1500 + number;
                index
                    .apply_gathering(batch, position, root_at(position))
                    .expect("applies");
            }
            index = home.reopen(index);
            let reader = index.read().expect("runs");
            assert_eq!(reader.position(), (round + 1) * 1500);
            assert_eq!(
                reader.count(&ITEMS, &study).expect("reads"),
                (round + 1) * 1500
            );
            let number = reader.page(&NUMBERS, &(), None, 9).expect("reads");
            assert_eq!(number, [(1500, round.to_string())]);
        }
    }

    /// A reader sees every batch whole or not at all, although it asks several times.
    #[test]
    fn readers_see_whole_batches() {
        let home = Home::new();
        let index = home.create();
        let rows = [3, 1 << 40, u64::MAX];
        std::thread::scope(|threads| {
            threads.spawn(|| {
                for round in 1..=150 {
                    let mut batch = Batch::new();
                    for row in rows {
                        batch
                            .put(&NUMBERS, &row, &round.to_string())
                            .expect("a value");
                    }
                    index.apply(batch, round, root_at(round)).expect("applies");
                }
            });
            let mut position = 0;
            while position < 150 {
                let reader = index.read().expect("runs");
                position = reader.position();
                let there = rows.map(|row| reader.get(&NUMBERS, &row).expect("reads"));
                let expected = (position > 0).then(|| position.to_string());
                assert!(there.iter().all(|value| *value == expected), "{there:?}");
            }
        });
    }

    /// A source that fails after so many draws.
    #[derive(Debug)]
    struct Failing(AtomicUsize);

    impl Entropy for Failing {
        fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
            let left = self
                .0
                .load(Ordering::SeqCst)
                .checked_sub(1)
                .ok_or(EntropyError)?;
            self.0.store(left, Ordering::SeqCst);
            SystemEntropy::new().fill(out)
        }
    }

    #[test]
    fn after_a_failure_nothing_more_is_answered() {
        let home = Home::filled(3);
        let failing = Arc::new(Failing(AtomicUsize::new(1)));
        let index = Index::open(&home.dir(), &home.key, failing).expect("opens");
        let mut batch = Batch::new();
        batch
            .put(&NUMBERS, &9, &"never".to_owned())
            .expect("a value");
        let failed = index.apply(batch, 4, root_at(4));
        assert!(matches!(failed, Err(IndexError::Entropy(_))));
        assert!(matches!(index.read().map(drop), Err(IndexError::Stopped)));
        assert!(matches!(
            index.apply(Batch::new(), 4, root_at(4)),
            Err(IndexError::Stopped)
        ));
        assert!(matches!(index.close(), Err(IndexError::Stopped)));
        assert_eq!(numbers_in(&home.open().expect("opens")).len(), 3);
    }

    #[test]
    fn a_value_of_another_type_is_told_from_damage() {
        let home = Home::filled(3);
        let index = home.open().expect("opens");
        let wrong: Table<u64, u64> = Table::new(NUMBERS.byte(), "wrong");
        let read = index.read().expect("runs").get(&wrong, &1);
        assert!(matches!(
            read,
            Err(IndexError::NotOfThisVersion { table: "wrong" })
        ));
        assert_eq!(numbers_in(&index).len(), 3);
    }
}
