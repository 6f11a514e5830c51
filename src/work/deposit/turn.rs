//! Taking turns at an upload: whoever comes last writes, and whoever was writing stops.
//!
//! A connection that broke off is often noticed by the client first. When the client comes back on
//! another one, the old one must not hold the upload until its own timeout.

use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard, watch};

use super::super::error::WorkError;

/// How long the one before, and what it sent on its way, may take to stop.
pub(super) const STOP_WAIT: Duration = Duration::from_secs(30);

/// Counts those who asked for a turn; closed when the upload is broken off.
#[derive(Debug)]
pub(super) struct Turns {
    asked: watch::Sender<Asked>,
    writing: Mutex<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    count: u64,
    closed: bool,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            asked: watch::Sender::new(Asked {
                count: 0,
                closed: false,
            }),
            writing: Mutex::new(()),
        }
    }
}

/// The turn of one who writes, until somebody else asks.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    mine: u64,
    asked: watch::Receiver<Asked>,
    _writing: MutexGuard<'a, ()>,
}

impl Turns {
    /// Asks whoever writes to stop, and waits until they have.
    pub(super) async fn take(&self) -> Result<Turn<'_>, WorkError> {
        let mut mine = 0;
        self.asked.send_modify(|asked| {
            asked.count += 1;
            mine = asked.count;
        });
        let asked = self.asked.subscribe();
        let writing = self.wait().await?;
        if asked.borrow().closed {
            return Err(WorkError::NoSuchThing);
        }
        Ok(Turn {
            mine,
            asked,
            _writing: writing,
        })
    }

    /// A turn, if nobody has one; whoever asks meanwhile waits for its end.
    pub(super) fn take_if_free(&self) -> Option<MutexGuard<'_, ()>> {
        self.writing.try_lock().ok()
    }

    /// Ends every turn, now and later.
    pub(super) fn close(&self) {
        self.asked.send_modify(|asked| asked.closed = true);
    }

    /// Ends every turn, and waits until whoever writes has stopped.
    pub(super) async fn end(&self) -> Result<(), WorkError> {
        self.close();
        self.wait().await.map(drop)
    }

    async fn wait(&self) -> Result<MutexGuard<'_, ()>, WorkError> {
        let writing = tokio::time::timeout(STOP_WAIT, self.writing.lock()).await;
        writing.map_err(|_| still_writing())
    }
}

impl Turn<'_> {
    /// Waits for `next`, unless the turn is lost first.
    pub(super) async fn unless_lost<T>(
        &self,
        next: impl Future<Output = T> + Send,
    ) -> Result<T, WorkError> {
        let mut asked = self.asked.clone();
        let mine = self.mine;
        let lost = asked.wait_for(|asked| asked.closed || asked.count > mine);
        tokio::select! {
            biased;
            lost = lost => match lost.map(|asked| asked.closed) {
                Ok(false) => Err(WorkError::BrokenOff),
                Ok(true) | Err(_) => Err(WorkError::NoSuchThing),
            },
            next = next => Ok(next),
        }
    }
}

/// Somebody, or something, takes too long to stop.
pub(super) fn still_writing() -> WorkError {
    WorkError::Conflict("another request still writes to this upload; try again".to_owned())
}
