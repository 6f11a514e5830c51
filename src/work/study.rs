//! Running a study: founding it, its team, its end.

use jiff::civil::Date;

use super::error::WorkError;
use super::service::Service;
use super::terms;
use crate::access::Grant;
use crate::access::acts::{CreateStudy, ManageStudy};
use crate::id::{PersonId, StudyId};
use crate::index::tables;
use crate::model::{
    Actor, Event, LawfulBasis, Membership, Purpose, RetentionRules, Role, Terms, Text, Tier,
    WithdrawalWindow,
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

/// Somebody to be admitted to a study.
#[derive(Debug)]
pub struct NewMember {
    /// Who.
    pub person: PersonId,
    /// What they are to be in it.
    pub role: Role,
    /// The last day of access.
    pub until: Date,
    /// What it is for (R31).
    pub purpose: Purpose,
    /// How near to people the material may be that they see; as near as their role allows, when that
    /// is not said.
    pub sees: Option<Tier>,
}

/// Admits somebody to a study until a day (R23, R31), or changes their place in it.
///
/// # Errors
/// [`WorkError::Refused`] for oneself, [`WorkError::Unacceptable`] for somebody whose role in the
/// organisation has no such place in a study, a role that is none, a tier that does not go with it, or
/// a day that is past.
pub async fn admit_member(
    service: &Service,
    grant: Grant<ManageStudy>,
    new: NewMember,
) -> Result<(), WorkError> {
    let by = grant.person();
    if new.person == by {
        return Err(WorkError::Refused(
            "nobody admits themselves to a study; ask its lead or information governance"
                .to_owned(),
        ));
    }
    let (role, until) = (new.role, new.until);
    let unacceptable = |why: String| Err(WorkError::Unacceptable(why));
    let sees = match (role, new.sees) {
        (Role::StudyLead, None | Some(Tier::Identifiable)) => Tier::Identifiable,
        (Role::Researcher, sees) => sees.unwrap_or(Tier::Identifiable),
        (Role::Commissioner, None | Some(Tier::Anonymised)) => Tier::Anonymised,
        (Role::StudyLead, Some(tier)) => {
            return unacceptable(format!(
                "a study-lead sees everything in the study; admit them as a researcher to see what is {tier} only"
            ));
        }
        (Role::Commissioner, Some(tier)) => {
            return unacceptable(format!(
                "a commissioner reads what is released, which is anonymised; nothing that is {tier}"
            ));
        }
        (role, _) => {
            return unacceptable(format!(
                "somebody is a study-lead, a researcher or a commissioner in a study, not a {role}"
            ));
        }
    };
    if until < service.today() {
        return unacceptable(format!("{until} is past; give the last day of access"));
    }
    let (study, person) = (grant.loaded().id, new.person);
    let membership = Membership {
        purpose: new.purpose,
        sees,
        ..Membership::in_team(study, person, role, Some(until))
    };
    service
        .vault()
        .commit(Actor::Person(by), |draft| {
            let row = draft.reader().get(&tables::PEOPLE, &person)?;
            let row = row.ok_or(WorkError::NoSuchThing)?;
            let fits = match row.role {
                Role::StudyLead | Role::Researcher => role != Role::Commissioner,
                Role::Commissioner => role == Role::Commissioner,
                _ => false,
            };
            if !fits {
                return Err(WorkError::Unacceptable(format!(
                    "they are a {} in the organisation, who is never a {role} in a study; invite them as what they are to be",
                    row.role
                )));
            }
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
