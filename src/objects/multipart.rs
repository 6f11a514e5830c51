//! Objects written in parts.

use aws_sdk_s3::config::Config;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::error::{ObjectsError, cause, mislabelled, refusal};
use super::key::ObjectKey;
use super::{Connected, Store, timing};
use crate::limits::PARTS_MAX;

/// An upload in parts that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    key: ObjectKey,
    /// The store's own name for it.
    id: String,
}

impl Upload {
    pub(super) fn new(key: ObjectKey, id: String) -> Self {
        Self { key, id }
    }

    /// An upload begun earlier, by the store's own name for it.
    pub fn resumed(key: ObjectKey, id: String) -> Self {
        Self { key, id }
    }

    /// The store's own name for it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The object it will become.
    pub fn key(&self) -> ObjectKey {
        self.key
    }
}

/// The store's receipt for one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    number: u16,
    bytes: u64,
    etag: String,
}

impl Part {
    /// A receipt that was written down earlier.
    pub fn received(number: u16, bytes: u64, etag: String) -> Self {
        Self {
            number,
            bytes,
            etag,
        }
    }

    /// The store's tag for the part.
    pub fn etag(&self) -> &str {
        &self.etag
    }

    /// The part's number, from 1.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The part's length in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Store {
    /// Begins an upload of `key`.
    ///
    /// # Errors
    /// Any [`ObjectsError`] of a refusal or a failed connection.
    pub async fn begin(&self, key: ObjectKey) -> Result<Upload, ObjectsError> {
        let place = &self.0.place;
        let begun = self
            .0
            .client
            .create_multipart_upload()
            .bucket(&place.bucket)
            .key(self.0.name(key))
            .content_type("application/octet-stream")
            .send()
            .await;
        let id = match begun {
            Ok(begun) => begun.upload_id,
            Err(error) => match mislabelled(&error, "UploadId") {
                Some(id) => Some(id),
                None => return Err(cause(place, Some(key), error)),
            },
        };
        let id = id
            .filter(|id| !id.is_empty())
            .ok_or_else(|| ObjectsError::Refused {
                endpoint: place.endpoint.clone(),
                code: "NoUploadId".to_owned(),
                message: "the store began an upload without naming it".to_owned(),
            })?;
        Ok(Upload { key, id })
    }

    /// Sends part `number`, from 1, again if need be; a part sent twice counts once.
    ///
    /// # Errors
    /// [`ObjectsError::UploadGone`] when the upload is over; [`ObjectsError::BadPart`] for a number
    /// that no part has; otherwise as [`Store::put`].
    pub async fn put_part(
        &self,
        upload: &Upload,
        number: u16,
        body: Bytes,
    ) -> Result<Part, ObjectsError> {
        let (place, key) = (&self.0.place, upload.key);
        if number == 0 || u64::from(number) > PARTS_MAX {
            return Err(ObjectsError::BadPart {
                key,
                why: "parts are numbered from 1 to 10,000",
            });
        }
        let bytes = body.len() as u64;
        let sent = self
            .0
            .client
            .upload_part()
            .bucket(&place.bucket)
            .key(self.0.name(key))
            .upload_id(&upload.id)
            .part_number(i32::from(number))
            .body(ByteStream::from(body))
            .customize()
            .config_override(Config::builder().timeout_config(timing::carrying(bytes)))
            .send()
            .await
            .map_err(|error| cause(place, Some(key), error))?;
        let etag = sent.e_tag.unwrap_or_default();
        Ok(Part {
            number,
            bytes,
            etag,
        })
    }

    /// Makes the object out of `parts`, in their order.
    ///
    /// It may be repeated: when the store no longer knows the upload because an earlier answer was
    /// lost, the object's presence at its full length counts as success.
    ///
    /// # Errors
    /// [`ObjectsError::UploadGone`] when the upload is over and the object is not there;
    /// [`ObjectsError::BadPart`] when there are no parts, or they are out of order.
    pub async fn complete(&self, upload: &Upload, parts: &[Part]) -> Result<(), ObjectsError> {
        let key = upload.key;
        let ascending = parts.is_sorted_by(|one, next| one.number < next.number);
        if parts.is_empty() || !ascending {
            return Err(ObjectsError::BadPart {
                key,
                why: "an object needs at least one part, each number once and in order",
            });
        }
        let bytes = parts.iter().map(|part| part.bytes).sum();
        match send_complete(&self.0, upload, parts, bytes).await {
            Err(gone @ ObjectsError::UploadGone { .. }) => match self.head(key).await? {
                Some(there) if there.bytes == bytes => Ok(()),
                _ => Err(gone),
            },
            answer => answer,
        }
    }

    /// Gives up an upload, so that the store keeps nothing of it; repeating it does no harm.
    ///
    /// Parts still on their way must have been stopped or waited for. One that arrives all the same
    /// is looked for and aborted again.
    ///
    /// # Errors
    /// [`ObjectsError::NotDeleted`] when parts remain; otherwise as [`Store::put`].
    pub async fn abort(&self, upload: &Upload) -> Result<(), ObjectsError> {
        abort(&self.0, upload).await
    }
}

pub(super) async fn abort(store: &Connected, upload: &Upload) -> Result<(), ObjectsError> {
    for round in 1..=timing::ABORT_ROUNDS {
        let sent = store
            .client
            .abort_multipart_upload()
            .bucket(&store.place.bucket)
            .key(store.name(upload.key))
            .upload_id(&upload.id)
            .send()
            .await;
        if let Err(error) = sent {
            let refused = refusal(&store.place, error)?;
            if !refused.is_not_found() {
                return Err(refused.into_error(&store.place, Some(upload.key)));
            }
        }
        if !parts_remain(store, upload).await? {
            return Ok(());
        }
        tokio::time::sleep(timing::ABORT_PAUSE * round).await;
    }
    Err(ObjectsError::NotDeleted {
        key: upload.key,
        what: "a part of an unfinished upload",
    })
}

async fn parts_remain(store: &Connected, upload: &Upload) -> Result<bool, ObjectsError> {
    let sent = store
        .client
        .list_parts()
        .bucket(&store.place.bucket)
        .key(store.name(upload.key))
        .upload_id(&upload.id)
        .max_parts(1)
        .send()
        .await;
    match sent {
        Ok(answer) => Ok(!answer.parts().is_empty()),
        Err(error) => match refusal(&store.place, error)? {
            refused if refused.is_not_found() => Ok(false),
            // A store that cannot list parts has acknowledged the abort, which is all it can say.
            refused if refused.is_not_understood() => Ok(false),
            refused => Err(refused.into_error(&store.place, Some(upload.key))),
        },
    }
}

async fn send_complete(
    store: &Connected,
    upload: &Upload,
    parts: &[Part],
    bytes: u64,
) -> Result<(), ObjectsError> {
    let list = parts.iter().map(|part| {
        CompletedPart::builder()
            .part_number(i32::from(part.number))
            .e_tag(&part.etag)
            .build()
    });
    let sent = store
        .client
        .complete_multipart_upload()
        .bucket(&store.place.bucket)
        .key(store.name(upload.key))
        .upload_id(&upload.id)
        .multipart_upload(
            CompletedMultipartUpload::builder()
                .set_parts(Some(list.collect()))
                .build(),
        )
        .customize()
        .config_override(Config::builder().timeout_config(timing::assembling(bytes)))
        .send()
        .await;
    match sent {
        Ok(_) => Ok(()),
        Err(error) if mislabelled(&error, "ETag").is_some() => Ok(()),
        Err(error) => Err(cause(&store.place, Some(upload.key), error)),
    }
}
