//! One object as it lies on the disk, in one file or in parts, and the reading of it.
//!
//! What is opened stays what it was: an object replaced or removed meanwhile is read on from the
//! file or directory held open, or breaks off, but never goes on with the bytes of another.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, SeekFrom};
use std::ops::Range;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use rustix::fs::{Mode, OFlags, openat};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

/// The file that tells a directory of parts from a folder of objects.
pub(super) const PARTS_FILE: &str = ".parts";
/// Bytes read from the disk at a time.
const BUFFER: usize = 512 * 1024;

/// A length, an identity and an age.
#[derive(Debug, Clone)]
pub(super) struct Stat {
    pub(super) bytes: u64,
    pub(super) etag: String,
    pub(super) modified: SystemTime,
}

/// An object, held open.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) stat: Stat,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    bytes: u64,
    at: Place,
}

#[derive(Debug, Clone)]
enum Place {
    File(Arc<File>),
    Part(Arc<OwnedFd>, i32),
}

impl Whole {
    /// Opens what lies under the name of an object.
    pub(super) fn open(object: &Path) -> io::Result<Self> {
        let opened = File::open(object)?;
        let about = opened.metadata()?;
        if about.is_file() {
            let stat = stat(&about)?;
            let pieces = vec![Piece {
                bytes: stat.bytes,
                at: Place::File(Arc::new(opened)),
            }];
            return Ok(Self { stat, pieces });
        }
        let directory = Arc::new(OwnedFd::from(opened));
        let list = open_in(&directory, PARTS_FILE)?;
        let mut stat = stat(&list.metadata()?)?;
        let parts: Vec<(i32, u64)> = serde_json::from_reader(io::BufReader::new(list))?;
        stat.bytes = parts.iter().map(|(_, bytes)| bytes).sum();
        let pieces = parts.into_iter().map(|(number, bytes)| Piece {
            bytes,
            at: Place::Part(directory.clone(), number),
        });
        Ok(Self {
            stat,
            pieces: pieces.collect(),
        })
    }

    /// The bytes of `span`.
    pub(super) fn read(
        self,
        span: Range<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync {
        stream::iter(self.covering(span))
            .then(async |(place, span)| read_piece(place, span).await)
            .try_flatten()
    }

    /// The pieces that hold `span`, each with the bytes of it that are wanted.
    fn covering(self, span: Range<u64>) -> Vec<(Place, Range<u64>)> {
        let mut start = 0;
        let mut wanted = Vec::new();
        for piece in self.pieces {
            let end = start + piece.bytes;
            let (from, to) = (span.start.max(start), span.end.min(end));
            if from < to {
                wanted.push((piece.at, from - start..to - start));
            }
            start = end;
        }
        wanted
    }
}

pub(super) fn part_name(number: i32) -> String {
    format!(".part-{number}")
}

/// What there is to say of a file. The ETag is made of its own identity, which a rewrite changes.
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

async fn read_piece(
    place: Place,
    span: Range<u64>,
) -> io::Result<impl Stream<Item = io::Result<Bytes>>> {
    let opened = tokio::task::spawn_blocking(move || match place {
        Place::File(file) => file.try_clone(),
        Place::Part(directory, number) => open_in(&directory, &part_name(number)),
    });
    let mut file = tokio::fs::File::from_std(opened.await.map_err(io::Error::other)??);
    file.set_max_buf_size(BUFFER);
    file.seek(SeekFrom::Start(span.start)).await?;
    let length = span.end.saturating_sub(span.start);
    Ok(ReaderStream::with_capacity(file.take(length), BUFFER))
}

fn open_in(directory: &OwnedFd, name: &str) -> io::Result<File> {
    let file = File::from(openat(
        directory,
        name,
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?);
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(ErrorKind::InvalidData.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// A span of the whole is the same bytes whether it lies in one file or in parts.
        #[test]
        fn a_span_covers_what_it_should(
            lengths in proptest::collection::vec(0_u64..50, 1..6), one in 0_u64..300, other in 0_u64..300,
        ) {
            let total: u64 = lengths.iter().sum();
            let span = one.min(other).min(total)..one.max(other).min(total);
            let directory = Arc::new(OwnedFd::from(File::open("/").expect("opened")));
            let pieces = (0..).zip(&lengths).map(|(number, bytes)| Piece {
                bytes: *bytes,
                at: Place::Part(directory.clone(), number),
            });
            let stat = Stat { bytes: total, etag: String::new(), modified: SystemTime::UNIX_EPOCH };
            let covering = Whole { stat, pieces: pieces.collect() }.covering(span.clone());
            let starts: Vec<u64> = lengths.iter().scan(0, |at, n| { *at += n; Some(*at - n) }).collect();
            let covered = covering.into_iter().flat_map(|(place, within)| {
                let Place::Part(_, number) = place else { panic!("a file") };
                let start = starts[usize::try_from(number).expect("small")];
                within.map(move |byte| start + byte)
            });
            prop_assert!(covered.eq(span));
        }
    }
}
