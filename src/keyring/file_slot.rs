//! A root slot in a file: the root sealed to the unlock recipients, and nothing else in its way.
//!
//! A root is retired by overwriting its position with random bytes and then zeros, each made
//! durable, and giving the blocks back.
//!
//! What this cannot rule out: a solid-state disk may keep a remnant of the old blocks where only
//! laboratory equipment finds it, sealed to the unlock recipients. Only a slot in hardware does.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::entropy::Entropy;
use crate::id::VaultId;
use crate::model::{Effaced, Retired, SlotKind};

use super::anchor::SlotAnchor;
use super::position::{Form, Opened, Position, Whole};
use super::recipients::Recipients;
use super::slot::{Contents, Held, Root, RootSlot, SlotError};
use super::slot_file::{POSITIONS, SlotFile, is_torn, wholes};
use super::unlock::Identities;

/// A root slot in a file of its own, which only its owner may read.
#[derive(Debug)]
pub struct FileSlot {
    file: SlotFile,
    turn: Mutex<()>,
}

impl FileSlot {
    /// Makes a new slot file that holds `root`, sealed to `recipients`.
    ///
    /// # Errors
    /// [`SlotError::Exists`] when anything is at `path`, and failures to seal or write, after which
    /// no file is left.
    pub fn create(path: &Path, root: &Root, recipients: &Recipients) -> Result<Self, SlotError> {
        let whole = Whole::seal(root, recipients)?;
        let slot = Self::on(SlotFile::create(path, Form::File)?);
        let written = slot.file.write_whole(0, &whole);
        if written.is_err() {
            slot.file.remove();
        }
        written.map(|()| slot)
    }

    /// Opens an existing slot file and locks it against other processes.
    ///
    /// # Errors
    /// [`SlotError::Missing`], [`SlotError::NotASlot`], [`SlotError::TooOpen`],
    /// [`SlotError::Busy`] and failures to open.
    pub fn open(path: &Path) -> Result<Self, SlotError> {
        SlotFile::open(path, Form::File).map(Self::on)
    }

    pub(super) fn on(file: SlotFile) -> Self {
        Self {
            file,
            turn: Mutex::new(()),
        }
    }

    #[cfg(test)]
    pub(super) fn anchor(&self, root: &Root) -> Result<Option<SlotAnchor>, SlotError> {
        self.file.anchor(root)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RootSlot for FileSlot {
    fn kind(&self) -> SlotKind {
        SlotKind::File
    }

    fn describe(&self) -> String {
        format!("file {}", self.file.place())
    }

    fn recipients(&self) -> Result<Recipients, SlotError> {
        let _turn = self.turn();
        let positions = self.file.positions()?;
        let newest = wholes(&positions).max_by_key(|whole| whole.epoch);
        newest
            .map(|whole| whole.recipients.clone())
            .ok_or_else(|| SlotError::NoWholeRoot {
                place: self.file.place(),
            })
    }

    fn held(&self) -> Result<Held, SlotError> {
        let _turn = self.turn();
        let positions = self.file.positions()?;
        let mut epochs: Vec<u64> = wholes(&positions).map(|whole| whole.epoch).collect();
        epochs.sort_unstable();
        let torn = is_torn(&positions);
        Ok(Held { epochs, torn })
    }

    fn read(&self, vault: VaultId, identities: &Identities) -> Result<Contents, SlotError> {
        let _turn = self.turn();
        let positions = self.file.positions()?;
        let mut roots = Vec::new();
        let mut locked = Vec::new();
        for whole in wholes(&positions) {
            self.file.check_vault(whole, vault)?;
            match whole.open(identities)? {
                Opened::Root(root) => roots.push(root),
                Opened::SealedToOthers => locked.push(whole.epoch),
                Opened::Contradiction => {
                    let (place, epoch) = (self.file.place(), whole.epoch);
                    return Err(SlotError::Damaged { place, epoch });
                }
            }
        }
        let torn = is_torn(&positions);
        self.file.contents(self.file.place(), roots, locked, torn)
    }

    fn prepare(&self, root: &Root, recipients: Option<&Recipients>) -> Result<(), SlotError> {
        let _turn = self.turn();
        self.file.check_place()?;
        let place = self.file.place();
        let (free, held) = match self.file.positions()? {
            [Position::Whole(a), Position::Whole(b)] => {
                return Err(SlotError::Unresolved {
                    place,
                    older: a.epoch.min(b.epoch),
                    newer: a.epoch.max(b.epoch),
                });
            }
            [Position::Whole(held), _] => (1, held),
            [_, Position::Whole(held)] => (0, held),
            _ => return Err(SlotError::NoWholeRoot { place }),
        };
        self.file.check_vault(&held, root.vault)?;
        if root.epoch <= held.epoch {
            return Err(SlotError::NotNewer {
                place,
                held: held.epoch,
                offered: root.epoch,
            });
        }
        let recipients = recipients.unwrap_or(&held.recipients);
        self.file.write_whole(free, &Whole::seal(root, recipients)?)
    }

    fn keep_only(&self, keep: u64, entropy: &dyn Entropy) -> Result<Retired, SlotError> {
        let _turn = self.turn();
        self.file.check_place()?;
        let positions = self.file.positions()?;
        let kept = positions
            .iter()
            .position(|position| position.whole().is_some_and(|whole| whole.epoch == keep));
        let place = self.file.place();
        let kept = kept.ok_or(SlotError::LastRoot { place, keep })?;
        let mut hole_punched = true;
        for index in (0..POSITIONS).filter(|index| *index != kept) {
            hole_punched &= self.file.efface(index, entropy)?;
        }
        Ok(Retired {
            slot: self.describe(),
            kept: keep,
            effaced: Effaced::File {
                overwritten: self.file.overwrites(),
                hole_punched,
            },
        })
    }

    fn write_anchor(&self, root: &Root, anchor: &SlotAnchor) -> Result<(), SlotError> {
        let _turn = self.turn();
        self.file.write_anchor(root, anchor)
    }
}
