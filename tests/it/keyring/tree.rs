//! The tree: a map that forgets, and what cannot be reached any more.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use proptest::prelude::*;
use strongroom::id::VaultId;
use strongroom::keyring::{
    FAN_OUT, KeyError, KeyTree, LEVELS, LeafNumber, MemoryNodes, NodeId, Root, TreeChange,
    WrappedNodes as _,
};
use strongroom::sealing;
use strongroom::secret::Key;

use super::{entropy, vault};

fn leaf(number: u64) -> LeafNumber {
    LeafNumber::new(number).expect("within the tree")
}

fn leaves(numbers: impl IntoIterator<Item = u64>) -> Vec<LeafNumber> {
    numbers.into_iter().map(leaf).collect()
}

/// A vault's tree with its rows, as the vault keeps them.
struct Grove {
    tree: KeyTree,
    root: Root,
    nodes: MemoryNodes,
}

impl Grove {
    fn new() -> Self {
        let root = Root::first(vault(), &entropy()).expect("entropy");
        Self {
            tree: root.tree(),
            root,
            nodes: MemoryNodes::default(),
        }
    }

    fn with(numbers: impl IntoIterator<Item = u64>) -> Self {
        let mut grove = Self::new();
        grove.add(numbers);
        grove
    }

    fn add(&mut self, numbers: impl IntoIterator<Item = u64>) -> (Vec<Key>, TreeChange) {
        let wanted = leaves(numbers);
        let added = self.tree.add(&self.nodes, &wanted, &entropy());
        let (keys, change) = added.expect("added");
        self.nodes.apply(&change);
        (keys, change)
    }

    fn destroy(&mut self, numbers: impl IntoIterator<Item = u64>) -> (Vec<LeafNumber>, TreeChange) {
        let wanted = leaves(numbers);
        let destruction = self.tree.destroy(&self.nodes, &wanted, &entropy());
        let destruction = destruction.expect("drawn");
        self.nodes.apply(&destruction.change);
        self.root = self.root.after(&destruction);
        self.tree = self.root.tree();
        (destruction.destroyed, destruction.change)
    }

    fn unwrap(&self, number: u64) -> Result<Key, KeyError> {
        self.tree.unwrap(&self.nodes, leaf(number))
    }
}

fn is_destroyed(found: &Result<Key, KeyError>) -> bool {
    matches!(found, Err(KeyError::Destroyed { .. }))
}

fn is_damaged(found: &Result<Key, KeyError>) -> bool {
    matches!(found, Err(KeyError::Damaged { .. }))
}

#[derive(Debug, Clone)]
enum Step {
    /// Adds so many leaves, each so far after the one before: near, and in other branches.
    Add(Vec<u64>),
    /// Destroys those that the indices pick, among all that ever were.
    Destroy(Vec<prop::sample::Index>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![6 => Just(1_u64), 2 => 1..100_u64, 1 => 1..300_000_u64];
    let step = prop_oneof![
        prop::collection::vec(gap, 1..12).prop_map(Step::Add),
        prop::collection::vec(any::<prop::sample::Index>(), 0..6).prop_map(Step::Destroy),
    ];
    prop::collection::vec(step, 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Destroy one and it is gone; everyone else stays readable (invariants 2 and 3).
    #[test]
    fn the_tree_behaves_like_a_map_that_forgets(steps in steps()) {
        let mut grove = Grove::new();
        let mut model: BTreeMap<u64, Option<[u8; 32]>> = BTreeMap::new();
        let mut next = 0;
        for step in steps {
            match step {
                Step::Add(gaps) => {
                    let numbers: Vec<u64> = gaps.iter().map(|gap| { next += gap; next }).collect();
                    let (keys, _) = grove.add(numbers.iter().copied());
                    prop_assert_eq!(keys.len(), numbers.len());
                    for (number, key) in numbers.iter().zip(keys) {
                        model.insert(*number, Some(*key.expose_secret()));
                    }
                }
                Step::Destroy(picked) if !model.is_empty() => {
                    let all: Vec<u64> = model.keys().copied().collect();
                    let chosen: Vec<u64> = picked.iter().map(|index| *index.get(&all)).collect();
                    let epoch = grove.tree.epoch();
                    let (destroyed, _) = grove.destroy(chosen.iter().copied());
                    prop_assert_eq!(grove.tree.epoch(), epoch + 1);
                    let mut expected = BTreeSet::new();
                    for number in chosen {
                        if model.insert(number, None).expect("known").is_some() {
                            expected.insert(number);
                        }
                    }
                    prop_assert_eq!(destroyed, leaves(expected));
                }
                Step::Destroy(_) => {}
            }
            for (number, key) in &model {
                let found = grove.unwrap(*number);
                match key {
                    Some(key) => {
                        let found = found.expect("survives");
                        prop_assert_eq!(found.expose_secret(), key);
                    }
                    None => prop_assert!(is_destroyed(&found)),
                }
            }
            let living = model.values().flatten().count();
            let rows = grove.nodes.rows().filter(|(node, _)| node.level() == LEVELS).count();
            prop_assert_eq!(rows, living);
            prop_assert!(living > 0 || grove.nodes.rows().count() == 0, "an empty tree has no rows");
        }
    }
}

/// Everything that opens, beginning with `secrets`: each blob is tried with each key as each node.
///
/// It shares no code with the tree: what a row is bound to is written out here again.
fn closure(
    vault: VaultId,
    blobs: &[Vec<u8>],
    nodes: &[NodeId],
    secrets: &[[u8; 32]],
) -> HashSet<[u8; 32]> {
    let contexts: Vec<Vec<u8>> = nodes
        .iter()
        .map(|node| {
            let index = u32::try_from(node.index()).expect("four bytes");
            let mut context = format!("strongroom key tree v1 {vault}").into_bytes();
            context.push(node.level());
            context.extend_from_slice(&index.to_be_bytes());
            context
        })
        .collect();
    let mut known: HashSet<[u8; 32]> = secrets.iter().copied().collect();
    let mut untried: Vec<[u8; 32]> = known.iter().copied().collect();
    while let Some(candidate) = untried.pop() {
        let key = Key::from_slice(&candidate).expect("32 bytes");
        for blob in blobs {
            for context in &contexts {
                if let Ok(opened) = sealing::open(&key, context, blob) {
                    let opened = <[u8; 32]>::try_from(opened.expose_secret()).expect("a key");
                    if known.insert(opened) {
                        untried.push(opened);
                    }
                }
            }
        }
    }
    known
}

/// Nothing that any copy holds, put together with every secret that exists after an erasure, opens
/// what was erased (invariant 3); with the old root it would, so the test can see.
#[test]
fn what_was_destroyed_is_not_reachable_from_every_row_ever_written() {
    let mut grove = Grove::new();
    let mut written: Vec<(NodeId, Vec<u8>)> = Vec::new();
    let note = |change: &TreeChange, written: &mut Vec<(NodeId, Vec<u8>)>| {
        let rows = change.put.iter();
        written.extend(rows.map(|(node, wrapped)| (*node, wrapped.as_bytes().to_vec())));
    };
    let numbers = [0, 1, 2, 3, 63, 64, 65, 5_000];
    let (keys, change) = grove.add(numbers);
    note(&change, &mut written);
    let secret = |number: u64, keys: &[Key]| {
        let place = numbers.iter().position(|known| *known == number);
        *keys
            .get(place.expect("known"))
            .expect("drawn")
            .expose_secret()
    };
    let mut old_roots = Vec::new();
    for destroyed in [vec![1], vec![64, 65], vec![3, 5_000]] {
        old_roots.push(*grove.root.root_key.expose_secret());
        let (_, change) = grove.destroy(destroyed);
        note(&change, &mut written);
    }
    let (late, change) = grove.add([70]);
    note(&change, &mut written);
    let nodes: Vec<NodeId> = {
        let nodes: BTreeSet<NodeId> = written.iter().map(|(node, _)| *node).collect();
        nodes.into_iter().collect()
    };
    let blobs: Vec<Vec<u8>> = written.into_iter().map(|(_, blob)| blob).collect();
    let now = [
        *grove.root.root_key.expose_secret(),
        *grove.root.journal_key.expose_secret(),
        *grove.root.signing_seed.expose_secret(),
    ];
    let reached = closure(grove.root.vault, &blobs, &nodes, &now);
    for gone in [1, 64, 65, 3, 5_000] {
        assert!(
            !reached.contains(&secret(gone, &keys)),
            "leaf {gone} is reached"
        );
    }
    for alive in [0, 2, 63] {
        assert!(
            reached.contains(&secret(alive, &keys)),
            "leaf {alive} is not reached"
        );
    }
    assert!(late.iter().all(|key| reached.contains(key.expose_secret())));
    // The control: each epoch's root brings back exactly what was destroyed after it.
    for (old_root, back) in old_roots
        .iter()
        .zip([&[1, 64, 65, 3, 5_000][..], &[64, 65, 3], &[3]])
    {
        let mut secrets = now.to_vec();
        secrets.push(*old_root);
        let reached = closure(grove.root.vault, &blobs, &nodes, &secrets);
        assert!(
            back.iter()
                .all(|gone| reached.contains(&secret(*gone, &keys)))
        );
    }
    let reached = closure(
        grove.root.vault,
        &blobs,
        &nodes,
        &[now.to_vec(), old_roots[2..].to_vec()].concat(),
    );
    assert!(!reached.contains(&secret(1, &keys)) && !reached.contains(&secret(64, &keys)));
}

/// Several leaves in one change share the nodes above them.
#[test]
fn new_inner_nodes_are_shared_within_a_change() {
    let mut grove = Grove::new();
    let (_, change) = grove.add(0..FAN_OUT);
    let inner = u64::from(LEVELS) - 1;
    assert_eq!(change.put.len() as u64, FAN_OUT + inner);
    let (_, change) = grove.add(FAN_OUT..FAN_OUT + 3);
    assert_eq!(
        change.put.len(),
        3 + 1,
        "three leaves and the one node they need"
    );
    let (_, change) = grove.add([FAN_OUT + 3]);
    assert_eq!(change.put.len(), 1, "adding a leaf wraps one key");
    let nodes: BTreeSet<NodeId> = grove.nodes.rows().map(|(node, _)| node).collect();
    assert_eq!(nodes.len() as u64, 2 * FAN_OUT - (FAN_OUT - 4) + inner + 1);
}

/// O(log n): 64 wrappings a level at the most, and one epoch for any number of leaves.
#[test]
fn a_destruction_touches_only_its_paths() {
    let mut grove = Grove::with(0..FAN_OUT * FAN_OUT * 2);
    let before = grove.nodes.clone();
    let (_, change) = grove.destroy([7]);
    let levels = [FAN_OUT - 1, FAN_OUT, 2, 1, 1];
    assert_eq!(change.put.len() as u64, levels.iter().sum::<u64>());
    assert_eq!(change.remove, [NodeId::of_leaf(leaf(7))]);
    let off_the_path = NodeId::of_leaf(leaf(FAN_OUT * 3));
    assert_eq!(
        before.wrapped(off_the_path).expect("a row"),
        grove.nodes.wrapped(off_the_path).expect("a row"),
    );
    let epoch = grove.tree.epoch();
    let (destroyed, _) = grove.destroy(0..FAN_OUT * 2);
    assert_eq!(destroyed.len() as u64, FAN_OUT * 2 - 1);
    assert_eq!(grove.tree.epoch(), epoch + 1);
    assert!(is_destroyed(&grove.unwrap(7)) && grove.unwrap(FAN_OUT * 2).is_ok());
}

#[test]
fn destroying_again_or_everything_works() {
    let mut grove = Grove::with([0, 1]);
    assert_eq!(grove.destroy([1, 1, 99]).0, leaves([1]));
    assert_eq!(grove.destroy([1]).0, []);
    assert!(grove.unwrap(0).is_ok());
    grove.destroy([0]);
    assert_eq!(grove.nodes.rows().count(), 0);
    grove.destroy([0]);
    assert_eq!(grove.tree.epoch(), 4);
    grove.add([2]);
    assert!(grove.unwrap(2).is_ok() && is_destroyed(&grove.unwrap(0)));
}

/// Rows swapped are refused by what they are bound to.
#[test]
fn swapped_rows_do_not_open() {
    let mut grove = Grove::with([0, 1, 64]);
    let (a, b, c) = (
        NodeId::of_leaf(leaf(0)),
        NodeId::of_leaf(leaf(1)),
        NodeId::of_leaf(leaf(64)),
    );
    let good = grove.nodes.clone();
    for (one, other) in [
        (a, b),
        (a, c),
        (a, a.parent().expect("inner")),
        (a.parent().expect("inner"), c.parent().expect("inner")),
    ] {
        let rows = [one, other].map(|node| grove.nodes.take(node).expect("a row"));
        let [first, second] = rows;
        grove.nodes.put(one, second);
        grove.nodes.put(other, first);
        assert!(is_damaged(&grove.unwrap(0)), "{one} and {other}");
        grove.nodes = good.clone();
    }
    let elsewhere = KeyTree::new(vault(), 0, grove.root.root_key.duplicate());
    assert!(
        is_damaged(&elsewhere.unwrap(&grove.nodes, leaf(0))),
        "another vault's"
    );
}

/// An old index put back brings nobody back, and says so.
#[test]
fn an_old_index_put_back_is_damage() {
    let mut grove = Grove::with(0..10);
    let old = grove.nodes.clone();
    grove.destroy([3]);
    for number in 0..10 {
        assert!(is_damaged(&grove.tree.unwrap(&old, leaf(number))));
    }
    let row = old
        .wrapped(NodeId::of_leaf(leaf(3)))
        .expect("rows")
        .expect("a row");
    grove.nodes.put(NodeId::of_leaf(leaf(3)), row);
    assert!(is_damaged(&grove.unwrap(3)));
}

/// A lost inner row is noticed before anything is built or cut off in its place.
#[test]
fn a_lost_inner_row_is_damage_to_every_operation() {
    let mut grove = Grove::with(0..3);
    let inner = NodeId::of_leaf(leaf(0)).parent().expect("inner");
    grove.nodes.take(inner);
    assert!(is_damaged(&grove.unwrap(0)));
    let added = grove.tree.add(&grove.nodes, &leaves([9]), &entropy());
    assert!(matches!(added, Err(KeyError::Damaged { node }) if node == inner));
    let destroyed = grove.tree.destroy(&grove.nodes, &leaves([0]), &entropy());
    assert!(matches!(destroyed, Err(KeyError::Damaged { node }) if node == inner));
}

#[test]
fn a_leaf_is_never_added_twice() {
    let grove = Grove::with([4]);
    for wanted in [vec![4], vec![5, 5]] {
        let refused = grove.tree.add(&grove.nodes, &leaves(wanted), &entropy());
        assert!(matches!(refused, Err(KeyError::Taken { .. })));
    }
}

#[test]
fn damage_to_a_destroyed_leaf_does_not_keep_it_alive() {
    let mut grove = Grove::with(0..3);
    grove.nodes.put(NodeId::of_leaf(leaf(1)), b"short".to_vec());
    assert!(is_damaged(&grove.unwrap(1)));
    grove.destroy([1]);
    assert!(is_destroyed(&grove.unwrap(1)) && grove.unwrap(2).is_ok());
}

#[test]
fn leaves_unwrapped_in_order_are_those_unwrapped_singly() {
    let mut grove = Grove::with(0..200);
    let in_order = |grove: &Grove, numbers: &[u64]| {
        let wanted = leaves(numbers.iter().copied());
        let mut found = Vec::new();
        let walked = grove
            .tree
            .unwrap_in_order::<KeyError>(&grove.nodes, &wanted, |place, key| {
                assert_eq!(place, found.len());
                found.push(key.map(|key| *key.expose_secret()));
                Ok(())
            });
        walked.map(|()| found)
    };
    let singly = |grove: &Grove, numbers: &[u64]| -> Vec<_> {
        let single = |number: &u64| {
            let key = grove.tree.unwrap(&grove.nodes, leaf(*number)).ok()?;
            Some(*key.expose_secret())
        };
        numbers.iter().map(single).collect()
    };
    let all: Vec<u64> = (0..210).collect();
    for wanted in [&all[..], &[], &[3], &[0, 1, 2, 3, 64, 199, 200], &[100_000]] {
        assert_eq!(
            in_order(&grove, wanted).expect("walked"),
            singly(&grove, wanted)
        );
    }
    grove.destroy([3, 70]);
    let after = in_order(&grove, &all).expect("walked");
    assert_eq!(after, singly(&grove, &all));
    assert!(after[3].is_none() && after[4].is_some() && after[70].is_none());
    // A node above that is missing is noticed.
    let above = NodeId::of_leaf(leaf(71)).parent().expect("a node");
    grove.nodes.take(above).expect("there");
    let damaged = in_order(&grove, &all).expect_err("damaged");
    assert!(matches!(damaged, KeyError::Damaged { node } if node == above));
}
