//! What a participant permits.

use std::collections::BTreeSet;

use crate::model::word::words;

words! {
    /// One thing a participant may permit. Each stands on its own; silence is not consent.
    Permission, or UnknownPermission as "a permission" {
        /// To be recorded in sound.
        Audio = "audio",
        /// To be filmed.
        Video = "video",
        /// To have their screen recorded.
        Screen = "screen",
        /// To be photographed.
        Photo = "photo",
        /// To have notes taken.
        Notes = "notes",
        /// To have what they said written out.
        Transcript = "transcript",
        /// To have survey answers kept.
        Survey = "survey",
        /// To be contacted again (R6).
        Recontact = "recontact",
    }
}

/// The permissions a participant has given.
pub type Permissions = BTreeSet<Permission>;
