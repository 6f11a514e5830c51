//! Where the PIN of a token comes from: a file, a credential of the service, or a person. Never the
//! command line, the environment or the configuration.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::token::TokenError;
use super::unlock::{Ask, no_answer, read_secret};

/// The name of the credential that systemd passes a PIN under.
pub const PIN_CREDENTIAL: &str = "pkcs11-pin";

/// Where PINs are looked for when a slot's URI names no file.
#[derive(Clone)]
pub struct Pins {
    credentials: Option<PathBuf>,
    ask: Ask,
}

impl Pins {
    /// Looks in the directory of credentials, if there is one, and then asks.
    pub fn new(credentials: Option<PathBuf>, ask: Ask) -> Self {
        Self { credentials, ask }
    }

    /// The PIN of `token`, from the file `source` if one is named.
    pub(super) fn pin_of(
        &self,
        token: &str,
        source: Option<&Path>,
    ) -> Result<SecretString, TokenError> {
        if let Some(path) = source {
            return self.read(path);
        }
        let credential = self
            .credentials
            .as_ref()
            .map(|dir| dir.join(PIN_CREDENTIAL));
        if let Some(path) = credential.filter(|path| path.exists()) {
            return self.read(&path);
        }
        (self.ask)(&format!("PIN of {token}")).ok_or(TokenError::NoPin)
    }

    fn read(&self, path: &Path) -> Result<SecretString, TokenError> {
        let credentials = self.credentials.as_deref();
        // systemd lets the service in by an access list, which looks like the group's permission.
        let forbidden = match credentials.is_some_and(|dir| path.starts_with(dir)) {
            true => 0o007,
            false => 0o077,
        };
        let secret = read_secret(path, forbidden).map_err(TokenError::Pin)?;
        let text = std::str::from_utf8(secret.expose_secret()).map_err(|_| TokenError::NoPin)?;
        let pin = Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned());
        match pin.is_empty() {
            true => Err(TokenError::NoPin),
            false => Ok(SecretString::from(pin.as_str())),
        }
    }
}

/// Nobody is asked, so a PIN comes from the file that a slot's URI names or not at all.
impl Default for Pins {
    fn default() -> Self {
        Self::new(None, no_answer())
    }
}

impl fmt::Debug for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pins")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::Arc;

    fn file(dir: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = dir.join(name);
        std::fs::write(&path, text).expect("written");
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(&path, mode).expect("chmod");
        path
    }

    #[test]
    fn a_pin_is_read_from_the_file_named_then_the_credential_then_a_person() {
        let dir = tempfile::tempdir().expect("a folder");
        let named = file(dir.path(), "pin", "1234\n", 0o600);
        let asked: Ask = Arc::new(|question| {
            assert_eq!(question, "PIN of the token");
            Some(SecretString::from("typed"))
        });
        let credentials = dir.path().join("credentials");
        std::fs::create_dir(&credentials).expect("a folder");
        let pins = Pins::new(Some(credentials.clone()), asked);
        let of = |source| pins.pin_of("the token", source).expect("a PIN");
        assert_eq!(of(Some(&named)).expose_secret(), "1234");
        assert_eq!(of(None).expose_secret(), "typed");
        file(&credentials, PIN_CREDENTIAL, "sealed", 0o440);
        assert_eq!(of(None).expose_secret(), "sealed");
        let nobody = Pins::default().pin_of("the token", None);
        assert!(matches!(nobody, Err(TokenError::NoPin)));
    }

    #[test]
    fn a_pin_that_others_may_read_and_an_empty_one_are_refused() {
        let dir = tempfile::tempdir().expect("a folder");
        let open = file(dir.path(), "open", "1234", 0o640);
        let refused = Pins::default().pin_of("the token", Some(&open));
        let error = refused.expect_err("others may read it");
        assert!(matches!(error, TokenError::Pin(_)), "{error}");
        assert!(!error.to_string().contains("1234"));
        let empty = file(dir.path(), "empty", "\n", 0o600);
        let refused = Pins::default().pin_of("the token", Some(&empty));
        assert!(matches!(refused, Err(TokenError::NoPin)));
    }
}
