//! The age v1 format (<https://c2sp.org/age>): payloads of our own, headers through the `age` crate.
//!
//! A stored object is a *payload*: a 16-byte nonce, then the plaintext in chunks of 64 KiB, each
//! sealed with ChaCha20-Poly1305 under a key that the nonce and a 16-byte *file key* give. The
//! header, which wraps the file key to recipients, is kept apart: whoever is given a payload gets
//! a fresh header in front of it, and no byte of it is encrypted again.
//!
//! Payloads are sealed and opened here, on ring and in parallel, because every recording passes
//! through; ranges are opened chunk by chunk with the length pinned by the caller.
//!
//! ```
//! use strongroom::agefile::{Recipients, Workers, open_file, seal_file};
//! use strongroom::entropy::SystemEntropy;
//!
//! let identity = age::x25519::Identity::generate();
//! let recipients = Recipients::new(vec![Box::new(identity.to_public())])?;
//! let (workers, mut sealed, mut opened) = (Workers::one(), Vec::new(), Vec::new());
//! seal_file(&mut &b"hello"[..], &mut sealed, &recipients, &SystemEntropy::new(), &workers)?;
//! open_file(&mut &sealed[..], &mut opened, [&identity as &dyn age::Identity], &workers)?;
//! assert_eq!(opened, b"hello");
//! # Ok::<(), strongroom::agefile::AgeError>(())
//! ```

mod buffers;
mod error;
mod file;
mod header;
mod key;
mod length;
mod open;
mod recipients;
mod seal;
mod sealer;
mod span;
mod workers;

pub use age_core::format::FileKey;

pub use buffers::PartBuffers;
pub use error::AgeError;
pub use file::{open_file, seal_file};
pub use header::{open_header, write_header};
pub use key::{Last, PayloadKey, new_file_key};
pub use length::{
    CHUNK_BYTES, NONCE_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES, chunk_count, plain_length,
    sealed_length,
};
pub use open::{Opener, open_chunks};
pub use recipients::{BoxedRecipient, Plugins, Recipients};
pub use seal::{ChunkBuffer, SealedPart};
pub use sealer::Sealer;
pub use span::ChunkSpan;
pub use workers::Workers;
