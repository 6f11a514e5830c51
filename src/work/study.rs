//! Running a study: founding it, its team, its participants, its sessions.

use jiff::civil::Date;

use super::error::WorkError;
use super::service::Service;
use super::terms;
use crate::access::Grant;
use crate::access::acts::{AddParticipant, AddSession, CreateStudy, ManageStudy};
use crate::clock::london_day;
use crate::id::{ParticipantId, PersonId, SessionId, StudyId};
use crate::index::tables;
use crate::limits::SESSION_PARTICIPANTS_MAX;
use crate::model::participant::Contact;
use crate::model::{
    Actor, Consent, Event, LawfulBasis, Membership, OnWithdrawal, Participant, Permissions,
    RetentionRules, Role, Session, SessionKind, Standing, Terms, Text, WithdrawalWindow,
};

/// A study to be founded on the least of terms: what they say no more of is as strict as can be.
#[derive(Debug)]
pub struct NewStudy {
    /// Its working title.
    pub name: Text,
    /// The controller.
    pub controller: Text,
    /// The lawful basis participants are told of (R4).
    pub lawful_basis: LawfulBasis,
    /// Until when they may withdraw.
    pub withdraw_within: WithdrawalWindow,
    /// How long material is kept.
    pub retain: RetentionRules,
}

/// Founds a study on the least of terms.
///
/// # Errors
/// As [`terms::found`].
pub async fn found(
    service: &Service,
    grant: Grant<CreateStudy>,
    new: NewStudy,
) -> Result<StudyId, WorkError> {
    let given = Terms {
        controller: Some(new.controller),
        lawful_basis: Some(new.lawful_basis),
        withdraw_within: Some(new.withdraw_within),
        retain: Some(new.retain),
        ..Terms::default()
    };
    let founded = terms::found(service, grant, new.name, None, given).await?;
    Ok(founded.id)
}

/// Admits somebody to a study until a day (R23, R31), or changes their place in it.
///
/// # Errors
/// [`WorkError::Refused`] for oneself, [`WorkError::Unacceptable`] for somebody whose role in the
/// organisation has no place in a study's team, a role that is none, or a day that is past.
pub async fn admit_member(
    service: &Service,
    grant: Grant<ManageStudy>,
    person: PersonId,
    role: Role,
    until: Date,
) -> Result<(), WorkError> {
    let by = grant.person();
    if person == by {
        return Err(WorkError::Refused(
            "nobody admits themselves to a study; ask its lead or information governance"
                .to_owned(),
        ));
    }
    if !matches!(role, Role::StudyLead | Role::Researcher) {
        return Err(WorkError::Unacceptable(format!(
            "somebody is a study-lead or a researcher in a study, not a {role}"
        )));
    }
    if until < service.today() {
        return Err(WorkError::Unacceptable(format!(
            "{until} is past; give the last day of access"
        )));
    }
    let study = grant.loaded().id;
    service
        .vault()
        .commit(Actor::Person(by), |draft| {
            let row = draft.reader().get(&tables::PEOPLE, &person)?;
            let row = row.ok_or(WorkError::NoSuchThing)?;
            if !matches!(row.role, Role::StudyLead | Role::Researcher) {
                return Err(WorkError::Unacceptable(format!(
                    "they are a {} in the organisation, which has no place in a study's team; invite them as a study-lead or researcher",
                    row.role
                )));
            }
            let membership = Membership::in_team(study, person, role, Some(until));
            Ok((Event::StudyAccessGranted { membership }, ()))
        })
        .await
}

/// Ends somebody's place in a study.
///
/// # Errors
/// [`WorkError::NoSuchThing`] when they have none.
pub async fn end_membership(
    service: &Service,
    grant: Grant<ManageStudy>,
    person: PersonId,
) -> Result<(), WorkError> {
    let study = grant.loaded().id;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            match draft
                .reader()
                .contains(&tables::MEMBERSHIPS, &(study, person))?
            {
                true => Ok((Event::StudyAccessEnded { study, person }, ())),
                false => Err(WorkError::NoSuchThing),
            }
        })
        .await
}

/// Closes a study: it takes no more participants, sessions or material.
///
/// # Errors
/// [`WorkError::Conflict`] when it is closed already.
pub async fn close(service: &Service, grant: Grant<ManageStudy>) -> Result<(), WorkError> {
    let study = grant.loaded().id;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            match draft.reader().get(&tables::STUDIES, &study)? {
                Some(row) if row.closed => Err(WorkError::Conflict(
                    "the study is closed already".to_owned(),
                )),
                Some(_) => Ok((Event::StudyClosed { study }, ())),
                None => Err(WorkError::NoSuchThing),
            }
        })
        .await
}

/// Adds a participant. What names them is sealed under a key of its own (R3, R24, R25).
///
/// # Errors
/// [`WorkError::Unacceptable`] when they permit nothing.
pub async fn add_participant(
    service: &Service,
    grant: Grant<AddParticipant>,
    permissions: Permissions,
    contact: Contact,
) -> Result<ParticipantId, WorkError> {
    if permissions.is_empty() {
        return Err(WorkError::Unacceptable(
            "a participant who permits nothing cannot be recorded; give what they permit"
                .to_owned(),
        ));
    }
    let vault = service.vault();
    let id = ParticipantId::random(&*vault.means().entropy)?;
    let by = grant.person();
    let (study, lawful_basis) = (grant.loaded().id, grant.loaded().lawful_basis);
    let notice = grant.loaded().notice;
    vault
        .commit(Actor::Person(by), |draft| {
            let [(contact_leaf, contact_key), (material_leaf, _)] = draft.new_keys()?;
            let sealed = match contact.is_empty() {
                true => None,
                false => Some(vault.seal_contact(id, &contact_key, &contact)?),
            };
            let today = london_day(draft.now());
            let consent = Consent {
                participant: id,
                version: 1,
                permissions: permissions.clone(),
                given: today,
                notice,
                lawful_basis,
                evidence: None,
                recorded_by: by,
                recorded: draft.now(),
            };
            let participant = Participant {
                id,
                study,
                permissions,
                consent: consent.version,
                notice,
                group: None,
                source: None,
                contact: sealed,
                contact_key: contact_leaf,
                material_key: material_leaf,
                added: today,
                last_session: None,
                standing: Standing::Active,
                restricted: false,
            };
            let added = Event::ParticipantAdded {
                participant,
                consent,
            };
            Ok((added, id))
        })
        .await
}

/// Adds a session that was held.
///
/// # Errors
/// [`WorkError::Unacceptable`] without participants, with too many, twice the same, with one who is
/// not in the study or has withdrawn, or on a day that has not come.
pub async fn add_session(
    service: &Service,
    grant: Grant<AddSession>,
    kind: SessionKind,
    date: Date,
    mut participants: Vec<ParticipantId>,
) -> Result<SessionId, WorkError> {
    let given = participants.len();
    participants.sort_unstable();
    participants.dedup();
    let unacceptable = |what: String| Err(WorkError::Unacceptable(what));
    if participants.is_empty() || participants.len() > SESSION_PARTICIPANTS_MAX {
        return unacceptable(format!(
            "a session has between 1 and {SESSION_PARTICIPANTS_MAX} participants, this one has {given}"
        ));
    }
    if participants.len() < given {
        return unacceptable("a participant is named twice; name each once".to_owned());
    }
    if date > service.today() {
        return unacceptable(format!(
            "{date} has not come yet; a session is added once it was held"
        ));
    }
    let study = grant.loaded().id;
    let id = SessionId::random(&*service.vault().means().entropy)?;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            for participant in &participants {
                let row = draft.reader().get(&tables::PARTICIPANTS, participant)?;
                let here = row
                    .filter(|row| row.study == study && row.standing != Standing::Erased)
                    .ok_or_else(|| {
                        WorkError::Unacceptable(format!(
                            "{participant} is no participant of this study; check the identifier"
                        ))
                    })?;
                if here.standing == Standing::Frozen {
                    return Err(WorkError::Unacceptable(format!(
                        "{participant} is withdrawing; leave them out of the session"
                    )));
                }
            }
            let session = Session {
                id,
                study,
                kind,
                date,
                participants,
                on_withdrawal: OnWithdrawal::Destroy,
            };
            Ok((Event::SessionAdded { session }, id))
        })
        .await
}
