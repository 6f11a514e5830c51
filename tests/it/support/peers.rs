//! Other people's S3 servers, started on the loopback interface and ended with the test.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::Path;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration,
    DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination, ReplicationConfiguration,
    ReplicationRule, ReplicationRuleFilter, ReplicationRuleStatus, VersioningConfiguration,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use strongroom::objects::{
    AccessKey, Attestation, CredentialsSource, ObjectKey, Residency, StoreConfig,
};
use strongroom::secret::SecretBytes;

use super::programs::{Running, find, free_port};

pub(crate) const KEY_ID: &str = "peer-access-key";
pub(crate) const SECRET: &str = "peer-secret-that-no-message-shows";

/// A configuration for the server on `port`.
pub(crate) fn config(port: u16, bucket: &str, region: &str) -> StoreConfig {
    StoreConfig {
        prefix: Default::default(),
        endpoint: format!("http://127.0.0.1:{port}")
            .parse()
            .expect("an endpoint"),
        bucket: bucket.parse().expect("a bucket"),
        region: region.parse().expect("a region"),
        credentials: CredentialsSource::Explicit(AccessKey::new(
            KEY_ID,
            SecretBytes::new(SECRET.as_bytes().to_vec()),
        )),
        residency: Residency::Uk,
        attestation: None,
    }
}

/// `moto_server`, an imitation of Amazon's S3 that keeps versions.
pub(crate) struct Moto {
    port: u16,
    process: Running,
}

impl Moto {
    pub(crate) fn start() -> Option<Self> {
        let program = find("moto_server", "STRONGROOM_MOTO")?;
        let port = free_port();
        let text = port.to_string();
        let arguments = ["-H", "127.0.0.1", "-p", &text].map(OsStr::new);
        let process = Running::start(&program, &arguments, port);
        Some(Self { port, process })
    }

    pub(crate) fn config(&self, bucket: &str, region: &str) -> StoreConfig {
        config(self.port, bucket, region)
    }

    /// Makes it stand still, or go on.
    pub(crate) fn hold(&self, still: bool) {
        self.process.hold(still);
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Puts another version over an item's object, and a delete marker on top, as somebody might who
    /// goes past the gateway.
    pub(crate) async fn overwrite_and_mark(&self, bucket: &str, item: &str) {
        let client = self.client("eu-west-2");
        let listed = client.list_objects_v2().bucket(bucket).send().await;
        let listed = listed.expect("listed");
        let mut keys = listed.contents().iter().filter_map(|object| object.key());
        let key = keys.find(|key| key.contains(item)).expect("it is there");
        let put = client.put_object().bucket(bucket).key(key);
        let put = put.body(b"another".to_vec().into()).send().await;
        put.expect("put");
        let deleted = client.delete_object().bucket(bucket).key(key).send().await;
        deleted.expect("marked");
    }

    pub(crate) async fn make_bucket(&self, bucket: &str, region: &str) {
        self.make(bucket, region, false).await;
    }

    pub(crate) async fn make_locked_bucket(&self, bucket: &str, region: &str) {
        self.make(bucket, region, true).await;
    }

    async fn make(&self, bucket: &str, region: &str, locked: bool) {
        let place = CreateBucketConfiguration::builder()
            .location_constraint(BucketLocationConstraint::from(region))
            .build();
        self.client(region)
            .create_bucket()
            .bucket(bucket)
            .object_lock_enabled_for_bucket(locked)
            .set_create_bucket_configuration((region != "us-east-1").then_some(place))
            .send()
            .await
            .expect("made");
    }

    pub(crate) async fn keep_versions(&self, bucket: &str) {
        self.client("eu-west-2")
            .put_bucket_versioning()
            .bucket(bucket)
            .versioning_configuration(
                VersioningConfiguration::builder()
                    .status(BucketVersioningStatus::Enabled)
                    .build(),
            )
            .send()
            .await
            .expect("kept");
    }

    pub(crate) async fn replicate(&self, bucket: &str, to: &str) {
        let rule = ReplicationRule::builder()
            .id("copy")
            .priority(1)
            .filter(ReplicationRuleFilter::builder().prefix("").build())
            .status(ReplicationRuleStatus::Enabled)
            .delete_marker_replication(
                DeleteMarkerReplication::builder()
                    .status(DeleteMarkerReplicationStatus::Disabled)
                    .build(),
            )
            .destination(
                Destination::builder()
                    .bucket(format!("arn:aws:s3:::{to}"))
                    .build()
                    .expect("a destination"),
            )
            .build()
            .expect("a rule");
        self.client("eu-west-2")
            .put_bucket_replication()
            .bucket(bucket)
            .replication_configuration(
                ReplicationConfiguration::builder()
                    .role("arn:aws:iam::123456789012:role/copier")
                    .rules(rule)
                    .build()
                    .expect("a configuration"),
            )
            .send()
            .await
            .expect("replicated");
    }

    pub(crate) async fn delete_plainly(&self, bucket: &str, key: ObjectKey) {
        self.client("eu-west-2")
            .delete_object()
            .bucket(bucket)
            .key(key.to_string())
            .send()
            .await
            .expect("deleted");
    }

    /// Versions and delete markers under `key`.
    pub(crate) async fn versions(&self, bucket: &str, key: ObjectKey) -> usize {
        let listed = self
            .client("eu-west-2")
            .list_object_versions()
            .bucket(bucket)
            .prefix(key.to_string())
            .send()
            .await
            .expect("listed");
        listed.versions().len() + listed.delete_markers().len()
    }

    /// Every version of every object, by key, and how many uploads are unfinished.
    pub(crate) async fn everything(&self, bucket: &str) -> (Vec<(String, Vec<u8>)>, usize) {
        let client = self.client("eu-west-2");
        let listed = client.list_object_versions().bucket(bucket).send().await;
        let mut found = Vec::new();
        for version in listed.expect("listed").versions() {
            let key = version.key().expect("a key");
            let got = client
                .get_object()
                .bucket(bucket)
                .key(key)
                .set_version_id(version.version_id().map(str::to_owned))
                .send()
                .await;
            let got = match got {
                // It was deleted since it was listed.
                Err(error) if error.code() == Some("NoSuchVersion") => continue,
                got => got.expect("got"),
            };
            let bytes = got.body.collect().await.expect("read").to_vec();
            found.push((key.to_owned(), bytes));
        }
        let unfinished = client.list_multipart_uploads().bucket(bucket).send().await;
        (found, unfinished.expect("listed").uploads().len())
    }

    fn client(&self, region: &str) -> Client {
        let http = aws_smithy_http_client::Builder::new().build_http();
        Client::from_conf(
            Config::builder()
                .behavior_version(BehaviorVersion::v2026_01_12())
                .http_client(http)
                .credentials_provider(Credentials::new(KEY_ID, SECRET, None, None, "test"))
                .region(Region::new(region.to_owned()))
                .endpoint_url(format!("http://127.0.0.1:{}", self.port))
                .force_path_style(true)
                .build(),
        )
    }
}

/// `rclone serve s3`, which cannot say much and ignores conditions.
pub(crate) struct Rclone {
    port: u16,
    _process: Running,
}

impl Rclone {
    pub(crate) fn start(directory: &Path, bucket: &str) -> Option<Self> {
        let program = find("rclone", "STRONGROOM_RCLONE")?;
        std::fs::create_dir(directory.join(bucket)).expect("made");
        let port = free_port();
        let address = format!("127.0.0.1:{port}");
        let key = format!("{KEY_ID},{SECRET}");
        let arguments = ["serve", "s3", "--auth-key", &key, "--addr", &address].map(OsStr::new);
        let arguments = [&arguments[..], &[directory.as_os_str()]].concat();
        let process = Running::start(&program, &arguments, port);
        Some(Self {
            port,
            _process: process,
        })
    }

    pub(crate) fn config(&self, bucket: &str, attestation: Option<Attestation>) -> StoreConfig {
        StoreConfig {
            attestation,
            ..config(self.port, bucket, "eu-west-2")
        }
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// `s3s-fs` in this process: another hand's file store behind the protocol layer ours uses too.
pub(crate) struct S3sFs {
    port: u16,
    serving: tokio::task::JoinHandle<()>,
}

impl S3sFs {
    pub(crate) async fn start(directory: &Path, bucket: &str) -> Self {
        std::fs::create_dir(directory.join(bucket)).expect("made");
        let mut builder =
            S3ServiceBuilder::new(s3s_fs::FileSystem::new(directory).expect("opened"));
        builder.set_auth(SimpleAuth::from_single(KEY_ID, SECRET));
        let service = builder.build();
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let service = service.clone();
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { port, serving }
    }

    /// Where it is.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub(crate) fn config(&self, bucket: &str, attestation: Option<Attestation>) -> StoreConfig {
        StoreConfig {
            attestation,
            ..config(self.port, bucket, "eu-west-2")
        }
    }
}

impl Drop for S3sFs {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
