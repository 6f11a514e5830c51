//! Sealing and opening a payload, beside the `age` crate in the same run.

use std::io::{Read, Write};
use std::num::NonZeroUsize;

use age::Identity;
use bytes::{Buf, Bytes};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use strongroom::agefile::{
    ChunkBuffer, ChunkSpan, FileKey, Last, NONCE_BYTES, Opener, PayloadKey, Workers,
};

/// Plaintext in a part: 16 MiB.
const PLAIN_BYTES: usize = 16 << 20;
/// Stored bytes arrive in pieces as long as a network reader's.
const PIECE_BYTES: usize = 256 << 10;

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
        ("here, one thread", Workers::one()),
        ("here, two threads", Workers::new(two).expect("threads")),
    ]
}

fn seal(criterion: &mut Criterion) {
    let (plain, key) = (vec![0x5A; PLAIN_BYTES], key());
    let recipient = age::x25519::Identity::generate().to_public();
    let mut group = criterion.benchmark_group("seal");
    group
        .throughput(Throughput::Bytes(PLAIN_BYTES as u64))
        .sample_size(30);
    group.bench_function("age crate", |b| {
        b.iter(|| seal_with_crate(&plain, &recipient))
    });
    for (name, workers) in workers() {
        group.bench_function(name, |b| b.iter(|| seal_here(&plain, &key, &workers)));
        group.bench_function(format!("{name}, filled before"), |b| {
            b.iter_batched(
                || filled(&plain),
                |buffer| buffer.seal(&key, Last::Yes, &workers).expect("seals"),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

fn open(criterion: &mut Criterion) {
    let plain = vec![0x5A; PLAIN_BYTES];
    let stored = seal_here(&plain, &key(), &Workers::one());
    let identity = age::x25519::Identity::generate();
    let theirs = seal_with_crate(&plain, &identity.to_public());
    let mut group = criterion.benchmark_group("open");
    group
        .throughput(Throughput::Bytes(PLAIN_BYTES as u64))
        .sample_size(30);
    group.bench_function("age crate", |b| {
        b.iter(|| open_with_crate(&theirs, &identity))
    });
    for (name, workers) in workers() {
        group.bench_function(name, |b| b.iter(|| open_here(&stored, &workers)));
    }
    group.finish();
}

criterion_group!(benches, seal, open);
criterion_main!(benches);
