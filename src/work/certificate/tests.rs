use std::sync::Arc;

use super::*;
use crate::entropy::SystemEntropy;
use crate::journal::{Journal, Keys};
use crate::limits::RETENTION_THINGS_MAX;
use crate::model::{Effaced, Scope, Withdrawal};
use crate::secret::Key;
use tempfile::TempDir;

/// A log, and who signs for it.
struct Log {
    journal: Journal,
    signer: NoteSigner,
    vault: VaultId,
    _folder: TempDir,
}

impl Log {
    fn new() -> Self {
        let entropy = Arc::new(SystemEntropy::new());
        let folder = tempfile::tempdir().expect("a folder");
        let vault = VaultId::random(&*entropy).expect("entropy");
        let key = || Key::random(&SystemEntropy::new()).expect("entropy");
        let keys = Keys {
            vault,
            journal: key(),
        };
        let journal = Journal::create(&folder.path().join("journal"), keys, entropy);
        let journal = journal.expect("a journal");
        for _ in 0..3 {
            journal.append(b"", b"something else").expect("written");
        }
        Self {
            journal,
            signer: NoteSigner::from_seed(&origin(&vault), key()).expect("a signer"),
            vault,
            _folder: folder,
        }
    }

    /// Records what commits to `committed`, and certifies `statement` with that record.
    fn certify(&self, statement: &str, committed: &str) -> String {
        let public = commitment(&Digest::of(committed.as_bytes()));
        let position = self.journal.append(public.as_bytes(), b"sealed");
        let position = position.expect("written");
        self.journal.append(b"", b"later").expect("written");
        self.journal.durable_blocking(position + 1).expect("synced");
        let evidence = self.journal.evidence(position, &self.signer);
        sign(statement, &evidence.expect("evidence"), &self.signer).expect("signed")
    }

    fn verify(&self, note: &str) -> Result<Certificate, CertificateError> {
        verify(note, &self.signer.verifier_key())
    }
}

fn statement(vault: VaultId) -> Statement {
    let entropy = SystemEntropy::new();
    let person = || PersonId::random(&entropy).expect("entropy");
    Statement {
        form: FORM,
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
        epoch_before: 3,
        epoch_after: 4,
        slots: vec![Retired {
            slot: "file /srv/first.slot".to_owned(),
            kept: 4,
            effaced: Effaced::File {
                overwritten: true,
                hole_punched: true,
            },
        }],
        objects_deleted: vec![object(1)],
        verified: Verified {
            keys_absent: 1,
            items_do_not_open: 1,
            objects_absent: 1,
        },
        requested: (Actor::Person(person()), Timestamp::UNIX_EPOCH),
        approved: vec![(person(), Timestamp::UNIX_EPOCH)],
        inaccessible: Timestamp::UNIX_EPOCH,
        elsewhere: Elsewhere::default(),
        irrecoverable: Elsewhere::default().irrecoverable(Timestamp::UNIX_EPOCH),
        certified: Timestamp::UNIX_EPOCH,
        method: METHOD.to_owned(),
        program: "strongroom".to_owned(),
    }
}

fn object(versions: u64) -> DeletedObject {
    let item = ItemId::random(&SystemEntropy::new()).expect("entropy");
    DeletedObject {
        versions,
        ..DeletedObject::none(item)
    }
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let log = Log::new();
    let stated = statement(log.vault);
    let text = stated.to_text().expect("written");
    let note = log.certify(&text, &text);
    let verified = log.verify(&note).expect("verifies");
    assert_eq!((&verified.statement, verified.record), (&stated, 3));
    assert_eq!(verified.log.size, 5);
    assert_eq!(read(&note).expect("reads"), stated);
    let mut refused = 0;
    for place in 0..note.len() {
        for bit in 0..8 {
            let mut changed = note.clone().into_bytes();
            changed[place] ^= 1 << bit;
            // What is no text any more does not get as far as this.
            let Ok(changed) = String::from_utf8(changed) else {
                continue;
            };
            refused += 1;
            if log.verify(&changed).is_ok() {
                panic!("bit {bit} of byte {place} was changed unnoticed");
            }
        }
    }
    assert!(refused > 6 * note.len(), "{refused} changes");
    for cut in [
        &note[1..],
        &note[..note.len() - 1],
        "",
        &format!("{note}\n"),
    ] {
        assert!(log.verify(cut).is_err());
    }
}

#[test]
fn a_statement_that_the_log_does_not_have_is_refused() {
    let (log, other) = (Log::new(), Log::new());
    let text = statement(log.vault).to_text().expect("written");
    // Signed by the vault, and the record is of something else that was stated.
    let another = statement(log.vault).to_text().expect("written");
    let refused = log.verify(&log.certify(&text, &another));
    assert!(matches!(refused, Err(CertificateError::NotInLog)));
    // Signed by the vault, and the record is in another log.
    let public = commitment(&Digest::of(text.as_bytes()));
    let position = other.journal.append(public.as_bytes(), b"sealed");
    let position = position.expect("written");
    other.journal.durable_blocking(position).expect("synced");
    let evidence = other.journal.evidence(position, &other.signer);
    let note = sign(&text, &evidence.expect("evidence"), &log.signer).expect("signed");
    assert!(matches!(log.verify(&note), Err(CertificateError::NotInLog)));
    // A record that is there, and says nothing in public.
    let evidence = log.journal.append(b"", b"sealed").and_then(|position| {
        log.journal.durable_blocking(position)?;
        log.journal.evidence(position, &log.signer)
    });
    let note = sign(&text, &evidence.expect("evidence"), &log.signer).expect("signed");
    assert!(matches!(log.verify(&note), Err(CertificateError::NotInLog)));
}

#[test]
fn another_vaults_certificate_is_refused() {
    let (log, other) = (Log::new(), Log::new());
    let text = statement(other.vault).to_text().expect("written");
    let refused = log.verify(&log.certify(&text, &text));
    assert!(matches!(refused, Err(CertificateError::ForeignVault)));
}

#[test]
fn a_form_of_later_is_told_from_what_is_no_certificate() {
    let log = Log::new();
    let later = Statement {
        form: FORM + 1,
        ..statement(log.vault)
    };
    let text = later.to_text().expect("written");
    let refused = log.verify(&log.certify(&text, &text));
    assert!(matches!(refused, Err(CertificateError::NewerForm(2))));
    let note = log.signer.sign("{}\n").expect("signed");
    let refused = log.verify(&note);
    assert!(matches!(refused, Err(CertificateError::NotACertificate)));
}

/// As much as one epoch of retention ever destroys fits into one note.
#[test]
fn the_longest_certificate_can_be_signed() {
    let log = Log::new();
    let leaf = |number| LeafNumber::new(900_000_000 + number).expect("a leaf");
    let things = RETENTION_THINGS_MAX as u64;
    let longest = Statement {
        keys_destroyed: (0..things).map(leaf).collect(),
        objects_deleted: (0..things).map(|_| object(1)).collect(),
        ..statement(log.vault)
    };
    let text = longest.to_text().expect("written");
    let note = log.certify(&text, &text);
    assert_eq!(log.verify(&note).expect("verifies").statement, longest);
}

#[test]
fn a_person_reads_what_it_proves_and_what_it_does_not() {
    let log = Log::new();
    let text = statement(log.vault).to_text().expect("written");
    let note = log.certify(&text, &text);
    let certificate = log.verify(&note).expect("verifies");
    let words = certificate.text();
    for expected in [
        "What this proves",
        "What this does not prove",
        "solid-state disk may keep a remnant",
        "Not yet gone everywhere: waiting for whoever runs the vault",
        "overwritten where they lay and given back to the disk",
        "1 January 1970, 01:00:00 in London",
        "Record 4 of the vault's log",
    ] {
        assert!(words.contains(expected), "{expected:?} is not in\n{words}");
    }
    let page = certificate.pdf(&note, &log.signer.verifier_key());
    assert!(page.starts_with(b"%PDF"));
    let holds = |wanted: &[u8]| page.windows(wanted.len()).any(|bytes| bytes == wanted);
    assert!(holds(note.as_bytes()) && holds(log.signer.verifier_key().as_bytes()));
}
