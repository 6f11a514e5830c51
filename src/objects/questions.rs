//! The questions a store is asked before anything is written to it.
//!
//! An error is never taken for a "no". A store that knows no such question cannot say; a store that
//! refuses to answer stops the start, with the permission that is missing. Amazon's own S3 knows
//! every question, so there nothing counts as "cannot say".

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{
    BucketLocationConstraint, ObjectLockEnabled, ReplicationRule, ReplicationRuleStatus,
};

use super::capabilities::Answer;
use super::config::{Endpoint, RegionName};
use super::error::{ObjectsError, Place, Refusal, refusal};

/// Amazon's oldest region, which `GetBucketLocation` leaves blank.
const BLANK_AT_AMAZON: &str = "us-east-1";
/// The name that `GetBucketLocation` gives old buckets in Ireland.
const OLD_IRELAND: (&str, &str) = ("EU", "eu-west-1");

pub(super) struct Questions<'a> {
    pub(super) client: &'a Client,
    pub(super) place: &'a Place,
    pub(super) endpoint: &'a Endpoint,
    pub(super) region: &'a RegionName,
}

impl Questions<'_> {
    /// The region the bucket says it is in, or nothing when the store cannot say.
    pub(super) async fn region(&self) -> Result<Option<RegionName>, ObjectsError> {
        let header = self.region_header().await?;
        let location = self.location(header.is_some()).await?;
        match (&header, &location) {
            (Some(one), Some(other)) if one != other => Err(ObjectsError::ContradictoryRegion {
                bucket: self.place.bucket.clone(),
                one: one.to_string(),
                other: other.to_string(),
            }),
            _ => Ok(header.or(location)),
        }
    }

    async fn region_header(&self) -> Result<Option<RegionName>, ObjectsError> {
        let sent = self.client.head_bucket().bucket(&self.place.bucket).send();
        match sent.await {
            Ok(answer) => said(answer.bucket_region()),
            Err(error) => {
                let refused = refusal(self.place, error)?;
                match said(refused.region.as_deref())? {
                    // The store names the region even as it refuses a request signed for another.
                    Some(found) if found != *self.region => Ok(Some(found)),
                    _ => Err(refused.into_error(self.place, None)),
                }
            }
        }
    }

    async fn location(&self, known: bool) -> Result<Option<RegionName>, ObjectsError> {
        let sent = self
            .client
            .get_bucket_location()
            .bucket(&self.place.bucket)
            .send();
        let answer = match sent.await {
            Ok(answer) => answer,
            Err(error) => {
                let refused = refusal(self.place, error)?;
                let redirected = refused.is_status(301) || refused.is_status(400);
                return if known && (refused.is_denied() || redirected) {
                    Ok(None)
                } else {
                    self.cannot_say(refused, "ask for the region of", "s3:GetBucketLocation")
                        .map(|_| None)
                };
            }
        };
        let constraint = answer
            .location_constraint()
            .map(BucketLocationConstraint::as_str)
            .filter(|name| !name.is_empty());
        match constraint {
            Some(name) if name == OLD_IRELAND.0 => said(Some(OLD_IRELAND.1)),
            None if self.endpoint.is_aws() => said(Some(BLANK_AT_AMAZON)),
            name => said(name),
        }
    }

    /// Whether the bucket keeps old versions, or did until versioning was suspended.
    pub(super) async fn versioning(&self) -> Result<Answer, ObjectsError> {
        let sent = self
            .client
            .get_bucket_versioning()
            .bucket(&self.place.bucket)
            .send();
        match sent.await {
            Ok(answer) => Ok(Answer::from_bool(answer.status().is_some())),
            Err(error) => self.cannot_say(
                refusal(self.place, error)?,
                "ask for the versioning of",
                "s3:GetBucketVersioning",
            ),
        }
    }

    /// Whether the bucket is replicated.
    ///
    /// # Errors
    /// [`ObjectsError::Replicated`] when it is: deleting a version here leaves its copy there.
    pub(super) async fn replication(&self) -> Result<Answer, ObjectsError> {
        let sent = self
            .client
            .get_bucket_replication()
            .bucket(&self.place.bucket)
            .send();
        match sent.await {
            Ok(answer) => {
                let rules = answer.replication_configuration().map(|c| c.rules());
                let active = rules
                    .unwrap_or_default()
                    .iter()
                    .find(|rule| *rule.status() != ReplicationRuleStatus::Disabled);
                match active {
                    Some(rule) => Err(ObjectsError::Replicated {
                        bucket: self.place.bucket.clone(),
                        to: destination(rule),
                    }),
                    None => Ok(Answer::No),
                }
            }
            Err(error) => match refusal(self.place, error)? {
                refused if refused.is("ReplicationConfigurationNotFoundError") => Ok(Answer::No),
                refused => self.cannot_say(
                    refused,
                    "ask for the replication rules of",
                    "s3:GetReplicationConfiguration",
                ),
            },
        }
    }

    /// Whether the bucket has object lock.
    ///
    /// # Errors
    /// [`ObjectsError::ObjectLock`] when it has: ciphertext could not be deleted.
    pub(super) async fn object_lock(&self) -> Result<Answer, ObjectsError> {
        let sent = self
            .client
            .get_object_lock_configuration()
            .bucket(&self.place.bucket)
            .send();
        match sent.await {
            Ok(answer) => {
                let enabled = answer
                    .object_lock_configuration()
                    .and_then(|lock| lock.object_lock_enabled());
                if enabled == Some(&ObjectLockEnabled::Enabled) {
                    return Err(ObjectsError::ObjectLock {
                        bucket: self.place.bucket.clone(),
                    });
                }
                Ok(Answer::No)
            }
            Err(error) => match refusal(self.place, error)? {
                refused if refused.is("ObjectLockConfigurationNotFoundError") => Ok(Answer::No),
                refused => self.cannot_say(
                    refused,
                    "ask for the object lock of",
                    "s3:GetBucketObjectLockConfiguration",
                ),
            },
        }
    }

    /// Whether versions can be listed.
    pub(super) async fn lists_versions(&self) -> Result<Answer, ObjectsError> {
        let sent = self
            .client
            .list_object_versions()
            .bucket(&self.place.bucket)
            .max_keys(1)
            .send();
        self.works(
            sent.await,
            "list the old versions in",
            "s3:ListBucketVersions",
        )
    }

    /// Whether unfinished uploads can be listed.
    pub(super) async fn lists_uploads(&self) -> Result<Answer, ObjectsError> {
        let sent = self
            .client
            .list_multipart_uploads()
            .bucket(&self.place.bucket)
            .max_uploads(1)
            .send();
        self.works(
            sent.await,
            "list the unfinished uploads in",
            "s3:ListBucketMultipartUploads",
        )
    }

    fn works<T, E>(
        &self,
        answer: Result<T, SdkError<E, HttpResponse>>,
        action: &'static str,
        permission: &'static str,
    ) -> Result<Answer, ObjectsError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        match answer {
            Ok(_) => Ok(Answer::Yes),
            Err(error) => self.cannot_say(refusal(self.place, error)?, action, permission),
        }
    }

    fn cannot_say(
        &self,
        refused: Refusal,
        action: &'static str,
        permission: &'static str,
    ) -> Result<Answer, ObjectsError> {
        // One server answers a listing of uploads with "no such upload".
        let unknown =
            refused.is_not_understood() || (refused.is_not_found() && !refused.is("NoSuchBucket"));
        if unknown && !self.endpoint.is_aws() {
            return Ok(Answer::CannotSay);
        }
        if refused.is("AccessDenied") {
            return Err(ObjectsError::PermissionMissing {
                bucket: self.place.bucket.clone(),
                action,
                permission,
            });
        }
        Err(refused.into_error(self.place, None))
    }
}

fn said(name: Option<&str>) -> Result<Option<RegionName>, ObjectsError> {
    name.filter(|name| !name.is_empty())
        .map(str::parse)
        .transpose()
}

fn destination(rule: &ReplicationRule) -> String {
    rule.destination()
        .map_or("an unnamed bucket", |to| to.bucket())
        .to_owned()
}
