//! What holds a vault's root, and what it says when it lets go of one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::word::words;

words! {
    /// A kind of root slot. Each kind says for itself what it cannot rule out.
    SlotKind, or UnknownSlotKind as "a kind of root slot" {
        /// A file that is written, and overwritten, in place.
        File = "file",
        /// A key in a PKCS#11 token, and a file beside it.
        Token = "pkcs11",
    }
}

impl SlotKind {
    /// What a slot of this kind is, for people who do not know the program.
    pub const fn explained(self) -> &'static str {
        match self {
            Self::File => {
                "a file of its own on the gateway's disk, outside the journal and every backup"
            }
            Self::Token => {
                "a key drawn in a token that never lets it out, and a file beside the token that \
                 nothing but that key opens"
            }
        }
    }

    /// What the confirmation of a slot of this kind cannot rule out.
    pub const fn remains(self) -> &'static str {
        match self {
            Self::File => {
                "a solid-state disk may keep a remnant of the overwritten root in cells that no \
                 program can reach. It would take laboratory equipment to read one and the \
                 vault's unlock identity to open it. Only a hardware slot rules this out"
            }
            Self::Token => {
                "it is as good as the token's word. A token in hardware keeps no copy of a key it \
                 destroyed; one in software keeps its keys in files, and whoever copied those before, \
                 and has the PIN and the vault's unlock identity as well, has the old root. What the disk \
                 keeps of the file beside the token opens with neither"
            }
        }
    }
}

/// A slot's confirmation that it has let go of every root but one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    /// The slot, as it describes itself.
    pub slot: String,
    /// The epoch of the one root left.
    pub kept: u64,
    /// What was done with the others.
    pub effaced: Effaced,
}

/// What became of the roots a slot let go of; every kind of slot has its own way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Effaced {
    /// They lay in a file.
    File {
        /// Whether the old bytes were overwritten where they lay: false on a file system that writes
        /// elsewhere.
        overwritten: bool,
        /// Whether the blocks were also given back, so that a solid-state disk may erase them.
        hole_punched: bool,
    },
    /// They were sealed under keys in a token, and those were destroyed.
    #[serde(rename = "pkcs11")]
    Token {
        /// Whose token it is, and which model, as it says itself.
        made_by: String,
    },
}

impl Effaced {
    /// The kind of slot it was.
    pub const fn kind(&self) -> SlotKind {
        match self {
            Self::File { .. } => SlotKind::File,
            Self::Token { .. } => SlotKind::Token,
        }
    }
}

impl fmt::Display for Effaced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                overwritten,
                hole_punched,
            } => {
                let overwritten = match overwritten {
                    true => "overwritten where they lay",
                    false => "superseded; the file system writes elsewhere, so remnants may stay",
                };
                let punched = match hole_punched {
                    true => "and given back to the disk",
                    false => "and not given back to the disk, which cannot take them",
                };
                write!(f, "the old bytes were {overwritten} {punched}")
            }
            Self::Token { made_by } => write!(
                f,
                "the key that sealed the old one was destroyed in the token ({made_by:?}), which was asked for it afterwards and has it no more"
            ),
        }
    }
}

impl fmt::Display for Retired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            slot,
            kept,
            effaced,
        } = self;
        write!(
            f,
            "{slot} let go of every root but that of epoch {kept}; {effaced}"
        )
    }
}
