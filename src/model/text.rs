//! Short texts people type: names, titles, e-mail addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::limits::TEXT_BYTES_MAX;

/// A short text of one line, trimmed, not empty, without control or direction-changing characters.
///
/// Such characters could forge a log line or show a name as another one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Text(String);

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing but white space.
    #[error("a text is empty; give at least one letter")]
    Empty,
    /// Longer than [`TEXT_BYTES_MAX`].
    #[error("a text has {0} bytes; at most {TEXT_BYTES_MAX} are accepted")]
    TooLong(usize),
    /// A control character, or one that changes the direction of writing.
    #[error("a text has the character U+{0:04X}, which can hide or forge what is shown; remove it")]
    Deceptive(u32),
}

impl FromStr for Text {
    type Err = TextError;
    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(TextError::TooLong(text.len()));
        }
        match text.chars().find(|c| is_deceptive(*c)) {
            Some(found) => Err(TextError::Deceptive(u32::from(found))),
            None => Ok(Self(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Text {
    type Error = TextError;
    fn try_from(text: String) -> Result<Self, TextError> {
        text.parse()
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(redacted)")
    }
}

/// Control characters, and the bidirectional and invisible ones of Unicode TR 36, section 2.2.
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deceptive_texts_are_refused() {
        for text in ["a\u{202E}b", "a\r\nb", "a\0b", "\u{FEFF}a"] {
            assert!(matches!(
                text.parse::<Text>(),
                Err(TextError::Deceptive(_) | TextError::Empty)
            ));
        }
        assert_eq!("  ".parse::<Text>(), Err(TextError::Empty));
        assert_eq!(
            "x".repeat(501).parse::<Text>(),
            Err(TextError::TooLong(501))
        );
        assert_eq!(
            " Siân O’Neill ".parse::<Text>().map(String::from),
            Ok("Siân O’Neill".to_owned())
        );
    }

    #[test]
    fn a_text_is_silent_in_debug() {
        let text: Text = "Siân".parse().expect("accepted");
        assert!(!format!("{text:?}").contains("Siân"));
    }
}
