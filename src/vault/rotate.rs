//! Replacing the root without erasing anybody, and changing who unlocks it and where it lies.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::config::{Config, Lock};
use super::error::VaultError;
use super::open::slots_of;
use super::{Means, Vault};
use crate::keyring::{Identities, Pins, Recipients, SlotError, SlotMeans, SlotPlace};
use crate::model::{Actor, Event, Retired};

/// What a rotation changes; what is left out stays.
#[derive(Debug, Default)]
pub struct Rotation {
    /// Who can unlock the vault from now on.
    pub recipients: Option<Recipients>,
    /// Root slots to be made; relative paths start at the vault's folder.
    pub add: Vec<SlotPlace>,
    /// Root slots that are lost or to be retired, as the configuration names them.
    pub drop: Vec<SlotPlace>,
}

/// What a rotation did.
#[derive(Debug)]
pub struct Rotated {
    /// The epoch that began with it.
    pub epoch: u64,
    /// What each slot said when it let go of the old root.
    pub slots: Vec<Retired>,
    /// The slots there are now.
    pub now: Vec<SlotPlace>,
    /// Why the last records have no copy elsewhere yet, when they have none.
    pub behind: Option<String>,
}

impl Vault {
    /// Rotates the root of the vault in `dir`, which no gateway has open: a new root in every slot,
    /// sealed to whoever is to unlock it, and the old one gone. Nothing is encrypted anew.
    ///
    /// Slots are dropped first and made last, so that at every moment what the configuration names
    /// holds the root; a crash in between leaves a vault that opens, and the rest can be asked again.
    ///
    /// `copied` is asked whether every record there is has a copy elsewhere: before the root is replaced,
    /// before the old one goes, and at the end. It says why not.
    ///
    /// # Errors
    /// [`SlotError::NoSlots`] when no slot would be left; [`VaultError::UnknownSlot`];
    /// [`VaultError::BucketBehind`] with nothing rotated and [`VaultError::OldRootStays`] when `copied`
    /// says so; and whatever opening the vault or writing a slot gives.
    pub fn rotate(
        dir: &Path,
        identities: &Identities,
        means: Means,
        rotation: Rotation,
        mut copied: impl FnMut(&Self) -> Result<(), String>,
    ) -> Result<Rotated, VaultError> {
        drop_slots(dir, &rotation.drop)?;
        let recipients = match &rotation.recipients {
            Some(recipients) => recipients.clone(),
            None => recipients_in_force(dir, identities.pins(), &means)?,
        };
        let (vault, _) = Self::open_to_serve(dir, identities, means, u64::MAX)?;
        copied(&vault).map_err(VaultError::BucketBehind)?;
        // Whatever is left of an earlier change may go now, and makes room.
        vault.left.store(true, Ordering::Release);
        let (epoch, slots) = vault.replace_root(&recipients, || copied(&vault))?;
        let now = vault.add_slots(rotation.add, &recipients, identities.pins())?;
        let behind = copied(&vault).err();
        vault.close()?;
        Ok(Rotated {
            epoch,
            slots,
            now,
            behind,
        })
    }

    fn replace_root(
        &self,
        recipients: &Recipients,
        copied: impl FnOnce() -> Result<(), String>,
    ) -> Result<(u64, Vec<Retired>), VaultError> {
        let _one_at_a_time = self.destroying.blocking_lock();
        self.settle_what_was_left()?;
        let epoch = {
            let committing = self.committing();
            let replaced = |epoch| Event::RootReplaced { epoch };
            self.replace_and_destroy(&committing, replaced, &[], Some(recipients))?
        };
        copied().map_err(VaultError::OldRootStays)?;
        let before = epoch.saturating_sub(1);
        let slots = self.slots.retire(before, &*self.means.entropy)?;
        let said = slots.clone();
        self.commit_blocking(Actor::Operator, |_| {
            Ok::<_, VaultError>((Event::RootRetired { slots: said }, ()))
        })?;
        self.anchor()?;
        Ok((epoch, slots))
    }

    /// Lets go of an old root that an interrupted rotation left beside the new one, now that the journal
    /// has a copy elsewhere. Blocks its thread.
    ///
    /// # Errors
    /// Whatever a slot fails with, and failures to record it; it can be asked again.
    pub fn let_go_of_what_was_left(&self) -> Result<(), VaultError> {
        // Whoever is changing the root sees to it themselves, and may be waiting for the copies.
        match self.destroying.try_lock() {
            Ok(_one_at_a_time) => self.settle_what_was_left(),
            Err(_) => Ok(()),
        }
    }

    /// The same, for whoever holds the right to change the root.
    pub(super) fn settle_what_was_left(&self) -> Result<(), VaultError> {
        if !self.left.load(Ordering::Acquire) {
            return Ok(());
        }
        let settled = self.slots.settle(&self.rooted().root, &*self.means.entropy);
        let slots = settled?;
        self.left.store(false, Ordering::Release);
        if slots.is_empty() {
            return Ok(());
        }
        self.commit_blocking(Actor::Gateway, |_| {
            Ok::<_, VaultError>((Event::RootRetired { slots }, ()))
        })?;
        self.anchor().map(drop)
    }

    /// Makes slots that hold the present root.
    fn add_slots(
        &self,
        places: Vec<SlotPlace>,
        recipients: &Recipients,
        pins: &Pins,
    ) -> Result<Vec<SlotPlace>, VaultError> {
        let mut config = self.config.clone();
        let reach = SlotMeans {
            vault: self.id(),
            dir: &self.dir,
            pins,
            entropy: &self.means.entropy,
        };
        for place in places {
            if place.file(&self.dir).symlink_metadata().is_ok() {
                let place = place.file(&self.dir).display().to_string();
                return Err(SlotError::Exists { place }.into());
            }
            // On record before there is a root in it: one that nobody knows of would outlive an erasure.
            config.unfinished_slots.push(place.clone());
            config.write(&self.dir)?;
            let made = reach.create(&place, &self.rooted().root, recipients);
            config.unfinished_slots.clear();
            if made.is_ok() {
                // It counts only once it is whole.
                config.slots.push(place);
            }
            config.write(&self.dir)?;
            made?;
        }
        Ok(config.slots)
    }
}

/// Effaces what a crash left of slots that were being made; gives where they lay.
pub(super) fn clear_unfinished_slots(
    dir: &Path,
    config: &mut Config,
    means: &Means,
) -> Result<Vec<SlotPlace>, VaultError> {
    let unfinished = std::mem::take(&mut config.unfinished_slots);
    for place in &unfinished {
        place.clear_away(dir, &*means.entropy)?;
    }
    if !unfinished.is_empty() {
        config.write(dir)?;
    }
    Ok(unfinished)
}

/// Whoever can unlock the vault now, as its first slot has it.
fn recipients_in_force(dir: &Path, pins: &Pins, means: &Means) -> Result<Recipients, VaultError> {
    let _lock = Lock::hold(dir)?;
    let slots = slots_of(&Config::read(dir)?, dir, pins, means)?;
    Ok(slots.recipients()?)
}

fn drop_slots(dir: &Path, drop: &[SlotPlace]) -> Result<(), VaultError> {
    if drop.is_empty() {
        return Ok(());
    }
    let _lock = Lock::hold(dir)?;
    let mut config = Config::read(dir)?;
    for place in drop {
        let named = config.slots.iter().position(|slot| slot == place);
        let named = named.ok_or_else(|| VaultError::UnknownSlot(place.clone()))?;
        config.slots.remove(named);
    }
    match config.slots.is_empty() {
        true => Err(SlotError::NoSlots.into()),
        false => config.write(dir),
    }
}
