//! What the gateway does by itself while it serves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::problem::chain;
use super::state::Shared;
use crate::work::{WorkError, controls, copies, deposit, erase, retain};

/// How often erasures that were interrupted are taken up, and uploads whose time is over given up.
const EACH_MINUTE: Duration = Duration::from_secs(60);
/// How often the root slots note how far the journal has come, and the index is made durable.
const ANCHORED_EVERY: Duration = Duration::from_secs(300);
/// How often the bucket is asked again where it is (R39).
const RECHECKED_EVERY: Duration = Duration::from_secs(3600);
/// How often the controls are tested (R48); at the start as well.
const CONTROLS_TESTED_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How soon it is asked again when it did not answer.
const RECHECKED_AGAIN: Duration = Duration::from_secs(60);

/// Starts everything; it runs until the tasks are aborted.
pub(super) fn start(shared: &Arc<Shared>, copy_every: Duration) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(verify_rest(Arc::clone(shared)));
    tasks.spawn(erase_on(Arc::clone(shared)));
    tasks.spawn(keep_no_longer(Arc::clone(shared)));
    tasks.spawn(tidy_uploads(Arc::clone(shared)));
    tasks.spawn(anchor(Arc::clone(shared)));
    tasks.spawn(recheck(Arc::clone(shared)));
    tasks.spawn(test_controls(Arc::clone(shared)));
    tasks.spawn(copies::keep(Arc::clone(&shared.service), copy_every));
    tasks
}

/// Verifies what the start left to be verified, and seals the gateway when something of it is not what
/// was written.
async fn verify_rest(shared: Arc<Shared>) {
    let began = Instant::now();
    let mut steps = 0_u64;
    while shared.seal.reason().is_none() {
        let more = shared.aside(|service| Ok(service.vault().verify_next()?));
        match more.await {
            Ok(true) => steps += 1,
            Ok(false) if steps == 0 => return,
            Ok(false) => {
                let seconds = began.elapsed().as_secs();
                tracing::info!(
                    seconds,
                    "what was not verified before the start is verified"
                );
                return;
            }
            Err(error) => shared.seal.close(chain(&error)),
        }
    }
}

async fn erase_on(shared: Arc<Shared>) {
    let mut minutes = ticking(EACH_MINUTE);
    loop {
        tokio::select! {
            _ = minutes.tick() => {}
            () = shared.erasures.notified() => {}
        }
        let service = Arc::clone(&shared.service);
        let resumed = shared.finish(async move { erase::resume(&service).await });
        match resumed.await {
            Ok(0) => {}
            Ok(erasures) => {
                tracing::info!(erasures, "interrupted erasures were brought to their end")
            }
            Err(error) => complain(&error, "interrupted erasures do not come to their end yet"),
        }
    }
}

/// Destroys what is due: when the gateway starts, and soon after each midnight in London.
async fn keep_no_longer(shared: Arc<Shared>) {
    let mut minutes = ticking(EACH_MINUTE);
    let mut looked = None;
    loop {
        minutes.tick().await;
        let today = shared.service.today();
        if looked == Some(today) {
            continue;
        }
        let service = Arc::clone(&shared.service);
        let run = shared.finish(async move { retain::daily(&service).await });
        match run.await {
            Ok(erasures) => {
                looked = Some(today);
                let items: usize = erasures.iter().map(|one| one.target.items.len()).sum();
                let erasures = erasures.len();
                tracing::info!(%today, erasures, items, "looked for what is due, and destroyed it");
            }
            Err(error) => complain(&error, "not everything that is due is destroyed yet"),
        }
    }
}

async fn tidy_uploads(shared: Arc<Shared>) {
    let mut minutes = ticking(EACH_MINUTE);
    loop {
        minutes.tick().await;
        match deposit::expire(&shared.service).await {
            Ok(0) => {}
            Ok(uploads) => tracing::info!(uploads, "uploads were given up: their time is over"),
            Err(error) => complain(
                &error,
                "uploads whose time is over are not cleared away yet",
            ),
        }
        match deposit::reconcile(&shared.service).await {
            Ok(0) => {}
            Ok(uploads) => {
                tracing::info!(uploads, "uploads the store held for nobody were aborted")
            }
            Err(error) => complain(
                &error,
                "the store's unfinished uploads are not looked through yet",
            ),
        }
    }
}

async fn anchor(shared: Arc<Shared>) {
    let mut periods = ticking(ANCHORED_EVERY);
    // At the start both were just done.
    periods.tick().await;
    loop {
        periods.tick().await;
        let anchored = shared.aside(|service| {
            let vault = service.vault();
            vault.anchor()?;
            Ok(vault.make_index_durable()?)
        });
        if let Err(error) = anchored.await {
            complain(
                &error,
                "the root slots and the index could not be brought up to date",
            );
        }
    }
}

/// Seals the gateway when the bucket is no longer where it may be, or cannot be asked for a reason
/// that waiting does not cure.
async fn recheck(shared: Arc<Shared>) {
    let mut wait = RECHECKED_EVERY;
    while shared.seal.reason().is_none() {
        tokio::time::sleep(wait).await;
        wait = match shared.service.store().recheck().await {
            Ok(_) => RECHECKED_EVERY,
            Err(error) if error.is_transient() => {
                complain(
                    &error.into(),
                    "the store cannot be asked where it is just now",
                );
                RECHECKED_AGAIN
            }
            Err(error) => {
                shared.seal.close(chain(&error));
                return;
            }
        };
    }
}

/// Tests the controls, and seals the gateway when one of them does not hold (R48).
async fn test_controls(shared: Arc<Shared>) {
    let mut days = ticking(CONTROLS_TESTED_EVERY);
    while shared.seal.reason().is_none() {
        days.tick().await;
        let service = Arc::clone(&shared.service);
        // Finished before the vault closes: it reads the journal on a thread of its own.
        let tested = shared.finish(async move { controls::test(&service).await });
        match tested.await {
            Ok(found) if found.fail.is_empty() => {
                tracing::info!(
                    controls = found.hold.len(),
                    "the controls were tested and hold"
                );
            }
            Ok(found) => shared.seal.close(found.fail.join("; ")),
            Err(error) => complain(&error, "the controls could not be tested"),
        }
    }
}

fn ticking(period: Duration) -> tokio::time::Interval {
    let mut interval = interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn complain(error: &WorkError, what: &str) {
    tracing::error!(cause = chain(error), "{what}; it is tried again");
}
