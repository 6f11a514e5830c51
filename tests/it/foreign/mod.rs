//! The real program among strangers: clients nobody here wrote, and rude ones.
//!
//! `tuspy` and `tus-js-client` are run when they are found: `STRONGROOM_PYTHON` names a Python that
//! has the one, `NODE_PATH` the folder of the other. `STRONGROOM_REQUIRE_PEERS=1` makes their absence
//! a failure.

mod crowd;
mod house;
mod letters;
mod peers;
mod proxy;
mod rude;
mod sealed;
mod silence;
mod tus_node;
mod tus_python;

use std::path::{Path, PathBuf};

/// A mebibyte.
const MIB: usize = 1 << 20;

/// The longest part of a recording that is stored as one, in bytes of plaintext.
const PART: usize = strongroom::limits::UPLOAD_PART_BYTES as usize / SEALED_CHUNK
    * strongroom::agefile::CHUNK_BYTES;
const SEALED_CHUNK: usize = strongroom::agefile::CHUNK_BYTES + 16;

/// Bytes that repeat nowhere, the same at every call.
fn recording(length: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A file of a recording in `folder`.
fn recorded(folder: &Path, bytes: &[u8]) -> PathBuf {
    let file = folder.join("interview.wav");
    std::fs::write(&file, bytes).expect("written");
    file
}

/// A script that lies beside this file.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/foreign")
        .join(name)
}
