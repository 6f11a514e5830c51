//! Stores that answer oddly: a scripted server says to each question what a test wants said.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use strongroom::objects::{Answer, Location, ObjectsError, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{BUCKET, connect};
use crate::support::peers::config;

/// A question, by what its request line holds, and the answer: status, extra header, body.
type Script = &'static [(&'static str, u16, &'static str, &'static str)];

const LONDON: (&str, u16, &str, &str) =
    ("HEAD /tapes", 200, "x-amz-bucket-region: eu-west-2\r\n", "");
const LOCATION: (&str, u16, &str, &str) = (
    "?location",
    200,
    "",
    "<LocationConstraint>eu-west-2</LocationConstraint>",
);
const VERSIONING: (&str, u16, &str, &str) = ("?versioning", 200, "", "<VersioningConfiguration/>");

struct Scripted {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Scripted {
    async fn with(script: Script) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = asked.clone();
        let serving = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(answer(socket, script, noted.clone()));
            }
        });
        Self {
            port,
            asked,
            serving,
        }
    }

    async fn connect(&self) -> Result<Store, ObjectsError> {
        connect(config(self.port, BUCKET, "eu-west-2")).await
    }

    /// Whether anything but questions came.
    fn was_written_to(&self) -> bool {
        let asked = self.asked.lock().expect("noted");
        assert!(!asked.is_empty());
        asked
            .iter()
            .any(|line| !line.starts_with("GET ") && !line.starts_with("HEAD "))
    }
}

async fn answer(mut socket: TcpStream, script: Script, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match socket.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let line = String::from_utf8_lossy(&head);
    let line = line.lines().next().unwrap_or_default().to_owned();
    let scripted = script.iter().find(|(question, ..)| line.contains(question));
    let (status, header, body) = scripted.map_or((501, "", ""), |(_, status, header, body)| {
        (*status, *header, *body)
    });
    asked.lock().expect("noted").push(line);
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status} Scripted\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    let _ = socket.write_all(text.as_bytes()).await;
}

/// A redirect names the right region, and is an answer to the question, not an address to follow.
#[tokio::test]
async fn a_redirect_is_not_followed_but_believed() {
    let server = Scripted::with(&[(
        "HEAD /tapes",
        301,
        "x-amz-bucket-region: us-east-1\r\nlocation: http://127.0.0.1:1/\r\n",
        "",
    )])
    .await;
    let refused = server.connect().await.expect_err("overseas");
    assert!(
        matches!(&refused, ObjectsError::WrongRegion { found, .. } if found == "us-east-1"),
        "{refused}"
    );
    assert!(!server.was_written_to());
}

#[tokio::test]
async fn two_different_answers_are_none() {
    let server = Scripted::with(&[
        LONDON,
        (
            "?location",
            200,
            "",
            "<LocationConstraint>EU</LocationConstraint>",
        ),
    ])
    .await;
    let refused = server.connect().await.expect_err("contradictory");
    assert!(
        matches!(refused, ObjectsError::ContradictoryRegion { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("eu-west-1"), "{refused}");
    assert!(!server.was_written_to());
}

/// A refused question is not a no: the missing permission is named and nothing is written.
#[tokio::test]
async fn a_refused_question_stops_the_start() {
    const DENIED: &str = "<Error><Code>AccessDenied</Code><Message>no</Message></Error>";
    let server = Scripted::with(&[
        LONDON,
        LOCATION,
        VERSIONING,
        ("?replication", 403, "", DENIED),
    ])
    .await;
    let refused = server.connect().await.expect_err("refused");
    assert!(
        matches!(refused, ObjectsError::PermissionMissing { .. }),
        "{refused}"
    );
    assert!(
        refused
            .to_string()
            .contains("s3:GetReplicationConfiguration"),
        "{refused}"
    );
    assert!(!server.was_written_to());
}

/// Nor is a failure to answer.
#[tokio::test]
async fn a_failed_question_stops_the_start() {
    const BROKEN: &str = "<Error><Code>SlowDown</Code><Message>later</Message></Error>";
    let server = Scripted::with(&[
        LONDON,
        LOCATION,
        VERSIONING,
        ("?replication", 503, "", BROKEN),
    ])
    .await;
    let refused = server.connect().await.expect_err("failed");
    assert!(
        matches!(refused, ObjectsError::Unavailable { .. }),
        "{refused}"
    );
    assert!(refused.is_transient() && !server.was_written_to());
}

/// A store in London that knows no other question is used, and what it cannot say is shown.
#[tokio::test]
async fn what_a_store_cannot_say_is_shown() {
    let server = Scripted::with(&[
        LONDON,
        LOCATION,
        VERSIONING,
        ("PUT /tapes/probes/", 200, "", ""),
        ("DELETE /tapes/probes/", 204, "", ""),
        ("HEAD /tapes/probes/", 404, "", ""),
    ])
    .await;
    // `HEAD /tapes` answers for the probe object as well, so the clean-up is not believed.
    let refused = server.connect().await.expect_err("the probe seems to stay");
    assert!(
        matches!(refused, ObjectsError::NotDeleted { .. }),
        "{refused}"
    );

    let server = Scripted::with(&[
        ("HEAD /tapes/probes/", 404, "", ""),
        LONDON,
        LOCATION,
        VERSIONING,
        ("PUT /tapes/probes/", 200, "", ""),
        ("DELETE /tapes/probes/", 204, "", ""),
    ])
    .await;
    let store = server.connect().await.expect("connects");
    let report = store.report();
    assert!(matches!(report.location, Location::Said { .. }));
    assert_eq!(report.capabilities.replication, Answer::CannotSay);
    assert_eq!(report.capabilities.conditional_put, Answer::No);
    let shown = report.to_string();
    for words in [
        "eu-west-2 (GB), as the bucket says",
        "replicated                cannot say",
        "Unfinished uploads cannot be listed",
    ] {
        assert!(shown.contains(words), "{shown}");
    }
}
