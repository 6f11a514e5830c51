//! A root slot in a file: two positions for roots, and two copies of the anchor behind them.
//!
//! The file is made once and written in place ever after, never renamed over: a replaced file's
//! blocks would keep the old root. A root is retired by overwriting its position with random bytes
//! and then zeros, each made durable, and giving the blocks back.
//!
//! What this cannot rule out: a solid-state disk may keep a remnant of the old blocks where only
//! laboratory equipment finds it, sealed to the unlock recipients. Only a slot in hardware does.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::entropy::Entropy;
use crate::id::VaultId;
use crate::model::{Effaced, Retired, SlotKind};

use super::anchor::{self, COPY_BYTES, Copy, SlotAnchor};
use super::disk::{Disk, FileDisk, Refused};
use super::position::{Opened, POSITION_BYTES, Position, Whole};
use super::recipients::Recipients;
use super::slot::{Contents, Held, Root, RootSlot, SlotError};
use super::unlock::Identities;

const POSITIONS: usize = 2;
const COPIES: usize = 2;
pub(super) const FILE_BYTES: u64 = (POSITIONS * POSITION_BYTES + COPIES * COPY_BYTES) as u64;

/// A root slot in a file of its own, which only its owner may read.
#[derive(Debug)]
pub struct FileSlot {
    path: PathBuf,
    disk: Box<dyn Disk>,
    turn: Mutex<()>,
}

impl FileSlot {
    /// Makes a new slot file that holds `root`, sealed to `recipients`.
    ///
    /// # Errors
    /// [`SlotError::Exists`] when anything is at `path`, and failures to seal or write, after which
    /// no file is left.
    pub fn create(path: &Path, root: &Root, recipients: &Recipients) -> Result<Self, SlotError> {
        let place = path.display().to_string();
        let bytes = Whole::seal(root, recipients)?.to_bytes();
        let bytes = bytes.ok_or(SlotError::TooLong { place })?;
        let disk = FileDisk::create(path, FILE_BYTES).map_err(|why| match why {
            Refused::Io(source) if source.kind() == io::ErrorKind::NotFound => SlotError::Io {
                doing: "cannot make",
                place: path.display().to_string(),
                source,
            },
            why => refused(path, why),
        })?;
        let slot = Self::on(path, Box::new(disk));
        let written = slot.write_position(0, &bytes);
        if written.is_err() {
            let _ = std::fs::remove_file(path);
        }
        written.map(|()| slot)
    }

    /// Opens an existing slot file and locks it against other processes.
    ///
    /// # Errors
    /// [`SlotError::Missing`], [`SlotError::NotASlot`], [`SlotError::TooOpen`],
    /// [`SlotError::Busy`] and failures to open.
    pub fn open(path: &Path) -> Result<Self, SlotError> {
        let disk = FileDisk::open(path, FILE_BYTES).map_err(|why| refused(path, why))?;
        Ok(Self::on(path, Box::new(disk)))
    }

    /// The recipients that its newest root is sealed to.
    ///
    /// # Errors
    /// [`SlotError::NoWholeRoot`] and failures to read.
    pub fn recipients(&self) -> Result<Recipients, SlotError> {
        let _turn = self.turn();
        let positions = self.positions()?;
        let newest = wholes(&positions).max_by_key(|whole| whole.epoch);
        newest
            .map(|whole| whole.recipients.clone())
            .ok_or_else(|| SlotError::NoWholeRoot {
                place: self.place(),
            })
    }

    pub(super) fn on(path: &Path, disk: Box<dyn Disk>) -> Self {
        Self {
            path: path.to_owned(),
            disk,
            turn: Mutex::new(()),
        }
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> SlotError {
        let place = self.place();
        move |source| SlotError::Io {
            doing,
            place: place.clone(),
            source,
        }
    }

    fn positions(&self) -> Result<[Position; POSITIONS], SlotError> {
        let mut found = [Position::Blank, Position::Blank];
        for (index, position) in found.iter_mut().enumerate() {
            let mut bytes = vec![0; POSITION_BYTES];
            self.disk
                .read(position_offset(index), &mut bytes)
                .map_err(self.io("cannot read"))?;
            *position = Position::parse(&bytes);
            if let Position::Newer(version) = *position {
                let place = self.place();
                return Err(SlotError::NewerFormat { place, version });
            }
        }
        match wholes(&found).collect::<Vec<_>>()[..] {
            [a, b] if a.epoch == b.epoch => Err(SlotError::TwoOfOneEpoch {
                place: self.place(),
                epoch: a.epoch,
            }),
            _ => Ok(found),
        }
    }

    fn copies(&self, root: &Root) -> Result<[Copy; COPIES], SlotError> {
        let mut found = [Copy::Blank; COPIES];
        for (index, copy) in found.iter_mut().enumerate() {
            let mut bytes = vec![0; COPY_BYTES];
            self.disk
                .read(copy_offset(index), &mut bytes)
                .map_err(self.io("cannot read"))?;
            *copy = Copy::parse(&bytes, root);
        }
        Ok(found)
    }

    pub(super) fn anchor(&self, root: &Root) -> Result<Option<SlotAnchor>, SlotError> {
        let copies = self.copies(root)?;
        if copies.iter().all(|copy| *copy == Copy::Torn) {
            return Err(SlotError::AnchorDamaged {
                place: self.place(),
            });
        }
        Ok(match copies.iter().max_by_key(|copy| copy.sequence()) {
            Some(Copy::Whole { anchor, .. }) => Some(*anchor),
            _ => None,
        })
    }

    fn check_vault(&self, whole: &Whole, expected: VaultId) -> Result<(), SlotError> {
        if whole.vault == expected {
            return Ok(());
        }
        Err(SlotError::ForeignVault {
            place: self.place(),
            expected,
            found: whole.vault,
        })
    }

    /// Refuses to write to a file that the next start would not find.
    fn check_place(&self) -> Result<(), SlotError> {
        match self
            .disk
            .in_its_place()
            .map_err(self.io("cannot look at"))?
        {
            true => Ok(()),
            false => Err(SlotError::Moved {
                place: self.place(),
            }),
        }
    }

    fn write_position(&self, index: usize, bytes: &[u8]) -> Result<(), SlotError> {
        self.write(position_offset(index), bytes)
    }

    /// Writes, makes durable, and reads back.
    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), SlotError> {
        let mut found = vec![0; bytes.len()];
        self.disk
            .write(offset, bytes)
            .and_then(|()| self.disk.sync())
            .and_then(|()| self.disk.read(offset, &mut found))
            .map_err(self.io("cannot write"))?;
        if found == bytes {
            return Ok(());
        }
        Err(self.io("cannot write")(io::Error::other(
            "what was written is not what is read",
        )))
    }

    fn efface(&self, index: usize, entropy: &dyn Entropy) -> Result<bool, SlotError> {
        let mut bytes = vec![0; POSITION_BYTES];
        entropy.fill(&mut bytes)?;
        self.write_position(index, &bytes)?;
        bytes.fill(0);
        self.write_position(index, &bytes)?;
        self.disk
            .punch(position_offset(index), POSITION_BYTES as u64)
            .map_err(self.io("cannot give back blocks of"))
    }
}

impl RootSlot for FileSlot {
    fn kind(&self) -> SlotKind {
        SlotKind::File
    }

    fn describe(&self) -> String {
        format!("file {}", self.path.display())
    }

    fn held(&self) -> Result<Held, SlotError> {
        let _turn = self.turn();
        let positions = self.positions()?;
        let mut epochs: Vec<u64> = wholes(&positions).map(|whole| whole.epoch).collect();
        epochs.sort_unstable();
        let torn = is_torn(&positions);
        Ok(Held { epochs, torn })
    }

    fn read(&self, vault: VaultId, identities: &Identities) -> Result<Contents, SlotError> {
        let _turn = self.turn();
        let positions = self.positions()?;
        let mut roots = Vec::new();
        let mut locked = Vec::new();
        for whole in wholes(&positions) {
            self.check_vault(whole, vault)?;
            match whole.open(identities)? {
                Opened::Root(root) => roots.push(root),
                Opened::SealedToOthers => locked.push(whole.epoch),
                Opened::Contradiction => {
                    let (place, epoch) = (self.place(), whole.epoch);
                    return Err(SlotError::Damaged { place, epoch });
                }
            }
        }
        roots.sort_by_key(|root: &Root| root.epoch);
        let place = self.place();
        let anchor = match roots.last() {
            Some(newest) => self.anchor(newest)?,
            None if locked.is_empty() => return Err(SlotError::NoWholeRoot { place }),
            None => return Err(SlotError::WrongIdentity { place }),
        };
        let torn = is_torn(&positions);
        Ok(Contents {
            roots,
            locked,
            torn,
            anchor,
        })
    }

    fn prepare(&self, root: &Root, recipients: Option<&Recipients>) -> Result<(), SlotError> {
        let _turn = self.turn();
        self.check_place()?;
        let place = self.place();
        let (free, held) = match self.positions()? {
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
        self.check_vault(&held, root.vault)?;
        if root.epoch <= held.epoch {
            return Err(SlotError::NotNewer {
                place,
                held: held.epoch,
                offered: root.epoch,
            });
        }
        let recipients = recipients.unwrap_or(&held.recipients);
        let bytes = Whole::seal(root, recipients)?.to_bytes();
        self.write_position(free, &bytes.ok_or(SlotError::TooLong { place })?)
    }

    fn keep_only(&self, keep: u64, entropy: &dyn Entropy) -> Result<Retired, SlotError> {
        let _turn = self.turn();
        self.check_place()?;
        let positions = self.positions()?;
        let kept = positions
            .iter()
            .position(|position| position.whole().is_some_and(|whole| whole.epoch == keep));
        let place = self.place();
        let kept = kept.ok_or(SlotError::LastRoot { place, keep })?;
        let mut hole_punched = true;
        for index in (0..POSITIONS).filter(|index| *index != kept) {
            hole_punched &= self.efface(index, entropy)?;
        }
        Ok(Retired {
            slot: self.describe(),
            kept: keep,
            effaced: Effaced::File {
                overwritten: self.disk.overwrites(),
                hole_punched,
            },
        })
    }

    fn write_anchor(&self, root: &Root, anchor: &SlotAnchor) -> Result<(), SlotError> {
        let _turn = self.turn();
        self.check_place()?;
        let [first, second] = self.copies(root)?.map(|copy| copy.sequence());
        // The copy that is not the latest gives way; nothing is less than any sequence.
        let index = usize::from(first > second);
        let sequence = first.max(second).map_or(1, |last| last.saturating_add(1));
        self.write(
            copy_offset(index),
            &anchor::to_bytes(anchor, sequence, root),
        )
    }
}

fn wholes(positions: &[Position]) -> impl Iterator<Item = &Whole> {
    positions.iter().filter_map(Position::whole)
}

fn is_torn(positions: &[Position]) -> bool {
    positions
        .iter()
        .any(|position| matches!(position, Position::Torn))
}

fn position_offset(index: usize) -> u64 {
    (index * POSITION_BYTES) as u64
}

fn copy_offset(index: usize) -> u64 {
    (POSITIONS * POSITION_BYTES + index * COPY_BYTES) as u64
}

fn refused(path: &Path, why: Refused) -> SlotError {
    let place = path.display().to_string();
    match why {
        Refused::NotASlot => SlotError::NotASlot { place },
        Refused::TooOpen(mode) => SlotError::TooOpen { place, mode },
        Refused::Busy => SlotError::Busy { place },
        Refused::Io(error) => match error.kind() {
            io::ErrorKind::NotFound => SlotError::Missing { place },
            io::ErrorKind::AlreadyExists => SlotError::Exists { place },
            _ => SlotError::Io {
                doing: "cannot open",
                place,
                source: error,
            },
        },
    }
}
