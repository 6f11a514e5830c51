//! An S3 server that misbehaves: a proxy on the loopback interface that understands requests well
//! enough to fail, hold, cut short or falsify chosen ones, in front of a real server.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// What is asked of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// A whole object is put.
    Put,
    /// An upload in parts is begun.
    Begin,
    /// A part is sent.
    Part,
    /// The parts are put together.
    Complete,
    /// An upload is given up.
    Abort,
    /// Bytes are fetched.
    Get,
    /// It is asked whether an object is there.
    Head,
    /// An object or a version of it is deleted.
    Delete,
    /// Something is listed.
    List,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An error of the server's, which never sees the request.
    Error(u16),
    /// The connection is reset before the request is passed on.
    Reset,
    /// The server does what it is asked, and its answer is lost.
    Lost,
    /// The answer comes after this.
    Slow(Duration),
    /// The answer comes in small pieces, this long after each other.
    Trickle(Duration),
    /// Half of the body comes, and then the end.
    Short,
    /// A bit in the middle of the answer's body is another.
    Flipped,
    /// A bit in the middle of the request's body is another.
    FlippedUp,
}

/// A fault that is to come.
#[derive(Debug, Clone, Copy)]
struct Coming {
    verb: Verb,
    /// Requests of that kind that go well before.
    spared: u32,
    fault: Fault,
    times: u32,
}

/// The proxy.
pub(crate) struct S3Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    // Ends what it serves with it.
    _runtime: Runtime,
}

#[derive(Default)]
struct Shared {
    coming: Mutex<Vec<Coming>>,
    injected: Mutex<u64>,
}

impl S3Proxy {
    /// Stands before the server on `port`.
    pub(crate) fn before(port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                tokio::spawn(async move {
                    // Whoever hung up needs no answer.
                    let _ = serve(client, port, &shared).await;
                });
            }
        });
        Self {
            address,
            shared,
            _runtime: runtime,
        }
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The next so many requests of a kind fail so.
    pub(crate) fn fail(&self, verb: Verb, fault: Fault, times: u32) {
        self.fail_after(0, verb, fault, times);
    }

    /// The next so many requests of a kind go well, and then so many fail.
    pub(crate) fn fail_after(&self, spared: u32, verb: Verb, fault: Fault, times: u32) {
        locked(&self.shared.coming).push(Coming {
            verb,
            spared,
            fault,
            times,
        });
    }

    /// From now on nothing fails; how many requests were still to fail.
    pub(crate) fn mend(&self) -> u32 {
        let coming = std::mem::take(&mut *locked(&self.shared.coming));
        coming
            .iter()
            .fold(0, |sum, coming| sum.saturating_add(coming.times))
    }

    /// Faults there have been.
    pub(crate) fn injected(&self) -> u64 {
        *locked(&self.shared.injected)
    }
}

impl Shared {
    /// The fault that this request is to have.
    fn take(&self, verb: Verb) -> Option<Fault> {
        let mut coming = locked(&self.coming);
        let due = coming
            .iter_mut()
            .find(|coming| coming.verb == verb && coming.times > 0)?;
        if due.spared > 0 {
            due.spared -= 1;
            return None;
        }
        due.times -= 1;
        *locked(&self.injected) += 1;
        Some(due.fault)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The head of a request or an answer, and what was read of its body with it.
struct Head {
    first: String,
    headers: Vec<(String, String)>,
    rest: Vec<u8>,
}

impl Head {
    async fn read(from: &mut TcpStream) -> std::io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let end = loop {
            let found = bytes.windows(4).position(|window| window == b"\r\n\r\n");
            if let Some(end) = found {
                break end;
            }
            if from.read_buf(&mut bytes).await? == 0 {
                return Ok(None);
            }
        };
        let text = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        Ok(Some(Self {
            first,
            headers: headers.collect(),
            rest: bytes[end + 4..].to_vec(),
        }))
    }

    fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn length(&self) -> usize {
        let length = self.header("content-length");
        length.and_then(|length| length.parse().ok()).unwrap_or(0)
    }

    /// As it is passed on: one request a connection.
    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.first);
        let hop = ["connection", "expect", "keep-alive"];
        for (name, value) in &self.headers {
            if !hop.iter().any(|hop| name.eq_ignore_ascii_case(hop)) {
                text.push_str(&format!("{name}: {value}\r\n"));
            }
        }
        text.push_str("connection: close\r\n\r\n");
        text.into_bytes()
    }

    fn verb(&self) -> Option<Verb> {
        let mut words = self.first.split(' ');
        let (method, target) = (words.next()?, words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let of_object = path.trim_matches('/').contains('/');
        let has = |key: &str| {
            let mut pairs = query.split('&');
            pairs.any(|pair| pair.split('=').next() == Some(key))
        };
        Some(match method {
            "PUT" if has("uploadId") => Verb::Part,
            "PUT" if of_object => Verb::Put,
            "POST" if has("uploads") => Verb::Begin,
            "POST" if has("uploadId") => Verb::Complete,
            "DELETE" if has("uploadId") => Verb::Abort,
            "DELETE" => Verb::Delete,
            "GET" if has("versions") || has("uploads") || has("list-type") => Verb::List,
            "GET" if of_object && !has("uploadId") => Verb::Get,
            "GET" if has("uploadId") => Verb::List,
            "HEAD" if of_object => Verb::Head,
            _ => return None,
        })
    }
}

async fn serve(mut client: TcpStream, port: u16, shared: &Shared) -> std::io::Result<()> {
    let Some(head) = Head::read(&mut client).await? else {
        return Ok(());
    };
    let fault = head.verb().and_then(|verb| shared.take(verb));
    if fault == Some(Fault::Reset) {
        // What was sent and not read makes of this a reset.
        return Ok(());
    }
    if head.header("expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let mut body = head.rest.clone();
    while body.len() < head.length() {
        if client.read_buf(&mut body).await? == 0 {
            return Ok(());
        }
    }
    if let Some(Fault::Error(status)) = fault {
        let said = "<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>as arranged</Message></Error>";
        let answer = format!(
            "HTTP/1.1 {status} Arranged\r\ncontent-type: application/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{said}",
            said.len()
        );
        client.write_all(answer.as_bytes()).await?;
        return client.shutdown().await;
    }
    if fault == Some(Fault::FlippedUp) {
        flip(&mut body);
    }
    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    server.write_all(&head.bytes()).await?;
    server.write_all(&body).await?;
    let Some(answer) = Head::read(&mut server).await? else {
        return Ok(());
    };
    let mut body = answer.rest.clone();
    server.read_to_end(&mut body).await?;
    give(&mut client, &answer, body, fault).await
}

async fn give(
    client: &mut TcpStream,
    answer: &Head,
    mut body: Vec<u8>,
    fault: Option<Fault>,
) -> std::io::Result<()> {
    match fault {
        Some(Fault::Lost) => return Ok(()),
        Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
        Some(Fault::Short) => body.truncate(body.len() / 2),
        Some(Fault::Flipped) => flip(&mut body),
        _ => {}
    }
    client.write_all(&answer.bytes()).await?;
    match fault {
        Some(Fault::Trickle(pause)) => {
            let piece = body.len().div_ceil(16).max(1);
            for piece in body.chunks(piece) {
                client.write_all(piece).await?;
                client.flush().await?;
                tokio::time::sleep(pause).await;
            }
        }
        _ => client.write_all(&body).await?,
    }
    client.shutdown().await
}

/// Turns a bit in the middle.
fn flip(body: &mut [u8]) {
    let middle = body.len() / 2;
    if let Some(byte) = body.get_mut(middle) {
        *byte ^= 1;
    }
}
