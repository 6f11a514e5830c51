//! Backing a vault up while it works, and putting a backup back.
//!
//! A backup holds the journal, the configuration and, for a store in the vault's own folder, the
//! ciphertext. It never holds a root slot, an identity or the index: without a root it is noise, and
//! with the root of a later epoch whoever was erased before it stays erased.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::Vault;
use super::config::{self, Config, JOURNAL_DIR, StoreChoice};
use super::error::VaultError;
use crate::journal::{self, Copied};
use crate::keyring::SlotPlace;

/// The folder of the embedded store, within the vault's.
pub(crate) const STORE_DIR: &str = "store";

/// The end of the name of a copy that is being made; one that is left is cleared away by the next.
const UNFINISHED: &str = ".unfinished";

/// What a backup holds.
#[derive(Debug, Clone, Copy)]
pub struct BackedUp {
    /// The journal.
    pub journal: Copied,
    /// Files of ciphertext, when the store is in the vault's own folder.
    pub objects: u64,
}

impl Vault {
    /// Adds to the backup in `to` what the vault in `dir` has gained, also while a gateway has it
    /// open. `to` may be new, empty, or an earlier backup of the same vault.
    ///
    /// # Errors
    /// [`VaultError::AlreadyThere`] when `to` holds something else, and failures to read or write.
    pub fn back_up(dir: &Path, to: &Path) -> Result<BackedUp, VaultError> {
        let config = Config::read(dir)?;
        match Config::read(to) {
            Ok(there) if there.vault == config.vault => {}
            Ok(_) => return Err(VaultError::AlreadyThere(to.to_path_buf())),
            // One that was interrupted before it was ever whole is gone on with; whether it is of
            // this vault, its journal says.
            Err(VaultError::NotAVault(_)) if is_begun(to) => {}
            Err(VaultError::NotAVault(_)) => config::make_folder(to)?,
            Err(other) => return Err(other),
        }
        let (from_journal, to_journal) = (config::journal_dir(dir), config::journal_dir(to));
        let journal = journal::copy(&from_journal, &to_journal)?;
        // The ciphertext afterwards: an item is on record once it is whole in the store, so whatever
        // the copied journal speaks of is in the copy, or was erased since.
        let objects = match config.store {
            StoreChoice::Embedded { .. } => mirror(&dir.join(STORE_DIR), &to.join(STORE_DIR))?,
            StoreChoice::S3 { .. } => 0,
        };
        config.write(to)?;
        Ok(BackedUp { journal, objects })
    }

    /// Puts the backup in `from` back as a vault in `dir`, which must be new or empty. Its root lies
    /// in `slots`, which are used where they are.
    ///
    /// # Errors
    /// [`VaultError::AlreadyThere`], [`VaultError::NotAVault`], and failures to read or write.
    pub fn restore(from: &Path, dir: &Path, slots: Vec<SlotPlace>) -> Result<BackedUp, VaultError> {
        let config = Config::read(from)?;
        config::make_folder(dir)?;
        let config = Config { slots, ..config };
        let objects = match config.store {
            StoreChoice::Embedded { .. } => mirror(&from.join(STORE_DIR), &dir.join(STORE_DIR))?,
            StoreChoice::S3 { .. } => 0,
        };
        let (from_journal, to_journal) = (config::journal_dir(from), config::journal_dir(dir));
        let journal = journal::copy(&from_journal, &to_journal)?;
        config.write(dir)?;
        Ok(BackedUp { journal, objects })
    }

    /// The journal's folder in the vault at `dir`.
    pub fn journal_dir_of(dir: &Path) -> PathBuf {
        config::journal_dir(dir)
    }

    /// Makes the folder of a vault that is being put together, which must be new or empty, and gives
    /// where its journal goes.
    ///
    /// # Errors
    /// [`VaultError::AlreadyThere`] and failures to write.
    pub fn begin_restore(dir: &Path) -> Result<PathBuf, VaultError> {
        config::make_folder(dir)?;
        Ok(config::journal_dir(dir))
    }

    /// Marks a vault whose journal was put together as finished.
    ///
    /// # Errors
    /// Failures to write.
    pub fn finish_restore(dir: &Path, config: &Config) -> Result<(), VaultError> {
        config.write(dir)
    }

    /// Empties the folder of a vault that could not be put together.
    ///
    /// # Errors
    /// Failures to remove or to make it.
    pub fn undo_restore(dir: &Path) -> Result<(), VaultError> {
        let emptied = std::fs::remove_dir_all(dir);
        emptied.map_err(|error| VaultError::io("remove", dir, error))?;
        config::make_folder(dir)
    }
}

/// Whether a folder holds a backup's beginnings and nothing else.
fn is_begun(to: &Path) -> bool {
    let Ok(found) = entries(to) else {
        return false;
    };
    let known = [JOURNAL_DIR, STORE_DIR, config::UNFINISHED_CONFIG_FILE];
    let mut names = found.iter().map(|(name, ..)| name);
    names.all(|name| known.iter().any(|known| name == known))
}

/// Makes `to` hold the files of `from` and no others; gives how many there are. Files are written
/// once, under names of their own, so one that is there with the same length is the same.
fn mirror(from: &Path, to: &Path) -> Result<u64, VaultError> {
    let made = std::fs::create_dir_all(to);
    made.map_err(|error| VaultError::io("create", to, error))?;
    let mut files = 0;
    let mut names = Vec::new();
    for (name, is_folder, length) in entries(from)? {
        let (source, target) = (from.join(&name), to.join(&name));
        if is_folder {
            files += mirror(&source, &target)?;
        } else {
            let there = target.metadata().is_ok_and(|there| there.len() == length);
            if !there && !copy_file(&source, &target)? {
                // It was deleted meanwhile.
                continue;
            }
            files += 1;
        }
        names.push(name);
    }
    for (name, is_folder, _) in entries(to)? {
        if !names.contains(&name) {
            let stale = to.join(name);
            let removed = match is_folder {
                true => std::fs::remove_dir_all(&stale),
                false => std::fs::remove_file(&stale),
            };
            removed.map_err(|error| VaultError::io("remove", &stale, error))?;
        }
    }
    config::sync_folder(to)?;
    Ok(files)
}

fn entries(dir: &Path) -> Result<Vec<(std::ffi::OsString, bool, u64)>, VaultError> {
    let failed = |error| VaultError::io("read", dir, error);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        // One that is gone by now was deleted while this looked.
        if let Ok(about) = entry.metadata() {
            found.push((entry.file_name(), about.is_dir(), about.len()));
        }
    }
    Ok(found)
}

/// Copies a file and syncs the copy; `false` when the file is gone. It gets its name once it is on
/// the disk: a copy that a power cut left full of zeros would have the right length for ever.
fn copy_file(source: &Path, target: &Path) -> Result<bool, VaultError> {
    let mut unfinished = target.as_os_str().to_owned();
    unfinished.push(UNFINISHED);
    let unfinished = PathBuf::from(unfinished);
    match std::fs::copy(source, &unfinished) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(VaultError::io("copy", source, error)),
    }
    File::open(&unfinished)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(&unfinished, target))
        .map_err(|error| VaultError::io("sync", target, error))?;
    Ok(true)
}
