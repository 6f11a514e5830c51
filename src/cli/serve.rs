//! `serve`: the gateway of a vault.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::unlock::{credentials_dir, identities};
use crate::clock::SystemClock;
use crate::entropy::SystemEntropy;
use crate::gateway::{Gateway, Options, TlsFiles, asked_to_stop};
use crate::limits::{COPY_EVERY, VERIFIED_FIRST};
use crate::objects::CredentialsSource;
use crate::vault::Means;
use crate::work;

/// The credential with the store's access key, in the format of an AWS credentials file.
const STORE_CREDENTIAL: &str = "s3-credentials";

/// Run the gateway of a vault.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The vault's folder.
    #[arg(long, value_name = "DIR", env = "STRONGROOM_VAULT")]
    vault: PathBuf,
    /// The address to listen on; other machines reach it only with TLS.
    #[arg(
        long,
        value_name = "ADDR",
        env = "STRONGROOM_LISTEN",
        default_value = "127.0.0.1:7420"
    )]
    listen: SocketAddr,
    /// The age identity that unlocks the vault (a systemd credential `unlock-identity` serves too).
    #[arg(long, value_name = "FILE", env = "STRONGROOM_IDENTITY")]
    identity: Option<PathBuf>,
    /// The certificate chain, in PEM.
    #[arg(
        long,
        value_name = "FILE",
        env = "STRONGROOM_TLS_CERT",
        requires = "tls_key"
    )]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM.
    #[arg(
        long,
        value_name = "FILE",
        env = "STRONGROOM_TLS_KEY",
        requires = "tls_cert"
    )]
    tls_key: Option<PathBuf>,
    /// How often the journal is copied to the bucket, in seconds: what was acknowledged longer ago than
    /// this outlives the machine.
    #[arg(long, value_name = "SECONDS", env = "STRONGROOM_COPY_EVERY", default_value_t = COPY_EVERY.as_secs(), value_parser = clap::value_parser!(u64).range(1..=3600))]
    copy_every: u64,
    /// The journal and the index are verified whole before anything is answered unless they have more
    /// records or rows than this. Of larger ones whatever an answer is from is verified first, and the rest
    /// meanwhile; should it not be what was written, the gateway seals itself.
    #[arg(long, value_name = "COUNT", env = "STRONGROOM_VERIFIED_FIRST", default_value_t = VERIFIED_FIRST)]
    verified_first: u64,
}

pub(super) async fn run(args: Args, out: &Output) -> Result<(), Failure> {
    let identities = identities(args.identity.as_deref(), &args.vault)?;
    let (credentials, first) = (store_credentials(), args.verified_first);
    let (service, opening) =
        work::open_to_serve(&args.vault, &identities, credentials, means(), first).await?;
    drop(identities);
    let mut options = Options::on(args.listen);
    options.copy_every = Duration::from_secs(args.copy_every);
    options.tls = args
        .tls_cert
        .zip(args.tls_key)
        .map(|(certificate, key)| TlsFiles { certificate, key });
    let failed = |error: &dyn std::fmt::Display| Failure::failed(error.to_string());
    let gateway = Gateway::bind(Arc::clone(&service), options).map_err(|e| failed(&e))?;
    let url = gateway.url();
    let stop = asked_to_stop().map_err(|error| failed(&error))?;
    // In words they are in the log already, each in a line of its own.
    let answer = json!({ "listening": url, "remarks": opening.remarks });
    out.answer(&answer, || format!("listening on {url}"));
    let served = gateway.serve(stop).await;
    let closed = service.close().await;
    served.map_err(|error| failed(&error))?;
    match closed {
        // A transfer that outlived its time; everything acknowledged is durable without this.
        Err(work::WorkError::Conflict(why)) => {
            tracing::warn!(%why, "stopped while transfers were running");
            Ok(())
        }
        closed => Ok(closed?),
    }
}

/// The machine's clock and randomness.
pub(super) fn means() -> Means {
    Means {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy::new()),
    }
}

/// The systemd credential, or whatever the standard chain finds.
pub(super) fn store_credentials() -> CredentialsSource {
    let file = credentials_dir().map(|dir| dir.join(STORE_CREDENTIAL));
    match file.filter(|file| file.exists()) {
        Some(file) => CredentialsSource::File(file),
        None => CredentialsSource::Standard,
    }
}
