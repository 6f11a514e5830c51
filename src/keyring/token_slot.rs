//! A root slot in a token: a key an epoch that never leaves it, and beside it a file with the root,
//! sealed to the unlock recipients and then under that key.
//!
//! A root counts as held while its position is whole *and* the token has the key of its epoch. It is
//! retired by destroying that key, asking the token whether it is gone, and only then effacing the
//! position. From the destruction on every copy of the file, wherever it lies, is noise; so the file
//! may be backed up, and what a disk remembers of it does not matter.
//!
//! What this cannot rule out: it is as good as the token's word. One in software keeps its keys in
//! files, and whoever copied those before has the old key.

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
use super::token::{Token, TokenError};
use super::unlock::Identities;

const CONTEXT: &[u8] = b"strongroom token slot v1\n";

/// A root slot whose old roots are keys destroyed in a token.
#[derive(Debug)]
pub(super) struct TokenSlot {
    file: SlotFile,
    token: Box<dyn Token>,
    turn: Mutex<()>,
}

/// The positions of the file, and the epochs whose keys the token holds.
struct Standing {
    positions: [Position; POSITIONS],
    keys: Vec<u64>,
}

impl TokenSlot {
    /// Makes a key in the token, and beside it a new file that holds `root`.
    ///
    /// # Errors
    /// [`SlotError::Exists`] when anything is at `path`, [`TokenError::Occupied`] when the token has
    /// keys of such a slot, and failures of either, after which neither file nor key is left.
    pub(super) fn create(
        path: &Path,
        token: Box<dyn Token>,
        root: &Root,
        recipients: &Recipients,
    ) -> Result<Self, SlotError> {
        let place = token.describe();
        let said = |source| SlotError::Token {
            place: place.clone(),
            source: Box::new(source),
        };
        if !token.epochs().map_err(said)?.is_empty() {
            return Err(said(TokenError::Occupied));
        }
        let slot = Self::on(SlotFile::create(path, Form::Token)?, token);
        let written = slot.write_root(0, root, recipients);
        if written.is_err() {
            slot.file.remove();
            let _the_first_error_says_what_to_mend = slot.token.destroy(root.epoch);
        }
        written.map(|()| slot)
    }

    /// Opens the file beside a token that is open already.
    ///
    /// # Errors
    /// [`SlotError`], named by what is wrong with the file.
    pub(super) fn open(path: &Path, token: Box<dyn Token>) -> Result<Self, SlotError> {
        Ok(Self::on(SlotFile::open(path, Form::Token)?, token))
    }

    pub(super) fn on(file: SlotFile, token: Box<dyn Token>) -> Self {
        Self {
            file,
            token,
            turn: Mutex::new(()),
        }
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn said(&self) -> impl Fn(TokenError) -> SlotError {
        let place = self.token.describe();
        move |source| SlotError::Token {
            place: place.clone(),
            source: Box::new(source),
        }
    }

    fn standing(&self) -> Result<Standing, SlotError> {
        Ok(Standing {
            positions: self.file.positions()?,
            keys: self.token.epochs().map_err(self.said())?,
        })
    }

    /// Draws the key of the root's epoch, anew if a crash left one, and writes the root under it.
    pub(super) fn write_root(
        &self,
        index: usize,
        root: &Root,
        recipients: &Recipients,
    ) -> Result<(), SlotError> {
        let mut whole = Whole::seal(root, recipients)?;
        let keys = self.token.epochs().map_err(self.said())?;
        if keys.contains(&root.epoch) {
            self.token.destroy(root.epoch).map_err(self.said())?;
        }
        self.token.make(root.epoch).map_err(self.said())?;
        let sealed = self.token.seal(root.epoch, &context(&whole), &whole.sealed);
        whole.sealed = sealed.map_err(self.said())?;
        self.file.write_whole(index, &whole)
    }

    /// Takes the token's key off a root; what is left is sealed to the unlock recipients.
    fn take_off(&self, whole: &Whole) -> Result<Vec<u8>, SlotError> {
        self.token
            .open(whole.epoch, &context(whole), &whole.sealed)
            .map_err(self.said())
    }

    /// Destroys every key but that of `keep`, and asks afterwards what is left.
    fn destroy_others(&self, keys: &[u64], keep: u64) -> Result<(), SlotError> {
        for epoch in keys.iter().filter(|epoch| **epoch != keep) {
            self.token.destroy(*epoch).map_err(self.said())?;
        }
        let left = self.token.epochs().map_err(self.said())?;
        match left.iter().find(|epoch| **epoch != keep) {
            None => Ok(()),
            Some(&epoch) => Err(self.said()(TokenError::StillThere { epoch })),
        }
    }
}

impl Standing {
    /// The positions that hold a root whose key is there.
    fn usable(&self) -> impl Iterator<Item = (usize, &Whole)> {
        let wholes = self.positions.iter().map(Position::whole).enumerate();
        wholes.filter_map(|(index, whole)| {
            let whole = whole?;
            self.keys.contains(&whole.epoch).then_some((index, whole))
        })
    }

    /// Whether a position is torn or noise, or a key seals nothing.
    fn is_torn(&self) -> bool {
        let usable = self.usable().count();
        is_torn(&self.positions)
            || wholes(&self.positions).count() != usable
            || self.keys.len() != usable
    }
}

impl RootSlot for TokenSlot {
    fn kind(&self) -> SlotKind {
        SlotKind::Token
    }

    fn describe(&self) -> String {
        format!("{}, with {}", self.token.describe(), self.file.place())
    }

    fn recipients(&self) -> Result<Recipients, SlotError> {
        let _turn = self.turn();
        let standing = self.standing()?;
        let newest = standing.usable().max_by_key(|(_, whole)| whole.epoch);
        newest
            .map(|(_, whole)| whole.recipients.clone())
            .ok_or_else(|| SlotError::NoWholeRoot {
                place: self.describe(),
            })
    }

    fn held(&self) -> Result<Held, SlotError> {
        let _turn = self.turn();
        let standing = self.standing()?;
        let mut epochs: Vec<u64> = standing.usable().map(|(_, whole)| whole.epoch).collect();
        epochs.sort_unstable();
        let torn = standing.is_torn();
        Ok(Held { epochs, torn })
    }

    fn read(&self, vault: VaultId, identities: &Identities) -> Result<Contents, SlotError> {
        let _turn = self.turn();
        let standing = self.standing()?;
        for whole in wholes(&standing.positions) {
            self.file.check_vault(whole, vault)?;
        }
        let mut roots = Vec::new();
        let mut locked = Vec::new();
        for (_, whole) in standing.usable() {
            match whole.open_sealed(&self.take_off(whole)?, identities)? {
                Opened::Root(root) => roots.push(root),
                Opened::SealedToOthers => locked.push(whole.epoch),
                Opened::Contradiction => {
                    let (place, epoch) = (self.describe(), whole.epoch);
                    return Err(SlotError::Damaged { place, epoch });
                }
            }
        }
        let torn = standing.is_torn();
        self.file.contents(self.describe(), roots, locked, torn)
    }

    fn prepare(&self, root: &Root, recipients: Option<&Recipients>) -> Result<(), SlotError> {
        let _turn = self.turn();
        self.file.check_place()?;
        let place = self.describe();
        let standing = self.standing()?;
        let (used, held) = match standing.usable().collect::<Vec<_>>()[..] {
            [one] => one,
            [(_, a), (_, b)] => {
                return Err(SlotError::Unresolved {
                    place,
                    older: a.epoch.min(b.epoch),
                    newer: a.epoch.max(b.epoch),
                });
            }
            _ => return Err(SlotError::NoWholeRoot { place }),
        };
        self.file.check_vault(held, root.vault)?;
        if root.epoch <= held.epoch {
            return Err(SlotError::NotNewer {
                place,
                held: held.epoch,
                offered: root.epoch,
            });
        }
        let recipients = recipients.unwrap_or(&held.recipients);
        self.write_root(usize::from(used == 0), root, recipients)
    }

    fn keep_only(&self, keep: u64, entropy: &dyn Entropy) -> Result<Retired, SlotError> {
        let _turn = self.turn();
        self.file.check_place()?;
        let standing = self.standing()?;
        let kept = standing.usable().find(|(_, whole)| whole.epoch == keep);
        let place = self.describe();
        let (kept, whole) = kept.ok_or(SlotError::LastRoot { place, keep })?;
        // A root that the token does not open is no reason to destroy the key of another.
        self.take_off(whole)?;
        self.destroy_others(&standing.keys, keep)?;
        for index in (0..POSITIONS).filter(|index| *index != kept) {
            self.file.efface(index, entropy)?;
        }
        Ok(Retired {
            slot: self.describe(),
            kept: keep,
            effaced: Effaced::Token {
                made_by: self.token.made_by(),
            },
        })
    }

    fn write_anchor(&self, root: &Root, anchor: &SlotAnchor) -> Result<(), SlotError> {
        let _turn = self.turn();
        self.file.write_anchor(root, anchor)
    }
}

/// What a sealed root is bound to, so that none can be put in another's place.
fn context(whole: &Whole) -> Vec<u8> {
    let mut context = CONTEXT.to_vec();
    context.extend_from_slice(whole.vault.to_string().as_bytes());
    context.extend_from_slice(&whole.epoch.to_be_bytes());
    context.extend_from_slice(whole.recipients.to_lines().as_bytes());
    context
}
