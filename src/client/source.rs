//! A file to be uploaded, watched for changes while it is read.

use std::fs::{File, Metadata};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;

use super::error::ClientError;
use crate::model::Digest;

/// Bytes read at once.
const PIECE: usize = 256 * 1024;

/// A file to be uploaded.
#[derive(Debug, Clone)]
pub struct Source {
    path: PathBuf,
    file: Arc<File>,
    fingerprint: Fingerprint,
}

/// What tells that a file is still the same: where it lies, its length, and when it was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Fingerprint {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }

    /// The fingerprint as hexadecimal digits that say nothing about the file.
    pub fn digest(&self) -> String {
        let Self {
            device,
            inode,
            length,
            modified: (seconds, nanoseconds),
        } = self;
        let text = format!("{device} {inode} {length} {seconds} {nanoseconds}");
        Digest::of(text.as_bytes()).to_string()
    }
}

impl Source {
    /// Opens a file for uploading.
    ///
    /// # Errors
    /// [`ClientError::File`] when it cannot be read, [`ClientError::NotAFile`], and
    /// [`ClientError::Empty`].
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        let failed = |error| ClientError::file("read", path, error);
        // Asked before opening: opening a pipe would wait for ever.
        let metadata = std::fs::metadata(path).map_err(failed)?;
        if !metadata.is_file() {
            return Err(ClientError::NotAFile(path.to_path_buf()));
        }
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.len() == 0 {
            return Err(ClientError::Empty(path.to_path_buf()));
        }
        Ok(Self {
            path: path.to_path_buf(),
            fingerprint: Fingerprint::of(&metadata),
            file: Arc::new(file),
        })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its length when it was opened, in bytes.
    pub fn length(&self) -> u64 {
        self.fingerprint.length
    }

    /// What it was when it was opened.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Its name, without the folders it lies in.
    pub fn name(&self) -> Option<String> {
        let name = self.path.file_name()?;
        Some(name.to_string_lossy().into_owned())
    }

    /// Whether it is still what it was when it was opened.
    ///
    /// # Errors
    /// [`ClientError::FileChanged`].
    pub fn check_unchanged(&self) -> Result<(), ClientError> {
        let here = std::fs::metadata(&self.path);
        let open = self.file.metadata();
        let same = |metadata: std::io::Result<Metadata>| {
            metadata.is_ok_and(|metadata| Fingerprint::of(&metadata) == self.fingerprint)
        };
        match same(here) && same(open) {
            true => Ok(()),
            false => Err(ClientError::FileChanged(self.path.clone())),
        }
    }

    /// Its bytes from `offset` on, read a little ahead. The last of them come only while the file is
    /// what it was when it was opened: what changed meanwhile never arrives whole.
    pub(super) fn stream_from(
        &self,
        offset: u64,
    ) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
        let (source, end) = (self.clone(), self.length());
        futures::stream::unfold(offset, move |at| {
            let source = source.clone();
            async move {
                if at >= end {
                    return None;
                }
                let piece = tokio::task::spawn_blocking(move || source.piece(at)).await;
                let piece = piece.map_err(std::io::Error::other).and_then(|piece| piece);
                let next = match &piece {
                    Ok(bytes) => at + bytes.len() as u64,
                    Err(_) => end,
                };
                Some((piece, next))
            }
        })
    }

    /// All of its bytes, for a file so short that they are held at once; only while it is what it was
    /// when it was opened.
    pub(super) async fn whole(&self) -> Result<Bytes, ClientError> {
        let source = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let length = usize::try_from(source.length()).map_err(std::io::Error::other)?;
            let mut bytes = vec![0; length];
            source.file.read_exact_at(&mut bytes, 0)?;
            Ok(Bytes::from(bytes))
        });
        let read = read.await.map_err(std::io::Error::other);
        match read.and_then(|read| read) {
            Ok(bytes) => self.check_unchanged().map(|()| bytes),
            // A file that was cut short meanwhile ends before its time.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(ClientError::FileChanged(self.path.clone()))
            }
            Err(error) => Err(ClientError::file("read", &self.path, error)),
        }
    }

    fn piece(&self, at: u64) -> std::io::Result<Bytes> {
        let left = usize::try_from(self.length() - at).unwrap_or(PIECE);
        let mut piece = vec![0; left.min(PIECE)];
        // A file that was cut short meanwhile ends before its time, which is an error here.
        self.file.read_exact_at(&mut piece, at)?;
        if at + piece.len() as u64 == self.length() {
            self.check_unchanged().map_err(std::io::Error::other)?;
        }
        Ok(Bytes::from(piece))
    }
}
