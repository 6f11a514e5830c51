//! What access may be for. There is no other purpose (R36).

use crate::model::consent::Permission;
use crate::model::word::words;

words! {
    /// What somebody is given access for (R31): research and what serves it, and nothing else (R36).
    #[derive(Default)]
    Purpose, or UnknownPurpose as "a purpose that participants were told of" {
        /// The study's own research.
        #[default]
        Research = "research",
        /// Writing out what was said.
        Transcription = "transcription",
        /// Putting it into another language.
        Translation = "translation",
        /// Analysing it.
        Analysis = "analysis",
    }
}

impl Purpose {
    /// What a participant must permit before a supplier is given their recording for this.
    pub const fn permission(self) -> Permission {
        match self {
            Self::Transcription => Permission::Transcript,
            Self::Research | Self::Translation | Self::Analysis => Permission::Supplier,
        }
    }

    /// All that they must permit, when the supplier may be an automatic tool (R30).
    pub fn permissions(self, automatic: bool) -> impl Iterator<Item = Permission> {
        let also = automatic.then_some(Permission::Automatic);
        std::iter::once(self.permission()).chain(also)
    }
}
