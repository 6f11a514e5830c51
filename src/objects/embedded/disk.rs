//! Objects on this machine's disk, written so that an acknowledgement holds through a power cut.
//!
//! ```text
//! DIR/<bucket>/<key>                    an object: a file, or, when it came in parts, a directory
//! DIR/<bucket>/<key>/.parts             with the numbers and lengths of its parts, in order,
//! DIR/<bucket>/<key>/.part-7            and the parts
//! DIR/.uploads/<bucket>/<id>/.upload    an unfinished upload: its identifier and the object's name,
//! DIR/.uploads/<bucket>/<id>/.part-7    and its parts
//! DIR/.incoming/                        what is being written or thrown away; emptied at start
//! DIR/.lock
//! ```
//!
//! Completing an upload moves its directory: no byte is written twice, however long the object.
//! Nothing is kept beside an object, so deleting it leaves nothing of it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};

use super::whole::{PARTS_FILE, Stat, stat};
use crate::entropy::Entropy;
use crate::id::UploadId;

const INCOMING: &str = ".incoming";
const UPLOADS: &str = ".uploads";
const LOCK: &str = ".lock";
const PRIVATE_DIRECTORY: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    entropy: Arc<dyn Entropy>,
    /// Held so that no second process writes here.
    _lock: File,
}

impl Disk {
    /// Opens `root`, makes `bucket`, and clears away what a crash left half written.
    pub(super) fn open(root: &Path, bucket: &str, entropy: Arc<dyn Entropy>) -> io::Result<Self> {
        make_directories(root)?;
        let root = root.canonicalize()?;
        let lock = private_file(&root.join(LOCK))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)?;
        let incoming = root.join(INCOMING);
        match fs::remove_dir_all(&incoming) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => make_directories(&incoming)?,
        }
        make_directories(&root.join(bucket))?;
        let disk = Self {
            root,
            entropy,
            _lock: lock,
        };
        make_directories(&disk.uploads(bucket))?;
        disk.clear_uploads(bucket)?;
        Ok(disk)
    }

    pub(super) fn has_bucket(&self, bucket: &str) -> bool {
        is_plain(bucket) && self.root.join(bucket).is_dir()
    }

    /// Where the object is, or nothing for a name that would lead elsewhere or into another object.
    pub(super) fn object(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        let path = object_path(&self.root, bucket, key)?;
        let folders = path.ancestors().skip(1);
        let mut inside = folders.take_while(|folder| folder.starts_with(self.root.join(bucket)));
        (!inside.any(is_whole_directory)).then_some(path)
    }

    /// A new file to write to, outside every bucket.
    pub(super) fn incoming(&self) -> io::Result<Incoming> {
        let path = self.aside()?;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(&path)?;
        Ok(Incoming { file, path })
    }

    /// Makes a written file the object, durably; unless `replace`, only where nothing is.
    pub(super) fn place(
        &self,
        incoming: Incoming,
        object: &Path,
        replace: bool,
    ) -> io::Result<Stat> {
        incoming.file.sync_all()?;
        let placed = stat(&incoming.file.metadata()?)?;
        let folder = object.parent().ok_or(ErrorKind::InvalidInput)?;
        make_directories(folder)?;
        if replace {
            self.install(&incoming.path, object)?;
        } else {
            // A link, unlike a rename, fails when the name is taken, and does so atomically.
            fs::hard_link(&incoming.path, object)?;
            sync_directory(folder)?;
        }
        Ok(placed)
    }

    /// Moves `from`, a file or a directory of parts, to where the object belongs, durably.
    pub(super) fn install(&self, from: &Path, object: &Path) -> io::Result<()> {
        let folder = object.parent().ok_or(ErrorKind::InvalidInput)?;
        let old = fs::symlink_metadata(object).ok();
        if old.is_some_and(|old| old.is_dir() && !is_whole_directory(object)) {
            return Err(ErrorKind::IsADirectory.into());
        }
        match fs::rename(from, object) {
            // Files and directories do not replace one another, so they change places instead.
            Err(error) if is_in_the_way(&error) => {
                renameat_with(CWD, from, CWD, object, RenameFlags::EXCHANGE)?;
                sync_directory(folder)?;
                self.discard(from)
            }
            renamed => renamed.and_then(|()| sync_directory(folder)),
        }
    }

    /// Removes an object durably; it may be gone already.
    pub(super) fn remove(&self, object: &Path) -> io::Result<()> {
        match fs::symlink_metadata(object) {
            Ok(about) if about.is_dir() && !is_whole_directory(object) => Ok(()),
            Ok(_) => self.discard(object),
            Err(error) if is_absent(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Takes a file or directory out of its folder, durably, and then apart; it may be gone already.
    pub(super) fn discard(&self, what: &Path) -> io::Result<()> {
        let aside = self.aside()?;
        match fs::rename(what, &aside) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            renamed => renamed?,
        }
        what.parent().map_or(Ok(()), sync_directory)?;
        if fs::symlink_metadata(&aside)?.is_dir() {
            fs::remove_dir_all(&aside)?;
        } else {
            fs::remove_file(&aside)?;
        }
        sync_directory(&self.root.join(INCOMING))
    }

    /// The names in a bucket that begin with `prefix` and come after `after`, in order.
    pub(super) fn names(&self, bucket: &str, prefix: &str, after: &str) -> io::Result<Vec<String>> {
        let bucket_path = self.root.join(bucket);
        let start = match prefix.rsplit_once('/') {
            None => Some(bucket_path.clone()),
            Some((folder, _)) => object_path(&self.root, bucket, folder),
        };
        let mut names = Vec::new();
        let mut folders: Vec<PathBuf> = start.into_iter().collect();
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Err(error) if is_absent(&error) => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                let path = entry.path();
                if entry.file_type()?.is_dir() && !is_whole_directory(&path) {
                    folders.push(path);
                } else if let Some(name) = path
                    .strip_prefix(&bucket_path)
                    .ok()
                    .and_then(Path::to_str)
                    .filter(|name| name.starts_with(prefix) && *name > after)
                {
                    names.push(name.to_owned());
                }
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The directory of a bucket's unfinished uploads.
    pub(super) fn uploads(&self, bucket: &str) -> PathBuf {
        self.root.join(UPLOADS).join(bucket)
    }

    /// A name that nothing has yet.
    pub(super) fn fresh(&self) -> io::Result<UploadId> {
        UploadId::random(&*self.entropy).map_err(io::Error::other)
    }

    fn aside(&self) -> io::Result<PathBuf> {
        let name = self.fresh()?.to_string();
        Ok(self.root.join(INCOMING).join(name))
    }
}

/// A file being written; dropped before it is placed, it is gone.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // After a rename there is nothing here any more; after a link, this is the other name.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes a directory and those above it, each of them durable.
pub(super) fn make_directories(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_directories(above)?;
    }
    match DirBuilder::new().mode(PRIVATE_DIRECTORY).create(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made?,
    }
    sync_directory(above.unwrap_or(Path::new(".")))
}

pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn is_in_the_way(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::DirectoryNotEmpty
            | ErrorKind::AlreadyExists
    )
}

/// Whether a directory is an object that came in parts.
fn is_whole_directory(path: &Path) -> bool {
    path.join(PARTS_FILE).is_file()
}

fn object_path(root: &Path, bucket: &str, key: &str) -> Option<PathBuf> {
    let relative = Path::new(key);
    let plain = !key.is_empty()
        && !key.ends_with('/')
        && relative.components().all(|component| match component {
            Component::Normal(name) => name.to_str().is_some_and(is_plain),
            _ => false,
        });
    (is_plain(bucket) && plain).then(|| root.join(bucket).join(relative))
}

/// One path component that is neither hidden nor a way out.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0'])
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(PRIVATE_FILE)
        .open(path)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::objects::embedded::whole::Whole;
    use proptest::prelude::*;
    use std::io::Write;

    pub(in crate::objects::embedded) fn disk(root: &Path) -> Disk {
        Disk::open(root, "tapes", Arc::new(SystemEntropy::new())).expect("opens")
    }

    pub(in crate::objects::embedded) fn written(disk: &Disk, bytes: &[u8]) -> Incoming {
        let mut incoming = disk.incoming().expect("a file");
        incoming.file.write_all(bytes).expect("written");
        incoming
    }

    pub(in crate::objects::embedded) fn nothing_is_incoming(disk: &Disk) -> bool {
        let mut left = fs::read_dir(disk.root.join(INCOMING)).expect("listed");
        left.next().is_none()
    }

    proptest! {
        /// No name leads out of its bucket.
        #[test]
        fn names_stay_inside(key in "[a-z./\\\\\u{0}]{0,20}") {
            let root = Path::new("/store");
            if let Some(path) = object_path(root, "tapes", &key) {
                let inside = root.join("tapes");
                prop_assert!(path.starts_with(&inside) && path != inside);
                prop_assert!(path.components().all(|c| c != Component::ParentDir));
            }
            prop_assert_eq!(object_path(root, "../tapes", &key), None);
            prop_assert_eq!(object_path(root, ".uploads", &key), None);
        }
    }

    #[test]
    fn only_one_process_serves_a_directory() {
        let root = tempfile::tempdir().expect("a directory");
        let first = disk(root.path());
        let second = Disk::open(root.path(), "tapes", Arc::new(SystemEntropy::new()));
        assert_eq!(second.expect_err("locked").kind(), ErrorKind::WouldBlock);
        drop(first);
        disk(root.path());
    }

    #[test]
    fn nothing_is_replaced_without_leave() {
        let root = tempfile::tempdir().expect("a directory");
        let disk = disk(root.path());
        let object = disk.object("tapes", "material/one").expect("a name");
        disk.place(written(&disk, b"first"), &object, false)
            .expect("placed");
        let refused = disk.place(written(&disk, b"second"), &object, false);
        assert_eq!(refused.expect_err("taken").kind(), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&object).expect("read"), b"first");
        let before = Whole::open(&object).expect("there").stat;
        let after = disk
            .place(written(&disk, b"third"), &object, true)
            .expect("placed");
        assert_ne!(before.etag, after.etag);
        assert!(nothing_is_incoming(&disk));
    }

    /// A folder of objects is no object: it can be neither replaced nor removed by its name.
    #[test]
    fn a_folder_is_not_an_object() {
        let root = tempfile::tempdir().expect("a directory");
        let disk = disk(root.path());
        let object = disk.object("tapes", "material/one").expect("a name");
        disk.place(written(&disk, b"first"), &object, true)
            .expect("placed");
        let folder = disk.object("tapes", "material").expect("a name");
        for replace in [true, false] {
            disk.place(written(&disk, b"second"), &folder, replace)
                .expect_err("a folder");
        }
        disk.remove(&folder).expect("nothing to do");
        assert_eq!(fs::read(&object).expect("read"), b"first");
        assert!(Whole::open(&folder).is_err());
    }
}
