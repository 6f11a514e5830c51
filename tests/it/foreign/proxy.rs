//! A line that breaks: a TCP proxy on loopback that fails connections after so many bytes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A proxy in front of a gateway.
pub(super) struct Proxy {
    pub(super) url: String,
    failures: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

/// How a connection fails, once so many bytes have gone to the gateway.
#[derive(Clone, Copy)]
pub(super) enum Failing {
    /// It is cut.
    Cut(usize),
    /// It takes whatever the client sends and passes none of it on, until the client goes.
    Swallow(usize),
}

impl Proxy {
    /// Passes on to `to`. Whichever connection uses the next of `failures` up fails in that way;
    /// after the last one, none does.
    pub(super) async fn before(to: SocketAddr, failures: &[Failing]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let due = Arc::new(Mutex::new(failures.iter().copied().collect::<Due>()));
        let failures = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&failures);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (due, counted) = (Arc::clone(&due), Arc::clone(&counted));
                tokio::spawn(async move { pass(client, to, &due, &counted).await });
            }
        });
        Self {
            url,
            failures,
            serving,
        }
    }

    /// How many connections have failed or begun to.
    pub(super) fn failures(&self) -> usize {
        self.failures.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

type Due = VecDeque<Failing>;

/// Passes bytes both ways until an end closes, or the connection fails: then it is counted.
async fn pass(client: TcpStream, to: SocketAddr, due: &Mutex<Due>, failures: &AtomicUsize) {
    let Ok(server) = TcpStream::connect(to).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let count = from_client.read(&mut buffer).await.unwrap_or(0);
            let sent = to_server.write_all(buffer.split_at(count).0).await;
            if count == 0 || sent.is_err() {
                return;
            }
            let Some(failing) = used_up(due, count) else {
                continue;
            };
            failures.fetch_add(1, Ordering::SeqCst);
            if matches!(failing, Failing::Swallow(_)) {
                while from_client
                    .read(&mut buffer)
                    .await
                    .is_ok_and(|count| count > 0)
                {}
            }
            return;
        }
    };
    let down = tokio::io::copy(&mut from_server, &mut to_client);
    tokio::select! {
        () = up => {}
        _ = down => {}
    }
}

/// Takes `count` bytes off the failure that is due; gives it when none are left.
fn used_up(due: &Mutex<Due>, count: usize) -> Option<Failing> {
    let mut due = due.lock().expect("sound");
    let (Failing::Cut(left) | Failing::Swallow(left)) = due.front_mut()?;
    *left = left.saturating_sub(count);
    match *left {
        0 => due.pop_front(),
        _ => None,
    }
}
