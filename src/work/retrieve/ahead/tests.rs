//! Ranges read at once, against one range and against the bytes themselves.

use super::pace::Habits;
use super::*;
use crate::agefile::{ChunkBuffer, FileKey, Last, NONCE_BYTES, Workers};
use crate::entropy::SystemEntropy;
use crate::id::ItemId;
use crate::objects::Residency;
use crate::objects::embedded::Embedded;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const CHUNK: usize = CHUNK_BYTES;

fn key() -> Arc<PayloadKey> {
    let file_key = FileKey::init_with_mut(|key| key.fill(7));
    Arc::new(PayloadKey::derive(&file_key, [9; NONCE_BYTES]))
}

fn plain(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n * 31 + n / 997) as u8).collect()
}

fn sealed(plain: &[u8]) -> Bytes {
    let chunks = NonZeroUsize::new(plain.len().div_ceil(CHUNK)).expect("something");
    let mut buffer = ChunkBuffer::new(chunks, 0).expect("room");
    assert_eq!(buffer.fill(plain), plain.len());
    let part = buffer.seal(&key(), Last::Yes, &Workers::one());
    part.expect("seals").bytes
}

/// A store with an item of `plain` in it.
struct Kept {
    _embedded: Embedded,
    _folder: tempfile::TempDir,
    store: Store,
    object: ObjectKey,
}

async fn kept(stored: Bytes) -> Kept {
    let folder = tempfile::tempdir().expect("a folder");
    let entropy = Arc::new(SystemEntropy::new());
    let bucket = "tapes".parse().expect("a bucket");
    let embedded = Embedded::start(folder.path(), bucket, entropy.clone()).await;
    let embedded = embedded.expect("started");
    let config = embedded.config(Residency::Uk).expect("a configuration");
    let (store, _) = Store::connect(config, &*entropy).await.expect("connected");
    let object = ObjectKey::Material(ItemId::random(&*entropy).expect("entropy"));
    store.put(object, stored).await.expect("put");
    Kept {
        _embedded: embedded,
        _folder: folder,
        store,
        object,
    }
}

async fn read(
    kept: &Kept,
    manner: Manner,
    length: usize,
    range: Range<u64>,
    habits: Habits,
    room: usize,
) -> Result<(Vec<u8>, usize), WorkError> {
    let room = Arc::new(Semaphore::new(room));
    let mut ahead = Ahead::begin(
        &kept.store,
        kept.object,
        manner,
        length as u64,
        range,
        habits,
        Arc::clone(&room),
    )
    .await?;
    let (mut read, mut widest) = (Vec::new(), 0);
    let free = room.available_permits();
    while let Some(bytes) = ahead.next().await? {
        read.extend_from_slice(&bytes);
        widest = widest.max(free - room.available_permits());
    }
    assert_eq!(room.available_permits(), free, "the room is given back");
    Ok((read, widest))
}

/// However many ranges are read at once, on however many threads, however long they are and however
/// little room there is: what comes out is what was asked for.
#[test]
fn what_is_read_in_ranges_is_what_one_range_gives() {
    let length = 40 * CHUNK + 17;
    let (whole, stored) = (plain(length), sealed(&plain(length)));
    let widest = AtomicUsize::new(0);
    for threads in 1..=4 {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
            .expect("a runtime");
        let kept = runtime.block_on(kept(stored.clone()));
        let drawn = (
            1..=length,
            0..length,
            1..=6_usize,
            1..=5_u64,
            0..=5_usize,
            any::<bool>(),
        );
        let config = ProptestConfig::with_cases(12);
        let tried =
            TestRunner::new(config).run(&drawn, |(wanted, from, ranges, chunks, room, open)| {
                let habits = Habits {
                    range_bytes: chunks * CHUNK as u64,
                    ranges,
                    watched_for: Duration::ZERO,
                };
                let to = (from + wanted).min(length);
                let (manner, range, expected) = match open {
                    true => (Manner::Opened(key()), from..to, &whole[from..to]),
                    false => (Manner::Sealed, 0..length, &stored[NONCE_BYTES..]),
                };
                let range = range.start as u64..range.end as u64;
                let read = read(&kept, manner, length, range, habits, room);
                let (read, ahead) = runtime.block_on(read).expect("read");
                widest.fetch_max(ahead, Ordering::Relaxed);
                prop_assert!(ahead <= ranges.min(room));
                prop_assert!(read == expected);
                Ok(())
            });
        tried.expect("the same bytes");
    }
    assert!(widest.into_inner() > 1, "several ranges were read at once");
}

/// What was changed in the store ends in an error, and nothing of the range it is in, or of one
/// after it, comes out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_range_ends_it_in_its_place() {
    let length = 40 * CHUNK;
    let mut stored = sealed(&plain(length)).to_vec();
    stored[NONCE_BYTES + 30 * (CHUNK + 16) + 5] ^= 1;
    let kept = kept(Bytes::from(stored)).await;
    let habits = Habits {
        range_bytes: 2 * CHUNK as u64,
        ranges: 4,
        watched_for: Duration::ZERO,
    };
    let room = Arc::new(Semaphore::new(8));
    let range = 0..length as u64;
    let manner = Manner::Opened(key());
    let (store, object) = (&kept.store, kept.object);
    let ahead = Ahead::begin(
        store,
        object,
        manner,
        length as u64,
        range,
        habits,
        room.clone(),
    );
    let mut ahead = ahead.await.expect("begun");
    let mut read = Vec::new();
    let error = loop {
        match ahead.next().await {
            Ok(Some(bytes)) => read.extend_from_slice(&bytes),
            Ok(None) => panic!("it ended as if it were whole"),
            Err(error) => break error,
        }
    };
    assert!(error.to_string().contains("30"), "{error}");
    assert!(read.len() <= 30 * CHUNK && plain(length).starts_with(&read));
    assert!(matches!(ahead.next().await, Ok(None)), "nothing follows");
    assert_eq!(room.available_permits(), 8, "the room is given back");
}
