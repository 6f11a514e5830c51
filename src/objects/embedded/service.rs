//! The S3 operations that the embedded store knows, each a thin layer over the disk.

use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::BoxFuture;
use s3s::dto::*;
use s3s::{S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::disk::{Disk, Incoming, is_absent};
use super::whole::{Stat, Whole};
use crate::limits::{PART_BYTES_MIN, PARTS_MAX};

/// Bytes gathered before they are written.
const BUFFER: usize = 512 * 1024;
/// Most entries in one page of a listing.
const PAGE: usize = 1000;

#[derive(Debug)]
pub(super) struct Service {
    disk: Arc<Disk>,
}

/// Everything this server does; whatever else is asked, it answers that it does not know.
macro_rules! operations {
    ($($operation:ident => $method:ident($input:ty) -> $output:ty;)+) => {
        impl S3 for Service {$(
            fn $operation<'life0, 'async_trait>(
                &'life0 self,
                request: S3Request<$input>,
            ) -> BoxFuture<'async_trait, S3Result<S3Response<$output>>>
            where
                'life0: 'async_trait,
                Self: 'async_trait,
            {
                Box::pin(async move { self.$method(request.input).await.map(S3Response::new) })
            }
        )+}
    };
}

operations! {
    head_bucket => head_bucket_of(HeadBucketInput) -> HeadBucketOutput;
    get_bucket_location => location_of(GetBucketLocationInput) -> GetBucketLocationOutput;
    get_bucket_versioning => versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput;
    get_bucket_replication => replication(GetBucketReplicationInput) -> GetBucketReplicationOutput;
    get_object_lock_configuration => lock(GetObjectLockConfigurationInput) -> GetObjectLockConfigurationOutput;
    put_object => put(PutObjectInput) -> PutObjectOutput;
    get_object => get(GetObjectInput) -> GetObjectOutput;
    head_object => head(HeadObjectInput) -> HeadObjectOutput;
    delete_object => delete(DeleteObjectInput) -> DeleteObjectOutput;
    list_objects_v2 => list(ListObjectsV2Input) -> ListObjectsV2Output;
    create_multipart_upload => begin(CreateMultipartUploadInput) -> CreateMultipartUploadOutput;
    upload_part => put_part(UploadPartInput) -> UploadPartOutput;
    list_parts => parts(ListPartsInput) -> ListPartsOutput;
    complete_multipart_upload => complete(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput;
    abort_multipart_upload => abort(AbortMultipartUploadInput) -> AbortMultipartUploadOutput;
    list_multipart_uploads => uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput;
}

impl Service {
    pub(super) fn new(disk: Disk) -> Self {
        Self {
            disk: Arc::new(disk),
        }
    }

    async fn head_bucket_of(&self, input: HeadBucketInput) -> S3Result<HeadBucketOutput> {
        self.bucket(&input.bucket)?;
        Ok(HeadBucketOutput::default())
    }

    /// It cannot say where this machine stands.
    async fn location_of(
        &self,
        input: GetBucketLocationInput,
    ) -> S3Result<GetBucketLocationOutput> {
        self.bucket(&input.bucket)?;
        Ok(GetBucketLocationOutput::default())
    }

    /// It keeps no versions, never did, and has no way to be told to.
    async fn versioning(
        &self,
        input: GetBucketVersioningInput,
    ) -> S3Result<GetBucketVersioningOutput> {
        self.bucket(&input.bucket)?;
        Ok(GetBucketVersioningOutput::default())
    }

    async fn replication(
        &self,
        input: GetBucketReplicationInput,
    ) -> S3Result<GetBucketReplicationOutput> {
        self.bucket(&input.bucket)?;
        Err(s3_error!(ReplicationConfigurationNotFoundError))
    }

    async fn lock(
        &self,
        input: GetObjectLockConfigurationInput,
    ) -> S3Result<GetObjectLockConfigurationOutput> {
        self.bucket(&input.bucket)?;
        Err(s3_error!(ObjectLockConfigurationNotFoundError))
    }

    async fn put(&self, input: PutObjectInput) -> S3Result<PutObjectOutput> {
        let object = self.object(&input.bucket, &input.key)?;
        if input.if_match.is_some() {
            return Err(s3_error!(
                NotImplemented,
                "no condition but If-None-Match: *"
            ));
        }
        let replace = input.if_none_match.is_none();
        if !replace && object.exists() {
            return Err(taken());
        }
        let incoming = self.receive(input.body).await?;
        let placed = self
            .on_disk(move |disk| disk.place(incoming, &object, replace))
            .await
            .map_err(|error| match error.kind() {
                ErrorKind::AlreadyExists => taken(),
                _ => broken(error),
            })?;
        Ok(PutObjectOutput {
            e_tag: Some(ETag::Strong(placed.etag)),
            ..Default::default()
        })
    }

    async fn get(&self, input: GetObjectInput) -> S3Result<GetObjectOutput> {
        let whole = self.open(&input.bucket, &input.key).await?;
        let about = whole.stat.clone();
        let etag = ETag::Strong(about.etag);
        let same = |condition: ETagCondition| match condition {
            ETagCondition::Any => true,
            ETagCondition::ETag(wanted) => wanted.strong_cmp(&etag),
        };
        if !input.if_match.is_none_or(same) {
            return Err(s3_error!(PreconditionFailed, "the object is another now"));
        }
        let span = match input.range {
            Some(range) => range.check(about.bytes)?,
            None => 0..about.bytes,
        };
        let content_range = input.range.map(|_| {
            let last = span.end.saturating_sub(1);
            format!("bytes {}-{last}/{}", span.start, about.bytes)
        });
        Ok(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(signed(span.end.saturating_sub(span.start))),
            content_range,
            body: Some(StreamingBlob::wrap(whole.read(span))),
            e_tag: Some(etag),
            last_modified: Some(about.modified.into()),
            ..Default::default()
        })
    }

    async fn head(&self, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
        let about = self.open(&input.bucket, &input.key).await?.stat;
        Ok(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(signed(about.bytes)),
            e_tag: Some(ETag::Strong(about.etag)),
            last_modified: Some(about.modified.into()),
            ..Default::default()
        })
    }

    async fn delete(&self, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
        let object = self.object(&input.bucket, &input.key)?;
        if input.version_id.is_some() {
            return Err(s3_error!(NotImplemented, "this store keeps no versions"));
        }
        self.on_disk(move |disk| disk.remove(&object))
            .await
            .map_err(broken)?;
        Ok(DeleteObjectOutput::default())
    }

    async fn list(&self, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
        self.bucket(&input.bucket)?;
        if input.delimiter.is_some() {
            return Err(s3_error!(NotImplemented, "no delimiters"));
        }
        let limit = page(input.max_keys);
        let after = [&input.continuation_token, &input.start_after];
        let after = after
            .into_iter()
            .flatten()
            .max()
            .cloned()
            .unwrap_or_default();
        let prefix = input.prefix.clone().unwrap_or_default();
        let bucket = input.bucket.clone();
        let (contents, more) = self
            .on_disk(move |disk| {
                let mut names = disk.names(&bucket, &prefix, &after)?;
                let more = names.len() > limit;
                names.truncate(limit);
                let entries = names.into_iter().filter_map(|name| {
                    let path = disk.object(&bucket, &name)?;
                    // Deleted since it was listed: then it is not there.
                    let about = Whole::open(&path).ok()?.stat;
                    Some((name, about))
                });
                Ok((entries.collect::<Vec<_>>(), more))
            })
            .await
            .map_err(broken)?;
        Ok(ListObjectsV2Output {
            is_truncated: Some(more),
            key_count: i32::try_from(contents.len()).ok(),
            next_continuation_token: contents
                .last()
                .map(|(name, _)| name.clone())
                .filter(|_| more),
            contents: Some(contents.into_iter().map(listed).collect()),
            name: Some(input.bucket),
            prefix: input.prefix,
            max_keys: i32::try_from(limit).ok(),
            ..Default::default()
        })
    }

    async fn begin(
        &self,
        input: CreateMultipartUploadInput,
    ) -> S3Result<CreateMultipartUploadOutput> {
        self.object(&input.bucket, &input.key)?;
        let (bucket, key) = (input.bucket.clone(), input.key.clone());
        let id = self
            .on_disk(move |disk| disk.begin(&bucket, &key))
            .await
            .map_err(broken)?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..Default::default()
        })
    }

    async fn put_part(&self, input: UploadPartInput) -> S3Result<UploadPartOutput> {
        let number = input.part_number;
        if !u64::try_from(number).is_ok_and(|n| (1..=PARTS_MAX).contains(&n)) {
            return Err(s3_error!(
                InvalidArgument,
                "parts are numbered from 1 to 10,000"
            ));
        }
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let incoming = self.receive(input.body).await?;
        let placed = self
            .on_disk(move |disk| disk.place_part(incoming, &upload, number))
            .await
            .map_err(no_upload)?;
        Ok(UploadPartOutput {
            e_tag: Some(ETag::Strong(placed.etag)),
            ..Default::default()
        })
    }

    async fn parts(&self, input: ListPartsInput) -> S3Result<ListPartsOutput> {
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let after = input.part_number_marker.unwrap_or_default();
        let limit = page(input.max_parts);
        let mut parts = self
            .on_disk(move |disk| disk.parts(&upload))
            .await
            .map_err(no_upload)?;
        parts.retain(|(number, _)| *number > after);
        let more = parts.len() > limit;
        parts.truncate(limit);
        Ok(ListPartsOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            is_truncated: Some(more),
            next_part_number_marker: parts.last().map(|(number, _)| *number),
            parts: Some(parts.into_iter().map(part).collect()),
            ..Default::default()
        })
    }

    async fn complete(
        &self,
        input: CompleteMultipartUploadInput,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let object = self.object(&input.bucket, &input.key)?;
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        if input.if_match.is_some() || input.if_none_match.is_some() {
            return Err(s3_error!(
                NotImplemented,
                "no conditions on completing an upload"
            ));
        }
        let wanted = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default();
        let listed = upload.clone();
        let parts = self
            .on_disk(move |disk| disk.parts(&listed))
            .await
            .map_err(no_upload)?;
        let numbers = chosen(&wanted, &parts)?;
        let placed = self
            .on_disk(move |disk| disk.join(&upload, &numbers, &object))
            .await
            .map_err(no_upload)?;
        Ok(CompleteMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(placed.etag)),
            ..Default::default()
        })
    }

    async fn abort(
        &self,
        input: AbortMultipartUploadInput,
    ) -> S3Result<AbortMultipartUploadOutput> {
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        self.on_disk(move |disk| disk.discard(&upload))
            .await
            .map_err(broken)?;
        Ok(AbortMultipartUploadOutput::default())
    }

    async fn uploads(
        &self,
        input: ListMultipartUploadsInput,
    ) -> S3Result<ListMultipartUploadsOutput> {
        self.bucket(&input.bucket)?;
        if input.delimiter.is_some() {
            return Err(s3_error!(NotImplemented, "no delimiters"));
        }
        let bucket = input.bucket.clone();
        let mut pending = self
            .on_disk(move |disk| disk.pending(&bucket))
            .await
            .map_err(broken)?;
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let after = input.key_marker.as_deref().map(|key| {
            // Without the second marker, every upload of the first one's key is past.
            let id = input.upload_id_marker.as_deref().unwrap_or("\u{10FFFF}");
            (key, id)
        });
        pending.retain(|upload| {
            upload.key.starts_with(prefix)
                && after.is_none_or(|after| (upload.key.as_str(), upload.id.as_str()) > after)
        });
        let limit = page(input.max_uploads);
        let more = pending.len() > limit;
        pending.truncate(limit);
        let last = pending.last().filter(|_| more);
        Ok(ListMultipartUploadsOutput {
            is_truncated: Some(more),
            next_key_marker: last.map(|upload| upload.key.clone()),
            next_upload_id_marker: last.map(|upload| upload.id.clone()),
            uploads: Some(
                pending
                    .into_iter()
                    .map(|upload| MultipartUpload {
                        key: Some(upload.key),
                        upload_id: Some(upload.id),
                        initiated: Some(upload.begun.into()),
                        ..Default::default()
                    })
                    .collect(),
            ),
            bucket: Some(input.bucket),
            prefix: input.prefix,
            ..Default::default()
        })
    }

    fn bucket(&self, bucket: &str) -> S3Result<()> {
        if self.disk.has_bucket(bucket) {
            Ok(())
        } else {
            Err(s3_error!(NoSuchBucket))
        }
    }

    fn object(&self, bucket: &str, key: &str) -> S3Result<PathBuf> {
        self.bucket(bucket)?;
        self.disk
            .object(bucket, key)
            .ok_or_else(|| s3_error!(InvalidArgument, "the key is not a plain path"))
    }

    fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<PathBuf> {
        self.object(bucket, key)?;
        self.disk
            .upload(bucket, key, id)
            .ok_or_else(|| s3_error!(NoSuchUpload))
    }

    async fn open(&self, bucket: &str, key: &str) -> S3Result<Whole> {
        let object = self.object(bucket, key)?;
        self.on_disk(move |_| Whole::open(&object))
            .await
            .map_err(no_key)
    }

    async fn receive(&self, body: Option<StreamingBlob>) -> S3Result<Incoming> {
        let mut body = body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let incoming = self.on_disk(|disk| disk.incoming()).await.map_err(broken)?;
        let mut file = File::from_std(incoming.file.try_clone().map_err(broken)?);
        file.set_max_buf_size(BUFFER);
        while let Some(piece) = body.next().await {
            let piece =
                piece.map_err(|error| S3Error::with_source(S3ErrorCode::IncompleteBody, error))?;
            file.write_all(&piece).await.map_err(broken)?;
        }
        file.flush().await.map_err(broken)?;
        Ok(incoming)
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Disk) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let disk = self.disk.clone();
        tokio::task::spawn_blocking(move || work(&disk))
            .await
            .map_err(io::Error::other)?
    }
}

/// The numbers of the parts asked for, if each is there, unchanged, and long enough.
fn chosen(wanted: &[CompletedPart], parts: &[(i32, Stat)]) -> S3Result<Vec<i32>> {
    let mut numbers = Vec::with_capacity(wanted.len());
    for (place, part) in wanted.iter().enumerate() {
        let number = part.part_number.unwrap_or_default();
        if numbers.last().is_some_and(|last| *last >= number) {
            return Err(s3_error!(InvalidPartOrder));
        }
        let about = parts
            .binary_search_by_key(&number, |(there, _)| *there)
            .ok()
            .and_then(|at| parts.get(at))
            .map(|(_, about)| about)
            .filter(|about| {
                part.e_tag
                    .as_ref()
                    .is_none_or(|tag| tag.value() == about.etag)
            })
            .ok_or_else(|| s3_error!(InvalidPart))?;
        if about.bytes < PART_BYTES_MIN && place + 1 < wanted.len() {
            return Err(s3_error!(EntityTooSmall));
        }
        numbers.push(number);
    }
    if numbers.is_empty() {
        return Err(s3_error!(InvalidPart, "an object needs at least one part"));
    }
    Ok(numbers)
}

fn listed((name, about): (String, Stat)) -> Object {
    Object {
        key: Some(name),
        size: Some(signed(about.bytes)),
        e_tag: Some(ETag::Strong(about.etag)),
        last_modified: Some(about.modified.into()),
        ..Default::default()
    }
}

fn part((number, about): (i32, Stat)) -> Part {
    Part {
        part_number: Some(number),
        size: Some(signed(about.bytes)),
        e_tag: Some(ETag::Strong(about.etag)),
        last_modified: Some(about.modified.into()),
        ..Default::default()
    }
}

fn page(asked: Option<i32>) -> usize {
    asked
        .and_then(|asked| usize::try_from(asked).ok())
        .map_or(PAGE, |asked| asked.clamp(1, PAGE))
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn taken() -> S3Error {
    s3_error!(PreconditionFailed, "there is an object of that name")
}

fn no_key(error: io::Error) -> S3Error {
    if is_absent(&error) {
        s3_error!(NoSuchKey)
    } else {
        broken(error)
    }
}

fn no_upload(error: io::Error) -> S3Error {
    match error.kind() {
        ErrorKind::NotFound => s3_error!(NoSuchUpload),
        _ => broken(error),
    }
}

fn broken(error: io::Error) -> S3Error {
    tracing::error!(%error, "the embedded store's disk failed");
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            let mut full = S3Error::with_message(
                S3ErrorCode::Custom("InsufficientStorage".into()),
                "the disk is full",
            );
            full.set_status_code(http::StatusCode::INSUFFICIENT_STORAGE);
            full
        }
        _ => S3Error::with_source(S3ErrorCode::InternalError, Box::new(error)),
    }
}
