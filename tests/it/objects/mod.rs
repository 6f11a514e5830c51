//! The bucket: one suite of behaviour for every server at hand, and the ways each can fail.
//!
//! The embedded store and `s3s-fs` are always there. `moto_server` and `rclone` are started when
//! found, by `STRONGROOM_MOTO` and `STRONGROOM_RCLONE` or on the path; `STRONGROOM_REQUIRE_PEERS=1`
//! makes their absence a failure.

mod faults;
mod refusals;
mod strangers;
mod suite;

use std::sync::Arc;

use jiff::Timestamp;
use strongroom::entropy::{Entropy, SystemEntropy};
use strongroom::id::ItemId;
use strongroom::objects::embedded::Embedded;
use strongroom::objects::{
    Answer, Attestation, Location, ObjectKey, ObjectsError, Residency, Store, StoreConfig,
};

use crate::support::peers::{Moto, Rclone, S3sFs};
use crate::support::programs;

const BUCKET: &str = "tapes";

fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy::new())
}

fn material() -> ObjectKey {
    ObjectKey::Material(ItemId::random(&*entropy()).expect("entropy"))
}

fn attestation(region: &str) -> Attestation {
    Attestation::new(
        "A. Operator",
        region.parse().expect("a region"),
        "it runs on this machine",
        Timestamp::UNIX_EPOCH,
    )
    .expect("a whole attestation")
}

async fn embedded(directory: &std::path::Path) -> Embedded {
    Embedded::start(directory, BUCKET.parse().expect("a bucket"), entropy())
        .await
        .expect("the embedded store starts")
}

async fn connect(config: StoreConfig) -> Result<Store, ObjectsError> {
    Store::connect(config, &*entropy())
        .await
        .map(|(store, _)| store)
}

async fn embedded_store(server: &Embedded) -> Store {
    connect(server.config(Residency::Uk).expect("a configuration"))
        .await
        .expect("connects")
}

#[tokio::test]
async fn the_embedded_store_behaves() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = embedded(directory.path()).await;
    let store = embedded_store(&server).await;
    suite::behaves(&store).await;

    let report = store.report();
    assert_eq!(report.location, Location::ThisMachine);
    assert_eq!(report.capabilities.lists_uploads, Answer::Yes);
    assert_eq!(report.capabilities.conditional_put, Answer::Yes);
    assert_eq!(report.capabilities.versioning, Answer::No);
    assert_eq!(report.capabilities.replication, Answer::No);
    assert_eq!(report.capabilities.object_lock, Answer::No);
    assert!(report.concerns()[0].contains("this machine"));
    assert_eq!(&store.recheck().await.expect("still so"), report);
    server.stop().await;
}

/// Deleting leaves no file behind, nor the name of one: an erased item is as one that never was.
#[tokio::test]
async fn the_embedded_store_keeps_nothing_of_what_was_deleted() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = embedded(directory.path()).await;
    let store = embedded_store(&server).await;
    let key = material();
    store.put(key, suite::noise(70_000)).await.expect("stored");
    let upload = store.begin(key).await.expect("begun");
    store
        .put_part(&upload, 1, suite::noise(70_000))
        .await
        .expect("sent");
    let deleted = store.delete_everything(key).await.expect("deleted");
    assert_eq!((deleted.versions, deleted.unfinished_uploads), (1, 1));
    assert!(deleted.verified_absent && deleted.verified_no_versions && deleted.verified_no_uploads);
    server.stop().await;

    let left: Vec<_> = programs::files(directory.path());
    assert_eq!(left, [directory.path().join(".lock")]);
}

/// What was acknowledged is there after a restart, an unfinished upload's parts included.
#[tokio::test]
async fn the_embedded_store_survives_a_restart() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = embedded(directory.path()).await;
    let store = embedded_store(&server).await;
    let (whole, parted) = (material(), material());
    let body = suite::noise(5 << 20);
    store.put(whole, suite::noise(99)).await.expect("stored");
    let upload = store.begin(parted).await.expect("begun");
    let first = store
        .put_part(&upload, 1, body.clone())
        .await
        .expect("sent");
    server.stop().await;

    let server = embedded(directory.path()).await;
    let store = embedded_store(&server).await;
    assert_eq!(store.read(whole, 99).await.expect("read").len(), 99);
    let second = store
        .put_part(&upload, 2, suite::noise(7))
        .await
        .expect("sent");
    store
        .complete(&upload, &[first, second])
        .await
        .expect("completed");
    let there = store.head(parted).await.expect("answered");
    assert_eq!(there.expect("there").bytes, body.len() as u64 + 7);
}

#[tokio::test]
async fn a_listing_has_as_many_pages_as_it_needs() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = embedded(directory.path()).await;
    let store = embedded_store(&server).await;
    suite::lists_in_pages(&store, &directory.path().join(BUCKET)).await;
}

#[tokio::test]
async fn s3s_fs_behaves_under_an_attestation() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = S3sFs::start(directory.path(), BUCKET).await;
    let silent = connect(server.config(BUCKET, None)).await;
    assert!(
        matches!(silent, Err(ObjectsError::CannotSayRegion { .. })),
        "{silent:?}"
    );
    let store = connect(server.config(BUCKET, Some(attestation("gb"))))
        .await
        .expect("connects");
    let report = store.report();
    assert!(matches!(&report.location, Location::Attested { by, .. } if by == "A. Operator"));
    assert_eq!(report.capabilities.replication, Answer::CannotSay);
    assert_eq!(report.capabilities.lists_uploads, Answer::CannotSay);
    suite::stores_whole_objects(&store).await;
    suite::stores_parts(&store).await;
}

#[tokio::test]
async fn moto_behaves_with_versions() {
    let Some(moto) = Moto::start() else { return };
    moto.make_bucket(BUCKET, "eu-west-2").await;
    moto.keep_versions(BUCKET).await;
    let store = connect(moto.config(BUCKET, "eu-west-2"))
        .await
        .expect("connects");
    let report = store.report();
    assert!(
        matches!(&report.location, Location::Said { region, .. } if region.as_str() == "eu-west-2")
    );
    assert_eq!(report.capabilities.versioning, Answer::Yes);
    assert_eq!(report.capabilities.replication, Answer::No);
    assert_eq!(report.capabilities.object_lock, Answer::No);
    suite::behaves(&store).await;

    // A plain deletion leaves every version where it was; ours leaves none.
    let key = material();
    for _ in 0..2 {
        store.put(key, suite::noise(1000)).await.expect("stored");
    }
    moto.delete_plainly(BUCKET, key).await;
    assert_eq!(store.head(key).await.expect("answered"), None);
    assert_eq!(moto.versions(BUCKET, key).await, 3);
    let deleted = store.delete_everything(key).await.expect("deleted");
    assert_eq!((deleted.versions, deleted.delete_markers), (2, 1));
    assert!(deleted.verified_absent && deleted.verified_no_versions);
    assert_eq!(moto.versions(BUCKET, key).await, 0);

    refusals::outside_the_uk(&moto).await;
    refusals::replicated_or_locked(&moto, &store).await;
}

#[tokio::test]
async fn rclone_behaves_under_an_attestation() {
    let directory = tempfile::tempdir().expect("a directory");
    let Some(rclone) = Rclone::start(directory.path(), BUCKET) else {
        return;
    };
    let silent = connect(rclone.config(BUCKET, None)).await;
    assert!(
        matches!(silent, Err(ObjectsError::CannotSayRegion { .. })),
        "{silent:?}"
    );
    let store = connect(rclone.config(BUCKET, Some(attestation("eu-west-2"))))
        .await
        .expect("connects");
    // It takes the condition and overwrites all the same: only a probe object tells.
    assert_eq!(store.capabilities().conditional_put, Answer::No);
    suite::behaves(&store).await;
}
