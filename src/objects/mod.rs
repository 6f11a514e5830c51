//! The bucket: S3 through the AWS SDK, always over HTTP, whoever serves it.
//!
//! [`Store::connect`] asks a store every question that matters before the first byte is written to
//! it: where the bucket is (R39), whether it is replicated, locked or versioned, and whether the
//! conditions this program would rely on are kept. The answers stay with the [`Store`] as its
//! [`Capabilities`]. Transfers have explicit timeouts, every part can be sent again, a broken
//! download is taken up where it broke, and deleting means every version and every unfinished upload.
//!
//! Nothing here knows a key: what passes through is ciphertext.

mod capabilities;
mod client;
mod config;
mod credentials;
mod delete;
pub mod embedded;
mod error;
mod get;
mod key;
mod list;
mod multipart;
mod prefix;
mod put;
mod questions;
mod residency;
mod timing;

use std::fmt;
use std::sync::Arc;

use aws_sdk_s3::Client;

pub use capabilities::{Answer, Capabilities, StoreReport};
pub use config::{AccessKey, BucketName, CredentialsSource, Endpoint, RegionName, StoreConfig};
pub use delete::Deleted;
pub use error::ObjectsError;
pub use get::{Download, Object};
pub use key::{Family, ForeignName, ObjectKey};
pub use list::{Listed, ObjectInfo, Page, UnfinishedUpload};
pub use multipart::{Part, Upload};
pub use prefix::KeyPrefix;
pub use put::Placement;
pub use residency::{Attestation, Country, Location, Residency};

use crate::entropy::Entropy;
use error::Place;
use questions::Questions;

/// A bucket that was found to be where it may be.
#[derive(Clone)]
pub struct Store(Arc<Connected>);

struct Connected {
    client: Client,
    place: Place,
    config: StoreConfig,
    report: StoreReport,
}

impl Connected {
    /// The whole name of an object.
    fn name(&self, key: ObjectKey) -> String {
        self.config.prefix.name(key)
    }
}

impl Store {
    /// Connects to the bucket, asks it everything, and only then proves with a probe object what it
    /// can do.
    ///
    /// # Errors
    /// Whatever makes the bucket unusable: [`ObjectsError`] names each, with what to do.
    pub async fn connect(
        config: StoreConfig,
        entropy: &dyn Entropy,
    ) -> Result<(Self, StoreReport), ObjectsError> {
        let client = client::build(&config).await?;
        let place = Place {
            bucket: config.bucket.to_string(),
            endpoint: config.endpoint.to_string(),
        };
        let report = ask(&client, &place, &config).await?;
        let mut connected = Connected {
            client,
            place,
            config,
            report,
        };
        let proof = put::prove(&connected, entropy).await?;
        let can = &mut connected.report.capabilities;
        can.conditional_put = proof.conditional;
        if proof.versioned {
            // What a store does counts for more than what it says.
            can.versioning = Answer::Yes;
        }
        no_hidden_versions(&connected.report)?;
        let report = connected.report.clone();
        tracing::info!(
            endpoint = %report.endpoint,
            bucket = %report.bucket,
            location = %report.location,
            "connected to the store"
        );
        Ok((Self(Arc::new(connected)), report))
    }

    /// Asks again where the bucket is and whether it is replicated, locked or versioned.
    ///
    /// # Errors
    /// As [`Store::connect`]; the store must then not be written to until it passes again.
    pub async fn recheck(&self) -> Result<StoreReport, ObjectsError> {
        let Connected {
            client,
            place,
            config,
            report,
        } = &*self.0;
        let mut again = ask(client, place, config).await?;
        let (can, could) = (&mut again.capabilities, &report.capabilities);
        can.conditional_put = could.conditional_put;
        if can.versioning == Answer::CannotSay {
            can.versioning = could.versioning;
        }
        no_hidden_versions(&again)?;
        Ok(again)
    }

    /// What the store can do, as it answered at start.
    pub fn capabilities(&self) -> &Capabilities {
        &self.0.report.capabilities
    }

    /// What was found out at start.
    pub fn report(&self) -> &StoreReport {
        &self.0.report
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.0.place).finish()
    }
}

async fn ask(
    client: &Client,
    place: &Place,
    config: &StoreConfig,
) -> Result<StoreReport, ObjectsError> {
    let questions = Questions {
        client,
        place,
        endpoint: &config.endpoint,
        region: &config.region,
    };
    let said = questions.region().await?;
    let location = residency::locate(
        config.residency,
        &config.endpoint,
        &place.bucket,
        said.clone(),
        config.attestation.as_ref(),
    )?;
    // Amazon serves a bucket only to requests signed for the region it is in.
    if let Some(found) = said.filter(|found| config.endpoint.is_aws() && *found != config.region) {
        return Err(ObjectsError::RegionMismatch {
            bucket: place.bucket.clone(),
            found: found.to_string(),
            configured: config.region.to_string(),
        });
    }
    let capabilities = Capabilities {
        versioning: questions.versioning().await?,
        replication: questions.replication().await?,
        object_lock: questions.object_lock().await?,
        lists_versions: questions.lists_versions().await?,
        lists_uploads: questions.lists_uploads().await?,
        conditional_put: Answer::CannotSay,
    };
    let attested = matches!(location, Location::Attested { .. });
    Ok(StoreReport {
        endpoint: place.endpoint.clone(),
        bucket: place.bucket.clone(),
        residency: config.residency,
        location,
        capabilities,
        attestation: config.attestation.clone().filter(|_| attested),
    })
}

/// An erasure deletes every version, so versions that cannot be listed may not be.
fn no_hidden_versions(report: &StoreReport) -> Result<(), ObjectsError> {
    let can = &report.capabilities;
    if can.versioning.is_yes() && !can.lists_versions.is_yes() {
        return Err(ObjectsError::HiddenVersions {
            bucket: report.bucket.clone(),
        });
    }
    Ok(())
}
