//! Unwrapping many leaves without opening the nodes above them each time.

use std::collections::BTreeMap;

use crate::model::key::{LeafNumber, NodeId};
use crate::secret::Key;

use super::rows::WrappedNodes;
use super::tree::{KeyError, KeyTree};

/// Leaves under one node from which on their rows are read in one scan.
const SCANNED_FROM: usize = 4;

impl KeyTree {
    /// Unwraps the keys of `leaves`, which are in ascending order, and hands each to `visit` with its
    /// place among them; nothing for one that is not in the tree.
    ///
    /// The nodes above are opened once each; only those of the path it is on are kept, and the rows
    /// under a node are read in one scan. Nothing outlives the call.
    ///
    /// # Errors
    /// [`KeyError::Damaged`] when a row does not open or is missing above rows that are there, failures
    /// of the rows, and whatever `visit` gives.
    pub fn unwrap_in_order<E: From<KeyError>>(
        &self,
        nodes: &dyn WrappedNodes,
        leaves: &[LeafNumber],
        mut visit: impl FnMut(usize, Option<Key>) -> Result<(), E>,
    ) -> Result<(), E> {
        let parent = |leaf: &LeafNumber| NodeId::of_leaf(*leaf).parent();
        let mut path = BTreeMap::new();
        let mut place = 0;
        for siblings in leaves.chunk_by(|one, next| parent(one) == parent(next)) {
            let above = siblings.first().and_then(parent);
            let rows = rows_of(nodes, above, siblings)?;
            let reached = match rows.is_empty() {
                true => None,
                false => above,
            };
            self.open_path(nodes, reached, &mut path)?;
            for leaf in siblings {
                let node = NodeId::of_leaf(*leaf);
                let key = match rows.get(&node) {
                    Some(row) => Some(self.open(node, self.above(node, &path)?, row)?),
                    None => None,
                };
                visit(place, key)?;
                place += 1;
            }
        }
        Ok(())
    }

    /// Opens the nodes down to `node`, and lets go of those that are not on the way.
    fn open_path(
        &self,
        nodes: &dyn WrappedNodes,
        node: Option<NodeId>,
        path: &mut BTreeMap<NodeId, Key>,
    ) -> Result<(), KeyError> {
        let steps: Vec<NodeId> = node.into_iter().flat_map(NodeId::path).collect();
        path.retain(|open, _| steps.contains(open));
        for step in steps {
            if !path.contains_key(&step) {
                let row = nodes
                    .wrapped(step)?
                    .ok_or(KeyError::Damaged { node: step })?;
                let key = self.open(step, self.above(step, path)?, &row)?;
                path.insert(step, key);
            }
        }
        Ok(())
    }
}

/// The rows of leaves under one node.
fn rows_of(
    nodes: &dyn WrappedNodes,
    above: Option<NodeId>,
    leaves: &[LeafNumber],
) -> Result<BTreeMap<NodeId, Vec<u8>>, KeyError> {
    if leaves.len() >= SCANNED_FROM {
        return Ok(nodes.children(above)?.into_iter().collect());
    }
    let mut rows = BTreeMap::new();
    for leaf in leaves {
        let node = NodeId::of_leaf(*leaf);
        if let Some(row) = nodes.wrapped(node)? {
            rows.insert(node, row);
        }
    }
    Ok(rows)
}
