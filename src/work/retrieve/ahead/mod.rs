//! An item's stored bytes, read ahead in several ranges at once when one does not come fast enough,
//! and given out in their order.

mod pace;
mod segment;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::super::error::WorkError;
use crate::agefile::{CHUNK_BYTES, ChunkSpan, PayloadKey};
use crate::objects::{Object, ObjectKey, Store};

use pace::Pace;
use segment::{Reading, Segment};

pub(super) use pace::Habits;

/// How an item's bytes are given out.
#[derive(Clone)]
pub(super) enum Manner {
    /// Opened.
    Opened(Arc<PayloadKey>),
    /// As they are stored.
    Sealed,
}

/// An item's bytes in their order.
///
/// One request for all that is wanted is the cheapest, and for a store next door the fastest. When
/// most of the time goes into waiting for the store, the rest is asked for in ranges of
/// [`READ_AHEAD_BYTES`], several at once, each in a task of its own that opens what it reads; their
/// number follows who waits for whom. What is read ahead is held in memory, all downloads together
/// within the room they are given.
pub(super) struct Ahead {
    manner: Manner,
    /// The item's length, in bytes of plaintext.
    length: u64,
    object: Object,
    /// What is given out next, and what follows it.
    lanes: VecDeque<Lane>,
    /// The plaintext that is not asked for yet.
    rest: Range<u64>,
    habits: Habits,
    width: usize,
    pace: Pace,
    room: Arc<Semaphore>,
}

/// One range, wherever it is read.
enum Lane {
    /// By whoever asks for its bytes.
    Here(Box<Segment>),
    /// By a task, ahead of them.
    Ahead(Reading),
}

impl Ahead {
    /// Asks the store for `range` of the plaintext of an item of `length` bytes, which is within it.
    pub(super) async fn begin(
        store: &Store,
        object: ObjectKey,
        manner: Manner,
        length: u64,
        range: Range<u64>,
        habits: Habits,
        room: Arc<Semaphore>,
    ) -> Result<Self, WorkError> {
        let span = span(range.clone(), length)?;
        let download = store.get(object, span.stored()).await?;
        let object = download.object().clone();
        let whole = Segment::new(&manner, &span, range.clone(), download);
        Ok(Self {
            manner,
            length,
            object,
            rest: range.end..range.end,
            lanes: VecDeque::from([Lane::Here(Box::new(whole))]),
            habits,
            width: 1,
            pace: Pace::default(),
            room,
        })
    }

    /// The next bytes; nothing after the last. Nothing follows an error.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, WorkError> {
        let next = self.next_of_lanes().await;
        if next.is_err() {
            self.lanes.clear();
            self.rest.start = self.rest.end;
        }
        next
    }

    async fn next_of_lanes(&mut self) -> Result<Option<Bytes>, WorkError> {
        while let Some(front) = self.lanes.front_mut() {
            let piece = match front {
                Lane::Here(segment) => segment.next(&mut self.pace).await?,
                Lane::Ahead(reading) => reading.next(&mut self.pace).await?,
            };
            if piece.is_some() {
                self.split_if_slow()?;
                return Ok(piece);
            }
            self.lanes.pop_front();
            self.width = self.pace.width(self.width, self.habits);
            self.go_on().await?;
        }
        Ok(None)
    }

    /// Cuts a single long range short when the store keeps us waiting: what is behind the cut is then
    /// read in several.
    fn split_if_slow(&mut self) -> Result<(), WorkError> {
        let alone = self.lanes.len() == 1 && self.rest.is_empty();
        if let Some(Lane::Here(segment)) = self.lanes.front_mut()
            && alone
            && segment.left() > 2 * self.habits.range_bytes
            && self.pace.is_slow(self.habits)
            && let Some(behind) = segment.cut(self.habits.range_bytes, self.length)
        {
            self.rest = behind;
            self.width = self.pace.width(self.width, self.habits);
            return self.read_ahead();
        }
        Ok(())
    }

    /// Asks for what comes next, so that as many ranges are read as should be.
    async fn go_on(&mut self) -> Result<(), WorkError> {
        if self.lanes.is_empty() && !self.rest.is_empty() {
            let range = self.take_range();
            let span = span(range.clone(), self.length)?;
            let download = self.object.get(span.stored()).await?;
            let segment = Segment::new(&self.manner, &span, range, download);
            self.lanes.push_back(Lane::Here(Box::new(segment)));
        }
        self.read_ahead()
    }

    /// Begins to read ahead, as far as there is room in memory.
    fn read_ahead(&mut self) -> Result<(), WorkError> {
        while self.lanes.len() < self.width && !self.rest.is_empty() {
            let Ok(room) = Arc::clone(&self.room).try_acquire_owned() else {
                break;
            };
            let range = self.take_range();
            let span = span(range.clone(), self.length)?;
            let object = self.object.clone();
            let reading = Reading::begin(object, self.manner.clone(), span, range, room);
            self.lanes.push_back(Lane::Ahead(reading));
        }
        Ok(())
    }

    fn take_range(&mut self) -> Range<u64> {
        let end = boundary(self.rest.start + self.habits.range_bytes).min(self.rest.end);
        let range = self.rest.start..end;
        self.rest.start = end;
        range
    }
}

/// The chunks that hold a range that is known to be within the item.
fn span(range: Range<u64>, length: u64) -> Result<ChunkSpan, WorkError> {
    ChunkSpan::covering(range, length).ok_or(WorkError::BadRange { length })
}

/// The last boundary between chunks at or before a place in the plaintext.
fn boundary(place: u64) -> u64 {
    place - place % CHUNK_BYTES as u64
}
