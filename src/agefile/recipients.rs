//! Whom a header is written to.

use std::collections::BTreeMap;
use std::fmt;

use age::secrecy::SecretString;
use age::{NoCallbacks, plugin, scrypt, ssh, tag, tagpq, x25519};

use super::AgeError;
use crate::limits::{AGE_RECIPIENTS_MAX, SCRYPT_WORK};

/// Anything a file key can be wrapped to.
pub type BoxedRecipient = Box<dyn age::Recipient + Send + Sync>;

/// Whether recipients may bring programs of their own.
///
/// A plugin recipient runs the program `age-plugin-NAME` found on the path, so one that came from
/// somebody else must not be let run on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugins {
    /// Programs run, without talking to anybody.
    Run,
    /// Recipients that need one are refused.
    Refuse,
}

/// The recipients of one file: at least one, and no more than [`AGE_RECIPIENTS_MAX`].
pub struct Recipients(Vec<BoxedRecipient>);

impl Recipients {
    /// Reads recipients as people write them: `age1…`, an SSH public key, or a plugin's `age1name1…`.
    ///
    /// # Errors
    /// [`AgeError::NotARecipient`] and its neighbours, which name the place and never repeat the text.
    pub fn parse<T: AsRef<str>>(texts: &[T], plugins: Plugins) -> Result<Self, AgeError> {
        counted(texts.len())?;
        let mut recipients = Vec::new();
        let mut by_plugin = BTreeMap::<String, Vec<plugin::Recipient>>::new();
        for (place, text) in (1..).zip(texts) {
            match parse_one(text.as_ref().trim(), place)? {
                Parsed::Native(recipient) => recipients.push(recipient),
                Parsed::Plugin(recipient) => {
                    let plugin = recipient.plugin().to_owned();
                    if plugins == Plugins::Refuse {
                        return Err(AgeError::PluginNotAllowed { place, plugin });
                    }
                    by_plugin.entry(plugin).or_default().push(recipient);
                }
            }
        }
        for (plugin, theirs) in by_plugin {
            recipients.push(
                plugin::RecipientPluginV1::new(&plugin, &theirs, &[], NoCallbacks)
                    .map(|recipient| Box::new(recipient) as BoxedRecipient)
                    .map_err(|_| AgeError::PluginMissing { plugin })?,
            );
        }
        Ok(Self(recipients))
    }

    /// Takes recipients that are at hand already, such as an identity's own public key.
    ///
    /// # Errors
    /// [`AgeError::NoRecipients`] and [`AgeError::TooManyRecipients`].
    pub fn new(recipients: Vec<BoxedRecipient>) -> Result<Self, AgeError> {
        counted(recipients.len())?;
        Ok(Self(recipients))
    }

    /// Whoever knows a passphrase, and nobody besides; it takes 128 MiB of memory to try one.
    pub fn passphrase(passphrase: SecretString) -> Self {
        let mut recipient = scrypt::Recipient::new(passphrase);
        recipient.set_work_factor(SCRYPT_WORK);
        Self(vec![Box::new(recipient)])
    }

    /// Each recipient, in the order they are written in the header.
    pub(super) fn iter(&self) -> impl Iterator<Item = &BoxedRecipient> {
        self.0.iter()
    }
}

impl fmt::Debug for Recipients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipients({})", self.0.len())
    }
}

enum Parsed {
    Native(BoxedRecipient),
    Plugin(plugin::Recipient),
}

fn counted(given: usize) -> Result<(), AgeError> {
    match given {
        0 => Err(AgeError::NoRecipients),
        1..=AGE_RECIPIENTS_MAX => Ok(()),
        _ => Err(AgeError::TooManyRecipients { given }),
    }
}

fn parse_one(text: &str, place: usize) -> Result<Parsed, AgeError> {
    let lower = text.to_ascii_lowercase();
    if lower.starts_with("age-secret-key-")
        || lower.starts_with("age-plugin-")
        || lower.starts_with("-----begin")
    {
        return Err(AgeError::SecretAsRecipient { place });
    }
    native(text)
        .map(Parsed::Native)
        .or_else(|| plugin_recipient(text).map(Parsed::Plugin))
        .ok_or(AgeError::NotARecipient { place })
}

fn native(text: &str) -> Option<BoxedRecipient> {
    let x25519 = text
        .parse::<x25519::Recipient>()
        .map(|r| Box::new(r) as BoxedRecipient);
    x25519
        .ok()
        .or_else(|| {
            text.parse::<tag::Recipient>()
                .ok()
                .map(|r| Box::new(r) as _)
        })
        .or_else(|| {
            text.parse::<tagpq::Recipient>()
                .ok()
                .map(|r| Box::new(r) as _)
        })
        .or_else(|| {
            text.parse::<ssh::Recipient>()
                .ok()
                .map(|r| Box::new(r) as _)
        })
}

/// A recipient of a plugin; `tag` and `tagpq` are native, so one that did not parse is wrong.
fn plugin_recipient(text: &str) -> Option<plugin::Recipient> {
    text.parse::<plugin::Recipient>()
        .ok()
        .filter(|recipient| !matches!(recipient.plugin(), "tag" | "tagpq"))
}
