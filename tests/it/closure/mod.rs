//! The closure attacker: everything that ever lay on the disk or in the bucket, put together with
//! every secret that exists after an erasure, opens nothing of what was erased (invariant 3).
//!
//! The attacker shares no code with the library. [`formats`] is all it knows of the vault,
//! [`corpus`] what it has, and [`attack`] what it does with that. The root slot of an earlier moment is
//! the one thing it is not given: that this is what the secrecy hangs on is one of the controls.

mod attack;
mod corpus;
mod formats;
mod json;
mod story;

pub(crate) use attack::{Loot, Windows, attack};
pub(crate) use corpus::Corpus;
pub(crate) use formats::{epochs, sealed_roots};
pub(crate) use story::without_slots;
