//! Many at once: readers who take nothing, uploads nobody goes on with.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use strongroom::limits::{TRANSFERS_MAX, UPLOAD_BUFFERS_BYTES, UPLOAD_IDLE, UPLOAD_PART_BYTES};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use super::house::{House, How, Study, descriptors, health, memory};
use super::{MIB, recording};
use crate::support::gateway::Person;
use crate::support::peers::S3sFs;

/// A connection whose system takes next to nothing before it is read.
async fn narrow(to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("narrow");
    socket.connect(to).await.expect("connected")
}

/// The status of the answer that begins on `line`.
async fn status(line: &mut TcpStream) -> u16 {
    let mut head = [0; 12];
    line.read_exact(&mut head).await.expect("an answer");
    let head = std::str::from_utf8(&head).expect("ASCII");
    head.strip_prefix("HTTP/1.1 ")
        .and_then(|status| status.parse().ok())
        .expect("a status")
}

/// Three hundred ask for a long recording and read none of it: as many as there is room for are
/// given one, the rest are told so, and everybody else is served as ever.
#[tokio::test(flavor = "multi_thread")]
async fn readers_who_take_nothing_cost_little_and_keep_nobody_waiting() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = S3sFs::start(folder.path(), "tapes").await;
    let house = House::open_with(How::on(&store.endpoint()));
    let study = house.study().await;
    let whole = vec![7; 12 * MIB];
    let item = study
        .lead
        .upload(&study.session, "video", "a.mp4", &whole)
        .await;
    let mut people = Vec::new();
    for _ in 0..TRANSFERS_MAX.div_ceil(16) + 2 {
        let person = house.invite(&study.admin, "researcher").await;
        study.take_on(&person.id).await;
        people.push(person);
    }
    let before = memory(&house);
    let mut lines = Vec::new();
    let (mut given, mut refused) = (0, 0);
    for place in 0..300 {
        let person = &people[place % people.len()];
        let mut line = narrow(house.address()).await;
        let ask = format!(
            "GET /v1/items/{item}/content HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
            person.token
        );
        line.write_all(ask.as_bytes()).await.expect("asked");
        match status(&mut line).await {
            200 => given += 1,
            429 => refused += 1,
            other => panic!("{other}"),
        }
        lines.push(line);
    }
    assert_eq!((given, refused), (TRANSFERS_MAX, 300 - TRANSFERS_MAX));
    let grown = memory(&house).saturating_sub(before);
    assert!(grown < TRANSFERS_MAX * MIB * 5 / 4, "{grown} bytes more");
    assert!(descriptors(&house) <= 1024, "the table of open files grew");
    for _ in 0..10 {
        let took = health(&house).await;
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
    let me = study.lead.get("/v1/me").await;
    assert_eq!(me["id"], study.lead.id.as_str());
    let full = study
        .lead
        .answer(Method::GET, &format!("/v1/items/{item}/content"))
        .await;
    assert_eq!(full.problem()["type"], "urn:strongroom:too-many");
    // They go, and there is room again.
    drop(lines);
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let again = study
            .lead
            .answer(Method::GET, &format!("/v1/items/{item}/content"))
            .await;
        if again.status == StatusCode::OK {
            assert!(again.body == whole);
            break;
        }
        assert!(Instant::now() < deadline, "{again:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// How much of an upload arrives before it is left.
const LEFT_AT: usize = 100_000;

/// Begins an upload of `length` bytes and leaves in the middle of its first piece.
async fn leave(house: &House, study: &Study, length: usize) -> String {
    let begun = study
        .lead
        .begin(&study.session, "audio", "a.wav", length)
        .send()
        .await;
    let begun = begun.expect("answered");
    assert_eq!(begun.status(), StatusCode::CREATED);
    let path = begun.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    // Asking how far it is ends whoever is still writing, so what was cut off is sent again.
    for patience in 1.. {
        let from = offset(&study.lead, &path).await;
        if from == LEFT_AT {
            break;
        }
        assert!(patience < 100, "it stands at {from} for ever");
        send_and_leave(house, study, &path, from, length).await;
        tokio::time::sleep(Duration::from_millis(20) * patience).await;
    }
    path
}

/// Promises all that is missing, sends what comes up to [`LEFT_AT`], and hangs up.
async fn send_and_leave(house: &House, study: &Study, path: &str, from: usize, length: usize) {
    let mut line = TcpStream::connect(house.address())
        .await
        .expect("connected");
    let ask = format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nTus-Resumable: 1.0.0\r\nContent-Type: application/offset+octet-stream\r\nUpload-Offset: {from}\r\nContent-Length: {}\r\n\r\n",
        study.lead.token,
        length - from
    );
    line.write_all(ask.as_bytes()).await.expect("asked");
    line.write_all(&recording(LEFT_AT)[from..])
        .await
        .expect("sent");
}

async fn offset(person: &Person, path: &str) -> usize {
    let answer = person
        .tus(Method::HEAD, path)
        .send()
        .await
        .expect("answered");
    assert_eq!(answer.status(), StatusCode::OK);
    let offset = answer.headers()["upload-offset"].to_str().expect("text");
    offset.parse().expect("a number")
}

/// Uploads that nobody goes on with do not keep the memory of those who have something to send.
#[tokio::test(flavor = "multi_thread")]
async fn uploads_that_were_left_make_room() {
    let house = House::open();
    let study = house.study().await;
    let whole = recording(UPLOAD_BUFFERS_BYTES as usize / 2);
    let mut left = Vec::new();
    // Each holds the part that is filled and two on their way: that is all the room there is.
    let fit = UPLOAD_BUFFERS_BYTES / (3 * UPLOAD_PART_BYTES);
    for _ in 0..fit {
        left.push(leave(&house, &study, whole.len()).await);
    }
    for path in &left {
        // What came is kept, as long as nobody needs the room.
        assert_eq!(offset(&study.lead, path).await, LEFT_AT);
    }
    let begun = Instant::now();
    let item = study
        .lead
        .upload(&study.session, "audio", "b.wav", &whole)
        .await;
    assert!(
        begun.elapsed() >= UPLOAD_IDLE / 2,
        "there was room for one more; leave more"
    );
    assert!(house.fetch(&item) == whole);
    // One of those that were left made room; all can be gone on with.
    let mut stands = Vec::new();
    for path in &left {
        stands.push(offset(&study.lead, path).await);
    }
    stands.sort_unstable();
    let made_room = stands.iter().filter(|stand| **stand == 0).count();
    assert_eq!(made_room, 1, "{stands:?}");
    assert!(
        stands[1..].iter().all(|stand| *stand == LEFT_AT),
        "{stands:?}"
    );
    for path in left {
        let from = offset(&study.lead, &path).await;
        let rest = study
            .lead
            .tus(Method::PATCH, &path)
            .header("Upload-Offset", from);
        let rest = rest.header("Content-Type", "application/offset+octet-stream");
        let rest = rest
            .body(whole[from..].to_vec())
            .send()
            .await
            .expect("answered");
        assert_eq!(rest.status(), StatusCode::NO_CONTENT);
        let item = rest.headers()["strongroom-item"].to_str().expect("text");
        assert!(
            house.fetch(item) == whole,
            "it is what was sent, from {from}"
        );
    }
}
