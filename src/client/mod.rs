//! The client: the gateway's API from the other side, with transfers that go on by themselves.

mod api;
mod connect;
mod download;
mod error;
mod readdress;
mod retention;
mod source;
mod terms;
mod upload;

pub use connect::{BearerSecret, Client, GatewayUrl};
pub use download::{Fetched, Target};
pub use error::{ClientError, advice};
pub use source::{Fingerprint, Source};
pub use upload::{Resumption, Uploaded};

/// Told of every step of a transfer: the bytes done so far, and the bytes in all.
pub trait Watcher: Send + Sync {
    /// `done` of `total` bytes are through.
    fn moved(&self, done: u64, total: u64);

    /// The transfer was interrupted and is about to go on.
    fn interrupted(&self, reason: &ClientError);
}

/// A watcher that looks away.
#[derive(Debug, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {
    fn moved(&self, _done: u64, _total: u64) {}
    fn interrupted(&self, _reason: &ClientError) {}
}
