//! Unlocking: the identities that open a root slot, and where they are read from.
//!
//! An identity is age's own, a plugin's (a hardware token), or an SSH key; any of them may be
//! protected by a passphrase. It is read from a file that only its owner may read, or from the
//! directory of credentials that systemd gives a service; paths are passed in, and no environment
//! variable is looked at here.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path};
use std::sync::Arc;

use age::armor::ArmoredReader;
use age::{DecryptError, Decryptor, IdentityFile};
use rustix::fs::OFlags;
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::limits::{AGE_RECIPIENTS_MAX, IDENTITY_BYTES_MAX, SCRYPT_WORK_MAX};
use crate::secret::SecretBytes;

use super::pins::Pins;

/// Asks a person for a passphrase or PIN, given the question; nothing when nobody can be asked.
pub type Ask = Arc<dyn Fn(&str) -> Option<SecretString> + Send + Sync>;

/// An [`Ask`] that never answers, for a service without a terminal.
pub fn no_answer() -> Ask {
    Arc::new(|_| None)
}

/// What opens root slots: private keys, and where the PINs of tokens come from.
pub struct Identities {
    keys: Vec<Box<dyn age::Identity + Send + Sync>>,
    pins: Pins,
}

impl Identities {
    fn new(keys: Vec<Box<dyn age::Identity + Send + Sync>>) -> Self {
        let pins = Pins::default();
        Self { keys, pins }
    }

    /// The same, with PINs from `pins`.
    #[must_use]
    pub fn with_pins(self, pins: Pins) -> Self {
        Self { pins, ..self }
    }

    /// Where PINs come from.
    pub fn pins(&self) -> &Pins {
        &self.pins
    }

    /// Opens an age file, or gives nothing when it is sealed to others.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Option<SecretBytes>, UnlockError> {
        let decryptor = Decryptor::new_buffered(sealed).map_err(UnlockError::Open)?;
        let each = self
            .keys
            .iter()
            .map(|identity| &**identity as &dyn age::Identity);
        match decryptor.decrypt(each) {
            Ok(reader) => read_bounded(reader, open_failed).map(Some),
            Err(DecryptError::NoMatchingKeys) => Ok(None),
            Err(error) => Err(UnlockError::Open(error)),
        }
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identities(redacted)")
    }
}

/// Draws a new age identity: the secret, and the recipient to seal to.
///
/// It is drawn by the `age` crate, which goes to the operating system itself.
pub fn generate_identity() -> (SecretString, String) {
    let identity = age::x25519::Identity::generate();
    (identity.to_string(), identity.to_public().to_string())
}

/// Writes an identity to a new file that nobody but its owner may read.
///
/// # Errors
/// [`UnlockError::Write`] when it cannot be written, also because something is there already.
pub fn write_identity(path: &Path, identity: &SecretString) -> Result<(), UnlockError> {
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            writeln!(file, "{}", identity.expose_secret())?;
            file.sync_all()
        });
    written.map_err(|source| UnlockError::Write {
        place: path.display().to_string(),
        source,
    })
}

/// Reads identities from a regular file that nobody but its owner may read.
///
/// # Errors
/// [`UnlockError::TooOpen`] when others may read it, [`UnlockError::Read`] when it cannot be read,
/// and whatever [`identities_from_bytes`] finds wrong.
pub fn identities_from_file(path: &Path, ask: &Ask) -> Result<Identities, UnlockError> {
    identities_from_bytes(&read_secret(path, 0o077)?, ask)
}

/// Reads identities from the credential `name` in the directory systemd passes a service.
///
/// systemd lets the service's user in by an access list, which looks like a permission of the
/// group; so here only a file that everybody may read is refused.
///
/// # Errors
/// [`UnlockError::NotACredential`] when `name` is more than a file name, and otherwise as
/// [`identities_from_file`].
pub fn identities_from_credential(
    directory: &Path,
    name: &str,
    ask: &Ask,
) -> Result<Identities, UnlockError> {
    let mut parts = Path::new(name).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(only)), None) if only == name => {}
        _ => return Err(UnlockError::NotACredential),
    }
    identities_from_bytes(&read_secret(&directory.join(name), 0o007)?, ask)
}

/// Parses an age identity file, plain or protected by a passphrase, or an SSH private key.
///
/// # Errors
/// [`UnlockError`], named by what is wrong; none of them repeats the contents.
pub fn identities_from_bytes(bytes: &SecretBytes, ask: &Ask) -> Result<Identities, UnlockError> {
    let secret = bytes.expose_secret();
    if secret.len() > IDENTITY_BYTES_MAX {
        return Err(UnlockError::TooLong);
    }
    match is_age_file(secret) {
        true => plain_identities(decrypt_identities(secret, ask)?.expose_secret(), ask),
        false => plain_identities(secret, ask),
    }
}

fn plain_identities(secret: &[u8], ask: &Ask) -> Result<Identities, UnlockError> {
    match secret.starts_with(b"-----BEGIN ") {
        true => Ok(Identities::new(vec![Box::new(ssh_identity(secret, ask)?)])),
        false => age_identities(secret, ask),
    }
}

fn age_identities(secret: &[u8], ask: &Ask) -> Result<Identities, UnlockError> {
    let file = IdentityFile::from_buffer(secret).map_err(UnlockError::NotAnIdentity)?;
    let parsed = file
        .with_callbacks(plugin_talk(ask.clone()))
        .into_identities();
    match parsed {
        Ok(identities) if identities.is_empty() => Err(UnlockError::NoIdentity),
        Ok(identities) => Ok(Identities::new(identities)),
        Err(DecryptError::PluginResolve(age::plugin::ResolveError::MissingPlugin {
            binary_name,
        })) => Err(UnlockError::NoPlugin {
            name: binary_name.trim_start_matches("age-plugin-").to_owned(),
        }),
        Err(error) => Err(UnlockError::Open(error)),
    }
}

fn ssh_identity(secret: &[u8], ask: &Ask) -> Result<age::ssh::Identity, UnlockError> {
    match age::ssh::Identity::from_buffer(secret, None).map_err(UnlockError::NotAnIdentity)? {
        age::ssh::Identity::Encrypted(key) => {
            let passphrase = ask("Passphrase of the SSH key").ok_or(UnlockError::NobodyAnswered)?;
            let key = key.decrypt(passphrase).map_err(|error| match error {
                DecryptError::KeyDecryptionFailed => UnlockError::WrongPassphrase,
                error => UnlockError::Open(error),
            })?;
            Ok(age::ssh::Identity::Unencrypted(key))
        }
        age::ssh::Identity::Unsupported(_) => Err(UnlockError::UnsupportedSshKey),
        identity @ age::ssh::Identity::Unencrypted(_) => Ok(identity),
    }
}

fn is_age_file(secret: &[u8]) -> bool {
    secret.starts_with(b"age-encryption.org/")
        || secret.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

fn decrypt_identities(secret: &[u8], ask: &Ask) -> Result<SecretBytes, UnlockError> {
    let decryptor =
        Decryptor::new_buffered(ArmoredReader::new(secret)).map_err(UnlockError::Open)?;
    if !decryptor.is_scrypt() {
        return Err(UnlockError::NotByPassphrase);
    }
    let passphrase = ask("Passphrase of the identity").ok_or(UnlockError::NobodyAnswered)?;
    let mut identity = age::scrypt::Identity::new(passphrase);
    identity.set_max_work_factor(SCRYPT_WORK_MAX);
    match decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)) {
        Ok(reader) => read_bounded(reader, open_failed),
        Err(DecryptError::DecryptionFailed) => Err(UnlockError::WrongPassphrase),
        Err(DecryptError::ExcessiveWork { required, .. }) => {
            Err(UnlockError::ExcessiveWork { required })
        }
        Err(error) => Err(UnlockError::Open(error)),
    }
}

/// Reads the file through one descriptor, so that what was checked is what is read.
pub(super) fn read_secret(path: &Path, forbidden: u32) -> Result<SecretBytes, UnlockError> {
    let place = || path.display().to_string();
    let failed = |source| UnlockError::Read {
        place: place(),
        source,
    };
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    let mode = about.mode() & 0o777;
    if !about.is_file() {
        return Err(UnlockError::NotAFile { place: place() });
    }
    if mode & forbidden != 0 {
        let place = place();
        return Err(UnlockError::TooOpen { place, mode });
    }
    read_bounded(file, failed)
}

/// Reads to the end, but no further than an identity may be long.
fn read_bounded(
    reader: impl Read,
    failed: impl FnOnce(io::Error) -> UnlockError,
) -> Result<SecretBytes, UnlockError> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(IDENTITY_BYTES_MAX + 1));
    reader
        .take(IDENTITY_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > IDENTITY_BYTES_MAX {
        return Err(UnlockError::TooLong);
    }
    Ok(SecretBytes::new(std::mem::take(&mut *bytes)))
}

fn open_failed(error: io::Error) -> UnlockError {
    UnlockError::Open(error.into())
}

/// Lets an age plugin ask for a PIN, and nothing else.
#[derive(Clone)]
pub(super) struct PluginTalk(Ask);

pub(super) fn plugin_talk(ask: Ask) -> PluginTalk {
    PluginTalk(ask)
}

impl age::Callbacks for PluginTalk {
    fn display_message(&self, message: &str) {
        tracing::info!(?message, "the unlock plugin says");
    }

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn request_public_string(&self, _: &str) -> Option<String> {
        None
    }

    fn request_passphrase(&self, question: &str) -> Option<SecretString> {
        (self.0)(question)
    }
}

/// Why there is no identity to unlock with, or no recipient to seal to.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// A file cannot be read.
    #[error("cannot read the identity in {place}: {source}; correct the path or the file's owner")]
    Read {
        /// The path.
        place: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The path is a directory, a pipe or a device.
    #[error("{place} is not a regular file; put the identity into one")]
    NotAFile {
        /// The path.
        place: String,
    },
    /// Others may read the file.
    #[error(
        "{place} may be read by others (mode {mode:03o}); run `chmod 600` on it, and make a new identity if anyone has"
    )]
    TooOpen {
        /// The path.
        place: String,
        /// Its permission bits.
        mode: u32,
    },
    /// A file cannot be written.
    #[error(
        "cannot write the identity to {place}: {source}; nothing is overwritten, so choose another path"
    )]
    Write {
        /// The path.
        place: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A credential's name leads elsewhere.
    #[error("a credential is named by its file name alone, without any directory")]
    NotACredential,
    /// It is longer than any identity.
    #[error(
        "the identity is longer than {IDENTITY_BYTES_MAX} bytes, so it is something else; correct the path"
    )]
    TooLong,
    /// It is no identity.
    #[error("this is not an age identity or an SSH key: {0}")]
    NotAnIdentity(#[source] io::Error),
    /// It has no key in it.
    #[error("there is no key in the identity file; make one with `age-keygen`")]
    NoIdentity,
    /// An encrypted identity is sealed to keys and not by a passphrase.
    #[error(
        "the identity file is encrypted to a key, not by a passphrase; decrypt it with `age -d` first"
    )]
    NotByPassphrase,
    /// A passphrase or PIN was needed, and nobody could be asked.
    #[error(
        "the identity needs a passphrase and nobody could be asked; unlock from a terminal, or use an identity without one in a credential"
    )]
    NobodyAnswered,
    /// The passphrase does not open the identity.
    #[error("that is not the identity's passphrase; try again")]
    WrongPassphrase,
    /// Opening would cost more memory and time than is allowed.
    #[error(
        "the identity's passphrase was set with work factor {required}, and at most \
         {SCRYPT_WORK_MAX} is accepted (1 GiB of memory); encrypt it again with `age -p`"
    )]
    ExcessiveWork {
        /// The base-2 logarithm of scrypt's N.
        required: u8,
    },
    /// age has no use for SSH keys of this kind.
    #[error(
        "SSH keys of this kind cannot be used; use an ssh-ed25519 or ssh-rsa key in OpenSSH's own format"
    )]
    UnsupportedSshKey,
    /// A plugin is not installed.
    #[error("the program `age-plugin-{name}` is not on the path; install it and try again")]
    NoPlugin {
        /// The plugin.
        name: String,
    },
    /// Something sealed to the identity does not open.
    #[error("the identity does not open it: {0}")]
    Open(#[source] DecryptError),
    /// Nothing can be sealed to these recipients.
    #[error("cannot seal to these recipients: {0}")]
    Seal(#[source] age::EncryptError),
    /// No recipient was named.
    #[error("no recipient is named, so nobody could unlock the vault; name at least one")]
    NoRecipients,
    /// More recipients were named than a slot has room for.
    #[error("{found} recipients are named, and at most {AGE_RECIPIENTS_MAX} are kept")]
    TooManyRecipients {
        /// How many were named.
        found: usize,
    },
    /// A text is no recipient.
    #[error(
        "recipient {number} is not one: it begins with `age1`, `ssh-ed25519` or `ssh-rsa`; copy it whole and try again"
    )]
    NotARecipient {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// A private key was given where a public one belongs.
    #[error(
        "recipient {number} is a private key; name its recipient instead (`age-keygen -y`), and if others saw it make a new one"
    )]
    SecretAsRecipient {
        /// Its place in the list, from 1.
        number: usize,
    },
}
