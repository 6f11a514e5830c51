//! Whole objects written in one request.

use aws_sdk_s3::config::Config;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::capabilities::Answer;
use super::error::{ObjectsError, Refusal, cause, refusal};
use super::key::ObjectKey;
use super::{Connected, Store, timing};
use crate::entropy::Entropy;
use crate::id::UploadId;

/// What became of a write that must not replace anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The object is new.
    New,
    /// The very same bytes were there already, perhaps from an attempt whose answer was lost.
    Same,
}

impl Store {
    /// Stores `body` under `key`, in place of what may be there.
    ///
    /// # Errors
    /// Any [`ObjectsError`] of a refusal or a failed connection, after attempts enough.
    pub async fn put(&self, key: ObjectKey, body: Bytes) -> Result<(), ObjectsError> {
        put(&self.0, key, body).await.map(drop)
    }

    /// Stores `body` under `key` unless something is there.
    ///
    /// Where a probe showed that the store keeps the condition, no two writers can both succeed.
    /// Elsewhere the name is looked up first, which two writers at the same moment can defeat.
    ///
    /// # Errors
    /// [`ObjectsError::AlreadyExists`] when other bytes are there; otherwise as [`Store::put`].
    pub async fn put_if_absent(
        &self,
        key: ObjectKey,
        body: Bytes,
    ) -> Result<Placement, ObjectsError> {
        if !self.capabilities().conditional_put.is_yes() {
            if self.head(key).await?.is_some() {
                return self.compare(key, &body).await;
            }
            return self.put(key, body).await.map(|()| Placement::New);
        }
        for _ in 0..timing::CONDITIONAL_ROUNDS {
            match put_conditionally(&self.0, key, body.clone()).await? {
                Outcome::Stored { .. } => return Ok(Placement::New),
                Outcome::Occupied => return self.compare(key, &body).await,
                Outcome::BeginAgain => {}
                Outcome::Refused(refused) => {
                    return Err(refused.into_error(&self.0.place, Some(key)));
                }
            }
        }
        Err(ObjectsError::Unavailable {
            endpoint: self.0.place.endpoint.clone(),
            code: "ConditionalRequestConflict".to_owned(),
        })
    }

    async fn compare(&self, key: ObjectKey, body: &Bytes) -> Result<Placement, ObjectsError> {
        let mut there = self.get_whole(key).await?;
        let mut rest = &body[..];
        if there.remaining() != rest.len() as u64 {
            return Err(ObjectsError::AlreadyExists { key });
        }
        while let Some(piece) = there.next().await {
            rest = rest
                .strip_prefix(&piece?[..])
                .ok_or(ObjectsError::AlreadyExists { key })?;
        }
        Ok(Placement::Same)
    }
}

/// What a probe object showed.
pub(super) struct Proof {
    /// Whether the store keeps `If-None-Match: *`.
    pub(super) conditional: Answer,
    /// Whether the store gave the object a version.
    pub(super) versioned: bool,
}

/// Writes a probe object to find out what the store does, as opposed to says, and cleans it up.
pub(super) async fn prove(store: &Connected, entropy: &dyn Entropy) -> Result<Proof, ObjectsError> {
    let key = ObjectKey::Probe(UploadId::random(entropy)?);
    let proof = prove_with(store, key).await;
    let cleaned = super::delete::everything(store, key).await;
    let proof = proof?;
    cleaned.map(|_| proof)
}

async fn prove_with(store: &Connected, key: ObjectKey) -> Result<Proof, ObjectsError> {
    let first = Bytes::from_static(b"a probe of what this store can do; it may be deleted");
    let second = Bytes::from_static(b"what a store that ignores conditions keeps");
    let denied = |refused: Refusal| {
        if refused.is("AccessDenied") {
            ObjectsError::PermissionMissing {
                bucket: store.place.bucket.clone(),
                action: "write to",
                permission: "s3:PutObject",
            }
        } else {
            refused.into_error(&store.place, Some(key))
        }
    };
    let versioned = match put_conditionally(store, key, first.clone()).await? {
        Outcome::Stored { versioned } => versioned,
        // One that finds something under a name just drawn at random does not understand, either.
        Outcome::Refused(refused) if !refused.is_not_understood() => return Err(denied(refused)),
        Outcome::Refused(_) | Outcome::Occupied | Outcome::BeginAgain => {
            let versioned = put(store, key, first).await?;
            return Ok(Proof {
                conditional: Answer::No,
                versioned,
            });
        }
    };
    let conditional = match put_conditionally(store, key, second).await? {
        Outcome::Occupied => Answer::Yes,
        Outcome::Stored { .. } | Outcome::BeginAgain => Answer::No,
        Outcome::Refused(refused) => return Err(denied(refused)),
    };
    Ok(Proof {
        conditional,
        versioned,
    })
}

/// Puts an object and says whether the store gave it a version.
async fn put(store: &Connected, key: ObjectKey, body: Bytes) -> Result<bool, ObjectsError> {
    let bytes = body.len() as u64;
    store
        .client
        .put_object()
        .bucket(&store.place.bucket)
        .key(store.name(key))
        .body(ByteStream::from(body))
        .customize()
        .config_override(Config::builder().timeout_config(timing::carrying(bytes)))
        .send()
        .await
        .map(|stored| is_versioned(stored.version_id()))
        .map_err(|error| cause(&store.place, Some(key), error))
}

/// Objects written before versioning was turned on are listed under the version "null".
fn is_versioned(version: Option<&str>) -> bool {
    version.is_some_and(|version| version != "null")
}

enum Outcome {
    Stored { versioned: bool },
    Occupied,
    BeginAgain,
    Refused(Refusal),
}

async fn put_conditionally(
    store: &Connected,
    key: ObjectKey,
    body: Bytes,
) -> Result<Outcome, ObjectsError> {
    let bytes = body.len() as u64;
    let sent = store
        .client
        .put_object()
        .bucket(&store.place.bucket)
        .key(store.name(key))
        .if_none_match("*")
        .body(ByteStream::from(body))
        .customize()
        .config_override(Config::builder().timeout_config(timing::carrying(bytes)))
        .send()
        .await;
    let refused = match sent {
        Ok(stored) => {
            return Ok(Outcome::Stored {
                versioned: is_versioned(stored.version_id()),
            });
        }
        Err(error) => refusal(&store.place, error)?,
    };
    Ok(if refused.is_status(412) {
        Outcome::Occupied
    } else if refused.is_status(409) {
        Outcome::BeginAgain
    } else {
        Outcome::Refused(refused)
    })
}
