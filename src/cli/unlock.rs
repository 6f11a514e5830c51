//! Finding the identity that unlocks a vault, and asking for its passphrase.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use super::failure::Failure;
use crate::keyring::{Ask, Identities, Pins, UnlockError, unlock};
use crate::vault::Config;

/// The credential's name, and the file's in the vault's folder.
const CREDENTIAL: &str = "unlock-identity";
const FILE: &str = "unlock-identity.txt";

/// The identity at `given`, or the systemd credential, or the one in the vault's folder.
pub(super) fn identities(given: Option<&Path>, vault: &Path) -> Result<Identities, Failure> {
    let found = find(given, vault)?;
    Ok(found.with_pins(pins()))
}

/// Where the PINs of tokens come from: the service's credentials, or whoever is at the terminal.
pub(super) fn pins() -> Pins {
    Pins::new(credentials_dir(), ask())
}

fn find(given: Option<&Path>, vault: &Path) -> Result<Identities, Failure> {
    let failed = |error: UnlockError| Failure::failed(error.to_string());
    if let Some(path) = given {
        return unlock::identities_from_file(path, &ask()).map_err(failed);
    }
    if let Some(credentials) = credentials_dir()
        && credentials.join(CREDENTIAL).exists()
    {
        return unlock::identities_from_credential(&credentials, CREDENTIAL, &ask())
            .map_err(failed);
    }
    let path = vault.join(FILE);
    // Where a vault was never finished, half an identity may lie: what is wrong is not the identity.
    Config::read(vault).map_err(|error| Failure::failed(error.to_string()))?;
    if !path.exists() {
        return Err(Failure::failed(format!(
            "there is no identity to unlock the vault with; give it with --identity FILE (looked for the credential `{CREDENTIAL}` and {})",
            path.display()
        )));
    }
    unlock::identities_from_file(&path, &ask()).map_err(failed)
}

/// The folder in which systemd passes credentials.
pub(super) fn credentials_dir() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// Asks on the terminal without showing what is typed; nobody is asked when there is none.
fn ask() -> Ask {
    Arc::new(|question: &str| {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let answer = rpassword::prompt_password(format!("{question}: ")).ok()?;
        Some(SecretString::from(answer))
    })
}
