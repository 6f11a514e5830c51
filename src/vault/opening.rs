//! The journal and the index as they are found, and what is said of that.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use super::error::VaultError;
use super::replay;
use crate::entropy::Entropy;
use crate::index::{Index, OpenError, set_aside};
use crate::journal::{self, Anchor, Journal, Recovery};
use crate::keyring::Root;

/// What opening a vault found and did, a line for each thing worth saying.
#[derive(Debug, Default)]
pub struct Opening {
    /// The lines, in order.
    pub remarks: Vec<String>,
    /// Records the index had not seen.
    pub replayed: u64,
}

type Opened = (
    Result<(Journal, Recovery), journal::Error>,
    Result<Result<Index, OpenError>, VaultError>,
);

/// Opens and verifies both beside each other; the index is believed only as far as the journal bears it out.
/// All of what has no more records or rows than `verified_first`, and of the rest what is needed.
pub(super) fn both(
    journal_dir: &Path,
    index_dir: &Path,
    keys: journal::Keys,
    anchor: Option<Anchor>,
    verified_first: u64,
    entropy: &Arc<dyn Entropy>,
) -> Opened {
    let key = keys.journal.duplicate();
    thread::scope(|threads| {
        let index = threads.spawn(move || {
            Index::open_to_serve(index_dir, &key, Arc::clone(entropy), verified_first)
        });
        let entropy = Arc::clone(entropy);
        let journal = Journal::open_to_serve(journal_dir, keys, anchor, verified_first, entropy);
        let index = index.join().map_err(|_| VaultError::Interrupted);
        (journal, index)
    })
}

impl Opening {
    pub(super) fn say(&mut self, remark: String) {
        tracing::warn!("{remark}");
        self.remarks.push(remark);
    }

    pub(super) fn journal(&mut self, recovery: &journal::Recovery) {
        if recovery.torn_bytes > 0 {
            self.say(format!(
                "the journal ended in {} bytes that a crash left unfinished; they were cut off, nothing acknowledged was in them",
                recovery.torn_bytes
            ));
        }
        if recovery.hashes_rebuilt {
            self.say("the journal's derived hashes were rebuilt".to_owned());
        }
    }

    /// The index, caught up with the journal; set aside and rebuilt when it cannot be.
    pub(super) fn index(
        &mut self,
        dir: &Path,
        opened: Result<Index, OpenError>,
        journal: &Journal,
        root: &Root,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Index, VaultError> {
        let opened = match opened {
            Ok(index) if replay::follows(&index, journal)? => Some(index),
            Ok(index) => {
                drop(index);
                self.say("the index is not a beginning of this journal".to_owned());
                None
            }
            Err(OpenError::Unusable(reason)) => {
                self.say(format!("the index cannot be used: {reason}"));
                None
            }
            Err(other) => return Err(other.into()),
        };
        let (index, rebuilt) = match opened {
            Some(index) => (index, false),
            None => {
                if let Some(aside) = set_aside(dir)? {
                    self.say(format!("the index was set aside at {}", aside.display()));
                }
                let index = Index::create(dir, &root.journal_key, Arc::clone(entropy))?;
                (index, true)
            }
        };
        self.replayed = replay::catch_up(&index, journal)?;
        if rebuilt {
            self.say(format!(
                "the index was rebuilt from the {} records of the journal",
                self.replayed
            ));
        }
        Ok(index)
    }
}
