//! What goes wrong with an age file or payload.

use std::io;
use std::num::NonZeroU64;

use super::CHUNK_BYTES;
use crate::entropy::EntropyError;
use crate::limits::{AGE_HEADER_MAX, AGE_RECIPIENTS_MAX, AGE_STANZAS_MAX};

/// Why an age file, header or payload cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum AgeError {
    /// No payload is stored in so many bytes.
    #[error(
        "no age payload is {stored} bytes long, so the stored object was cut or added to; restore it from a backup"
    )]
    NotAPayloadLength {
        /// The bytes stored.
        stored: u64,
    },
    /// The payload would have more chunks, or bytes, than can be counted.
    #[error("the payload is longer than any that can be stored; split it")]
    TooLong,
    /// A buffer's memory cannot be had.
    #[error("there is no memory for another part; try again when fewer transfers run")]
    OutOfMemory,
    /// The threads cannot be started.
    #[error("the system started no threads for encryption; lift its limit on threads")]
    Threads(#[source] rayon::ThreadPoolBuildError),
    /// A part that others follow does not consist of whole chunks.
    #[error(
        "a part that others follow must be a positive multiple of {CHUNK_BYTES} bytes, this one is {plain_len}; fill it before sealing it"
    )]
    PartNotWhole {
        /// The plaintext in the part, in bytes.
        plain_len: usize,
    },
    /// The last chunk is empty, and it is not the only one.
    #[error(
        "the last chunk is empty though others come before it; end the payload with the chunk before"
    )]
    EmptyLastChunk,
    /// A chunk does not open.
    #[error(
        "chunk {chunk} does not open: it was changed, moved, cut off from what followed it, or sealed under another key; nothing from it on was given out"
    )]
    ChunkDamaged {
        /// The chunk, counted from 0.
        chunk: u64,
    },
    /// Stored bytes are missing at the end.
    #[error(
        "the stored payload ends too soon: at least {missing} bytes are missing; fetch it again"
    )]
    Truncated {
        /// The least number of bytes that are missing.
        missing: NonZeroU64,
    },
    /// There are stored bytes past the end.
    #[error("the stored payload goes on past its end; the object is not the one that was recorded")]
    Overlong,
    /// An error came before.
    #[error("this payload failed to open before and gives out nothing more; start again")]
    AlreadyFailed,

    /// The file does not begin as an age file does.
    #[error(
        "this is not an age file: it does not begin with `age-encryption.org/v1`; if it is armored, remove the armor first"
    )]
    NotAge,
    /// The file is of another version of the format.
    #[error("this age file is not of version 1, the only one that can be read")]
    UnknownVersion,
    /// The header ends too soon.
    #[error("the age header ends too soon; fetch the file again")]
    HeaderTruncated,
    /// The header is longer than the bound.
    #[error(
        "the age header is longer than {AGE_HEADER_MAX} bytes, the most that is read; encrypt the file to fewer recipients"
    )]
    HeaderTooLong,
    /// The header has more recipient stanzas than the bound.
    #[error(
        "the age header has more than {AGE_STANZAS_MAX} recipient stanzas, the most that are read; encrypt the file to fewer recipients"
    )]
    TooManyStanzas,
    /// The header is not written as the format prescribes.
    #[error("the age header is malformed; fetch the file again, or ask for a new copy")]
    HeaderMalformed,
    /// The header's code does not fit it.
    #[error("the age header was changed after it was written; ask for a new copy")]
    HeaderAltered,
    /// None of the identities opens the file.
    #[error("none of the identities given opens this file; use the one it was encrypted to")]
    NoIdentityFits,
    /// An identity that should open the file failed to.
    #[error("an identity could not open the file: {0}")]
    Identity(#[source] age::DecryptError),

    /// Nobody is named to encrypt to.
    #[error("no recipient was given; name at least one")]
    NoRecipients,
    /// More recipients are named than the bound.
    #[error("{given} recipients were given; {AGE_RECIPIENTS_MAX} are the most for one file")]
    TooManyRecipients {
        /// The recipients given.
        given: usize,
    },
    /// A text is no recipient that is known.
    #[error(
        "recipient {place} is not an age recipient (`age1…`) or an SSH public key (`ssh-ed25519 …`, `ssh-rsa …` of 2048 to 4096 bits); copy it again"
    )]
    NotARecipient {
        /// The recipient, counted from 1.
        place: usize,
    },
    /// A text is a secret key.
    #[error(
        "recipient {place} is a secret key; keep it to yourself and give the public key, which begins with `age1`"
    )]
    SecretAsRecipient {
        /// The recipient, counted from 1.
        place: usize,
    },
    /// A recipient needs a plugin, and none may run here.
    #[error(
        "recipient {place} needs the plugin age-plugin-{plugin}, and plugins are not run here; give a native age or SSH recipient"
    )]
    PluginNotAllowed {
        /// The recipient, counted from 1.
        place: usize,
        /// The plugin's name.
        plugin: String,
    },
    /// A recipient needs a plugin that is not installed.
    #[error(
        "the plugin age-plugin-{plugin} is not installed; install it, or give another recipient"
    )]
    PluginMissing {
        /// The plugin's name.
        plugin: String,
    },
    /// Recipients that may not share a file were given together.
    #[error(
        "these recipients may not be used for the same file (a passphrase goes with nothing else, and post-quantum recipients only with one another); encrypt to them separately"
    )]
    RecipientsDoNotMix,
    /// A recipient could not wrap the file key.
    #[error("the file key could not be encrypted to a recipient: {0}")]
    Recipient(#[source] age::EncryptError),

    /// No random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyError),
    /// The input cannot be read.
    #[error("the input could not be read: {0}")]
    Read(#[source] io::Error),
    /// The output cannot be written.
    #[error("the output could not be written: {0}")]
    Write(#[source] io::Error),
}
