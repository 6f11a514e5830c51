//! The key tree as the journal and the index see it: numbers of leaves, wrapped nodes, changes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::sealed::Sealed;

/// The place of one key in the key tree; never used twice.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct LeafNumber(pub u64);

impl fmt::Display for LeafNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A node of the key tree: leaves are at level 0, and the parent of `index` is `index / 64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId {
    /// Levels above the leaves.
    #[serde(rename = "l")]
    pub level: u8,
    /// Place within the level, from the left.
    #[serde(rename = "i")]
    pub index: u64,
}

impl NodeId {
    /// The node in 9 bytes that sort by level, then by index.
    pub fn to_bytes(self) -> [u8; 9] {
        let mut bytes = [0; 9];
        if let Some((level, index)) = bytes.split_first_mut() {
            *level = self.level;
            index.copy_from_slice(&self.index.to_be_bytes());
        }
        bytes
    }
}

impl From<LeafNumber> for NodeId {
    fn from(leaf: LeafNumber) -> Self {
        Self {
            level: 0,
            index: leaf.0,
        }
    }
}

/// What an operation does to the wrapped nodes. It is journaled, and the index applies it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeChange {
    /// Nodes whose wrapped key is new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put: Vec<(NodeId, Sealed)>,
    /// Nodes that are no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<NodeId>,
}

impl TreeChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.remove.is_empty()
    }
}
