//! Real recordings: a WAV and an MP4 that ffmpeg makes, or a WAV put together by hand.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::cli::{noise, plain};
use crate::support::programs::{on_path, search};

/// Makes a WAV of `seconds` of noise in stereo, which says `mark` in its title.
pub(super) fn wav(path: &Path, seconds: u32, mark: &str) {
    match search("ffmpeg") {
        Some(ffmpeg) => {
            let noise = format!("anoisesrc=r=48000:d={seconds}");
            let made = ["-f", "lavfi", "-i", &noise, "-ac", "2"];
            run(&ffmpeg, &made, mark, path);
        }
        None => std::fs::write(path, wav_by_hand(seconds, mark)).expect("written"),
    }
    let made = std::fs::read(path).expect("made");
    assert!(made.starts_with(b"RIFF") && contains(&made, mark.as_bytes()));
}

/// Makes an MP4 with picture and sound, which says `mark` in its title, if ffmpeg is at hand.
pub(super) fn mp4(path: &Path, seconds: u32, mark: &str) -> bool {
    let Some(ffmpeg) = on_path("ffmpeg") else {
        return false;
    };
    let picture = format!("testsrc2=s=320x240:d={seconds}");
    let sound = format!("sine=d={seconds}");
    let made = ["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound];
    let coded = ["-c:v", "mpeg4", "-c:a", "aac"];
    run(&ffmpeg, &[&made[..], &coded].concat(), mark, path);
    let made = std::fs::read(path).expect("made");
    assert!(contains(&made, b"ftyp") && contains(&made, mark.as_bytes()));
    true
}

/// Whether `needle` is somewhere in `bytes`.
pub(super) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some(first) = needle.first() else {
        return true;
    };
    let mut rest = bytes;
    // A scan for one byte is fast even in a debug build; comparing windows is not.
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        rest = &rest[at..];
        if rest.starts_with(needle) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

fn run(ffmpeg: &Path, arguments: &[&str], mark: &str, path: &Path) {
    let status = Command::new(ffmpeg)
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments)
        .args(["-metadata", &format!("title={mark}"), plain(path)])
        .stdin(Stdio::null())
        .status();
    assert!(status.expect("it starts").success());
}

/// 16-bit stereo at 48 kHz, with a list of one title behind the sound.
fn wav_by_hand(seconds: u32, mark: &str) -> Vec<u8> {
    let rate = 48_000_u32;
    let sound = noise(seconds as usize * rate as usize * 4);
    let chunk = |name: &[u8], body: &[u8]| {
        let length = u32::try_from(body.len()).expect("short");
        let padding = &[0][..body.len() % 2];
        [name, &length.to_le_bytes(), body, padding].concat()
    };
    let format = [
        &1_u16.to_le_bytes()[..],
        &2_u16.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * 4).to_le_bytes(),
        &4_u16.to_le_bytes(),
        &16_u16.to_le_bytes(),
    ]
    .concat();
    let title = [b"INFO".to_vec(), chunk(b"INAM", mark.as_bytes())].concat();
    let body = [
        b"WAVE".to_vec(),
        chunk(b"fmt ", &format),
        chunk(b"data", &sound),
        chunk(b"LIST", &title),
    ];
    chunk(b"RIFF", &body.concat())
}
