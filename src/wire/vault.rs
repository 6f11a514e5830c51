//! The vault itself, and its audit.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::id::VaultId;
use crate::model::Actor;

/// Whether the gateway is up. It says nothing else to strangers.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`, or `sealed` when nothing is served until a restart.
    pub status: String,
    /// How far the bucket's copy of the journal lags behind, in seconds, where one is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_lag_seconds: Option<u64>,
}

/// How the copying of the journal to the bucket goes on.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CopiesView {
    /// How often the bucket is brought up to date, in seconds.
    pub every_seconds: u64,
    /// Records that are in the bucket.
    pub records: u64,
    /// Durable records that are not.
    pub behind: u64,
    /// How long ago the oldest of those was acknowledged, in seconds, at most.
    pub lag_seconds: u64,
    /// Why the last attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// How the vault is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct VaultView {
    /// Which.
    pub id: VaultId,
    /// The version of the program.
    pub program: String,
    /// How often the root has been replaced.
    pub epoch: u64,
    /// Records in the journal.
    pub journal_records: u64,
    /// The journal's Merkle root, base64.
    pub journal_root: String,
    /// What holds the root.
    pub slots: Vec<String>,
    /// How many days a backup is kept, as the operator declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backups_kept_days: Option<u32>,
    /// The bucket.
    pub bucket: String,
    /// The server it is on.
    pub endpoint: String,
    /// Where it lies, and how that is known.
    pub location: String,
    /// What the store can do, as it answered.
    pub capabilities: Vec<String>,
    /// How the copying of the journal to the bucket goes on, where one is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copies: Option<CopiesView>,
    /// What an operator should look at.
    pub concerns: Vec<String>,
}

/// The key that certificates and checkpoints are verified with.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct VerifierKey {
    /// A C2SP signed-note verifier key.
    pub key: String,
}

/// A page of the audit.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditPage {
    /// The entries, oldest first.
    pub entries: Vec<AuditEntry>,
    /// Where the next page begins, if there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// One record of the journal, as the audit shows it.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its place in the journal.
    pub position: u64,
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
    /// What, by name.
    pub event: String,
    /// The event whole; sealed values stay sealed.
    pub detail: serde_json::Value,
}

/// What verifying the whole journal found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditVerification {
    /// Records verified.
    pub records: u64,
    /// The Merkle root they give, base64.
    pub root: String,
    /// The root signed: a C2SP checkpoint.
    pub checkpoint: String,
}

/// What testing the controls found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ControlsView {
    /// When.
    pub at: Timestamp,
    /// What holds.
    pub hold: Vec<String>,
    /// What does not, and why.
    pub fail: Vec<String>,
}
