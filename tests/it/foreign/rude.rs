//! Requests no client would make: without end, without measure, of two minds about where they end.

use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::{AUTHORIZATION, COOKIE, RANGE};
use http::{HeaderValue, Method};
use strongroom::clock::SystemClock;
use strongroom::gateway::Options;
use strongroom::limits::LINGER_BYTES;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::house::{House, PROMPT, health, memory, status, until};
use super::{MIB, recording};
use crate::support::gateway::{self, Answer, on_loopback};

const GIB: usize = 1 << 30;

/// Sends `start`, then `filler` until `length` bytes have gone or nobody takes any more; gives how
/// many went, and what was answered.
async fn pour(house: &House, start: &str, filler: &[u8], length: usize) -> (usize, String) {
    let mut line = TcpStream::connect(house.address())
        .await
        .expect("connected");
    let mut sent = start.len();
    let block = filler.repeat(64 * 1024 / filler.len());
    let mut taken = line.write_all(start.as_bytes()).await.is_ok();
    while taken && sent < length {
        let write = tokio::time::timeout(PROMPT, line.write_all(&block)).await;
        taken = write.is_ok_and(|written| written.is_ok());
        sent += block.len();
    }
    let mut answer = Vec::new();
    // A connection that is closed while more comes is reset, and what was answered may be lost.
    let _reset_or_closed = tokio::time::timeout(PROMPT, line.read_to_end(&mut answer)).await;
    (sent, String::from_utf8_lossy(&answer).into_owned())
}

/// Says `words` over a connection of their own; gives all that is answered.
async fn say(house: &House, words: &str) -> String {
    let mut line = TcpStream::connect(house.address())
        .await
        .expect("connected");
    // It may be answered before it has finished.
    let _may_be_cut_short = line.write_all(words.as_bytes()).await;
    let mut answer = Vec::new();
    let reading = line.read_to_end(&mut answer);
    let _reset_or_closed = tokio::time::timeout(Duration::from_secs(2), reading).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// How many answers there are in what a connection gave.
fn answers(said: &str) -> usize {
    said.matches("HTTP/1.1 ").count()
}

/// Headers are read up to a bound, and nothing piles up beyond it.
#[tokio::test(flavor = "multi_thread")]
async fn headers_without_end_are_not_read_to_the_end() {
    let house = House::open();
    let study = house.study().await;
    let token = &study.token;
    let get = "GET /v1/health HTTP/1.1\r\nHost: x\r\n";
    let creation = format!(
        "POST /v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nTus-Resumable: 1.0.0\r\nUpload-Length: 1\r\nUpload-Metadata: filename "
    );
    health(&house).await;
    let before = memory(&house);
    for (start, filler, length) in [
        (format!("{get}X: "), &b"x"[..], MIB),
        (get.to_owned(), b"X: y\r\n", MIB),
        (format!("{get}X: "), b"x", GIB),
        (get.to_owned(), b"X: y\r\n", GIB),
        ("GET /".to_owned(), b"x", GIB),
        (creation, b"QUFB", GIB),
    ] {
        let begun = Instant::now();
        let (sent, answer) = pour(&house, &start, filler, length).await;
        let refused = ["HTTP/1.1 431 ", "HTTP/1.1 414 "];
        let refused = refused.iter().any(|status| answer.starts_with(status));
        assert!(answer.is_empty() || refused, "{answer}");
        // Beyond what is taken there is what the system's own buffers hold.
        assert!(
            sent <= LINGER_BYTES + 16 * MIB,
            "{sent} bytes went before it hung up"
        );
        assert!(begun.elapsed() < PROMPT);
    }
    let grown = memory(&house).saturating_sub(before);
    assert!(grown < 8 * MIB, "{grown} bytes more");
    health(&house).await;
}

/// A header for somebody costs a public-key operation, so they are counted first.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_recipients_are_refused_at_once() {
    let house = House::open();
    let study = house.study().await;
    let item = study
        .lead
        .upload(&study.session, "audio", "a.wav", &recording(1000))
        .await;
    let recipient = age::x25519::Identity::generate().to_public();
    let query = |count: usize| {
        let one = format!("recipient={recipient}");
        format!("/v1/items/{item}/sealed?{}", vec![one; count].join("&"))
    };
    for count in [20, 21, 850] {
        let begun = Instant::now();
        let answer = study.lead.answer(Method::GET, &query(count)).await;
        assert!(begun.elapsed() < PROMPT, "{count}");
        if count == 20 {
            assert_eq!(answer.status, 200);
            continue;
        }
        let problem = answer.problem();
        let detail = problem["detail"].as_str().expect("a detail");
        assert_eq!(problem["status"], 422);
        assert!(
            detail.starts_with(&format!("{count} recipients")) && detail.contains("20"),
            "{detail}"
        );
    }
    // More than any client would write in an address.
    let ask = format!(
        "GET {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        query(5000),
        study.lead.token
    );
    let answer = say(&house, &ask).await;
    let refused = answer.starts_with("HTTP/1.1 414 ") || answer.starts_with("HTTP/1.1 431 ");
    assert!(refused, "{answer}");
    // One that is endless is no recipient, whatever it is encoded as.
    for odd in [
        "%00".repeat(10_000),
        "a".repeat(60_000),
        "%F0%9F%8E%99".repeat(2000),
    ] {
        let path = format!("/v1/items/{item}/sealed?recipient={odd}");
        let answer = study.lead.answer(Method::GET, &path).await;
        assert_eq!(answer.problem()["status"], 422);
        assert!(answer.body.len() < 1000, "it is not repeated");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_ranges_cost_nothing() {
    let house = House::open();
    let study = house.study().await;
    let whole = recording(200_000);
    let item = study
        .lead
        .upload(&study.session, "audio", "a.wav", &whole)
        .await;
    let content = format!("/v1/items/{item}/content");
    let many = vec!["0-0"; 12_000].join(",");
    let overlapping = vec!["0-"; 15_000].join(",");
    for range in [
        format!("bytes={many}").into_bytes(),
        format!("bytes={overlapping}").into_bytes(),
        format!("bytes=0-{}", "9".repeat(50_000)).into_bytes(),
        format!("bytes={}-", "0".repeat(50_000)).into_bytes(),
        format!("bytes={}", "-".repeat(50_000)).into_bytes(),
        format!("bytes={}", ",".repeat(50_000)).into_bytes(),
        b"bytes=0-\xFF\xFE".to_vec(),
        b"\xFF\xFE=0-1".to_vec(),
        b"bytes=-18446744073709551616".to_vec(),
        b"bytes=18446744073709551614-18446744073709551615".to_vec(),
    ] {
        let shown = String::from_utf8_lossy(&range[..range.len().min(30)]).into_owned();
        let header = HeaderValue::from_bytes(&range).expect("a header");
        let begun = Instant::now();
        let asked = study.lead.ask(Method::GET, &content).header(RANGE, header);
        let answer = Answer::of(asked.send().await.expect("answered")).await;
        assert!(begun.elapsed() < PROMPT, "{shown}");
        match answer.status.as_u16() {
            416 => assert!(answer.body.len() < 1000),
            200 => assert!(answer.body == whole, "{shown}"),
            206 => assert!(
                answer.body.len() <= whole.len() && whole.ends_with(&answer.body),
                "{shown}"
            ),
            other => panic!("{shown}: {other}"),
        }
    }
    let log = String::from_utf8_lossy(&house.log()).into_owned();
    assert!(!log.contains("panicked"), "{log}");
}

/// A request of which two readers could think differently where it ends is refused, or ends the
/// connection: what is hidden behind it is not taken for another request.
#[tokio::test(flavor = "multi_thread")]
async fn requests_are_not_smuggled() {
    let house = House::open();
    let study = house.study().await;
    let token = &study.token;
    let hidden = format!(
        "DELETE /v1/tokens/current HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n\r\n"
    );
    let behind = hidden.len();
    let post = "POST /v1/enrolments HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    // Refused, each for what it says of its own length.
    for lengths in [
        format!("Content-Length: 0\r\nContent-Length: {behind}\r\n"),
        format!("Content-Length: {behind}\r\nContent-Length: 0\r\n"),
        format!("Content-Length: 0, {behind}\r\n"),
        "Content-Length: +0\r\n".to_owned(),
        "Content-Length: 0x0\r\n".to_owned(),
        "Content-Length: -1\r\n".to_owned(),
        "Content-Length: \r\n".to_owned(),
        "Content-Length: 18446744073709551616\r\n".to_owned(),
        "Content-Length : 0\r\n".to_owned(),
        " Content-Length: 0\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: identity\r\n".to_owned(),
        "Transfer-Encoding: \u{b}chunked\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        "Transfer-Encoding:\r\n chunked\r\n".to_owned(),
    ] {
        let answer = say(&house, &format!("{post}{lengths}\r\n{hidden}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lengths}{answer}");
        assert_eq!(answers(&answer), 1, "{lengths}{answer}");
    }
    // Answered for the one reading the standard names, and then the connection ends (RFC 9112, 6.3).
    let chunked = "Transfer-Encoding: chunked\r\n";
    let length = format!("Content-Length: {behind}\r\n");
    for both in [format!("{chunked}{length}"), format!("{length}{chunked}")] {
        let answer = say(&house, &format!("{post}{both}\r\n0\r\n\r\n{hidden}")).await;
        assert_eq!(answers(&answer), 1, "{both}{answer}");
    }
    let old = post.replace("HTTP/1.1", "HTTP/1.0");
    let answer = say(&house, &format!("{old}{chunked}\r\n0\r\n\r\n{hidden}")).await;
    assert!(
        answers(&answer.replace("HTTP/1.0", "HTTP/1.1")) <= 1,
        "{answer}"
    );
    // The chunks themselves.
    for chunks in [
        "0x0\r\n\r\n",
        "-1\r\n\r\n",
        "ffffffffffffffff1\r\n\r\n",
        "0\rX\n\r\n",
        ";\r\n\r\n",
    ] {
        let answer = say(&house, &format!("{post}{chunked}\r\n{chunks}{hidden}")).await;
        assert!(answers(&answer) <= 1, "{chunks}{answer}");
    }
    // Were one of them read as a request, this token would work no more.
    let me = house
        .ask(Method::GET, "/v1/me")
        .header(AUTHORIZATION, format!("Bearer {token}"));
    assert_eq!(me.send().await.expect("answered").status(), 200);
    // And this is what such a request does when it stands for itself.
    let answer = say(&house, &hidden).await;
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}

/// A token is where no log, history or referrer keeps it, or it is none.
#[tokio::test(flavor = "multi_thread")]
async fn r46_a_token_counts_in_its_header_and_nowhere_else() {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let house = House::open();
    let study = house.study().await;
    let token = &study.token;
    let refused = async |asked: reqwest::RequestBuilder| {
        let answer = Answer::of(asked.send().await.expect("answered")).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        answer.problem();
    };
    for name in [
        "token",
        "access_token",
        "authorization",
        "bearer",
        "api_key",
    ] {
        refused(house.ask(Method::GET, &format!("/v1/me?{name}={token}"))).await;
    }
    refused(house.ask(
        Method::GET,
        &format!("/v1/me?Authorization=Bearer%20{token}"),
    ))
    .await;
    let basic = |pair: String| format!("Basic {}", BASE64_STANDARD.encode(pair));
    let me = || house.ask(Method::GET, "/v1/me");
    refused(me().header(AUTHORIZATION, basic(format!("{token}:")))).await;
    refused(me().header(AUTHORIZATION, basic(format!("x:{token}")))).await;
    refused(me().header(AUTHORIZATION, token)).await;
    refused(me().header(AUTHORIZATION, format!("Bearer {token}, Bearer {token}"))).await;
    refused(me().header(COOKIE, format!("token={token}"))).await;
    refused(me().header("X-Api-Key", token)).await;
    refused(me().header("Proxy-Authorization", format!("Bearer {token}"))).await;
    let me = me().header(AUTHORIZATION, format!("Bearer {token}"));
    assert_eq!(me.send().await.expect("answered").status(), 200);
}

/// Hundreds who never finish asking keep nobody else from being answered.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_keeps_nobody_waiting() {
    let house = House::open();
    let mut lines = Vec::new();
    for _ in 0..400 {
        let mut line = TcpStream::connect(house.address())
            .await
            .expect("connected");
        line.write_all(b"GET /v1/health HTTP/1.1\r\nHost: x\r\nX: ")
            .await
            .expect("said");
        lines.push(line);
    }
    health(&house).await;
    let before = memory(&house);
    for _ in 0..10 {
        for line in &mut lines {
            line.write_all(b"x").await.expect("it is still listened to");
        }
        let took = health(&house).await;
        assert!(took < Duration::from_secs(2), "{took:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(memory(&house).saturating_sub(before) < 8 * MIB);
    // One of them who makes an end is answered as well.
    let line = &mut lines[0];
    line.write_all(b"\r\nConnection: close\r\n\r\n")
        .await
        .expect("said");
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    // When they go, so does what they took.
    drop(lines);
    until("an end to the connections", || {
        (open_lines(&house) < 10).then_some(())
    })
    .await;
}

/// Whoever asks for longer than a request's headers may take is let go, also one who asks nothing.
#[tokio::test(flavor = "multi_thread")]
async fn who_never_comes_to_an_end_of_asking_is_let_go() {
    let options = Options {
        headers: Duration::from_secs(1),
        ..on_loopback()
    };
    let house = gateway::House::open_with(options, Arc::new(SystemClock)).await;
    let address = house.url.strip_prefix("http://").expect("plain").to_owned();
    let begun = Instant::now();
    let one = async |says: &'static [u8]| {
        let mut line = TcpStream::connect(&address).await.expect("connected");
        let mut heard = [0; 1024];
        loop {
            let more = line.write_all(says).await;
            let hearing = tokio::time::timeout(Duration::from_millis(100), line.read(&mut heard));
            match (more, hearing.await) {
                (Ok(()), Err(_still_listening)) => {}
                _ => return,
            }
            assert!(begun.elapsed() < PROMPT, "it is still listened to");
        }
    };
    let begins = [&b"G"[..], b"X: y\r\n", b"\r\n", b""];
    let lines = (0..40).map(|place| one(begins[place % begins.len()]));
    futures::future::join_all(lines).await;
    assert!(begun.elapsed() >= Duration::from_millis(900));
    house.close().await;
}

/// Connections to the gateway that the system knows of.
fn open_lines(house: &House) -> usize {
    let port = format!(":{:04X}", house.address().port());
    let table = std::fs::read_to_string("/proc/net/tcp").expect("the system's table");
    let established = table.lines().filter(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let local = fields.next().is_some_and(|local| local.ends_with(&port));
        local && fields.nth(1) == Some("01")
    });
    established.count()
}

/// What is in its memory is not to be had from a core dump, a swap file or by another process.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_keeps_its_memory_to_itself() {
    let house = House::open();
    let limits = format!("/proc/{}/limits", house.process());
    let limits = std::fs::read_to_string(limits).expect("it runs");
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.expect("a limit").split_whitespace().collect();
    assert_eq!(core.get(4..6), Some(&["0", "0"][..]), "{limits}");
    assert_eq!(status(&house, "Umask:"), 77);
    // Locked where the system lets it; otherwise it says what to do about it.
    let locked = status(&house, "VmLck:") > 0;
    let warned = String::from_utf8_lossy(&house.log()).contains("LimitMEMLOCK=infinity");
    assert!(locked != warned, "locked: {locked}, warned: {warned}");
    // Not dumpable: its memory is root's, whoever runs it.
    let owner = std::fs::metadata(format!("/proc/{}/mem", house.process()));
    assert_eq!(owner.expect("it runs").uid(), 0);
}
