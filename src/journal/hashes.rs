//! The Merkle tree's hashes on disk, in tlog's stored-hash order, from which any proof is read.
//!
//! The file is derived: it is never fsynced, it is compared with the segments whenever they are
//! replayed, and it is rewritten from the first hash that is missing or differs.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tlog_tiles::{
    Hash, HashReader, check_record, check_tree, prove_record, prove_tree, stored_hash_count,
    stored_hash_index, tree_hash,
};

use super::anchor::Anchor;
use super::error::Error;
use super::proof::{Consistency, Inclusion};

/// Name of the file in the journal's directory.
pub(super) const FILE: &str = "hashes";
const HASH_BYTES: u64 = 32;
/// Length of unwritten hashes at which they are written, in bytes.
const PENDING_BYTES: usize = 64 * 1024;

pub(super) struct Hashes {
    path: PathBuf,
    file: File,
    /// Hashes in the file that count.
    stored: u64,
    /// The hashes after those, not yet written.
    pending: Vec<u8>,
}

impl Hashes {
    /// Begins an empty file.
    pub(super) fn create(dir: &Path) -> Result<Self, Error> {
        let hashes = Self::open(dir)?;
        let cut = hashes.file.set_len(0);
        cut.map_err(|source| Error::io("create", &hashes.path, source))?;
        Ok(hashes)
    }

    /// What the file holds, of which nothing was compared with any record.
    pub(super) fn unverified(dir: &Path) -> Result<Self, Error> {
        let hashes = Self::open(dir)?;
        let failed = |source| Error::io("read", &hashes.path, source);
        let length = hashes.file.metadata().map_err(failed)?.len();
        Ok(Self {
            stored: length / HASH_BYTES,
            ..hashes
        })
    }

    /// Deletes the file, so that the next opening derives it anew from every record.
    pub(super) fn discard(dir: &Path) -> std::io::Result<()> {
        std::fs::remove_file(dir.join(FILE))
    }

    /// Compares the file with what a replay finds that begins with the record at `first`.
    pub(super) fn compare(dir: &Path, first: u64) -> Result<Comparison, Error> {
        let mut hashes = Self::open(dir)?;
        hashes.stored = stored_hash_count(first);
        let failed = |source| Error::io("read", &hashes.path, source);
        let mut file = hashes.file.try_clone().map_err(failed)?;
        let begin = SeekFrom::Start(hashes.stored * HASH_BYTES);
        file.seek(begin).map_err(failed)?;
        Ok(Comparison {
            found: Some(BufReader::with_capacity(PENDING_BYTES, file)),
            rebuilt: false,
            hashes,
        })
    }

    fn open(dir: &Path) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| Error::io("open", &path, source))?;
        Ok(Self {
            path,
            file,
            stored: 0,
            pending: Vec::new(),
        })
    }

    /// Adds the next hash. What cannot be written yet is kept and tried again later: no record
    /// waits for its hashes.
    pub(super) fn push(&mut self, hash: Hash) {
        self.pending.extend_from_slice(&hash.0);
        if self.pending.len().is_multiple_of(PENDING_BYTES) {
            let _ = self.write();
        }
    }

    /// Puts right what the file holds from the hash at `place` on. Says whether anything was wrong.
    pub(super) fn put_right(&self, place: u64, hashes: &[u8]) -> Result<bool, Error> {
        let offset = place * HASH_BYTES;
        let mut found = vec![0; hashes.len()];
        let read = self.file.read_exact_at(&mut found, offset);
        if read.is_ok() && found == hashes {
            return Ok(false);
        }
        let written = self.file.write_all_at(hashes, offset);
        written.map_err(|source| Error::io("write", &self.path, source))?;
        Ok(true)
    }

    /// Writes what is pending.
    pub(super) fn write(&mut self) -> Result<(), Error> {
        let written = self
            .file
            .write_all_at(&self.pending, self.stored * HASH_BYTES);
        written.map_err(|source| Error::io("write", &self.path, source))?;
        self.stored += self.pending.len() as u64 / HASH_BYTES;
        self.pending.clear();
        Ok(())
    }

    /// The proof that the tree of `size` records has the record at `position`.
    pub(super) fn prove_inclusion(&self, position: u64, size: u64) -> Result<Inclusion, Error> {
        let stale = |_| Error::StaleHashes(self.path.clone());
        let proof = prove_record(size, position, self).map_err(stale)?;
        let leaf = self.read(stored_hash_index(0, position)).map_err(stale)?;
        let root = tree_hash(size, self).map_err(stale)?;
        check_record(&proof, size, root, position, leaf).map_err(stale)?;
        let path = proof.into_iter().map(|hash| hash.0).collect();
        Ok(Inclusion { position, path })
    }

    /// The proof that the tree of `size` records begins with the tree of `old` records.
    pub(super) fn prove_consistency(&self, old: u64, size: u64) -> Result<Consistency, Error> {
        let stale = |_| Error::StaleHashes(self.path.clone());
        let proof = prove_tree(size, old, self).map_err(stale)?;
        let (from, root) = (tree_hash(old, self), tree_hash(size, self));
        let (from, root) = (from.map_err(stale)?, root.map_err(stale)?);
        check_tree(&proof, size, root, old, from).map_err(stale)?;
        let path = proof.into_iter().map(|hash| hash.0).collect();
        Ok(Consistency { path })
    }

    /// The anchor of the first `size` records.
    pub(super) fn anchor(&self, size: u64) -> Result<Anchor, Error> {
        let root = tree_hash(size, self).map_err(|_| Error::StaleHashes(self.path.clone()))?;
        Ok(Anchor { size, root: root.0 })
    }

    fn read(&self, index: u64) -> Result<Hash, tlog_tiles::Error> {
        let mut hash = Hash::default();
        match index.checked_sub(self.stored) {
            None => self
                .file
                .read_exact_at(&mut hash.0, index * HASH_BYTES)
                .map_err(|_| tlog_tiles::Error::IndexesNotInTree)?,
            Some(place) => {
                let hashes = self.pending.as_chunks().0;
                let place = usize::try_from(place).unwrap_or(usize::MAX);
                hash.0 = *hashes
                    .get(place)
                    .ok_or(tlog_tiles::Error::IndexesNotInTree)?;
            }
        }
        Ok(hash)
    }
}

impl HashReader for Hashes {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        indexes.iter().map(|index| self.read(*index)).collect()
    }
}

/// A file of hashes under comparison with what a replay finds.
pub(super) struct Comparison {
    hashes: Hashes,
    /// What the file holds from here on; nothing once it was seen to differ.
    found: Option<BufReader<File>>,
    rebuilt: bool,
}

impl Comparison {
    /// Compares the next hash, and from the first that is missing or differs on, writes.
    pub(super) fn push(&mut self, hash: Hash) {
        if let Some(found) = &mut self.found {
            let mut stored = [0; HASH_BYTES as usize];
            if found.read_exact(&mut stored).is_ok() && stored == hash.0 {
                self.hashes.stored += 1;
                return;
            }
            self.found = None;
            self.rebuilt = true;
        }
        self.hashes.push(hash);
    }

    /// The hashes as they now are, and whether any differed. A disk that takes none of them, being
    /// full, keeps nobody from reading the journal.
    pub(super) fn finish(self) -> (Hashes, bool) {
        let Self {
            mut hashes,
            rebuilt,
            ..
        } = self;
        let written = hashes.write().is_ok();
        let length = hashes.stored * HASH_BYTES;
        let found = hashes.file.metadata().map_or(0, |file| file.len());
        if written && found > length {
            // What is beyond the hashes that count is never read; the next opening cuts it again.
            let _ = hashes.file.set_len(length);
        }
        (hashes, rebuilt || found > length)
    }
}
