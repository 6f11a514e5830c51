//! Copies of the journal and its checkpoints in the bucket, made while the vault works: losing the
//! machine then loses nothing that was acknowledged longer ago than a few seconds.
//!
//! The journal goes piece by piece: whole records that the disk has, sealed as they lie there. A piece
//! is named by what it holds and written where nothing is, so that two gateways cannot mix two
//! histories. A signed checkpoint follows when every record it speaks of is there.

mod check;
mod copier;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::error::WorkError;
use super::service::Service;
use crate::journal::verify_checkpoint;
use crate::limits::{COPY_LAG_MAX, ERASURE_COPY_PATIENCE, ERASURE_COPY_WAIT};
use crate::model::Erasure;
use crate::vault::{StoreChoice, Vault, VaultError};

pub(super) use check::check;
pub(super) use copier::{Copier, aside, checkpoints, key_of, pieces};

/// How the copying goes on, for whoever asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyStatus {
    /// How often the bucket is brought up to date.
    pub every: Duration,
    /// Records that are in the bucket.
    pub records: u64,
    /// Durable records that are not.
    pub behind: u64,
    /// How long ago the oldest of those was acknowledged, at most.
    pub lag: Duration,
    /// Why the last attempt failed.
    pub trouble: Option<String>,
}

impl CopyStatus {
    /// What an operator should look at, if anything.
    pub fn concern(&self) -> Option<String> {
        let late = self.lag > COPY_LAG_MAX.max(self.every * 3);
        let why = match (&self.trouble, late) {
            (Some(why), _) => why.as_str(),
            (None, true) => "the store is slow",
            (None, false) => return None,
        };
        Some(format!(
            "the bucket lacks {} records of the journal, of the last {} s: losing this machine now would lose them. Why: {why}",
            self.behind,
            self.lag.as_secs()
        ))
    }
}

/// What a service knows of its copies.
#[derive(Debug)]
pub(super) struct Copies {
    kept: AtomicBool,
    state: Mutex<State>,
    copied: watch::Sender<u64>,
    wanted: Notify,
}

#[derive(Debug)]
struct State {
    every: Duration,
    /// When everything durable was in the bucket last.
    whole: Instant,
    trouble: Option<String>,
}

impl Default for Copies {
    fn default() -> Self {
        Self {
            kept: AtomicBool::new(false),
            state: Mutex::new(State {
                every: Duration::ZERO,
                whole: Instant::now(),
                trouble: None,
            }),
            copied: watch::Sender::new(0),
            wanted: Notify::new(),
        }
    }
}

impl Copies {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the copying goes on; nothing where none are kept, because the store is on this machine.
pub fn status(service: &Service) -> Option<CopyStatus> {
    let copies = &service.copies;
    if !copies.kept.load(Ordering::Acquire) {
        return None;
    }
    let records = *copies.copied.borrow();
    let behind = service
        .vault()
        .journal()
        .anchor()
        .size
        .saturating_sub(records);
    let state = copies.state();
    Some(CopyStatus {
        every: state.every,
        records,
        behind,
        lag: match behind {
            0 => Duration::ZERO,
            _ => state.whole.elapsed(),
        },
        trouble: state.trouble.clone(),
    })
}

/// Keeps the bucket's copies up to date, `every` so often, until it is dropped. A store in the vault's
/// own folder gets none: it is lost with the machine.
pub async fn keep(service: Arc<Service>, every: Duration) {
    if matches!(service.vault().config().store, StoreChoice::Embedded { .. }) {
        return;
    }
    let copies = &service.copies;
    {
        let mut state = copies.state();
        (state.every, state.whole) = (every, Instant::now());
    }
    copies.kept.store(true, Ordering::Release);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut copier = None;
    let mut complained: Option<Instant> = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = copies.wanted.notified() => {}
        }
        let began = Instant::now();
        match round(&service, &mut copier).await {
            Ok(()) => {
                let mut state = copies.state();
                (state.whole, state.trouble) = (began, None);
                if complained.take().is_some() {
                    tracing::info!("the bucket has every record of the journal again");
                }
            }
            Err(error) => {
                // What was followed is looked up again: the answer to a write may have been lost.
                copier = None;
                let behind = copies.state().whole.elapsed().as_secs();
                copies.state().trouble = Some(error.to_string());
                if complained.is_none_or(|last| last.elapsed() > COMPLAINED_EVERY) {
                    complained = Some(began);
                    tracing::error!(
                        %error,
                        behind,
                        "THE JOURNAL IS NOT COPIED TO THE BUCKET: losing this machine now would lose what was acknowledged in this many seconds; it is tried again"
                    );
                }
            }
        }
    }
}

/// How often it is said that copying fails.
const COMPLAINED_EVERY: Duration = Duration::from_secs(60);

/// Brings the bucket up to what is durable now.
async fn round(service: &Arc<Service>, copier: &mut Option<Copier>) -> Result<(), WorkError> {
    let vault = service.vault();
    let copier = match copier {
        Some(copier) => copier,
        None => {
            let surveyed =
                Copier::survey(service.store().clone(), vault.id(), vault.journal_dir()).await?;
            surveyed.settings(vault.config()).await?;
            copier.insert(surveyed)
        }
    };
    let size = bring_up(copier, vault).await?;
    service.copies.copied.send_replace(size);
    copier.tidy().await?;
    let service = Arc::clone(service);
    // What a rotation could not let go of for want of a copy.
    let let_go = tokio::task::spawn_blocking(move || service.vault().let_go_of_what_was_left());
    let_go
        .await
        .map_err(|error| WorkError::Internal(error.to_string()))?
        .map_err(WorkError::from)
}

/// Has the bucket hold every record that is durable now, with a checkpoint that says so; gives how many.
pub(super) async fn bring_up(copier: &mut Copier, vault: &Vault) -> Result<u64, WorkError> {
    let note = vault.journal().checkpoint(vault.signer());
    let note = note.map_err(VaultError::from)?;
    let anchor = verify_checkpoint(&note, &vault.signer().verifier()).map_err(VaultError::from)?;
    if !copier.vouches_for(anchor.size) {
        copier.advance(anchor.size).await?;
        copier.checkpoint(anchor.size, note).await?;
    }
    Ok(anchor.size)
}

/// Brings the bucket up to date once more when the gateway stops, if the store answers soon.
pub async fn finish(service: &Arc<Service>) {
    if !service.copies.kept.load(Ordering::Acquire) {
        return;
    }
    match timeout(ERASURE_COPY_WAIT, round(service, &mut None)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::error!(%error, "the last records are not in the bucket"),
        Err(_) => tracing::error!("the last records are not in the bucket: it is slow"),
    }
}

/// Waits until what is durable now is in the bucket; the old root is let go of after that, because from
/// then on only a copy that has the new tree opens with the slots there are.
///
/// It waits a bounded time, and after [`ERASURE_COPY_PATIENCE`] since the erasure was to happen it waits
/// no longer: a promise to destroy is not broken for a bucket that does not answer.
pub(super) async fn before_effacing(
    service: &Service,
    erasure: &Erasure,
) -> Result<(), VaultError> {
    let copies = &service.copies;
    if !copies.kept.load(Ordering::Acquire) {
        return Ok(());
    }
    let size = service.vault().journal().anchor().size;
    let mut copied = copies.copied.subscribe();
    copies.wanted.notify_one();
    let there = timeout(
        ERASURE_COPY_WAIT,
        copied.wait_for(|records| *records >= size),
    )
    .await;
    if matches!(there, Ok(Ok(_))) {
        return Ok(());
    }
    let waited = service.now().duration_since(due(erasure));
    let why = copies.state().trouble.clone();
    let why = why.unwrap_or_else(|| "the store is slow".to_owned());
    if waited.unsigned_abs() < ERASURE_COPY_PATIENCE {
        return Err(VaultError::NotCopied(why));
    }
    tracing::error!(
        erasure = %erasure.id,
        %why,
        "THE OLD ROOT IS LET GO OF WITHOUT A COPY: until the bucket has the journal, losing this machine would lose everything"
    );
    Ok(())
}

/// When the keys were to be destroyed.
fn due(erasure: &Erasure) -> jiff::Timestamp {
    let decided = erasure.approved.iter().map(|(_, at)| *at).max();
    let decided = decided.unwrap_or(erasure.requested_at);
    let held = erasure.held_until.and_then(|day| {
        let end = day
            .tomorrow()
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?;
        Some(end.timestamp())
    });
    held.map_or(decided, |held| held.max(decided))
}
