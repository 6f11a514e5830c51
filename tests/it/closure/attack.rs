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

use super::corpus::{Candidates, Corpus, find, identities};
use super::formats::{
    Cipher, Key, Sealed, file_key, item_key, open_age, open_object, open_payload,
};
use super::json::Json;

/// Level of the leaves of the key tree.
const LEAVES: u8 = 5;

/// More ways to put an item's keys together than this are a sign of a test gone astray.
const WAYS_MAX: usize = 500_000;

/// Which windows are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Windows {
    /// Those of every file.
    Everywhere,
    /// Those of what opens, and of what is spelled out in what opens.
    OfWhatOpens,
}

/// What came of it.
pub(crate) struct Loot {
    opened: BTreeSet<Vec<u8>>,
    /// Keys tried.
    pub(crate) tried: usize,
    /// Sealed things they were tried on.
    pub(crate) sealed: usize,
}

impl Loot {
    /// Whether these bytes are in anything that was opened.
    pub(crate) fn holds(&self, canary: &[u8]) -> bool {
        self.opened.iter().any(|o| find(o, canary).is_some())
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
    Text(Vec<u8>),
}

/// Tries everything there is to try.
pub(crate) fn attack(corpus: &Corpus, windows: Windows) -> Loot {
    let mut attacker = Attacker::new(corpus, windows);
    attacker.unlock();
    attacker.read_journals();
    attacker.close();
    Loot {
        tried: attacker.tried.len() + attacker.tried_on_objects.len(),
        sealed: attacker.facts.nodes.len()
            + attacker.facts.contacts.len()
            + attacker.facts.items.len()
            + attacker.objects.len(),
        opened: attacker.opened,
    }
}

struct Attacker<'a> {
    corpus: &'a Corpus,
    objects: Vec<&'a [u8]>,
    facts: Facts,
    candidates: Candidates,
    tried: HashSet<Key>,
    tried_on_objects: HashSet<[u8; 16]>,
    /// The keys that opened, by the context of their node.
    tree: BTreeMap<Vec<u8>, BTreeSet<Key>>,
    opened: BTreeSet<Vec<u8>>,
}

impl<'a> Attacker<'a> {
    fn new(corpus: &'a Corpus, windows: Windows) -> Self {
        let mut candidates = Candidates::default();
        for file in corpus.files() {
            candidates.spelled(file);
            if windows == Windows::Everywhere {
                candidates.windows(file);
            }
        }
        Self {
            corpus,
            objects: corpus.objects(),
            facts: Facts::default(),
            candidates,
            tried: HashSet::new(),
            tried_on_objects: HashSet::new(),
            tree: BTreeMap::new(),
            opened: BTreeSet::new(),
        }
    }

    /// Opens every root slot with every identity.
    fn unlock(&mut self) {
        let identities: BTreeSet<_> = self.corpus.files().flat_map(identities).collect();
        for root in self.corpus.sealed_roots() {
            for identity in &identities {
                if let Some(root) = open_age(root, identity) {
                    self.take(root);
                }
            }
        }
    }

    /// Opens every journal with every window of what opened so far, which is the slots.
    fn read_journals(&mut self) {
        let mut keys = Candidates::default();
        self.opened.iter().for_each(|root| keys.windows(root));
        for segment in self.corpus.segments() {
            self.facts.vaults.insert(segment.vault());
            for record in keys.keys.iter().flat_map(|key| segment.open(key)) {
                self.learn(&record);
                self.take(record);
            }
        }
        for text in self.corpus.texts() {
            self.learn(text);
            self.take(text.to_vec());
        }
    }

    fn close(&mut self) {
        loop {
            let fresh: Vec<Key> = self
                .candidates
                .keys
                .difference(&self.tried)
                .copied()
                .collect();
            let fresh_file_keys: Vec<[u8; 16]> = self
                .candidates
                .file_keys
                .difference(&self.tried_on_objects)
                .copied()
                .collect();
            if fresh.is_empty() && fresh_file_keys.is_empty() {
                return;
            }
            self.tried.extend(&fresh);
            self.tried_on_objects.extend(&fresh_file_keys);
            let opened = on_every_core(&fresh, |key| self.try_key(key));
            let objects = on_every_core(&fresh_file_keys, |key| self.try_file_key(key));
            for opened in opened.into_iter().chain(objects) {
                match opened {
                    Opened::Node(context, key) => {
                        self.tree.entry(context).or_default().insert(key);
                        self.candidates.keys.insert(key);
                    }
                    Opened::Text(text) => self.take(text),
                }
            }
            for particulars in self.put_together() {
                self.take(particulars);
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
        let values = values.filter_map(|sealed| sealed.open(&cipher));
        let objects = self.objects.iter();
        let objects = objects.filter_map(|object| open_payload(object, key));
        nodes
            .chain(values.chain(objects).map(Opened::Text))
            .collect()
    }

    fn try_file_key(&self, key: &[u8; 16]) -> Vec<Opened> {
        let objects = self.objects.iter();
        let opened = objects.filter_map(|object| open_object(object, key));
        opened.map(Opened::Text).collect()
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
                let keys = |leaf| self.keys_of(vault, leaf);
                let mut ways: Vec<Vec<Key>> = vec![Vec::new()];
                for leaf in std::iter::once(item.leaf).chain(leaves.iter().copied()) {
                    let (keys, before) = (keys(leaf), ways);
                    ways = before
                        .iter()
                        .flat_map(|way| keys.iter().map(|key| [&way[..], &[*key]].concat()))
                        .collect();
                    assert!(ways.len() <= WAYS_MAX, "too many keys are spelled out");
                }
                for way in ways {
                    let (first, people) = way.split_first().expect("the item's own");
                    let cipher = Cipher::of(&item_key(vault, first, people));
                    opened.extend(item.particulars.open(&cipher));
                }
            }
        }
        opened
    }

    /// The keys that a leaf ever had, as far as they opened, and those spelled out somewhere.
    fn keys_of(&self, vault: &str, leaf: u32) -> BTreeSet<Key> {
        let context = Sealed::node(vault, LEAVES, leaf, &"A".repeat(80)).map(|node| node.context);
        let opened = context.and_then(|context| self.tree.get(&context));
        let opened = opened.into_iter().flatten().copied();
        opened
            .chain(self.candidates.spelled.iter().copied())
            .collect()
    }

    /// Takes something that opened, and every candidate in it.
    fn take(&mut self, opened: Vec<u8>) {
        if !self.opened.insert(opened.clone()) {
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
        let facts = &mut self.facts;
        json.walk(&mut |value| {
            facts.node(value);
            facts.participant(value);
            facts.item(value);
        });
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
        let index = index.number().and_then(|n| u32::try_from(n).ok());
        let (Some(level), Some(index)) = (level, index) else {
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
        let participants: Vec<String> = people
            .iter()
            .filter_map(|p| p.text().map(str::to_owned))
            .collect();
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

fn on_every_core<K: Sync>(keys: &[K], ask: impl Fn(&K) -> Vec<Opened> + Sync) -> Vec<Opened> {
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
