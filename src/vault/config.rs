//! The vault's folder: its configuration file, its lock, and where everything in it lies.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::error::VaultError;
use crate::id::VaultId;
use crate::keyring::SlotPlace;

const CONFIG_FILE: &str = "vault.json";
const LOCK_FILE: &str = "lock";
/// What the configuration is called until it is whole.
pub(super) const UNFINISHED_CONFIG_FILE: &str = "vault.json.unfinished";
/// The folder of the journal.
pub(super) const JOURNAL_DIR: &str = "journal";
const FORMAT: u32 = 1;

/// What a vault's configuration file says. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The version of the folder's layout.
    pub format: u32,
    /// Which vault it is.
    pub vault: VaultId,
    /// The root slots, by path or URI; relative paths start at the vault's folder.
    pub slots: Vec<SlotPlace>,
    /// Root slots that are being made: none of the vault's yet, and perhaps with a root in them. What
    /// a crash left of one is effaced when the vault is opened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished_slots: Vec<SlotPlace>,
    /// Where material is stored.
    pub store: StoreChoice,
    /// How many days a backup is kept, as the operator declared; certificates say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backups_kept_days: Option<u32>,
}

/// Where material is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum StoreChoice {
    /// In the vault's own folder, through the embedded server: for trials and tests.
    Embedded {
        /// The bucket.
        bucket: String,
        /// The region requests are signed for.
        region: String,
    },
    /// In a bucket elsewhere.
    S3 {
        /// The server; Amazon's own for the region when there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<String>,
        /// The bucket.
        bucket: String,
        /// The region the bucket must lie in.
        region: String,
    },
}

impl StoreChoice {
    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        match self {
            Self::Embedded { bucket, .. } | Self::S3 { bucket, .. } => bucket,
        }
    }

    /// The region's name.
    pub fn region(&self) -> &str {
        match self {
            Self::Embedded { region, .. } | Self::S3 { region, .. } => region,
        }
    }
}

impl Config {
    pub(super) fn new(vault: VaultId, slots: Vec<SlotPlace>, store: StoreChoice) -> Self {
        Self {
            format: FORMAT,
            vault,
            slots,
            unfinished_slots: Vec::new(),
            store,
            backups_kept_days: None,
        }
    }

    /// Declares how many days backups of the vault in `dir` are kept; no gateway has it open.
    ///
    /// # Errors
    /// [`VaultError::InUse`], and whatever reading and writing the configuration gives.
    pub fn declare_backups(dir: &Path, kept_days: u32) -> Result<Self, VaultError> {
        let _lock = Lock::hold(dir)?;
        let config = Self {
            backups_kept_days: Some(kept_days),
            ..Self::read(dir)?
        };
        config.write(dir)?;
        Ok(config)
    }

    /// Reads the configuration of the vault at `dir`.
    ///
    /// # Errors
    /// [`VaultError::NotAVault`] without one, [`VaultError::Config`] when it does not read.
    pub fn read(dir: &Path) -> Result<Self, VaultError> {
        let path = dir.join(CONFIG_FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(VaultError::NotAVault(dir.to_path_buf()));
            }
            Err(error) => return Err(VaultError::io("read", &path, error)),
        };
        let refused = |reason: String| VaultError::Config {
            path: path.clone(),
            reason,
        };
        let config: Self = serde_json::from_slice(&text).map_err(|e| refused(e.to_string()))?;
        match config.format {
            FORMAT => Ok(config),
            other => Err(refused(format!(
                "it is in format {other}, and this version knows {FORMAT}"
            ))),
        }
    }

    /// Writes the file whole: under another name, synced, then renamed. It marks the vault finished.
    pub(super) fn write(&self, dir: &Path) -> Result<(), VaultError> {
        let (path, unfinished) = (dir.join(CONFIG_FILE), dir.join(UNFINISHED_CONFIG_FILE));
        let failed = |error| VaultError::io("write", &path, error);
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| VaultError::NotWritable(error.to_string()))?;
        let mut file = private_file().create(true).truncate(true).open(&unfinished);
        file.as_mut()
            .map_err(|error| failed(std::io::Error::from(error.kind())))?
            .write_all(&text)
            .map_err(failed)?;
        file.and_then(|file| file.sync_all()).map_err(failed)?;
        std::fs::rename(&unfinished, &path).map_err(failed)?;
        sync_folder(dir)
    }
}

/// The journal's folder.
pub(super) fn journal_dir(dir: &Path) -> PathBuf {
    dir.join(JOURNAL_DIR)
}

/// The index' folder; it can be deleted at any time.
pub(super) fn index_dir(dir: &Path) -> PathBuf {
    dir.join("index")
}

/// Makes the vault's folder, which may exist if it is empty.
pub(super) fn make_folder(dir: &Path) -> Result<(), VaultError> {
    make_durably(dir)?;
    let mut entries = std::fs::read_dir(dir).map_err(|e| VaultError::io("read", dir, e))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(VaultError::AlreadyThere(dir.to_path_buf())),
    }
}

/// Makes a folder, and those above it that are missing; the name of each is on the disk.
pub(super) fn make_durably(dir: &Path) -> Result<(), VaultError> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = dir.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_durably(above)?;
    }
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && dir.is_dir() => {}
        made => made.map_err(|error| VaultError::io("create", dir, error))?,
    }
    sync_folder(above.unwrap_or(Path::new(".")))
}

pub(super) fn sync_folder(dir: &Path) -> Result<(), VaultError> {
    File::open(dir)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| VaultError::io("sync", dir, error))
}

/// How often a lock is tried before another process is taken to have the vault open.
const LOCK_ATTEMPTS: u32 = 20;
/// How long in between.
const LOCK_PAUSE: Duration = Duration::from_millis(25);

/// Keeps every other process out of the vault until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn hold(dir: &Path) -> Result<Self, VaultError> {
        let path = dir.join(LOCK_FILE);
        let file = private_file()
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| VaultError::io("open", &path, error))?;
        for patience in (0..LOCK_ATTEMPTS).rev() {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                // A child that this process has just begun holds what was open until it runs a
                // program of its own.
                Err(rustix::io::Errno::WOULDBLOCK) if patience > 0 => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                Err(rustix::io::Errno::WOULDBLOCK) => break,
                Err(error) => return Err(VaultError::io("lock", &path, error.into())),
            }
        }
        Err(VaultError::InUse(dir.to_path_buf()))
    }
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
