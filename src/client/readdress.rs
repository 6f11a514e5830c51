//! Re-addressing an age file on its way to the disk: a fresh header in front of the same payload.
//!
//! So a passphrase need never be told to a gateway: it seals to a key made for this one transfer,
//! and here, where the passphrase is, the header is exchanged.

use std::fmt;

use age::secrecy::SecretString;

use crate::agefile::{AgeError, Recipients, open_header, write_header};

/// An exchange of headers under way.
pub(super) struct Readdress<'a> {
    identity: &'a age::x25519::Identity,
    passphrase: &'a SecretString,
    /// The header as far as it has come; nothing once it is exchanged.
    gathered: Option<Vec<u8>>,
}

impl<'a> Readdress<'a> {
    /// From what `identity` opens to what `passphrase` opens.
    pub(super) fn new(identity: &'a age::x25519::Identity, passphrase: &'a SecretString) -> Self {
        Self {
            identity,
            passphrase,
            gathered: Some(Vec::new()),
        }
    }

    /// What `piece` becomes: nothing while the header is not whole, then the new header and what
    /// follows, then every piece as it is.
    pub(super) fn pass(&mut self, piece: &[u8]) -> Result<Option<Vec<u8>>, AgeError> {
        let Some(gathered) = &mut self.gathered else {
            return Ok(None);
        };
        gathered.extend_from_slice(piece);
        let mut rest = gathered.as_slice();
        let file_key = match open_header(&mut rest, [self.identity as &dyn age::Identity]) {
            Ok(file_key) => file_key,
            Err(AgeError::HeaderTruncated) => return Ok(Some(Vec::new())),
            Err(error) => return Err(error),
        };
        let to = Recipients::passphrase(self.passphrase.clone());
        let mut out = write_header(&file_key, &to)?;
        out.extend_from_slice(rest);
        self.gathered = None;
        Ok(Some(out))
    }

    /// Whether the header was exchanged.
    pub(super) fn is_done(&self) -> bool {
        self.gathered.is_none()
    }
}

impl fmt::Debug for Readdress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Readdress")
    }
}
