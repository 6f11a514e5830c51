//! The versions of a study's privacy notice, and who was given which (R4, R49).

use jiff::civil::Date;

use crate::access::Grant;
use crate::access::acts::{ManageStudy, ReadStudy};
use crate::index::tables;
use crate::model::{Actor, Event, Notice, Participant, Text};
use crate::work::{Service, WorkError};

/// A version to be put on record.
#[derive(Debug)]
pub struct NewNotice {
    /// Which; later ones have greater numbers.
    pub version: u32,
    /// The day it was published.
    pub published: Date,
    /// The day it is to be reviewed.
    pub review: Date,
    /// Where it is published, or what it is called.
    pub reference: Text,
    /// What changed since the version before.
    pub change: Option<Text>,
}

/// Puts a version of a study's privacy notice on record. Whoever consents from now on does so under
/// it.
///
/// # Errors
/// [`WorkError::Unacceptable`] for version 0, a day of publication that has not come or is before
/// the last version's, a review before it or past, or a later version that does not say what
/// changed; [`WorkError::Conflict`] for a version that is not later than those on record.
pub async fn add(
    service: &Service,
    grant: Grant<ManageStudy>,
    new: NewNotice,
) -> Result<(), WorkError> {
    let today = service.today();
    check(&new, today)?;
    let study = grant.loaded().id;
    service
        .vault()
        .commit(Actor::Person(grant.person()), |draft| {
            let reader = draft.reader();
            let row = reader.get(&tables::STUDIES, &study)?;
            let latest = row.ok_or(WorkError::NoSuchThing)?.notice;
            let latest = latest.map(|version| reader.get(&tables::NOTICES, &(study, version)));
            if let Some(latest) = latest.transpose()?.flatten() {
                check_after(&new, &latest)?;
            }
            let notice = Notice {
                study,
                version: new.version,
                published: new.published,
                review: Some(new.review),
                reference: Some(new.reference),
                change: new.change,
            };
            Ok((Event::NoticePublished { notice }, ()))
        })
        .await
}

/// The versions of a study's privacy notice, oldest first.
///
/// # Errors
/// Those of reading the index.
pub fn list(service: &Service, grant: Grant<ReadStudy>) -> Result<Vec<Notice>, WorkError> {
    let view = service.vault().view()?;
    let study = grant.loaded().id;
    let rows = view
        .reader()
        .page(&tables::NOTICES, &study, None, usize::MAX)?;
    Ok(rows.into_iter().map(|(_, notice)| notice).collect())
}

/// Who is in a study on a consent given under an earlier version of its notice, or none: those a
/// change affects (R49).
///
/// # Errors
/// [`WorkError::Unacceptable`] for a version that is not on record.
pub fn affected(
    service: &Service,
    grant: Grant<ReadStudy>,
    version: u32,
) -> Result<Vec<Participant>, WorkError> {
    let view = service.vault().view()?;
    let (reader, study) = (view.reader(), grant.loaded().id);
    if !reader.contains(&tables::NOTICES, &(study, version))? {
        return Err(WorkError::Unacceptable(format!(
            "the study has no version {version} of its privacy notice on record; `strongroom study notice list` shows those it has"
        )));
    }
    let mut affected = Vec::new();
    for ((_, id), ()) in reader.page(&tables::PARTICIPANTS_OF, &study, None, usize::MAX)? {
        let row = reader.get(&tables::PARTICIPANTS, &id)?;
        affected.extend(row.filter(|row| row.notice < Some(version)));
    }
    Ok(affected)
}

fn check(new: &NewNotice, today: Date) -> Result<(), WorkError> {
    let NewNotice {
        version,
        published,
        review,
        ..
    } = new;
    if *version == 0 {
        return unacceptable("versions of a notice are counted from 1".to_owned());
    }
    if *published > today {
        return unacceptable(format!(
            "{published} has not come; put the notice on record once it is published, {today} or before"
        ));
    }
    if *review < today || review <= published {
        return unacceptable(format!(
            "the review date {review} is past, or not after the publication on {published}; give a later day"
        ));
    }
    Ok(())
}

fn check_after(new: &NewNotice, latest: &Notice) -> Result<(), WorkError> {
    if new.version <= latest.version {
        return Err(WorkError::Conflict(format!(
            "version {} is on record already; what is on record is not changed: give {} or a later one",
            latest.version,
            latest.version.saturating_add(1)
        )));
    }
    if new.published < latest.published {
        return unacceptable(format!(
            "version {} was published on {}, after {}; a later version is published later",
            latest.version, latest.published, new.published
        ));
    }
    match new.change {
        Some(_) => Ok(()),
        None => unacceptable(format!(
            "say what changed since version {} with --change, for those who were given that one",
            latest.version
        )),
    }
}

fn unacceptable<T>(why: String) -> Result<T, WorkError> {
    Err(WorkError::Unacceptable(why))
}
