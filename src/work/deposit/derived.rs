//! What is made from items: nearer to a finding, further from people.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::error::WorkError;
use super::super::service::Service;
use super::begin::{Announced, Begun, Coming, begin_in};
use crate::access::Grant;
use crate::access::acts::DeriveItem;
use crate::id::{ItemId, ParticipantId, StudyId};
use crate::index::{Reader, tables};
use crate::limits::GROUP_PARTICIPANTS_MIN;
use crate::model::item::{Check, Derived};
use crate::model::study::Category;
use crate::model::{Item, Kind, Participant, Permission, Standing, Study, Text, Tier};

/// What is made from items, and what it may hold.
#[derive(Debug)]
pub struct Made {
    /// How far from people it is said to be.
    pub tier: Tier,
    /// The participant group it speaks of (R27).
    pub group: Option<Text>,
    /// Whether it has somebody's own words in it.
    pub quotes: bool,
    /// The study's declared fields it shows (R8).
    pub shows: Vec<Text>,
}

/// Begins an upload of what was made from the granted items.
///
/// What is de-identified belongs to their session, hangs on the keys of the people in it and goes with
/// them. What is anonymised hangs on the study's key: of what it was made from, only how many there
/// were is kept.
///
/// # Errors
/// As [`begin`](super::begin); [`WorkError::Refused`] naming the permission somebody has not given,
/// and for an item that waits for its check; [`WorkError::Unacceptable`] for items that do not go
/// together, a group that is not the study's or too small, and a field that is not declared or whose
/// sharing was not justified.
pub async fn begin_derived(
    service: &Arc<Service>,
    grants: Vec<Grant<DeriveItem>>,
    made: Made,
    mut file: Announced,
) -> Result<Begun, WorkError> {
    let first = grants.first().ok_or_else(|| {
        WorkError::Unacceptable("it is made from nothing; name the items (`--from`)".to_owned())
    })?;
    if made.tier == Tier::Identifiable {
        return Err(WorkError::Unacceptable(
            "what is made from items is de-identified or anonymised; bring anything else to its session (`--session`)".to_owned(),
        ));
    }
    let (by, study) = (first.person(), first.loaded().study);
    let anonymised = made.tier == Tier::Anonymised;
    let session = first.loaded().session.filter(|_| !anonymised);
    let parents: BTreeSet<ItemId> = grants.iter().map(|grant| grant.loaded().id).collect();
    let derived = Derived {
        parents: match anonymised {
            true => Vec::new(),
            false => parents.iter().copied().collect(),
        },
        made_from: u32::try_from(parents.len()).unwrap_or(u32::MAX),
        group: made.group.clone(),
        quotes: made.quotes,
        shows: made.shows.clone(),
        check: Check::Waiting,
    };
    if anonymised {
        // A name could say whom it was made from, and would outlive them.
        file.file_name = None;
    }
    let kind = file.kind;
    let coming = Coming {
        by,
        file,
        study,
        session,
        tier: made.tier,
        derived: Some(derived),
        answers: None,
        redacts: None,
    };
    begin_in(service, coming, |reader| {
        check_contents(reader, study, &made)?;
        let people = people_of(reader, study, &parents, &made, kind)?;
        Ok(match anonymised {
            true => Vec::new(),
            false => people,
        })
    })
    .await
}

/// Everyone in `parents`, in the order of their identifiers, when something like that may be made from
/// these.
fn people_of(
    reader: &Reader<'_>,
    study: StudyId,
    parents: &BTreeSet<ItemId>,
    made: &Made,
    kind: Kind,
) -> Result<Vec<ParticipantId>, WorkError> {
    let mut rows = Vec::new();
    for parent in parents {
        let row = reader.get(&tables::ITEMS, parent)?;
        let row = row.filter(|row| !row.erased);
        rows.push(row.ok_or(WorkError::NoSuchThing)?);
    }
    check_together(&rows, study, made.tier)?;
    let people: BTreeSet<ParticipantId> = rows
        .iter()
        .flat_map(|row| row.participants.iter().copied())
        .collect();
    for id in &people {
        let row = reader.get(&tables::PARTICIPANTS, id)?;
        check_permits(&row.ok_or(WorkError::NoSuchThing)?, made, kind)?;
    }
    Ok(people.into_iter().collect())
}

/// Whether something of that tier may be made from these together.
fn check_together(parents: &[Item], study: StudyId, tier: Tier) -> Result<(), WorkError> {
    let unacceptable = |why: String| Err(WorkError::Unacceptable(why));
    for parent in parents {
        let waits = parent
            .derived
            .as_ref()
            .is_some_and(|derived| !matches!(derived.check, Check::Passed { .. }));
        if waits {
            return Err(WorkError::Refused(format!(
                "{} was not passed by a second person yet (`item check`); make it from what that was made from",
                parent.id
            )));
        }
        if parent.study != study {
            return unacceptable(format!(
                "{} is of another study; what is made from several belongs to one",
                parent.id
            ));
        }
        if parent.tier > tier {
            return unacceptable(format!(
                "{} is {}: what is made from it is as well",
                parent.id,
                parent.tier.name()
            ));
        }
    }
    let alike = |one: &Item, other: &Item| {
        one.session == other.session && one.participants == other.participants
    };
    let one_session = parents
        .windows(2)
        .all(|pair| matches!(pair, [one, other] if alike(one, other)));
    if tier == Tier::DeIdentified && !one_session {
        return unacceptable(
            "these are of several sessions, or of different people in one; what is de-identified is made from those of one session, what is anonymised from any".to_owned(),
        );
    }
    Ok(())
}

/// Whether somebody permits that such a thing is made of what they are in.
fn check_permits(row: &Participant, made: &Made, kind: Kind) -> Result<(), WorkError> {
    if row.standing != Standing::Active {
        return Err(WorkError::Refused(
            "somebody in it has withdrawn or is withdrawing; leave out what they are in".to_owned(),
        ));
    }
    if row.restricted {
        return Err(WorkError::Refused(
            "somebody in it asked to have their data kept and not used; leave out what they are in"
                .to_owned(),
        ));
    }
    // Notes on many are findings; anything else of one kind shows what was permitted by that name.
    let finding = made.tier == Tier::Anonymised && kind == Kind::Notes;
    let needed = [
        (made.tier == Tier::Anonymised).then_some(Permission::Share),
        made.quotes.then_some(Permission::Quote),
        (!finding).then_some(kind.permission()),
    ];
    for permission in needed.into_iter().flatten() {
        if !row.permissions.contains(&permission) {
            return Err(WorkError::Refused(format!(
                "{} has not permitted that; leave out what they are in (the permission missing is `{permission}`)",
                row.id
            )));
        }
    }
    Ok(())
}

/// Whether the group and the fields it shows are the study's, and may be shown (R8, R27).
fn check_contents(reader: &Reader<'_>, study: StudyId, made: &Made) -> Result<(), WorkError> {
    let row = reader.get(&tables::STUDIES, &study)?;
    let row = row.ok_or(WorkError::NoSuchThing)?;
    if let Some(group) = &made.group {
        check_group(reader, &row, group)?;
    }
    made.shows
        .iter()
        .try_for_each(|field| check_field(&row, field))
}

fn check_group(reader: &Reader<'_>, study: &Study, group: &Text) -> Result<(), WorkError> {
    if !study.groups.contains(group) {
        let known: Vec<&str> = study.groups.iter().map(Text::as_str).collect();
        return Err(WorkError::Unacceptable(match known.is_empty() {
            true => format!(
                "the study has no groups, so none is called “{group}”; leave it out, or have the study's groups recorded"
            ),
            false => format!(
                "“{group}” is none of the study's groups; it has: {}",
                known.join(", ")
            ),
        }));
    }
    let mut members = 0;
    for ((_, id), ()) in reader.page(&tables::PARTICIPANTS_OF, &study.id, None, usize::MAX)? {
        let row = reader.get(&tables::PARTICIPANTS, &id)?;
        let there = row.is_some_and(|row| {
            row.standing == Standing::Active && row.group.as_ref() == Some(group)
        });
        members += usize::from(there);
        if members >= GROUP_PARTICIPANTS_MIN {
            return Ok(());
        }
    }
    Err(WorkError::Unacceptable(format!(
        "fewer than {GROUP_PARTICIPANTS_MIN} people are in the group “{group}”: it could say who somebody is; leave the group out, or use a wider one"
    )))
}

fn check_field(study: &Study, field: &Text) -> Result<(), WorkError> {
    let declared = study.fields.iter().find(|row| row.name == *field);
    let Some(declared) = declared else {
        let known: Vec<&str> = study.fields.iter().map(|row| row.name.as_str()).collect();
        return Err(WorkError::Unacceptable(format!(
            "the study does not collect “{field}”; it declared: {}",
            match known.is_empty() {
                true => "nothing".to_owned(),
                false => known.join(", "),
            }
        )));
    };
    match declared.category {
        Category::Special | Category::Criminal if declared.sharing.is_none() => {
            Err(WorkError::Refused(format!(
                "“{field}” is {} data, and no justification for sharing it is on record; leave it out, or have the justification recorded with the field",
                declared.category
            )))
        }
        _ => Ok(()),
    }
}
