//! Stores that must not be used, and what is said about them.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use strongroom::objects::{
    AccessKey, CredentialsSource, Endpoint, Location, ObjectsError, Residency, Store,
};
use strongroom::secret::SecretBytes;

use super::{BUCKET, attestation, connect, embedded};
use crate::support::peers::{KEY_ID, Moto, S3sFs, SECRET, config};
use crate::support::programs::free_port;

/// R39: a bucket overseas is refused by its region's name, and nothing is written to it.
pub(super) async fn outside_the_uk(moto: &Moto) {
    for region in ["us-east-1", "eu-west-1"] {
        let bucket = format!("overseas-{region}");
        moto.make_bucket(&bucket, region).await;
        // Neither signing for London nor somebody's word makes it a bucket in London.
        let mut config = moto.config(&bucket, "eu-west-2");
        config.attestation = Some(attestation("eu-west-2"));
        let refused = connect(config).await.expect_err("overseas");
        assert!(
            matches!(refused, ObjectsError::WrongRegion { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains(region), "{refused}");

        let mut eea = moto.config(&bucket, region);
        eea.residency = Residency::UkOrEea;
        let answer = connect(eea).await;
        assert_eq!(answer.is_ok(), region == "eu-west-1", "{answer:?}");
    }
}

/// A copy elsewhere, or a lock, would outlive an erasure: refused at start and while running.
pub(super) async fn replicated_or_locked(moto: &Moto, running: &Store) {
    moto.make_bucket("copies", "eu-west-2").await;
    moto.keep_versions("copies").await;
    moto.replicate(BUCKET, "copies").await;
    for refused in [
        connect(moto.config(BUCKET, "eu-west-2")).await.map(drop),
        running.recheck().await.map(drop),
    ] {
        let refused = refused.expect_err("replicated");
        assert!(
            matches!(refused, ObjectsError::Replicated { .. }),
            "{refused}"
        );
        assert!(refused.to_string().contains("copies"), "{refused}");
    }

    moto.make_locked_bucket("locked", "eu-west-2").await;
    let refused = connect(moto.config("locked", "eu-west-2")).await;
    assert!(
        matches!(refused, Err(ObjectsError::ObjectLock { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = embedded(directory.path()).await;
    let mut config = server.config(Residency::Uk).expect("a configuration");
    config.bucket = "elsewhere".parse().expect("a bucket");
    let refused = connect(config).await.expect_err("missing");
    assert!(
        matches!(refused, ObjectsError::BucketMissing { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("elsewhere"), "{refused}");
}

#[tokio::test]
async fn wrong_credentials_are_refused_without_being_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = embedded(directory.path()).await;
    let mut config = server.config(Residency::Uk).expect("a configuration");
    let key = AccessKey::new(KEY_ID, SecretBytes::new(SECRET.as_bytes().to_vec()));
    config.credentials = CredentialsSource::Explicit(key);
    let refused = connect(config).await.expect_err("refused");
    assert!(
        matches!(refused, ObjectsError::CredentialsRefused { .. }),
        "{refused}"
    );
    let said = format!("{refused} {refused:?}");
    assert!(!said.contains(SECRET) && !said.contains(KEY_ID), "{said}");
}

#[tokio::test]
async fn an_unreachable_store_is_said_soon() {
    let started = Instant::now();
    let refused = connect(config(free_port(), BUCKET, "eu-west-2"))
        .await
        .expect_err("nobody is there");
    assert!(
        matches!(refused, ObjectsError::Unreachable { .. }),
        "{refused}"
    );
    assert!(refused.is_transient());
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn plain_http_to_another_machine_is_refused() {
    let refused = "http://s3.example.org".parse::<Endpoint>();
    assert!(matches!(refused, Err(ObjectsError::PlainHttp { .. })));
}

#[tokio::test]
async fn credentials_come_from_a_private_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = S3sFs::start(directory.path(), BUCKET).await;
    let path = directory.path().join("credentials");
    let with_file = || {
        let mut config = server.config(BUCKET, Some(attestation("gb")));
        config.credentials = CredentialsSource::File(path.clone());
        config
    };
    let permit = |mode| {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("set");
    };

    let absent = connect(with_file()).await.expect_err("no file");
    assert!(
        matches!(absent, ObjectsError::CredentialsFile { .. }),
        "{absent}"
    );

    std::fs::write(&path, "[default]\n").expect("written");
    permit(0o600);
    let empty = connect(with_file()).await.expect_err("no key");
    assert!(
        matches!(empty, ObjectsError::CredentialsFile { .. }),
        "{empty}"
    );

    let text =
        format!("[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n");
    std::fs::write(&path, text).expect("written");
    permit(0o644);
    let open = connect(with_file()).await.expect_err("open to all");
    assert!(open.to_string().contains("chmod 600"), "{open}");

    permit(0o600);
    let store = connect(with_file()).await.expect("connects");
    assert!(matches!(store.report().location, Location::Attested { .. }));
}
