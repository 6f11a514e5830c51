//! Uploads with `tuspy`.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::house::{House, Study, json_line};
use super::proxy::{Failing, Proxy};
use super::{PART, peers, recorded, recording, script};
use crate::support::gateway::text;

/// How one run is to go.
#[derive(Default)]
struct Run<'a> {
    chunk: usize,
    pause_after: Option<usize>,
    retries: usize,
    checksum: bool,
    /// Where it is told the gateway is, if not where it is.
    url: Option<&'a str>,
}

impl Run<'_> {
    fn start(&self, python: &OsString, house: &House, study: &Study, file: &Path) -> Child {
        let url = self.url.unwrap_or(&house.url);
        let mut command = Command::new(python);
        command
            .arg(script("tuspy_upload.py"))
            .arg(format!("{url}/v1/uploads"))
            .arg(file);
        command.args(["--session", &study.session, "--kind", "audio"]);
        command.args(["--filename", "Siân’s interview.wav"]);
        command.arg("--chunk-size").arg(self.chunk.to_string());
        command.arg("--store").arg(house.dir().join("uploads.json"));
        command.arg("--retries").arg(self.retries.to_string());
        if let Some(pieces) = self.pause_after {
            command.arg("--pause-after").arg(pieces.to_string());
        }
        if self.checksum {
            command.arg("--checksum");
        }
        command
            .env("STRONGROOM_TOKEN", &study.token)
            .env("NO_PROXY", "*");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().expect("it starts")
    }

    /// Runs it to its end; gives what it told.
    fn finish(&self, python: &OsString, house: &House, study: &Study, file: &Path) -> Vec<Value> {
        let ended = self
            .start(python, house, study, file)
            .wait_with_output()
            .expect("it ends");
        assert!(ended.status.success(), "{}", ended.status);
        let told = String::from_utf8(ended.stdout).expect("text");
        told.lines()
            .map(|line| json_line(line.as_bytes()))
            .collect()
    }

    /// Runs it until it pauses, and kills it; gives the offset it had come to.
    fn kill(&self, python: &OsString, house: &House, study: &Study, file: &Path) -> u64 {
        let mut child = self.start(python, house, study, file);
        let told = BufReader::new(child.stdout.take().expect("its output"));
        let lines = told
            .lines()
            .map(|line| json_line(line.expect("a line").as_bytes()));
        let paused = lines.filter_map(|told| told.get("paused")?.as_u64()).next();
        child.kill().expect("it waits");
        child.wait().expect("it ended");
        paused.expect("it paused")
    }
}

fn last(told: &[Value], key: &str) -> Value {
    let last = told.last().and_then(|told| told.get(key));
    last.cloned().expect("it told so")
}

/// Killed in the middle, started again, and the whole file arrives, whatever pieces it is sent in.
async fn killed_and_resumed(chunk: usize, checksum: bool) {
    let Some(python) = peers::python_with("tusclient") else {
        return;
    };
    let house = House::open();
    let study = house.study().await;
    let whole = recording(2 * PART + 100_001);
    let file = recorded(house.dir(), &whole);
    let half = whole.len() / 2 / chunk;
    let first = Run {
        chunk,
        checksum,
        pause_after: Some(half.max(1)),
        ..Run::default()
    };
    let paused = first.kill(&python, &house, &study, &file);
    assert_eq!(paused, (half.max(1) * chunk) as u64);

    let told = Run {
        chunk,
        checksum,
        ..Run::default()
    }
    .finish(&python, &house, &study, &file);
    let begins = told.first().and_then(|told| told.get("begins"));
    assert_eq!(
        begins.and_then(Value::as_u64),
        Some(paused),
        "it goes on where it had stood"
    );
    assert_eq!(last(&told, "finished"), whole.len());
    let item = last(&told, "item");
    let item = item.as_str().expect("an item");
    assert!(house.fetch(item) == whole, "it is what was sent");
    let shown = study.lead.get(&format!("/v1/items/{item}")).await;
    assert_eq!(text(&shown, "file_name"), "Siân’s interview.wav");
    assert_eq!(text(&shown, "kind"), "audio");
}

#[tokio::test(flavor = "multi_thread")]
async fn tuspy_with_pieces_smaller_than_a_part() {
    killed_and_resumed(3 << 20, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tuspy_with_pieces_of_exactly_a_part() {
    killed_and_resumed(PART, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tuspy_with_pieces_larger_than_a_part() {
    killed_and_resumed(PART + 1_234_567, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tuspy_over_a_line_that_breaks() {
    let Some(python) = peers::python_with("tusclient") else {
        return;
    };
    let house = House::open();
    let study = house.study().await;
    let whole = recording(PART + 100_001);
    let file = recorded(house.dir(), &whole);
    let proxy = Proxy::before(
        house.address(),
        &[Failing::Cut(2_000_000), Failing::Cut(4_000_000)],
    )
    .await;
    let run = Run {
        chunk: usize::MAX >> 1,
        retries: 5,
        url: Some(&proxy.url),
        ..Run::default()
    };
    let told = tokio::task::block_in_place(|| run.finish(&python, &house, &study, &file));
    assert_eq!(proxy.failures(), 2);
    assert_eq!(last(&told, "finished"), whole.len());
    let item = last(&told, "item");
    assert!(house.fetch(item.as_str().expect("an item")) == whole);
}
