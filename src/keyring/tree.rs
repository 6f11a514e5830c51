//! The key tree: adding leaves, and unwrapping one.

use std::collections::BTreeMap;

use crate::entropy::{Entropy, EntropyError};
use crate::id::VaultId;
use crate::model::key::{LeafNumber, NodeId, TreeChange, WrappedKey};
use crate::sealing;
use crate::secret::Key;

use super::rows::{NodesError, WrappedNodes};

/// The tree at one epoch: its root's key, and nothing else, for the rows are the caller's.
///
/// Operations read rows and draw changes; they write nothing. The caller applies one change before
/// it asks for the next.
#[derive(Debug)]
pub struct KeyTree {
    vault: VaultId,
    epoch: u64,
    root: Key,
}

impl KeyTree {
    /// The tree of `vault` whose root's key, at `epoch`, is `root`.
    pub fn new(vault: VaultId, epoch: u64, root: Key) -> Self {
        Self { vault, epoch, root }
    }

    /// The vault the tree belongs to.
    pub fn vault(&self) -> VaultId {
        self.vault
    }

    /// How often the root has been replaced.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Draws a key for each of `leaves`, in their order, and the rows that hold them.
    ///
    /// # Errors
    /// [`KeyError::Taken`] for a leaf that exists or is named twice, [`KeyError::Damaged`] when a row
    /// on a path does not open or is missing above rows that are there, and failures of the rows or
    /// of the random source.
    pub fn add(
        &self,
        nodes: &dyn WrappedNodes,
        leaves: &[LeafNumber],
        entropy: &dyn Entropy,
    ) -> Result<(Vec<Key>, TreeChange), KeyError> {
        let mut drawn = Vec::with_capacity(leaves.len());
        let mut change = TreeChange::default();
        let mut inner = BTreeMap::new();
        let mut taken = std::collections::BTreeSet::new();
        for leaf in leaves {
            let node = NodeId::of_leaf(*leaf);
            if !taken.insert(node) || nodes.wrapped(node)?.is_some() {
                return Err(KeyError::Taken { leaf: *leaf });
            }
            if let Some(parent) = node.parent() {
                for step in parent.path() {
                    self.reach(step, nodes, &mut inner, &mut change, entropy)?;
                }
            }
            let key = Key::random(entropy)?;
            let row = self.wrap(node, self.above(node, &inner)?, &key, entropy)?;
            change.put.push((node, row));
            drawn.push(key);
        }
        Ok((drawn, change))
    }

    /// Unwraps the key of `leaf`.
    ///
    /// # Errors
    /// [`KeyError::Destroyed`] when the leaf is not in the tree, [`KeyError::Damaged`] when its row
    /// or one above does not open, and failures of the rows.
    pub fn unwrap(&self, nodes: &dyn WrappedNodes, leaf: LeafNumber) -> Result<Key, KeyError> {
        let leaf_node = NodeId::of_leaf(leaf);
        if nodes.wrapped(leaf_node)?.is_none() {
            return Err(KeyError::Destroyed { leaf });
        }
        let mut key = self.root.duplicate();
        for node in leaf_node.path() {
            let row = nodes.wrapped(node)?.ok_or(KeyError::Damaged { node })?;
            key = self.open(node, &key, &row)?;
        }
        Ok(key)
    }

    /// Opens the row of an inner node into `inner`, or makes the node when there is none.
    fn reach(
        &self,
        node: NodeId,
        nodes: &dyn WrappedNodes,
        inner: &mut BTreeMap<NodeId, Key>,
        change: &mut TreeChange,
        entropy: &dyn Entropy,
    ) -> Result<(), KeyError> {
        if inner.contains_key(&node) {
            return Ok(());
        }
        let above = self.above(node, inner)?;
        let key = match nodes.wrapped(node)? {
            Some(row) => self.open(node, above, &row)?,
            // A new key here would cut off whatever hung under the row that was lost.
            None if !nodes.children(Some(node))?.is_empty() => {
                return Err(KeyError::Damaged { node });
            }
            None => {
                let key = Key::random(entropy)?;
                change
                    .put
                    .push((node, self.wrap(node, above, &key, entropy)?));
                key
            }
        };
        inner.insert(node, key);
        Ok(())
    }

    /// The key that wraps `node`: the root's, or one already in `inner`.
    pub(super) fn above<'a>(
        &'a self,
        node: NodeId,
        inner: &'a BTreeMap<NodeId, Key>,
    ) -> Result<&'a Key, KeyError> {
        match node.parent() {
            None => Ok(&self.root),
            Some(parent) => inner.get(&parent).ok_or(KeyError::Damaged { node: parent }),
        }
    }

    #[cfg(feature = "sabotage-for-tests-only")]
    pub(super) fn root(&self) -> &Key {
        &self.root
    }

    pub(super) fn open(&self, node: NodeId, above: &Key, row: &[u8]) -> Result<Key, KeyError> {
        sealing::open(above, &self.context(node), row)
            .ok()
            .and_then(|opened| Key::from_slice(opened.expose_secret()))
            .ok_or(KeyError::Damaged { node })
    }

    pub(super) fn wrap(
        &self,
        node: NodeId,
        above: &Key,
        key: &Key,
        entropy: &dyn Entropy,
    ) -> Result<WrappedKey, KeyError> {
        let row = sealing::seal(above, &self.context(node), key.expose_secret(), entropy)?;
        WrappedKey::from_bytes(row).ok_or(KeyError::Damaged { node })
    }

    /// What a row is bound to, so that it opens nowhere else: the vault, the level and the index.
    fn context(&self, node: NodeId) -> Vec<u8> {
        let mut context = b"strongroom key tree v1 ".to_vec();
        context.extend_from_slice(self.vault.to_string().as_bytes());
        context.extend_from_slice(&node.to_bytes());
        context
    }
}

/// Why the tree gives no key, or takes no change.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The leaf is not in the tree: which of the two reasons it is cannot be told.
    #[error("key {leaf} is not in the key tree: it was destroyed, or never made")]
    Destroyed {
        /// The leaf asked for.
        leaf: LeafNumber,
    },
    /// A row does not open under the root in hand, or is missing above rows that are there.
    #[error(
        "row {node} of the key tree is damaged, or belongs to another place, vault or epoch; \
         nothing was changed: rebuild the index from the journal"
    )]
    Damaged {
        /// The node whose row it is.
        node: NodeId,
    },
    /// A leaf to be added is there already.
    #[error(
        "key {leaf} is in the key tree already; a number is never given out twice: rebuild the index from the journal"
    )]
    Taken {
        /// The leaf to be added.
        leaf: LeafNumber,
    },
    /// The epoch cannot be counted any further.
    #[error("the root has been replaced as often as can be counted; start a new vault")]
    LastEpoch,
    /// The rows cannot be read.
    #[error(transparent)]
    Nodes(#[from] NodesError),
    /// The random source gave nothing.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
}
