//! Stores that cannot be used: absent, out of reach, elsewhere, or closed to us.

use crate::support::cli::{BUCKET, EMBEDDED, Site};
use crate::support::peers::{KEY_ID, Moto, Rclone, SECRET};
use crate::support::programs::free_port;

const RIGHT: [(&str, &str); 3] = [
    ("AWS_ACCESS_KEY_ID", KEY_ID),
    ("AWS_SECRET_ACCESS_KEY", SECRET),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

fn with_keys(keys: &[(&str, &str)]) -> Site {
    let mut site = Site::empty();
    site.set(keys);
    site
}

/// No vault is made for a store that cannot be used.
fn refuses(site: &Site, store: &[&str], code: i32, words: &[&str]) {
    site.try_init(store).fails_saying(code, words);
    assert!(!site.vault().exists(), "something was made");
}

#[test]
fn an_address_that_is_not_fit_is_refused() {
    let site = with_keys(&RIGHT);
    let refuses = |store: &[&str], words: &[&str]| refuses(&site, store, 2, words);
    let address = "http://192.0.2.7:9000";
    refuses(
        &["--s3-endpoint", address],
        &[address, "plain HTTP", "https://"],
    );
    refuses(&["--s3-endpoint", "ftp://127.0.0.1"], &["endpoint"]);
    refuses(&["--s3-endpoint", "somewhere"], &["endpoint"]);
    refuses(&["--s3-endpoint", "https://a:b@c"], &["endpoint"]);
    refuses(
        &["--embedded-store", "--bucket", "../up"],
        &["bucket's name"],
    );
    refuses(
        &["--embedded-store", "--bucket", "Tapes"],
        &["bucket's name"],
    );
    refuses(
        &["--embedded-store", "--region", "eu west"],
        &["region's name"],
    );
    let word = ["--embedded-store", "--attest-region", "eu-west-2"];
    refuses(&word, &["--attested-by"]);
}

#[test]
fn a_store_that_is_out_of_reach_is_unavailable() {
    let site = with_keys(&RIGHT);
    let nobody = format!("http://127.0.0.1:{}", free_port());
    refuses(
        &site,
        &["--s3-endpoint", &nobody],
        5,
        &[&nobody, "cannot be reached"],
    );
    let site = with_keys(&[("AWS_EC2_METADATA_DISABLED", "true")]);
    let words = ["no credentials", "AWS_ACCESS_KEY_ID"];
    refuses(&site, &["--s3-endpoint", &nobody], 1, &words);
}

#[tokio::test]
async fn a_bucket_that_is_absent_or_abroad_is_refused() {
    let Some(moto) = Moto::start() else { return };
    let endpoint = moto.endpoint();
    let at = |rest: &[&'static str]| {
        let mut store = vec!["--s3-endpoint".to_owned(), endpoint.clone()];
        store.extend(rest.iter().map(|&word| word.to_owned()));
        store
    };
    let refuses = |store: &[String], words: &[&str]| {
        let store: Vec<&str> = store.iter().map(String::as_str).collect();
        refuses(&with_keys(&RIGHT), &store, 1, words);
    };
    refuses(&at(&[]), &["there is no bucket tapes", "create it"]);
    moto.make_bucket("abroad", "us-east-1").await;
    let words = ["us-east-1", "nothing was written"];
    refuses(
        &at(&["--bucket", "abroad", "--region", "us-east-1"]),
        &words,
    );
    moto.make_bucket("ireland", "eu-west-1").await;
    refuses(&at(&["--bucket", "ireland"]), &["eu-west-1"]);
    moto.make_bucket("copied", "eu-west-2").await;
    moto.keep_versions("copied").await;
    moto.make_bucket("copy", "eu-west-2").await;
    moto.keep_versions("copy").await;
    moto.replicate("copied", "copy").await;
    refuses(
        &at(&["--bucket", "copied"]),
        &["replicated", "remove the replication"],
    );
}

#[tokio::test]
async fn a_gateway_does_not_start_without_its_store() {
    let Some(moto) = Moto::start() else { return };
    moto.make_bucket(BUCKET, "eu-west-2").await;
    let endpoint = moto.endpoint();
    let mut site = Site::found(&["--s3-endpoint", &endpoint], &RIGHT);
    site.serve();
    site.stop();
    drop(moto);
    let said = site.serve_in_vain(&[]);
    said.fails_saying(5, &[&endpoint, "cannot be reached"]);
}

#[test]
fn keys_that_the_store_does_not_know_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(rclone) = Rclone::start(folder.path(), BUCKET) else {
        return;
    };
    let site = with_keys(&[
        ("AWS_ACCESS_KEY_ID", KEY_ID),
        ("AWS_SECRET_ACCESS_KEY", "another-secret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ]);
    let endpoint = rclone.endpoint();
    let store = [
        "--s3-endpoint",
        endpoint.as_str(),
        "--attest-region",
        "eu-west-2",
    ];
    let store = [&store[..], &["--attested-by", "A. Operator"]].concat();
    let said = site.try_init(&store);
    assert!(!said.stderr.contains("another-secret"));
    said.fails_saying(
        1,
        &[&endpoint, "refused the credentials", "check the access key"],
    );
    assert!(!site.vault().exists());
}

#[test]
fn a_vault_is_made_only_in_an_empty_place() {
    let site = Site::found(EMBEDDED, &[]);
    site.try_init(EMBEDDED)
        .fails_saying(1, &["is not empty", "new folder"]);
}
