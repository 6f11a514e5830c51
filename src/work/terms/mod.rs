//! The terms of a study: founding it on them, changing them, and the papers that go with them.

mod check;
mod loosen;
pub mod notice;
mod place;

use jiff::civil::Date;

use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::{ApproveStudy, CreateStudy, ManageStudy};
use crate::id::StudyId;
use crate::index::tables;
use crate::model::study::Approval;
use crate::model::{
    Actor, Event, Membership, Moment, Role, Study, StudyMoment, Template, Terms, Text,
};

pub(super) use place::check as check_place;

/// A study that was founded or changed, and what whoever did it should know.
#[derive(Debug)]
pub struct Founded {
    /// Which.
    pub id: StudyId,
    /// What is accepted and deserves a second look, a sentence each.
    pub warnings: Vec<String>,
}

/// A change of a study's terms.
#[derive(Debug, Default)]
pub struct Amendment {
    /// Its working title.
    pub name: Option<Text>,
    /// What is changed.
    pub terms: Terms,
    /// The version of the privacy notice that tells participants of what is loosened.
    pub under_notice: Option<u32>,
}

/// Founds a study on the terms given, and on those of the notice it takes as its template where
/// nothing is given. A study lead who founds it leads it.
///
/// # Errors
/// [`WorkError::Unacceptable`] for terms that are missing, that cannot be kept or that contradict
/// each other, and for a study whose material could not be stored here (R39).
pub async fn found(
    service: &Service,
    grant: Grant<CreateStudy>,
    name: Text,
    template: Option<Template>,
    given: Terms,
) -> Result<Founded, WorkError> {
    let terms = match template {
        None => given,
        Some(template) => {
            let promised = template.terms();
            given.or(promised.map_err(|error| WorkError::Internal(error.to_string()))?)
        }
    };
    let first = check::first(&terms)?;
    let (person, role) = (grant.person(), grant.caller().person().role);
    let today = service.today();
    let id = StudyId::random(&*service.vault().means().entropy)?;
    service
        .vault()
        .commit(Actor::Person(person), |draft| {
            let [(key, _)] = draft.new_keys()?;
            let bare = Study::new(
                id,
                name,
                first.controller,
                first.lawful_basis,
                first.withdraw_within,
                first.retain,
                key,
            );
            let study = Box::new(terms.clone().applied_to(bare));
            check::terms(&terms, today)?;
            check_place(service, study.regions)?;
            let warnings = check::study(draft.reader(), &study)?;
            let lead =
                (role == Role::StudyLead).then(|| Membership::in_team(id, person, role, None));
            let founded = Founded { id, warnings };
            Ok((Event::StudyCreated { study, lead }, founded))
        })
        .await
}

/// Changes a study's terms. What was promised to people who are in it is not loosened, unless each
/// of them has consented under the version of the notice that says so.
///
/// # Errors
/// [`WorkError::Unacceptable`] as [`found`]; [`WorkError::Conflict`] for a loosened promise.
pub async fn amend(
    service: &Service,
    grant: Grant<ManageStudy>,
    amendment: Amendment,
) -> Result<Founded, WorkError> {
    let Amendment {
        name,
        terms,
        under_notice,
    } = amendment;
    if name.is_none() && terms.is_empty() {
        return Err(WorkError::Unacceptable(
            "nothing is changed; give at least one term (`strongroom study amend --help`)"
                .to_owned(),
        ));
    }
    let today = service.today();
    let id = grant.loaded().id;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let row = draft.reader().get(&tables::STUDIES, &id)?;
            let before = row.ok_or(WorkError::NoSuchThing)?;
            let mut study = terms.clone().applied_to(before.clone());
            if let Some(name) = name {
                study.name = name;
            }
            check::terms(&terms, today)?;
            check_place(service, study.regions)?;
            let warnings = check::study(draft.reader(), &study)?;
            loosen::check(draft.reader(), &before, &study, under_notice)?;
            let study = Box::new(study);
            Ok((Event::StudyAmended { study }, Founded { id, warnings }))
        })
        .await
}

/// Records the data owner's approval of a study (R32).
///
/// # Errors
/// [`WorkError::Unacceptable`] for a day that has not come; [`WorkError::Conflict`] for one that is
/// on record already.
pub async fn approve(
    service: &Service,
    grant: Grant<ApproveStudy>,
    by: Text,
    on: Date,
) -> Result<(), WorkError> {
    let today = service.today();
    if on > today {
        return Err(WorkError::Unacceptable(format!(
            "{on} has not come; give the day the data owner approved, {today} or before"
        )));
    }
    let (id, person) = (grant.loaded().id, grant.person());
    service
        .vault()
        .commit(Actor::Person(person), |draft| {
            let row = draft.reader().get(&tables::STUDIES, &id)?;
            let mut study = Box::new(row.ok_or(WorkError::NoSuchThing)?);
            let approval = Approval {
                by,
                on,
                recorded_by: person,
            };
            let known = study.papers.approval.replace(approval);
            if let Some(Approval { by, on, .. }) = known
                && study
                    .papers
                    .approval
                    .as_ref()
                    .is_some_and(|new| new.by == by && new.on == on)
            {
                return Err(WorkError::Conflict(format!(
                    "that {by} approved on {on} is on record already"
                )));
            }
            Ok((Event::StudyAmended { study }, ()))
        })
        .await
}

/// What a study still lacks that it should have before anything is shared (R33, R49).
pub fn missing(study: &Study) -> Vec<String> {
    let mut missing: Vec<String> = study
        .missing_papers()
        .into_iter()
        .map(|paper| paper.to_string())
        .collect();
    if study.notice.is_none() {
        missing.push("notice".to_owned());
    }
    missing
}

/// The moments a study's rules count from that have no date yet (R44).
pub fn undated(study: &Study) -> Vec<StudyMoment> {
    let moments = study.retain.moments().into_iter();
    let moments = moments.filter_map(|moment| match moment {
        Moment::Study(moment) => Some(moment),
        _ => None,
    });
    moments
        .filter(|moment| !study.moments.contains_key(moment))
        .collect()
}
