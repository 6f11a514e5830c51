//! Destroying one leaf of a thousand, a hundred thousand and a million: the tree alone, and with
//! the root replaced in a real slot file.
//!
//! The promise: with the slot, a million costs at most three times what a thousand does.
//!
//! `cargo bench --bench keyring -- [ROUNDS]`

#![allow(clippy::print_stdout, reason = "a measurement is printed")]

mod rounds;

use std::path::Path;
use std::time::Duration;

use rounds::{Contender, alternate, report};
use strongroom::entropy::SystemEntropy;
use strongroom::id::VaultId;
use strongroom::keyring::unlock::generate_identity;
use strongroom::keyring::{FileSlot, LeafNumber, MemoryNodes, Recipients, Root, SlotSet};

const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];
const ADDED_AT_ONCE: usize = 10_000;
const ROUNDS: usize = 200;
/// The tree alone is fast: a turn of it is so many destructions.
const TREES_IN_TURN: u32 = 10;

struct Grove {
    leaves: u64,
    root: Root,
    nodes: MemoryNodes,
    doomed: [LeafNumber; 1],
}

impl Grove {
    fn grow(leaves: u64, entropy: &SystemEntropy) -> Self {
        let vault = VaultId::random(entropy).expect("entropy");
        let root = Root::first(vault, entropy).expect("entropy");
        let mut nodes = MemoryNodes::default();
        let numbers: Vec<LeafNumber> = (0..leaves).filter_map(LeafNumber::new).collect();
        for batch in numbers.chunks(ADDED_AT_ONCE) {
            let (_, change) = root.tree().add(&nodes, batch, entropy).expect("added");
            nodes.apply(&change);
        }
        Self {
            leaves,
            root,
            nodes,
            doomed: [LeafNumber::new(leaves / 2).expect("a leaf")],
        }
    }

    /// Draws a new path, over and over from the same tree.
    fn in_tree<'a>(&'a self, entropy: &'a SystemEntropy) -> Contender<'a> {
        Contender::new(format!("one of {}", self.leaves), move || {
            for _ in 0..TREES_IN_TURN {
                let drawn = self.root.tree().destroy(&self.nodes, &self.doomed, entropy);
                std::hint::black_box(drawn.expect("drawn"));
            }
        })
    }

    /// Draws a new path and puts its root in the old one's place, durably, epoch after epoch.
    fn with_slot<'a>(&'a self, entropy: &'a SystemEntropy, directory: &Path) -> Contender<'a> {
        let (_, recipient) = generate_identity();
        let recipients = Recipients::parse([recipient]).expect("a recipient");
        let path = directory.join(format!("slot-{}", self.leaves));
        let slot = FileSlot::create(&path, &self.root, &recipients).expect("made");
        let slots = SlotSet::new(vec![Box::new(slot)]).expect("a slot");
        let mut epoch = 0;
        Contender::new(format!("one of {}", self.leaves), move || {
            let drawn = self.root.tree().destroy(&self.nodes, &self.doomed, entropy);
            let mut next = self.root.after(&drawn.expect("drawn"));
            next.epoch = epoch + 1;
            slots.prepare(&next, None, entropy).expect("prepared");
            slots.retire(epoch, entropy).expect("retired");
            epoch += 1;
        })
    }
}

fn main() {
    let wanted = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let rounds = wanted.unwrap_or(ROUNDS);
    let entropy = SystemEntropy::new();
    let groves = SIZES.map(|leaves| Grove::grow(leaves, &entropy));
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");

    let mut trees: Vec<_> = groves.iter().map(|grove| grove.in_tree(&entropy)).collect();
    alternate(rounds, &mut trees);
    let each = |turn: Duration| format!("{:.1?}", turn / TREES_IN_TURN);
    report("destroying in the tree alone", &trees, each);

    let slotted = groves.iter();
    let mut slotted: Vec<_> = slotted
        .map(|grove| grove.with_slot(&entropy, directory.path()))
        .collect();
    alternate(rounds, &mut slotted);
    let each = |turn: Duration| format!("{turn:.2?}");
    report("destroying with the root slot", &slotted, each);
}
