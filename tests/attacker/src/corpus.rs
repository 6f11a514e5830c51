//! What the attacker has: files of any moment, and the candidates for keys that lie in them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::age;
use crate::formats::{Key, from_base64, from_hex, sealed_roots};
use crate::index::Rows;

/// Bytes of a key drawn at random hardly ever have fewer different values than this: with 32 bytes
/// and 16 values, or 16 bytes and 9, less than once in 2⁴⁰.
const DIFFERENT_OF_32: usize = 16;
const DIFFERENT_OF_16: usize = 9;

/// Characters of the shortest text that could be a key of 16 bytes in base64.
const SHORTEST_TEXT: usize = 22;

/// How finely two images of one file are compared, in bytes.
const GRAIN: usize = 256;

/// The folders whose files are objects of a bucket, or parts of them.
const BUCKETS: [&str; 2] = ["store", "bucket"];

/// What is looked at of what is put in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// It is there now: its root slots are secrets that are left.
    Now,
    /// It lay there once. A root slot in it is passed over: that it could be made to forget is what
    /// the secrecy hangs on.
    Earlier,
}

/// Everything that was copied, stolen or left behind; the same bytes are kept once.
#[derive(Default)]
pub struct Corpus {
    files: BTreeMap<Vec<u8>, PathBuf>,
    objects: BTreeMap<Vec<u8>, PathBuf>,
    /// Objects that are in the bucket now.
    present: BTreeSet<Vec<u8>>,
    roots: BTreeSet<Vec<u8>>,
    identities: BTreeSet<String>,
    age_files: BTreeSet<Vec<u8>>,
    indexes: Vec<Rows>,
    pub candidates: Candidates,
    /// The last image of each file, by its path in its image.
    last: BTreeMap<PathBuf, Vec<u8>>,
    pub bytes: u64,
    pub images: usize,
}

impl Corpus {
    /// Takes a file, or every file under a folder.
    pub fn take(&mut self, place: &Path, when: When, windows: bool) -> io::Result<()> {
        self.images += 1;
        let mut found = Vec::new();
        walk(place, &mut found)?;
        let mut parted: BTreeMap<PathBuf, BTreeMap<u64, Vec<u8>>> = BTreeMap::new();
        for path in found {
            let bytes = match fs::read(&path) {
                Ok(bytes) => bytes,
                // It was there a moment ago.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let name = path.strip_prefix(place).unwrap_or(&path).to_path_buf();
            let name = match name.as_os_str().is_empty() {
                true => path.file_name().map(PathBuf::from).unwrap_or_default(),
                false => name,
            };
            if !sealed_roots(&bytes).is_empty() || bytes.starts_with(b"strslot\n") {
                if when == When::Now {
                    self.old_root(&bytes);
                }
                continue;
            }
            if is_in_a_bucket(&name) {
                let file = name.file_name().unwrap_or_default().to_string_lossy();
                let number = file.strip_prefix(".part-").and_then(|n| n.parse().ok());
                match (number, path.parent()) {
                    (Some(number), Some(object)) => {
                        let parts = parted.entry(object.to_path_buf()).or_default();
                        parts.insert(number, bytes.clone());
                    }
                    _ if file.starts_with('.') => {}
                    _ => self.object(bytes.clone(), &path, when),
                }
            }
            self.file(name, bytes, windows);
        }
        for (object, parts) in parted {
            let whole = parts.into_values().collect::<Vec<_>>().concat();
            self.object(whole, &object, when);
        }
        Ok(())
    }

    /// Takes every index there is under a folder, as its own engine reads it.
    pub fn take_indexes(&mut self, place: &Path, scratch: &Path) {
        if let Some(rows) = Rows::of(&place.join("index"), scratch) {
            self.indexes.push(rows);
        }
    }

    /// Takes a root slot, whenever it is from.
    pub fn old_root(&mut self, slot: &[u8]) {
        self.roots
            .extend(sealed_roots(slot).into_iter().map(<[u8]>::to_vec));
    }

    fn object(&mut self, bytes: Vec<u8>, path: &Path, when: When) {
        if when == When::Now {
            self.present.insert(bytes.clone());
        }
        let path = path.to_path_buf();
        self.objects.entry(bytes).or_insert(path);
    }

    fn file(&mut self, name: PathBuf, bytes: Vec<u8>, windows: bool) {
        let before = self.last.get(&name).map_or(&[][..], Vec::as_slice);
        if before == bytes {
            return;
        }
        self.bytes += bytes.len() as u64;
        for range in changed(before, &bytes) {
            let fresh = bytes.get(range).unwrap_or_default();
            self.candidates.spelled(fresh);
            if windows {
                self.candidates.windows(fresh);
            }
        }
        self.identities.extend(age::identities(&bytes));
        let sealed = age::files(&bytes).into_iter().map(<[u8]>::to_vec);
        self.age_files.extend(sealed);
        self.last.insert(name.clone(), bytes.clone());
        self.files.entry(bytes).or_insert(name);
    }

    pub fn files(&self) -> impl Iterator<Item = &[u8]> {
        self.files.keys().map(Vec::as_slice)
    }

    pub fn objects(&self) -> Vec<(&[u8], &Path, bool)> {
        let objects = self.objects.iter();
        objects
            .map(|(bytes, path)| {
                let present = self.present.contains(bytes);
                (bytes.as_slice(), path.as_path(), present)
            })
            .collect()
    }

    /// Everything that is sealed to an age recipient: root slots first.
    pub fn age_files(&self) -> impl Iterator<Item = &[u8]> {
        self.roots.iter().chain(&self.age_files).map(Vec::as_slice)
    }

    pub fn roots(&self) -> usize {
        self.roots.len()
    }

    pub fn identities(&self) -> impl Iterator<Item = &str> {
        self.identities.iter().map(String::as_str)
    }

    pub fn indexes(&self) -> &[Rows] {
        &self.indexes
    }

    /// Where these bytes lie as they are, if anywhere.
    pub fn lies_in(&self, canary: &[u8]) -> Option<&Path> {
        let mut all = self.files.iter().chain(&self.objects);
        let holding = all.find(|(bytes, _)| holds(bytes, canary));
        holding.map(|(_, path)| path.as_path())
    }
}

/// Candidates for keys, each kept once.
#[derive(Default)]
pub struct Candidates {
    pub keys: HashSet<Key>,
    pub file_keys: HashSet<[u8; 16]>,
    /// Keys that were written out as a text and nothing else.
    pub spelled: BTreeSet<Key>,
}

impl Candidates {
    /// Takes every window of `bytes`, at every offset, that could be a key drawn at random.
    pub fn windows(&mut self, bytes: &[u8]) {
        each_window::<32>(bytes, DIFFERENT_OF_32, |key| {
            self.keys.insert(key);
        });
        each_window::<16>(bytes, DIFFERENT_OF_16, |key| {
            self.file_keys.insert(key);
        });
    }

    /// Takes whatever is written out in `text` in hex or base64, and every window of it.
    pub fn spelled(&mut self, text: &[u8]) {
        let spells = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
        for word in text.split(|byte| !spells(byte)) {
            let Some(word) = std::str::from_utf8(word).ok() else {
                continue;
            };
            if word.len() < SHORTEST_TEXT {
                continue;
            }
            for bytes in [from_hex(word), from_base64(word)].into_iter().flatten() {
                if let Ok(key) = Key::try_from(&bytes[..]) {
                    self.spelled.insert(key);
                }
                self.windows(&bytes);
            }
        }
    }
}

/// Visits every window of `N` bytes that bytes drawn at random could be: it has enough different
/// values, and is not a text, which is taken by what it spells.
fn each_window<const N: usize>(bytes: &[u8], different: usize, mut visit: impl FnMut([u8; N])) {
    let printable = |byte: u8| usize::from((b' '..=b'~').contains(&byte));
    let mut counts = [0_usize; 256];
    let (mut distinct, mut text) = (0, 0);
    for (end, byte) in bytes.iter().enumerate() {
        let count = &mut counts[usize::from(*byte)];
        distinct += usize::from(*count == 0);
        *count += 1;
        text += printable(*byte);
        if let Some(start) = (end + 1).checked_sub(N) {
            if distinct >= different && text < N {
                visit(bytes[start..=end].try_into().expect("as long"));
            }
            let leaving = bytes[start];
            let count = &mut counts[usize::from(leaving)];
            *count -= 1;
            distinct -= usize::from(*count == 0);
            text -= printable(leaving);
        }
    }
}

/// The ranges of `now` that are not as they were, wide enough to hold every text and window that
/// reaches into them.
fn changed(before: &[u8], now: &[u8]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    for (number, grain) in now.chunks(GRAIN).enumerate() {
        let start = number * GRAIN;
        if before.get(start..start + grain.len()) == Some(grain) {
            continue;
        }
        let range = start.saturating_sub(GRAIN)..(start + 2 * GRAIN).min(now.len());
        match ranges.last_mut() {
            Some(last) if last.end >= range.start => last.end = range.end,
            _ => ranges.push(range),
        }
    }
    ranges
}

fn is_in_a_bucket(name: &Path) -> bool {
    let folders = name.parent().into_iter().flat_map(Path::components);
    folders
        .map(|folder| folder.as_os_str().to_string_lossy())
        .any(|folder| BUCKETS.contains(&folder.as_ref()))
}

fn walk(place: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !place.is_dir() {
        found.push(place.to_path_buf());
        return Ok(());
    }
    let mut entries = fs::read_dir(place)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    entries
        .iter()
        .try_for_each(|entry| walk(&entry.path(), found))
}

/// Whether `wanted` lies in `bytes`.
pub fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[test]
fn what_changed_is_looked_at_again_and_nothing_else() {
    let before = vec![7; 10 * GRAIN];
    assert!(changed(&before, &before).is_empty());
    let mut now = before.clone();
    now[5 * GRAIN] = 8;
    assert!(changed(&before, &now).iter().eq([&(4 * GRAIN..7 * GRAIN)]));
    now.push(1);
    assert_eq!(
        changed(&before, &now),
        [4 * GRAIN..7 * GRAIN, 9 * GRAIN..10 * GRAIN + 1]
    );
    assert!(changed(&[], &[1; 10]).iter().eq([&(0..10)]));
}

#[test]
fn windows_are_taken_at_every_offset_and_texts_by_what_they_spell() {
    let key: Key = std::array::from_fn(|place| (place * 37) as u8 ^ 0xa5);
    let mut found = Candidates::default();
    found.windows(&[&[0; 5][..], &key, &[0; 3]].concat());
    assert!(found.keys.contains(&key));
    assert!(found.file_keys.contains(&key[3..19]));
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut found = Candidates::default();
    found.spelled(format!("DEBUG key={hex} and no more").as_bytes());
    assert!(found.spelled.contains(&key) && found.keys.contains(&key));
}
