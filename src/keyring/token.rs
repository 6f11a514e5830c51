//! What a slot asks of a token that holds keys, and why a token does not do it.

use std::fmt::Debug;
use std::path::PathBuf;

use super::unlock::UnlockError;

/// A token that holds one key an epoch, which never leaves it.
pub(super) trait Token: Debug + Send + Sync {
    /// The token, for a person.
    fn describe(&self) -> String;
    /// Whose token it is and which model, as it says itself.
    fn made_by(&self) -> String;
    /// The epochs it holds keys of, in order.
    fn epochs(&self) -> Result<Vec<u64>, TokenError>;
    /// Draws the key of an epoch, which there is none of yet.
    fn make(&self, epoch: u64) -> Result<(), TokenError>;
    /// Seals `value` under the key of `epoch`, bound to `context`.
    fn seal(&self, epoch: u64, context: &[u8], value: &[u8]) -> Result<Vec<u8>, TokenError>;
    /// Opens what [`Token::seal`] gave.
    fn open(&self, epoch: u64, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, TokenError>;
    /// Destroys the key of an epoch.
    fn destroy(&self, epoch: u64) -> Result<(), TokenError>;
}

/// Why a token does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is no such module.
    #[error(
        "there is no PKCS#11 module at {}; install the token's driver, or correct `module-path`", .path.display()
    )]
    NoModule {
        /// The module's path.
        path: PathBuf,
    },
    /// The module does not load.
    #[error(
        "the PKCS#11 module {} does not load ({answer}); look at its own configuration and the log of the token's service", .path.display()
    )]
    ModuleRefuses {
        /// The module's path.
        path: PathBuf,
        /// What was said.
        answer: String,
    },
    /// No token is like the one named.
    #[error(
        "it is not connected; connect it, or correct the URI. No other is used in its place, because nothing in the vault would open with it"
    )]
    NoToken,
    /// Several tokens are like the one named.
    #[error(
        "several tokens answer to that; add `serial=` to the URI, in the configuration as well"
    )]
    SeveralTokens,
    /// The token lacks a way of sealing.
    #[error(
        "it does not know {missing}, and a root is sealed with nothing else; use another token"
    )]
    CannotSeal {
        /// The mechanism.
        missing: &'static str,
    },
    /// The PIN cannot be read.
    #[error("its PIN cannot be read: {0}")]
    Pin(#[source] UnlockError),
    /// Nobody gave the PIN.
    #[error(
        "nobody gave its PIN: put it into a file that only the service may read and name that with `pin-source=file:…` in the URI, give it as the credential `pkcs11-pin`, or start at a terminal"
    )]
    NoPin,
    /// The PIN is wrong.
    #[error(
        "it refuses the PIN, which was tried once; correct it before the next start, because a token locks after a few wrong ones"
    )]
    WrongPin,
    /// One more wrong PIN would lock it.
    #[error(
        "one more wrong PIN locks it, so none was tried; log in once with the token's own program and the right PIN, correct the PIN given here, and start again"
    )]
    LastTry,
    /// The PIN is locked, expired or not set.
    #[error(
        "its PIN is {state}; the holder of its security officer's PIN can set it anew, and the keys stay. Until then use the vault's other slot"
    )]
    PinUnusable {
        /// What it is.
        state: &'static str,
    },
    /// A new key is not what was asked for.
    #[error("it made a key that {fault}; the key was destroyed again: use another token")]
    Careless {
        /// What is wrong with the key.
        fault: &'static str,
    },
    /// A key has no epoch, or two have the same.
    #[error(
        "it holds keys under this slot's name that this program did not make ({what}); name another `object=`, or remove them with the token's own program"
    )]
    Strange {
        /// What is strange.
        what: &'static str,
    },
    /// It holds keys where a slot was to be made.
    #[error("it holds keys of this slot already; name another `object=` in the URI")]
    Occupied,
    /// There is no key of an epoch.
    #[error("it holds no key of epoch {epoch}")]
    NoKey {
        /// The epoch.
        epoch: u64,
    },
    /// A key was destroyed and is found still.
    #[error(
        "it confirmed that the key of epoch {epoch} is destroyed and shows it still; nothing counts as effaced: restart, and replace the token if it happens again"
    )]
    StillThere {
        /// The epoch.
        epoch: u64,
    },
    /// The token went away.
    #[error("it does not answer any more ({answer}); connect it and restart")]
    Gone {
        /// What was said.
        answer: String,
    },
    /// The token refused.
    #[error("{doing} failed: {answer}; look at the token, then try again")]
    Refused {
        /// What was being done.
        doing: &'static str,
        /// What was said.
        answer: String,
    },
}
