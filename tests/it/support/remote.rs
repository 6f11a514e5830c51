//! A store elsewhere, reached by a line that can be cut, and that can hold back what is stored.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use strongroom::entropy::SystemEntropy;
use strongroom::objects::embedded::Embedded;
use strongroom::objects::{CredentialsSource, Residency};
use strongroom::vault::StoreChoice;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::house::BUCKET;

/// A store that is not the vault's own: the embedded server, behind a line.
pub(crate) struct Remote {
    server: Embedded,
    directory: TempDir,
    address: SocketAddr,
    line: watch::Sender<Line>,
    held: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

/// How the line is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// It carries everything.
    Up,
    /// It carries nothing: connections break, and new ones end at once.
    Down,
    /// It carries everything but requests that store something; those wait on the way.
    HoldingPuts,
    /// It carries no request, and breaks no connection either: the store seems to think.
    HoldingAll,
}

impl Line {
    fn holds(self, request: &[u8]) -> bool {
        match self {
            Self::Up | Self::Down => false,
            Self::HoldingPuts => request.starts_with(b"PUT "),
            Self::HoldingAll => true,
        }
    }
}

impl Remote {
    pub(crate) async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a folder");
        let bucket = BUCKET.parse().expect("a bucket");
        let entropy = Arc::new(SystemEntropy::new());
        let server = Embedded::start(directory.path(), bucket, entropy).await;
        let server = server.expect("the store starts");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (line, held) = (watch::Sender::new(Line::Up), Arc::new(AtomicUsize::new(0)));
        let (lines, counter, to) = (line.subscribe(), Arc::clone(&held), server.address());
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, to, lines.clone(), Arc::clone(&counter)));
            }
        });
        Self {
            server,
            directory,
            address,
            line,
            held,
            accepting,
        }
    }

    pub(crate) fn choice(&self) -> StoreChoice {
        StoreChoice::S3 {
            endpoint: Some(format!("http://{}", self.address)),
            bucket: BUCKET.to_owned(),
            region: "eu-west-2".to_owned(),
        }
    }

    pub(crate) fn credentials(&self) -> CredentialsSource {
        let config = self.server.config(Residency::Uk);
        config.expect("a configuration").credentials
    }

    /// Cuts the line: the store does not answer.
    pub(crate) fn cut(&self) {
        self.line.send_replace(Line::Down);
    }

    /// Mends the line, and lets through what was held back.
    pub(crate) fn mend(&self) {
        self.line.send_replace(Line::Up);
    }

    /// Holds back whatever is to be stored, from now on.
    pub(crate) fn hold_puts(&self) {
        self.line.send_replace(Line::HoldingPuts);
    }

    /// Holds back whatever is asked, from now on.
    pub(crate) fn hold_all(&self) {
        self.line.send_replace(Line::HoldingAll);
    }

    /// Waits until `count` requests are held back.
    pub(crate) async fn until_held(&self, count: usize) {
        while self.held.load(Ordering::SeqCst) < count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// Every file the store keeps, objects and unfinished parts alike, but for its lock.
    pub(crate) fn files(&self) -> Vec<std::path::PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.directory.path().to_path_buf()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path if path.ends_with(".lock") => {}
                    path => files.push(path),
                }
            }
        }
        files
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn carry(
    client: TcpStream,
    server: SocketAddr,
    mut line: watch::Receiver<Line>,
    held: Arc<AtomicUsize>,
) {
    let mut cut = line.clone();
    let carried = async {
        let Ok(server) = TcpStream::connect(server).await else {
            return;
        };
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let there = async {
            while let Some(piece) = read(&mut from_client).await {
                if line.borrow().holds(&piece) {
                    held.fetch_add(1, Ordering::SeqCst);
                    if line.wait_for(|line| !line.holds(&piece)).await.is_err() {
                        return;
                    }
                }
                if to_server.write_all(&piece).await.is_err() {
                    return;
                }
            }
            // What was sent is answered even to one who hung up.
            let _ = to_server.shutdown().await;
        };
        let back = async {
            while let Some(piece) = read(&mut from_server).await {
                if to_client.write_all(&piece).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(there, back);
    };
    tokio::select! {
        () = carried => {}
        _ = cut.wait_for(|line| *line == Line::Down) => {}
    }
}

/// The next bytes of a connection, or nothing at its end.
async fn read(from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    let read = from.read_buf(&mut buffer).await.ok()?;
    (read > 0).then_some(buffer)
}
