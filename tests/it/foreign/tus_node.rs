//! Uploads with `tus-js-client` on Node.js.

use std::ffi::OsString;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::house::{House, Study, json_line, until};
use super::proxy::{Failing, Proxy};
use super::{PART, peers, recorded, recording, script};
use crate::support::gateway::text;

/// What a run is to do; the rest is the same for all.
fn task(house: &House, study: &Study, more: Value) -> Value {
    let mut task = json!({
        "endpoint": format!("{}/v1/uploads", house.url),
        "file": house.dir().join("interview.wav"),
        "store": house.dir().join("uploads.json"),
        "session": study.session, "kind": "audio", "filename": "Siân’s interview.wav",
    });
    let fields = task.as_object_mut().expect("fields");
    fields.extend(more.as_object().expect("fields").clone());
    task
}

fn start(node: &OsString, study: &Study, task: &Value) -> Child {
    let mut command = Command::new(node);
    command.arg(script("tus_upload.mjs")).arg(task.to_string());
    command.env("STRONGROOM_TOKEN", &study.token);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().expect("it starts")
}

/// Waits for its end; gives what it told.
fn told(child: Child) -> Vec<Value> {
    let ended = tokio::task::block_in_place(|| child.wait_with_output().expect("it ends"));
    let text = String::from_utf8(ended.stdout).expect("text");
    assert!(ended.status.success(), "{}: {text}", ended.status);
    text.lines()
        .map(|line| json_line(line.as_bytes()))
        .collect()
}

/// Checks that it finished and the item is `whole`.
fn arrived(house: &House, told: &[Value], whole: &[u8]) {
    let last = told.last().expect("it told");
    assert!(last.get("finished").is_some(), "{told:?}");
    let item = text(last, "item");
    assert!(house.fetch(&item) == whole, "it is what was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn tus_js_client_aborted_and_resumed_by_another_process() {
    let Some(node) = peers::node_with("tus-js-client") else {
        return;
    };
    let house = House::open();
    let study = house.study().await;
    let whole = recording(2 * PART + 77);
    recorded(house.dir(), &whole);
    let half = PART + PART / 2;
    let proxy = Proxy::before(house.address(), &[Failing::Swallow(half)]).await;
    let task = |more: Value| {
        let mut task = task(&house, &study, more);
        task["endpoint"] = format!("{}/v1/uploads", proxy.url).into();
        task
    };
    // One request for everything, aborted in the middle of it.
    let mut first = start(&node, &study, &task(json!({ "mayBeStopped": true })));
    until("half of it", || (proxy.failures() > 0).then_some(())).await;
    let mut stdin = first.stdin.take().expect("its input");
    stdin.write_all(b"stop").expect("it listens");
    let first = told(first);
    let stopped = first.last().expect("it told");
    let url = stopped["url"].as_str().expect("where the upload is");
    assert!(url.starts_with(&proxy.url), "{url}");
    let rest = told(start(
        &node,
        &study,
        &task(json!({ "chunkSize": 5_000_000 })),
    ));
    assert_eq!(rest[0]["resumes"], url);
    assert_eq!(rest[1]["method"], "HEAD");
    let stands = rest[1]["offset"].as_u64().expect("an offset") as usize;
    assert!(
        (half - 64 * 1024..half + 64 * 1024).contains(&stands),
        "{stands}"
    );
    arrived(&house, &rest, &whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn tus_js_client_over_a_line_that_breaks() {
    let Some(node) = peers::node_with("tus-js-client") else {
        return;
    };
    let house = House::open();
    let study = house.study().await;
    let whole = recording(2 * PART + 77);
    recorded(house.dir(), &whole);
    let proxy = Proxy::before(
        house.address(),
        &[1_000_000, PART, 3_000_000].map(Failing::Cut),
    )
    .await;
    let task = task(
        &house,
        &study,
        json!({
            "endpoint": format!("{}/v1/uploads", proxy.url),
            "retryDelays": [0, 50, 200, 500],
        }),
    );
    let told = told(start(&node, &study, &task));
    assert_eq!(proxy.failures(), 3);
    assert_eq!(told.last().expect("it told")["retries"], 3, "{told:?}");
    arrived(&house, &told, &whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn tus_js_client_while_the_gateway_is_killed() {
    let Some(node) = peers::node_with("tus-js-client") else {
        return;
    };
    let mut house = House::open();
    let study = house.study().await;
    let whole = recording(4 * PART + 77);
    recorded(house.dir(), &whole);
    let task = task(
        &house,
        &study,
        json!({
            "chunkSize": 1_000_000, "retryDelays": [100, 300, 1000, 1000, 1000, 3000, 3000],
        }),
    );
    let uploading = start(&node, &study, &task);
    // When the third part is on its way, the first is on record.
    let (bucket, third) = (house.dir().join("vault/store"), 2 * PART as u64 + 1_000_000);
    until("the third part", || {
        (bytes_under(&bucket) > third).then_some(())
    })
    .await;
    tokio::task::block_in_place(|| house.kill_and_serve_again());
    let told = told(uploading);
    assert!(
        told.iter().any(|told| told["broken"].is_string()),
        "{told:?}"
    );
    let again = told
        .iter()
        .find(|told| told["method"] == "HEAD")
        .expect("it asked where it stood");
    assert!(
        again["offset"]
            .as_u64()
            .is_some_and(|at| at > 0 && at % PART as u64 == 0),
        "{again}"
    );
    arrived(&house, &told, &whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn tus_js_client_with_its_other_ways() {
    let Some(node) = peers::node_with("tus-js-client") else {
        return;
    };
    let house = House::open();
    let study = house.study().await;
    let whole = recording(1_000_003);
    recorded(house.dir(), &whole);
    for ways in [
        json!({ "withCreation": true }),
        json!({ "withCreation": true, "chunkSize": 300_000 }),
        json!({ "overrideMethod": true, "chunkSize": 400_000 }),
    ] {
        let told = told(start(&node, &study, &task(&house, &study, ways)));
        arrived(&house, &told, &whole);
    }
}

/// Bytes in all the files under a folder.
fn bytes_under(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes_under(&entry.path()),
        Ok(about) => about.len(),
        Err(_) => 0,
    });
    bytes.sum()
}
