//! Every timeout, retry and pause of this room, in one place.
//!
//! The SDK's own defaults set neither a read timeout nor one for an operation, so a store that
//! accepts a connection and says nothing would hold a transfer for ever.

use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{Builder, StalledStreamProtectionConfig};

use crate::limits::KIB;

/// To open a connection, TLS included.
const CONNECT: Duration = Duration::from_secs(4);

/// One attempt at a request that carries no body to speak of.
const ATTEMPT: Duration = Duration::from_secs(20);

/// The slowest link to a store that is still worth waiting for, in bytes a second.
const SLOWEST_LINK: u64 = 256 * KIB;

/// How fast a store puts parts together when an upload is completed, at the least, in bytes a second.
const SLOWEST_ASSEMBLY: u64 = 16 * 1024 * KIB;

/// Attempts at one request, the first included.
const ATTEMPTS: u32 = 4;

/// The first pause between attempts; it doubles, and the SDK adds jitter.
const BACKOFF: Duration = Duration::from_millis(200);

/// The longest pause between attempts.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// How long a body being uploaded may make no progress.
const UPLOAD_STALL: Duration = Duration::from_secs(20);

/// How long a body being downloaded may make no progress while somebody waits for it.
pub(super) const DOWNLOAD_STALL: Duration = Duration::from_secs(20);

/// Times a download is taken up again without [`RESUME_PROGRESS`] in between.
pub(super) const RESUMES: u32 = 4;

/// Bytes delivered after which a download's resumptions are counted afresh.
pub(super) const RESUME_PROGRESS: u64 = 1024 * KIB;

/// The pause before a download is taken up again, times the number of the try.
pub(super) const RESUME_PAUSE: Duration = Duration::from_millis(150);

/// To find credentials by the standard chain.
pub(super) const CREDENTIALS: Duration = Duration::from_secs(8);

/// To ask the instance metadata service once; elsewhere than on AWS nothing answers there.
pub(super) const INSTANCE_METADATA: Duration = Duration::from_secs(2);

/// Times an unfinished upload is aborted before its remaining parts are an error.
pub(super) const ABORT_ROUNDS: u32 = 6;

/// The pause between two aborts of one upload, times the number of the round.
pub(super) const ABORT_PAUSE: Duration = Duration::from_millis(150);

/// Times everything under a key is listed and deleted before what remains is an error.
pub(super) const DELETE_ROUNDS: u32 = 4;

/// Times a conditional write that the store answered with "begin again" is begun again.
pub(super) const CONDITIONAL_ROUNDS: u32 = 4;

/// How long a server that is told to stop waits for the requests it has begun.
pub(super) const DRAIN: Duration = Duration::from_secs(5);

/// Retry and stall settings of every client.
pub(super) fn apply(builder: Builder) -> Builder {
    builder
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(BACKOFF)
                .with_max_backoff(BACKOFF_MAX),
        )
        .timeout_config(carrying(0))
        .stalled_stream_protection(
            StalledStreamProtectionConfig::enabled()
                .upload_enabled(true)
                .download_enabled(false)
                .grace_period(UPLOAD_STALL)
                .build(),
        )
}

/// Timeouts of a request that carries `bytes` to the store.
pub(super) fn carrying(bytes: u64) -> TimeoutConfig {
    timeouts(ATTEMPT + Duration::from_secs(bytes / SLOWEST_LINK))
}

/// Timeouts of a request after which the store puts `bytes` together before it answers.
pub(super) fn assembling(bytes: u64) -> TimeoutConfig {
    timeouts(ATTEMPT * 3 + Duration::from_secs(bytes / SLOWEST_ASSEMBLY))
}

fn timeouts(attempt: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .read_timeout(attempt)
        .operation_attempt_timeout(attempt)
        .operation_timeout(attempt * ATTEMPTS + BACKOFF_MAX * (ATTEMPTS - 1))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No request can hang: every kind of timeout is set, whatever a request carries.
    #[test]
    fn every_timeout_is_set_and_grows_with_what_is_carried() {
        for settings in [carrying, assembling] {
            let (small, large) = (settings(0), settings(1 << 30));
            for timeouts in [&small, &large] {
                let connect = timeouts.connect_timeout().expect("set");
                let read = timeouts.read_timeout().expect("set");
                let attempt = timeouts.operation_attempt_timeout().expect("set");
                let operation = timeouts.operation_timeout().expect("set");
                assert!(connect < read && read <= attempt && attempt * ATTEMPTS <= operation);
            }
            assert!(small.read_timeout() < large.read_timeout());
        }
    }
}
