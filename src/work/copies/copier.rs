//! Bringing a bucket up to a journal, from where it was left.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::id::VaultId;
use crate::journal::{self, Followed, Piece};
use crate::limits::{COPY_PIECE_BYTES, COPY_PIECES_MERGED};
use crate::objects::{Family, ObjectKey, ObjectsError, Store};
use crate::vault::{Config, VaultError};
use crate::work::error::WorkError;

/// A piece shorter than this is put together with its neighbours, in bytes.
const SMALL: u64 = COPY_PIECE_BYTES / 8;

/// Copies what a journal has gained to a bucket, without its keys and from where it was left.
#[derive(Debug)]
pub(in crate::work) struct Copier {
    store: Store,
    vault: VaultId,
    dir: PathBuf,
    followed: Followed,
    checkpointed: u64,
    /// The last checkpoint that the next one makes superfluous.
    superseded: Option<u64>,
    /// Small pieces of the segment that is being followed, to be put together.
    small: Vec<Range<u64>>,
}

impl Copier {
    /// Finds how far the bucket's copy has come, and that it is a beginning of this journal.
    pub(in crate::work) async fn survey(
        store: Store,
        vault: VaultId,
        dir: PathBuf,
    ) -> Result<Self, WorkError> {
        let segments = pieces(&store, vault).await?;
        let (sizes, checkpointed) = checkpoints(&store, vault).await?;
        let place = dir.clone();
        let ends: Vec<_> = segments
            .iter()
            .map(|(first, all)| (*first, end(all)))
            .collect();
        let followed = aside(move || follow(&place, &ends)).await?;
        let mut copier = Self {
            store,
            vault,
            dir,
            followed,
            checkpointed,
            superseded: sizes.last().copied(),
            small: Vec::new(),
        };
        if let Some(all) = segments.get(&followed.segment) {
            let reached = all.iter().filter(|span| span.end <= followed.bytes);
            let last = reached
                .rev()
                .take_while(|span| span.end - span.start < SMALL);
            copier.small = last.cloned().collect();
            copier.small.reverse();
            if let Some(last) = all.iter().rfind(|span| span.end == followed.bytes) {
                copier.compare(followed.segment, last).await?;
            }
        }
        Ok(copier)
    }

    /// Whether every record before `size` is there, and a checkpoint that says so.
    pub(super) fn vouches_for(&self, size: u64) -> bool {
        self.followed.records >= size && self.checkpointed >= size
    }

    /// How far it has come.
    pub(in crate::work) fn records(&self) -> u64 {
        self.followed.records
    }

    /// Copies every record before `size`; those must be on the disk.
    pub(in crate::work) async fn advance(&mut self, size: u64) -> Result<u64, WorkError> {
        let mut added = 0;
        while let Some(piece) = self.next(size).await? {
            let Piece {
                segment,
                span,
                records,
            } = piece;
            let bytes = self.read(segment, span.clone()).await?;
            added += bytes.len() as u64;
            let key = self.key(segment, &span);
            let placed = self.store.put_if_absent(key, Bytes::from(bytes)).await;
            placed.map_err(|error| another(key, error))?;
            if segment != self.followed.segment {
                self.small.clear();
            }
            if span.end - span.start < SMALL {
                self.small.push(span.clone());
            } else {
                self.small.clear();
            }
            self.followed = Followed {
                segment,
                bytes: span.end,
                records: self.followed.records + records,
            };
        }
        Ok(added)
    }

    /// Places a signed checkpoint, and takes away the one it supersedes.
    pub(super) async fn checkpoint(&mut self, size: u64, note: String) -> Result<(), WorkError> {
        let vault = self.vault;
        let key = ObjectKey::Checkpoint { vault, size };
        let placed = self.store.put_if_absent(key, Bytes::from(note)).await;
        placed.map_err(|error| another(key, error))?;
        let before = self
            .superseded
            .replace(size)
            .filter(|before| *before < size);
        self.checkpointed = size;
        if let Some(size) = before {
            let key = ObjectKey::Checkpoint { vault, size };
            self.store.delete_everything(key).await?;
        }
        Ok(())
    }

    /// Stores what the vault's configuration says, so that a new machine need not be told.
    pub(in crate::work) async fn settings(&self, config: &Config) -> Result<(), WorkError> {
        let text = serde_json::to_vec_pretty(config)
            .map_err(|error| WorkError::Internal(error.to_string()))?;
        let key = ObjectKey::Settings(self.vault);
        Ok(self.store.put(key, Bytes::from(text)).await?)
    }

    /// Puts many small pieces together into one, and then takes them away.
    pub(super) async fn tidy(&mut self) -> Result<(), WorkError> {
        let (Some(first), Some(last)) = (self.small.first(), self.small.last()) else {
            return Ok(());
        };
        let span = first.start..last.end;
        if self.small.len() < COPY_PIECES_MERGED && span.end - span.start < COPY_PIECE_BYTES {
            return Ok(());
        }
        let segment = self.followed.segment;
        let bytes = self.read(segment, span.clone()).await?;
        let key = self.key(segment, &span);
        let placed = self.store.put_if_absent(key, Bytes::from(bytes)).await;
        placed.map_err(|error| another(key, error))?;
        for piece in std::mem::take(&mut self.small) {
            if piece != span {
                self.store
                    .delete_everything(self.key(segment, &piece))
                    .await?;
            }
        }
        if span.end - span.start < SMALL {
            self.small.push(span);
        }
        Ok(())
    }

    async fn compare(&self, segment: u64, span: &Range<u64>) -> Result<(), WorkError> {
        let ours = self.read(segment, span.clone()).await?;
        let key = self.key(segment, span);
        let theirs = self.store.read(key, ours.len() as u64).await?;
        match theirs == ours {
            true => Ok(()),
            false => Err(WorkError::Conflict(another_history(key))),
        }
    }

    async fn next(&self, size: u64) -> Result<Option<Piece>, WorkError> {
        let (dir, followed) = (self.dir.clone(), self.followed);
        aside(move || journal::next_piece(&dir, followed, size, COPY_PIECE_BYTES)).await
    }

    async fn read(&self, segment: u64, span: Range<u64>) -> Result<Vec<u8>, WorkError> {
        let dir = self.dir.clone();
        aside(move || journal::read_piece(&dir, segment, &span)).await
    }

    fn key(&self, segment: u64, span: &Range<u64>) -> ObjectKey {
        key_of(self.vault, segment, span)
    }
}

/// What a piece is called in a bucket.
pub(in crate::work) fn key_of(vault: VaultId, segment: u64, span: &Range<u64>) -> ObjectKey {
    ObjectKey::Journal {
        vault,
        segment,
        from: span.start,
        to: span.end,
    }
}

/// The pieces of each segment, in order.
pub(in crate::work) type Segments = BTreeMap<u64, Vec<Range<u64>>>;

/// Every piece of a vault's journal in a bucket.
pub(in crate::work) async fn pieces(store: &Store, vault: VaultId) -> Result<Segments, WorkError> {
    let mut found = Segments::new();
    let mut from = None;
    loop {
        let page = store.list(Family::Journal(vault), from).await?;
        for entry in page.entries {
            if let Ok(ObjectKey::Journal {
                segment, from, to, ..
            }) = entry.key
                && entry.bytes == to.saturating_sub(from)
            {
                found.entry(segment).or_default().push(from..to);
            }
        }
        from = page.next;
        if from.is_none() {
            found
                .values_mut()
                .for_each(|all| all.sort_by_key(|span| (span.start, span.end)));
            return Ok(found);
        }
    }
}

/// The checkpoints of a vault in a bucket by size, and the latest.
pub(in crate::work) async fn checkpoints(
    store: &Store,
    vault: VaultId,
) -> Result<(Vec<u64>, u64), WorkError> {
    let mut sizes = Vec::new();
    let mut from = None;
    loop {
        let page = store.list(Family::Checkpoints(vault), from).await?;
        sizes.extend(page.entries.iter().filter_map(|entry| match entry.key {
            Ok(ObjectKey::Checkpoint { size, .. }) => Some(size),
            _ => None,
        }));
        from = page.next;
        if from.is_none() {
            let latest = sizes.last().copied().unwrap_or(0);
            return Ok((sizes, latest));
        }
    }
}

/// How far pieces reach without a gap.
pub(in crate::work) fn end(pieces: &[Range<u64>]) -> u64 {
    pieces.iter().fold(0, |end, span| match span.start <= end {
        true => end.max(span.end),
        false => end,
    })
}

/// How far the journal in `dir` is in the bucket, whose segments reach as `ends` say.
fn follow(dir: &Path, ends: &[(u64, u64)]) -> Result<Followed, journal::Error> {
    let mut followed = Followed::default();
    for (segment, end) in ends {
        if *segment != followed.records {
            // Something before it is missing, and is copied again with what follows it.
            break;
        }
        if *end > 0 {
            followed = journal::followed_to(dir, *segment, *end)?;
        }
    }
    Ok(followed)
}

fn another(key: ObjectKey, error: ObjectsError) -> WorkError {
    match error {
        ObjectsError::AlreadyExists { .. } => WorkError::Conflict(another_history(key)),
        error => error.into(),
    }
}

fn another_history(key: ObjectKey) -> String {
    format!(
        "the bucket has another history of this vault's journal ({key}): a second gateway writes it, or an older backup was put back. Nothing there is overwritten. If this vault is the one to go on with, `strongroom vault doctor --tidy` takes the other away"
    )
}

/// Runs what reads the disk apart from everybody else's work.
pub(in crate::work) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, journal::Error> + Send + 'static,
) -> Result<T, WorkError> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| WorkError::Internal(error.to_string()))?;
    Ok(done.map_err(VaultError::from)?)
}
