//! The index's folder: sled's files in `sled`, the anchor beside them, one lock outside.
//!
//! The lock is `<folder>.lock`, outside so that it stays where it is when the folder is set aside.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::error::{OpenError, Refused, Unusable};

/// Indexes set aside that are kept for looking into.
const SET_ASIDE_KEPT: usize = 2;
const SET_ASIDE: &str = ".set-aside-";

/// No anchor is longer, in bytes.
const ANCHOR_MAX: u64 = 1024;

/// The folder, held until this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Holds the folder at `path`, whether or not it exists; what it stands in is made if need be.
    pub(super) fn hold(path: &Path) -> Result<Self, OpenError> {
        let path = std::path::absolute(path)
            .map_err(|source| Refused::new("cannot find", path, source))?;
        let home = parent(&path);
        fs::create_dir_all(home).map_err(|source| Refused::new("cannot make", home, source))?;
        let lock_path = beside(&path, ".lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|source| Refused::new("cannot open", &lock_path, source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path)),
            Err(TryLockError::Error(source)) => {
                Err(Refused::new("cannot lock", &lock_path, source).into())
            }
        }
    }

    /// Makes the folder, which must not exist.
    pub(super) fn make(&self) -> Result<(), OpenError> {
        match fs::create_dir(&self.path) {
            Ok(()) => Ok(sync_folder(parent(&self.path))?),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                Err(OpenError::Occupied(self.path.clone()))
            }
            Err(source) => Err(Refused::new("cannot make", &self.path, source).into()),
        }
    }

    /// Where the folder is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where sled's files are.
    pub(super) fn sled(&self) -> PathBuf {
        self.path.join("sled")
    }

    /// The anchor file's bytes.
    pub(super) fn read_anchor(&self) -> Result<Vec<u8>, OpenError> {
        let path = self.anchor();
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|file| file.take(ANCHOR_MAX).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(Unusable::AnchorMissing.into())
            }
            Err(source) => Err(Refused::new("cannot read", &path, source).into()),
        }
    }

    /// Puts the anchor file in place of the one before, whole or not at all, and on disk.
    pub(super) fn write_anchor(&self, bytes: &[u8]) -> Result<(), Refused> {
        self.replace(&self.anchor(), bytes)
    }

    /// The bytes of the file of sections, if there is one.
    pub(super) fn read_sections(&self) -> Result<Option<Vec<u8>>, Refused> {
        let path = self.sections();
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Refused::new("cannot read", &path, source)),
        }
    }

    /// Puts the file of sections in place of the one before, whole or not at all, and on disk.
    pub(super) fn write_sections(&self, bytes: &[u8]) -> Result<(), Refused> {
        self.replace(&self.sections(), bytes)
    }

    /// Deletes the file of sections, so that the next opening looks at every row.
    pub(super) fn discard_sections(&self) -> Result<(), Refused> {
        let path = self.sections();
        match fs::remove_file(&path) {
            Ok(()) => sync_folder(&self.path),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(source) => Err(Refused::new("cannot delete", &path, source)),
        }
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), Refused> {
        let fresh = beside(path, ".new");
        let written = File::create(&fresh)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
            .and_then(|()| fs::rename(&fresh, path));
        written.map_err(|source| Refused::new("cannot write", path, source))?;
        sync_folder(&self.path)
    }

    /// Has the disk keep all that sled handed to the operating system, which its own flush does not.
    pub(super) fn sync_sled(&self) -> Result<(), Refused> {
        for folder in [self.sled().join("blobs"), self.sled()] {
            for file in files_in(&folder)? {
                let synced = File::open(&file).and_then(|file| file.sync_all());
                match synced {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(Refused::new("cannot sync", &file, error));
                    }
                    _ => {}
                }
            }
            sync_folder(&folder)?;
        }
        Ok(())
    }

    /// Deletes snapshots that a kill left half written: sled takes them for damage (spacejam/sled#1512).
    pub(super) fn discard_unfinished_snapshots(&self) -> Result<(), OpenError> {
        for file in files_in(&self.sled())? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            if name.starts_with("snap.") && name.ends_with(".generating") {
                fs::remove_file(&file)
                    .map_err(|source| Refused::new("cannot delete", &file, source))?;
            }
        }
        Ok(())
    }

    /// Where the run of that number goes, while an index is built.
    pub(super) fn run(&self, number: u32) -> Result<PathBuf, Refused> {
        let runs = self.runs();
        fs::create_dir_all(&runs).map_err(|source| Refused::new("cannot make", &runs, source))?;
        Ok(runs.join(number.to_string()))
    }

    /// Deletes the runs of an index that was built, or was not finished.
    pub(super) fn discard_runs(&self) -> Result<(), Refused> {
        let runs = self.runs();
        match fs::remove_dir_all(&runs) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Refused::new("cannot delete", &runs, error))
            }
            _ => Ok(()),
        }
    }

    fn runs(&self) -> PathBuf {
        self.path.join("runs")
    }

    fn anchor(&self) -> PathBuf {
        self.path.join("anchor")
    }

    fn sections(&self) -> PathBuf {
        self.path.join("sections")
    }
}

/// Renames the index at `dir` to `<dir>.set-aside-<n>` and returns where it is now, or nothing when
/// there was none; of those set aside only the latest two are kept.
///
/// # Errors
/// [`OpenError::InUse`] while it is open, [`OpenError::Refused`] when it cannot be renamed.
pub fn set_aside(dir: &Path) -> Result<Option<PathBuf>, OpenError> {
    let folder = Folder::hold(dir)?;
    let before = set_aside_before(folder.path())?;
    let number = before.last().map_or(1, |(number, _)| number + 1);
    let aside = beside(folder.path(), &format!("{SET_ASIDE}{number}"));
    match fs::rename(folder.path(), &aside) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(Refused::new("cannot rename", folder.path(), source).into()),
    }
    sync_folder(parent(folder.path()))?;
    let too_many = (before.len() + 1).saturating_sub(SET_ASIDE_KEPT);
    for (_, old) in before.iter().take(too_many) {
        fs::remove_dir_all(old).map_err(|source| Refused::new("cannot delete", old, source))?;
    }
    Ok(Some(aside))
}

/// The indexes set aside before, by number.
fn set_aside_before(dir: &Path) -> Result<Vec<(u64, PathBuf)>, Refused> {
    let stem = beside(dir, SET_ASIDE);
    let stem = stem.file_name().unwrap_or_default().to_string_lossy();
    let mut before = Vec::new();
    for path in entries_in(parent(dir))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let number = name.strip_prefix(&*stem).and_then(|n| n.parse().ok());
        before.extend(number.map(|number| (number, path.clone())));
    }
    before.sort();
    Ok(before)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Refused> {
    let mut entries = entries_in(folder)?;
    entries.retain(|path| path.is_file());
    Ok(entries)
}

/// What is in `folder`; a folder that is not there is empty.
fn entries_in(folder: &Path) -> Result<Vec<PathBuf>, Refused> {
    let listed = fs::read_dir(folder).and_then(|entries| {
        entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect()
    });
    match listed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(|source| Refused::new("cannot list", folder, source)),
    }
}

fn sync_folder(folder: &Path) -> Result<(), Refused> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| Refused::new("cannot sync", folder, source))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// `path` with `ending` appended to its last name.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
