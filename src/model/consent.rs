//! What a participant permits.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One thing a participant may permit. Each stands on its own; silence is not consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// To be recorded in sound.
    Audio,
    /// To be filmed.
    Video,
    /// To have their screen recorded.
    Screen,
    /// To be photographed.
    Photo,
    /// To have notes taken.
    Notes,
    /// To have what they said written out.
    Transcript,
    /// To have survey answers kept.
    Survey,
    /// To be contacted again (R6).
    Recontact,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 8] = [
        Self::Audio,
        Self::Video,
        Self::Screen,
        Self::Photo,
        Self::Notes,
        Self::Transcript,
        Self::Survey,
        Self::Recontact,
    ];

    /// The permission's name, as typed and shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Screen => "screen",
            Self::Photo => "photo",
            Self::Notes => "notes",
            Self::Transcript => "transcript",
            Self::Survey => "survey",
            Self::Recontact => "recontact",
        }
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A text that names no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a permission; choose among audio, video, screen, photo, notes, transcript, survey, recontact, separated by commas"
)]
pub struct UnknownPermission(String);

impl FromStr for Permission {
    type Err = UnknownPermission;
    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Self::ALL
            .into_iter()
            .find(|permission| permission.name() == text)
            .ok_or_else(|| UnknownPermission(text.to_owned()))
    }
}

/// The permissions a participant has given.
pub type Permissions = BTreeSet<Permission>;
