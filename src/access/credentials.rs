//! Secrets that let people in: enrolment codes, which work once, and the bearer tokens they buy.
//!
//! Either is a prefix and 256 random bits in Crockford's base 32, lower case, as in `srt1-` and 52
//! symbols. It is shown once, to the person it is for; the vault remembers the SHA-256 digest of
//! that text only. The prefix tells people, and scanners for leaked secrets, what they found.

use std::fmt;

use zeroize::Zeroizing;

use crate::entropy::{Entropy, EntropyError};
use crate::model::Digest;
use crate::secret::Key;

const SYMBOLS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 256 bits, five to a symbol; the last symbol's four lowest bits are zero.
const LENGTH: usize = 52;
const LAST_SYMBOL_UNUSED: u8 = 0b1111;
/// No credential is longer than this, in bytes, with room for white space copied along.
const TEXT_MAX: usize = 80;

macro_rules! credentials {
    ($($(#[$doc:meta])+ $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])+
        ///
        /// Its `Debug` shows nothing, and it is wiped when dropped.
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// What its text begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Draws a new one, with the digest that recognises it.
            ///
            /// # Errors
            /// [`EntropyError`] when the source gives nothing.
            pub fn draw(entropy: &dyn Entropy) -> Result<(Self, Digest), EntropyError> {
                let text = write(Self::PREFIX, &Key::random(entropy)?);
                let digest = Digest::of(text.as_bytes());
                Ok((Self(text), digest))
            }

            /// The text, to be shown once to the person it is for.
            pub fn expose_secret(&self) -> &str {
                &self.0
            }

            /// The digest that recognises `text`, or nothing when it cannot be one of these.
            ///
            /// Case, white space around it, and the letters that look like digits do not matter.
            pub fn digest_of(text: &str) -> Option<Digest> {
                read(Self::PREFIX, text).map(|text| Digest::of(text.as_bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    )+};
}

credentials! {
    /// A code that lets somebody enrol, once.
    EnrolmentCode = "src1-";
    /// A token that shows who asks, until it expires or is taken back.
    BearerToken = "srt1-";
}

fn write(prefix: &str, key: &Key) -> Zeroizing<String> {
    // The whole length at once: a string that grew would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(prefix.len() + LENGTH));
    text.push_str(prefix);
    let (mut bits, mut held) = (0_u16, 0);
    for byte in key.expose_secret() {
        bits = bits << 8 | u16::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(symbol(bits >> held));
        }
    }
    text.push(symbol(bits << (5 - held)));
    text
}

/// The text as [`write`] writes it, or nothing when it never does.
fn read(prefix: &str, text: &str) -> Option<Zeroizing<String>> {
    let text = text.trim();
    let (start, symbols) = text.split_at_checked(prefix.len())?;
    if text.len() > TEXT_MAX || symbols.len() != LENGTH || !start.eq_ignore_ascii_case(prefix) {
        return None;
    }
    let mut canonical = Zeroizing::new(String::with_capacity(text.len()));
    canonical.push_str(prefix);
    let mut last = 0;
    for typed in symbols.chars() {
        last = value(typed)?;
        canonical.push(symbol(u16::from(last)));
    }
    (last & LAST_SYMBOL_UNUSED == 0).then_some(canonical)
}

/// The symbol of the five lowest bits.
fn symbol(bits: u16) -> char {
    let place = usize::from(bits & 31);
    SYMBOLS.get(place).copied().map_or('0', char::from)
}

fn value(typed: char) -> Option<u8> {
    let folded = match typed.to_ascii_lowercase() {
        'o' => '0',
        'i' | 'l' => '1',
        other => other,
    };
    let place = SYMBOLS.iter().position(|s| char::from(*s) == folded)?;
    u8::try_from(place).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use proptest::prelude::*;

    fn key(bytes: [u8; 32]) -> Key {
        Key::from_slice(&bytes).expect("32 bytes")
    }

    proptest! {
        #[test]
        fn what_is_shown_is_recognised(bytes: [u8; 32], other: [u8; 32]) {
            let text = write(BearerToken::PREFIX, &key(bytes));
            prop_assert_eq!(text.len(), 57);
            let digest = Some(Digest::of(text.as_bytes()));
            prop_assert_eq!(BearerToken::digest_of(&text), digest);
            prop_assert_eq!(BearerToken::digest_of(&format!(" {}\n", text.to_uppercase())), digest);
            prop_assert_eq!(EnrolmentCode::digest_of(&text), None);
            let differs = write(BearerToken::PREFIX, &key(other)) != text;
            prop_assert_eq!(differs, bytes != other);
        }

        #[test]
        fn any_text_is_answered(text in ".{0,80}", symbols in "[0-9a-zA-Z]{52}") {
            prop_assert!(BearerToken::digest_of(&text).is_none());
            let _ = BearerToken::digest_of(&format!("srt1-{symbols}"));
        }
    }

    #[test]
    fn the_encoding_is_crockfords() {
        let mut bytes = [0; 32];
        bytes[0] = 0b0000_1000;
        bytes[31] = 0b0000_0001;
        let text = write("src1-", &key(bytes));
        assert_eq!(*text, format!("src1-1{}0g", "0".repeat(49)));
        let looks_alike = format!("SRC1-i{}og", "O".repeat(49));
        assert_eq!(
            EnrolmentCode::digest_of(&looks_alike),
            Some(Digest::of(text.as_bytes()))
        );
        let more_than_256_bits = format!("src1-1{}0h", "0".repeat(49));
        assert_eq!(EnrolmentCode::digest_of(&more_than_256_bits), None);
    }

    #[test]
    fn debug_shows_nothing() {
        let (token, digest) = BearerToken::draw(&SystemEntropy::new()).expect("entropy");
        assert_eq!(format!("{token:?}"), "BearerToken(redacted)");
        assert_eq!(BearerToken::digest_of(token.expose_secret()), Some(digest));
        assert!(token.expose_secret().starts_with("srt1-"));
    }
}
