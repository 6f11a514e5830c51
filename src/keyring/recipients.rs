//! Whom a slot is sealed to.
//!
//! Recipients are public. A slot keeps them as text, so that a new root can be sealed to the same
//! ones while the identities that open it are locked away.

use std::collections::BTreeMap;
use std::io::Write;

use crate::limits::AGE_RECIPIENTS_MAX;

use super::unlock::{UnlockError, no_answer, plugin_talk};

/// Recipients of any kind that age knows: its own, post-quantum, SSH, and plugins'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipients(Vec<Recipient>);

impl Recipients {
    /// Parses one recipient a text; surrounding space, blank texts and repetitions are passed over.
    ///
    /// # Errors
    /// [`UnlockError::NoRecipients`], [`UnlockError::TooManyRecipients`],
    /// [`UnlockError::SecretAsRecipient`] and [`UnlockError::NotARecipient`]; none of them repeats
    /// the text.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, UnlockError> {
        let mut parsed = Vec::new();
        for (index, text) in texts.into_iter().enumerate() {
            let text = text.as_ref().trim();
            if text.is_empty() {
                continue;
            }
            let recipient = Recipient::parse(text, index + 1)?;
            if !parsed.contains(&recipient) {
                parsed.push(recipient);
            }
        }
        match parsed.len() {
            0 => Err(UnlockError::NoRecipients),
            1..=AGE_RECIPIENTS_MAX => Ok(Self(parsed)),
            found => Err(UnlockError::TooManyRecipients { found }),
        }
    }

    /// The recipients as text, in the order given.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|recipient| recipient.text.as_str())
    }

    /// One recipient a line.
    pub(super) fn to_lines(&self) -> String {
        self.texts().collect::<Vec<_>>().join("\n")
    }

    /// Seals `value` to all of them as an age file.
    pub(super) fn seal(&self, value: &[u8]) -> Result<Vec<u8>, UnlockError> {
        let built = self.build()?;
        let each = built
            .iter()
            .map(|recipient| &**recipient as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(each).map_err(UnlockError::Seal)?;
        let mut sealed = Vec::new();
        encryptor
            .wrap_output(&mut sealed)
            .and_then(|mut writer| {
                writer.write_all(value)?;
                writer.finish()
            })
            .map_err(|error| UnlockError::Seal(error.into()))?;
        Ok(sealed)
    }

    fn build(&self) -> Result<Vec<Box<dyn age::Recipient>>, UnlockError> {
        let mut built: Vec<Box<dyn age::Recipient>> = Vec::new();
        let mut plugins: BTreeMap<String, Vec<age::plugin::Recipient>> = BTreeMap::new();
        for (index, recipient) in self.0.iter().enumerate() {
            let text = recipient.text.as_str();
            let known: Option<Box<dyn age::Recipient>> = match recipient.kind {
                Kind::X25519 => boxed(text.parse::<age::x25519::Recipient>()),
                Kind::Tag => boxed(text.parse::<age::tag::Recipient>()),
                Kind::TagPq => boxed(text.parse::<age::tagpq::Recipient>()),
                Kind::Ssh => boxed(text.parse::<age::ssh::Recipient>()),
                Kind::Plugin => {
                    if let Ok(plugin) = text.parse::<age::plugin::Recipient>() {
                        plugins
                            .entry(plugin.plugin().to_owned())
                            .or_default()
                            .push(plugin);
                    }
                    continue;
                }
            };
            built.push(known.ok_or(UnlockError::NotARecipient { number: index + 1 })?);
        }
        for (name, recipients) in plugins {
            let talk = plugin_talk(no_answer());
            let plugin = age::plugin::RecipientPluginV1::new(&name, &recipients, &[], talk)
                .map_err(|_| UnlockError::NoPlugin { name })?;
            built.push(Box::new(plugin));
        }
        Ok(built)
    }
}

/// One recipient in its canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Recipient {
    kind: Kind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    X25519,
    Tag,
    TagPq,
    Ssh,
    Plugin,
}

impl Recipient {
    /// The order matters: a plugin's recipient is spelled like those of age's own later kinds.
    fn parse(text: &str, number: usize) -> Result<Self, UnlockError> {
        let as_is = |kind, text: String| Ok(Self { kind, text });
        if let Ok(x25519) = text.parse::<age::x25519::Recipient>() {
            as_is(Kind::X25519, x25519.to_string())
        } else if let Ok(tag) = text.parse::<age::tag::Recipient>() {
            as_is(Kind::Tag, tag.to_string())
        } else if let Ok(tagpq) = text.parse::<age::tagpq::Recipient>() {
            as_is(Kind::TagPq, tagpq.to_string())
        } else if let Ok(ssh) = text.parse::<age::ssh::Recipient>() {
            as_is(Kind::Ssh, ssh.to_string())
        } else if let Ok(plugin) = text.parse::<age::plugin::Recipient>() {
            as_is(Kind::Plugin, plugin.to_string())
        } else if is_secret(text) {
            Err(UnlockError::SecretAsRecipient { number })
        } else {
            Err(UnlockError::NotARecipient { number })
        }
    }
}

fn boxed<R: age::Recipient + 'static, E>(parsed: Result<R, E>) -> Option<Box<dyn age::Recipient>> {
    parsed.ok().map(|recipient| Box::new(recipient) as _)
}

fn is_secret(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    ["AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY-----"]
        .iter()
        .any(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::unlock::generate_identity;
    use secrecy::ExposeSecret;

    #[test]
    fn a_secret_given_as_a_recipient_is_refused_and_not_repeated() {
        let (secret, recipient) = generate_identity();
        let secret = secret.expose_secret();
        let error = Recipients::parse([recipient.as_str(), secret]).expect_err("a secret");
        assert!(matches!(
            error,
            UnlockError::SecretAsRecipient { number: 2 }
        ));
        assert!(!format!("{error} {error:?}").contains(secret));
    }

    #[test]
    fn recipients_are_parsed_once_each_and_read_back() {
        let (_, one) = generate_identity();
        let (_, two) = generate_identity();
        let texts = [
            one.clone(),
            format!("  {two}\n"),
            String::new(),
            one.clone(),
        ];
        let parsed = Recipients::parse(texts).expect("recipients");
        assert_eq!(parsed.texts().collect::<Vec<_>>(), [&one, &two]);
        assert_eq!(
            Recipients::parse(parsed.to_lines().lines()).expect("again"),
            parsed
        );
    }

    #[test]
    fn none_and_too_many_are_refused() {
        let none = Recipients::parse([""; 3]);
        assert!(matches!(none, Err(UnlockError::NoRecipients)));
        let many = (0..=AGE_RECIPIENTS_MAX).map(|_| generate_identity().1);
        let many = Recipients::parse(many);
        assert!(matches!(many, Err(UnlockError::TooManyRecipients { .. })));
        let nonsense = Recipients::parse(["age1nonsense"]);
        assert!(matches!(
            nonsense,
            Err(UnlockError::NotARecipient { number: 1 })
        ));
    }

    #[test]
    fn a_missing_plugin_is_named() {
        let text = "age1strongroomtest1wnwaxt";
        let recipients = Recipients::parse([text]).expect("a plugin's recipient");
        let error = recipients.seal(b"root").expect_err("no such plugin");
        assert!(matches!(error, UnlockError::NoPlugin { name } if name == "strongroomtest"));
    }
}
