//! From the model to what is shown of it.

use jiff::civil::Date;

use crate::model::participant::Contact;
use crate::model::{
    Actor, Assignment, Consent, Entry, Erasure, ErasureStage, Membership, OnWithdrawal,
    Participant, Person, Scope, Session, Supplier,
};
use crate::wire::{
    AssignmentView, AuditEntry, ConsentView, ContactView, Enrolled, ErasureView, Invited, ItemView,
    MembershipView, NewSession, ParticipantView, PersonView, SessionView, SupplierView, VaultView,
};
use crate::work::inspect::ItemSeen;
use crate::work::oversee::VaultStatus;
use crate::work::{enrol, session as sessions};

pub(super) fn person(person: Person) -> PersonView {
    PersonView {
        id: person.id,
        name: person.name,
        role: person.role,
        supplier: person.supplier,
        enrolled: person.enrolled,
        suspended: person.suspended,
        revoked: person.revoked,
        until: person.until,
        trained_until: person.trained_until,
        accredited_until: person.accredited_until,
        terms: person.terms,
    }
}

pub(super) fn invited(invited: enrol::Invited) -> Invited {
    Invited {
        id: invited.person,
        code: invited.code.expose_secret().to_owned(),
        expires: invited.expires,
    }
}

pub(super) fn enrolled(enrolled: enrol::Enrolled) -> Enrolled {
    Enrolled {
        id: enrolled.person.id,
        role: enrolled.person.role,
        token: enrolled.token.expose_secret().to_owned(),
        expires: enrolled.expires,
    }
}

pub(super) fn membership(membership: Membership) -> MembershipView {
    MembershipView {
        study: membership.study,
        person: membership.person,
        role: membership.role,
        until: membership.until,
    }
}

pub(super) fn participant(participant: Participant) -> ParticipantView {
    ParticipantView {
        id: participant.id,
        study: participant.study,
        permissions: participant.permissions,
        consent: participant.consent,
        notice: participant.notice,
        group: participant.group,
        source: participant.source,
        standing: participant.standing,
        restricted: participant.restricted,
        added: participant.added,
        has_contact: participant.contact.is_some(),
    }
}

pub(super) fn contact(row: Participant, contact: Contact) -> ContactView {
    ContactView {
        participant: participant(row),
        name: contact.name,
        email: contact.email,
        fields: contact.fields,
    }
}

pub(super) fn consent(consent: Consent) -> ConsentView {
    ConsentView {
        version: consent.version,
        permissions: consent.permissions,
        given: consent.given,
        notice: consent.notice,
        lawful_basis: consent.lawful_basis,
        evidence: consent.evidence,
        recorded_by: consent.recorded_by,
        recorded: consent.recorded,
    }
}

pub(super) fn new_session(new: NewSession) -> sessions::NewSession {
    sessions::NewSession {
        kind: new.kind,
        date: new.date,
        participants: new.participants,
        on_withdrawal: match new.redact_within_days {
            None => OnWithdrawal::Destroy,
            Some(days) => OnWithdrawal::RedactFirst { days },
        },
    }
}

pub(super) fn session(session: Session) -> SessionView {
    SessionView {
        id: session.id,
        study: session.study,
        kind: session.kind,
        date: session.date,
        participants: session.participants,
        redact_within_days: match session.on_withdrawal {
            OnWithdrawal::Destroy => None,
            OnWithdrawal::RedactFirst { days } => Some(days),
        },
    }
}

/// An item; a supplier is told what it needs to work, and nothing of whom it is about.
pub(super) fn item(seen: ItemSeen) -> ItemView {
    let ItemSeen {
        item,
        file_name,
        frozen,
        until,
        assignments,
        team,
    } = seen;
    let bare = ItemView {
        id: item.id,
        kind: item.kind,
        tier: item.tier,
        length: item.length,
        session: item.session,
        deposited: item.deposited,
        study: None,
        participants: Vec::new(),
        depositor: None,
        file_name: None,
        frozen,
        until,
        assignments: Vec::new(),
    };
    match team {
        false => bare,
        true => ItemView {
            study: Some(item.study),
            participants: item.participants,
            depositor: Some(item.depositor),
            file_name,
            assignments: assignments.into_iter().map(assignment).collect(),
            ..bare
        },
    }
}

pub(super) fn assignment(assignment: Assignment) -> AssignmentView {
    AssignmentView {
        id: assignment.id,
        item: assignment.item,
        supplier: assignment.supplier,
        until: assignment.until,
        ended: assignment.ended,
    }
}

pub(super) fn supplier(supplier: Supplier, today: Date) -> SupplierView {
    SupplierView {
        contract_ends: supplier.contract_ends(),
        in_force: supplier.is_in_force(today),
        id: supplier.id,
        name: supplier.name,
        contract_signed: supplier.contract_signed,
    }
}

pub(super) fn erasure(erasure: Erasure) -> ErasureView {
    let (approved_by, approved_at) = erasure.approved.last().copied().unzip();
    let withdrawal = erasure.withdrawal();
    ErasureView {
        id: erasure.id,
        study: erasure.study,
        participant: withdrawal.map(|withdrawal| withdrawal.participant),
        contact_only: withdrawal.is_some_and(|withdrawal| withdrawal.scope == Scope::ContactOnly),
        stage: erasure.stage,
        requested_by: match erasure.requested_by {
            Actor::Person(person) => Some(person),
            Actor::Operator | Actor::Gateway | Actor::Stranger => None,
        },
        requested_at: erasure.requested_at,
        approved_by,
        approved_at,
        approvals_missing: approvals_missing(&erasure),
        held_until: erasure.held_until,
        inaccessible_at: erasure.old_root_effaced.map(|(moment, _)| moment),
        epoch: erasure.epoch,
        keys: erasure.target.keys.len() as u64,
        items: erasure.target.items.len() as u64,
        waiting_for: waiting_for(erasure.stage).map(str::to_owned),
        refused: erasure.refused.map(|refused| refused.reason),
        outcome: None,
    }
}

/// How many second persons still have to approve.
fn approvals_missing(erasure: &Erasure) -> u8 {
    let given = u8::try_from(erasure.approved.len()).unwrap_or(u8::MAX);
    match erasure.stage {
        ErasureStage::Requested => erasure.approvers.saturating_sub(given),
        _ => 0,
    }
}

/// What an erasure at a stage waits for, when something must be done about it.
fn waiting_for(stage: ErasureStage) -> Option<&'static str> {
    match stage {
        ErasureStage::Requested => {
            Some("the approval of a second person from information governance")
        }
        ErasureStage::Approved | ErasureStage::KeysDestroyed => {
            Some("every root slot to let go of the old root; the gateway tries again each minute")
        }
        ErasureStage::Inaccessible | ErasureStage::CiphertextDeleted => Some(
            "the storage to answer; nothing opens any more, and the gateway tries again each minute",
        ),
        ErasureStage::Certified | ErasureStage::Refused => None,
    }
}

pub(super) fn vault(status: VaultStatus) -> VaultView {
    VaultView {
        id: status.id,
        program: status.program,
        epoch: status.epoch,
        journal_records: status.journal_records,
        journal_root: status.journal_root,
        slots: status.slots,
        bucket: status.bucket,
        endpoint: status.endpoint,
        location: status.location,
        capabilities: status.capabilities,
        concerns: status.concerns,
    }
}

pub(super) fn audit_entry(position: u64, entry: Entry) -> Result<AuditEntry, serde_json::Error> {
    Ok(AuditEntry {
        position,
        at: entry.at,
        by: entry.by,
        event: entry.event.name().to_owned(),
        detail: serde_json::to_value(&entry.event)?,
    })
}
