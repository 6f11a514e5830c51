//! Sealing and opening a payload, beside the `age` crate, turn by turn.
//!
//! The promise: on one thread, sealing is at least 1.6 times as fast as the `age` crate.
//!
//! `cargo bench --bench agefile -- [ROUNDS]`

#![allow(clippy::print_stdout, reason = "a measurement is printed")]

mod rounds;

use std::io::{Read, Write};
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use age::Identity;
use bytes::{Buf, Bytes};
use rounds::{Contender, alternate, report};
use strongroom::agefile::{
    ChunkBuffer, ChunkSpan, FileKey, Last, NONCE_BYTES, Opener, PayloadKey, Workers,
};

/// Plaintext in a part, about as much as an upload sends at once: 8 MiB.
const PLAIN_BYTES: usize = 8 << 20;
/// Stored bytes arrive in pieces as long as a network reader's.
const PIECE_BYTES: usize = 256 << 10;
const ROUNDS: usize = 400;

fn key() -> PayloadKey {
    PayloadKey::derive(&FileKey::init_with_mut(|key| key.fill(7)), [7; NONCE_BYTES])
}

fn filled(plain: &[u8]) -> ChunkBuffer {
    let chunks = NonZeroUsize::new(plain.len() / (64 << 10)).expect("chunks");
    let mut buffer = ChunkBuffer::new(chunks, 0).expect("room");
    buffer.fill(plain);
    buffer
}

/// From plaintext to a part ready to be sent, filling included.
fn seal_here(plain: &[u8], key: &PayloadKey, workers: &Workers) -> Bytes {
    filled(plain)
        .seal(key, Last::Yes, workers)
        .expect("seals")
        .bytes
}

/// The sealing alone: as the gateway does it while the next part is being filled.
fn seal_filled(plain: &[u8], key: &PayloadKey, workers: &Workers) -> Duration {
    let buffer = filled(plain);
    let begun = Instant::now();
    let sealed = buffer.seal(key, Last::Yes, workers).expect("seals");
    let took = begun.elapsed();
    drop(sealed);
    took
}

fn open_here(stored: &Bytes, workers: &Workers) -> usize {
    let span = ChunkSpan::whole(PLAIN_BYTES as u64).expect("a payload");
    let mut opener = Opener::new(key(), &span, workers.clone());
    let mut arriving = stored.slice(NONCE_BYTES..);
    let mut opened = 0;
    while arriving.has_remaining() {
        let mut piece = arriving.split_to(arriving.len().min(PIECE_BYTES));
        while piece.has_remaining() {
            opened += opener.push(&mut piece).expect("authentic").len();
        }
    }
    opener.finish().expect("whole");
    opened
}

fn seal_with_crate(plain: &[u8], recipient: &dyn age::Recipient) -> Vec<u8> {
    let encryptor = age::Encryptor::with_recipients([recipient].into_iter()).expect("a recipient");
    let mut writer = encryptor
        .wrap_output(Vec::with_capacity(plain.len() + (64 << 10)))
        .expect("a header");
    writer.write_all(plain).expect("seals");
    writer.finish().expect("ends")
}

fn open_with_crate(sealed: &[u8], identity: &dyn Identity) -> usize {
    let decryptor = age::Decryptor::new_buffered(sealed).expect("a header");
    let mut reader = decryptor.decrypt([identity].into_iter()).expect("a key");
    let mut piece = vec![0; PIECE_BYTES];
    let mut opened = 0;
    loop {
        match reader.read(&mut piece).expect("authentic") {
            0 => return opened,
            read => opened += read,
        }
    }
}

fn workers() -> [(&'static str, Workers); 2] {
    let two = NonZeroUsize::MIN.saturating_add(1);
    [
        ("one thread", Workers::one()),
        ("two threads", Workers::new(two).expect("threads")),
    ]
}

fn rate(median: Duration) -> String {
    let rate = PLAIN_BYTES as f64 / median.as_secs_f64() / 1e6;
    format!("{rate:.0} MB/s")
}

fn main() {
    let wanted = std::env::args().skip(1).find_map(|arg| arg.parse().ok());
    let rounds = wanted.unwrap_or(ROUNDS);
    let (plain, key) = (&vec![0x5A; PLAIN_BYTES][..], &key());
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public();

    let mut contenders = vec![Contender::new("the age crate", || {
        seal_with_crate(plain, &recipient)
    })];
    for (name, workers) in workers() {
        let again = workers.clone();
        contenders.push(Contender::new(format!("here, {name}"), move || {
            seal_here(plain, key, &workers)
        }));
        contenders.push(Contender::timed(
            format!("here, {name}, filled before"),
            move || seal_filled(plain, key, &again),
        ));
    }
    alternate(rounds, &mut contenders);
    report("seal", &contenders, rate);

    let stored = &seal_here(plain, key, &Workers::one());
    let theirs = seal_with_crate(plain, &recipient);
    let mut contenders = vec![Contender::new("the age crate", || {
        open_with_crate(&theirs, &identity)
    })];
    for (name, workers) in workers() {
        contenders.push(Contender::new(format!("here, {name}"), move || {
            open_here(stored, &workers)
        }));
    }
    alternate(rounds, &mut contenders);
    report("open", &contenders, rate);
}
