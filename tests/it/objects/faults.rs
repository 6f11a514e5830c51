//! A network that breaks: a proxy on the loopback interface cuts, swallows and delays.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use strongroom::objects::embedded::Embedded;
use strongroom::objects::{ObjectsError, Residency, Store};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::suite::noise;
use super::{attestation, connect, embedded, material};
use crate::support::s3_proxy::{Fault, S3Proxy, Verb};

const MIB: usize = 1 << 20;

/// What the proxy does to the connections it carries.
#[derive(Default)]
struct Plan {
    /// Bytes of an answer after which the connection is cut, for answers that long.
    cut_after: AtomicI64,
    /// How many more answers are cut.
    cuts: AtomicU32,
    /// How many more answers to `POST …uploadId=` are thrown away.
    swallow_completions: AtomicU32,
}

struct Proxy {
    address: SocketAddr,
    plan: Arc<Plan>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let plan = Arc::new(Plan::default());
        let shared = plan.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server, shared.clone()));
            }
        });
        Self {
            address,
            plan,
            accepting,
        }
    }

    fn cut(&self, times: u32, after: usize) {
        let after = i64::try_from(after).expect("small");
        self.plan.cut_after.store(after, Ordering::SeqCst);
        self.plan.cuts.store(times, Ordering::SeqCst);
    }
}

async fn carry(client: TcpStream, server: SocketAddr, plan: Arc<Plan>) {
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let completing = Arc::new(AtomicU32::new(0));
    let (seen, requests) = (completing.clone(), plan.clone());
    let forward = tokio::spawn(async move {
        while let Some(piece) = read(&mut from_client).await {
            let head: String = piece.iter().take(300).map(|b| char::from(*b)).collect();
            if head.starts_with("POST ")
                && head.contains("uploadId=")
                && take(&requests.swallow_completions)
            {
                seen.store(1, Ordering::SeqCst);
            }
            if to_server.write_all(&piece).await.is_err() {
                break;
            }
        }
    });
    let mut carried = 0;
    while let Some(piece) = read(&mut from_server).await {
        if completing.load(Ordering::SeqCst) == 1 {
            break;
        }
        carried += i64::try_from(piece.len()).expect("small");
        if carried > plan.cut_after.load(Ordering::SeqCst) && take(&plan.cuts) {
            break;
        }
        if to_client.write_all(&piece).await.is_err() {
            break;
        }
    }
    forward.abort();
}

/// The next bytes of a connection, or nothing at its end.
async fn read(from: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut buffer = Vec::with_capacity(64 * 1024);
    let read = from.read_buf(&mut buffer).await.ok()?;
    (read > 0).then_some(buffer)
}

fn take(counter: &AtomicU32) -> bool {
    counter
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
        .is_ok()
}

async fn behind_proxy(server: &Embedded) -> (Proxy, Store) {
    let proxy = Proxy::before(server.address()).await;
    let mut config = server.config(Residency::Uk).expect("a configuration");
    config.endpoint = format!("http://{}", proxy.address)
        .parse()
        .expect("an endpoint");
    config.attestation = Some(attestation("gb"));
    let store = connect(config).await.expect("connects");
    (proxy, store)
}

#[tokio::test]
async fn a_broken_download_is_taken_up_where_it_broke() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = embedded(directory.path()).await;
    let (proxy, store) = behind_proxy(&server).await;
    let (key, body) = (material(), noise(8 * MIB));
    store.put(key, body.clone()).await.expect("stored");
    proxy.cut(6, 3 * MIB / 2);
    assert!(store.read(key, u64::MAX).await.expect("read") == body);
    assert!(
        proxy.plan.cuts.load(Ordering::SeqCst) < 6,
        "nothing was cut"
    );
}

#[tokio::test]
async fn a_download_that_breaks_for_ever_ends_in_an_error() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = embedded(directory.path()).await;
    let (proxy, store) = behind_proxy(&server).await;
    let key = material();
    store.put(key, noise(2 * MIB)).await.expect("stored");
    proxy.cut(u32::MAX, 100_000);
    let mut download = store.get_whole(key).await.expect("opened");
    let mut delivered = 0;
    let error = loop {
        match download
            .next()
            .await
            .expect("an error comes before the end")
        {
            Ok(piece) => delivered += piece.len() as u64,
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, ObjectsError::Truncated { delivered: said, .. } if said == delivered),
        "{error}"
    );
    assert!(download.next().await.is_none(), "nothing follows an error");
}

#[tokio::test]
async fn an_object_replaced_while_it_is_read_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = embedded(directory.path()).await;
    let (proxy, store) = behind_proxy(&server).await;
    let key = material();
    store.put(key, noise(2 * MIB)).await.expect("stored");
    proxy.cut(1, MIB / 2);
    let mut download = store.get_whole(key).await.expect("opened");
    download.next().await.expect("begun").expect("delivered");
    store.put(key, noise(2 * MIB)).await.expect("replaced");
    let error = loop {
        match download
            .next()
            .await
            .expect("an error comes before the end")
        {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ObjectsError::Changed { .. }), "{error}");
}

/// A lost answer to the completion of an upload: no duplicate, no loss.
#[tokio::test]
async fn a_completion_whose_answer_was_lost_is_a_success() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = embedded(directory.path()).await;
    let (proxy, store) = behind_proxy(&server).await;
    let (key, body) = (material(), noise(70_000));
    let upload = store.begin(key).await.expect("begun");
    let part = store
        .put_part(&upload, 1, body.clone())
        .await
        .expect("sent");
    proxy.plan.swallow_completions.store(1, Ordering::SeqCst);
    store
        .complete(&upload, std::slice::from_ref(&part))
        .await
        .expect("completed");
    assert_eq!(proxy.plan.swallow_completions.load(Ordering::SeqCst), 0);
    store.complete(&upload, &[part]).await.expect("repeatable");
    assert!(store.read(key, u64::MAX).await.expect("read") == body);
    assert_eq!(server_uploads(&store).await, 0);
}

async fn server_uploads(store: &Store) -> usize {
    store
        .list_unfinished_uploads(strongroom::objects::Family::Material)
        .await
        .expect("answered")
        .expect("listed")
        .len()
}

/// A store that checks the digest each request is signed with takes nothing that was changed on its way:
/// what is acknowledged is what was sent.
#[test]
fn what_is_damaged_on_its_way_to_the_store_is_not_taken_for_stored() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let directory = tempfile::tempdir().expect("a directory");
    let server = runtime.block_on(embedded(directory.path()));
    let proxy = S3Proxy::before(server.address().port());
    runtime.block_on(async {
        let mut config = server.config(Residency::Uk).expect("a configuration");
        config.endpoint = proxy.url().parse().expect("an endpoint");
        config.attestation = Some(attestation("gb"));
        let store = connect(config).await.expect("connects");
        let (key, body) = (material(), noise(70_000));
        proxy.fail(Verb::Put, Fault::FlippedUp, 1);
        if store.put(key, body.clone()).await.is_err() {
            assert_eq!(store.head(key).await.expect("answered"), None);
            store.put(key, body.clone()).await.expect("stored at last");
        }
        assert!(store.read(key, u64::MAX).await.expect("read") == body);

        let key = material();
        let upload = store.begin(key).await.expect("begun");
        proxy.fail(Verb::Part, Fault::FlippedUp, 1);
        let part = match store.put_part(&upload, 1, body.clone()).await {
            Ok(part) => part,
            Err(_) => store
                .put_part(&upload, 1, body.clone())
                .await
                .expect("sent"),
        };
        store.complete(&upload, &[part]).await.expect("completed");
        assert!(store.read(key, u64::MAX).await.expect("read") == body);
    });
    assert_eq!(proxy.injected(), 2, "nothing was damaged");
}
