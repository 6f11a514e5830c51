//! What is left on a disk when the program is killed, or the power is cut, after so many changes.
//!
//! A kill leaves everything. A power cut leaves what was synced: a file's bytes by a sync of the
//! file, its name by a sync of the folder, and nothing by `sync_file_range`. What was not synced may
//! be there all the same, in part and out of order (Pillai et al., "All File Systems Are Not Created
//! Equal", OSDI 2014); each [`Loss`] is one way in which a disk may do it. Of what is added to a file
//! the first so many sectors are there, and zeros or nothing after them, which journaling file
//! systems keep to; of what is overwritten, any.

use super::changes::{Change, Film};
use super::tree::{Node, Tree};

/// What a disk writes at once, in bytes: a torn write ends at such a boundary.
const SECTOR: usize = 512;

/// What becomes of changes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Loss {
    /// The program was killed, and the machine goes on: nothing is lost.
    Nothing,
    /// All of them are lost.
    Everything,
    /// Names and lengths are there, bytes are not: zeros stand in their place.
    Bytes,
    /// Bytes are there, names are not.
    Names,
    /// Some are there, by chance: of each folder's changes the first few, of what is added to a file
    /// the first sectors, of what is overwritten some.
    Chance(u64),
}

impl Film {
    /// The disk after the first `count` changes and the loss of what was not durable.
    pub(super) fn image(&self, count: usize, loss: Loss) -> Tree {
        let changes = &self.changes[..count];
        if loss == Loss::Nothing {
            let mut tree = self.before.clone();
            changes.iter().for_each(|change| change.apply(&mut tree));
            return tree;
        }
        let mut disk = Disk::of(self.before.clone());
        for (number, change) in changes.iter().enumerate() {
            match self.is_sure(number) {
                true => disk.keep(change),
                false => disk.take(number, change),
            }
        }
        disk.lose(loss)
    }
}

/// A disk of which it is known what is durable and what is not yet.
struct Disk<'a> {
    durable: Tree,
    pending: Vec<(usize, &'a Change)>,
}

impl<'a> Disk<'a> {
    fn of(durable: Tree) -> Self {
        Self {
            durable,
            pending: Vec::new(),
        }
    }

    /// Takes what is durable by itself.
    fn keep(&mut self, change: &Change) {
        if let Change::Make {
            node, is_folder, ..
        } = change
        {
            while self.durable.len() <= *node {
                self.durable.grow(*is_folder);
            }
        }
        change.apply(&mut self.durable);
    }

    fn take(&mut self, number: usize, change: &'a Change) {
        match change {
            Change::Sync { node, before } => self.sync(*node, *before),
            Change::Make {
                node, is_folder, ..
            } => {
                // The node is there, empty; only its name is in question.
                while self.durable.len() <= *node {
                    self.durable.grow(*is_folder);
                }
                self.pending.push((number, change));
            }
            _ => self.pending.push((number, change)),
        }
    }

    fn sync(&mut self, node: Node, before: usize) {
        let is_folder = self.durable.is_folder(node);
        let (due, rest): (Vec<_>, Vec<_>) = self.pending.drain(..).partition(|(number, change)| {
            *number < before
                && match is_folder {
                    true => change.folders().contains(&node),
                    false => change.file() == Some(node),
                }
        });
        self.pending = rest;
        for (_, change) in due {
            change.apply(&mut self.durable);
            if let Change::Rename { from, node, .. } = change {
                // What it was called before is over, on whichever folder's account.
                self.pending.retain(|(_, other)| !names(other, from, *node));
            }
        }
    }

    fn lose(mut self, loss: Loss) -> Tree {
        let mut chance = Chance::new(match loss {
            Loss::Chance(seed) => seed,
            _ => 0,
        });
        let mut given_up: Vec<Node> = Vec::new();
        let mut ends = Ends::of(&self);
        for (_, change) in std::mem::take(&mut self.pending) {
            let folders = change.folders();
            match loss {
                Loss::Nothing => change.apply(&mut self.durable),
                Loss::Everything => {}
                Loss::Bytes => match change {
                    Change::Write {
                        node,
                        offset,
                        bytes,
                    } => self.durable.extend(*node, offset + bytes.len()),
                    Change::Clear { .. } => {}
                    _ => change.apply(&mut self.durable),
                },
                Loss::Names if folders.is_empty() => change.apply(&mut self.durable),
                Loss::Names => {}
                Loss::Chance(_) if !folders.is_empty() => {
                    // Names of one folder are kept in order: after the first that is lost, all are.
                    let lost = folders.iter().any(|folder| given_up.contains(folder));
                    match lost || chance.one_in(3) {
                        true => given_up.extend(folders),
                        false => change.apply(&mut self.durable),
                    }
                }
                Loss::Chance(_) => self.tear(change, &mut ends, &mut chance),
            }
        }
        self.durable
    }

    /// Does a part of what is done to a file.
    fn tear(&mut self, change: &Change, ends: &mut Ends, chance: &mut Chance) {
        let Change::Write {
            node,
            offset,
            bytes,
        } = change
        else {
            if chance.one_in(2) {
                change.apply(&mut self.durable);
            }
            return;
        };
        let lost = chance.one_in(4);
        let whole = chance.one_in(2);
        let mut at = 0;
        while at < bytes.len() {
            let place = offset + at;
            let end = (SECTOR - place % SECTOR + at).min(bytes.len());
            let kept = !lost && (whole || chance.one_in(2));
            let added = place >= ends.before(*node);
            if added && (!kept || ends.is_reached(*node)) {
                ends.reach(*node);
                if chance.one_in(2) {
                    // The length is there, and what was written is not.
                    self.durable.extend(*node, offset + end);
                }
            } else if kept {
                self.durable.put(*node, place, &bytes[at..end]);
            }
            at = end;
        }
    }
}

/// Where files ended when the power went, as far as that was durable, and which are not added to any
/// more.
struct Ends {
    lengths: Vec<usize>,
    reached: Vec<Node>,
}

impl Ends {
    fn of(disk: &Disk<'_>) -> Self {
        let nodes = 0..disk.durable.len();
        Self {
            lengths: nodes.map(|node| disk.durable.bytes(node).len()).collect(),
            reached: Vec::new(),
        }
    }

    fn before(&self, node: Node) -> usize {
        self.lengths.get(node).copied().unwrap_or(0)
    }

    fn is_reached(&self, node: Node) -> bool {
        self.reached.contains(&node)
    }

    fn reach(&mut self, node: Node) {
        self.reached.push(node);
    }
}

/// Whether a change gives that node that name.
fn names(change: &Change, place: &(Node, String), given: Node) -> bool {
    match change {
        Change::Make {
            folder, name, node, ..
        }
        | Change::Link { folder, name, node } => {
            (*folder, name, *node) == (place.0, &place.1, given)
        }
        Change::Rename { to, node, .. } => (to, *node) == (place, given),
        _ => false,
    }
}

/// Chance that can be had again.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).expect("a bound");
        usize::try_from((self.draw() >> 16) % bound).expect("below a bound")
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }
}

/// The rules themselves, on a disk small enough to see through.
mod the_rules {
    use super::super::tree::ROOT;
    use super::*;

    const A: Node = 1;
    const FOLDER: Node = 2;

    fn make(folder: Node, name: &str, node: Node, is_folder: bool) -> Change {
        Change::Make {
            folder,
            name: name.to_owned(),
            node,
            is_folder,
        }
    }

    fn write(offset: usize, bytes: &[u8]) -> Change {
        Change::Write {
            node: A,
            offset,
            bytes: bytes.to_vec(),
        }
    }

    fn sync(node: Node, before: usize) -> Change {
        Change::Sync { node, before }
    }

    /// What the file `name` holds, in every way a disk may lose things.
    fn outcomes(changes: &[Change], name: &str) -> Vec<Option<Vec<u8>>> {
        let film = Film::told(Tree::empty(), changes.to_vec());
        let losses = [Loss::Nothing, Loss::Everything, Loss::Bytes, Loss::Names];
        let losses = losses.into_iter().chain((0..50).map(Loss::Chance));
        let mut found: Vec<_> = losses
            .map(|loss| {
                let tree = film.image(changes.len(), loss);
                let node = tree.find(std::path::Path::new(name))?;
                Some(tree.bytes(node).to_vec())
            })
            .collect();
        found.dedup();
        found
    }

    #[test]
    fn what_is_synced_with_its_name_is_there() {
        let kept = [
            make(ROOT, "a", A, false),
            write(0, b"all of it"),
            sync(A, 2),
            sync(ROOT, 3),
        ];
        assert_eq!(outcomes(&kept, "a"), [Some(b"all of it".to_vec())]);
    }

    #[test]
    fn a_name_that_is_not_synced_may_be_lost_and_so_may_bytes() {
        let nameless = [make(ROOT, "a", A, false), write(0, b"it"), sync(A, 2)];
        assert!(outcomes(&nameless, "a").contains(&None));
        let empty = [make(ROOT, "a", A, false), write(0, b"it"), sync(ROOT, 2)];
        let found = outcomes(&empty, "a");
        assert!(found.contains(&Some(Vec::new())), "{found:?}");
        assert!(found.contains(&Some(vec![0, 0])), "{found:?}");
        // What was written while the sync was under way is not answered for.
        let late = [
            make(ROOT, "a", A, false),
            sync(ROOT, 1),
            write(0, b"it"),
            sync(A, 2),
        ];
        assert!(outcomes(&late, "a").contains(&Some(Vec::new())));
    }

    #[test]
    fn a_write_in_place_may_be_torn_at_a_sector() {
        let changes = [
            make(ROOT, "a", A, false),
            write(0, &[1; 2 * SECTOR]),
            sync(A, 2),
            sync(ROOT, 3),
            write(0, &[2; 2 * SECTOR]),
        ];
        let torn = [[1; SECTOR], [2; SECTOR]].concat();
        assert!(outcomes(&changes, "a").contains(&Some(torn)));
    }

    #[test]
    fn a_rename_into_another_folder_is_never_half_done() {
        let film = Film::told(
            Tree::empty(),
            vec![
                make(ROOT, "a", A, false),
                make(ROOT, "f", FOLDER, true),
                sync(ROOT, 2),
                Change::Rename {
                    from: (ROOT, "a".to_owned()),
                    to: (FOLDER, "b".to_owned()),
                    node: A,
                    exchanged: None,
                },
                sync(FOLDER, 4),
            ],
        );
        for loss in (0..20).map(Loss::Chance).chain([Loss::Everything]) {
            let paths = film.image(5, loss).paths();
            let paths: Vec<_> = paths.keys().map(String::as_str).collect();
            assert_eq!(paths, ["/f", "/f/b"]);
        }
    }
}
