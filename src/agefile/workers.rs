//! The threads that chunks are sealed and opened on.

use std::num::NonZeroUsize;
use std::sync::Arc;

use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::key::Refused;
use super::{AgeError, SEALED_CHUNK_BYTES};

/// Chunks that each thread should have before work is handed out.
const CHUNKS_PER_THREAD: usize = 8;

/// The threads that chunks are sealed and opened on; a clone shares them.
///
/// With one thread the caller's own does the work; with more the caller waits for them, so that a
/// part of many megabytes is better sealed off the threads that serve connections.
#[derive(Debug, Clone)]
pub struct Workers(Option<Arc<ThreadPool>>);

impl Workers {
    /// The caller's own thread and no other.
    pub fn one() -> Self {
        Self(None)
    }

    /// As many threads as `threads`.
    ///
    /// # Errors
    /// [`AgeError::Threads`] when the system gives none.
    pub fn new(threads: NonZeroUsize) -> Result<Self, AgeError> {
        if threads.get() == 1 {
            return Ok(Self::one());
        }
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .start_handler(keep_to_one_processor)
            .thread_name(|place| format!("chunks-{place}"))
            .build()
            .map_err(AgeError::Threads)?;
        Ok(Self(Some(Arc::new(pool))))
    }

    /// As many threads as the machine runs at once.
    ///
    /// # Errors
    /// [`AgeError::Threads`] when the system gives none.
    pub fn for_machine() -> Result<Self, AgeError> {
        Self::new(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
    }

    /// How many threads these are.
    pub fn threads(&self) -> usize {
        self.0.as_ref().map_or(1, |pool| pool.current_num_threads())
    }

    /// Whether `chunks` are so few that the caller's own thread does the work: that takes less time than
    /// waking another.
    pub fn leaves_to_caller(&self, chunks: usize) -> bool {
        self.0.is_none() || chunks <= CHUNKS_PER_THREAD
    }

    /// Chunks worth gathering before they are worked on together.
    pub(super) fn batch_chunks(&self) -> usize {
        match self.threads() {
            1 => 1,
            threads => threads * CHUNKS_PER_THREAD,
        }
    }

    /// Does `work` on each sealed chunk that `run` is cut into, given its place, and gives the first place refused.
    pub(super) fn first_refused(
        &self,
        run: &mut [u8],
        work: impl Fn(usize, &mut [u8]) -> Result<(), Refused> + Sync,
    ) -> Option<usize> {
        match &self.0 {
            Some(pool) if !self.leaves_to_caller(run.len().div_ceil(SEALED_CHUNK_BYTES)) => pool
                .install(|| {
                    run.par_chunks_mut(SEALED_CHUNK_BYTES)
                        .enumerate()
                        .position_first(|(place, chunk)| work(place, chunk).is_err())
                }),
            _ => run
                .chunks_mut(SEALED_CHUNK_BYTES)
                .enumerate()
                .position(|(place, chunk)| work(place, chunk).is_err()),
        }
    }
}

/// Keeps the calling thread, the pool's `place`th, to one of the processors the process may run on.
///
/// A guest's kernel takes a halted virtual processor for one that its host keeps busy, and wakes a thread
/// on the waker's own: two threads then share one processor until the scheduler next looks, which is longer
/// than a part takes. Where the system says no, the threads run where it puts them.
fn keep_to_one_processor(place: usize) {
    let Ok(allowed) = sched_getaffinity(None) else {
        return;
    };
    let processors = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
    if let Some(mine) = processors.cycle().nth(place) {
        let mut only = CpuSet::new();
        only.set(mine);
        let _ = sched_setaffinity(None, &only);
    }
}
