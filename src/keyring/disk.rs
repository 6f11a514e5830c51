//! The few things a slot asks of its file, so that a crash between any two can be played out.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, IFlags, OFlags};
use rustix::io::Errno;

const OTHERS: u32 = 0o077;
const PERMISSIONS: u32 = 0o777;

/// A file of fixed length, written in place.
pub(super) trait Disk: Debug + Send + Sync {
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written durable.
    fn sync(&self) -> io::Result<()>;
    /// Gives the blocks back and reserves new ones that read as zeros; false where that is not possible.
    fn punch(&self, offset: u64, length: u64) -> io::Result<bool>;
    /// Whether the path still leads to this file.
    fn in_its_place(&self) -> io::Result<bool>;
    /// Whether a write goes where the old bytes are.
    fn overwrites(&self) -> bool;
}

/// Why a slot's file is not opened.
#[derive(Debug)]
pub(super) enum Refused {
    NotASlot,
    TooOpen(u32),
    Busy,
    Io(io::Error),
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A real file, locked against other processes while it is open.
#[derive(Debug)]
pub(super) struct FileDisk {
    file: File,
    path: PathBuf,
    overwrites: bool,
}

impl FileDisk {
    /// Opens a file of exactly `length` bytes that only its owner may read.
    pub(super) fn open(path: &Path, length: u64) -> Result<Self, Refused> {
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(nonblocking)
            .open(path)?;
        let about = file.metadata()?;
        let mode = about.mode() & PERMISSIONS;
        match () {
            () if !about.is_file() => Err(Refused::NotASlot),
            () if mode & OTHERS != 0 => Err(Refused::TooOpen(mode)),
            () if about.len() != length => Err(Refused::NotASlot),
            () => Self::locked(file, path),
        }
    }

    /// Makes a new file of `length` zero bytes, durable with its name; it never replaces one.
    pub(super) fn create(path: &Path, length: u64) -> Result<Self, Refused> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let made = Self::reserve(file, path, length);
        if made.is_err() {
            // It holds nothing yet, and left behind it would only be in the way.
            let _ = fs::remove_file(path);
        }
        made
    }

    fn reserve(file: File, path: &Path, length: u64) -> Result<Self, Refused> {
        // Only while a file is empty can btrfs be asked to write it in place.
        let _ = rustix::fs::ioctl_getflags(&file)
            .and_then(|flags| rustix::fs::ioctl_setflags(&file, flags | IFlags::NOCOW));
        reserve(&file, 0, length)?;
        file.set_len(length)?;
        file.sync_all()?;
        sync_directory(path)?;
        Self::locked(file, path)
    }

    fn locked(file: File, path: &Path) -> Result<Self, Refused> {
        match file.try_lock() {
            Ok(()) => Ok(Self {
                overwrites: overwrites(&file),
                file,
                path: path.to_owned(),
            }),
            Err(TryLockError::WouldBlock) => Err(Refused::Busy),
            Err(TryLockError::Error(error)) => Err(Refused::Io(error)),
        }
    }
}

impl Disk for FileDisk {
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<bool> {
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match rustix::fs::fallocate(&self.file, hole, offset, length) {
            Ok(()) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        // Reserved again at once, so that an erasure can run on a full disk.
        reserve(&self.file, offset, length)?;
        self.file.sync_all()?;
        Ok(true)
    }

    fn in_its_place(&self) -> io::Result<bool> {
        let open = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(found) => Ok((found.dev(), found.ino()) == (open.dev(), open.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn overwrites(&self) -> bool {
        self.overwrites
    }
}

/// Overwrites a file with `noise`, as far as it goes, and takes it away, durably.
pub(super) fn clear_away(path: &Path, noise: &[u8]) -> Result<(), Refused> {
    let file = OpenOptions::new().write(true).open(path)?;
    let about = file.metadata()?;
    if !about.is_file() {
        return Err(Refused::NotASlot);
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(Refused::Busy),
        Err(TryLockError::Error(error)) => return Err(Refused::Io(error)),
    }
    let long = usize::try_from(about.len()).unwrap_or(usize::MAX);
    file.write_all_at(noise.get(..long).unwrap_or(noise), 0)?;
    file.sync_all()?;
    fs::remove_file(path)?;
    Ok(sync_directory(path)?)
}

fn reserve(file: &File, offset: u64, length: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, offset, length) {
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether the file system writes in place: the copying and the log-structured ones do not.
fn overwrites(file: &File) -> bool {
    const BTRFS: u64 = 0x9123_683E;
    const ZFS: u64 = 0x2FC1_2FC1;
    const BCACHEFS: u64 = 0xCA45_1A4E;
    const F2FS: u64 = 0xF2F5_2010;
    const NILFS: u64 = 0x3434;
    let kind = rustix::fs::fstatfs(file).map(|about| u64::from(about.f_type as u32));
    match kind {
        Ok(BTRFS) => {
            rustix::fs::ioctl_getflags(file).is_ok_and(|flags| flags.contains(IFlags::NOCOW))
        }
        Ok(ZFS | BCACHEFS | F2FS | NILFS) | Err(_) => false,
        Ok(_) => true,
    }
}
