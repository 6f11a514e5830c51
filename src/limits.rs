//! Every bound in one place, with its unit and the reason for its value.

use std::num::NonZeroUsize;
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

/// Scrypt work factor of a passphrase that a file is sealed under here, as the logarithm of N: 128 MiB
/// of memory a try.
pub const SCRYPT_WORK: u8 = 17;

/// Longest record in the journal, in bytes, sealed and public part together.
pub const JOURNAL_RECORD_MAX: usize = 16 * 1024 * 1024;

/// Length at which a journal segment is closed and the next begun, in bytes.
pub const JOURNAL_SEGMENT_BYTES: u64 = 64 * MIB;

/// How often the journal is copied to the bucket unless `serve --copy-every` says otherwise: what was
/// acknowledged longer ago than this, and the time a request takes, outlives the machine.
pub const COPY_EVERY: Duration = Duration::from_secs(5);

/// Lag of the bucket's copy of the journal from which on it is complained of.
pub const COPY_LAG_MAX: Duration = Duration::from_secs(30);

/// Longest piece of the journal in the bucket, in bytes, unless one record is longer.
pub const COPY_PIECE_BYTES: u64 = 8 * MIB;

/// Small pieces of the journal in the bucket that are put together into one.
pub const COPY_PIECES_MERGED: usize = 32;

/// Longest object of a copy that is read into memory, in bytes: two pieces, and a record.
pub const COPY_OBJECT_MAX: u64 = 2 * COPY_PIECE_BYTES + 16 * MIB + MIB;

/// How long an erasure waits at a time for its record to be in the bucket before the old root goes.
pub const ERASURE_COPY_WAIT: Duration = Duration::from_secs(20);

/// How long after its approval an erasure waits for that no longer: the law's "without undue delay" is
/// counted in weeks, and a store may be away for an hour.
pub const ERASURE_COPY_PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Memory sled may use for its page cache, in bytes (its own default is 1 GiB).
pub const INDEX_CACHE_BYTES: u64 = 64 * MIB;

/// Matters that the policies' answers to are remembered of, at some 400 bytes each.
pub const ANSWERS_MAX: usize = 4096;

/// Rows gathered in memory while the index is rebuilt, in bytes; what is more waits in files, sealed.
pub const INDEX_GATHER_BYTES: usize = 64 * 1024 * 1024;

/// Rows of a rebuilt index that are sealed as one, in bytes: sled takes nearly as long over one row, and
/// reading one opens all of them.
pub const INDEX_PACK_BYTES: usize = 1024;

/// Rows that wait to be written to the index together while the program runs: those of some dozen
/// records. A crash leaves them to be read from the journal again.
pub const INDEX_WAITING_ROWS: usize = 128;

/// Most rows written to the index all or nothing; more are written in order, and a crash among them means a rebuild.
pub const INDEX_BATCH_ROWS: usize = 1024;

/// Rows of the index that are verified together, some milliseconds' work: whoever first asks for one of them
/// after a start waits for it.
pub const INDEX_SECTION_ROWS: u64 = 2048;

/// A journal of no more records, and an index of no more rows, is verified whole before anything is answered,
/// which takes less than a second. More of them are verified when they are needed, and the rest meanwhile.
pub const VERIFIED_FIRST: u64 = 250_000;

/// Records applied since the index was opened, after which closing it has sled note where everything lies:
/// otherwise the next start would look for it.
pub const INDEX_SETTLED_RECORDS: u64 = 20_000;

/// Smallest part of a multipart upload, in bytes of stored ciphertext, that S3 accepts (the last may be smaller).
pub const PART_BYTES_MIN: u64 = 5 * MIB;

/// Usual length of a part, in bytes of stored ciphertext; it grows for uploads that would need too many.
pub const UPLOAD_PART_BYTES: u64 = 6 * MIB;

/// Longest body of an upload request that comes with a checksum, in bytes: it is held until it fits.
pub const CHECKED_BODY_MAX: usize = 16 * 1024 * 1024;

/// Most parts in one multipart upload (S3).
pub const PARTS_MAX: u64 = 10_000;

/// Longest object S3 stores, in bytes.
pub const OBJECT_BYTES_MAX: u64 = 5 * TIB;

/// Parts of one upload on their way to the store at once.
pub const PARTS_IN_FLIGHT: usize = 2;

/// Memory all uploads together may hold in part buffers, in bytes.
pub const UPLOAD_BUFFERS_BYTES: u64 = 64 * MIB;

/// How long nobody may have asked for an upload before its memory is given to one that needs it; it
/// then goes on from its last durable part. Between two pieces a client takes a fraction of that.
pub const UPLOAD_IDLE: Duration = Duration::from_secs(5);

/// How long an unfinished upload is kept before it expires.
pub const UPLOAD_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// Uploads that one person may have begun and not finished: none of them costs anything but its rows,
/// and more are a mistake.
pub const UNFINISHED_UPLOADS_MAX: u64 = 200;

/// How often a running transfer asks again whether it is still permitted.
pub const TRANSFER_RECHECK: Duration = Duration::from_secs(1);

/// Life of an access token.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// How long a challenge may be answered.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(120);

/// Most challenges open at once; the oldest is forgotten for a new one.
pub const CHALLENGES_MAX: usize = 10_000;

/// Life of an enrolment code.
pub const ENROLMENT_CODE_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// Longest name, title or other short text accepted, in bytes.
pub const TEXT_BYTES_MAX: usize = 500;

/// Longest JSON request body accepted, in bytes.
pub const REQUEST_BODY_MAX: usize = 1024 * 1024;

/// Most participants in one session.
pub const SESSION_PARTICIPANTS_MAX: usize = 50;

/// Days for which the answer to a rights request can be fetched, unless fewer or more are asked for.
pub const BUNDLE_DAYS: i32 = 30;

/// Most days for which the answer to a rights request, or what is disclosed, can be fetched.
pub const BUNDLE_DAYS_MAX: i32 = 90;

/// Rows of the record of use in one file of an answer, at least.
pub const BUNDLE_USE_ROWS: usize = 1000;

/// Journal records looked through at a time for the record of use: what is held in memory, and how
/// long an erasure that breaks the answer off goes unnoticed.
pub const BUNDLE_USE_RECORDS: u64 = 8192;

/// Most items in one disclosure: only what is needed.
pub const DISCLOSURE_ITEMS_MAX: usize = 100;

/// Most rows in one page of a list.
pub const PAGE_ROWS_MAX: usize = 1000;

/// Longest `Upload-Metadata` header accepted, in bytes.
pub const UPLOAD_METADATA_BYTES_MAX: usize = 4096;

/// Uploads and downloads under way at once, everybody's together: each holds a few chunks in memory.
pub const TRANSFERS_MAX: usize = 128;

/// Chunks a download opens at a time. A reader who stands still keeps that much in memory, so it does
/// not grow with the machine's threads.
pub const DOWNLOAD_BATCH_CHUNKS: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// Length of a range of an item that is read ahead, in bytes of plaintext: long enough that asking for
/// it costs little beside reading it.
pub const READ_AHEAD_BYTES: u64 = 8 * MIB;

/// How long a download is watched before ranges of it are read ahead.
pub const READ_AHEAD_AFTER: Duration = Duration::from_millis(200);

/// Ranges of one item read at once, when one does not come fast enough.
pub const READ_AHEAD_RANGES: usize = 4;

/// Ranges that all downloads together may read ahead: each is held in memory until its turn comes.
pub const READ_AHEAD_RANGES_ALL: usize = 8;

/// Uploads and downloads under way at once with one token, so that nobody takes up all of them.
pub const TRANSFERS_PER_TOKEN_MAX: usize = 16;

/// Connections held at once, if the system lets the process have that many files.
pub const CONNECTIONS_MAX: usize = 4096;

/// Files the process keeps for itself, out of those the system lets it have: journal, index, slots,
/// and connections to the store.
pub const FILES_RESERVED: usize = 256;

/// Memory one connection may use for what it has read or is about to write, in bytes; a request's
/// headers have to fit.
pub const CONNECTION_BUFFER_BYTES: usize = 64 * 1024;

/// Most headers in one request.
pub const REQUEST_HEADERS_MAX: usize = 64;

/// How long a request's headers may take, and how long a connection may lie idle.
pub const REQUEST_HEADERS_TIME: Duration = Duration::from_secs(30);

/// How long a JSON request body may take.
pub const REQUEST_BODY_TIME: Duration = Duration::from_secs(30);

/// How long a transfer may stand still, with its peer neither sending nor taking anything.
pub const TRANSFER_STALL: Duration = Duration::from_secs(60);

/// How long a connection that is being closed takes, and drops, what its peer is still sending.
pub const LINGER_TIME: Duration = Duration::from_secs(5);

/// How much of that it takes, in bytes: what is on its way while a refusal travels the other way,
/// on a fast line to somebody far away. No more is taken of a body that comes again and is not needed.
pub const LINGER_BYTES: usize = 16 * 1024 * 1024;

/// How long requests under way are waited for when the gateway is told to stop.
pub const SHUTDOWN_TIME: Duration = Duration::from_secs(20);

/// Tokens or codes that do not work, accepted at once from one address before it has to wait.
pub const STRANGERS_AT_ONCE: u32 = 20;

/// Tokens or codes that do not work, accepted from one address in the long run, a second.
pub const STRANGERS_PER_SECOND: f64 = 0.5;

/// Requests accepted at once with one token before it has to wait.
pub const REQUESTS_AT_ONCE: u32 = 4000;

/// Requests accepted with one token in the long run, a second.
pub const REQUESTS_PER_SECOND: f64 = 2000.0;

/// Addresses or tokens whose rate is remembered at once.
pub const THROTTLED_MAX: usize = 10_000;

/// When a refusal is told, counted from when the request was read: a small part of that is what it takes
/// to find out, and how long that took is not told.
pub const REFUSAL_TIME: Duration = Duration::from_millis(5);

/// Participants whose contact details are looked at before others may write again.
pub const SEARCH_PAGE: usize = 4096;

/// Participants whose sealed contact details a search gathers before it opens them in the order of
/// their keys: some 40 MB.
pub const SEARCH_AT_ONCE: usize = 128 * 1024;

/// Longest that backups can be declared to be kept, in days: a hundred years.
pub const BACKUPS_KEPT_DAYS_MAX: i64 = 36_525;

/// Erasures whose keys are looked for again when the controls are tested.
pub const CONTROLS_ERASURES: usize = 1000;

/// Longest text of a study's retention rules, in bytes: they are read by people.
pub const RETENTION_TEXT_BYTES_MAX: usize = 2000;

/// Most retention rules of one study: twelve words a rule can begin with, and some more than one of them.
pub const RETENTION_RULES_MAX: usize = 16;

/// Most members of one `earliest of` or `latest of`.
pub const RETENTION_MEMBERS_MAX: usize = 8;

/// Deepest lists in lists of a retention rule.
pub const RETENTION_DEPTH_MAX: usize = 3;

/// Keys that retention destroys in one epoch before another is begun: the certificate that names
/// them, and what they opened, stays well within [`JOURNAL_RECORD_MAX`].
pub const RETENTION_THINGS_MAX: usize = 10_000;

/// Nodes of the key tree that retention has wrapped anew in one epoch before another is begun: with
/// about 130 bytes each the record stays within [`JOURNAL_RECORD_MAX`].
pub const RETENTION_REWRAPPED_MAX: u64 = 64 * 1024;

/// Rows of what is due, given at once.
pub const DUE_ROWS_MAX: usize = 1000;

/// Most days a session gives for versions without somebody who withdraws: they are told within a
/// month that it is done.
pub const REDACTION_DAYS_MAX: u16 = 28;

/// Days it gives when nobody says how many.
pub const REDACTION_DAYS: u16 = 14;

/// Fewest people in a participant group that an output may name (R27): fewer could be recognised.
pub const GROUP_PARTICIPANTS_MIN: usize = 3;
