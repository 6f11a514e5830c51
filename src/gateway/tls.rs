//! TLS, from a certificate and a key in PEM files: version 1.2 or 1.3, by ring.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};

/// Where the certificate and its key are.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, and after it those that vouch for it, in PEM.
    pub certificate: PathBuf,
    /// Its private key in PEM, readable by its owner alone.
    pub key: PathBuf,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}; check the path and who may read it", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The key can be read by others than its owner.
    #[error("{} can be read by others than its owner; take their rights away (chmod 600)", .0.display())]
    KeyNotPrivate(PathBuf),
    /// A file does not hold what it should.
    #[error("{} holds no {what} in PEM ({source}); give the right file", .path.display())]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// Certificate and key do not make a server.
    #[error(
        "the certificate and the key do not go together: {0}; give a certificate with its own key"
    )]
    Unusable(#[from] rustls::Error),
}

impl TlsFiles {
    /// Reads the files into a server's configuration.
    ///
    /// # Errors
    /// [`TlsError`] says which file is not acceptable, and why.
    pub(super) fn load(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let metadata = std::fs::metadata(&self.key).map_err(|e| unreadable(&self.key, e))?;
        if metadata.mode() & 0o077 != 0 {
            return Err(TlsError::KeyNotPrivate(self.key.clone()));
        }
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .and_then(|chain| match chain.is_empty() {
                true => Err(pem::Error::NoItemsFound),
                false => Ok(chain),
            })
            .map_err(|error| not_pem(&self.certificate, "certificate", error))?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .map_err(|error| not_pem(&self.key, "private key", error))?;
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn unreadable(path: &Path, source: io::Error) -> TlsError {
    TlsError::Unreadable {
        path: path.to_path_buf(),
        source,
    }
}

fn not_pem(path: &Path, what: &'static str, error: pem::Error) -> TlsError {
    match error {
        pem::Error::Io(source) => unreadable(path, source),
        source => TlsError::NotPem {
            path: path.to_path_buf(),
            what,
            source,
        },
    }
}
