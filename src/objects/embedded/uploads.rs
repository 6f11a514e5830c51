//! Uploads in parts, from the first to the object.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::disk::{Disk, Incoming, is_absent, make_directories, sync_directory};
use super::whole::{PARTS_FILE, Stat, Whole, part_name, stat};
use crate::id::UploadId;

/// The file in an upload's directory with its identifier and, on the next line, the object's name.
///
/// The identifier is there because a directory may come to lie where it was not begun: an object
/// that was replaced changes places with the upload that replaces it.
const UPLOAD_FILE: &str = ".upload";

/// An unfinished upload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pending {
    pub(super) key: String,
    pub(super) id: String,
    pub(super) begun: SystemTime,
}

impl Disk {
    /// Begins an upload and gives its identifier.
    pub(super) fn begin(&self, bucket: &str, key: &str) -> io::Result<String> {
        let id = self.fresh()?.to_string();
        let directory = self.uploads(bucket).join(&id);
        make_directories(&directory)?;
        let mut about = self.incoming()?;
        about.file.write_all(format!("{id}\n{key}").as_bytes())?;
        put_inside(about, &directory, UPLOAD_FILE)?;
        Ok(id)
    }

    /// The directory of an upload of `key`, or nothing when there is no such upload.
    pub(super) fn upload(&self, bucket: &str, key: &str, id: &str) -> Option<PathBuf> {
        let id = id.parse::<UploadId>().ok()?.to_string();
        let directory = self.uploads(bucket).join(&id);
        (named(&directory, &id)? == key).then_some(directory)
    }

    /// Makes a written file a part; an upload that is over is an error of kind not found.
    pub(super) fn place_part(
        &self,
        incoming: Incoming,
        upload: &Path,
        number: i32,
    ) -> io::Result<Stat> {
        // No directory is made here: a part that comes after the abort has no place to go.
        put_inside(incoming, upload, &part_name(number))
    }

    /// The parts an upload has, by number.
    pub(super) fn parts(&self, upload: &Path) -> io::Result<Vec<(i32, Stat)>> {
        let mut parts = Vec::new();
        for entry in fs::read_dir(upload)? {
            let entry = entry?;
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(".part-"));
            if let Some(number) = number.and_then(|number| number.parse().ok()) {
                parts.push((number, stat(&entry.metadata()?)?));
            }
        }
        parts.sort_unstable_by_key(|(number, _)| *number);
        Ok(parts)
    }

    /// Makes the upload's directory the object, of just the parts `chosen`, in ascending order.
    ///
    /// A crash on the way loses nothing: the directory is an upload until it is the object, and may
    /// be completed again.
    pub(super) fn join(&self, upload: &Path, chosen: &[i32], object: &Path) -> io::Result<Stat> {
        let mut list = Vec::with_capacity(chosen.len());
        for (number, about) in self.parts(upload)? {
            if chosen.binary_search(&number).is_ok() {
                list.push((number, about.bytes));
            }
        }
        if list.len() != chosen.len() {
            return Err(io::ErrorKind::NotFound.into());
        }
        let mut manifest = self.incoming()?;
        manifest.file.write_all(&serde_json::to_vec(&list)?)?;
        put_inside(manifest, upload, PARTS_FILE)?;
        for (number, _) in self.parts(upload)? {
            if chosen.binary_search(&number).is_err() {
                fs::remove_file(upload.join(part_name(number)))?;
            }
        }
        sync_directory(upload)?;
        let joined = Whole::open(upload)?.stat;
        if let Some(folder) = object.parent() {
            make_directories(folder)?;
        }
        self.install(upload, object)?;
        upload.parent().map_or(Ok(()), sync_directory)?;
        Ok(joined)
    }

    /// The unfinished uploads of a bucket, in the order of their names.
    pub(super) fn pending(&self, bucket: &str) -> io::Result<Vec<Pending>> {
        let mut pending = Vec::new();
        for (directory, id) in self.upload_entries(bucket)? {
            let Some(key) = named(&directory, &id) else {
                continue;
            };
            let begun = match fs::metadata(directory.join(UPLOAD_FILE)) {
                Err(error) if is_absent(&error) => continue,
                about => about?.modified()?,
            };
            pending.push(Pending { key, id, begun });
        }
        pending.sort_unstable();
        Ok(pending)
    }

    /// Throws away what lies among the uploads and is none.
    pub(super) fn clear_uploads(&self, bucket: &str) -> io::Result<()> {
        for (path, id) in self.upload_entries(bucket)? {
            if named(&path, &id).is_none() {
                self.discard(&path)?;
            }
        }
        Ok(())
    }

    fn upload_entries(&self, bucket: &str) -> io::Result<Vec<(PathBuf, String)>> {
        fs::read_dir(self.uploads(bucket))?
            .map(|entry| {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                Ok((entry.path(), name))
            })
            .collect()
    }
}

/// The name of the object that the upload `id` in `directory` is for.
fn named(directory: &Path, id: &str) -> Option<String> {
    let about = fs::read_to_string(directory.join(UPLOAD_FILE)).ok()?;
    let (own, key) = about.split_once('\n')?;
    (own == id).then(|| key.to_owned())
}

/// Makes a written file one of an upload's own, durably.
fn put_inside(incoming: Incoming, directory: &Path, name: &str) -> io::Result<Stat> {
    incoming.file.sync_all()?;
    fs::rename(&incoming.path, directory.join(name))?;
    sync_directory(directory)?;
    stat(&incoming.file.metadata()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::embedded::disk::tests::{disk, nothing_is_incoming, written};
    use futures::{StreamExt, TryStreamExt};
    use std::io::ErrorKind;

    fn begun(disk: &Disk, parts: &[&[u8]]) -> PathBuf {
        let id = disk.begin("tapes", "material/one").expect("begun");
        let upload = disk.upload("tapes", "material/one", &id).expect("there");
        for (number, part) in (1..).zip(parts) {
            disk.place_part(written(disk, part), &upload, number)
                .expect("placed");
        }
        upload
    }

    fn read(object: &Path) -> Vec<u8> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let whole = Whole::open(object).expect("there");
            let span = 0..whole.stat.bytes;
            let pieces: Vec<_> = whole.read(span).boxed().try_collect().await.expect("read");
            pieces.concat()
        })
    }

    #[test]
    fn what_a_crash_left_half_done_is_cleared_at_start() {
        let root = tempfile::tempdir().expect("a directory");
        let first = disk(root.path());
        std::mem::forget(written(&first, b"half a file"));
        fs::create_dir(first.uploads("tapes").join("upl-nameless")).expect("a directory");
        let upload = begun(&first, &[b"a"]);
        // A replaced object that was not thrown away yet lies where its successor was begun.
        let old = first.uploads("tapes").join("upl-another");
        fs::create_dir(&old).expect("a directory");
        fs::copy(upload.join(UPLOAD_FILE), old.join(UPLOAD_FILE)).expect("copied");
        drop(first);

        let again = disk(root.path());
        assert!(nothing_is_incoming(&again));
        let pending = again.pending("tapes").expect("listed");
        assert_eq!(pending.len(), 1);
        assert_eq!(pending[0].key, "material/one");
        assert!(upload.ends_with(&pending[0].id));
        assert_eq!(again.upload_entries("tapes").expect("listed").len(), 1);
    }

    /// A part that arrives after the abort finds no place, and leaves nothing behind.
    #[test]
    fn a_late_part_is_not_kept() {
        let root = tempfile::tempdir().expect("a directory");
        let disk = disk(root.path());
        let upload = begun(&disk, &[b"early"]);
        let late = written(&disk, b"late");
        disk.discard(&upload).expect("discarded");
        let refused = disk.place_part(late, &upload, 2).expect_err("over");
        assert_eq!(refused.kind(), ErrorKind::NotFound);
        assert!(nothing_is_incoming(&disk));
        assert_eq!(disk.upload_entries("tapes").expect("listed"), []);
    }

    #[test]
    fn an_object_has_just_the_parts_chosen() {
        let root = tempfile::tempdir().expect("a directory");
        let disk = disk(root.path());
        let upload = begun(&disk, &[b"a", b"b", b"c", b"d"]);
        let object = disk.object("tapes", "material/one").expect("a name");
        assert!(disk.join(&upload, &[1, 5], &object).is_err());
        assert!(!object.exists());
        let joined = disk.join(&upload, &[1, 2, 4], &object).expect("joined");
        assert_eq!(joined.bytes, 3);
        assert_eq!(read(&object), b"abd");
        assert_eq!(disk.parts(&object).expect("listed").len(), 3);
        assert_eq!(disk.pending("tapes").expect("listed"), []);
        assert_eq!(
            disk.names("tapes", "material/", "").expect("listed"),
            ["material/one"]
        );
        assert_eq!(disk.object("tapes", "material/one/two"), None);
    }

    /// A file replaces parts and parts replace a file, and of what was replaced nothing stays.
    #[test]
    fn files_and_parts_replace_one_another() {
        let root = tempfile::tempdir().expect("a directory");
        let disk = disk(root.path());
        let object = disk.object("tapes", "material/one").expect("a name");
        let mut etags = Vec::new();
        for parts in [true, true, false, false, true] {
            let now = if parts {
                disk.join(&begun(&disk, &[b"pa", b"rts"]), &[1, 2], &object)
            } else {
                disk.place(written(&disk, b"file"), &object, true)
            };
            etags.push(now.expect("replaced").etag);
            assert_eq!(read(&object), if parts { &b"parts"[..] } else { b"file" });
            assert_eq!(
                etags.last(),
                Some(&Whole::open(&object).expect("there").stat.etag)
            );
            assert_eq!(disk.upload_entries("tapes").expect("listed"), []);
            assert!(nothing_is_incoming(&disk));
        }
        assert!(etags.windows(2).all(|pair| pair[0] != pair[1]));
        disk.remove(&object).expect("removed");
        assert!(!object.exists() && nothing_is_incoming(&disk));
    }
}
