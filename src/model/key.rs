//! The key tree as the journal and the index see it: where a node is, what is stored for it, and
//! what a change does to it.

use std::fmt;
use std::ops::RangeInclusive;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::sealing;
use crate::secret::KEY_BYTES;

/// Children under one node.
///
/// 64 keeps a destruction at five levels to a few hundred wrappings, for any tree of up to a
/// thousand million leaves; 16 would need two more levels and 256 would re-wrap four times as much.
pub const FAN_OUT: u64 = 64;

/// Levels of wrapping below the root: leaves are at this level, and the root at none.
pub const LEVELS: u8 = 5;

/// Leaves that one tree has room for, over its whole life: [`FAN_OUT`] to the power [`LEVELS`].
pub const LEAVES_MAX: u64 = FAN_OUT.pow(LEVELS as u32);

const WRAPPED_BYTES: usize = KEY_BYTES + sealing::OVERHEAD;
const ID_BYTES: usize = 5;

/// The number of a leaf: given out in order, and never twice in a vault's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct LeafNumber(u64);

impl LeafNumber {
    /// The first leaf of a new tree.
    pub const FIRST: Self = Self(0);

    /// The leaf with this number, or nothing when it is not below [`LEAVES_MAX`].
    pub fn new(number: u64) -> Option<Self> {
        (number < LEAVES_MAX).then_some(Self(number))
    }

    /// The leaf after this one, or nothing when the tree is full.
    pub fn next(self) -> Option<Self> {
        Self::new(self.0 + 1)
    }

    /// The number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for LeafNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<u64> for LeafNumber {
    type Error = &'static str;
    fn try_from(number: u64) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("a leaf number is below 64 to the power 5")
    }
}

impl From<LeafNumber> for u64 {
    fn from(leaf: LeafNumber) -> Self {
        leaf.0
    }
}

/// A node below the root: its level, 1 under the root to [`LEVELS`] for a leaf, and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "(u8, u64)", into = "(u8, u64)")]
pub struct NodeId {
    level: u8,
    index: u64,
}

impl NodeId {
    /// The node of a leaf.
    pub fn of_leaf(leaf: LeafNumber) -> Self {
        Self {
            level: LEVELS,
            index: leaf.0,
        }
    }

    /// The node at `level` and `index`, or nothing when the tree has no such place.
    pub fn new(level: u8, index: u64) -> Option<Self> {
        let here = (1..=LEVELS).contains(&level) && index < FAN_OUT.pow(level.into());
        here.then_some(Self { level, index })
    }

    /// Levels below the root, from 1.
    pub fn level(self) -> u8 {
        self.level
    }

    /// The node's place on its level, from 0.
    pub fn index(self) -> u64 {
        self.index
    }

    /// The node whose key wraps this one's, or nothing when that is the root.
    pub fn parent(self) -> Option<Self> {
        (self.level > 1).then_some(Self {
            level: self.level - 1,
            index: self.index / FAN_OUT,
        })
    }

    /// The nodes from just under the root down to this one, which comes last.
    pub fn path(self) -> impl Iterator<Item = Self> {
        (1..=self.level).map(move |level| Self {
            level,
            index: self.index / FAN_OUT.pow((self.level - level).into()),
        })
    }

    /// The places of the children of `parent`, or of the root for `None`; a leaf has none.
    pub fn children_of(parent: Option<Self>) -> Option<RangeInclusive<Self>> {
        let (level, index) = parent.map_or((0, 0), |node| (node.level, node.index));
        let at = |index| Self {
            level: level + 1,
            index,
        };
        let first = index * FAN_OUT;
        (level < LEVELS).then(|| at(first)..=at(first + FAN_OUT - 1))
    }

    /// The children of `parent`, or of the root for `None`, whether they are there or not.
    pub fn places_under(parent: Option<Self>) -> impl Iterator<Item = Self> {
        Self::children_of(parent).into_iter().flat_map(|places| {
            let (first, last) = places.into_inner();
            (first.index..=last.index).map(move |index| Self {
                level: first.level,
                index,
            })
        })
    }

    /// Five bytes, level first and then the index big-endian: the children of a node are in one run.
    pub fn to_bytes(self) -> [u8; ID_BYTES] {
        let [_, _, _, _, a, b, c, d] = self.index.to_be_bytes();
        [self.level, a, b, c, d]
    }

    /// Reads what [`NodeId::to_bytes`] wrote, or nothing when it is not that.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let [level, index @ ..] = <[u8; ID_BYTES]>::try_from(bytes).ok()?;
        Self::new(level, u32::from_be_bytes(index).into())
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.level, self.index)
    }
}

impl TryFrom<(u8, u64)> for NodeId {
    type Error = &'static str;
    fn try_from((level, index): (u8, u64)) -> Result<Self, Self::Error> {
        Self::new(level, index).ok_or("the key tree has no such node")
    }
}

impl From<NodeId> for (u8, u64) {
    fn from(node: NodeId) -> Self {
        (node.level, node.index)
    }
}

/// A node's key, wrapped by its parent's: noise to anyone without the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WrappedKey(Vec<u8>);

impl WrappedKey {
    /// Takes `bytes` as a wrapped key, or nothing when they are not as long as one.
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (bytes.len() == WRAPPED_BYTES).then_some(Self(bytes))
    }

    /// The bytes to store for the node.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<String> for WrappedKey {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let bytes = STANDARD_NO_PAD.decode(text).ok();
        bytes
            .and_then(Self::from_bytes)
            .ok_or("a wrapped key is 60 bytes in base 64")
    }
}

impl From<WrappedKey> for String {
    fn from(wrapped: WrappedKey) -> Self {
        STANDARD_NO_PAD.encode(wrapped.0)
    }
}

/// What an operation does to the tree's rows: applied whole or not at all, in the order drawn.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeChange {
    /// Rows to write, over what is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub put: Vec<(NodeId, WrappedKey)>,
    /// Rows to take away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<NodeId>,
}

impl TreeChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.remove.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nodes() -> impl Strategy<Value = NodeId> {
        (1..=LEVELS).prop_flat_map(|level| {
            (0..FAN_OUT.pow(level.into())).prop_map(move |index| NodeId { level, index })
        })
    }

    proptest! {
        #[test]
        fn bytes_and_json_are_read_back_and_keep_the_order(a in nodes(), b in nodes()) {
            prop_assert_eq!(NodeId::from_bytes(&a.to_bytes()), Some(a));
            prop_assert_eq!(a.cmp(&b), a.to_bytes().cmp(&b.to_bytes()));
            let json = serde_json::to_string(&a).expect("json");
            prop_assert_eq!(serde_json::from_str::<NodeId>(&json).expect("json"), a);
        }

        #[test]
        fn a_path_goes_from_the_root_to_the_node(node in nodes()) {
            let path: Vec<_> = node.path().collect();
            prop_assert_eq!(path.first().expect("first").parent(), None);
            prop_assert_eq!(path.last(), Some(&node));
            prop_assert!(path.windows(2).all(|pair| pair[1].parent() == Some(pair[0])));
            let siblings = NodeId::children_of(node.parent()).expect("an inner node");
            prop_assert!(siblings.contains(&node));
            prop_assert_eq!(NodeId::places_under(node.parent()).count() as u64, FAN_OUT);
        }

        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..8)) {
            if let Some(node) = NodeId::from_bytes(&bytes) {
                prop_assert_eq!(&node.to_bytes()[..], &bytes[..]);
            }
        }
    }

    #[test]
    fn places_outside_the_tree_are_not_nodes() {
        assert!(NodeId::new(0, 0).is_none() && NodeId::new(LEVELS + 1, 0).is_none());
        assert!(NodeId::new(1, FAN_OUT).is_none() && NodeId::new(LEVELS, LEAVES_MAX).is_none());
        assert!(serde_json::from_str::<NodeId>("[0,0]").is_err());
        let last = LeafNumber::new(LEAVES_MAX - 1).expect("the last leaf");
        assert_eq!((last.next(), LeafNumber::new(LEAVES_MAX)), (None, None));
        assert_eq!(NodeId::children_of(Some(NodeId::of_leaf(last))), None);
    }

    #[test]
    fn a_change_is_compact_json() {
        let change = TreeChange {
            put: vec![(NodeId::of_leaf(LeafNumber(7)), WrappedKey(vec![0; 60]))],
            remove: vec![NodeId { level: 4, index: 2 }],
        };
        let json = serde_json::to_string(&change).expect("json");
        let expected = format!(
            r#"{{"put":[[[5,7],"{}"]],"remove":[[4,2]]}}"#,
            "A".repeat(80)
        );
        assert_eq!(json, expected);
        assert_eq!(
            serde_json::from_str::<TreeChange>(&json).expect("json"),
            change
        );
        assert!(serde_json::from_str::<TreeChange>(r#"{"put":[[[5,7],"AAAA"]]}"#).is_err());
    }
}
