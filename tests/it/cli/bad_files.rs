//! Files that cannot be brought: empty, unreadable, changing, or named to deceive.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, mkfifoat};

use crate::support::cli::{Site, noise, text};
use crate::support::line::{Line, Mishap, Way};
use crate::support::programs::files;

/// A gateway with a session to bring files to.
fn site() -> (Site, String) {
    let site = Site::running();
    let study = site.study();
    let (_, session) = site.interview(&study);
    (site, session)
}

#[test]
fn what_is_no_file_with_bytes_is_not_brought() {
    let (site, session) = site();
    let refused = |file: &Path, words: &[&str]| {
        let said = site.try_upload(file, &session, "notes");
        said.fails_saying(1, words);
    };
    refused(
        &site.file("empty.wav", b""),
        &["empty.wav is empty", "nothing was uploaded"],
    );
    refused(
        Path::new("nowhere.wav"),
        &["cannot read nowhere.wav", "check the path"],
    );
    refused(&site.home(), &["is not a file", "one by one"]);
    refused(Path::new("/dev/zero"), &["is not a file"]);
    // Its length is told as nothing, and reading it fails.
    refused(Path::new("/proc/self/mem"), &["/proc/self/mem"]);
    let pipe = site.path("pipe");
    mkfifoat(CWD, &pipe, Mode::RUSR | Mode::WUSR).expect("made");
    refused(&pipe, &["is not a file"]);

    // One that is refused keeps the others from nothing.
    for (name, bytes) in [
        ("good.txt", &b"good"[..]),
        ("empty.txt", b""),
        ("fine.txt", b"fine"),
    ] {
        site.file(name, bytes);
    }
    let to = ["--session", &session, "--kind", "notes"];
    let all = [&["upload", "good.txt", "empty.txt", "fine.txt"], &to[..]].concat();
    let said = site.run("res", &all);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("empty.txt is empty"), "{said:?}");
    assert_eq!(
        said.stdout.split(|byte| *byte == b'\n').count(),
        3,
        "{said:?}"
    );
    assert_eq!(site.run("res", &["item", "list"]).rows().len(), 2);
    // With the empty one mended, the same command brings what is missing and no more; a file that is
    // named twice is one item.
    site.file("empty.txt", b"no more");
    let all = [&all[..], &["good.txt"]].concat();
    assert_eq!(site.run("res", &all).code, Some(0));
    assert_eq!(site.run("res", &["item", "list"]).rows().len(), 3);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_given_up() {
    let (site, session) = site();
    let mib = 1024 * 1024;
    let line = Line::to(site.port(), &[(Way::Up, 12 * mib, Mishap::Hold)]);
    site.go_by(&line.url(), "res");
    let file = site.file("still-recording.wav", &noise(24 * 1024 * 1024));
    let upload = site.begin_upload(&file, &session, "audio");
    line.wait_until_held();
    let mut recorder = OpenOptions::new().append(true).open(&file).expect("opened");
    recorder.write_all(b"and more").expect("written");
    line.release();
    let said = upload.finish();
    said.fails_saying(
        1,
        &[
            "changed while it was uploaded",
            "given up",
            "upload it again",
        ],
    );
    assert!(site.run("res", &["item", "list"]).rows().is_empty());
    let left = files(&site.vault().join("store").join("tapes"));
    assert!(left.is_empty(), "{left:?}");
    let left = files(&site.vault().join("store").join(".uploads"));
    assert!(left.is_empty(), "{left:?}");

    // When nothing writes to it any more, it is brought whole.
    let item = site.upload(&file, &session, "audio");
    assert!(site.fetch("res", &item) == std::fs::read(&file).expect("read"));
}

#[test]
fn a_file_that_was_cut_short_meanwhile_is_given_up() {
    let (site, session) = site();
    let line = Line::to(site.port(), &[(Way::Up, 2 * 1024 * 1024, Mishap::Hold)]);
    site.go_by(&line.url(), "res");
    let file = site.file("cut.wav", &noise(20 * 1024 * 1024));
    let upload = site.begin_upload(&file, &session, "audio");
    line.wait_until_held();
    let cut = OpenOptions::new().write(true).open(&file).expect("opened");
    cut.set_len(5 * 1024 * 1024).expect("cut");
    line.release();
    upload
        .finish()
        .fails_saying(1, &["changed while it was uploaded"]);
    assert!(site.run("res", &["item", "list"]).rows().is_empty());
}

/// A name is kept for the team to see, or refused; it becomes no path and no header.
#[test]
fn a_files_name_reaches_no_path_and_no_header() {
    let (site, session) = site();
    let folder = site.path("names");
    std::fs::create_dir(&folder).expect("made");
    let kept = [
        "..%2f..%2fetc%2fpasswd",
        "..\u{2215}..\u{2215}etc\u{2215}passwd",
        "--force",
        "a\"b;filename=c.exe",
        "Siân’s interview, 1 of 2.wav",
        "C: CON.wav",
        "{{7*7}}${HOME}`id`.wav",
    ];
    for name in kept {
        let item = bring(&site, &folder, name, &session).id();
        let shown = site.run("res", &["item", "show", &item]).json();
        assert_eq!(text(&shown, "file_name"), name);
    }
    let refused = [
        "a\r\nSet-Cookie: b.wav",
        "a\u{1b}[31mred.wav",
        "a\u{202e}vaw.exe",
        "\u{200e}audio.m4a",
        " ",
    ];
    for name in refused {
        let said = bring(&site, &folder, name, &session);
        said.fails_saying(1, &["the file's name cannot be kept", "rename"]);
    }
    // Not text at all: it is shown as far as it can be.
    let odd = folder.join(std::ffi::OsStr::from_bytes(b"odd\xff.wav"));
    std::fs::write(&odd, b"odd").expect("written");
    let mut command = site.command("res");
    command.arg("upload").arg(&odd);
    let said = command.args(["--session", &session, "--kind", "audio"]);
    let said = said.output().expect("it runs");
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );

    // Nothing lies anywhere under such a name, and a fetch names its file after the item.
    let items = site.run("res", &["item", "list"]).rows();
    assert_eq!(items.len(), kept.len() + 1);
    for item in &items {
        let id = text(item, "id");
        site.run("res", &["fetch", &id]).json();
        assert!(site.path(&id).exists());
        std::fs::remove_file(site.path(&id)).expect("removed");
    }
    let everything = [files(&site.vault()), files(&site.home())].concat();
    for path in everything {
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        assert!(name.is_ascii() && !name.contains(['%', ' ', '"']), "{name}");
    }
    let log = site.log();
    assert!(!log.contains("passwd") && !log.contains("Set-Cookie"));
}

fn bring(site: &Site, folder: &Path, name: &str, session: &str) -> crate::support::cli::Said {
    let file: PathBuf = folder.join(name);
    std::fs::write(&file, name).expect("written");
    site.try_upload(&file, session, "audio")
}
