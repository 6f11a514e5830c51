//! Typed identifiers: meaningless, random, and hard to mistype.
//!
//! An identifier is written `itm-` and 17 symbols: 80 random bits in Crockford's base 32 and his
//! check symbol (<https://www.crockford.com/base32.html>). The prefix names the kind, so that a
//! study cannot be passed for a participant. Identifiers carry no meaning and are used in no other
//! system (R25). An upload that is announced by a key is a digest of it, and the key is random.

use std::fmt;
use std::str::FromStr;

use ring::digest::{Context, SHA256};

use crate::entropy::{Entropy, EntropyError};

/// The digits, then the five extra check symbols.
const SYMBOLS: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";
const DIGITS: usize = 16;
const RANDOM_BYTES: usize = 10;
const CHECK_MODULUS: u64 = 37;
/// Check symbols below this index, and `U`, need no quoting in a shell or a URL.
const PLAIN_CHECK_SYMBOLS: usize = 32;

macro_rules! identifiers {
    ($($(#[$doc:meta])+ $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Serial);

        impl $name {
            /// The prefix that identifiers of this kind begin with.
            pub const PREFIX: &'static str = $prefix;

            /// Draws a new identifier.
            ///
            /// # Errors
            /// [`EntropyError`] when the source gives nothing.
            pub fn random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
                Serial::random(entropy).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(Self::PREFIX)?;
                f.write_str("-")?;
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Serial::parse(text, Self::PREFIX).map(Self)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text(std::marker::PhantomData))
            }
        }
    )+};
}

identifiers! {
    /// A vault.
    VaultId = "vlt";
    /// Somebody with an account: staff, a transcriber, a commissioner.
    PersonId = "psn";
    /// A study.
    StudyId = "stu";
    /// Somebody who took part.
    ParticipantId = "ppt";
    /// An interview or a focus group.
    SessionId = "ses";
    /// One recording, transcript, note or photograph.
    ItemId = "itm";
    /// A transcription supplier or an automatic tool.
    SupplierId = "sup";
    /// One item given to one supplier.
    AssignmentId = "asg";
    /// The destruction of keys, from request to certificate.
    ErasureId = "era";
    /// Something given to a commissioner.
    ReleaseId = "rel";
    /// A participant's rights request.
    RequestId = "req";
    /// A disclosure to somebody outside, raised and decided.
    DisclosureId = "dsc";
    /// An upload that is not finished.
    UploadId = "upl";
    /// An access token, by its public name.
    TokenId = "tok";
    /// An invitation to enrol.
    InvitationId = "inv";
}

impl UploadId {
    /// The upload that `person` begins with a key of their own drawing: the same one each time.
    pub fn of_key(person: PersonId, key: &str) -> Self {
        Self(Serial::of(&["upload", &person.to_string(), key]))
    }
}

/// Why a text is not an identifier of the kind expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// It begins with another prefix, or none.
    #[error("an identifier beginning with `{expected}-` is needed here")]
    WrongKind {
        /// The prefix of the kind expected.
        expected: &'static str,
    },
    /// It has more or fewer than 17 symbols after the prefix.
    #[error(
        "an identifier has 17 symbols after its prefix, this one has {found}; copy it whole and try again"
    )]
    WrongLength {
        /// The symbols found.
        found: usize,
    },
    /// It has a symbol that is not in the alphabet.
    #[error("{0:?} is not a symbol of an identifier; copy it whole and try again")]
    UnknownSymbol(char),
    /// Its check symbol does not fit: it was mistyped.
    #[error("the identifier's check symbol does not fit, so it was mistyped; copy it again")]
    CheckSymbol,
}

/// Reads an identifier from a text that is not copied for it: a row has many.
struct Text<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = IdError>> serde::de::Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an identifier")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// The 80 bits behind an identifier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Serial([u8; RANDOM_BYTES]);

impl Serial {
    fn random(entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        loop {
            let mut bytes = [0; RANDOM_BYTES];
            entropy.fill(&mut bytes)?;
            let serial = Self(bytes);
            if serial.check() < PLAIN_CHECK_SYMBOLS {
                return Ok(serial);
            }
        }
    }

    /// The first 80 bits of a SHA-256 digest of `words` that have a plain check symbol.
    fn of(words: &[&str]) -> Self {
        let mut attempt = 0_u32;
        loop {
            let mut context = Context::new(&SHA256);
            context.update(&attempt.to_be_bytes());
            for word in words {
                context.update(&(word.len() as u64).to_be_bytes());
                context.update(word.as_bytes());
            }
            let mut bytes = [0; RANDOM_BYTES];
            for (byte, drawn) in bytes.iter_mut().zip(context.finish().as_ref()) {
                *byte = *drawn;
            }
            let serial = Self(bytes);
            if serial.check() < PLAIN_CHECK_SYMBOLS {
                return serial;
            }
            attempt += 1;
        }
    }

    fn parse(text: &str, prefix: &'static str) -> Result<Self, IdError> {
        let symbols = text
            .split_once('-')
            .filter(|(kind, _)| kind.eq_ignore_ascii_case(prefix))
            .map(|(_, symbols)| symbols)
            .ok_or(IdError::WrongKind { expected: prefix })?;
        let found = symbols.chars().count();
        if found != DIGITS + 1 {
            return Err(IdError::WrongLength { found });
        }
        let mut number = 0_u128;
        let mut check = 0;
        for (place, symbol) in symbols.chars().enumerate() {
            let value = value_of(symbol).ok_or(IdError::UnknownSymbol(symbol))?;
            match place {
                DIGITS => check = value,
                _ if value < 32 => number = number << 5 | value as u128,
                _ => return Err(IdError::UnknownSymbol(symbol)),
            }
        }
        let mut bytes = [0; RANDOM_BYTES];
        bytes.copy_from_slice(&number.to_be_bytes()[16 - RANDOM_BYTES..]);
        let serial = Self(bytes);
        (serial.check() == check)
            .then_some(serial)
            .ok_or(IdError::CheckSymbol)
    }

    fn number(self) -> u128 {
        self.0
            .iter()
            .fold(0, |number, byte| number << 8 | u128::from(*byte))
    }

    fn check(self) -> usize {
        // In halves: dividing 128 bits takes several times as long.
        let number = self.number();
        let [high, low] = [(number >> 64) as u64, number as u64];
        let high = high % CHECK_MODULUS * ((1_u128 << 64) % CHECK_MODULUS as u128) as u64;
        ((high + low % CHECK_MODULUS) % CHECK_MODULUS) as usize
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number();
        let mut text = [0; DIGITS + 1];
        let digits = (0..DIGITS)
            .rev()
            .map(|place| (number >> (5 * place)) as usize & 31);
        for (symbol, value) in text.iter_mut().zip(digits.chain([self.check()])) {
            *symbol = SYMBOLS.get(value).copied().unwrap_or(b'?');
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// What each symbol is worth, by its place in ASCII; [`NO_SYMBOL`] for what is none.
static VALUES: [u8; 128] = values();
const NO_SYMBOL: u8 = u8::MAX;

#[allow(
    clippy::indexing_slicing,
    reason = "evaluated while compiling, where a place outside is an error"
)]
const fn values() -> [u8; 128] {
    let mut values = [NO_SYMBOL; 128];
    let mut value = 0;
    while value < SYMBOLS.len() {
        let symbol = SYMBOLS[value];
        values[symbol as usize] = value as u8;
        values[symbol.to_ascii_lowercase() as usize] = value as u8;
        value += 1;
    }
    // What looks like a digit is one.
    let mut folded = 0;
    while folded < FOLDED.len() {
        let (letter, digit) = FOLDED[folded];
        values[letter as usize] = digit;
        values[letter.to_ascii_lowercase() as usize] = digit;
        folded += 1;
    }
    values
}

/// Letters that are read as digits.
const FOLDED: [(u8, u8); 3] = [(b'O', 0), (b'I', 1), (b'L', 1)];

fn value_of(symbol: char) -> Option<usize> {
    let value = VALUES.get(symbol as usize).copied()?;
    (value != NO_SYMBOL).then_some(usize::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes in any::<[u8; RANDOM_BYTES]>()) {
            let id = ItemId(Serial(bytes));
            prop_assert_eq!(id.to_string().parse::<ItemId>(), Ok(id));
            prop_assert_eq!(id.to_string().to_lowercase().parse::<ItemId>(), Ok(id));
        }

        #[test]
        fn one_mistyped_symbol_is_noticed(
            bytes in any::<[u8; RANDOM_BYTES]>(), place in 4_usize..20, other in 0_usize..32,
        ) {
            let text = ItemId(Serial(bytes)).to_string();
            let mut typed = text.clone().into_bytes();
            typed[place] = SYMBOLS[other];
            let typed = String::from_utf8(typed).expect("ascii");
            prop_assume!(typed != text);
            prop_assert_eq!(typed.parse::<ItemId>(), Err(IdError::CheckSymbol));
        }

        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            let _: Result<StudyId, IdError> = text.parse();
        }
    }

    #[test]
    fn the_check_symbol_is_the_remainder_by_37() {
        for seed in 0..2000_u32 {
            let mut bytes = [0xFF; RANDOM_BYTES];
            bytes[..4].copy_from_slice(&seed.wrapping_mul(0x9E37_79B9).to_be_bytes());
            bytes[6..].copy_from_slice(&seed.wrapping_mul(0x85EB_CA6B).to_le_bytes());
            let serial = Serial(bytes);
            let expected = serial.number() % u128::from(CHECK_MODULUS);
            assert_eq!(serial.check() as u128, expected);
        }
    }

    #[test]
    fn letters_that_look_like_digits_are_read_as_them() {
        for (typed, read) in [
            ('O', '0'),
            ('o', '0'),
            ('I', '1'),
            ('i', '1'),
            ('l', '1'),
            ('L', '1'),
        ] {
            assert_eq!(value_of(typed), value_of(read));
        }
        for (place, symbol) in SYMBOLS.iter().enumerate() {
            assert_eq!(value_of(char::from(*symbol)), Some(place));
            let lower = char::from(symbol.to_ascii_lowercase());
            assert_eq!(value_of(lower), Some(place));
        }
        for none in ['-', ' ', '\u{7F}', '\u{80}', 'é', '！'] {
            assert_eq!(value_of(none), None);
        }
    }

    #[test]
    fn a_key_names_one_upload_of_one_person() {
        let [one, other] = [1, 2].map(|seed| PersonId(Serial([seed; RANDOM_BYTES])));
        let named = UploadId::of_key(one, "0123456789abcdef");
        assert_eq!(named, UploadId::of_key(one, "0123456789abcdef"));
        assert_ne!(named, UploadId::of_key(other, "0123456789abcdef"));
        for number in 0..200 {
            let upload = UploadId::of_key(one, &number.to_string());
            assert_ne!(named, upload);
            assert!(upload.0.check() < PLAIN_CHECK_SYMBOLS);
        }
    }

    #[test]
    fn the_check_symbol_is_crockfords() {
        let mut bytes = [0; RANDOM_BYTES];
        bytes[RANDOM_BYTES - 2..].copy_from_slice(&1234_u16.to_be_bytes());
        assert_eq!(StudyId(Serial(bytes)).to_string(), "stu-000000000000016JD");
    }

    /// R25: an identifier is what was drawn at random and nothing else: no time, no count, no name.
    #[test]
    fn r25_an_identifier_is_random_bytes_and_nothing_else() {
        #[derive(Debug)]
        struct Drawn([u8; RANDOM_BYTES]);
        impl Entropy for Drawn {
            fn fill(&self, out: &mut [u8]) -> Result<(), EntropyError> {
                out.copy_from_slice(&self.0);
                Ok(())
            }
        }
        let bytes = [0x5A; RANDOM_BYTES];
        for _ in 0..2 {
            let drawn = ParticipantId::random(&Drawn(bytes)).expect("entropy");
            assert!(drawn.0 == Serial(bytes));
        }
        // Of many, neither the order of drawing nor a common beginning shows.
        let drawn: Vec<_> = (0..200)
            .map(|_| ParticipantId::random(&SystemEntropy::new()).expect("entropy"))
            .collect();
        assert!(!drawn.is_sorted());
        let starts: std::collections::BTreeSet<_> = drawn.iter().map(|id| id.0.0[0]).collect();
        assert!(starts.len() > 50, "{starts:?}");
    }

    #[test]
    fn kinds_are_not_mixed_up() {
        let study = StudyId::random(&SystemEntropy::new()).expect("entropy");
        assert_eq!(
            study.to_string().parse::<ItemId>(),
            Err(IdError::WrongKind { expected: "itm" })
        );
    }

    #[test]
    fn drawn_identifiers_need_no_quoting() {
        for _ in 0..200 {
            let text = ItemId::random(&SystemEntropy::new())
                .expect("entropy")
                .to_string();
            assert!(
                text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
                "{text}"
            );
        }
    }
}
