//! Listening and stopping: addresses, TLS, slow and rude connections.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use strongroom::clock::SystemClock;
use strongroom::gateway::{Gateway, ListenError, Options, TlsError, TlsFiles};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::gateway::{Answer, House, Person, Study, client_trusting, on_loopback};

/// A certificate for this machine and its key, in files as an operator would have them.
struct Certified {
    dir: TempDir,
    certificate: rustls::pki_types::CertificateDer<'static>,
}

impl Certified {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("cert.pem"), made.cert.pem()).expect("written");
        std::fs::write(dir.path().join("key.pem"), made.signing_key.serialize_pem())
            .expect("written");
        let certified = Self {
            dir,
            certificate: made.cert.der().clone(),
        };
        certified.protect_key(0o600);
        certified
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn protect_key(&self, mode: u32) {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path("key.pem"), mode).expect("protected");
    }

    fn files(&self) -> TlsFiles {
        TlsFiles {
            certificate: self.path("cert.pem"),
            key: self.path("key.pem"),
        }
    }

    fn options(&self) -> Options {
        Options {
            tls: Some(self.files()),
            ..on_loopback()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r40_nothing_crosses_a_network_in_the_clear() {
    let house = House::open().await;
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let options = Options::on(address.parse().expect("an address"));
        let refused = Gateway::bind(Arc::clone(&house.service), options);
        assert!(
            matches!(refused, Err(ListenError::PlainBeyondLoopback(_))),
            "{address}"
        );
    }
    let taken = house.url.strip_prefix("http://").expect("plain").parse();
    let taken = Gateway::bind(
        Arc::clone(&house.service),
        Options::on(taken.expect("an address")),
    );
    assert!(matches!(taken, Err(ListenError::Address { .. })));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_served_and_said() {
    let certified = Certified::new();
    let house = House::open_with(certified.options(), Arc::new(SystemClock)).await;
    assert!(house.url.starts_with("https://127.0.0.1:"));
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(certified.certificate.clone())
        .expect("a certificate");
    let url = format!("{}/v1/health", house.url);
    let trusting = client_trusting(roots);
    let answer = Answer::of(trusting.get(&url).send().await.expect("answered")).await;
    assert_eq!(answer.body, b"{\"status\":\"ok\"}");
    let said = answer.header("strict-transport-security");
    assert!(said.is_some_and(|said| said.starts_with("max-age=")));
    // Somebody who does not know the certificate is not served, nor somebody without TLS.
    assert!(house.ask(Method::GET, "/v1/health").send().await.is_err());
    let plain = url.replace("https://", "http://");
    assert!(trusting.get(plain).send().await.is_err());
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_others_can_read_is_not_used() {
    let house = House::open().await;
    let certified = Certified::new();
    let bind = |options| Gateway::bind(Arc::clone(&house.service), options);
    for mode in [0o640, 0o604, 0o644] {
        certified.protect_key(mode);
        let refused = bind(certified.options());
        assert!(matches!(
            refused,
            Err(ListenError::Tls(TlsError::KeyNotPrivate(_)))
        ));
    }
    certified.protect_key(0o600);
    let swapped = Options {
        tls: Some(TlsFiles {
            certificate: certified.path("key.pem"),
            key: certified.path("key.pem"),
        }),
        ..on_loopback()
    };
    assert!(matches!(
        bind(swapped),
        Err(ListenError::Tls(TlsError::NotPem { .. }))
    ));
    let missing = Options {
        tls: Some(TlsFiles {
            certificate: certified.path("nowhere.pem"),
            key: certified.path("key.pem"),
        }),
        ..on_loopback()
    };
    assert!(matches!(
        bind(missing),
        Err(ListenError::Tls(TlsError::Unreadable { .. }))
    ));
    let other = Certified::new();
    let mixed = Options {
        tls: Some(TlsFiles {
            certificate: other.path("cert.pem"),
            key: certified.path("key.pem"),
        }),
        ..on_loopback()
    };
    assert!(matches!(
        bind(mixed),
        Err(ListenError::Tls(TlsError::Unusable(_)))
    ));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rude_requests_are_answered_or_let_go() {
    let house = House::open().await;
    let address = house.url.strip_prefix("http://").expect("plain").to_owned();
    let say = async |words: &[u8]| {
        let mut line = TcpStream::connect(&address).await.expect("connected");
        let _may_be_cut_short = line.write_all(words).await;
        let mut answer = Vec::new();
        let reading = line.read_to_end(&mut answer);
        let _reset_or_closed = tokio::time::timeout(Duration::from_secs(10), reading).await;
        String::from_utf8_lossy(&answer).into_owned()
    };
    let long = format!(
        "GET /v1/health HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    let many = format!(
        "GET /v1/health HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "X: y\r\n".repeat(200)
    );
    let http2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for words in [&long, &many] {
        let answer = say(words.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    for words in [
        http2,
        "\0\0\0\0\r\n\r\n",
        "GET /v1/health HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    ] {
        let answer = say(words.as_bytes()).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400 "),
            "{answer}"
        );
    }
    let health = house
        .ask(Method::GET, "/v1/health")
        .send()
        .await
        .expect("answered");
    assert_eq!(health.status(), 200);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_before_the_line_broke_is_kept() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let researcher = &study.researcher;
    let begun = researcher
        .begin(&study.session, "audio", "a.wav", 500_000)
        .send()
        .await;
    let path = begun.expect("answered").headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let address = house.url.strip_prefix("http://").expect("plain");
    let mut line = TcpStream::connect(address).await.expect("connected");
    let head = format!(
        "PATCH {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: 0\r\nContent-Length: 500000\r\n\r\n",
        researcher.token
    );
    line.write_all(head.as_bytes()).await.expect("asked");
    line.write_all(&[5; 300_000]).await.expect("sent");
    line.flush().await.expect("sent");
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(line);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stands = researcher
        .tus(Method::HEAD, &path)
        .send()
        .await
        .expect("answered");
    let stands: usize = stands.headers()["upload-offset"]
        .to_str()
        .expect("text")
        .parse()
        .expect("a number");
    assert_eq!(stands, 300_000);
    let rest = researcher
        .tus(Method::PATCH, &path)
        .header("Upload-Offset", stands);
    let rest = rest.header("Content-Type", "application/offset+octet-stream");
    let rest = rest
        .body(vec![5; 500_000 - stands])
        .send()
        .await
        .expect("answered");
    assert_eq!(rest.status(), 204);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_reaches_whoever_is_still_sending() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let begun = study
        .researcher
        .begin(&study.session, "audio", "a.wav", 64 << 20);
    let begun = begun.send().await.expect("answered");
    let path = begun.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let piece = |person: &Person, offset: u64| {
        let asked = person
            .tus(Method::PATCH, &path)
            .header("Upload-Offset", offset);
        let asked = asked.header("Content-Type", "application/offset+octet-stream");
        asked.body(vec![5; 32 << 20]).send()
    };
    let elsewhere = piece(&study.researcher, 7)
        .await
        .expect("an answer, not a broken line");
    assert_eq!(elsewhere.status(), 409);
    assert_eq!(elsewhere.headers()["tus-resumable"], "1.0.0");
    let stranger = piece(&study.lead, 0)
        .await
        .expect("an answer, not a broken line");
    assert_eq!(stranger.status(), 404);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_waits_for_what_is_under_way_and_no_longer() {
    let options = Options {
        shutdown: Duration::from_millis(700),
        ..on_loopback()
    };
    let house = House::open_with(options, Arc::new(SystemClock)).await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let item = study
        .researcher
        .upload(&study.session, "video", "a.mp4", &vec![7; 16 << 20])
        .await;
    let content = format!("/v1/items/{item}/content");
    // Two transfers that nobody reads to the end, and a connection that lies idle.
    let stuck = study
        .researcher
        .ask(Method::GET, &content)
        .send()
        .await
        .expect("headers");
    let address = house.url.strip_prefix("http://").expect("plain").to_owned();
    let idle = TcpStream::connect(&address).await.expect("connected");
    let begun = tokio::time::Instant::now();
    house.close().await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(TcpStream::connect(&address).await.is_err());
    assert!(stuck.bytes().await.is_err(), "it was not whole");
    drop(idle);
}
