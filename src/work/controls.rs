//! The controls, tested while they are relied on (R48): each is given what it must refuse, and what
//! it must not.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;

use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::ReadAudit;
use crate::index::tables;
use crate::limits::CONTROLS_ERASURES;
use crate::model::{Actor, ErasureStage, Event};
use crate::sealing;
use crate::secret::Key;
use crate::vault::VaultError;

/// What testing the controls found.
#[derive(Debug, Clone)]
pub struct Controls {
    /// When.
    pub at: Timestamp,
    /// What holds, in words.
    pub hold: Vec<String>,
    /// What does not, and why.
    pub fail: Vec<String>,
}

/// Tests every control now, for somebody who reads the audit.
///
/// # Errors
/// Those of writing to the vault. A control that fails is no error here: it is what was found.
pub async fn test_for(
    service: &Arc<Service>,
    _grant: Grant<ReadAudit>,
) -> Result<Controls, WorkError> {
    test(service).await
}

/// Tests every control now, and records what was found.
///
/// # Errors
/// Those of writing to the vault. A control that fails is no error here: it is what was found.
pub async fn test(service: &Arc<Service>) -> Result<Controls, WorkError> {
    let mut controls = Controls {
        at: service.now(),
        hold: Vec::new(),
        fail: Vec::new(),
    };
    let journal = aside(service, |service| Ok(service.vault().verify()?.size)).await;
    controls.note(
        "the journal is what was written",
        journal.map(|records| format!("{records} records")),
    );
    let drill = service
        .gatekeeper()
        .drill(&*service.vault().means().entropy)
        .map(|asked| format!("{asked} questions"));
    controls.note("the policies refuse what they must", drill);
    controls.note("nothing opens under another key", sealing_refuses(service));
    let erased = aside(service, erased_stays_erased).await;
    controls.note(
        "what was erased does not open",
        erased.map(|erasures| format!("{erasures} erasures looked at")),
    );
    match service.store().recheck().await {
        // It is asked again every minute, and the gateway seals itself when the answer is no.
        Err(error) if error.is_transient() => {}
        answer => controls.note(
            "the bucket is where it may be",
            answer.map(|report| report.location.to_string()),
        ),
    }
    let tested = Event::ControlsTested {
        hold: controls.hold.len() as u64,
        fail: controls.fail.clone(),
    };
    service.note(Actor::Gateway, tested).await?;
    let mut last = service
        .controls
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    *last = Some(controls.clone());
    Ok(controls)
}

impl Controls {
    fn note<E: std::fmt::Display>(&mut self, control: &str, found: Result<String, E>) {
        match found {
            Ok(detail) => self.hold.push(format!("{control} ({detail})")),
            Err(error) => self.fail.push(format!("{control}: not so: {error}")),
        }
    }
}

/// Runs what blocks its thread beside everybody else's work.
async fn aside<T: Send + 'static>(
    service: &Arc<Service>,
    work: impl FnOnce(&Service) -> Result<T, WorkError> + Send + 'static,
) -> Result<T, WorkError> {
    let service = Arc::clone(service);
    let done = tokio::task::spawn_blocking(move || work(&service)).await;
    done.map_err(|error| WorkError::Internal(error.to_string()))?
}

fn sealing_refuses(service: &Service) -> Result<String, String> {
    let entropy = &*service.vault().means().entropy;
    let key = || Key::random(entropy).map_err(|error| error.to_string());
    let (right, wrong) = (key()?, key()?);
    let sealed = sealing::seal(&right, b"control", b"a word", entropy);
    let sealed = sealed.map_err(|error| error.to_string())?;
    let opens = |key: &Key, context: &[u8]| sealing::open(key, context, &sealed).is_ok();
    match (
        opens(&right, b"control"),
        opens(&wrong, b"control"),
        opens(&right, b"another"),
    ) {
        (true, false, false) => Ok("nor in another place".to_owned()),
        (false, _, _) => Err("what was sealed does not open under its own key".to_owned()),
        _ => Err("what was sealed opens under another key, or in another place".to_owned()),
    }
}

/// Looks for the keys of certified erasures; gives how many erasures were looked at.
fn erased_stays_erased(service: &Service) -> Result<usize, WorkError> {
    let view = service.vault().view()?;
    let rows = view
        .reader()
        .page(&tables::ERASURES, &(), None, CONTROLS_ERASURES)?;
    let certified = rows
        .into_iter()
        .filter(|(_, erasure)| erasure.stage == ErasureStage::Certified);
    let mut looked_at = 0;
    for (id, erasure) in certified {
        for key in &erasure.target.keys {
            match view.key(*key).map_err(VaultError::from) {
                Err(VaultError::Destroyed) => {}
                Ok(_) => return Err(WorkError::Internal(format!("a key of {id} is there"))),
                Err(error) => return Err(error.into()),
            }
        }
        looked_at += 1;
    }
    Ok(looked_at)
}
