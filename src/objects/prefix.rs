//! A part of a bucket: what every name in it begins with.

use std::fmt;
use std::str::FromStr;

use super::error::ObjectsError;
use super::key::{FAMILIES, Family, ForeignName, ObjectKey};

/// What every name in a part of a bucket begins with; by default nothing, which is all of the bucket.
///
/// Words of letters, digits, dots, hyphens and underscores with slashes between them, none of them
/// `.` or `..`, the first none of the words that names in the whole bucket begin with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl KeyPrefix {
    /// The longest prefix accepted, in bytes: with it, no name is longer than any store takes.
    const LONGEST: usize = 200;

    /// The whole name of an object.
    pub(super) fn name(&self, key: ObjectKey) -> String {
        format!("{}{key}", self.0)
    }

    /// What the names of a family's objects begin with.
    pub(super) fn family(&self, family: Family) -> String {
        format!("{}{}", self.0, family.prefix())
    }

    /// The object that has this whole name.
    pub(super) fn key_of(&self, name: &str) -> Result<ObjectKey, ForeignName> {
        let foreign = || ForeignName(name.to_owned());
        name.strip_prefix(&self.0).ok_or_else(foreign)?.parse()
    }
}

impl FromStr for KeyPrefix {
    type Err = ObjectsError;

    fn from_str(text: &str) -> Result<Self, ObjectsError> {
        let words: Vec<&str> = text.strip_suffix('/').unwrap_or(text).split('/').collect();
        let is_word = |word: &&str| {
            !matches!(*word, "" | "." | "..")
                && word
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b))
        };
        let begins_anew = words.first().is_some_and(|first| !FAMILIES.contains(first));
        let fits = text.len() <= Self::LONGEST && words.iter().all(is_word) && begins_anew;
        fits.then(|| Self(format!("{}/", words.join("/"))))
            .ok_or(ObjectsError::BadPrefix)
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::id::VaultId;

    #[test]
    fn names_lie_under_the_prefix_and_are_read_back() {
        let vault = VaultId::random(&SystemEntropy::new()).expect("entropy");
        let key = ObjectKey::Settings(vault);
        for text in ["backups", "backups/", "a.b/c-d/E_1"] {
            let prefix: KeyPrefix = text.parse().expect("a prefix");
            let name = prefix.name(key);
            assert!(name.starts_with(&format!("{}/", text.trim_end_matches('/'))));
            assert!(name.starts_with(&prefix.family(Family::Settings)));
            assert_eq!(prefix.key_of(&name), Ok(key));
            // Names of the bucket itself are none of its part's, and the other way round.
            assert!(prefix.key_of(&key.to_string()).is_err());
            assert!(KeyPrefix::default().key_of(&name).is_err());
        }
        assert_eq!(KeyPrefix::default().name(key), key.to_string());
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_prefix() {
        for bad in [
            "",
            "/",
            "/a",
            "a//b",
            "..",
            "a/../b",
            "./a",
            "a b",
            "a\0",
            "material",
            "journal/x",
            "vaults/",
            "ä",
            "a/%2e%2e",
        ] {
            let refused = bad.parse::<KeyPrefix>().expect_err(bad).to_string();
            assert!(refused.contains("backups/"), "{refused}");
        }
        assert!("a".repeat(201).parse::<KeyPrefix>().is_err());
    }
}
