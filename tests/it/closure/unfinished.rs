//! An upload that is not finished when its participant withdraws: its parts go too.

use std::path::PathBuf;

use super::programs::Attack;
use crate::support::cli::{Site, wait_until};
use crate::support::folders::copy_all;
use crate::support::line::{Line, Mishap, Way};
use crate::support::programs::files;

const MIB: usize = 1024 * 1024;
const SAID: &str = "she had not finished speaking";

#[test]
fn the_parts_of_an_upload_that_was_broken_off_open_no_more() {
    let site = Site::running();
    let study = site.study();
    let (her, session) = site.interview(&study);
    let held = [(Way::Up, 30 * MIB as u64, Mishap::Hold)];
    let line = Line::to(site.port(), &held);
    site.go_by(&line.url(), "res");
    // Nothing that looks like a key, so that the attacker has little to try.
    let recording = [SAID.as_bytes(), &vec![0; 40 * MIB]].concat();
    let file = site.file("unfinished.wav", &recording);
    let upload = site.begin_upload(&file, &session, "audio");
    line.wait_until_held();
    // What the gateway has of it is on its way to the bucket.
    wait_until("a part is stored", || {
        let files = files(&site.vault().join("store"));
        let part = |path: &&PathBuf| path.ends_with(".part-1");
        files.iter().find(part).cloned()
    });
    let before = site.path("images/before");
    copy_all(&site.vault(), &before);
    upload.kill();
    std::fs::remove_file(file).expect("removed");

    let attack = |attack: Attack| attack.now(&site.home()).canary("hers", SAID);
    let found = attack(Attack::quick())
        .now(&before)
        .run("an upload is under way");
    assert!(found.reached().contains("hers"), "{found:?}");

    let erasure = site.withdraw(&her);
    let approved = site.run("ig", &["erasure", "approve", &erasure]).json();
    assert_eq!(approved["stage"], "certified");
    let after = || attack(Attack::quick()).earlier(&before).now(&site.vault());
    let found = after().run("the upload was broken off by an erasure");
    assert!(found.reached().is_empty(), "{found:?}");
    assert!(found.unopened().is_empty(), "{found:?}");
    let found = after().old_root(&before.join("root.slot"));
    let found = found.run("with the old root");
    assert!(found.reached().contains("hers"), "{found:?}");
}
