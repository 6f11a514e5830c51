//! The house at work: the vault, its store, and who may do what.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use tokio::sync::Semaphore;

use super::copies::Copies;
use super::deposit::Uploads;
use super::error::WorkError;
use super::renew::Challenges;
use crate::access::Gatekeeper;
use crate::agefile::Workers;
use crate::clock::london_day;
use crate::limits::READ_AHEAD_RANGES_ALL;
use crate::objects::Store;
use crate::objects::embedded::Embedded;
use crate::vault::Vault;

/// An open vault with its store, ready for work.
#[derive(Debug)]
pub struct Service {
    vault: Vault,
    store: Store,
    embedded: Option<Embedded>,
    gatekeeper: Gatekeeper,
    workers: Workers,
    /// Room for what downloads read ahead.
    pub(super) read_ahead: Arc<Semaphore>,
    pub(super) uploads: Uploads,
    pub(super) challenges: Challenges,
    pub(super) copies: Copies,
    /// One erasure at a time.
    pub(super) erasing: tokio::sync::Mutex<()>,
    pub(super) strangers: std::sync::Mutex<super::admit::Strangers>,
    /// What testing the controls found last.
    pub(super) controls: std::sync::Mutex<Option<super::controls::Controls>>,
}

impl Service {
    pub(super) fn new(
        vault: Vault,
        store: Store,
        embedded: Option<Embedded>,
    ) -> Result<Arc<Self>, WorkError> {
        let gatekeeper =
            Gatekeeper::new().map_err(|error| WorkError::Internal(error.to_string()))?;
        Ok(Arc::new(Self {
            vault,
            store,
            embedded,
            gatekeeper,
            workers: Workers::for_machine()?,
            read_ahead: Arc::new(Semaphore::new(READ_AHEAD_RANGES_ALL)),
            uploads: Uploads::default(),
            challenges: Challenges::default(),
            copies: Copies::default(),
            erasing: tokio::sync::Mutex::default(),
            strangers: std::sync::Mutex::default(),
            controls: std::sync::Mutex::default(),
        }))
    }

    /// The vault.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Who may do what.
    pub fn gatekeeper(&self) -> &Gatekeeper {
        &self.gatekeeper
    }

    /// The threads that seal and open.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.vault.now()
    }

    /// The day it is in London, where the promises were made.
    pub fn today(&self) -> Date {
        london_day(self.now())
    }

    /// Makes everything durable and lets go of vault and store.
    ///
    /// # Errors
    /// [`WorkError::Conflict`] while a transfer still runs, and whatever closing the vault gives.
    pub async fn close(self: Arc<Self>) -> Result<(), WorkError> {
        let service = Arc::try_unwrap(self)
            .map_err(|_| WorkError::Conflict("transfers are still running".to_owned()))?;
        service.vault.close()?;
        if let Some(embedded) = service.embedded {
            embedded.stop().await;
        }
        Ok(())
    }
}
