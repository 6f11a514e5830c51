//! The file behind a slot: two positions for roots, and two copies of the anchor behind them.
//!
//! It is made once and written in place ever after, never renamed over: a replaced file's blocks
//! would keep the old root. Whatever is written is made durable and read back.

use std::io;
use std::path::{Path, PathBuf};

use crate::entropy::Entropy;
use crate::id::VaultId;

use super::anchor::{self, COPY_BYTES, Copy, SlotAnchor};
use super::disk::{self, Disk, FileDisk, Refused};
use super::position::{Form, POSITION_BYTES, Position, Whole};
use super::slot::{Contents, Root, SlotError};

pub(super) const POSITIONS: usize = 2;
const COPIES: usize = 2;
pub(super) const FILE_BYTES: u64 = (POSITIONS * POSITION_BYTES + COPIES * COPY_BYTES) as u64;

/// A slot's file, of one form.
#[derive(Debug)]
pub(super) struct SlotFile {
    path: PathBuf,
    disk: Box<dyn Disk>,
    form: Form,
}

impl SlotFile {
    /// Makes a new file with nothing in it.
    pub(super) fn create(path: &Path, form: Form) -> Result<Self, SlotError> {
        let disk = FileDisk::create(path, FILE_BYTES).map_err(|why| match why {
            Refused::Io(source) if source.kind() == io::ErrorKind::NotFound => SlotError::Io {
                doing: "cannot make",
                place: path.display().to_string(),
                source,
            },
            why => refused(path, why),
        })?;
        Ok(Self::on(path, Box::new(disk), form))
    }

    /// Opens an existing file and locks it against other processes.
    pub(super) fn open(path: &Path, form: Form) -> Result<Self, SlotError> {
        let disk = FileDisk::open(path, FILE_BYTES).map_err(|why| refused(path, why))?;
        Ok(Self::on(path, Box::new(disk), form))
    }

    /// Effaces and removes what a crash left of a file that was being made; there may be nothing.
    pub(super) fn clear_away(path: &Path, entropy: &dyn Entropy) -> Result<(), SlotError> {
        let mut bytes = vec![0; FILE_BYTES as usize];
        entropy.fill(&mut bytes)?;
        match disk::clear_away(path, &bytes) {
            Err(Refused::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            cleared => cleared.map_err(|why| refused(path, why)),
        }
    }

    pub(super) fn on(path: &Path, disk: Box<dyn Disk>, form: Form) -> Self {
        Self {
            path: path.to_owned(),
            disk,
            form,
        }
    }

    /// Takes back a file that was just made and could not be filled.
    pub(super) fn remove(&self) {
        let _ = std::fs::remove_file(&self.path);
    }

    pub(super) fn place(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> SlotError {
        let place = self.place();
        move |source| SlotError::Io {
            doing,
            place: place.clone(),
            source,
        }
    }

    pub(super) fn positions(&self) -> Result<[Position; POSITIONS], SlotError> {
        let mut found = [Position::Blank, Position::Blank];
        for (index, position) in found.iter_mut().enumerate() {
            let mut bytes = vec![0; POSITION_BYTES];
            self.disk
                .read(position_offset(index), &mut bytes)
                .map_err(self.io("cannot read"))?;
            *position = Position::parse(&bytes, self.form);
            let place = self.place();
            match *position {
                Position::Newer(version) => return Err(SlotError::NewerFormat { place, version }),
                Position::OtherForm => return Err(SlotError::OtherKind { place }),
                _ => {}
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

    /// What a slot holds, given the roots of it that opened and the epochs of those sealed to others.
    pub(super) fn contents(
        &self,
        place: String,
        mut roots: Vec<Root>,
        locked: Vec<u64>,
        torn: bool,
    ) -> Result<Contents, SlotError> {
        roots.sort_by_key(|root| root.epoch);
        let anchor = match roots.last() {
            Some(newest) => self.anchor(newest)?,
            None if locked.is_empty() => return Err(SlotError::NoWholeRoot { place }),
            None => return Err(SlotError::WrongIdentity { place }),
        };
        Ok(Contents {
            roots,
            locked,
            torn,
            anchor,
        })
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

    pub(super) fn check_vault(&self, whole: &Whole, expected: VaultId) -> Result<(), SlotError> {
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
    pub(super) fn check_place(&self) -> Result<(), SlotError> {
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

    /// Writes a root into position `index`.
    pub(super) fn write_whole(&self, index: usize, whole: &Whole) -> Result<(), SlotError> {
        let place = self.place();
        let bytes = whole.to_bytes(self.form);
        self.write_position(index, &bytes.ok_or(SlotError::TooLong { place })?)
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

    /// Overwrites position `index` with random bytes and then zeros, and gives its blocks back; says
    /// whether the disk took them.
    pub(super) fn efface(&self, index: usize, entropy: &dyn Entropy) -> Result<bool, SlotError> {
        #[cfg(feature = "sabotage-for-tests-only")]
        if crate::sabotage::Sabotage::OldRootKept.is_on() {
            return Ok(true);
        }
        let mut bytes = vec![0; POSITION_BYTES];
        entropy.fill(&mut bytes)?;
        self.write_position(index, &bytes)?;
        bytes.fill(0);
        self.write_position(index, &bytes)?;
        self.disk
            .punch(position_offset(index), POSITION_BYTES as u64)
            .map_err(self.io("cannot give back blocks of"))
    }

    /// Whether a write goes where the old bytes are.
    pub(super) fn overwrites(&self) -> bool {
        self.disk.overwrites()
    }

    /// Replaces the older copy of the anchor.
    pub(super) fn write_anchor(&self, root: &Root, anchor: &SlotAnchor) -> Result<(), SlotError> {
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

pub(super) fn wholes(positions: &[Position]) -> impl Iterator<Item = &Whole> {
    positions.iter().filter_map(Position::whole)
}

pub(super) fn is_torn(positions: &[Position]) -> bool {
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
