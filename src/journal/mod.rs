//! The journal: what happened, in order, sealed, and provably complete. It is the truth.
//!
//! An append-only log in a directory of segments. A record is a payload, sealed, with a public
//! part beside it that is authenticated but readable; what they mean is not the journal's
//! business. [`Journal::append`] writes a record and [`Journal::durable`] waits until it is on
//! the disk: only then may anything be acknowledged. All who wait at once share one fsync.
//!
//! Every record is a leaf of a Merkle tree (RFC 6962). The tree's root over the first *n*
//! records is an [`Anchor`]; kept outside the journal, it shows whether the journal was rolled
//! back or replaced. Signed, it is a checkpoint (C2SP `tlog-checkpoint`), to which other people's
//! programs can trace any record.
//!
//! On opening, everything is verified, or of a long journal its end, back to what an anchor
//! vouches for, and the rest after that ([`Journal::verify_next`]). A tail that a crash left
//! unwritten is cut off; anything else that does not verify is an error that says where and what,
//! and no segment is altered.
//!
//! The vault sees to it that only one process opens a journal at a time.
//!
//! ```
//! use std::sync::Arc;
//! use strongroom::entropy::SystemEntropy;
//! use strongroom::id::VaultId;
//! use strongroom::journal::{Error, Journal, Keys};
//! use strongroom::secret::Key;
//!
//! let entropy = Arc::new(SystemEntropy::new());
//! let keys = Keys { vault: VaultId::random(&*entropy)?, journal: Key::random(&*entropy)? };
//! # let place = tempfile::tempdir()?;
//! # let dir = place.path().join("journal");
//! let journal = Journal::create(&dir, keys, entropy)?;
//! let position = journal.append(b"deposited", b"what only the vault reads")?;
//! journal.durable_blocking(position)?;
//! assert_eq!(journal.get(position)?.payload.expose_secret(), b"what only the vault reads");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod anchor;
mod behind;
mod commits;
mod copy;
mod disk;
mod error;
#[cfg(test)]
mod faults;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod hashes;
mod notes;
mod pieces;
mod proof;
mod reader;
mod record;
mod replay;
mod segment;
mod shared;
mod writer;

use std::fmt;
use std::fs::{DirBuilder, File};
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use self::anchor::Frontier;
use self::behind::Behind;
use self::commits::{Commits, block_on};
use self::disk::{Disk, RealDisk};
use self::hashes::Hashes;
use self::reader::{Next, Opened, Reader};
use self::replay::Replayed;
use self::writer::{Segment, Writer};
use crate::entropy::Entropy;
use crate::id::VaultId;
use crate::limits::JOURNAL_SEGMENT_BYTES;

pub use self::anchor::Anchor;
pub use self::copy::{Copied, copy};
pub use self::error::{Damage, Error};
pub use self::notes::{NoteSigner, NoteVerifier};
pub use self::pieces::{
    Followed, Piece, followed_to, next_piece, place_piece, read_piece, sync_pieces, synced_size,
};
pub use self::proof::{
    Consistency, Inclusion, origin, public_part, verify_checkpoint, verify_tlog_proof,
};
pub use self::record::{Evidence, Keys, Record, Recovery, StoredRecord};
pub use self::shared::{Appended, MemoryLog, SharedLog};

const RECORD_KEY_INFO: &[u8] = b"strongroom/journal/v1";

/// An open journal.
///
/// Dropping it makes everything written durable, as [`Journal::close`] does, but tells nobody
/// when that fails.
pub struct Journal {
    dir: PathBuf,
    keys: Arc<Keys>,
    writer: Mutex<Writer>,
    commits: Commits,
    behind: Mutex<Option<Behind>>,
}

impl Journal {
    /// Begins an empty journal in `dir`, which must be empty or not exist yet.
    ///
    /// # Errors
    /// [`Error::AlreadyThere`] when `dir` holds anything, [`Error::Io`] or [`Error::Full`] when
    /// it cannot be made.
    pub fn create(dir: &Path, keys: Keys, entropy: Arc<dyn Entropy>) -> Result<Self, Error> {
        Self::create_with(dir, keys, Means::of(entropy))
    }

    /// Opens the journal in `dir`, verifying all of it against `anchor`, and hands every record
    /// from position `from` on to `visit`, in order.
    ///
    /// Records are handed on as they verify. What is made of them may be kept only once this
    /// returns the journal: a later record can still turn out to be damaged.
    ///
    /// # Errors
    /// [`Error::NotThere`] without a directory; [`Error::Damaged`], [`Error::RolledBack`] or
    /// [`Error::AnotherHistory`] when what is stored is not what was written; [`Error::Io`]; and
    /// whatever `visit` gives. The journal is then as it was.
    pub fn open<E: From<Error>>(
        dir: &Path,
        keys: Keys,
        anchor: Option<Anchor>,
        from: u64,
        entropy: Arc<dyn Entropy>,
        visit: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(Self, Recovery), E> {
        Self::open_with(dir, keys, anchor, from, Means::of(entropy), visit)
    }

    /// Opens the journal in `dir` as [`open`](Self::open) does, but of one with more records than
    /// `verified_first` verifies only what comes after `anchor` and the segment before that.
    /// [`verify_next`](Self::verify_next) has to verify the rest.
    ///
    /// # Errors
    /// Those of [`Journal::open`].
    pub fn open_to_serve(
        dir: &Path,
        keys: Keys,
        anchor: Option<Anchor>,
        verified_first: u64,
        entropy: Arc<dyn Entropy>,
    ) -> Result<(Self, Recovery), Error> {
        let means = Means {
            verified_first,
            ..Means::of(entropy)
        };
        Self::open_with(dir, keys, anchor, u64::MAX, means, |_| Ok(()))
    }

    /// Verifies one more segment that was not verified when the journal was opened; false when there is
    /// none. Meanwhile the journal can be used: every record is verified when it is read.
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::AnotherHistory`] when what is stored is not what was written: the
    /// journal then takes no more records, and the next opening verifies all of it. [`Error::Io`].
    pub fn verify_next(&self) -> Result<bool, Error> {
        let interrupted = |_| Error::Poisoned("verifying was interrupted by a panic".into());
        let mut behind = self.behind.lock().map_err(interrupted)?;
        let Some((next, rest)) = behind.as_mut().and_then(|rest| Some((rest.next()?, rest))) else {
            *behind = None;
            return Ok(false);
        };
        let known = self.segments(&(next..next + 1))?;
        let known = known.first().ok_or(Error::Closed)?;
        match rest.verify(&self.dir, &self.keys, known) {
            Ok((found, place, hashes)) => {
                let mut writer = self.writer()?;
                if writer.hashes.put_right(place, &hashes)? {
                    tracing::warn!(
                        segment = found.first,
                        "the journal's derived hashes were put right"
                    );
                }
                let mut segments = writer.segments.iter_mut();
                if let Some(known) = segments.find(|one| one.first == next) {
                    *known = found;
                }
                Ok(true)
            }
            Err(error) => {
                if !matches!(error, Error::Io { .. }) {
                    self.commits.poison(&error);
                    if let Err(failure) = Hashes::discard(&self.dir) {
                        tracing::warn!(%failure, "delete the journal's file of derived hashes before the next start, so that every record is verified");
                    }
                }
                Err(error)
            }
        }
    }

    /// Writes a record and gives its position. Nothing may be acknowledged before
    /// [`Journal::durable`] says that it is on the disk; records become durable in order.
    ///
    /// # Errors
    /// [`Error::TooLong`]; [`Error::Full`] or [`Error::Io`] when the record was not written, and
    /// the journal is as before; [`Error::Poisoned`] when nothing is written until a restart.
    pub fn append(&self, public: &[u8], payload: &[u8]) -> Result<u64, Error> {
        self.writer()?.append(&self.commits, public, payload)
    }

    /// Begins to make the record at `position` durable, for whoever will wait for it.
    pub fn hasten(&self, position: u64) {
        self.commits.want(position);
    }

    /// Waits until the record at `position`, and so every one before it, is on the disk.
    ///
    /// # Errors
    /// [`Error::NotWritten`] when there is no such record; [`Error::Poisoned`] when the sync
    /// failed: the record may or may not be there after a restart.
    pub fn durable(&self, position: u64) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let told = self.commits.enlist(position);
        async move {
            match told? {
                None => Ok(()),
                Some(told) => told
                    .await
                    .map_err(|_| Error::Closed)?
                    .map_err(Error::Poisoned),
            }
        }
    }

    /// [`Journal::durable`] for callers that may block their thread.
    ///
    /// # Errors
    /// Those of [`Journal::durable`].
    pub fn durable_blocking(&self, position: u64) -> Result<(), Error> {
        block_on(self.durable(position))
    }

    /// Records written, durable or not.
    pub fn size(&self) -> u64 {
        self.commits.size()
    }

    /// The durable prefix: what may be anchored and told to others.
    pub fn anchor(&self) -> Anchor {
        self.commits.durable()
    }

    /// Everything written, durable or not.
    pub fn written_anchor(&self) -> Anchor {
        self.commits.written()
    }

    /// Syncs so far: fewer than commits, when several wait at once.
    pub fn syncs(&self) -> u64 {
        self.commits.syncs()
    }

    /// The vault whose journal it is.
    pub fn vault(&self) -> VaultId {
        self.keys.vault
    }

    /// Signs the durable prefix as a checkpoint (C2SP `tlog-checkpoint`).
    ///
    /// # Errors
    /// [`Error::WrongSigner`] unless the signer is named for this log, as [`origin`] has it.
    pub fn checkpoint(&self, signer: &NoteSigner) -> Result<String, Error> {
        self.sign(&self.anchor(), signer)
    }

    /// Everything an outsider needs to find the durable record at `position` in the log.
    ///
    /// # Errors
    /// [`Error::NotWritten`] when the record is not durable, and those of
    /// [`Journal::checkpoint`], [`Journal::prove_inclusion`] and [`Journal::get`].
    pub fn evidence(&self, position: u64, signer: &NoteSigner) -> Result<Evidence, Error> {
        let anchor = self.anchor();
        let leaf = self.get(position)?.leaf;
        let inclusion = self.prove_inclusion(position, anchor.size)?;
        // The leaf comes from the segment and the path from the derived hashes: they must agree.
        let stale = |_| Error::StaleHashes(self.dir.join(hashes::FILE));
        inclusion.verify(&leaf, &anchor).map_err(stale)?;
        let proof = inclusion.to_tlog_proof(&self.sign(&anchor, signer)?);
        Ok(Evidence { leaf, proof })
    }

    /// Proves that the tree of the first `size` records has the one at `position`.
    ///
    /// # Errors
    /// [`Error::NoSuchProof`] unless `position < size` and the journal is that long;
    /// [`Error::StaleHashes`] when the derived hashes were changed since the journal was opened.
    pub fn prove_inclusion(&self, position: u64, size: u64) -> Result<Inclusion, Error> {
        let writer = self.hashes_up_to(position, size)?;
        writer.hashes.prove_inclusion(position, size)
    }

    /// Proves that the tree of the first `size` records begins with that of the first `old`.
    ///
    /// # Errors
    /// [`Error::NoSuchProof`] unless `0 < old <= size` and the journal is that long;
    /// [`Error::StaleHashes`] when the derived hashes were changed since the journal was opened.
    pub fn prove_consistency(&self, old: u64, size: u64) -> Result<Consistency, Error> {
        let before = old.checked_sub(1).ok_or_else(|| self.no_proof(old, size))?;
        let writer = self.hashes_up_to(before, size)?;
        writer.hashes.prove_consistency(old, size)
    }

    /// Whether the journal begins with what `anchor` vouches for.
    ///
    /// # Errors
    /// [`Error::StaleHashes`] when the derived hashes were changed since the journal was opened.
    pub fn begins_with(&self, anchor: &Anchor) -> Result<bool, Error> {
        let written = self.written_anchor();
        match anchor.size {
            0 => Ok(*anchor == Anchor::EMPTY),
            size if size >= written.size => Ok(*anchor == written),
            size => {
                // What the derived hashes say of a shorter journal is believed only with a proof.
                self.prove_consistency(size, written.size)?;
                Ok(self.anchor_at(size)? == *anchor)
            }
        }
    }

    /// The anchor of the first `size` records, as the derived hashes have it.
    ///
    /// # Errors
    /// [`Error::NoSuchProof`] when the journal is shorter; [`Error::StaleHashes`].
    pub fn anchor_at(&self, size: u64) -> Result<Anchor, Error> {
        match size.checked_sub(1) {
            None => Ok(Anchor::EMPTY),
            Some(last) => self.hashes_up_to(last, size)?.hashes.anchor(size),
        }
    }

    /// Reads the records in `range` from their segments again, verifies them and hands them to `visit`.
    ///
    /// # Errors
    /// [`Error::NotWritten`] when the range ends beyond the journal, [`Error::Damaged`] when a
    /// record no longer verifies, [`Error::Io`], and whatever `visit` gives.
    pub fn read<E: From<Error>>(
        &self,
        range: Range<u64>,
        mut visit: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for segment in self.segments(&range)? {
            let path = segment::path(&self.dir, segment.first);
            let file = File::open(&path).map_err(|source| Error::io("open", &path, source))?;
            let cut_short = || reader::damaged(segment.first, segment.length, Damage::CutShort);
            let opened = Reader::open(&self.dir, segment.first, file, segment.length, &self.keys)?;
            let Opened::Reader(mut reader) = opened else {
                return Err(cut_short().into());
            };
            let (mut position, offset) = segment.mark(range.start);
            reader.seek(position, offset);
            let end = range.end.min(segment.first + segment.records);
            while position < end {
                if position < range.start {
                    reader.skip()?;
                } else if let Next::Record(record) = reader.next()? {
                    visit(record)?;
                } else {
                    return Err(cut_short().into());
                }
                position += 1;
            }
        }
        Ok(())
    }

    /// Reads the record at `position` from its segment again and verifies it.
    ///
    /// # Errors
    /// Those of [`Journal::read`].
    pub fn get(&self, position: u64) -> Result<StoredRecord, Error> {
        let (size, mut found) = (self.size(), None);
        self.read(position..position.saturating_add(1), |record| {
            found = Some(record.to_stored());
            Ok::<(), Error>(())
        })?;
        found.ok_or(Error::NotWritten { position, size })
    }

    /// Reads the whole journal from its segments again and compares it with its Merkle root.
    ///
    /// # Errors
    /// [`Error::AnotherHistory`] when every record verifies but they are not the ones written,
    /// and those of [`Journal::read`].
    pub fn verify(&self) -> Result<Anchor, Error> {
        let (anchor, mut tree) = (self.written_anchor(), Frontier::default());
        self.read(0..anchor.size, |record| {
            tree.push(record.leaf.hash(record.public), |_| ());
            Ok::<(), Error>(())
        })?;
        let found = tree.root().0;
        (found == anchor.root)
            .then_some(anchor)
            .ok_or(Error::AnotherHistory { anchor, found })
    }

    /// Makes everything written durable and closes the journal.
    ///
    /// # Errors
    /// [`Error::Poisoned`] when a write or sync failed, now or before.
    pub fn close(self) -> Result<(), Error> {
        self.finish()
    }

    fn create_with(dir: &Path, keys: Keys, means: Means) -> Result<Self, Error> {
        let failed = |source| Error::io("create", dir, source);
        match DirBuilder::new().mode(0o700).create(dir) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                if std::fs::read_dir(dir).map_err(failed)?.next().is_some() {
                    return Err(Error::AlreadyThere(dir.to_path_buf()));
                }
            }
            made => made.map_err(failed)?,
        }
        let hashes = Hashes::create(dir)?;
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        for dir in [dir, parent] {
            let synced = means.disk.sync_dir(dir);
            synced.map_err(|source| Error::io("sync", dir, source))?;
        }
        Self::assemble(dir, keys, means, Frontier::default(), Vec::new(), hashes)
    }

    fn open_with<E: From<Error>>(
        dir: &Path,
        keys: Keys,
        anchor: Option<Anchor>,
        from: u64,
        means: Means,
        visit: impl FnMut(Record<'_>) -> Result<(), E>,
    ) -> Result<(Self, Recovery), E> {
        let Replayed {
            tree,
            segments,
            hashes,
            recovery,
            behind,
        } = replay::replay(
            dir,
            &keys,
            anchor,
            (from, means.verified_first),
            &*means.disk,
            visit,
        )?;
        let mut journal = Self::assemble(dir, keys, means, tree, segments, hashes)?;
        journal.behind = Mutex::new(behind);
        Ok((journal, recovery))
    }

    fn assemble(
        dir: &Path,
        keys: Keys,
        means: Means,
        tree: Frontier,
        segments: Vec<Segment>,
        hashes: Hashes,
    ) -> Result<Self, Error> {
        let (dir, keys) = (dir.to_path_buf(), Arc::new(keys));
        let commits = Commits::start(&dir, tree)?;
        let writer = Writer::new(dir.clone(), Arc::clone(&keys), means, segments, hashes);
        Ok(Self {
            dir,
            keys,
            writer: Mutex::new(writer),
            commits,
            behind: Mutex::new(None),
        })
    }

    /// The writer, unless a panic left it in the middle of something.
    fn writer(&self) -> Result<MutexGuard<'_, Writer>, Error> {
        let interrupted = |_| Error::Poisoned("a write was interrupted by a panic".into());
        self.writer.lock().map_err(interrupted)
    }

    /// The writer, when the tree of `size` records has one at `position` and the derived hashes
    /// agree with the root in memory.
    fn hashes_up_to(&self, position: u64, size: u64) -> Result<MutexGuard<'_, Writer>, Error> {
        let writer = self.writer()?;
        let written = self.commits.written();
        if position >= size || size > written.size {
            return Err(self.no_proof(position, size));
        }
        if writer.hashes.anchor(written.size)? != written {
            return Err(Error::StaleHashes(self.dir.join(hashes::FILE)));
        }
        Ok(writer)
    }

    fn no_proof(&self, from: u64, size: u64) -> Error {
        let have = self.size();
        Error::NoSuchProof { from, size, have }
    }

    fn sign(&self, anchor: &Anchor, signer: &NoteSigner) -> Result<String, Error> {
        let origin = origin(&self.keys.vault);
        if signer.name() != origin {
            return Err(Error::WrongSigner(origin));
        }
        proof::sign_checkpoint(anchor, signer)
    }

    /// The segments that hold `range`, as far as they are written now.
    fn segments(&self, range: &Range<u64>) -> Result<Vec<Segment>, Error> {
        let writer = self.writer()?;
        let size = self.commits.size();
        if range.end > size {
            let position = range.end - 1;
            return Err(Error::NotWritten { position, size });
        }
        let holds = |segment: &&Segment| {
            segment.first < range.end && segment.first + segment.records > range.start
        };
        Ok(writer.segments.iter().filter(holds).cloned().collect())
    }

    fn finish(&self) -> Result<(), Error> {
        let synced = self.commits.sync();
        if let Ok(mut writer) = self.writer() {
            // Derived: what is missing is rebuilt at the next opening.
            let _ = writer.hashes.write();
        }
        synced
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.finish();
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("dir", &self.dir)
            .field("written", &self.commits.written())
            .field("durable", &self.commits.durable())
            .finish_non_exhaustive()
    }
}

/// What a journal works with: among it randomness, a disk, and the length at which segments end, in bytes.
struct Means {
    entropy: Arc<dyn Entropy>,
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    /// Records of a journal that is verified whole when it is opened.
    verified_first: u64,
}

impl Means {
    fn of(entropy: Arc<dyn Entropy>) -> Self {
        Self {
            entropy,
            disk: Arc::new(RealDisk),
            segment_bytes: JOURNAL_SEGMENT_BYTES,
            verified_first: u64::MAX,
        }
    }
}
