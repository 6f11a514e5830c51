//! Listening: on this machine only, or with TLS; until told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use axum_server::{Handle, Server};
use hyper_util::rt::TokioTimer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};

use super::line::Doorkeeper;
use super::router::router;
use super::state::Shared;
use super::tasks;
use super::tls::{TlsError, TlsFiles};
use crate::entropy::EntropyError;
use crate::limits::{
    CONNECTION_BUFFER_BYTES, CONNECTIONS_MAX, COPY_EVERY, FILES_RESERVED, REQUEST_HEADERS_MAX,
    REQUEST_HEADERS_TIME, SHUTDOWN_TIME, TRANSFER_STALL,
};
use crate::work::{Service, copies};

/// Where and how to listen.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address; port 0 lets the system choose one.
    pub address: SocketAddr,
    /// The certificate and key; none on this machine only.
    pub tls: Option<TlsFiles>,
    /// How long a request's headers may take, and how long a connection may lie idle.
    pub headers: Duration,
    /// How long a transfer may stand still.
    pub stall: Duration,
    /// How long requests under way are waited for when told to stop.
    pub shutdown: Duration,
    /// How often the journal is copied to the bucket.
    pub copy_every: Duration,
}

impl Options {
    /// Listens on `address`, without TLS.
    pub fn on(address: SocketAddr) -> Self {
        Self {
            address,
            tls: None,
            headers: REQUEST_HEADERS_TIME,
            stall: TRANSFER_STALL,
            shutdown: SHUTDOWN_TIME,
            copy_every: COPY_EVERY,
        }
    }
}

/// Why the gateway does not listen, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Other machines would speak to it unencrypted.
    #[error(
        "{0} can be reached from other machines and there is no TLS, so tokens and recordings would cross the network in the clear; give a certificate and a key (--tls-cert, --tls-key), or listen on 127.0.0.1 behind a proxy that has them"
    )]
    PlainBeyondLoopback(SocketAddr),
    /// The address cannot be had.
    #[error(
        "cannot listen on {address}: {source}; choose another address, or stop what listens there"
    )]
    Address {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The certificate or the key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No randomness.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The server broke.
    #[error("the gateway stopped: {0}; start it again")]
    Broken(#[source] io::Error),
}

/// A gateway that listens and does not answer yet.
#[derive(Debug)]
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    options: Options,
    shared: Arc<Shared>,
}

impl Gateway {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`ListenError`]: without TLS it listens on a loopback address only.
    pub fn bind(service: Arc<Service>, options: Options) -> Result<Self, ListenError> {
        if options.tls.is_none() && !options.address.ip().to_canonical().is_loopback() {
            return Err(ListenError::PlainBeyondLoopback(options.address));
        }
        let tls = options.tls.as_ref().map(TlsFiles::load).transpose()?;
        let failed = |source| ListenError::Address {
            address: options.address,
            source,
        };
        let listener = listen(options.address).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let shared = Arc::new(Shared::new(service, options.stall, tls.is_some())?);
        Ok(Self {
            listener,
            address,
            tls,
            options,
            shared,
        })
    }

    /// The address it really listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where a client on this machine, or on one that knows the certificate's name, finds it.
    pub fn url(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Answers until `stop` comes, and does what falls due meanwhile. Requests under way are then
    /// waited for, and broken off after a while.
    ///
    /// # Errors
    /// [`ListenError::Broken`].
    pub async fn serve(self, stop: impl Future<Output = ()> + Send) -> Result<(), ListenError> {
        let mut due = tasks::start(&self.shared, self.options.copy_every);
        let handle = Handle::new();
        let doorkeeper = Doorkeeper::new(room(), self.options.stall);
        let server = Server::from_listener(self.listener).handle(handle.clone());
        let router = router(Arc::clone(&self.shared));
        let requests = router.into_make_service_with_connect_info::<SocketAddr>();
        let (headers, shutdown) = (self.options.headers, self.options.shutdown);
        let stopping = async {
            stop.await;
            tracing::info!("stopping: requests under way are finished first");
            handle.graceful_shutdown(Some(shutdown));
            std::future::pending::<()>().await;
        };
        let serving = async {
            match self.tls {
                None => {
                    tuned(server.acceptor(doorkeeper), headers)
                        .serve(requests)
                        .await
                }
                Some(tls) => {
                    let tls = RustlsAcceptor::new(RustlsConfig::from_config(tls));
                    let server = server.acceptor(tls.acceptor(doorkeeper));
                    tuned(server, headers).serve(requests).await
                }
            }
        };
        let served = tokio::select! {
            served = serving => served,
            () = stopping => Ok(()),
        };
        due.shutdown().await;
        // Connections that were broken off let go of the service a moment later.
        let ended = async {
            while handle.connection_count() > 0 {
                tokio::time::sleep(A_MOMENT).await;
            }
        };
        let _a_straggler_is_told_of_by_close = tokio::time::timeout(STRAGGLERS_TIME, ended).await;
        let tasks = &self.shared.tasks;
        tasks.close();
        if tokio::time::timeout(shutdown, tasks.wait()).await.is_err() {
            tracing::warn!("work under way did not finish in time; it goes on at the next start");
        }
        copies::finish(&self.shared.service).await;
        served.map_err(ListenError::Broken)
    }
}

/// Comes when the process is asked to stop, by SIGTERM or SIGINT.
///
/// # Errors
/// When the system lets nobody listen for signals.
pub fn asked_to_stop() -> io::Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Connections the system holds until they are let in.
const BACKLOG: u32 = 1024;

/// How many connections there may be: what the system lets the process have, less its own files.
/// As many as are wanted are asked for first, because the usual limit is low and may be raised.
fn room() -> usize {
    let wanted = (CONNECTIONS_MAX + FILES_RESERVED) as u64;
    let limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.map_or(wanted, |most| most.min(wanted));
    if limit.current.is_some_and(|now| now < allowed) {
        let raised = Rlimit {
            current: Some(allowed),
            maximum: limit.maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit on open files cannot be raised; fewer connections are served");
        }
    }
    let files = getrlimit(Resource::Nofile).current;
    let files = files.map_or(usize::MAX, |n| usize::try_from(n).unwrap_or(usize::MAX));
    files
        .saturating_sub(FILES_RESERVED)
        .clamp(CONNECTIONS_MIN, CONNECTIONS_MAX)
}

/// How long connections that were broken off may take to end.
const STRAGGLERS_TIME: Duration = Duration::from_secs(2);
const A_MOMENT: Duration = Duration::from_millis(5);

/// Fewest connections worth serving.
const CONNECTIONS_MIN: usize = 64;

/// Sets what every connection is held to.
fn tuned<A>(server: Server<SocketAddr, A>, headers: Duration) -> Server<SocketAddr, A> {
    // HTTP/1.1 alone: one request at a time on a connection, so that the peer's pace is the
    // transport's, and a transfer that fails is a connection that breaks.
    let mut server = server.http1_only();
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(headers)
        .max_headers(REQUEST_HEADERS_MAX)
        .max_buf_size(CONNECTION_BUFFER_BYTES);
    server
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::entropy::SystemEntropy;
    use crate::keyring::unlock;
    use crate::objects::CredentialsSource;
    use crate::vault::{Means, StoreChoice};
    use crate::work::{self, found::NewHouse};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    async fn house(dir: &std::path::Path) -> Arc<Service> {
        let means = || Means {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::new()),
        };
        let new = NewHouse {
            store: StoreChoice::Embedded {
                bucket: "tapes".to_owned(),
                region: "eu-west-2".to_owned(),
            },
            credentials: CredentialsSource::Standard,
            attest: None,
            slots: Vec::new(),
            recipients: Vec::new(),
            pins: Default::default(),
            admin: "Ada".parse().expect("a name"),
        };
        let dir = dir.join("vault");
        let founded = work::found::found(&dir, new, means()).await;
        let identity = founded.expect("founded").identity.expect("made");
        let identities = unlock::identities_from_file(&identity, &unlock::no_answer());
        let identities = identities.expect("an identity");
        let opened = work::open(&dir, &identities, CredentialsSource::Standard, means()).await;
        opened.expect("opened").0
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut line = TcpStream::connect(address).await.expect("connected");
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        line.write_all(request.as_bytes()).await.expect("asked");
        let mut answer = String::new();
        line.read_to_string(&mut answer).await.expect("answered");
        answer
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn r39_a_sealed_gateway_answers_only_that_it_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let service = house(dir.path()).await;
        let options = Options::on(([127, 0, 0, 1], 0).into());
        let gateway = Gateway::bind(Arc::clone(&service), options).expect("bound");
        let (address, seal) = (gateway.address(), gateway.shared.seal.clone());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = tokio::spawn(gateway.serve(async {
            let _told_or_dropped = stopped.await;
        }));
        assert!(
            get(address, "/v1/health")
                .await
                .ends_with("{\"status\":\"ok\"}")
        );
        assert!(get(address, "/v1/me").await.starts_with("HTTP/1.1 401 "));
        seal.close("the bucket is in eu-west-1, outside the United Kingdom".to_owned());
        assert!(
            get(address, "/v1/health")
                .await
                .ends_with("{\"status\":\"sealed\"}")
        );
        for path in ["/v1/me", "/v1/vault/key", "/v1/openapi.json", "/v1/nothing"] {
            let answer = get(address, path).await;
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            assert!(!answer.contains("eu-west-1"), "the reason is for the log");
        }
        stop.send(()).expect("it serves");
        serving.await.expect("no panic").expect("it stopped");
        service.close().await.expect("nobody holds it any more");
    }
}
