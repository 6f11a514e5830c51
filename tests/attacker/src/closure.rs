//! The closure: try every key on everything that is sealed, take what opens, and go on until
//! nothing new opens.
//!
//! What is tried as a key: every age identity; every window of 32 and 16 bytes, at every offset, of
//! every file, of everything that opened, and of everything spelled out in hex or base64 there, but
//! for windows that no generator would draw (a handful of different bytes, or plain text). Every
//! such key is tried on every node of the key tree that was ever written, every participant's
//! contact details, every item's particulars and every object. Keys that opened as leaves, and keys
//! that were spelled out whole, are put together for every item they could belong to.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use crate::age;
use crate::corpus::{Candidates, Corpus, holds};
use crate::formats::{Cipher, Key, Sealed, Segment, file_key, item_key, open_object, open_payload};
use crate::json::Json;

/// Level of the leaves of the key tree.
const LEAVES: u8 = 5;

/// How many of an item's keys may have been spelled out; the others have to be in the tree.
const SPELLED_MAX: usize = 2;

/// What came of it.
#[derive(Default)]
pub struct Loot {
    opened: BTreeSet<Vec<u8>>,
    /// Objects that are in the bucket now and did not open.
    pub unopened: Vec<PathBuf>,
    pub rounds: usize,
    pub keys_tried: usize,
    pub file_keys_tried: usize,
    pub nodes: usize,
    pub contacts: usize,
    pub items: usize,
    pub objects: usize,
    pub roots_opened: usize,
    pub records_opened: usize,
    pub rows_opened: usize,
    pub tree_keys_opened: usize,
    pub values_opened: usize,
    pub objects_opened: usize,
}

impl Loot {
    /// Whether these bytes are in anything that was opened.
    pub fn holds(&self, canary: &[u8]) -> bool {
        self.opened.iter().any(|opened| holds(opened, canary))
    }
}

/// What is known of the vault, from what was opened.
#[derive(Default)]
struct Facts {
    vaults: BTreeSet<String>,
    nodes: BTreeSet<Sealed>,
    contacts: BTreeSet<Sealed>,
    items: BTreeSet<Item>,
    /// The leaf of a participant's material key.
    people: BTreeMap<String, u32>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    leaf: u32,
    participants: Vec<String>,
    particulars: Sealed,
}

/// Something that opened under a key.
enum Opened {
    /// A node: its context, and the key in it.
    Node(Vec<u8>, Key),
    Value(Vec<u8>),
    /// An object, by its number.
    Object(usize, Vec<u8>),
}

/// Tries everything there is to try.
pub fn attack(mut corpus: Corpus) -> Loot {
    let candidates = std::mem::take(&mut corpus.candidates);
    let mut attacker = Attacker::new(&corpus, candidates);
    attacker.unlock();
    attacker.read_journals();
    attacker.close();
    attacker.told()
}

struct Attacker<'a> {
    corpus: &'a Corpus,
    objects: Vec<(&'a [u8], &'a Path, bool)>,
    objects_opened: BTreeSet<usize>,
    facts: Facts,
    candidates: Candidates,
    tried: HashSet<Key>,
    tried_on_objects: HashSet<[u8; 16]>,
    /// The keys that opened, by the context of their node.
    tree: BTreeMap<Vec<u8>, BTreeSet<Key>>,
    loot: Loot,
}

impl<'a> Attacker<'a> {
    fn new(corpus: &'a Corpus, candidates: Candidates) -> Self {
        Self {
            corpus,
            objects: corpus.objects(),
            objects_opened: BTreeSet::new(),
            facts: Facts::default(),
            candidates,
            tried: HashSet::new(),
            tried_on_objects: HashSet::new(),
            tree: BTreeMap::new(),
            loot: Loot::default(),
        }
    }

    /// Opens every root slot, and whatever else is sealed with age, with every identity.
    fn unlock(&mut self) {
        let identities: Vec<_> = self.corpus.identities().filter_map(age::identity).collect();
        for sealed in self.corpus.age_files() {
            for identity in &identities {
                if let Some(opened) = age::open(sealed, identity) {
                    self.loot.roots_opened += 1;
                    self.take(opened);
                }
            }
        }
    }

    /// Opens every journal and every index with every window of what opened so far, which is the slots.
    fn read_journals(&mut self) {
        let mut keys = Candidates::default();
        let opened = &self.loot.opened;
        opened.iter().for_each(|root| keys.windows(root));
        // A journal holds for ever what it held once: its latest image has every record of the earlier.
        for segment in self.corpus.files().filter_map(Segment::parse) {
            self.facts.vaults.insert(segment.vault());
            for record in keys.keys.iter().flat_map(|key| segment.open(key)) {
                self.loot.records_opened += 1;
                self.learn(&record);
                self.take(record);
            }
        }
        for index in self.corpus.indexes() {
            for row in keys.keys.iter().flat_map(|key| index.open(key)) {
                self.loot.rows_opened += 1;
                self.learn(&row);
                self.take(row);
            }
        }
    }

    fn close(&mut self) {
        loop {
            self.loot.rounds += 1;
            let fresh = self.candidates.keys.difference(&self.tried);
            let fresh: Vec<Key> = fresh.copied().collect();
            let file_keys = self.candidates.file_keys.difference(&self.tried_on_objects);
            let file_keys: Vec<[u8; 16]> = file_keys.copied().collect();
            if fresh.is_empty() && file_keys.is_empty() {
                return;
            }
            self.tried.extend(&fresh);
            self.tried_on_objects.extend(&file_keys);
            let opened = on_every_core(&fresh, |key| self.try_key(key));
            let objects = on_every_core(&file_keys, |key| self.try_file_key(key));
            for opened in opened.into_iter().chain(objects) {
                match opened {
                    Opened::Node(context, key) => {
                        self.tree.entry(context).or_default().insert(key);
                        self.candidates.keys.insert(key);
                    }
                    Opened::Value(text) => self.take_value(text),
                    Opened::Object(number, text) => {
                        self.objects_opened.insert(number);
                        self.take(text);
                    }
                }
            }
            for particulars in self.put_together() {
                self.take_value(particulars);
            }
        }
    }

    /// Tries a key on everything that is sealed.
    fn try_key(&self, key: &Key) -> Vec<Opened> {
        let cipher = Cipher::of(key);
        let nodes = self.facts.nodes.iter().filter_map(|node| {
            let opened = node.open(&cipher)?;
            Some(Opened::Node(node.context.clone(), opened.try_into().ok()?))
        });
        let items = self.facts.items.iter().map(|item| &item.particulars);
        let values = self.facts.contacts.iter().chain(items);
        let values = values.filter_map(|sealed| sealed.open(&cipher).map(Opened::Value));
        let objects = self.objects.iter().enumerate();
        let objects = objects.filter_map(|(number, (object, _, _))| {
            Some(Opened::Object(number, open_payload(object, key)?))
        });
        nodes.chain(values).chain(objects).collect()
    }

    fn try_file_key(&self, key: &[u8; 16]) -> Vec<Opened> {
        let objects = self.objects.iter().enumerate();
        let opened = objects.filter_map(|(number, (object, _, _))| {
            Some(Opened::Object(number, open_object(object, key)?))
        });
        opened.collect()
    }

    /// Opens every item's particulars in every way its keys can be put together.
    fn put_together(&self) -> Vec<Vec<u8>> {
        let mut opened = Vec::new();
        for item in &self.facts.items {
            let people = item.participants.iter();
            let leaves: Option<Vec<u32>> =
                people.map(|p| self.facts.people.get(p).copied()).collect();
            let Some(leaves) = leaves else { continue };
            for vault in &self.facts.vaults {
                let mut ways: Vec<(usize, Vec<Key>)> = vec![(0, Vec::new())];
                for leaf in std::iter::once(item.leaf).chain(leaves.iter().copied()) {
                    let known = self.keys_of(vault, leaf);
                    let mut longer = Vec::new();
                    for (spelled, way) in ways {
                        let with = |key: &Key| [&way[..], &[*key]].concat();
                        longer.extend(known.iter().map(|key| (spelled, with(key))));
                        if spelled < SPELLED_MAX {
                            let texts = self.candidates.spelled.iter();
                            longer.extend(texts.map(|key| (spelled + 1, with(key))));
                        }
                    }
                    ways = longer;
                }
                let tried = on_every_core(&ways, |(_, way)| {
                    let (first, people) = way.split_first().expect("the item's own");
                    let cipher = Cipher::of(&item_key(vault, first, people));
                    item.particulars.open(&cipher).into_iter().collect()
                });
                opened.extend(tried);
            }
        }
        opened
    }

    /// The keys that a leaf ever had, as far as they opened.
    fn keys_of(&self, vault: &str, leaf: u32) -> BTreeSet<Key> {
        let context = Sealed::node(vault, LEAVES, leaf, &"A".repeat(80)).map(|node| node.context);
        let opened = context.and_then(|context| self.tree.get(&context));
        opened.cloned().unwrap_or_default()
    }

    fn take_value(&mut self, opened: Vec<u8>) {
        self.loot.values_opened += usize::from(!self.loot.opened.contains(&opened));
        self.take(opened);
    }

    /// Takes something that opened, and every candidate in it.
    fn take(&mut self, opened: Vec<u8>) {
        if !self.loot.opened.insert(opened.clone()) {
            return;
        }
        self.candidates.windows(&opened);
        self.candidates.spelled(&opened);
        if let Some(key) = file_key(&opened) {
            self.candidates.file_keys.insert(key);
        }
    }

    /// Learns what is sealed, from an entry of the journal or a row of the index.
    fn learn(&mut self, text: &[u8]) {
        let Some(json) = Json::parse(text) else {
            return;
        };
        let (facts, candidates) = (&mut self.facts, &mut self.candidates);
        json.walk(&mut |value| {
            facts.node(value);
            facts.participant(value);
            facts.item(value);
            // A key may be written as a list of numbers.
            if let Some(bytes) = value.bytes().filter(|bytes| bytes.len() >= 16) {
                candidates.windows(&bytes);
            }
        });
    }

    fn told(self) -> Loot {
        let objects = self.objects.iter().enumerate();
        let unopened = objects
            .filter(|(number, (_, _, present))| *present && !self.objects_opened.contains(number));
        Loot {
            unopened: unopened
                .map(|(_, (_, path, _))| path.to_path_buf())
                .collect(),
            keys_tried: self.tried.len(),
            file_keys_tried: self.tried_on_objects.len(),
            nodes: self.facts.nodes.len(),
            contacts: self.facts.contacts.len(),
            items: self.facts.items.len(),
            objects: self.objects.len(),
            tree_keys_opened: self.tree.values().map(BTreeSet::len).sum(),
            objects_opened: self.objects_opened.len(),
            ..self.loot
        }
    }
}

impl Facts {
    /// `[[level, index], sealed]`
    fn node(&mut self, value: &Json) {
        let [place, sealed] = value.list() else {
            return;
        };
        let ([level, index], Some(sealed)) = (place.list(), sealed.text()) else {
            return;
        };
        let level = level.number().and_then(|n| u8::try_from(n).ok());
        let (Some(level), Some(index)) = (level, number(index)) else {
            return;
        };
        for vault in &self.vaults {
            self.nodes.extend(Sealed::node(vault, level, index, sealed));
        }
    }

    fn participant(&mut self, value: &Json) {
        let text = |name| value.get(name).and_then(Json::text);
        let leaf = value.get("material_key").and_then(number);
        if let (Some(id), Some(leaf)) = (text("id"), leaf) {
            self.people.insert(id.to_owned(), leaf);
            let contact = text("contact").and_then(|sealed| Sealed::contact(id, sealed));
            self.contacts.extend(contact);
        }
    }

    fn item(&mut self, value: &Json) {
        let text = |name| value.get(name).and_then(Json::text);
        let (Some(id), Some(study)) = (text("id"), text("study")) else {
            return;
        };
        let (Some(sealed), Some(leaf)) = (text("particulars"), value.get("key").and_then(number))
        else {
            return;
        };
        let people = value.get("participants").map_or(&[][..], Json::list);
        let people = people.iter().filter_map(|p| p.text().map(str::to_owned));
        let participants: Vec<String> = people.collect();
        if let Some(particulars) = Sealed::particulars(id, study, &participants, sealed) {
            self.items.insert(Item {
                leaf,
                participants,
                particulars,
            });
        }
    }
}

fn number(value: &Json) -> Option<u32> {
    value.number().and_then(|n| u32::try_from(n).ok())
}

fn on_every_core<K: Sync, T: Send>(keys: &[K], ask: impl Fn(&K) -> Vec<T> + Sync) -> Vec<T> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = keys.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let ask = &ask;
        let shares = keys.chunks(share);
        let asking: Vec<_> = shares
            .map(|keys| scope.spawn(move || keys.iter().flat_map(ask).collect::<Vec<_>>()))
            .collect();
        let answers = asking.into_iter().map(|answer| answer.join());
        answers
            .flat_map(|answer| answer.expect("no panic"))
            .collect()
    })
}
