//! The age format: our payloads and headers against the published vectors, the `age` crate, and other people's programs.

mod archive;
mod header;
mod payload;
mod peers;
mod vectors;

use std::io::{Read, Write};
use std::num::NonZeroUsize;

use age::Identity;
use strongroom::agefile::{Recipients, Workers, open_file, seal_file};
use strongroom::entropy::SystemEntropy;

fn workers(threads: usize) -> Workers {
    Workers::new(NonZeroUsize::new(threads).expect("a thread")).expect("threads")
}

/// Bytes that differ from chunk to chunk, so that a chunk in another's place is noticed.
fn recording(length: usize) -> Vec<u8> {
    (0..length)
        .map(|at| (at ^ at >> 8 ^ at >> 16) as u8)
        .collect()
}

fn to(identity: &age::x25519::Identity) -> Recipients {
    Recipients::new(vec![Box::new(identity.to_public())]).expect("one recipient")
}

fn seal_here(plain: &[u8], recipients: &Recipients, workers: &Workers) -> Vec<u8> {
    let mut sealed = Vec::new();
    let length = seal_file(
        &mut &plain[..],
        &mut sealed,
        recipients,
        &SystemEntropy::new(),
        workers,
    )
    .expect("seals");
    assert_eq!(length, plain.len() as u64);
    sealed
}

fn open_here(sealed: &[u8], identity: &dyn Identity, workers: &Workers) -> Vec<u8> {
    let mut opened = Vec::new();
    let length = open_file(&mut &sealed[..], &mut opened, [identity], workers).expect("opens");
    assert_eq!(length, opened.len() as u64);
    opened
}

fn seal_with_crate(plain: &[u8], recipient: &dyn age::Recipient) -> Vec<u8> {
    let encryptor =
        age::Encryptor::with_recipients([recipient].into_iter()).expect("one recipient");
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).expect("a header");
    writer.write_all(plain).expect("writes");
    writer.finish().expect("ends");
    sealed
}

fn open_with_crate(sealed: &[u8], identity: &dyn Identity) -> Vec<u8> {
    let decryptor = age::Decryptor::new_buffered(sealed).expect("a header");
    let mut reader = decryptor.decrypt([identity].into_iter()).expect("a key");
    let mut opened = Vec::new();
    reader.read_to_end(&mut opened).expect("authentic");
    opened
}
