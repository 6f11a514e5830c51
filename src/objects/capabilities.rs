//! What a store can do: each question asked once at start, and "no" told from "cannot say".

use std::fmt;

use serde::{Deserialize, Serialize};

use super::residency::{Attestation, Location, Residency};

/// A store's answer to one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Yes.
    Yes,
    /// No.
    No,
    /// The store knows no such question.
    CannotSay,
}

impl Answer {
    /// Whether it is a plain yes.
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }

    pub(super) fn from_bool(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::CannotSay => "cannot say",
        })
    }
}

/// What a store can do, as it answered at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Capabilities {
    /// Whether the bucket keeps old versions, or kept them until versioning was suspended.
    pub versioning: Answer,
    /// Whether the bucket is replicated; a store whose answer is yes is not used.
    pub replication: Answer,
    /// Whether the bucket has object lock; a store whose answer is yes is not used.
    pub object_lock: Answer,
    /// Whether every version of an object can be listed, and so deleted.
    pub lists_versions: Answer,
    /// Whether unfinished uploads can be listed, and so cleaned up after a crash.
    pub lists_uploads: Answer,
    /// Whether `If-None-Match: *` keeps an object from being overwritten, as a probe object showed.
    pub conditional_put: Answer,
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (question, answer) in [
            ("keeps old versions", self.versioning),
            ("replicated", self.replication),
            ("object lock", self.object_lock),
            ("lists versions", self.lists_versions),
            ("lists unfinished uploads", self.lists_uploads),
            ("conditional writes", self.conditional_put),
        ] {
            writeln!(f, "{question:<26}{answer}")?;
        }
        Ok(())
    }
}

/// What was found out about a store when it was connected to or checked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StoreReport {
    /// The store's address.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// Where the bucket may be.
    pub residency: Residency,
    /// Where the bucket is.
    pub location: Location,
    /// What the store can do.
    pub capabilities: Capabilities,
    /// The attestation that was relied on, to be journaled; none when the bucket spoke for itself.
    pub attestation: Option<Attestation>,
}

impl StoreReport {
    /// What somebody who answers for the vault should know about this store, a sentence each.
    pub fn concerns(&self) -> Vec<&'static str> {
        let can = &self.capabilities;
        let mut concerns = Vec::new();
        if self.location == Location::ThisMachine {
            concerns.push(
                "The embedded store keeps everything on this machine: whoever runs it answers for where that is, and one lost disk loses all.",
            );
        }
        if matches!(self.location, Location::Attested { .. }) {
            concerns.push(
                "The store cannot say where it is; an operator's attestation is all there is.",
            );
        }
        if can.versioning == Answer::CannotSay {
            concerns.push("The store cannot say whether it keeps old versions of deleted objects.");
        }
        if can.replication == Answer::CannotSay {
            concerns.push("The store cannot say whether the bucket is replicated elsewhere.");
        }
        if can.object_lock == Answer::CannotSay {
            concerns.push("The store cannot say whether deletion is locked.");
        }
        if !can.lists_uploads.is_yes() {
            concerns.push(
                "Unfinished uploads cannot be listed: set a lifecycle rule that aborts them after a week.",
            );
        }
        if !can.conditional_put.is_yes() {
            concerns.push("The store ignores conditions on writes: one gateway only may write to this bucket.");
        }
        concerns
    }
}

impl fmt::Display for StoreReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<26}{} at {}", "bucket", self.bucket, self.endpoint)?;
        writeln!(f, "{:<26}{}", "must be in", self.residency)?;
        writeln!(f, "{:<26}{}", "is in", self.location)?;
        self.capabilities.fmt(f)?;
        for concern in self.concerns() {
            writeln!(f, "note: {concern}")?;
        }
        Ok(())
    }
}
