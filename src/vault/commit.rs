//! Changing the vault: deciding, journaling, projecting, and destroying keys.

use std::sync::{MutexGuard, PoisonError};

use jiff::Timestamp;

use super::error::VaultError;
use super::{Nodes, Rooted, Vault, View};
use crate::id::ErasureId;
use crate::index::{IndexError, Reader, project, tables};
use crate::journal;
use crate::keyring::{Destruction, NodesError, Recipients, Root, WrappedNodes};
use crate::model::{Actor, Entry, Erasure, Event, LeafNumber, NodeId, TreeChange};
use crate::secret::Key;

/// A change being decided on: the vault as it stands, and the keys drawn so far.
#[derive(Debug)]
pub struct Draft<'a> {
    vault: &'a Vault,
    view: View<'a>,
    now: Timestamp,
    keys: TreeChange,
}

impl<'a> Draft<'a> {
    /// The vault as it stands; nothing changes it before this draft is written.
    pub fn view(&self) -> &View<'a> {
        &self.view
    }

    /// The index as it stands.
    pub fn reader(&self) -> &Reader<'a> {
        self.view.reader()
    }

    /// The moment the record will bear.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Draws `N` new keys and hangs them in the tree; call it once a draft.
    ///
    /// # Errors
    /// [`VaultError::KeyTreeFull`], [`VaultError::Key`] and [`VaultError::Entropy`].
    pub fn new_keys<const N: usize>(&mut self) -> Result<[(LeafNumber, Key); N], VaultError> {
        debug_assert!(self.keys.is_empty(), "keys are drawn once a draft");
        let reader = self.view.reader();
        let first = reader.get(&tables::NEXT_LEAF, &tables::THE_ONE)?;
        let leaves = (first.unwrap_or(0)..)
            .take(N)
            .map(|number| LeafNumber::new(number).ok_or(VaultError::KeyTreeFull))
            .collect::<Result<Vec<_>, _>>()?;
        let tree = &self.view.rooted.tree;
        let entropy = &*self.vault.means.entropy;
        let (keys, change) = tree.add(&Nodes(reader), &leaves, entropy)?;
        self.keys = change;
        let drawn: Vec<_> = leaves.into_iter().zip(keys).collect();
        drawn.try_into().map_err(|_| VaultError::KeyTreeFull)
    }
}

impl Vault {
    /// Decides on a change and makes it: `decide` sees the vault as it stands and gives the event;
    /// when this returns, the event is on the disk and in the index.
    ///
    /// # Errors
    /// Whatever `decide` gives, with nothing changed; [`VaultError::Journal`] when the record could
    /// not be written, with nothing changed, or not made durable, after which nothing is acknowledged
    /// until a restart; [`VaultError::Index`] when the index did not follow, likewise.
    pub async fn commit<T, E: From<VaultError>>(
        &self,
        by: Actor,
        decide: impl FnOnce(&mut Draft<'_>) -> Result<(Event, T), E>,
    ) -> Result<T, E> {
        self.commit_placed(by, decide)
            .await
            .map(|(_, answer)| answer)
    }

    /// Decides and makes a change as [`commit`](Self::commit) does, and gives its record's place in
    /// the journal as well.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn commit_placed<T, E: From<VaultError>>(
        &self,
        by: Actor,
        decide: impl FnOnce(&mut Draft<'_>) -> Result<(Event, T), E>,
    ) -> Result<(u64, T), E> {
        let (position, answer) = self.write(by, Then::Wait, decide)?;
        let durable = self.journal.durable(position).await;
        durable.map_err(VaultError::from)?;
        Ok((position, answer))
    }

    /// Decides and writes as [`commit`](Self::commit) does, without waiting for the disk: for what
    /// may be lost in a crash. It is on the disk before anything written after it, and can be read at
    /// once, though the index gathers its rows with those that follow.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), but for the sync.
    pub fn note_unwaited<T, E: From<VaultError>>(
        &self,
        by: Actor,
        decide: impl FnOnce(&mut Draft<'_>) -> Result<(Event, T), E>,
    ) -> Result<T, E> {
        self.write(by, Then::GoOn, decide).map(|(_, answer)| answer)
    }

    /// Decides and writes as [`commit`](Self::commit) does, for callers that may block their thread.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub fn commit_blocking<T, E: From<VaultError>>(
        &self,
        by: Actor,
        decide: impl FnOnce(&mut Draft<'_>) -> Result<(Event, T), E>,
    ) -> Result<T, E> {
        let (position, answer) = self.write(by, Then::Wait, decide)?;
        let durable = self.journal.durable_blocking(position);
        durable.map_err(VaultError::from)?;
        Ok(answer)
    }

    /// Destroys the keys that the approved erasure `erasure` is to destroy, with whatever spare keys
    /// there are, and lets go of the old root in every slot. Blocks its thread.
    ///
    /// `before_effacing` is called between the two, and the old root stays if it fails. It may be asked
    /// again at any point: what is done already is passed over.
    ///
    /// # Errors
    /// Before the record is written nothing has changed. After it the keys are gone, and a failure
    /// means that a slot has not yet let go of the old root: ask again, or restart.
    pub fn destroy(
        &self,
        erasure: ErasureId,
        leaves: &[LeafNumber],
        before_effacing: impl FnOnce() -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let _one_at_a_time = self.destroying.blocking_lock();
        // An erasure does not wait for what a rotation waits for.
        self.settle_what_was_left()?;
        let committing = self.committing();
        let row = self.index.read()?.get(&tables::ERASURES, &erasure)?;
        let epoch = match row {
            Some(row) if row.old_root_effaced.is_some() => return Ok(()),
            Some(Erasure {
                epoch: Some(epoch), ..
            }) => epoch,
            _ => self.destroy_keys(&committing, erasure, leaves)?,
        };
        drop(committing);
        before_effacing()?;
        let before = epoch.saturating_sub(1);
        let slots = self.slots.retire(before, &*self.means.entropy)?;
        self.commit_blocking(Actor::Gateway, |draft| {
            tracing::info!(%erasure, epoch, at = %draft.now(), "the old root is gone from every slot");
            Ok::<_, VaultError>((Event::OldRootEffaced { erasure, slots }, ()))
        })?;
        self.anchor().map(drop)
    }

    fn destroy_keys(
        &self,
        committing: &MutexGuard<'_, ()>,
        erasure: ErasureId,
        leaves: &[LeafNumber],
    ) -> Result<u64, VaultError> {
        let event = |epoch| Event::KeysDestroyed { erasure, epoch };
        self.replace_and_destroy(committing, event, leaves, None)
    }

    /// Draws a new root without `leaves` and whatever spare keys there are, and makes it the one in
    /// force, recorded as `event`. The old root stays beside it in every slot.
    pub(super) fn replace_and_destroy(
        &self,
        committing: &MutexGuard<'_, ()>,
        event: impl FnOnce(u64) -> Event,
        leaves: &[LeafNumber],
        recipients: Option<&Recipients>,
    ) -> Result<u64, VaultError> {
        let (destruction, next) = {
            let view = self.view()?;
            let mut leaves = leaves.to_vec();
            for (spare, ()) in
                view.reader
                    .page(&tables::SPARE_KEYS, &(), None, SPARE_KEYS_AT_ONCE)?
            {
                leaves.extend(LeafNumber::new(spare));
            }
            let tree = &view.rooted.tree;
            let drawn = tree.destroy(&Nodes(&view.reader), &leaves, &*self.means.entropy)?;
            let next = view.rooted.root.after(&drawn);
            (drawn, next)
        };
        let (epoch, written) = (next.epoch, self.journal.size());
        self.slots
            .prepare(&next, recipients, &*self.means.entropy)?;
        let changed = self.change_root(committing, event(epoch), destruction, next);
        if let Err(error) = &changed
            && self.journal.size() == written
            && !matches!(error, VaultError::Journal(journal::Error::Poisoned(_)))
        {
            // The record is not in the journal: without the new root it can be drawn again.
            if let Err(kept) = self.slots.discard(epoch, &*self.means.entropy) {
                tracing::warn!(error = %kept, "a root that is not used was not taken back; a restart does it");
            }
        }
        changed
    }

    fn change_root(
        &self,
        _committing: &MutexGuard<'_, ()>,
        event: Event,
        destruction: Destruction,
        next: Root,
    ) -> Result<u64, VaultError> {
        let epoch = destruction.epoch;
        let entry = Entry {
            at: self.now(),
            by: Actor::Gateway,
            event,
            keys: destruction.change,
        };
        let position = {
            let mut rooted = self.root.write().unwrap_or_else(PoisonError::into_inner);
            let position = self.record(&entry, Then::Wait)?;
            *rooted = Rooted::new(next);
            position
        };
        self.narrowed.send_replace(position);
        self.journal.durable_blocking(position)?;
        Ok(epoch)
    }

    fn write<T, E: From<VaultError>>(
        &self,
        by: Actor,
        then: Then,
        decide: impl FnOnce(&mut Draft<'_>) -> Result<(Event, T), E>,
    ) -> Result<(u64, T), E> {
        let _committing = self.committing();
        let (entry, answer) = {
            let mut draft = Draft {
                vault: self,
                view: self.view()?,
                now: self.now(),
                keys: TreeChange::default(),
            };
            let (event, answer) = decide(&mut draft)?;
            let entry = Entry {
                at: draft.now,
                by,
                event,
                keys: draft.keys,
            };
            (entry, answer)
        };
        let position = self.record(&entry, then)?;
        if narrows(&entry.event) {
            self.narrowed.send_replace(position);
        }
        Ok((position, answer))
    }

    /// Writes an entry to the journal and applies it to the index; the caller is committing.
    fn record(&self, entry: &Entry, then: Then) -> Result<u64, VaultError> {
        let payload = serde_json::to_vec(entry)
            .map_err(|error| VaultError::NotWritable(error.to_string()))?;
        // Projected before it is written: an entry that contradicts the index never gets in.
        let batch = project(&self.index.read()?, entry)?;
        let public = entry.event.public_part();
        let position = self.journal.append(&public, &payload)?;
        if then == Then::Wait {
            // The disk has it while the index takes it in.
            self.journal.hasten(position);
        }
        let written = self.journal.written_anchor();
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = entry.at;
        match then {
            Then::Wait => self
                .index
                .apply_waiting(batch, written.size, written.root)?,
            Then::GoOn => self
                .index
                .apply_gathering(batch, written.size, written.root)?,
        }
        Ok(position)
    }

    pub(super) fn committing(&self) -> MutexGuard<'_, ()> {
        self.committing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// What happens once a record is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Somebody waits until it is on the disk.
    Wait,
    /// Nobody does.
    GoOn,
}

/// Most spare keys destroyed in one epoch, so that one epoch stays one record.
const SPARE_KEYS_AT_ONCE: usize = 256;

/// Whether an event may leave somebody with less access than they had.
fn narrows(event: &Event) -> bool {
    matches!(
        event,
        Event::PersonSuspended { .. }
            | Event::TokenRevoked { .. }
            | Event::StudyAccessGranted { .. }
            | Event::StudyAccessEnded { .. }
            | Event::SupplierApproved { .. }
            | Event::SupplierRemoved { .. }
            | Event::TranscriptAccepted { .. }
            | Event::CopiesDestroyed { .. }
            | Event::ItemChecked { .. }
            | Event::AssignmentEnded { .. }
            | Event::ParticipantRestricted { .. }
            | Event::ConsentRecorded { .. }
            | Event::WithdrawalRecorded { .. }
            | Event::KeysDestroyed { .. }
    )
}

impl WrappedNodes for Nodes<'_, '_> {
    fn wrapped(&self, node: NodeId) -> Result<Option<Vec<u8>>, NodesError> {
        let row = self.0.get(&tables::NODES, &node.into());
        let row = row.map_err(unreadable)?;
        Ok(row.map(|wrapped| wrapped.as_bytes().to_vec()))
    }

    fn children(&self, parent: Option<NodeId>) -> Result<Vec<(NodeId, Vec<u8>)>, NodesError> {
        let Some(places) = NodeId::children_of(parent) else {
            return Ok(Vec::new());
        };
        let (level, first) = (*places.start()).into();
        let before = first.checked_sub(1).map(|index| (level, index));
        let places_long = usize::try_from(crate::model::key::FAN_OUT).unwrap_or(usize::MAX);
        let rows = self
            .0
            .page(&tables::NODES, &level, before.as_ref(), places_long)
            .map_err(unreadable)?;
        let here = rows.into_iter().map_while(|(at, wrapped)| {
            let node = NodeId::try_from(at).ok()?;
            places
                .contains(&node)
                .then(|| (node, wrapped.as_bytes().to_vec()))
        });
        Ok(here.collect())
    }
}

fn unreadable(error: IndexError) -> NodesError {
    NodesError(Box::new(error))
}
