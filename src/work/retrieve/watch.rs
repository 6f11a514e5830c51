//! Whether a transfer may go on.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::super::error::WorkError;
use super::super::service::Service;
use crate::access::{Act, Grant};
use crate::limits::TRANSFER_RECHECK;

/// A grant, looked at again as long as a transfer under it runs.
pub(in super::super) struct Watch<A: Act> {
    service: Arc<Service>,
    pub(in super::super) grant: Grant<A>,
    narrowed: watch::Receiver<u64>,
    checked: Instant,
}

impl<A: Act> Watch<A> {
    /// Watches over what was granted. Whatever took it away between the decision and the first look
    /// would not be noticed otherwise, so it is decided once more, unless nobody's access was narrowed
    /// since.
    pub(in super::super) fn over(
        service: &Arc<Service>,
        grant: Grant<A>,
    ) -> Result<Self, WorkError> {
        let narrowed = service.vault().narrowed();
        let narrowed_at = *narrowed.borrow();
        if narrowed_at >= grant.as_of() {
            service.still(&grant)?;
        }
        Ok(Self {
            service: Arc::clone(service),
            grant,
            narrowed,
            checked: Instant::now(),
        })
    }

    /// Looks again: whenever somebody's access was narrowed, when the grant ends, and every
    /// [`TRANSFER_RECHECK`].
    pub(in super::super) fn check(&mut self) -> Result<(), WorkError> {
        let narrowed = self.narrowed.has_changed().unwrap_or(true);
        let ended = self.service.now() >= self.grant.expires();
        if !narrowed && !ended && self.checked.elapsed() < TRANSFER_RECHECK {
            return Ok(());
        }
        self.narrowed.mark_unchanged();
        self.checked = Instant::now();
        self.service.still(&self.grant)
    }
}
