//! Which records are durable, and one fsync for all who wait at the same time.
//!
//! A thread of its own syncs the segment in use whenever somebody waits for a record that is
//! written and not yet durable; whatever was written meanwhile shares the next sync. After a sync
//! that failed, the kernel may have dropped the very pages it could not write and call the next
//! one a success. So the first failure is the last: nothing is acknowledged after it, and only
//! reading the disk anew, at the next start, tells what it holds.

use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};

use tlog_tiles::Hash;
use tokio::sync::oneshot;

use super::anchor::{Anchor, Frontier};
use super::disk::LogFile;
use super::error::Error;

/// What a waiter is told: nothing, or why its record is not durable.
pub(super) type Told = Result<(), Arc<str>>;

pub(super) struct Commits {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    /// Held during a sync and until its outcome is noted: a failure is reported to one caller
    /// only, so nobody may sync and succeed in between.
    turn: Mutex<()>,
    progress: Mutex<Progress>,
    wake: Condvar,
    syncs: AtomicU64,
}

struct Progress {
    written: Frontier,
    durable: Frontier,
    /// The segment in use. Every written record that is not durable lies in it.
    file: Option<Arc<dyn LogFile>>,
    wanted: u64,
    /// Whether the thread that syncs waits to be woken.
    idle: bool,
    /// How many were told of the last sync.
    told: usize,
    waiters: Vec<(u64, oneshot::Sender<Told>)>,
    failed: Option<Arc<str>>,
    stop: bool,
}

impl Commits {
    /// Starts with `tree` written and durable.
    pub(super) fn start(dir: &Path, tree: Frontier) -> Result<Self, Error> {
        let shared = Arc::new(Shared {
            turn: Mutex::new(()),
            progress: Mutex::new(Progress {
                written: tree.clone(),
                durable: tree,
                file: None,
                wanted: 0,
                idle: false,
                told: 0,
                waiters: Vec::new(),
                failed: None,
                stop: false,
            }),
            wake: Condvar::new(),
            syncs: AtomicU64::new(0),
        });
        let worker = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("journal-commits".to_owned())
            .spawn(move || worker.work())
            .map_err(|source| Error::io("start the thread that syncs", dir, source))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Refuses once a write or sync has failed for good.
    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.shared.progress().failed {
            Some(reason) => Err(Error::Poisoned(Arc::clone(reason))),
            None => Ok(()),
        }
    }

    pub(super) fn written(&self) -> Anchor {
        self.shared.progress().written.anchor()
    }

    pub(super) fn durable(&self) -> Anchor {
        self.shared.progress().durable.anchor()
    }

    /// Records written.
    pub(super) fn size(&self) -> u64 {
        self.shared.progress().written.size()
    }

    /// Syncs so far.
    pub(super) fn syncs(&self) -> u64 {
        self.shared.syncs.load(Ordering::Relaxed)
    }

    /// Takes `file` as the segment in use. What was written before must be durable.
    pub(super) fn attach(&self, file: Arc<dyn LogFile>) {
        self.shared.progress().file = Some(file);
    }

    /// Counts a record as written.
    pub(super) fn publish(&self, leaf: Hash, store: impl FnMut(Hash)) {
        self.shared.progress().written.push(leaf, store);
    }

    /// Makes everything written durable before it returns.
    pub(super) fn sync(&self) -> Result<(), Error> {
        self.shared.sync().map_err(Error::Poisoned)
    }

    /// Runs `work`, after whose failure it is unknown what the disk holds.
    pub(super) fn settle(&self, work: impl FnOnce() -> io::Result<()>) -> Result<(), Error> {
        let _turn = self.shared.turn();
        self.check()?;
        work().map_err(|error| Error::Poisoned(self.shared.progress().fail(&error)))
    }

    /// Has what is written up to the record at `position` synced, though nobody waits for it yet.
    pub(super) fn want(&self, position: u64) {
        let mut progress = self.shared.progress();
        let written = progress.written.size();
        let upto = position.saturating_add(1).min(written);
        self.shared.sync_upto(&mut progress, upto);
    }

    /// Refuses everything from here on, because of what was found.
    pub(super) fn poison(&self, found: &Error) {
        self.shared.progress().poison(found.to_string().into());
    }

    /// What will tell when the record at `position` is durable; nothing when it already is.
    pub(super) fn enlist(&self, position: u64) -> Result<Option<oneshot::Receiver<Told>>, Error> {
        let mut progress = self.shared.progress();
        if position < progress.durable.size() {
            return Ok(None);
        }
        if position >= progress.written.size() {
            let size = progress.written.size();
            return Err(Error::NotWritten { position, size });
        }
        if let Some(reason) = &progress.failed {
            return Err(Error::Poisoned(Arc::clone(reason)));
        }
        let (tell, told) = oneshot::channel();
        progress.waiters.push((position, tell));
        self.shared.sync_upto(&mut progress, position + 1);
        Ok(Some(told))
    }
}

impl Drop for Commits {
    fn drop(&mut self) {
        self.shared.progress().stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the first `upto` records synced, waking the thread that does it unless it is at work: then it
    /// looks by itself before it waits again.
    fn sync_upto(&self, progress: &mut Progress, upto: u64) {
        progress.wanted = progress.wanted.max(upto);
        if std::mem::take(&mut progress.idle) {
            self.wake.notify_one();
        }
    }

    fn work(&self) {
        loop {
            let idle = |p: &mut Progress| {
                p.idle = !p.stop && (p.failed.is_some() || p.wanted <= p.durable.size());
                p.idle
            };
            let woken = self.wake.wait_while(self.progress(), idle);
            let woken = woken.unwrap_or_else(PoisonError::into_inner);
            if woken.stop {
                return;
            }
            let crowded = woken.told > 1;
            drop(woken);
            if crowded {
                // Those who were told just now are about to write again: they share one sync.
                thread::yield_now();
            }
            // A failure is kept in `progress` and told to everybody who waits.
            let _ = self.sync();
        }
    }

    fn sync(&self) -> Told {
        let _turn = self.turn();
        let (file, written) = {
            let progress = self.progress();
            if let Some(reason) = &progress.failed {
                return Err(Arc::clone(reason));
            }
            if progress.durable.size() == progress.written.size() {
                return Ok(());
            }
            (progress.file.clone(), progress.written.clone())
        };
        let outcome = file.map_or_else(
            || Err(io::Error::other("no segment is in use")),
            |file| file.sync(),
        );
        self.syncs.fetch_add(1, Ordering::Relaxed);
        let mut progress = self.progress();
        match outcome {
            Ok(()) => progress.advance(written),
            Err(error) => return Err(progress.fail(&error)),
        }
        Ok(())
    }
}

impl Progress {
    fn advance(&mut self, durable: Frontier) {
        let size = durable.size();
        self.durable = durable;
        self.told = 0;
        for (_, waiter) in self
            .waiters
            .extract_if(.., |(position, _)| *position < size)
        {
            // Whoever no longer waits need not be told.
            let _ = waiter.send(Ok(()));
            self.told += 1;
        }
    }

    fn fail(&mut self, error: &io::Error) -> Arc<str> {
        self.poison(format!("a write or sync failed: {error}").into())
    }

    fn poison(&mut self, reason: Arc<str>) -> Arc<str> {
        for (_, waiter) in self.waiters.drain(..) {
            let _ = waiter.send(Err(Arc::clone(&reason)));
        }
        Arc::clone(self.failed.get_or_insert(reason))
    }
}

/// Waits for `future` on this thread, whatever runtime it may be on.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
