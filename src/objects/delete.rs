//! Deleting: every version, every marker, every unfinished upload, and then a look.

use serde::{Deserialize, Serialize};

use super::capabilities::Answer;
use super::error::{ObjectsError, cause};
use super::key::ObjectKey;
use super::list::{UnfinishedUpload, head, unfinished};
use super::multipart::{Upload, abort};
use super::{Connected, Store, timing};

/// What was deleted under one key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// Versions of the object; one, where the store keeps no others.
    pub versions: u64,
    /// Markers that an earlier plain deletion left in a versioned bucket.
    pub delete_markers: u64,
    /// Unfinished uploads of it.
    pub unfinished_uploads: u64,
    /// Whether the store, asked afterwards, no longer has the object.
    pub verified_absent: bool,
    /// Whether the store, asked afterwards, listed no version and no marker of it, or says that it
    /// keeps none.
    pub verified_no_versions: bool,
    /// Whether the store, asked afterwards, listed no unfinished upload of it.
    pub verified_no_uploads: bool,
}

impl Store {
    /// Deletes everything stored under `key`: the object, all its versions and delete markers, and
    /// its unfinished uploads where the store can list them. Repeating it does no harm.
    ///
    /// # Errors
    /// [`ObjectsError::NotDeleted`] when something remains; otherwise a refusal or failed connection.
    pub async fn delete_everything(&self, key: ObjectKey) -> Result<Deleted, ObjectsError> {
        everything(&self.0, key).await
    }

    /// [`Store::delete_everything`], for whoever has to know what was deleted by the time it failed too.
    ///
    /// # Errors
    /// As [`Store::delete_everything`]; `deleted` says how far it came.
    pub async fn delete_counting(
        &self,
        key: ObjectKey,
        deleted: &mut Deleted,
    ) -> Result<(), ObjectsError> {
        counting(&self.0, key, deleted).await
    }
}

pub(super) async fn everything(store: &Connected, key: ObjectKey) -> Result<Deleted, ObjectsError> {
    let mut deleted = Deleted::default();
    counting(store, key, &mut deleted).await?;
    Ok(deleted)
}

async fn counting(
    store: &Connected,
    key: ObjectKey,
    deleted: &mut Deleted,
) -> Result<(), ObjectsError> {
    // Uploads first: one that was completed meanwhile is a version by the time those are listed.
    if store.report.capabilities.lists_uploads.is_yes() {
        delete_uploads(store, key, deleted).await?;
    }
    if store.report.capabilities.lists_versions.is_yes() {
        delete_versions(store, key, deleted).await?;
    } else {
        if head(store, key).await?.is_some() {
            match delete(store, key, None).await {
                // Its answer was lost, and nobody else deletes.
                Err(error) if error.is_transient() && head(store, key).await?.is_none() => {}
                deleting => deleting?,
            }
            deleted.versions = 1;
        }
        deleted.verified_no_versions = store.report.capabilities.versioning == Answer::No;
    }
    if head(store, key).await?.is_some() {
        return Err(ObjectsError::NotDeleted {
            key,
            what: "the object",
        });
    }
    deleted.verified_absent = true;
    Ok(())
}

async fn delete_uploads(
    store: &Connected,
    key: ObjectKey,
    deleted: &mut Deleted,
) -> Result<(), ObjectsError> {
    for _ in 0..timing::DELETE_ROUNDS {
        let found = unfinished(store, store.name(key)).await?;
        let ours: Vec<_> = found
            .into_iter()
            .filter_map(|UnfinishedUpload { upload, .. }| upload.ok())
            .filter(|upload| upload.key() == key)
            .collect();
        if ours.is_empty() {
            deleted.verified_no_uploads = true;
            return Ok(());
        }
        for upload in ours {
            match abort(store, &upload).await {
                Err(error) if error.is_transient() && !is_under_way(store, &upload).await? => {}
                aborting => aborting?,
            }
            deleted.unfinished_uploads += 1;
        }
    }
    Err(ObjectsError::NotDeleted {
        key,
        what: "an unfinished upload",
    })
}

async fn delete_versions(
    store: &Connected,
    key: ObjectKey,
    deleted: &mut Deleted,
) -> Result<(), ObjectsError> {
    #[cfg(feature = "sabotage-for-tests-only")]
    if crate::sabotage::Sabotage::VersionKept.is_on() {
        deleted.verified_no_versions = true;
        return delete(store, key, None).await;
    }
    for _ in 0..timing::DELETE_ROUNDS {
        let (versions, markers) = versions_of(store, key).await?;
        if versions.is_empty() && markers.is_empty() {
            deleted.verified_no_versions = true;
            return Ok(());
        }
        for version in versions {
            delete_version(store, key, version).await?;
            deleted.versions += 1;
        }
        for marker in markers {
            delete_version(store, key, marker).await?;
            deleted.delete_markers += 1;
        }
    }
    Err(ObjectsError::NotDeleted {
        key,
        what: "a version of the object",
    })
}

/// Deletes a version or a marker. When every answer to that is lost, whether it is gone is looked up: it
/// counts as deleted here, since nobody else deletes.
async fn delete_version(
    store: &Connected,
    key: ObjectKey,
    version: Option<String>,
) -> Result<(), ObjectsError> {
    match delete(store, key, version.clone()).await {
        Err(error) if error.is_transient() => {
            let (versions, markers) = versions_of(store, key).await?;
            match versions.contains(&version) || markers.contains(&version) {
                true => Err(error),
                false => Ok(()),
            }
        }
        deleting => deleting,
    }
}

async fn is_under_way(store: &Connected, upload: &Upload) -> Result<bool, ObjectsError> {
    let found = unfinished(store, store.name(upload.key())).await?;
    let mut uploads = found.iter().filter_map(|found| found.upload.as_ref().ok());
    Ok(uploads.any(|found| found == upload))
}

/// The identifiers of the versions and the delete markers under exactly this key.
async fn versions_of(
    store: &Connected,
    key: ObjectKey,
) -> Result<(Vec<Option<String>>, Vec<Option<String>>), ObjectsError> {
    let name = store.name(key);
    let (mut versions, mut markers) = (Vec::new(), Vec::new());
    let (mut key_marker, mut version_marker) = (None, None);
    loop {
        let answer = store
            .client
            .list_object_versions()
            .bucket(&store.place.bucket)
            .prefix(&name)
            .set_key_marker(key_marker)
            .set_version_id_marker(version_marker)
            .send()
            .await
            .map_err(|error| cause(&store.place, Some(key), error))?;
        versions.extend(
            answer
                .versions()
                .iter()
                .filter(|version| version.key() == Some(&name))
                .map(|version| version.version_id().map(str::to_owned)),
        );
        markers.extend(
            answer
                .delete_markers()
                .iter()
                .filter(|marker| marker.key() == Some(&name))
                .map(|marker| marker.version_id().map(str::to_owned)),
        );
        key_marker = answer.next_key_marker;
        version_marker = answer.next_version_id_marker;
        if answer.is_truncated != Some(true) || key_marker.is_none() {
            return Ok((versions, markers));
        }
    }
}

async fn delete(
    store: &Connected,
    key: ObjectKey,
    version: Option<String>,
) -> Result<(), ObjectsError> {
    store
        .client
        .delete_object()
        .bucket(&store.place.bucket)
        .key(store.name(key))
        .set_version_id(version)
        .send()
        .await
        .map(drop)
        .map_err(|error| cause(&store.place, Some(key), error))
}
