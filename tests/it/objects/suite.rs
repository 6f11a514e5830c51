//! What every store must do, whoever wrote it.

use bytes::{Bytes, BytesMut};
use strongroom::entropy::{Entropy, SystemEntropy};
use strongroom::id::VaultId;
use strongroom::objects::{Family, ObjectKey, ObjectsError, Placement, Store};

use super::material;

const MIB: usize = 1 << 20;

pub(super) fn noise(length: usize) -> Bytes {
    let mut bytes = vec![0; length];
    SystemEntropy::new().fill(&mut bytes).expect("entropy");
    bytes.into()
}

pub(super) async fn behaves(store: &Store) {
    stores_whole_objects(store).await;
    replaces_nothing_without_leave(store).await;
    stores_parts(store).await;
    gives_up_uploads(store).await;
    lists(store).await;
}

pub(super) async fn stores_whole_objects(store: &Store) {
    let (key, body) = (material(), noise(300_001));
    assert_eq!(store.head(key).await.expect("answered"), None);
    let absent = store.get(key, 0..10).await.expect_err("absent");
    assert!(
        matches!(absent, ObjectsError::NoSuchObject { .. }),
        "{absent}"
    );

    store.put(key, noise(5)).await.expect("stored");
    store.put(key, body.clone()).await.expect("replaced");
    let there = store.head(key).await.expect("answered").expect("there");
    assert_eq!(there.bytes, body.len() as u64);
    assert_eq!(store.read(key, u64::MAX).await.expect("read"), body);
    let long = store.read(key, 1000).await;
    assert!(matches!(long, Err(ObjectsError::OutOfRange { .. })));
    for range in [0..1, 0..body.len(), 65_536..131_072, 300_000..300_001] {
        let wanted = range.start as u64..range.end as u64;
        let download = store.get(key, wanted).await.expect("opened");
        assert_eq!(download.object_bytes(), body.len() as u64);
        assert_eq!(drain(download).await, body.slice(range));
    }
    for range in [300_001..300_002, 300_000..300_002, 7..7] {
        let refused = store.get(key, range).await.expect_err("beyond");
        assert!(
            matches!(refused, ObjectsError::OutOfRange { .. }),
            "{refused}"
        );
    }

    let deleted = store.delete_everything(key).await.expect("deleted");
    assert!(deleted.versions >= 1 && deleted.verified_absent);
    let again = store.delete_everything(key).await.expect("nothing to do");
    assert_eq!(again.versions, 0);
    assert_eq!(store.head(key).await.expect("answered"), None);
}

async fn replaces_nothing_without_leave(store: &Store) {
    let (key, body) = (material(), noise(1000));
    let place = async |body: &Bytes| store.put_if_absent(key, body.clone()).await;
    assert_eq!(place(&body).await.expect("stored"), Placement::New);
    assert_eq!(place(&body).await.expect("there"), Placement::Same);
    for other in [noise(1000), noise(999)] {
        let refused = place(&other).await.expect_err("taken");
        assert!(
            matches!(refused, ObjectsError::AlreadyExists { .. }),
            "{refused}"
        );
    }
    assert_eq!(store.read(key, 1000).await.expect("read"), body);
    store.delete_everything(key).await.expect("deleted");

    if store.capabilities().conditional_put.is_yes() {
        let race = (0..8).map(|_| store.put_if_absent(key, noise(100)));
        let outcomes = futures::future::join_all(race).await;
        assert_eq!(outcomes.iter().filter(|o| o.is_ok()).count(), 1);
        store.delete_everything(key).await.expect("deleted");
    }
}

pub(super) async fn stores_parts(store: &Store) {
    let (key, body) = (material(), noise(5 * MIB + 70_007));
    let upload = store.begin(key).await.expect("begun");
    assert_eq!(upload.key(), key);
    let (head, tail) = (body.slice(..5 * MIB), body.slice(5 * MIB..));
    store.put_part(&upload, 2, noise(99)).await.expect("sent");
    let second = store.put_part(&upload, 2, tail).await.expect("sent again");
    let first = store.put_part(&upload, 1, head).await.expect("sent");
    assert_eq!((second.number(), second.bytes()), (2, 70_007));

    for bad in [0, 10_001] {
        let refused = store.put_part(&upload, bad, noise(1)).await;
        assert!(matches!(refused, Err(ObjectsError::BadPart { .. })));
    }
    let disordered = [second.clone(), first.clone()];
    for bad in [&[][..], &disordered[..]] {
        let refused = store.complete(&upload, bad).await;
        assert!(matches!(refused, Err(ObjectsError::BadPart { .. })));
    }

    // An upload under way outlives this process: it and its receipts can be written down.
    let noted = serde_json::to_string(&(&upload, &[&first, &second])).expect("written");
    let (upload, parts): (_, Vec<_>) = serde_json::from_str(&noted).expect("read");
    store.complete(&upload, &parts).await.expect("completed");
    let seam = (5 * MIB - 3) as u64..(5 * MIB + 3) as u64;
    let across = store.get(key, seam).await.expect("opened");
    assert_eq!(drain(across).await, body.slice(5 * MIB - 3..5 * MIB + 3));
    assert!(store.read(key, u64::MAX).await.expect("read") == body);
    store.delete_everything(key).await.expect("deleted");
}

async fn gives_up_uploads(store: &Store) {
    let key = material();
    let upload = store.begin(key).await.expect("begun");
    let part = store.put_part(&upload, 1, noise(1000)).await.expect("sent");
    if let Some(under_way) = unfinished(store, key).await {
        assert_eq!(under_way, 1);
    }
    store.abort(&upload).await.expect("aborted");
    store
        .abort(&upload)
        .await
        .expect("aborting again does no harm");
    // One server forgets an upload so well that asking after it is a fault of its own.
    let gone = |error: &ObjectsError| {
        matches!(
            error,
            ObjectsError::UploadGone { .. } | ObjectsError::Unavailable { .. }
        )
    };
    let late = store
        .put_part(&upload, 2, noise(10))
        .await
        .expect_err("over");
    assert!(gone(&late), "{late}");
    let late = store.complete(&upload, &[part]).await.expect_err("over");
    assert!(gone(&late), "{late}");
    assert_eq!(store.head(key).await.expect("answered"), None);
    assert!(matches!(unfinished(store, key).await, None | Some(0)));

    let upload = store.begin(key).await.expect("begun");
    store.put_part(&upload, 1, noise(1000)).await.expect("sent");
    let deleted = store.delete_everything(key).await.expect("deleted");
    if store.capabilities().lists_uploads.is_yes() {
        assert_eq!(deleted.unfinished_uploads, 1);
        assert!(deleted.verified_no_uploads);
    } else {
        assert!(!deleted.verified_no_uploads);
        store.abort(&upload).await.expect("aborted");
    }
}

/// How many unfinished uploads of `key` the store lists, if it lists any.
async fn unfinished(store: &Store, key: ObjectKey) -> Option<usize> {
    let listed = store
        .list_unfinished_uploads(Family::Material)
        .await
        .expect("answered")?;
    let ours = listed
        .iter()
        .filter(|entry| entry.upload.as_ref().is_ok_and(|u| u.key() == key));
    Some(ours.count())
}

async fn lists(store: &Store) {
    let vault = VaultId::random(&SystemEntropy::new()).expect("entropy");
    let keys = [3, 20, 100].map(|size| ObjectKey::Checkpoint { vault, size });
    for key in keys.iter().rev() {
        store.put(*key, noise(17)).await.expect("stored");
    }
    let page = store
        .list(Family::Checkpoints(vault), None)
        .await
        .expect("listed");
    let listed: Vec<_> = page.entries.iter().map(|e| e.key.clone()).collect();
    assert_eq!(listed, keys.map(Ok));
    assert!(page.entries.iter().all(|e| e.bytes == 17) && page.next.is_none());
    for key in keys {
        store.delete_everything(key).await.expect("deleted");
    }
    let page = store.list(Family::Probes, None).await.expect("listed");
    assert_eq!(page.entries, [], "the probe object was cleaned up");
}

/// `bucket` is the directory behind the embedded store, so that many objects are made quickly.
pub(super) async fn lists_in_pages(store: &Store, bucket: &std::path::Path) {
    let vault = VaultId::random(&SystemEntropy::new()).expect("entropy");
    let keys = (0..2500).map(|size| ObjectKey::Checkpoint { vault, size });
    for key in keys.clone() {
        let path = bucket.join(key.to_string());
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, b"note").expect("written");
    }
    std::fs::write(bucket.join(format!("checkpoints/{vault}/stray")), b"").expect("written");
    let (mut found, mut strays, mut pages, mut next) = (Vec::new(), 0, 0, None);
    loop {
        let page = store
            .list(Family::Checkpoints(vault), next)
            .await
            .expect("listed");
        pages += 1;
        for entry in page.entries {
            match entry.key {
                Ok(key) => found.push(key),
                Err(_) => strays += 1,
            }
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert!(found.into_iter().eq(keys));
    assert_eq!((strays, pages), (1, 3));
}

async fn drain(mut download: strongroom::objects::Download) -> Bytes {
    let mut bytes = BytesMut::new();
    while let Some(piece) = download.next().await {
        bytes.extend_from_slice(&piece.expect("delivered"));
    }
    assert_eq!(download.remaining(), 0);
    bytes.freeze()
}
