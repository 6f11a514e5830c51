//! Enumerations that people type and read as words.

/// An enumeration whose variants have a word each, for the command line, JSON and the audit alike.
///
/// Typing is forgiven capitals, spaces and underscores for dashes, and a missing or added plural.
macro_rules! words {
    (
        $(#[$meta:meta])+
        $name:ident, or $unknown:ident as $what:literal {
            $($(#[$doc:meta])+ $variant:ident = $word:literal,)+
        }
    ) => {
        $(#[$meta])+
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
        )]
        pub enum $name {
            $($(#[$doc])+ #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in the order people are told of them.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word for it, as typed and shown.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }

        #[doc = concat!("A text that is not ", $what, ".")]
        #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
        #[error("{0:?} is not {what}; one of {words}", what = $what, words = [$($word),+].join(", "))]
        pub struct $unknown(String);

        impl std::str::FromStr for $name {
            type Err = $unknown;
            fn from_str(text: &str) -> Result<Self, $unknown> {
                let typed = $crate::model::word::folded(text);
                Self::ALL
                    .into_iter()
                    .find(|known| $crate::model::word::folded(known.name()) == typed)
                    .ok_or_else(|| $unknown(text.to_owned()))
            }
        }
    };
}

pub(super) use words;

/// What two spellings of one word have in common.
pub(super) fn folded(text: &str) -> String {
    let dashed = text.trim().to_ascii_lowercase().replace([' ', '_'], "-");
    dashed.strip_suffix('s').unwrap_or(&dashed).to_owned()
}

/// The known word that somebody most likely meant, if one is near (at most a third of it differs).
pub(super) fn nearest<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    let typed = folded(typed);
    let near = known.iter().map(|known| (distance(&typed, known), *known));
    let near = near.filter(|(far, known)| *far <= known.len() / 3).min();
    near.map(|(_, known)| known)
}

/// Letters to put in, leave out or change to make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut before: Vec<usize> = (0..=other.len()).collect();
    for (row, a) in one.bytes().enumerate() {
        let mut left = row + 1;
        let mut line = vec![left];
        for (b, (diagonal, above)) in other.bytes().zip(before.iter().zip(before.iter().skip(1))) {
            left = (left + 1)
                .min(above + 1)
                .min(diagonal + usize::from(a != b));
            line.push(left);
        }
        before = line;
    }
    before.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::nearest;
    use crate::model::{Kind, LawfulBasis, Permission, Role, SessionKind};

    #[test]
    fn words_are_read_back_and_forgiven_their_spelling() {
        for role in Role::ALL {
            assert_eq!(role.name().parse(), Ok(role));
        }
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse(), Ok(permission));
        }
        assert_eq!("Public task".parse(), Ok(LawfulBasis::PublicTask));
        assert_eq!(
            "legitimate_interest".parse(),
            Ok(LawfulBasis::LegitimateInterests)
        );
        assert_eq!("focus group".parse(), Ok(SessionKind::FocusGroup));
        assert_eq!("photos".parse(), Ok(Kind::Photo));
    }

    #[test]
    fn an_unknown_word_is_told_the_known_ones() {
        let error = "film".parse::<Kind>().expect_err("no such kind");
        assert_eq!(
            error.to_string(),
            "\"film\" is not a kind of material; one of audio, video, screen, photo, notes, transcript, survey"
        );
        assert!("".parse::<Role>().is_err());
    }

    #[test]
    fn a_mistyped_word_is_guessed() {
        let known = ["publication", "session", "linked"];
        assert_eq!(nearest("publicaton", &known), Some("publication"));
        assert_eq!(nearest("sesions", &known), Some("session"));
        assert_eq!(nearest("interview", &known), None);
    }
}
