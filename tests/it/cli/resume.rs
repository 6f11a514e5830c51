//! Interruptions: of the gateway, of the command line, and of the network between them.

use std::path::PathBuf;

use crate::support::cli::{Site, noise, plain};
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
        self.is_all_there_is(1);
    }

    /// That there are so many items and no more were begun, and nothing is left over.
    fn is_all_there_is(&self, count: usize) {
        let items = self.site.run("lead", &["item", "list"]).rows();
        assert_eq!(items.len(), count);
        let begun = self.site.events();
        let begun = begun.iter().filter(|event| *event == "upload-started");
        assert_eq!(begun.count(), count);
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

/// A short file is sent in one request: whether it arrived is not known when the answer is lost.
#[test]
fn a_short_file_whose_answer_was_lost_is_kept_once() {
    let scene = Scene::set(&[(Way::Down, 1, Mishap::Cut)]);
    let notes = scene.site.file("notes.txt", &scene.recording[..100_000]);
    let uploaded = scene.site.try_upload(&notes, &scene.session, "notes");
    let uploaded = uploaded.json();
    assert_eq!(uploaded["interruptions"], 1, "{uploaded}");
    let item = uploaded["id"].as_str().expect("an item");
    assert!(scene.site.fetch("lead", item) == scene.recording[..100_000]);
    scene.is_all_there_is(1);
}

#[test]
fn files_that_were_through_when_the_command_was_killed_are_kept_once() {
    let scene = Scene::set(&[(Way::Down, 1500, Mishap::Hold)]);
    // Many more than are on their way at once: when the line is held, some have not been sent.
    let files: Vec<PathBuf> = (0..40)
        .map(|number| {
            let notes = &scene.recording[number * 1000..][..900];
            scene.site.file(&format!("note-{number}.txt"), notes)
        })
        .collect();
    let mut all = vec!["upload", "--session", &scene.session, "--kind", "notes"];
    all.extend(files.iter().map(|file| plain(file)));
    let upload = scene.site.begin("res", &all);
    scene.line.wait_until_held();
    upload.kill();
    scene.line.release();
    let kept = scene.site.run("lead", &["item", "list"]).rows().len();
    assert!(kept > 0 && kept < files.len(), "{kept} files were through");
    let uploaded = scene.site.run("res", &all).stdout;
    let uploaded = uploaded.split(|byte| *byte == b'\n');
    assert_eq!(
        uploaded.filter(|line| !line.is_empty()).count(),
        files.len()
    );
    scene.is_all_there_is(files.len());
    // A file brought on purpose once more is another item.
    scene.site.upload(&files[0], &scene.session, "notes");
    scene.is_all_there_is(files.len() + 1);
}
