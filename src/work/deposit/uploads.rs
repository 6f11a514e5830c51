//! The uploads that are in memory, and the room they have.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::super::error::WorkError;
use super::super::service::Service;
use super::assembly::Assembly;
use super::plan;
use super::turn::Turns;
use crate::id::UploadId;
use crate::limits::{MIB, UPLOAD_BUFFERS_BYTES, UPLOAD_IDLE};
use crate::model::Upload;

/// The uploads that are in memory, and the room they have.
#[derive(Debug)]
pub(crate) struct Uploads {
    held: Mutex<Held>,
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Held {
    active: HashMap<UploadId, Arc<Active>>,
    /// Uploads that end here: nobody writes to them, whatever the index still says of them.
    ending: HashSet<UploadId>,
}

/// One upload in memory.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) turns: Turns,
    pub(super) assembly: tokio::sync::Mutex<Assembly>,
    asked_for: Mutex<Instant>,
}

impl Active {
    fn new(assembly: Assembly) -> Self {
        Self {
            turns: Turns::default(),
            assembly: tokio::sync::Mutex::new(assembly),
            asked_for: Mutex::new(Instant::now()),
        }
    }

    /// Notes that its owner still cares for it.
    pub(super) fn touch(&self) {
        *self.moment() = Instant::now();
    }

    /// How long nobody has asked for it.
    fn idle(&self) -> Duration {
        self.moment().elapsed()
    }

    fn moment(&self) -> MutexGuard<'_, Instant> {
        self.asked_for
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Uploads {
    fn default() -> Self {
        let room = usize::try_from(UPLOAD_BUFFERS_BYTES / MIB).unwrap_or(usize::MAX);
        Self {
            held: Mutex::default(),
            room: Arc::new(Semaphore::new(room)),
        }
    }
}

impl Uploads {
    /// Breaks an upload off: whoever writes to it stops at the next piece, and nobody begins again.
    pub(crate) fn break_off(&self, id: UploadId) {
        let mut held = self.held();
        held.ending.insert(id);
        if let Some(active) = held.active.get(&id) {
            active.turns.close();
        }
    }

    /// Breaks an upload off and waits until nothing of it is on its way to the store any more: only
    /// then does what is deleted there stay deleted.
    ///
    /// # Errors
    /// [`WorkError::Conflict`] when that takes too long; it can be asked again.
    pub(crate) async fn come_to_rest(&self, id: UploadId) -> Result<(), WorkError> {
        self.break_off(id);
        let active = self.held().active.get(&id).cloned();
        if let Some(active) = active {
            active.turns.end().await?;
            active.assembly.lock().await.settle().await?;
            self.let_go(id, &active);
        }
        Ok(())
    }

    /// Forgets that an upload was broken off, once the index no longer has it.
    pub(crate) fn forget(&self, id: UploadId) {
        self.held().ending.remove(&id);
    }

    /// The upload, if it is in memory.
    ///
    /// # Errors
    /// [`WorkError::NoSuchThing`] for one that was broken off.
    pub(super) fn find(&self, id: UploadId) -> Result<Option<Arc<Active>>, WorkError> {
        self.held().find(id)
    }

    /// The upload in memory, brought there by `load` if need be.
    ///
    /// # Errors
    /// [`WorkError::NoSuchThing`] for one that was broken off, and whatever `load` gives.
    pub(super) fn find_or(
        &self,
        id: UploadId,
        load: impl FnOnce() -> Result<Assembly, WorkError>,
    ) -> Result<Arc<Active>, WorkError> {
        // Looked for and loaded under one lock: an upload is in memory once.
        let mut held = self.held();
        if let Some(active) = held.find(id)? {
            return Ok(active);
        }
        let active = Arc::new(Active::new(load()?));
        held.active.insert(id, Arc::clone(&active));
        Ok(active)
    }

    /// Lets go of an upload that is at rest, unless it has been brought to memory anew meanwhile.
    pub(super) fn let_go(&self, id: UploadId, active: &Arc<Active>) {
        let held = &mut self.held().active;
        if held
            .get(&id)
            .is_some_and(|found| Arc::ptr_eq(found, active))
        {
            held.remove(&id);
        }
    }

    /// Puts away the upload that nobody has asked for the longest, if that is long enough; says
    /// whether there was one. It goes on from what is durable.
    async fn put_one_away(&self, service: &Service) -> bool {
        let mut idle: Vec<_> = {
            let held = self.held();
            let all = held
                .active
                .iter()
                .map(|(id, active)| (*id, Arc::clone(active)));
            all.filter(|(_, active)| active.idle() >= UPLOAD_IDLE)
                .collect()
        };
        idle.sort_by_key(|(_, active)| std::cmp::Reverse(active.idle()));
        for (id, active) in idle {
            let Some(_turn) = active.turns.take_if_free() else {
                continue;
            };
            let mut assembly = active.assembly.lock().await;
            if assembly.put_away(service).await {
                self.let_go(id, &active);
                return true;
            }
        }
        false
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn find(&self, id: UploadId) -> Result<Option<Arc<Active>>, WorkError> {
        match self.ending.contains(&id) {
            true => Err(WorkError::NoSuchThing),
            false => Ok(self.active.get(&id).cloned()),
        }
    }
}

/// Room in memory for an upload. While there is none, those that nobody cares for are put away.
pub(super) async fn room_for(
    service: &Service,
    row: &Upload,
) -> Result<OwnedSemaphorePermit, WorkError> {
    let room = Arc::clone(&service.uploads.room);
    let mut room = pin!(room.acquire_many_owned(plan::memory_mib(row)));
    let too_many = || WorkError::TooMany("too many uploads at once; go on in a minute".to_owned());
    let deadline = Instant::now() + plan::ROOM_WAIT;
    let mut pause = Duration::ZERO;
    while Instant::now() < deadline {
        tokio::select! {
            biased;
            room = &mut room => return room.map_err(|_closed| too_many()),
            () = tokio::time::sleep(pause) => {}
        }
        pause = match service.uploads.put_one_away(service).await {
            true => Duration::ZERO,
            false => plan::ROOM_LOOK,
        };
    }
    Err(too_many())
}
