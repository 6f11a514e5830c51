//! The names of objects: the one type that makes them and reads them back.

use std::fmt;
use std::str::FromStr;

use crate::id::{ItemId, UploadId, VaultId};

const MATERIAL: &str = "material";
const CHECKPOINTS: &str = "checkpoints";
const JOURNAL: &str = "journal";
const SETTINGS: &str = "vaults";
const PROBES: &str = "probes";
/// What names in a bucket begin with.
pub(super) const FAMILIES: [&str; 5] = [MATERIAL, CHECKPOINTS, JOURNAL, SETTINGS, PROBES];
/// Symbols of an item's identifier that name the folder its object lies in: a thousand folders.
const FOLDER_SYMBOLS: usize = 2;
/// A tree size is written with as many digits as the largest has, so that names sort as numbers do.
const SIZE_DIGITS: usize = 20;

/// The name of an object in the bucket.
///
/// ```
/// use strongroom::objects::ObjectKey;
///
/// let name = "material/00/itm-00000000000000000";
/// let key: ObjectKey = name.parse()?;
/// assert_eq!(key.to_string(), name);
/// assert!("material/../journal".parse::<ObjectKey>().is_err());
/// # Ok::<(), strongroom::objects::ForeignName>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKey {
    /// The ciphertext of one item.
    Material(ItemId),
    /// A signed checkpoint of a vault's journal.
    Checkpoint {
        /// The vault whose journal it is.
        vault: VaultId,
        /// The records in the journal when it was signed.
        size: u64,
    },
    /// A stretch of a vault's journal, sealed as it lies on the disk.
    Journal {
        /// The vault whose journal it is.
        vault: VaultId,
        /// The segment it is of, by the position of its first record.
        segment: u64,
        /// Where in the segment it begins, in bytes.
        from: u64,
        /// Where it ends.
        to: u64,
    },
    /// What a vault's configuration says; no secret.
    Settings(VaultId),
    /// An object written to find out what the store can do, and deleted at once.
    Probe(UploadId),
}

/// Objects of one kind, to list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// The ciphertext of every item.
    Material,
    /// The checkpoints of one vault, oldest first.
    Checkpoints(VaultId),
    /// The journal of one vault, in order.
    Journal(VaultId),
    /// The configuration of every vault that is copied here.
    Settings,
    /// Probe objects that a crash left behind.
    Probes,
}

/// A name in the bucket that this program does not make.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of an object of this program; give the vault a bucket of its own")]
pub struct ForeignName(pub String);

impl Family {
    /// The prefix that every name of the kind begins with.
    pub(super) fn prefix(self) -> String {
        match self {
            Self::Material => format!("{MATERIAL}/"),
            Self::Checkpoints(vault) => format!("{CHECKPOINTS}/{vault}/"),
            Self::Journal(vault) => format!("{JOURNAL}/{vault}/"),
            Self::Settings => format!("{SETTINGS}/"),
            Self::Probes => format!("{PROBES}/"),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Material(item) => write!(f, "{MATERIAL}/{}/{item}", folder_of(*item)),
            Self::Checkpoint { vault, size } => {
                write!(f, "{CHECKPOINTS}/{vault}/{size:0SIZE_DIGITS$}")
            }
            Self::Journal {
                vault,
                segment,
                from,
                to,
            } => write!(
                f,
                "{JOURNAL}/{vault}/{segment:0SIZE_DIGITS$}/{from:0SIZE_DIGITS$}-{to:0SIZE_DIGITS$}"
            ),
            Self::Settings(vault) => write!(f, "{SETTINGS}/{vault}"),
            Self::Probe(token) => write!(f, "{PROBES}/{token}"),
        }
    }
}

impl FromStr for ObjectKey {
    type Err = ForeignName;

    fn from_str(name: &str) -> Result<Self, ForeignName> {
        // An identifier may be typed in lower case, an object's name may not: it is another object.
        parse(name)
            .filter(|key| key.to_string() == name)
            .ok_or_else(|| ForeignName(name.to_owned()))
    }
}

impl serde::Serialize for ObjectKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ObjectKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

/// The folder that an item's object lies in, which spreads the objects evenly: identifiers are random.
///
/// To S3 it is a part of the name. A server that keeps objects as files goes through a whole folder for
/// some requests, so that one folder for everything grows slower with every item.
fn folder_of(item: ItemId) -> String {
    let symbols = item.to_string();
    let (_, symbols) = symbols.split_once('-').unwrap_or_default();
    symbols.chars().take(FOLDER_SYMBOLS).collect()
}

fn parse(name: &str) -> Option<ObjectKey> {
    let (family, rest) = name.split_once('/')?;
    match family {
        MATERIAL => {
            let (_, item) = rest.split_once('/')?;
            item.parse().ok().map(ObjectKey::Material)
        }
        PROBES => rest.parse().ok().map(ObjectKey::Probe),
        SETTINGS => rest.parse().ok().map(ObjectKey::Settings),
        JOURNAL => {
            let (vault, rest) = rest.split_once('/')?;
            let (segment, span) = rest.split_once('/')?;
            let (from, to) = span.split_once('-')?;
            Some(ObjectKey::Journal {
                vault: vault.parse().ok()?,
                segment: segment.parse().ok()?,
                from: from.parse().ok()?,
                to: to.parse().ok()?,
            })
        }
        CHECKPOINTS => {
            let (vault, size) = rest.split_once('/')?;
            Some(ObjectKey::Checkpoint {
                vault: vault.parse().ok()?,
                size: size.parse().ok()?,
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use proptest::prelude::*;

    fn keys(size: u64) -> [ObjectKey; 5] {
        let entropy = SystemEntropy::new();
        let vault = VaultId::random(&entropy).expect("entropy");
        [
            ObjectKey::Material(ItemId::random(&entropy).expect("entropy")),
            ObjectKey::Checkpoint { vault, size },
            ObjectKey::Journal {
                vault,
                segment: size / 2,
                from: size / 3,
                to: size,
            },
            ObjectKey::Settings(vault),
            ObjectKey::Probe(UploadId::random(&entropy).expect("entropy")),
        ]
    }

    proptest! {
        #[test]
        fn names_are_read_back_and_only_in_their_one_spelling(size in any::<u64>()) {
            for key in keys(size) {
                let name = key.to_string();
                prop_assert_eq!(name.parse(), Ok(key));
                prop_assert!(name.to_lowercase() == name || name.to_lowercase().parse::<ObjectKey>().is_err());
                prop_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"/-".contains(&b)));
            }
        }

        #[test]
        fn checkpoints_sort_by_size(one in any::<u64>(), other in any::<u64>()) {
            let vault = VaultId::random(&SystemEntropy::new()).expect("entropy");
            let name = |size| ObjectKey::Checkpoint { vault, size }.to_string();
            prop_assert_eq!(one.cmp(&other), name(one).cmp(&name(other)));
        }

        #[test]
        fn any_name_is_answered(name in ".{0,60}") {
            if let Ok(key) = name.parse::<ObjectKey>() {
                prop_assert_eq!(key.to_string(), name);
            }
        }
    }

    #[test]
    fn names_begin_with_the_prefix_of_their_family() {
        let [material, checkpoint, journal, settings, probe] = keys(7);
        let ObjectKey::Checkpoint { vault, .. } = checkpoint else {
            panic!("not a checkpoint")
        };
        for (key, family) in [
            (material, Family::Material),
            (checkpoint, Family::Checkpoints(vault)),
            (journal, Family::Journal(vault)),
            (settings, Family::Settings),
            (probe, Family::Probes),
        ] {
            assert!(key.to_string().starts_with(&family.prefix()));
        }
    }
}
