//! What every request has at hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use super::throttle::{Origin, Throttle};
use super::transfers::Transfers;
use crate::entropy::EntropyError;
use crate::id::TokenId;
use crate::limits::{
    REQUESTS_AT_ONCE, REQUESTS_PER_SECOND, STRANGERS_AT_ONCE, STRANGERS_PER_SECOND,
};
use crate::work::{Service, WorkError};

/// What every request has at hand.
#[derive(Debug)]
pub(super) struct Shared {
    /// The house at work.
    pub(super) service: Arc<Service>,
    /// Whether anything is served at all.
    pub(super) seal: Seal,
    /// Uploads and downloads under way.
    pub(super) transfers: Transfers,
    /// Work that goes on when its request is gone.
    pub(super) tasks: TaskTracker,
    /// Tokens and codes that do not work, by where they come from.
    pub(super) strangers: Throttle<Origin>,
    /// Requests, by token.
    pub(super) requests: Throttle<TokenId>,
    /// Told when an erasure that waits may have nothing left to wait for.
    pub(super) erasures: Notify,
    /// How long a transfer may stand still.
    pub(super) stall: Duration,
    /// Whether clients come by TLS.
    pub(super) tls: bool,
    names: RequestNames,
}

impl Shared {
    /// Everything new.
    ///
    /// # Errors
    /// [`EntropyError`] when there is no randomness to name requests with.
    pub(super) fn new(
        service: Arc<Service>,
        stall: Duration,
        tls: bool,
    ) -> Result<Self, EntropyError> {
        let mut first = [0; 8];
        service.vault().means().entropy.fill(&mut first)?;
        Ok(Self {
            service,
            seal: Seal::default(),
            transfers: Transfers::default(),
            tasks: TaskTracker::new(),
            strangers: Throttle::new(STRANGERS_AT_ONCE, STRANGERS_PER_SECOND),
            requests: Throttle::new(REQUESTS_AT_ONCE, REQUESTS_PER_SECOND),
            erasures: Notify::new(),
            stall,
            tls,
            names: RequestNames(AtomicU64::new(u64::from_be_bytes(first))),
        })
    }

    /// Runs `work` to its end, also when the one who asked goes away in the middle.
    ///
    /// # Errors
    /// What `work` gives, or [`WorkError::Internal`] when it panics.
    pub(super) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, WorkError>> + Send + 'static,
    ) -> Result<T, WorkError> {
        let task = self.tasks.spawn(work.in_current_span());
        let done = task.await;
        done.map_err(|error| WorkError::Internal(error.to_string()))?
    }

    /// Runs `work`, which blocks its thread, apart from everybody else's requests.
    ///
    /// # Errors
    /// What `work` gives, or [`WorkError::Internal`] when it panics.
    pub(super) async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Service) -> Result<T, WorkError> + Send + 'static,
    ) -> Result<T, WorkError> {
        let service = Arc::clone(&self.service);
        let task = self.tasks.spawn_blocking(move || work(&service));
        let done = task.await;
        done.map_err(|error| WorkError::Internal(error.to_string()))?
    }

    /// A name for a request, by which it is found in the log.
    pub(super) fn name_request(&self) -> String {
        self.names.next()
    }
}

/// Names for requests: a number that starts anywhere and goes up, so that two runs do not share any.
#[derive(Debug)]
struct RequestNames(AtomicU64);

impl RequestNames {
    fn next(&self) -> String {
        format!("{:016x}", self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Whether the gateway stopped serving, and why. Only a restart opens it again.
#[derive(Debug, Clone, Default)]
pub(super) struct Seal(Arc<OnceLock<String>>);

impl Seal {
    /// Stops serving; the first reason stays.
    pub(super) fn close(&self, reason: String) {
        tracing::error!(%reason, "the gateway is sealed: nothing is served until a restart");
        let _first_reason_stays = self.0.set(reason);
    }

    /// Why nothing is served, if so.
    pub(super) fn reason(&self) -> Option<&str> {
        self.0.get().map(String::as_str)
    }
}
