//! Every slot of a vault as one: each holds the new root before it is used, and each lets go of the old.

use std::path::Path;
use std::sync::Arc;

use crate::entropy::Entropy;
use crate::id::VaultId;
use crate::model::Retired;

use super::anchor::SlotAnchor;
use super::file_slot::FileSlot;
use super::pins::Pins;
use super::pkcs11::Pkcs11Token;
use super::place::{SlotPlace, TokenPlace};
use super::recipients::Recipients;
use super::slot::{Contents, Root, RootSlot, SlotError};
use super::token::Token;
use super::token_slot::TokenSlot;
use super::unlock::Identities;

/// One slot or several, which hold the same.
#[derive(Debug)]
pub struct SlotSet(Vec<Box<dyn RootSlot>>);

/// What it takes to reach the slots of a vault.
#[derive(Debug, Clone)]
pub struct SlotMeans<'a> {
    /// The vault.
    pub vault: VaultId,
    /// Where relative paths start.
    pub dir: &'a Path,
    /// Where the PINs of tokens come from.
    pub pins: &'a Pins,
    /// Where nonces are drawn from.
    pub entropy: &'a Arc<dyn Entropy>,
}

impl SlotMeans<'_> {
    /// Makes a slot at `place` that holds `root`, sealed to `recipients`.
    ///
    /// # Errors
    /// [`SlotError::Exists`] and its like when a slot is there, and failures to seal or write, after
    /// which none is left.
    pub fn create(
        &self,
        place: &SlotPlace,
        root: &Root,
        recipients: &Recipients,
    ) -> Result<Box<dyn RootSlot>, SlotError> {
        let file = place.file(self.dir);
        Ok(match place {
            SlotPlace::File(_) => Box::new(FileSlot::create(&file, root, recipients)?),
            SlotPlace::Token(token) => {
                let token = self.token(token)?;
                Box::new(TokenSlot::create(&file, token, root, recipients)?)
            }
        })
    }

    /// Opens the slot at `place`. None is ever made in its place.
    ///
    /// # Errors
    /// [`SlotError`], named by what is wrong with its file or its token.
    pub fn open(&self, place: &SlotPlace) -> Result<Box<dyn RootSlot>, SlotError> {
        let file = place.file(self.dir);
        Ok(match place {
            SlotPlace::File(_) => Box::new(FileSlot::open(&file)?),
            SlotPlace::Token(token) => Box::new(TokenSlot::open(&file, self.token(token)?)?),
        })
    }

    fn token(&self, place: &TokenPlace) -> Result<Box<dyn Token>, SlotError> {
        let entropy = Arc::clone(self.entropy);
        let token = Pkcs11Token::open(place, self.vault, self.pins, entropy);
        match token {
            Ok(token) => Ok(Box::new(token)),
            Err(source) => Err(SlotError::Token {
                place: place.name(),
                source: Box::new(source),
            }),
        }
    }
}

impl SlotSet {
    /// The slots of a vault.
    ///
    /// # Errors
    /// [`SlotError::NoSlots`] when there is none.
    pub fn new(slots: Vec<Box<dyn RootSlot>>) -> Result<Self, SlotError> {
        match slots.is_empty() {
            true => Err(SlotError::NoSlots),
            false => Ok(Self(slots)),
        }
    }

    /// The slots, each as it describes itself.
    pub fn describe(&self) -> Vec<String> {
        self.0.iter().map(|slot| slot.describe()).collect()
    }

    /// The recipients that the newest root of the first slot is sealed to.
    ///
    /// # Errors
    /// [`SlotError::NoWholeRoot`] and failures to read.
    pub fn recipients(&self) -> Result<Recipients, SlotError> {
        let first = self.0.first().ok_or(SlotError::NoSlots)?;
        first.recipients()
    }

    /// What all slots together hold, whatever stage each was left at; it writes nothing.
    ///
    /// The journal says which of the roots is the true one; [`SlotSet::settle`] then makes every slot
    /// hold that and nothing else.
    ///
    /// # Errors
    /// Whatever any slot fails with, [`SlotError::RootsDisagree`] when two hold different secrets for
    /// one epoch, and [`SlotError::AnchorsDisagree`].
    pub fn read(&self, vault: VaultId, identities: &Identities) -> Result<Contents, SlotError> {
        let mut all = Contents {
            roots: Vec::new(),
            locked: Vec::new(),
            torn: false,
            anchor: None,
        };
        for slot in &self.0 {
            let contents = slot.read(vault, identities)?;
            for root in contents.roots {
                join(&mut all.roots, root)?;
            }
            all.locked.extend(contents.locked);
            all.torn |= contents.torn;
            all.anchor = later(all.anchor, contents.anchor)?;
        }
        all.roots.sort_by_key(|root| root.epoch);
        all.locked.sort_unstable();
        all.locked.dedup();
        Ok(all)
    }

    /// Writes a newer root beside the old in every slot, sealed to `recipients` or to the same as before.
    ///
    /// Only then may the change that needs it be committed.
    ///
    /// # Errors
    /// Whatever a slot fails with, after which the new root is taken back from those that had it, as
    /// far as they answer; [`SlotSet::settle`] takes back the rest.
    pub fn prepare(
        &self,
        root: &Root,
        recipients: Option<&Recipients>,
        entropy: &dyn Entropy,
    ) -> Result<(), SlotError> {
        for (done, slot) in self.0.iter().enumerate() {
            if let Err(error) = slot.prepare(root, recipients) {
                for slot in self.0.iter().take(done) {
                    // The first error is the one that says what to mend.
                    let _ = discard(&**slot, root.epoch, entropy);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Effaces the root of epoch `old` and anything torn in every slot, once a newer is committed.
    ///
    /// An erasure is complete only when this has succeeded. It may be asked again at any time.
    ///
    /// # Errors
    /// [`SlotError::LastRoot`] for a slot with no newer root, and whatever else a slot fails with;
    /// every slot has been asked by then.
    pub fn retire(&self, old: u64, entropy: &dyn Entropy) -> Result<Vec<Retired>, SlotError> {
        self.each(|slot| {
            let newest = slot.held()?.epochs.last().copied();
            let keep = newest.filter(|newest| *newest > old);
            slot.keep_only(
                keep.ok_or_else(|| last(slot, old.saturating_add(1)))?,
                entropy,
            )
        })
    }

    /// Effaces the uncommitted root of epoch `newer` and anything torn in every slot.
    ///
    /// # Errors
    /// [`SlotError::LastRoot`] for a slot with no older root, and whatever else a slot fails with;
    /// every slot has been asked by then.
    pub fn discard(&self, newer: u64, entropy: &dyn Entropy) -> Result<Vec<Retired>, SlotError> {
        self.each(|slot| discard(slot, newer, entropy))
    }

    /// Makes every slot hold `root` and nothing else, whatever stage each was left at.
    ///
    /// This is what a start after a crash calls, with the root that the journal says is the true one.
    /// Slots that hold just that are left alone, and a slot that missed it, having been away, gets
    /// it. Confirmations come from the slots that let go of something.
    ///
    /// # Errors
    /// [`SlotError::NotNewer`] when a slot holds only newer roots: the journal is too old. Whatever
    /// else a slot fails with; every slot has been asked by then.
    pub fn settle(&self, root: &Root, entropy: &dyn Entropy) -> Result<Vec<Retired>, SlotError> {
        let confirmed = self.each(|slot| settle(slot, root, entropy))?;
        Ok(confirmed.into_iter().flatten().collect())
    }

    /// Whether every slot holds a whole root of that epoch.
    ///
    /// # Errors
    /// Whatever a slot fails with.
    pub fn all_hold(&self, epoch: u64) -> Result<bool, SlotError> {
        let held = self.each(|slot| slot.held())?;
        Ok(held.iter().all(|held| held.epochs.contains(&epoch)))
    }

    /// Replaces the anchor in every slot.
    ///
    /// # Errors
    /// Whatever a slot fails with; every slot has been asked by then.
    pub fn write_anchor(&self, root: &Root, anchor: &SlotAnchor) -> Result<(), SlotError> {
        self.each(|slot| slot.write_anchor(root, anchor)).map(drop)
    }

    /// Asks every slot, and only then gives the first failure.
    fn each<T>(
        &self,
        ask: impl Fn(&dyn RootSlot) -> Result<T, SlotError>,
    ) -> Result<Vec<T>, SlotError> {
        let answers: Vec<_> = self.0.iter().map(|slot| ask(&**slot)).collect();
        answers.into_iter().collect()
    }
}

fn discard(slot: &dyn RootSlot, newer: u64, entropy: &dyn Entropy) -> Result<Retired, SlotError> {
    let held = slot.held()?.epochs;
    let keep = held.into_iter().rfind(|epoch| *epoch < newer);
    slot.keep_only(
        keep.ok_or_else(|| last(slot, newer.saturating_sub(1)))?,
        entropy,
    )
}

fn settle(
    slot: &dyn RootSlot,
    root: &Root,
    entropy: &dyn Entropy,
) -> Result<Option<Retired>, SlotError> {
    let held = slot.held()?;
    if !held.epochs.contains(&root.epoch) {
        if let Some(newest) = held.epochs.last().filter(|newest| **newest > root.epoch) {
            return Err(SlotError::NotNewer {
                place: slot.describe(),
                held: *newest,
                offered: root.epoch,
            });
        }
        if let [_, newest] = held.epochs[..] {
            // Both are other epochs: one must go to make room for the right one.
            slot.keep_only(newest, entropy)?;
        }
        slot.prepare(root, None)?;
    } else if held.epochs.len() == 1 && !held.torn {
        return Ok(None);
    }
    slot.keep_only(root.epoch, entropy).map(Some)
}

fn join(roots: &mut Vec<Root>, root: Root) -> Result<(), SlotError> {
    match roots.iter().find(|known| known.epoch == root.epoch) {
        Some(known) if known.agrees_with(&root) => Ok(()),
        Some(_) => Err(SlotError::RootsDisagree { epoch: root.epoch }),
        None => {
            roots.push(root);
            Ok(())
        }
    }
}

/// The anchor further on; a slot may have missed the last one.
fn later(
    one: Option<SlotAnchor>,
    other: Option<SlotAnchor>,
) -> Result<Option<SlotAnchor>, SlotError> {
    match (one, other) {
        (Some(a), Some(b))
            if a.journal_size == b.journal_size && a.merkle_root != b.merkle_root =>
        {
            Err(SlotError::AnchorsDisagree {
                size: a.journal_size,
            })
        }
        // Nothing is less than any anchor.
        (one, other) => Ok([one, other]
            .into_iter()
            .max_by_key(|anchor| anchor.map(|anchor| (anchor.journal_size, anchor.epoch)))
            .flatten()),
    }
}

fn last(slot: &dyn RootSlot, keep: u64) -> SlotError {
    SlotError::LastRoot {
        place: slot.describe(),
        keep,
    }
}
