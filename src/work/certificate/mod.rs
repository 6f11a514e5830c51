//! Certificates of erasure: what was destroyed, how, when and on whose word, signed.
//!
//! A certificate is a C2SP signed note whose text is JSON: a *statement*, and the proof that the
//! vault's log has a record of that very statement. The record's public part is the statement's
//! SHA-256 ([`commitment`]), and the proof leads from it to a checkpoint that the same key signed
//! (RFC 6962, C2SP `tlog-proof`). It names nobody: participants and people appear by their
//! identifiers. It is verified offline with the vault's public key alone.

mod elsewhere;
mod layout;
mod words;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::id::{ErasureId, ItemId, ParticipantId, PersonId, StudyId, VaultId};
use crate::journal::{
    Anchor, Evidence, NoteSigner, NoteVerifier, origin, public_part, verify_tlog_proof,
};
use crate::model::erasure::{DeletedObject, commitment};
use crate::model::{Actor, Cause, Digest, Erasure, LeafNumber, Retired};

pub(super) use elsewhere::elsewhere;
pub use elsewhere::{Elsewhere, Irrecoverable};

/// The form of statements this version writes and reads.
const FORM: u32 = 1;

const METHOD: &str = "cryptographic erasure: the keys were removed from a key tree, every key above them and the root were drawn anew, every root slot let go of the old root, the stored ciphertext was deleted, and opening it was tried and failed";

/// What a certificate states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// The form it has.
    pub form: u32,
    /// The vault in which it happened.
    pub vault: VaultId,
    /// The erasure.
    pub erasure: ErasureId,
    /// The study.
    pub study: StudyId,
    /// Why.
    pub cause: Cause,
    /// The people who are forgotten altogether, by identifiers used in no other system.
    pub participants: Vec<ParticipantId>,
    /// The people whose contact details alone went.
    pub contacts: Vec<ParticipantId>,
    /// Whether the study's own key went, with everything anonymised under it.
    pub study_ended: bool,
    /// The keys destroyed, by number.
    pub keys_destroyed: Vec<LeafNumber>,
    /// The epoch before.
    pub epoch_before: u64,
    /// The epoch after.
    pub epoch_after: u64,
    /// What each root slot said when it let go of the old root.
    pub slots: Vec<Retired>,
    /// What was deleted from the store, by the items that no longer open.
    pub objects_deleted: Vec<DeletedObject>,
    /// What was tried afterwards.
    pub verified: Verified,
    /// Who asked for it, and when.
    pub requested: (Actor, Timestamp),
    /// The second persons who approved, and when; none for what its own rule destroys.
    pub approved: Vec<(PersonId, Timestamp)>,
    /// The moment from which nothing opens.
    pub inaccessible: Timestamp,
    /// What lies, or lay, where the vault does not reach.
    pub elsewhere: Elsewhere,
    /// When the last of it is gone everywhere, or what that still waits for.
    pub irrecoverable: Irrecoverable,
    /// The moment of this certificate.
    pub certified: Timestamp,
    /// How it was done.
    pub method: String,
    /// The program and its version.
    pub program: String,
}

/// What was tried after an erasure, and failed as it must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// Keys looked for in the tree and not found.
    pub keys_absent: u64,
    /// Items whose opening was tried and failed.
    pub items_do_not_open: u64,
    /// Objects looked for in the store and not found.
    pub objects_absent: u64,
}

/// A certificate that was verified, or is at least whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// What it states.
    pub statement: Statement,
    /// The place in the log of the record that commits the vault to the statement, from 0.
    pub record: u64,
    /// The log when the certificate was signed: its length, and its Merkle root.
    pub log: Anchor,
}

/// The text that is signed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text<'a> {
    #[serde(borrow)]
    statement: &'a RawValue,
    in_log: InLog,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InLog {
    /// The record's leaf data, base64.
    leaf: String,
    /// A C2SP `tlog-proof` of it.
    proof: String,
}

/// Why a certificate is not believed.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The key does not read.
    #[error("that is no verifier key: {0}; ask the gateway for its own (`vault key`)")]
    Key(String),
    /// The signature does not fit.
    #[error(
        "the certificate is not signed by that key, or was changed since: do not rely on it ({0})"
    )]
    Signature(String),
    /// The text is signed and not a certificate.
    #[error("what was signed is not a certificate of erasure")]
    NotACertificate,
    /// It is of a form this version does not know.
    #[error(
        "the certificate has form {0}, which this version does not know; use a newer Strongroom"
    )]
    NewerForm(u32),
    /// It names another vault than the one that signed it.
    #[error(
        "the certificate speaks of another vault than the one that signed it: do not rely on it"
    )]
    ForeignVault,
    /// The proof does not lead from this statement to a checkpoint of the vault's log.
    #[error(
        "the certificate does not prove that the vault's log has a record of it: do not rely on it, and report it to whoever runs the vault"
    )]
    NotInLog,
}

/// Verifies a certificate with the vault's public key, offline: its signature, and that the log
/// which the same key signs has a record of its statement.
///
/// # Errors
/// [`CertificateError`]: a byte changed anywhere is refused.
pub fn verify(note: &str, verifier_key: &str) -> Result<Certificate, CertificateError> {
    let verifier = NoteVerifier::parse(verifier_key.trim())
        .map_err(|error| CertificateError::Key(error.to_string()))?;
    let signed = verifier
        .verify(note)
        .map_err(|error| CertificateError::Signature(error.to_string()))?;
    let (text, statement) = parse(&signed)?;
    if verifier.name() != origin(&statement.vault) {
        return Err(CertificateError::ForeignVault);
    }
    let leaf = BASE64_STANDARD.decode(&text.in_log.leaf);
    let leaf = leaf.map_err(|_| CertificateError::NotInLog)?;
    let (record, log) = verify_tlog_proof(&text.in_log.proof, &leaf, &verifier)
        .map_err(|_| CertificateError::NotInLog)?;
    let digest = Digest::of(text.statement.get().as_bytes());
    if public_part(&leaf) != Some(commitment(&digest).as_bytes()) {
        return Err(CertificateError::NotInLog);
    }
    Ok(Certificate {
        statement,
        record,
        log,
    })
}

/// Reads what a certificate states, whoever signed it: nothing in it is verified.
///
/// # Errors
/// [`CertificateError::NotACertificate`] and [`CertificateError::NewerForm`].
pub fn read(note: &str) -> Result<Statement, CertificateError> {
    // What is signed ends at the blank line before the signatures.
    let (text, _) = note
        .rsplit_once("\n\n")
        .ok_or(CertificateError::NotACertificate)?;
    parse(text).map(|(_, statement)| statement)
}

fn parse(signed: &str) -> Result<(Text<'_>, Statement), CertificateError> {
    let text: Text<'_> =
        serde_json::from_str(signed).map_err(|_| CertificateError::NotACertificate)?;
    let statement = text.statement.get();
    match serde_json::from_str::<Statement>(statement) {
        Ok(statement) if statement.form == FORM => Ok((text, statement)),
        Ok(statement) => Err(CertificateError::NewerForm(statement.form)),
        Err(_) => Err(CertificateError::NotACertificate),
    }
}

/// What an erasure's record has to say, once its keys are gone; nothing while it is not that far.
pub(super) fn of(
    vault: VaultId,
    erasure: &Erasure,
    verified: Verified,
    elsewhere: Elsewhere,
    certified: Timestamp,
) -> Option<Statement> {
    let epoch_after = erasure.epoch?;
    let (inaccessible, slots) = erasure.old_root_effaced.clone()?;
    Some(Statement {
        form: FORM,
        vault,
        erasure: erasure.id,
        study: erasure.study,
        cause: erasure.cause.clone(),
        participants: erasure.target.participants.clone(),
        contacts: erasure.target.contacts.clone(),
        study_ended: erasure.target.study,
        keys_destroyed: erasure.target.keys.clone(),
        epoch_before: epoch_after.saturating_sub(1),
        epoch_after,
        slots,
        objects_deleted: erasure.deleted.clone(),
        verified,
        requested: (erasure.requested_by, erasure.requested_at),
        approved: erasure.approved.clone(),
        inaccessible,
        irrecoverable: elsewhere.irrecoverable(inaccessible),
        elsewhere,
        certified,
        method: METHOD.to_owned(),
        program: format!("strongroom {}", env!("CARGO_PKG_VERSION")),
    })
}

impl Statement {
    /// The items that no longer open.
    pub fn items_erased(&self) -> Vec<ItemId> {
        self.objects_deleted.iter().map(|gone| gone.item).collect()
    }

    /// The text it is committed to and signed as.
    pub(super) fn to_text(&self) -> Result<String, String> {
        layout::to_text(self).map_err(|error| error.to_string())
    }
}

/// Signs a statement's text, with the evidence that the log has the record of it.
pub(super) fn sign(
    statement: &str,
    evidence: &Evidence,
    signer: &NoteSigner,
) -> Result<String, String> {
    let in_log = InLog {
        leaf: BASE64_STANDARD.encode(&evidence.leaf),
        proof: evidence.proof.clone(),
    };
    let in_log = layout::to_text(&in_log).map_err(|error| error.to_string())?;
    let text = format!("{{\n\"statement\": {statement},\n\"in_log\": {in_log}\n}}\n");
    signer.sign(&text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
