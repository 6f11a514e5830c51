//! Unwrapping many leaves without opening the nodes above them each time.

use std::collections::BTreeMap;

use crate::id::VaultId;
use crate::limits::OPEN_NODES_MAX;
use crate::model::key::{LeafNumber, NodeId};
use crate::secret::Key;

use super::rows::WrappedNodes;
use super::tree::{KeyError, KeyTree};

/// Keys of inner nodes that were opened on the way to leaves: of one tree at one epoch, and no more
/// than [`OPEN_NODES_MAX`]. Drop it with the call it serves; they are wiped.
#[derive(Debug, Default)]
pub struct OpenNodes {
    of: Option<(VaultId, u64)>,
    keys: BTreeMap<NodeId, Key>,
}

impl KeyTree {
    /// Unwraps the key of `leaf` as [`unwrap`](Self::unwrap) does, and keeps the nodes above it open
    /// for the next one. When the tree has come to another epoch they are opened anew.
    ///
    /// # Errors
    /// As [`unwrap`](Self::unwrap).
    pub fn unwrap_among(
        &self,
        nodes: &dyn WrappedNodes,
        leaf: LeafNumber,
        open: &mut OpenNodes,
    ) -> Result<Key, KeyError> {
        let here = Some((self.vault(), self.epoch()));
        if open.of != here || open.keys.len() >= OPEN_NODES_MAX {
            open.keys.clear();
            open.of = here;
        }
        let node = NodeId::of_leaf(leaf);
        let row = nodes.wrapped(node)?.ok_or(KeyError::Destroyed { leaf })?;
        for step in node.parent().into_iter().flat_map(NodeId::path) {
            if !open.keys.contains_key(&step) {
                let row = nodes
                    .wrapped(step)?
                    .ok_or(KeyError::Damaged { node: step })?;
                let key = self.open(step, self.above(step, &open.keys)?, &row)?;
                open.keys.insert(step, key);
            }
        }
        self.open(node, self.above(node, &open.keys)?, &row)
    }
}
