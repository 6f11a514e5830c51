//! One range of an item while it is read: by whoever wants its bytes, or by a task ahead of them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::task::AbortOnDropHandle;

use super::super::super::error::WorkError;
use super::pace::Pace;
use super::{Manner, boundary, span};
use crate::agefile::{ChunkSpan, Opener, Workers};
use crate::limits::DOWNLOAD_BATCH_CHUNKS;
use crate::objects::{Download, Object};

/// One range of the item while it is read.
pub(super) struct Segment {
    download: Download,
    opener: Option<Opener>,
    ready: VecDeque<Bytes>,
    /// The plaintext it is for.
    range: Range<u64>,
    /// Bytes that were given out, and that are to be: of plaintext, or of what is stored.
    given: u64,
    wanted: u64,
}

impl Segment {
    pub(super) fn new(
        manner: &Manner,
        span: &ChunkSpan,
        range: Range<u64>,
        download: Download,
    ) -> Self {
        let (opener, wanted) = match manner {
            Manner::Opened(key) => {
                let opener = Opener::new(Arc::clone(key), span, Workers::one());
                let opener = opener.in_batches_of(DOWNLOAD_BATCH_CHUNKS);
                (Some(opener), range.end - range.start)
            }
            Manner::Sealed => (None, span.stored().end - span.stored().start),
        };
        Self {
            download,
            opener,
            ready: VecDeque::new(),
            range,
            given: 0,
            wanted,
        }
    }

    /// Bytes that are still to be given out.
    pub(super) fn left(&self) -> u64 {
        self.wanted - self.given
    }

    /// The next bytes, or nothing once all are given.
    pub(super) async fn next(&mut self, pace: &mut Pace) -> Result<Option<Bytes>, WorkError> {
        while self.left() > 0 {
            if let Some(mut bytes) = self.ready.pop_front() {
                // After a cut, more may have been opened than is wanted.
                let wanted = usize::try_from(self.left()).unwrap_or(usize::MAX);
                bytes.truncate(wanted);
                self.given += bytes.len() as u64;
                return Ok(Some(bytes));
            }
            pace.begin_to_wait();
            let piece = self.download.next().await;
            pace.end_waiting();
            match (piece, &mut self.opener) {
                (Some(piece), None) => self.ready.push_back(piece?),
                (Some(piece), Some(opener)) => {
                    let mut piece = piece?;
                    while piece.has_remaining() {
                        let opened = opener.push(&mut piece)?;
                        if !opened.is_empty() {
                            self.ready.push_back(opened);
                        }
                    }
                }
                (None, _) => return Err(incomplete()),
            }
        }
        Ok(None)
    }

    /// Leaves what lies `further` on, and beyond, to others; gives the plaintext that is.
    pub(super) fn cut(&mut self, further: u64, length: u64) -> Option<Range<u64>> {
        let place = match self.opener {
            Some(_) => self.range.start + self.given,
            None => self.given,
        };
        let behind = boundary(place + further)..self.range.end;
        let here = span(self.range.start..behind.start, length).ok()?;
        let wanted = match self.opener {
            Some(_) => here.take(),
            None => here.stored().end - here.stored().start,
        };
        if wanted <= self.given || wanted >= self.wanted {
            return None;
        }
        self.wanted = wanted;
        self.range.end = behind.start;
        Some(behind)
    }
}

/// One range that a task reads ahead.
pub(super) struct Reading {
    pieces: UnboundedReceiver<Result<Bytes, WorkError>>,
    /// Bytes that have not come through yet.
    left: u64,
    _task: AbortOnDropHandle<()>,
    _room: OwnedSemaphorePermit,
}

impl Reading {
    /// Begins to read; what comes waits until it is asked for, of which there is room for all.
    pub(super) fn begin(
        object: Object,
        manner: Manner,
        span: ChunkSpan,
        range: Range<u64>,
        room: OwnedSemaphorePermit,
    ) -> Self {
        let (give, pieces) = unbounded_channel();
        let left = match manner {
            Manner::Opened(_) => span.take(),
            Manner::Sealed => span.stored().end - span.stored().start,
        };
        let task = tokio::spawn(async move {
            if let Err(error) = read(&object, &manner, &span, range, &give).await {
                // Whoever does not ask any more need not be told.
                let _ = give.send(Err(error));
            }
        });
        Self {
            pieces,
            left,
            _task: AbortOnDropHandle::new(task),
            _room: room,
        }
    }

    /// The next bytes, or nothing once all are given.
    pub(super) async fn next(&mut self, pace: &mut Pace) -> Result<Option<Bytes>, WorkError> {
        if self.left == 0 {
            return Ok(None);
        }
        pace.begin_to_wait();
        let piece = self.pieces.recv().await;
        pace.end_waiting();
        let bytes = piece.unwrap_or_else(|| Err(incomplete()))?;
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(incomplete)?;
        Ok(Some(bytes))
    }
}

/// Reads one range to its end.
async fn read(
    object: &Object,
    manner: &Manner,
    span: &ChunkSpan,
    range: Range<u64>,
    give: &UnboundedSender<Result<Bytes, WorkError>>,
) -> Result<(), WorkError> {
    let download = object.get(span.stored()).await?;
    let mut segment = Segment::new(manner, span, range, download);
    let mut pace = Pace::default();
    while let Some(bytes) = segment.next(&mut pace).await? {
        if give.send(Ok(bytes)).is_err() {
            break;
        }
    }
    Ok(())
}

fn incomplete() -> WorkError {
    WorkError::Internal("a range ended before its length".to_owned())
}
