//! How much a study may hold, and how much it does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The most a study may hold; what is under way counts as held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    /// Bytes of plaintext.
    #[serde(default)]
    pub bytes: MostBytes,
    /// Items.
    #[serde(default)]
    pub items: MostItems,
}

impl Quota {
    /// Whether it bounds nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Which of its bounds one more item of `bytes` would pass, given what is held.
    pub fn passed_by(&self, held: &Held, bytes: u64) -> Option<Passed> {
        let (items_held, bytes_held) = (held.items_in_all(), held.bytes_in_all());
        match (self.bytes.0, self.items.0) {
            (Some(most), _) if bytes_held.saturating_add(bytes) > most => Some(Passed::Bytes),
            (_, Some(most)) if items_held >= most => Some(Passed::Items),
            _ => None,
        }
    }
}

/// A bound that would be passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// That on bytes.
    Bytes,
    /// That on items.
    Items,
}

/// What a study holds and what is on its way to it; what was erased is in neither.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Items stored.
    pub items: u64,
    /// Their bytes of plaintext.
    pub bytes: u64,
    /// Uploads that are not finished.
    pub coming_items: u64,
    /// The bytes they were declared with.
    pub coming_bytes: u64,
}

impl Held {
    /// Items stored and under way.
    pub const fn items_in_all(&self) -> u64 {
        self.items.saturating_add(self.coming_items)
    }

    /// Bytes stored and under way.
    pub const fn bytes_in_all(&self) -> u64 {
        self.bytes.saturating_add(self.coming_bytes)
    }
}

/// Most bytes, or as many as there is room for: `500G`, `1.5T`, `none`. Units are of 1000, and of
/// 1024 with an i as in `500Gi`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MostBytes(pub Option<u64>);

/// Most items, or as many as there is room for: `20000`, `none`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MostItems(pub Option<u64>);

/// Why a text is not a quota.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuotaError {
    /// Not a number of bytes.
    #[error(
        "{0:?} is not an amount; write a number of bytes with K, M, G or T as in 500G or 1.5T, Ki, Mi, Gi or Ti for units of 1024, or none"
    )]
    NotBytes(String),
    /// Not a number of items.
    #[error("{0:?} is not a number of items; write one as in 20000, or none")]
    NotItems(String),
}

/// What lifts a quota.
const NONE: &str = "none";

/// Units by what is written after the number, the greatest first.
const UNITS: [(&str, u64); 9] = [
    ("Ti", 1 << 40),
    ("T", 1_000_000_000_000),
    ("Gi", 1 << 30),
    ("G", 1_000_000_000),
    ("Mi", 1 << 20),
    ("M", 1_000_000),
    ("Ki", 1 << 10),
    ("K", 1_000),
    ("", 1),
];

impl FromStr for MostBytes {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        if text.eq_ignore_ascii_case(NONE) {
            return Ok(Self(None));
        }
        let not = || QuotaError::NotBytes(text.to_owned());
        let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let (number, unit) = (number.trim_end(), text.trim_start_matches(number).trim());
        let unit = unit.strip_suffix(['B', 'b']).unwrap_or(unit);
        let named = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit));
        let (_, unit) = named.ok_or_else(not)?;
        times(number, *unit)
            .map(|bytes| Self(Some(bytes)))
            .ok_or_else(not)
    }
}

/// A decimal number of units, in whole bytes.
fn times(number: &str, unit: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| {
        let fits = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| text.parse::<u128>().ok()).flatten()
    };
    let tenths = 10_u128.checked_pow(u32::try_from(part.len()).ok()?)?;
    let unit = u128::from(unit);
    let bytes = digits(whole)? * unit + digits(part)? * unit / tenths;
    u64::try_from(bytes).ok()
}

impl FromStr for MostItems {
    type Err = QuotaError;

    fn from_str(text: &str) -> Result<Self, QuotaError> {
        if text.eq_ignore_ascii_case(NONE) {
            return Ok(Self(None));
        }
        times(text, 1)
            .filter(|_| !text.contains('.'))
            .map(|items| Self(Some(items)))
            .ok_or_else(|| QuotaError::NotItems(text.to_owned()))
    }
}

impl fmt::Display for MostBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(bytes) = self.0 else {
            return f.write_str(NONE);
        };
        let exact = UNITS
            .iter()
            .filter(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit))
            .min_by_key(|(_, unit)| bytes / unit);
        match exact {
            Some((name, unit)) => write!(f, "{}{name}", bytes / unit),
            None => write!(f, "{bytes}"),
        }
    }
}

impl fmt::Display for MostItems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(items) => write!(f, "{items}"),
            None => f.write_str(NONE),
        }
    }
}

macro_rules! as_texts {
    ($($name:ident)+) => {$(
        impl TryFrom<String> for $name {
            type Error = QuotaError;

            fn try_from(text: String) -> Result<Self, QuotaError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(most: $name) -> Self {
                most.to_string()
            }
        }
    )+};
}

as_texts!(MostBytes MostItems);

/// So many bytes for people, in units of 1000, never less than they are.
pub fn bytes_in_words(bytes: u64) -> String {
    let decimal = [
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("KB", 1_000),
    ];
    for (name, unit) in decimal {
        if bytes >= unit {
            let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(unit));
            return match tenths % 10 {
                0 => format!("{} {name}", tenths / 10),
                part => format!("{}.{part} {name}", tenths / 10),
            };
        }
    }
    match bytes {
        1 => "1 byte".to_owned(),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(text: &str) -> Option<u64> {
        text.parse::<MostBytes>().expect("an amount").0
    }

    #[test]
    fn amounts_are_read_as_people_write_them() {
        assert_eq!(bytes("500G"), Some(500_000_000_000));
        assert_eq!(bytes("500 GB"), Some(500_000_000_000));
        assert_eq!(bytes("1.5T"), Some(1_500_000_000_000));
        assert_eq!(bytes("2Gi"), Some(2 << 30));
        assert_eq!(bytes("2gib"), Some(2 << 30));
        assert_eq!(bytes("12"), Some(12));
        assert_eq!(bytes("0"), Some(0));
        assert_eq!(bytes("18446744073709551615"), Some(u64::MAX));
        assert_eq!(bytes("none"), None);
        for bad in [
            "",
            "G",
            "-1G",
            "1e3",
            "1..2G",
            "500X",
            "1.G",
            ".5G",
            "ten",
            "99999999T",
            "18446744073709551616",
        ] {
            let refused = bad.parse::<MostBytes>().expect_err(bad).to_string();
            assert!(refused.contains("500G"), "{refused}");
        }
        assert_eq!("20000".parse(), Ok(MostItems(Some(20_000))));
        assert_eq!("none".parse(), Ok(MostItems(None)));
        for bad in ["", "1.5", "20k", "-3"] {
            assert!(bad.parse::<MostItems>().is_err(), "{bad}");
        }
    }

    #[test]
    fn amounts_are_said_in_few_figures() {
        for (bytes, said) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (999, "999 bytes"),
            (1_000, "1 KB"),
            (1_001, "1.1 KB"),
            (500_000_000_000, "500 GB"),
            (1_234_567_890, "1.3 GB"),
        ] {
            assert_eq!(bytes_in_words(bytes), said);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(number: u64) {
            for most in [MostBytes(Some(number / 8)), MostBytes(Some(number % 5000 * 1_000_000))] {
                prop_assert_eq!(most.to_string().parse(), Ok(most));
            }
        }

        #[test]
        fn any_text_is_answered(text in ".{0,12}") {
            let _ = text.parse::<MostBytes>();
            let _ = text.parse::<MostItems>();
        }
    }

    #[test]
    fn what_is_under_way_counts_as_held() {
        let quota = Quota {
            bytes: MostBytes(Some(100)),
            items: MostItems(Some(3)),
        };
        let held = Held {
            items: 1,
            bytes: 60,
            coming_items: 1,
            coming_bytes: 30,
        };
        assert_eq!(quota.passed_by(&held, 10), None);
        assert_eq!(quota.passed_by(&held, 11), Some(Passed::Bytes));
        assert_eq!(quota.passed_by(&held, u64::MAX), Some(Passed::Bytes));
        let held = Held { items: 2, ..held };
        assert_eq!(quota.passed_by(&held, 1), Some(Passed::Items));
        assert_eq!(Quota::default().passed_by(&held, u64::MAX), None);
    }
}
