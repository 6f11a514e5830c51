//! The closure attacker let loose on the real program: everything that ever lay on the disk or in the
//! bucket, put together with every secret that is left after an erasure, opens nothing of what was
//! erased (invariant 3); and a program that breaks this in any of four ways is caught.
//!
//! The attacker is a program of its own, `tests/attacker`, which shares no code with the library
//! and does not depend on it. Here is what it is given and what it must find. The root slot of an
//! earlier moment is the one thing it is not given: that this is what the secrecy hangs on is one of
//! the controls.

mod broken;
mod programs;
mod scene;
mod story;
mod token;
mod unfinished;

pub(crate) use programs::Attack;

/// The epochs of the roots in a root slot, as they are written beside them.
pub(crate) fn epochs(slot: &[u8]) -> Vec<u64> {
    let positions = slot.chunks(65_536);
    let heads = positions.filter_map(|position| position.strip_prefix(b"strslot\n"));
    heads
        .filter_map(|head| Some(u64::from_be_bytes(head.get(4..12)?.try_into().ok()?)))
        .collect()
}
