//! The rows of the key tree, wherever they are kept.

use std::collections::BTreeMap;

use crate::model::key::{NodeId, TreeChange};

/// The tree's rows, wherever they are kept.
pub trait WrappedNodes {
    /// The row of `node`, or nothing when there is none.
    ///
    /// # Errors
    /// [`NodesError`] when the rows cannot be read.
    fn wrapped(&self, node: NodeId) -> Result<Option<Vec<u8>>, NodesError>;

    /// The rows under `parent`, or under the root for `None`, in order.
    ///
    /// A store that keeps rows in the order of [`NodeId::to_bytes`] answers with one scan.
    ///
    /// # Errors
    /// [`NodesError`] when the rows cannot be read.
    fn children(&self, parent: Option<NodeId>) -> Result<Vec<(NodeId, Vec<u8>)>, NodesError> {
        let mut found = Vec::new();
        for node in NodeId::places_under(parent) {
            if let Some(row) = self.wrapped(node)? {
                found.push((node, row));
            }
        }
        Ok(found)
    }
}

/// The tree's rows in memory: to replay a journal, and for simulations and tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryNodes(BTreeMap<NodeId, Vec<u8>>);

impl MemoryNodes {
    /// Applies a change.
    pub fn apply(&mut self, change: &TreeChange) {
        for node in &change.remove {
            self.0.remove(node);
        }
        for (node, wrapped) in &change.put {
            self.0.insert(*node, wrapped.as_bytes().to_vec());
        }
    }

    /// Writes one row as it is, in place of what is there.
    pub fn put(&mut self, node: NodeId, row: Vec<u8>) {
        self.0.insert(node, row);
    }

    /// Takes one row away and returns it.
    pub fn take(&mut self, node: NodeId) -> Option<Vec<u8>> {
        self.0.remove(&node)
    }

    /// The rows in order.
    pub fn rows(&self) -> impl Iterator<Item = (NodeId, &[u8])> {
        self.0.iter().map(|(node, row)| (*node, &row[..]))
    }
}

impl WrappedNodes for MemoryNodes {
    fn wrapped(&self, node: NodeId) -> Result<Option<Vec<u8>>, NodesError> {
        Ok(self.0.get(&node).cloned())
    }

    fn children(&self, parent: Option<NodeId>) -> Result<Vec<(NodeId, Vec<u8>)>, NodesError> {
        let rows = NodeId::children_of(parent).map(|places| self.0.range(places));
        let rows = rows.into_iter().flatten();
        Ok(rows.map(|(node, row)| (*node, row.clone())).collect())
    }
}

/// The tree's rows cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(
    "the rows of the key tree cannot be read ({0}); nothing was changed: check the index, then rebuild it"
)]
pub struct NodesError(#[source] pub Box<dyn std::error::Error + Send + Sync>);
