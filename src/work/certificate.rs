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
use crate::model::{Actor, Cause, Erasure, LeafNumber, Scope, Withdrawal};

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
    /// Who asked for it, and when.
    pub requested: (Actor, Timestamp),
    /// The second persons who approved, and when; none for what its own rule destroys.
    pub approved: Vec<(PersonId, Timestamp)>,
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
        cause: erasure.cause.clone(),
        participants: erasure.target.participants.clone(),
        contacts: erasure.target.contacts.clone(),
        study_ended: erasure.target.study,
        keys_destroyed: erasure.target.keys.clone(),
        items_erased: erasure.target.items.clone(),
        epoch_before: epoch_after.saturating_sub(1),
        epoch_after,
        slots,
        objects_deleted: erasure.deleted.clone(),
        verified,
        requested: (erasure.requested_by, erasure.requested_at),
        approved: erasure.approved.clone(),
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
        writeln!(f, "Certificate of erasure {}", self.erasure)?;
        writeln!(f)?;
        writeln!(f, "Vault {}, study {}.", self.vault, self.study)?;
        self.say_what(f)?;
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
        match &self.requested {
            (Actor::Person(person), moment) => writeln!(f, "Requested by {person} on {moment}.")?,
            (_, moment) => writeln!(f, "Begun by the gateway, by the study's rule, on {moment}.")?,
        }
        for (approver, approved) in &self.approved {
            writeln!(f, "Approved by {approver} on {approved}.")?;
        }
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

impl Certificate {
    fn say_what(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = self.inaccessible;
        match &self.cause {
            Cause::Withdrawal(Withdrawal {
                participant, scope, ..
            }) => {
                let what = match scope {
                    Scope::Everything => "everything recorded".to_owned(),
                    Scope::ContactOnly => "the contact details".to_owned(),
                    Scope::Kinds(kinds) => {
                        let kinds: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
                        format!("the material of kind {}", kinds.join(", "))
                    }
                };
                writeln!(
                    f,
                    "It certifies that {what} of participant {participant} became inaccessible on {moment}."
                )
            }
            Cause::Retention(retention) => {
                writeln!(
                    f,
                    "It certifies that what was due for destruction by {} became inaccessible on {moment}: {} items, everything of {} participants, the contact details of {}{}.",
                    retention.due,
                    self.items_erased.len(),
                    self.participants.len(),
                    self.contacts.len(),
                    match self.study_ended {
                        true => ", and everything anonymised of the study",
                        false => "",
                    }
                )?;
                for rule in &retention.rules {
                    writeln!(f, "Rule: {rule}")?;
                }
                Ok(())
            }
        }
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
            cause: Cause::Withdrawal(Withdrawal {
                participant: ParticipantId::random(&entropy).expect("entropy"),
                scope: Scope::Everything,
                in_time: true,
            }),
            participants: vec![],
            contacts: vec![],
            study_ended: false,
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
            requested: (Actor::Person(person()), Timestamp::UNIX_EPOCH),
            approved: vec![(person(), Timestamp::UNIX_EPOCH)],
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
