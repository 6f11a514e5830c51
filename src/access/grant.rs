//! Grants: proof that a decision was made, and by which rows.

use std::fmt;

use jiff::Timestamp;

use super::acts::Act;
use super::caller::Caller;
use crate::id::PersonId;

/// Proof that somebody may do `A` to one thing, at one moment.
///
/// Work that takes one by value cannot be asked for without a decision, and one grant serves once:
/// it cannot be copied, and only [`Gatekeeper::decide`](super::Gatekeeper::decide) makes one.
///
/// ```compile_fail,E0382
/// # use strongroom::access::{Grant, acts::OpenItem};
/// fn open(grant: Grant<OpenItem>) {}
/// fn open_twice(grant: Grant<OpenItem>) {
///     open(grant);
///     open(grant);
/// }
/// ```
///
/// A grant for one act is not a grant for another:
///
/// ```compile_fail,E0308
/// # use strongroom::access::{Grant, acts::{OpenItem, ReadItem}};
/// fn open(grant: Grant<OpenItem>) {}
/// fn open_what_is_known(grant: Grant<ReadItem>) {
///     open(grant);
/// }
/// ```
pub struct Grant<A: Act> {
    caller: Caller,
    on: A::Resource,
    loaded: A::Loaded,
    decided: Timestamp,
    as_of: u64,
    expires: Timestamp,
}

impl<A: Act> Grant<A> {
    pub(super) fn new(
        caller: Caller,
        on: A::Resource,
        loaded: A::Loaded,
        decided: Timestamp,
        as_of: u64,
        expires: Timestamp,
    ) -> Self {
        Self {
            caller,
            on,
            loaded,
            decided,
            as_of,
            expires,
        }
    }

    /// Who was granted it.
    pub fn person(&self) -> PersonId {
        self.caller.person().id
    }

    /// Who was granted it, as they stood when it was decided.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What the thing was called.
    pub fn on(&self) -> &A::Resource {
        &self.on
    }

    /// The rows the decision was made over, as they stood then.
    pub fn loaded(&self) -> &A::Loaded {
        &self.loaded
    }

    /// Gives up the grant for the rows the decision was made over.
    pub fn into_loaded(self) -> A::Loaded {
        self.loaded
    }

    /// The moment it was decided.
    pub fn decided(&self) -> Timestamp {
        self.decided
    }

    /// How many of the journal's records it was decided over.
    pub fn as_of(&self) -> u64 {
        self.as_of
    }

    /// The moment from which it is worth nothing, should nothing change before: the first end among
    /// the token's, the place's in the study, and the assignment's and the supplier's contract's.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }
}

impl<A: Act> fmt::Debug for Grant<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("action", &A::ACTION)
            .field("person", &self.person())
            .field("on", &self.on)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}
