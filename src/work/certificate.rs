//! Certificates of erasure: what was destroyed, how, when and on whose word, signed.
//!
//! A certificate is a C2SP signed note whose text is JSON. It names nobody: participants and people
//! appear by their identifiers. It is verified offline with the vault's public key alone.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ErasureId, ItemId, ParticipantId, PersonId, StudyId, VaultId};
use crate::journal::{Anchor, NoteSigner, NoteVerifier};
use crate::model::erasure::DeletedObject;
use crate::model::{Erasure, LeafNumber};

const METHOD: &str = "cryptographic erasure: the keys were removed from a key tree, every key above them and the root were drawn anew, the old root was overwritten in every root slot, the stored ciphertext was deleted, and opening it was tried and failed";

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The vault in which it happened.
    pub vault: VaultId,
    /// The erasure.
    pub erasure: ErasureId,
    /// The study.
    pub study: StudyId,
    /// Whose data, by an identifier used in no other system.
    pub participant: ParticipantId,
    /// Whether only their contact details went.
    pub contact_only: bool,
    /// The keys destroyed, by number.
    pub keys_destroyed: Vec<LeafNumber>,
    /// The items that no longer open.
    pub items_erased: Vec<ItemId>,
    /// The epoch before.
    pub epoch_before: u64,
    /// The epoch after.
    pub epoch_after: u64,
    /// What each root slot said when it let go of the old root.
    pub slots: Vec<String>,
    /// What was deleted from the store.
    pub objects_deleted: Vec<DeletedObject>,
    /// What was tried afterwards.
    pub verified: Verified,
    /// Who recorded the withdrawal, and when.
    pub requested: (PersonId, Timestamp),
    /// The second person who approved, and when.
    pub approved: (PersonId, Timestamp),
    /// The moment from which nothing opens.
    pub inaccessible: Timestamp,
    /// The moment of this certificate.
    pub certified: Timestamp,
    /// The journal when it was made: its length, and its Merkle root.
    pub journal: Anchor,
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
    /// It names another vault than the one that signed it.
    #[error(
        "the certificate speaks of another vault than the one that signed it: do not rely on it"
    )]
    ForeignVault,
}

/// Verifies a certificate with the vault's public key, offline.
///
/// # Errors
/// [`CertificateError`]: a byte changed anywhere is refused.
pub fn verify(note: &str, verifier_key: &str) -> Result<Certificate, CertificateError> {
    let verifier = NoteVerifier::parse(verifier_key.trim())
        .map_err(|error| CertificateError::Key(error.to_string()))?;
    let text = verifier
        .verify(note)
        .map_err(|error| CertificateError::Signature(error.to_string()))?;
    let certificate: Certificate =
        serde_json::from_str(&text).map_err(|_| CertificateError::NotACertificate)?;
    match verifier.name() == crate::journal::origin(&certificate.vault) {
        true => Ok(certificate),
        false => Err(CertificateError::ForeignVault),
    }
}

/// What an erasure's record has to say, once its keys are gone; nothing while it is not that far.
pub(super) fn of(
    vault: VaultId,
    erasure: &Erasure,
    verified: Verified,
    certified: Timestamp,
    journal: Anchor,
) -> Option<Certificate> {
    let epoch_after = erasure.epoch?;
    let (inaccessible, slots) = erasure.old_root_effaced.clone()?;
    Some(Certificate {
        vault,
        erasure: erasure.id,
        study: erasure.study,
        participant: erasure.withdrawal.participant,
        contact_only: erasure.withdrawal.contact_only,
        keys_destroyed: erasure.target.keys.clone(),
        items_erased: erasure.target.items.clone(),
        epoch_before: epoch_after.saturating_sub(1),
        epoch_after,
        slots,
        objects_deleted: erasure.deleted.clone(),
        verified,
        requested: (erasure.requested_by, erasure.requested_at),
        approved: erasure.approved?,
        inaccessible,
        certified,
        journal,
        method: METHOD.to_owned(),
        program: format!("strongroom {}", env!("CARGO_PKG_VERSION")),
    })
}

/// Signs a certificate.
pub(super) fn sign(certificate: &Certificate, signer: &NoteSigner) -> Result<String, String> {
    let mut text = serde_json::to_string_pretty(certificate).map_err(|e| e.to_string())?;
    text.push('\n');
    signer.sign(&text).map_err(|error| error.to_string())
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.contact_only {
            true => "the contact details",
            false => "everything recorded",
        };
        writeln!(f, "Certificate of erasure {}", self.erasure)?;
        writeln!(f)?;
        writeln!(f, "Vault {}, study {}.", self.vault, self.study)?;
        writeln!(
            f,
            "It certifies that {what} of participant {} became inaccessible on {}.",
            self.participant, self.inaccessible
        )?;
        writeln!(
            f,
            "{} keys were destroyed (epoch {} to {}), {} items no longer open, {} objects were deleted from the store.",
            self.keys_destroyed.len(),
            self.epoch_before,
            self.epoch_after,
            self.items_erased.len(),
            self.objects_deleted.len()
        )?;
        writeln!(
            f,
            "Verified afterwards: {} keys absent, {} items do not open, {} objects absent.",
            self.verified.keys_absent,
            self.verified.items_do_not_open,
            self.verified.objects_absent
        )?;
        for slot in &self.slots {
            writeln!(f, "Root slot: {slot}")?;
        }
        let ((requester, requested), (approver, approved)) = (&self.requested, &self.approved);
        writeln!(f, "Requested by {requester} on {requested}.")?;
        writeln!(f, "Approved by {approver} on {approved}.")?;
        writeln!(f, "Method: {}.", self.method)?;
        writeln!(f, "Program: {}; journal {}.", self.program, self.journal)?;
        writeln!(f)?;
        writeln!(
            f,
            "It proves that the vault holding this signing key says so, and that no byte of it was changed."
        )?;
        write!(
            f,
            "It does not prove what a solid-state disk may retain of an overwritten root, nor that copies given to suppliers were destroyed: they confirm that themselves."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::secret::Key;

    fn certificate(vault: VaultId) -> Certificate {
        let entropy = SystemEntropy::new();
        let person = || PersonId::random(&entropy).expect("entropy");
        Certificate {
            vault,
            erasure: ErasureId::random(&entropy).expect("entropy"),
            study: StudyId::random(&entropy).expect("entropy"),
            participant: ParticipantId::random(&entropy).expect("entropy"),
            contact_only: false,
            keys_destroyed: vec![],
            items_erased: vec![ItemId::random(&entropy).expect("entropy")],
            epoch_before: 3,
            epoch_after: 4,
            slots: vec!["a slot let go".to_owned()],
            objects_deleted: vec![],
            verified: Verified {
                keys_absent: 1,
                items_do_not_open: 1,
                objects_absent: 1,
            },
            requested: (person(), Timestamp::UNIX_EPOCH),
            approved: (person(), Timestamp::UNIX_EPOCH),
            inaccessible: Timestamp::UNIX_EPOCH,
            certified: Timestamp::UNIX_EPOCH,
            journal: Anchor::EMPTY,
            method: METHOD.to_owned(),
            program: "strongroom".to_owned(),
        }
    }

    fn signer(vault: VaultId) -> NoteSigner {
        let seed = Key::random(&SystemEntropy::new()).expect("entropy");
        NoteSigner::from_seed(&crate::journal::origin(&vault), seed).expect("a signer")
    }

    #[test]
    fn a_changed_byte_anywhere_is_refused() {
        let vault = VaultId::random(&SystemEntropy::new()).expect("entropy");
        let signer = signer(vault);
        let certificate = certificate(vault);
        let note = sign(&certificate, &signer).expect("signed");
        let key = signer.verifier_key();
        assert_eq!(verify(&note, &key).expect("verifies"), certificate);
        for place in 0..note.len() {
            let mut changed = note.clone().into_bytes();
            changed[place] ^= 1;
            let Ok(changed) = String::from_utf8(changed) else {
                continue;
            };
            if let Ok(read) = verify(&changed, &key) {
                panic!("byte {place} was changed unnoticed: {read:?}");
            }
        }
    }

    #[test]
    fn another_vaults_certificate_is_refused() {
        let entropy = SystemEntropy::new();
        let ours = VaultId::random(&entropy).expect("entropy");
        let theirs = VaultId::random(&entropy).expect("entropy");
        let signer = signer(ours);
        let note = sign(&certificate(theirs), &signer).expect("signed");
        let refused = verify(&note, &signer.verifier_key());
        assert!(matches!(refused, Err(CertificateError::ForeignVault)));
    }
}
