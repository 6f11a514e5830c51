//! From the model to what is shown of it.

use jiff::civil::Date;

use crate::model::participant::Contact;
use crate::model::release::Verdict;
use crate::model::supplier::Acceptance;
use crate::model::{
    Actor, Assignment, Check, Consent, Derived, Entry, Erasure, ErasureStage, Membership,
    OnWithdrawal, Participant, Person, Scope, Session,
};
use crate::wire::{
    AssignmentView, AuditEntry, ConsentView, ContactView, CopiesView, DerivedView, Enrolled,
    ErasureView, Invited, ItemView, MembershipView, NewSession, ParticipantView, PersonView,
    ReleaseView, SessionView, SupplierView, VaultView,
};
use crate::work::assigned::AssignmentSeen;
use crate::work::inspect::{Eyes, ItemSeen, SupplierSeen};
use crate::work::oversee::VaultStatus;
use crate::work::release::ReleaseSeen;
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
        purpose: membership.purpose,
        sees: membership.sees,
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

/// An item; a supplier is told what it needs to work, who analyses what they may hold against what they
/// see, and neither of whom it is about.
pub(super) fn item(seen: ItemSeen) -> ItemView {
    let ItemSeen {
        item,
        file_name,
        frozen,
        until,
        assignments,
        eyes,
    } = seen;
    let bare = ItemView {
        id: item.id,
        kind: item.kind,
        tier: item.tier,
        length: item.length,
        session: None,
        deposited: item.deposited,
        study: None,
        participants: Vec::new(),
        depositor: None,
        file_name: None,
        frozen,
        until,
        assignments: Vec::new(),
        derived: None,
        redacts: None,
        accepted: None,
    };
    match eyes {
        Eyes::Supplier => ItemView {
            session: item.session,
            ..bare
        },
        Eyes::Analyst => ItemView {
            study: Some(item.study),
            derived: item.derived.map(|row| DerivedView {
                parents: Vec::new(),
                checked_by: None,
                ..derived(row)
            }),
            ..bare
        },
        Eyes::Team => ItemView {
            session: item.session,
            study: Some(item.study),
            participants: item.participants,
            depositor: Some(item.depositor),
            file_name,
            assignments: assignments.into_iter().map(assignment).collect(),
            derived: item.derived.map(derived),
            redacts: item.redacts,
            accepted: item.accepted,
            ..bare
        },
    }
}

fn derived(row: Derived) -> DerivedView {
    let (passed, checked_by, finding) = match row.check {
        Check::Waiting => (None, None, None),
        Check::Passed { by, .. } => (Some(true), Some(by), None),
        Check::SentBack { by, finding, .. } => (Some(false), Some(by), Some(finding)),
    };
    DerivedView {
        parents: row.parents,
        made_from: row.made_from,
        group: row.group,
        quotes: row.quotes,
        shows: row.shows,
        passed,
        checked_by,
        finding,
    }
}

/// An assignment; a supplier is told that it is over, and not why.
pub(super) fn assigned(seen: AssignmentSeen) -> AssignmentView {
    let owes_destruction = seen.owes_destruction();
    let over = seen.over;
    let study = seen.team.then_some(seen.assignment.study);
    AssignmentView {
        ended: over.is_some(),
        over: over
            .filter(|_| seen.team)
            .map(|over| over.name().to_owned()),
        owes_destruction,
        study,
        ..assignment(seen.assignment)
    }
}

fn assignment(row: Assignment) -> AssignmentView {
    let (accepted, sent_back) = match row.answer {
        Some(Acceptance::Accepted(on)) => (Some(on), None),
        Some(Acceptance::SentBack(reason)) => (None, Some(reason)),
        None => (None, None),
    };
    AssignmentView {
        ended: row.is_over(),
        id: row.id,
        item: row.item,
        study: Some(row.study),
        supplier: row.supplier,
        purpose: row.purpose,
        until: row.until,
        over: None,
        submitted: row.submitted,
        accepted,
        sent_back,
        copies_destroyed: row.copies_destroyed.map(|(_, at)| at),
        owes_destruction: row.ended && row.copies_destroyed.is_none(),
    }
}

/// A release; how it came about is for the team.
pub(super) fn release(ReleaseSeen { release, team }: ReleaseSeen) -> ReleaseView {
    let (given_at, decided_by, refused) = match release.verdict {
        None => (None, None, None),
        Some(Verdict::Approved { by, at }) => (Some(at), Some(by), None),
        Some(Verdict::Refused { by, finding, .. }) => (None, Some(by), Some(finding)),
    };
    ReleaseView {
        id: release.id,
        study: release.study,
        title: release.title,
        kind: release.kind,
        length: release.length,
        group: release.group,
        given_at,
        item: team.then_some(release.item),
        requested_by: team.then_some(release.requested_by),
        requested_at: team.then_some(release.requested_at),
        decided_by: decided_by.filter(|_| team),
        refused: refused.filter(|_| team),
    }
}

pub(super) fn supplier(seen: SupplierSeen, today: Date) -> SupplierView {
    let SupplierSeen {
        supplier,
        keeps_the_list,
    } = seen;
    SupplierView {
        contract_ends: supplier.contract_ends(),
        in_force: supplier.is_in_force(today),
        id: supplier.id,
        name: supplier.name,
        automatic: supplier.automatic,
        approved: supplier.approved,
        contract_signed: supplier.contract_signed,
        controllers: keeps_the_list.then_some(supplier.controllers),
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
        backups_kept_days: status.backups_kept_days,
        bucket: status.bucket,
        endpoint: status.endpoint,
        location: status.location,
        capabilities: status.capabilities,
        copies: status.copies.map(|copies| CopiesView {
            every_seconds: copies.every.as_secs(),
            records: copies.records,
            behind: copies.behind,
            lag_seconds: copies.lag.as_secs(),
            trouble: copies.trouble,
        }),
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
