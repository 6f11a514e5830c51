//! Downloads: ranges, conditions, sealed copies, and transfers that must not end well.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::StreamExt as _;
use http::header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE};
use http::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::gateway::{Answer, House, Person, Study, on_loopback};

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 31 % 251) as u8).collect()
}

async fn ask(person: &Person, item: &str, headers: &[(http::HeaderName, &str)]) -> Answer {
    let mut asked = person.ask(Method::GET, &format!("/v1/items/{item}/content"));
    for (name, value) in headers {
        asked = asked.header(name, *value);
    }
    Answer::of(asked.send().await.expect("answered")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_what_was_asked_for_or_416() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let whole = bytes(200_000);
    let item = study
        .researcher
        .upload(&study.session, "audio", "a.wav", &whole)
        .await;
    for (range, part) in [
        ("bytes=0-0", 0..1),
        ("bytes=0-", 0..200_000),
        ("bytes=65535-65536", 65_535..65_537),
        ("bytes=65536-131071", 65_536..131_072),
        ("bytes=131072-", 131_072..200_000),
        ("bytes=199999-", 199_999..200_000),
        ("bytes=100-999999999", 100..200_000),
        ("bytes=-1", 199_999..200_000),
        ("bytes=-70000", 130_000..200_000),
        ("bytes=-999999999", 0..200_000),
    ] {
        let answer = ask(&study.researcher, &item, &[(RANGE, range)]).await;
        assert_eq!(answer.status, StatusCode::PARTIAL_CONTENT, "{range}");
        let told = format!("bytes {}-{}/200000", part.start, part.end - 1);
        assert_eq!(answer.header("content-range"), Some(told.as_str()));
        assert_eq!(
            answer.header("content-length"),
            Some(part.len().to_string().as_str())
        );
        assert!(answer.body == whole[part], "{range}");
    }
    for range in [
        "bytes=200000-",
        "bytes=200000-200001",
        "bytes=5-4",
        "bytes=-0",
        "bytes=-",
        "bytes=0-1,3-4",
        "bytes=0-9,5-14",
        "bytes=99999999999999999999-",
        "bytes=x",
        "bytes",
        "bytes=18446744073709551615-18446744073709551615",
    ] {
        let answer = ask(&study.researcher, &item, &[(RANGE, range)]).await;
        assert_eq!(answer.status, StatusCode::RANGE_NOT_SATISFIABLE, "{range}");
        assert_eq!(answer.header("content-range"), Some("bytes */200000"));
        answer.problem();
    }
    let other_unit = ask(&study.researcher, &item, &[(RANGE, "seconds=1-2")]).await;
    assert!(other_unit.status == StatusCode::OK && other_unit.body == whole);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn conditions_follow_the_rfc() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let whole = bytes(1000);
    let item = study
        .researcher
        .upload(&study.session, "audio", "a.wav", &whole)
        .await;
    let fetched = ask(&study.researcher, &item, &[]).await;
    let tag = format!("\"{item}\"");
    assert_eq!(fetched.header("etag"), Some(tag.as_str()));
    assert_eq!(fetched.header("accept-ranges"), Some("bytes"));
    assert_eq!(
        fetched.header("content-type"),
        Some("application/octet-stream")
    );
    let name = format!("attachment; filename=\"{item}\"");
    assert_eq!(fetched.header("content-disposition"), Some(name.as_str()));

    let head = study
        .researcher
        .answer(Method::HEAD, &format!("/v1/items/{item}/content"))
        .await;
    assert_eq!(
        (head.status, &head.headers),
        (StatusCode::OK, &fetched.headers)
    );

    let range = (RANGE, "bytes=10-19");
    for (headers, status) in [
        (vec![(IF_NONE_MATCH, tag.as_str())], 304),
        (vec![(IF_NONE_MATCH, "\"other\"")], 200),
        (vec![(IF_MATCH, tag.as_str())], 200),
        (vec![(IF_MATCH, "\"other\"")], 412),
        (vec![range.clone(), (IF_RANGE, tag.as_str())], 206),
        (vec![range.clone(), (IF_RANGE, "\"other\"")], 200),
        (
            vec![range, (IF_RANGE, "Wed, 21 Oct 2015 07:28:00 GMT")],
            200,
        ),
    ] {
        let answer = ask(&study.researcher, &item, &headers).await;
        assert_eq!(answer.status, status, "{headers:?}");
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_copy_is_a_whole_age_file() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let whole = bytes(150_000);
    let item = study
        .researcher
        .upload(&study.session, "audio", "a.wav", &whole)
        .await;
    let identity = age::x25519::Identity::generate();
    let second = age::x25519::Identity::generate();
    let (one, two) = (identity.to_public(), second.to_public());
    let path = format!("/v1/items/{item}/sealed?recipient={one}&recipient={two}");
    let answer = study.researcher.answer(Method::GET, &path).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/age-encryption")
    );
    assert_eq!(
        answer.header("content-length"),
        Some(answer.body.len().to_string().as_str())
    );
    for identity in [&identity, &second] {
        let opened = age::decrypt(identity, &answer.body).expect("an age file");
        assert!(opened == whole);
    }
    let sealed = format!("/v1/items/{item}/sealed");
    for (query, status) in [("", 422), ("?recipient=x", 422), ("?recipients=x", 400)] {
        let answer = study
            .researcher
            .answer(Method::GET, &format!("{sealed}{query}"))
            .await;
        assert_eq!(answer.problem()["status"], status, "{query}");
    }
    let head = study.researcher.answer(Method::HEAD, &path).await;
    assert_eq!(head.status, StatusCode::METHOD_NOT_ALLOWED);
    house.close().await;
}

/// The longest file under a folder.
fn longest(folder: &Path) -> PathBuf {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            match entry.file_type().expect("a type").is_dir() {
                true => folders.push(entry.path()),
                false => files.push((entry.metadata().expect("metadata").len(), entry.path())),
            }
        }
    }
    files.into_iter().max().expect("a file").1
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_in_the_middle_breaks_the_connection_off() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let whole = bytes(3_000_000);
    let item = study
        .researcher
        .upload(&study.session, "audio", "a.wav", &whole)
        .await;
    let stored = longest(&house.vault_dir().join("store"));
    let mut sealed = std::fs::read(&stored).expect("the object");
    assert!(sealed.len() > whole.len());
    sealed[2_900_000] ^= 1;
    std::fs::write(&stored, sealed).expect("damaged");

    let (head, body) = raw_get(&house, &study.researcher, &item).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.to_ascii_lowercase()
            .contains("content-length: 3000000"),
        "{head}"
    );
    // What came before the damage is right, nothing of the damaged chunk came, and the end is not one.
    assert!(
        body.len() < whole.len() && body == whole[..body.len()],
        "{}",
        body.len()
    );
    assert!(body.len() <= 2_900_000 / 65_552 * 65_536);

    let path = format!("/v1/items/{item}/content");
    let response = study
        .researcher
        .ask(Method::GET, &path)
        .send()
        .await
        .expect("headers");
    assert!(response.bytes().await.is_err(), "a client must notice");
    // The part before the damage can still be had.
    let part = ask(&study.researcher, &item, &[(RANGE, "bytes=0-99999")]).await;
    assert!(part.body == whole[..100_000]);
    house.close().await;
}

/// A GET over a bare connection: the head, and what follows until the connection is closed.
async fn raw_get(house: &House, person: &Person, item: &str) -> (String, Vec<u8>) {
    let mut line = slow_get(house, person, item).await;
    let mut answer = Vec::new();
    // Whether the connection is reset or closed, the bytes before it count.
    let _reset_or_closed = line.read_to_end(&mut answer).await;
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("a head")
        + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).expect("ASCII"), body)
}

/// A GET over a bare connection, of which nothing is read yet.
async fn slow_get(house: &House, person: &Person, item: &str) -> TcpStream {
    let address = house.url.strip_prefix("http://").expect("plain");
    // A small window, so that what is not read stays with the gateway and not with the system.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(64 * 1024).expect("a window");
    let connecting = socket.connect(address.parse().expect("an address"));
    let mut line = connecting.await.expect("connected");
    let request = format!(
        "GET /v1/items/{item}/content HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\n\r\n",
        person.token
    );
    line.write_all(request.as_bytes()).await.expect("asked");
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_readers_take_up_a_bounded_part_and_are_let_go() {
    let options = strongroom::gateway::Options {
        stall: Duration::from_secs(4),
        ..on_loopback()
    };
    let clock = std::sync::Arc::new(strongroom::clock::SystemClock);
    let house = House::open_with(options, clock).await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    // Longer than what the system's own buffers take.
    let item = study
        .researcher
        .upload(&study.session, "video", "a.mp4", &vec![7; 16 << 20])
        .await;
    let slow = (0..16).map(|_| async {
        let mut line = slow_get(&house, &study.researcher, &item).await;
        let mut head = [0; 12];
        line.read_exact(&mut head).await.expect("an answer");
        assert_eq!(&head, b"HTTP/1.1 200");
        line
    });
    let slow = futures::future::join_all(slow).await;
    let content = format!("/v1/items/{item}/content");
    let one_more = study.researcher.answer(Method::GET, &content).await;
    assert_eq!(one_more.problem()["type"], "urn:strongroom:too-many");
    // Whoever else asks is served, and so is whoever asks for something small.
    assert_eq!(
        study.lead.answer(Method::GET, &content).await.body.len(),
        16 << 20
    );
    let health = house
        .ask(Method::GET, "/v1/health")
        .send()
        .await
        .expect("answered");
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(
        study.researcher.get("/v1/me").await["id"],
        study.researcher.id.as_str()
    );

    // Once they have stood still for too long their room is free again, and they get no more.
    let mut tries = 0;
    while study.researcher.answer(Method::GET, &content).await.status != StatusCode::OK {
        tries += 1;
        assert!(tries < 100, "they were not let go");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut lengths = Vec::new();
    for mut line in slow {
        let mut rest = Vec::new();
        let _reset_or_closed = line.read_to_end(&mut rest).await;
        lengths.push(rest.len());
        if rest.len() < 16 << 20 {
            break;
        }
    }
    let cut_short = lengths.last().is_some_and(|length| *length < 16 << 20);
    assert!(cut_short, "nobody was let go: {lengths:?}");
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_ends_ends_the_transfer() {
    let house = House::open().await;
    let admin = house.admin().await;
    let study = Study::found(&house, &admin).await;
    let length = 32 << 20;
    let item = study
        .researcher
        .upload(&study.session, "video", "a.mp4", &vec![7; length])
        .await;
    let content = format!("/v1/items/{item}/content");
    let response = study
        .researcher
        .ask(Method::GET, &content)
        .send()
        .await
        .expect("headers");
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.bytes_stream();
    let mut came = body.next().await.expect("bytes").expect("bytes").len();
    let path = format!("/v1/people/{}/suspension", study.researcher.id);
    let suspend = admin
        .ask(Method::PUT, &path)
        .json(&serde_json::json!({ "suspended": true }));
    assert_eq!(suspend.send().await.expect("answered").status(), 204);
    let ended = loop {
        match body.next().await {
            Some(Ok(bytes)) => came += bytes.len(),
            Some(Err(_)) => break "broken off",
            None => break "ended",
        }
    };
    assert_eq!(ended, "broken off");
    assert!(came < length);
    house.close().await;
}
