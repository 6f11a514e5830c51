//! Destroying leaves: new keys along their paths, a new root, and every survivor re-wrapped.

use std::collections::{BTreeMap, BTreeSet};

use crate::entropy::Entropy;
use crate::model::key::{LeafNumber, NodeId, TreeChange};
use crate::secret::Key;

use super::rows::WrappedNodes;
use super::tree::{KeyError, KeyTree};

/// A destruction that has been drawn and is not yet done.
///
/// It is done when `change` is durable, and final when no slot holds the old root any more.
#[derive(Debug)]
pub struct Destruction {
    /// What happens to the rows.
    pub change: TreeChange,
    /// The epoch that begins with it.
    pub epoch: u64,
    /// The root's key in that epoch.
    pub new_root: Key,
    /// The leaves it destroys, in order: those asked for that were in the tree.
    pub destroyed: Vec<LeafNumber>,
}

/// What has become of a node on a path: a new key, or nothing when it is gone.
type Redrawn = BTreeMap<NodeId, Option<Key>>;

impl KeyTree {
    /// Draws the destruction of `leaves`, as one epoch however many they are.
    ///
    /// Nodes off the paths keep their keys and everything under them. Leaves that are not in the tree
    /// are passed over, so that it may be asked again; with none to destroy the root alone is
    /// replaced. It costs at most 64 wrappings for every node on a path: for one leaf of a thousand
    /// million, 320.
    ///
    /// # Errors
    /// [`KeyError::Damaged`] when a row that must be re-wrapped does not open or is missing, and
    /// failures of the rows or of the random source.
    pub fn destroy(
        &self,
        nodes: &dyn WrappedNodes,
        leaves: &[LeafNumber],
        entropy: &dyn Entropy,
    ) -> Result<Destruction, KeyError> {
        let epoch = self.epoch().checked_add(1).ok_or(KeyError::LastEpoch)?;
        let mut destroyed = Vec::new();
        for leaf in leaves.iter().copied().collect::<BTreeSet<_>>() {
            if nodes.wrapped(NodeId::of_leaf(leaf))?.is_some() {
                destroyed.push(leaf);
            }
        }
        let old = self.open_paths(nodes, &destroyed)?;
        let gone = destroyed.iter().map(|leaf| (NodeId::of_leaf(*leaf), None));
        let mut redraw = Redraw {
            tree: self,
            nodes,
            entropy,
            old: &old,
            redrawn: gone.collect(),
            change: TreeChange::default(),
        };
        // The order of nodes is by level, so backwards is from the leaves up.
        for parent in old.keys().rev() {
            let key = redraw.children(Some(*parent))?;
            redraw.redrawn.insert(*parent, key);
        }
        let new_root = match redraw.children(None)? {
            Some(key) => key,
            None => Key::random(entropy)?,
        };
        Ok(Destruction {
            change: redraw.change,
            epoch,
            new_root,
            destroyed,
        })
    }

    /// The present keys of every inner node above `leaves`.
    fn open_paths(
        &self,
        nodes: &dyn WrappedNodes,
        leaves: &[LeafNumber],
    ) -> Result<BTreeMap<NodeId, Key>, KeyError> {
        let mut open = BTreeMap::new();
        for parent in leaves
            .iter()
            .filter_map(|leaf| NodeId::of_leaf(*leaf).parent())
        {
            for node in parent.path() {
                if !open.contains_key(&node) {
                    let row = nodes.wrapped(node)?.ok_or(KeyError::Damaged { node })?;
                    let key = self.open(node, self.above(node, &open)?, &row)?;
                    open.insert(node, key);
                }
            }
        }
        Ok(open)
    }
}

struct Redraw<'a> {
    tree: &'a KeyTree,
    nodes: &'a dyn WrappedNodes,
    entropy: &'a dyn Entropy,
    old: &'a BTreeMap<NodeId, Key>,
    redrawn: Redrawn,
    change: TreeChange,
}

impl Redraw<'_> {
    /// Draws a key for `parent` and wraps its surviving children under it; nothing when none survive.
    fn children(&mut self, parent: Option<NodeId>) -> Result<Option<Key>, KeyError> {
        let new = Key::random(self.entropy)?;
        #[cfg(feature = "sabotage-for-tests-only")]
        let new = self.sabotaged(parent).unwrap_or(new);
        let mut survive = false;
        let mut expected = self.redrawn_under(parent);
        for (child, row) in self.nodes.children(parent)? {
            expected.remove(&child);
            let key = match self.redrawn.remove(&child) {
                Some(None) => {
                    self.change.remove.push(child);
                    continue;
                }
                Some(Some(key)) => key,
                None => self
                    .tree
                    .open(child, self.tree.above(child, self.old)?, &row)?,
            };
            let wrapped = self.tree.wrap(child, &new, &key, self.entropy)?;
            self.change.put.push((child, wrapped));
            survive = true;
        }
        // A store whose scans pass over rows that its look-ups find would lose what hangs there.
        match expected.pop_first() {
            Some(node) => Err(KeyError::Damaged { node }),
            None => Ok(survive.then_some(new)),
        }
    }

    /// The key that `parent` has already, in a build that is to be caught.
    #[cfg(feature = "sabotage-for-tests-only")]
    fn sabotaged(&self, parent: Option<NodeId>) -> Option<Key> {
        let present = match parent {
            Some(parent) => self.old.get(&parent)?,
            None => self.tree.root(),
        };
        let on = crate::sabotage::Sabotage::NoRotation.is_on();
        on.then(|| present.duplicate())
    }

    fn redrawn_under(&self, parent: Option<NodeId>) -> BTreeSet<NodeId> {
        let places = NodeId::children_of(parent);
        let redrawn = places.map(|places| self.redrawn.range(places));
        redrawn
            .into_iter()
            .flatten()
            .map(|(node, _)| *node)
            .collect()
    }
}
