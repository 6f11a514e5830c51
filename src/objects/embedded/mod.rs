//! An S3 server in this process, on this machine's disk: for demonstrations, development and tests.
//!
//! It is spoken to over HTTP with signed requests, through the same client as any other store, so
//! that nothing is tried here by another path than in production. It listens on the loopback
//! interface only, under an access key drawn at each start that never leaves memory.
//!
//! What it acknowledges is on the disk: files are written apart, fsynced, moved into place, and the
//! directory is fsynced.

mod disk;
mod service;
mod uploads;
mod whole;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use super::config::{AccessKey, BucketName, CredentialsSource, Endpoint, RegionName, StoreConfig};
use super::error::ObjectsError;
use super::prefix::KeyPrefix;
use super::residency::Residency;
use super::timing;
use crate::entropy::{Entropy, EntropyError};
use crate::secret::SecretBytes;
use disk::Disk;
use service::Service;

/// Random bytes behind each half of the access key.
const KEY_BYTES: usize = 24;

/// The region that requests to the embedded store are signed for; it says nothing of where it is.
const REGION: &str = "this-machine";

/// A running server; dropping it stops it, [`Embedded::stop`] lets it finish first.
pub struct Embedded {
    address: SocketAddr,
    bucket: BucketName,
    key: (String, SecretBytes),
    stopping: CancellationToken,
    connections: TaskTracker,
}

impl Embedded {
    /// Serves `bucket` out of `directory`, which is made if need be.
    ///
    /// # Errors
    /// [`ObjectsError::EmbeddedInUse`] when another process serves it; [`ObjectsError::Embedded`]
    /// when the directory or the port cannot be used.
    pub async fn start(
        directory: &Path,
        bucket: BucketName,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, ObjectsError> {
        let id = random_text(&*entropy)?;
        let secret = random_text(&*entropy)?;
        let disk = Disk::open(directory, bucket.as_str(), entropy).map_err(|error| {
            if error.kind() == std::io::ErrorKind::WouldBlock {
                ObjectsError::EmbeddedInUse
            } else {
                failed("use its directory", error)
            }
        })?;
        let mut builder = S3ServiceBuilder::new(Service::new(disk));
        builder.set_auth(SimpleAuth::from_single(id.as_str(), secret.as_str()));
        let service = builder.build();

        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(|error| failed("listen", error))?;
        let address = listener
            .local_addr()
            .map_err(|error| failed("listen", error))?;
        let stopping = CancellationToken::new();
        let connections = TaskTracker::new();
        connections.spawn(accept(
            listener,
            service,
            stopping.clone(),
            connections.clone(),
        ));
        tracing::info!(%address, "the embedded store is listening");
        Ok(Self {
            address,
            bucket,
            key: (id.to_string(), SecretBytes::new(secret.as_bytes().to_vec())),
            stopping,
            connections,
        })
    }

    /// What a [`Store`](super::Store) needs to connect to it.
    ///
    /// # Errors
    /// None in practice: the region's name is a constant that fits the rules for one.
    pub fn config(&self, residency: Residency) -> Result<StoreConfig, ObjectsError> {
        let region: RegionName = REGION.parse()?;
        let secret = SecretBytes::new(self.key.1.expose_secret().to_vec());
        Ok(StoreConfig {
            prefix: KeyPrefix::default(),
            endpoint: Endpoint::embedded(self.address),
            bucket: self.bucket.clone(),
            region,
            credentials: CredentialsSource::Explicit(AccessKey::new(&self.key.0, secret)),
            residency,
            attestation: None,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no more requests, lets those begun finish within a few seconds, and stops.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.connections.close();
        if tokio::time::timeout(timing::DRAIN, self.connections.wait())
            .await
            .is_err()
        {
            tracing::warn!("the embedded store stopped before every request was answered");
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embedded")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

async fn accept(
    listener: TcpListener,
    service: S3Service,
    stopping: CancellationToken,
    connections: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => return,
        };
        match accepted {
            Ok((socket, _)) => {
                connections.spawn(serve(socket, service.clone(), stopping.clone()));
            }
            Err(error) => {
                // Out of file descriptors, most likely: others close theirs soon.
                tracing::warn!(%error, "the embedded store could not accept a connection");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(socket: TcpStream, service: S3Service, stopping: CancellationToken) {
    let _ = socket.set_nodelay(true);
    let server = Builder::new(TokioExecutor::new());
    let connection = server.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the embedded store broke");
    }
}

fn random_text(entropy: &dyn Entropy) -> Result<Zeroizing<String>, EntropyError> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    entropy.fill(&mut bytes[..])?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(&bytes[..])))
}

fn failed(doing: &'static str, source: std::io::Error) -> ObjectsError {
    ObjectsError::Embedded { doing, source }
}
