//! The keyring: the tree that every key hangs in, and the slots that hold its root.
//!
//! Leaf keys are wrapped by the keys of inner nodes, and those by the root's key, which is in no
//! node: only a [`RootSlot`] holds it. The wrapped nodes may be copied, backed up and stolen. To
//! destroy a leaf is to draw new keys along its path and a new root, and to efface the old root in
//! every slot; from then on every older wrapping, wherever a copy lies, is noise. This is the
//! key-wrapping tree of Reardon, Ritzdorf, Basin and Čapkun, "Secure Data Deletion from Persistent
//! Media" (CCS 2013), and the idea of Boneh and Lipton, "A Revocable Backup System" (USENIX
//! Security 1996).
//!
//! An erasure uses the room in this order:
//!
//! 1. [`KeyTree::destroy`] draws the new path and root; nothing has changed yet.
//! 2. [`SlotSet::prepare`] writes the new root beside the old in every slot.
//! 3. The caller makes the [`TreeChange`] durable: that is the commit.
//! 4. [`SlotSet::retire`] effaces the old root in every slot.
//!
//! A crash before the commit is undone and one after it is finished by [`SlotSet::settle`], with
//! the root that the journal says is the true one.

mod anchor;
#[cfg(test)]
mod crash_tests;
mod destroy;
mod disk;
mod file_slot;
mod pins;
mod pkcs11;
mod place;
mod position;
mod recipients;
mod rows;
#[cfg(test)]
mod simulated;
mod slot;
mod slot_file;
mod slot_set;
mod token;
#[cfg(test)]
mod token_crash_tests;
mod token_slot;
mod tree;
pub mod unlock;
mod walk;

pub use crate::model::key::{
    FAN_OUT, LEAVES_MAX, LEVELS, LeafNumber, NodeId, TreeChange, WrappedKey,
};
pub use crate::model::slot::{Effaced, Retired, SlotKind};
pub use anchor::SlotAnchor;
pub use destroy::Destruction;
pub use file_slot::FileSlot;
pub use pins::{PIN_CREDENTIAL, Pins};
pub use place::{PlaceError, SlotPlace, TokenPlace};
pub use recipients::Recipients;
pub use rows::{MemoryNodes, NodesError, WrappedNodes};
pub use slot::{Contents, Held, Root, RootSlot, SlotError};
pub use slot_set::{SlotMeans, SlotSet};
pub use token::TokenError;
pub use tree::{KeyError, KeyTree};
pub use unlock::{Ask, Identities, UnlockError};
