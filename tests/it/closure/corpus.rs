//! What the attacker has: files of any moment, texts, and the candidates for keys that lie in them.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::formats::{Key, Segment, from_base64, from_hex, sealed_roots};

/// Bytes of a key drawn at random hardly ever have fewer different values than this: with 32 bytes
/// and 16 values, or 16 bytes and 9, less than once in 2⁴⁰.
const DIFFERENT_OF_32: usize = 16;
const DIFFERENT_OF_16: usize = 9;

/// Characters of the shortest text that could be a key of 16 bytes in base64.
const SHORTEST_TEXT: usize = 22;

/// Everything that was copied, stolen or left behind; the same bytes are kept once.
#[derive(Default, Clone)]
pub(crate) struct Corpus {
    files: BTreeMap<Vec<u8>, PathBuf>,
    objects: BTreeMap<Vec<u8>, PathBuf>,
    texts: BTreeMap<Vec<u8>, PathBuf>,
}

impl Corpus {
    /// Takes every file of a folder, in which `store/` holds the bucket.
    pub(crate) fn image(&mut self, files: &[(PathBuf, Vec<u8>)]) -> &mut Self {
        let mut parted: BTreeMap<&Path, BTreeMap<u64, &[u8]>> = BTreeMap::new();
        for (path, bytes) in files {
            self.file(path, bytes);
            if !path.starts_with("store") {
                continue;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let number = name.strip_prefix(".part-").and_then(|n| n.parse().ok());
            match (number, path.parent()) {
                (Some(number), Some(object)) => {
                    parted.entry(object).or_default().insert(number, bytes);
                }
                _ => drop(self.objects.insert(bytes.clone(), path.clone())),
            }
        }
        for (object, parts) in parted {
            let whole = parts.into_values().collect::<Vec<_>>().concat();
            self.objects.insert(whole, object.to_path_buf());
        }
        self
    }

    /// Takes one file: a slot, a log, a backup.
    pub(crate) fn file(&mut self, path: &Path, bytes: &[u8]) -> &mut Self {
        self.files
            .entry(bytes.to_vec())
            .or_insert_with(|| path.to_path_buf());
        self
    }

    /// Takes a text that somebody with the vault's secrets could read, in JSON.
    pub(crate) fn text(&mut self, name: &str, json: String) -> &mut Self {
        self.texts.insert(json.into_bytes(), PathBuf::from(name));
        self
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &[u8]> {
        self.files.keys().map(Vec::as_slice)
    }

    pub(super) fn objects(&self) -> Vec<&[u8]> {
        self.objects.keys().map(Vec::as_slice).collect()
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.texts.keys().map(Vec::as_slice)
    }

    pub(super) fn segments(&self) -> Vec<Segment<'_>> {
        self.files().filter_map(Segment::parse).collect()
    }

    pub(super) fn sealed_roots(&self) -> Vec<&[u8]> {
        self.files().flat_map(sealed_roots).collect()
    }

    /// Where these bytes lie as they are, if anywhere.
    pub(crate) fn lies_in(&self, canary: &[u8]) -> Option<&Path> {
        let all = self.files.iter().chain(&self.objects).chain(&self.texts);
        let mut holding = all.filter(|(bytes, _)| find(bytes, canary).is_some());
        holding.next().map(|(_, path)| path.as_path())
    }
}

/// Candidates for keys, each kept once.
#[derive(Default)]
pub(super) struct Candidates {
    pub(super) keys: HashSet<Key>,
    pub(super) file_keys: HashSet<[u8; 16]>,
    /// Keys that were written out as a text and nothing else.
    pub(super) spelled: HashSet<Key>,
}

impl Candidates {
    /// Takes every window of `bytes`, at every offset, that could be a key drawn at random.
    pub(super) fn windows(&mut self, bytes: &[u8]) {
        each_window::<32>(bytes, DIFFERENT_OF_32, |key| {
            self.keys.insert(key);
        });
        each_window::<16>(bytes, DIFFERENT_OF_16, |key| {
            self.file_keys.insert(key);
        });
    }

    /// Takes whatever is written out in `text` in hex or base64, and every window of it.
    pub(super) fn spelled(&mut self, text: &[u8]) {
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

/// Every age identity written out in `bytes`.
pub(super) fn identities(bytes: &[u8]) -> Vec<String> {
    let upper = bytes.to_ascii_uppercase();
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = find(&upper[from..], b"AGE-SECRET-KEY-") {
        let place: Range<usize> = from + at..upper.len();
        let text = &upper[place];
        let length = text
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'-')
            .count();
        found.push(String::from_utf8_lossy(&text[..length]).into_owned());
        from += at + 1;
    }
    found
}

pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}
