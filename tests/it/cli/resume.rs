//! Interruptions: of the gateway, of the command line, and of the network between them.

use std::path::PathBuf;

use crate::support::cli::{Site, noise};
use crate::support::line::{Line, Mishap, Way};

const MIB: u64 = 1024 * 1024;
const LENGTH: u64 = 60 * MIB;

/// A gateway, a line to it by which the researcher goes, and a long recording.
struct Scene {
    site: Site,
    line: Line,
    session: String,
    file: PathBuf,
    recording: Vec<u8>,
}

impl Scene {
    fn set(mishaps: &[(Way, u64, Mishap)]) -> Self {
        let site = Site::running();
        let study = site.study();
        let (_, session) = site.interview(&study);
        let line = Line::to(site.port(), mishaps);
        site.go_by(&line.url(), "res");
        let recording = noise(usize::try_from(LENGTH).expect("a length"));
        let file = site.file("long.wav", &recording);
        Self {
            site,
            line,
            session,
            file,
            recording,
        }
    }

    /// That the item is the recording, that it was begun once, and that nothing is left over.
    fn is_whole(&self, item: &str) {
        assert!(self.site.fetch("lead", item) == self.recording);
        let items = self.site.run("lead", &["item", "list"]).rows();
        assert_eq!(items.len(), 1);
        let begun = self.site.events();
        let begun = begun.iter().filter(|event| *event == "upload-started");
        assert_eq!(begun.count(), 1);
        let remembered = self.site.home().join("res").join("uploads");
        let remembered = std::fs::read_dir(remembered).expect("listed");
        assert_eq!(remembered.count(), 0);
        assert_eq!(self.line.to_come(), 0);
    }
}

#[test]
fn an_upload_goes_on_when_the_gateway_was_killed() {
    let mut scene = Scene::set(&[(Way::Up, 40 * MIB, Mishap::Hold)]);
    let upload = scene
        .site
        .begin_upload(&scene.file, &scene.session, "audio");
    scene.line.wait_until_held();
    scene.site.kill();
    scene.line.release();
    scene.site.serve();
    let uploaded = upload.finish().json();
    assert!(uploaded["interruptions"].as_u64() > Some(0), "{uploaded}");
    assert_eq!(uploaded["bytes"], LENGTH);
    // At least the first part was in the store, and was not sent again.
    let sent = scene.line.bytes_up();
    assert!(sent < LENGTH + 33 * MIB, "{sent} bytes were sent");
    scene.is_whole(uploaded["id"].as_str().expect("an item"));
}

#[test]
fn an_upload_goes_on_when_the_command_was_killed() {
    let scene = Scene::set(&[(Way::Up, 30 * MIB, Mishap::Hold)]);
    let upload = scene
        .site
        .begin_upload(&scene.file, &scene.session, "audio");
    scene.line.wait_until_held();
    upload.kill();
    scene.line.release();
    let before = scene.line.bytes_up();
    let item = scene.site.upload(&scene.file, &scene.session, "audio");
    let sent = scene.line.bytes_up() - before;
    assert!(sent < LENGTH - 20 * MIB, "{sent} bytes were sent again");
    scene.is_whole(&item);
}

#[test]
fn an_upload_goes_on_when_the_connection_breaks() {
    let cuts = [3, 20, 41].map(|after| (Way::Up, after * MIB, Mishap::Cut));
    let scene = Scene::set(&cuts);
    let upload = scene.site.try_upload(&scene.file, &scene.session, "audio");
    let uploaded = upload.json();
    assert!(uploaded["interruptions"].as_u64() >= Some(3), "{uploaded}");
    // What had arrived before each break was not sent again; what lay in the buffers of two
    // connections was. All of it again would be 64 MiB more.
    let sent = scene.line.bytes_up();
    assert!(sent < LENGTH + 16 * MIB, "{sent} bytes were sent");
    scene.is_whole(uploaded["id"].as_str().expect("an item"));
}

#[test]
fn a_download_goes_on_when_the_connection_breaks_and_the_gateway_is_killed() {
    let mut scene = Scene::set(&[
        (Way::Down, 10 * MIB, Mishap::Cut),
        (Way::Down, 30 * MIB, Mishap::Hold),
        (Way::Down, 45 * MIB, Mishap::Cut),
    ]);
    let item = scene.site.upload(&scene.file, &scene.session, "audio");
    let to = ["fetch", &item, "-o", "fetched.wav"];
    let fetch = scene.site.begin("res", &to);
    scene.line.wait_until_held();
    assert!(!scene.site.path("fetched.wav").exists());
    scene.site.kill();
    scene.line.release();
    scene.site.serve();
    let fetched = fetch.finish().json();
    assert!(fetched["interruptions"].as_u64() >= Some(3), "{fetched}");
    let arrived = std::fs::read(scene.site.path("fetched.wav")).expect("fetched");
    assert!(arrived == scene.recording);
    scene.is_whole(&item);
}
