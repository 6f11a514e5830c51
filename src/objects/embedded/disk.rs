//! Objects as plain files, written so that an acknowledgement holds through a power cut.
//!
//! ```text
//! DIR/<bucket>/<key>                  an object
//! DIR/.uploads/<bucket>/<id>/key      an unfinished upload: the name it is for,
//! DIR/.uploads/<bucket>/<id>/part-7   and its parts
//! DIR/.incoming/                      files being written; emptied at start
//! DIR/.lock
//! ```
//!
//! An object has no file beside it, so deleting it leaves nothing of it. Its ETag is made of the
//! file's own identity, which a rewrite changes.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

use crate::entropy::Entropy;
use crate::id::UploadId;

const INCOMING: &str = ".incoming";
const UPLOADS: &str = ".uploads";
const LOCK: &str = ".lock";
/// The file in an upload's directory that holds the name of the object.
const KEY_FILE: &str = "key";
const PRIVATE_DIRECTORY: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

#[derive(Debug)]
pub(super) struct Disk {
    root: PathBuf,
    entropy: Arc<dyn Entropy>,
    /// Held so that no second process writes here.
    _lock: File,
}

/// A file's length, identity and age.
#[derive(Debug, Clone)]
pub(super) struct Stat {
    pub(super) bytes: u64,
    pub(super) etag: String,
    pub(super) modified: SystemTime,
}

/// An unfinished upload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pending {
    pub(super) key: String,
    pub(super) id: String,
    pub(super) begun: SystemTime,
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
        make_directories(&root.join(UPLOADS).join(bucket))?;
        make_directories(&root.join(bucket))?;
        let disk = Self {
            root,
            entropy,
            _lock: lock,
        };
        for (directory, _) in disk.upload_directories(bucket)? {
            if !directory.join(KEY_FILE).exists() {
                disk.discard(&directory)?;
            }
        }
        Ok(disk)
    }

    pub(super) fn has_bucket(&self, bucket: &str) -> bool {
        is_plain(bucket) && self.root.join(bucket).is_dir()
    }

    /// Where the object is, or nothing for a name that would lead elsewhere.
    pub(super) fn object(&self, bucket: &str, key: &str) -> Option<PathBuf> {
        object_path(&self.root, bucket, key)
    }

    /// A new file to write to, outside every bucket.
    pub(super) fn incoming(&self) -> io::Result<Incoming> {
        let name = UploadId::random(&*self.entropy).map_err(io::Error::other)?;
        let path = self.root.join(INCOMING).join(name.to_string());
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(PRIVATE_FILE)
            .open(&path)?;
        Ok(Incoming { file, path })
    }

    /// Puts a written file in place as `target`, durably; unless `replace`, only where nothing is.
    pub(super) fn place(
        &self,
        incoming: Incoming,
        target: &Path,
        replace: bool,
    ) -> io::Result<Stat> {
        incoming.file.sync_all()?;
        let directory = target.parent().ok_or(ErrorKind::InvalidInput)?;
        if !directory.is_dir() {
            make_directories(directory)?;
        }
        if replace {
            fs::rename(&incoming.path, target)?;
        } else {
            // A link, unlike a rename, fails when the name is taken, and does so atomically.
            fs::hard_link(&incoming.path, target)?;
        }
        sync_directory(directory)?;
        stat(&incoming.file.metadata()?)
    }

    /// Removes an object durably; it may be gone already.
    pub(super) fn remove(&self, object: &Path) -> io::Result<()> {
        match fs::remove_file(object) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(()) => object.parent().map_or(Ok(()), sync_directory),
        }
    }

    /// The names in a bucket that begin with `prefix` and come after `after`, in order.
    pub(super) fn names(&self, bucket: &str, prefix: &str, after: &str) -> io::Result<Vec<String>> {
        let bucket = self.root.join(bucket);
        let (folder, _) = prefix.rsplit_once('/').unwrap_or_default();
        let start = if folder.is_empty() {
            bucket.clone()
        } else {
            match self.object(
                bucket
                    .file_name()
                    .and_then(|n| n.to_str())
                    .unwrap_or_default(),
                folder,
            ) {
                Some(start) => start,
                None => return Ok(Vec::new()),
            }
        };
        let mut names = Vec::new();
        let mut folders = vec![start];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else if let Some(name) = entry
                    .path()
                    .strip_prefix(&bucket)
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

    /// Begins an upload and gives its identifier.
    pub(super) fn begin(&self, bucket: &str, key: &str) -> io::Result<String> {
        let id = UploadId::random(&*self.entropy)
            .map_err(io::Error::other)?
            .to_string();
        let directory = self.uploads(bucket).join(&id);
        make_directories(&directory)?;
        let mut incoming = self.incoming()?;
        incoming.file.write_all(key.as_bytes())?;
        self.place(incoming, &directory.join(KEY_FILE), true)?;
        Ok(id)
    }

    /// The directory of an upload of `key`, or nothing when there is no such upload.
    pub(super) fn upload(&self, bucket: &str, key: &str, id: &str) -> Option<PathBuf> {
        let directory = self
            .uploads(bucket)
            .join(id.parse::<UploadId>().ok()?.to_string());
        let name = fs::read_to_string(directory.join(KEY_FILE)).ok()?;
        (name == key).then_some(directory)
    }

    /// Puts a written file in place as a part; an upload that is over is an error of kind not found.
    pub(super) fn place_part(
        &self,
        incoming: Incoming,
        upload: &Path,
        number: i32,
    ) -> io::Result<Stat> {
        incoming.file.sync_all()?;
        // No directory is made here: a part that comes after the abort has no place to go.
        fs::rename(&incoming.path, part_path(upload, number))?;
        sync_directory(upload)?;
        stat(&incoming.file.metadata()?)
    }

    /// The parts an upload has, by number.
    pub(super) fn parts(&self, upload: &Path) -> io::Result<Vec<(i32, Stat)>> {
        let mut parts = Vec::new();
        for entry in fs::read_dir(upload)? {
            let entry = entry?;
            let number = entry
                .file_name()
                .to_str()
                .and_then(|name| name.strip_prefix("part-")?.parse().ok());
            if let Some(number) = number {
                parts.push((number, stat(&entry.metadata()?)?));
            }
        }
        parts.sort_unstable_by_key(|(number, _)| *number);
        Ok(parts)
    }

    /// Joins parts into the object, then forgets the upload. A crash in between loses nothing: the
    /// parts stay until the object is in place, and completing again gives the same object.
    pub(super) fn join(&self, upload: &Path, numbers: &[i32], object: &Path) -> io::Result<Stat> {
        let mut whole = self.incoming()?;
        for number in numbers {
            // The kernel copies from file to file, without the bytes passing through here.
            io::copy(
                &mut File::open(part_path(upload, *number))?,
                &mut whole.file,
            )?;
        }
        let placed = self.place(whole, object, true)?;
        self.discard(upload)?;
        Ok(placed)
    }

    /// Removes an upload and all its parts, also from the disk's own memory of it.
    pub(super) fn discard(&self, upload: &Path) -> io::Result<()> {
        let name = UploadId::random(&*self.entropy).map_err(io::Error::other)?;
        let aside = self.root.join(INCOMING).join(name.to_string());
        match fs::rename(upload, &aside) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            renamed => renamed?,
        }
        upload.parent().map_or(Ok(()), sync_directory)?;
        fs::remove_dir_all(&aside)?;
        sync_directory(&self.root.join(INCOMING))
    }

    /// The unfinished uploads of a bucket, in the order of their names.
    pub(super) fn pending(&self, bucket: &str) -> io::Result<Vec<Pending>> {
        let mut pending = Vec::new();
        for (directory, id) in self.upload_directories(bucket)? {
            let key_file = directory.join(KEY_FILE);
            let (Ok(key), Ok(about)) = (fs::read_to_string(&key_file), fs::metadata(&key_file))
            else {
                continue;
            };
            pending.push(Pending {
                key,
                id,
                begun: about.modified()?,
            });
        }
        pending.sort_unstable();
        Ok(pending)
    }

    fn uploads(&self, bucket: &str) -> PathBuf {
        self.root.join(UPLOADS).join(bucket)
    }

    fn upload_directories(&self, bucket: &str) -> io::Result<Vec<(PathBuf, String)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(self.uploads(bucket))? {
            let entry = entry?;
            if let Ok(id) = entry.file_name().into_string() {
                found.push((entry.path(), id));
            }
        }
        Ok(found)
    }
}

/// A file being written; dropped before it is placed, it is gone.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) file: File,
    path: PathBuf,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // After a rename there is nothing here any more; after a link, this is the other name.
        let _ = fs::remove_file(&self.path);
    }
}

/// What there is to say of an object or a part.
pub(super) fn stat(about: &Metadata) -> io::Result<Stat> {
    let etag = format!(
        "{:x}-{:x}-{:x}-{:x}",
        about.ino(),
        about.len(),
        about.mtime(),
        about.mtime_nsec()
    );
    Ok(Stat {
        bytes: about.len(),
        etag,
        modified: about.modified()?,
    })
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

fn part_path(upload: &Path, number: i32) -> PathBuf {
    upload.join(format!("part-{number}"))
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

/// Makes a directory and those above it, each of them durable.
fn make_directories(path: &Path) -> io::Result<()> {
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

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use proptest::prelude::*;

    fn disk(root: &Path) -> Disk {
        Disk::open(root, "tapes", Arc::new(SystemEntropy::new())).expect("opens")
    }

    fn written(disk: &Disk, bytes: &[u8]) -> Incoming {
        let mut incoming = disk.incoming().expect("a file");
        incoming.file.write_all(bytes).expect("written");
        incoming
    }

    proptest! {
        /// No name leads out of its bucket.
        #[test]
        fn names_stay_inside(key in "[a-z./\\\\\u{0}]{0,20}") {
            let root = Path::new("/root");
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
    fn what_a_crash_left_half_done_is_cleared_at_start() {
        let root = tempfile::tempdir().expect("a directory");
        let first = disk(root.path());
        std::mem::forget(written(&first, b"half a file"));
        fs::create_dir(first.uploads("tapes").join("upl-nameless")).expect("a directory");
        let id = first.begin("tapes", "material/one").expect("begun");
        drop(first);

        let again = disk(root.path());
        assert_eq!(
            fs::read_dir(root.path().join(INCOMING))
                .expect("listed")
                .count(),
            0
        );
        let pending = again.pending("tapes").expect("listed");
        assert_eq!(pending.len(), 1);
        assert_eq!((&pending[0].key[..], &pending[0].id), ("material/one", &id));
        assert_eq!(again.upload_directories("tapes").expect("listed").len(), 1);
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
        let before = stat(&fs::metadata(&object).expect("there")).expect("stat");
        let after = disk
            .place(written(&disk, b"third"), &object, true)
            .expect("placed");
        assert_ne!(before.etag, after.etag);
        assert_eq!(
            fs::read_dir(root.path().join(INCOMING))
                .expect("listed")
                .count(),
            0
        );
    }

    /// A part that arrives after the abort finds no place, and leaves nothing behind.
    #[test]
    fn a_late_part_is_not_kept() {
        let root = tempfile::tempdir().expect("a directory");
        let disk = disk(root.path());
        let id = disk.begin("tapes", "material/one").expect("begun");
        let upload = disk.upload("tapes", "material/one", &id).expect("there");
        let late = written(&disk, b"late");
        disk.place_part(written(&disk, b"early"), &upload, 1)
            .expect("placed");
        disk.discard(&upload).expect("discarded");
        let refused = disk.place_part(late, &upload, 2).expect_err("over");
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        assert_eq!(disk.upload("tapes", "material/one", &id), None);
        for folder in [root.path().join(INCOMING), disk.uploads("tapes")] {
            assert_eq!(fs::read_dir(folder).expect("listed").count(), 0);
        }
    }

    /// The parts outlive a completion that did not get to its end.
    #[test]
    fn joining_again_gives_the_same_object() {
        let root = tempfile::tempdir().expect("a directory");
        let disk = disk(root.path());
        let id = disk.begin("tapes", "material/one").expect("begun");
        let upload = disk.upload("tapes", "material/one", &id).expect("there");
        disk.place_part(written(&disk, b"a"), &upload, 1)
            .expect("placed");
        disk.place_part(written(&disk, b"b"), &upload, 2)
            .expect("placed");
        let object = disk.object("tapes", "material/one").expect("a name");
        assert!(disk.join(&upload, &[1, 2, 3], &object).is_err());
        assert!(!object.exists());
        disk.join(&upload, &[1, 2], &object).expect("joined");
        assert_eq!(fs::read(&object).expect("read"), b"ab");
        assert!(!upload.exists());
    }
}
