//! Looking: one object's length, the names in the bucket, the uploads under way.

use aws_sdk_s3::primitives::DateTime;
use jiff::Timestamp;

use super::error::{ObjectsError, cause, refusal};
use super::key::{Family, ForeignName, ObjectKey};
use super::multipart::Upload;
use super::{Connected, Store};

/// What a store says of an object without sending it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its length in bytes.
    pub bytes: u64,
}

/// One entry of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The object, or the name of one that this program did not make.
    pub key: Result<ObjectKey, ForeignName>,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Some entries of a listing, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The entries, at most a thousand.
    pub entries: Vec<Listed>,
    /// What to pass to get the next page; nothing on the last one.
    pub next: Option<String>,
}

/// An upload that was begun and neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// The upload, or the name of an object that this program did not make.
    pub upload: Result<Upload, ForeignName>,
    /// When it was begun, where the store says so.
    pub begun: Option<Timestamp>,
}

impl Store {
    /// What the store says of `key`, or nothing when there is no such object.
    ///
    /// # Errors
    /// Any [`ObjectsError`] of a refusal or a failed connection.
    pub async fn head(&self, key: ObjectKey) -> Result<Option<ObjectInfo>, ObjectsError> {
        head(&self.0, key).await
    }

    /// One page of the objects of a family; `from` is the last page's `next`.
    ///
    /// # Errors
    /// Any [`ObjectsError`] of a refusal or a failed connection.
    pub async fn list(&self, family: Family, from: Option<String>) -> Result<Page, ObjectsError> {
        let place = &self.0.place;
        let answer = self
            .0
            .client
            .list_objects_v2()
            .bucket(&place.bucket)
            .prefix(self.0.config.prefix.family(family))
            .set_continuation_token(from)
            .send()
            .await
            .map_err(|error| cause(place, None, error))?;
        let entries = answer.contents().iter().filter_map(|object| {
            Some(Listed {
                key: self.0.config.prefix.key_of(object.key()?),
                bytes: u64::try_from(object.size().unwrap_or_default()).unwrap_or_default(),
            })
        });
        Ok(Page {
            entries: entries.collect(),
            next: answer
                .next_continuation_token()
                .filter(|_| answer.is_truncated() == Some(true))
                .map(str::to_owned),
        })
    }

    /// The unfinished uploads of a family, or nothing when the store cannot list them.
    ///
    /// # Errors
    /// Any [`ObjectsError`] of a refusal or a failed connection.
    pub async fn list_unfinished_uploads(
        &self,
        family: Family,
    ) -> Result<Option<Vec<UnfinishedUpload>>, ObjectsError> {
        if !self.capabilities().lists_uploads.is_yes() {
            return Ok(None);
        }
        unfinished(&self.0, self.0.config.prefix.family(family))
            .await
            .map(Some)
    }
}

pub(super) async fn head(
    store: &Connected,
    key: ObjectKey,
) -> Result<Option<ObjectInfo>, ObjectsError> {
    let sent = store
        .client
        .head_object()
        .bucket(&store.place.bucket)
        .key(store.name(key))
        .send()
        .await;
    match sent {
        Ok(answer) => Ok(Some(ObjectInfo {
            bytes: u64::try_from(answer.content_length().unwrap_or_default()).unwrap_or_default(),
        })),
        Err(error) => match refusal(&store.place, error)? {
            refused if refused.is_not_found() => Ok(None),
            refused => Err(refused.into_error(&store.place, Some(key))),
        },
    }
}

pub(super) async fn unfinished(
    store: &Connected,
    prefix: String,
) -> Result<Vec<UnfinishedUpload>, ObjectsError> {
    let mut found = Vec::new();
    let (mut key_marker, mut id_marker) = (None, None);
    loop {
        let answer = store
            .client
            .list_multipart_uploads()
            .bucket(&store.place.bucket)
            .prefix(&prefix)
            .set_key_marker(key_marker)
            .set_upload_id_marker(id_marker)
            .send()
            .await
            .map_err(|error| cause(&store.place, None, error))?;
        found.extend(answer.uploads().iter().filter_map(|upload| {
            let (name, id) = (upload.key()?, upload.upload_id()?);
            Some(UnfinishedUpload {
                upload: store
                    .config
                    .prefix
                    .key_of(name)
                    .map(|key| Upload::new(key, id.to_owned())),
                begun: upload.initiated().and_then(moment),
            })
        }));
        key_marker = answer.next_key_marker;
        id_marker = answer.next_upload_id_marker;
        if answer.is_truncated != Some(true) || key_marker.is_none() {
            return Ok(found);
        }
    }
}

fn moment(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}
