//! Every bound in one place, with its unit and the reason for its value.

use std::time::Duration;

/// Kibibyte, in bytes.
pub const KIB: u64 = 1024;
/// Mebibyte, in bytes.
pub const MIB: u64 = 1024 * KIB;
/// Gibibyte, in bytes.
pub const GIB: u64 = 1024 * MIB;
/// Tebibyte, in bytes.
pub const TIB: u64 = 1024 * GIB;

/// Longest age header handed to a parser, in bytes: a 204 KB header was seen to cost 53 s.
pub const AGE_HEADER_MAX: usize = 64 * 1024;

/// Most recipient stanzas in an age header handed to a parser: each may cost every identity a
/// public-key operation.
pub const AGE_STANZAS_MAX: usize = 64;

/// Most recipients written into one age header.
pub const AGE_RECIPIENTS_MAX: usize = 20;

/// Longest identity read to unlock a vault, in bytes: the longest RSA key in a passphrase's armour.
pub const IDENTITY_BYTES_MAX: usize = 32 * 1024;

/// Highest scrypt work factor of an identity's passphrase, as the logarithm of N: 1 GiB of memory.
pub const SCRYPT_WORK_MAX: u8 = 20;

/// Longest record in the journal, in bytes, sealed and public part together.
pub const JOURNAL_RECORD_MAX: usize = 16 * 1024 * 1024;

/// Length at which a journal segment is closed and the next begun, in bytes.
pub const JOURNAL_SEGMENT_BYTES: u64 = 64 * MIB;

/// Memory sled may use for its page cache, in bytes (its own default is 1 GiB).
pub const INDEX_CACHE_BYTES: u64 = 16 * MIB;

/// Smallest part of a multipart upload, in bytes of stored ciphertext, that S3 accepts (the last may be smaller).
pub const PART_BYTES_MIN: u64 = 5 * MIB;

/// Most parts in one multipart upload (S3).
pub const PARTS_MAX: u64 = 10_000;

/// Longest object S3 stores, in bytes.
pub const OBJECT_BYTES_MAX: u64 = 5 * TIB;

/// Parts of one upload on their way to the store at once.
pub const PARTS_IN_FLIGHT: usize = 2;

/// Memory all uploads together may hold in part buffers, in bytes.
pub const UPLOAD_BUFFERS_BYTES: u64 = 64 * MIB;

/// How long an unfinished upload is kept before it expires.
pub const UPLOAD_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// How often a running transfer asks again whether it is still permitted.
pub const TRANSFER_RECHECK: Duration = Duration::from_secs(1);

/// Life of an access token.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// Life of an enrolment code.
pub const ENROLMENT_CODE_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// Longest name, title or other short text accepted, in bytes.
pub const TEXT_BYTES_MAX: usize = 500;

/// Longest JSON request body accepted, in bytes.
pub const REQUEST_BODY_MAX: usize = 1024 * 1024;

/// Most participants in one session.
pub const SESSION_PARTICIPANTS_MAX: usize = 50;
