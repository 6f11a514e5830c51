//! The SDK's client, with everything it would otherwise assume stated.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Config, Region, RequestChecksumCalculation, ResponseChecksumValidation,
};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use super::config::StoreConfig;
use super::credentials;
use super::error::ObjectsError;
use super::timing;

/// A client that speaks to the one endpoint, verifies its certificate, follows no redirect and asks
/// no proxy.
pub(super) async fn build(config: &StoreConfig) -> Result<Client, ObjectsError> {
    let http = Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https();
    let credentials = credentials::find(config, http.clone()).await?;
    let amazon = config.endpoint.is_aws();
    // Compatible servers may reject the checksums that the SDK sends by default since 2025. Every
    // payload is hashed into the request's signature and authenticated by its own encryption.
    let (request_checksums, response_checksums) = if amazon {
        (
            RequestChecksumCalculation::WhenSupported,
            ResponseChecksumValidation::WhenSupported,
        )
    } else {
        (
            RequestChecksumCalculation::WhenRequired,
            ResponseChecksumValidation::WhenRequired,
        )
    };
    let builder = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .credentials_provider(credentials)
        .region(Region::new(config.region.as_str().to_owned()))
        .endpoint_url(config.endpoint.url())
        .force_path_style(!amazon)
        .use_arn_region(false)
        .disable_multi_region_access_points(true)
        .disable_s3_express_session_auth(true)
        .request_checksum_calculation(request_checksums)
        .response_checksum_validation(response_checksums);
    Ok(Client::from_conf(timing::apply(builder).build()))
}
