//! Where the access key comes from: in memory, the standard chain, or a file.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::credentials::EnvironmentVariableCredentialsProvider;
use aws_config::imds;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
#[allow(
    deprecated,
    reason = "the replacement lives in a crate that promises no stability"
)]
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
use aws_config::provider_config::ProviderConfig;
use aws_sdk_s3::config::{
    Credentials, ProvideCredentials, Region, SharedCredentialsProvider, SharedHttpClient,
};

use super::config::{CredentialsSource, StoreConfig};
use super::error::ObjectsError;
use super::timing;

/// Others may not read a credentials file.
const OTHERS: u32 = 0o007;

/// Finds the access key, so that its absence is an error before anything else is tried.
pub(super) async fn find(
    config: &StoreConfig,
    http: SharedHttpClient,
) -> Result<SharedCredentialsProvider, ObjectsError> {
    let provider = provider(config, http).await?;
    match tokio::time::timeout(timing::CREDENTIALS, provider.provide_credentials()).await {
        Ok(Ok(_)) => Ok(provider),
        Ok(Err(error)) => Err(absent(config, &error.to_string())),
        Err(_) => Err(absent(config, "the search took too long")),
    }
}

async fn provider(
    config: &StoreConfig,
    http: SharedHttpClient,
) -> Result<SharedCredentialsProvider, ObjectsError> {
    let settings = ProviderConfig::without_region()
        .with_http_client(http)
        .with_region(Some(Region::new(config.region.as_str().to_owned())));
    Ok(match &config.credentials {
        CredentialsSource::Explicit(key) => {
            let secret = std::str::from_utf8(key.expose_secret()).map_err(|_| {
                ObjectsError::MissingCredentials {
                    detail: "the secret given is not text".to_owned(),
                }
            })?;
            SharedCredentialsProvider::new(Credentials::new(key.id(), secret, None, None, "given"))
        }
        CredentialsSource::File(path) => {
            check_file(path)?;
            SharedCredentialsProvider::new(file(path, &settings))
        }
        CredentialsSource::Standard if config.endpoint.is_aws() => {
            let metadata = imds::Client::builder()
                .configure(&settings)
                .max_attempts(1)
                .connect_timeout(timing::INSTANCE_METADATA)
                .read_timeout(timing::INSTANCE_METADATA)
                .operation_timeout(timing::INSTANCE_METADATA * 2)
                .build();
            SharedCredentialsProvider::new(
                DefaultCredentialsChain::builder()
                    .configure(settings)
                    .imds_client(metadata)
                    .build()
                    .await,
            )
        }
        // Amazon's roles mean nothing to another provider, and nothing answers for them there.
        CredentialsSource::Standard => SharedCredentialsProvider::new(
            CredentialsProviderChain::first_try(
                "Environment",
                EnvironmentVariableCredentialsProvider::new(),
            )
            .or_else(
                "Profile",
                ProfileFileCredentialsProvider::builder()
                    .configure(&settings)
                    .build(),
            ),
        ),
    })
}

#[allow(
    deprecated,
    reason = "the replacement lives in a crate that promises no stability"
)]
fn file(path: &Path, settings: &ProviderConfig) -> ProfileFileCredentialsProvider {
    let files = ProfileFiles::builder()
        .include_default_config_file(false)
        .include_default_credentials_file(false)
        .with_file(ProfileFileKind::Credentials, path)
        .build();
    ProfileFileCredentialsProvider::builder()
        .configure(settings)
        .profile_files(files)
        .build()
}

fn check_file(path: &Path) -> Result<(), ObjectsError> {
    let unusable = |why: String| ObjectsError::CredentialsFile {
        path: path.display().to_string(),
        why,
    };
    let mode = std::fs::metadata(path)
        .map_err(|error| unusable(error.to_string()))?
        .permissions()
        .mode();
    if mode & OTHERS != 0 {
        return Err(unusable(
            "everybody on this machine may read it; run chmod 600 on it".to_owned(),
        ));
    }
    Ok(())
}

fn absent(config: &StoreConfig, detail: &str) -> ObjectsError {
    match &config.credentials {
        CredentialsSource::File(path) => ObjectsError::CredentialsFile {
            path: path.display().to_string(),
            why: "it has no aws_access_key_id and aws_secret_access_key under [default]".to_owned(),
        },
        _ => ObjectsError::MissingCredentials {
            detail: detail.to_owned(),
        },
    }
}
