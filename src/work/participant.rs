//! Participants: adding one; reading, finding and correcting what names them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use super::consent;
use super::error::WorkError;
use super::service::Service;
use crate::access::Grant;
use crate::access::acts::{AddParticipant, ChangeParticipant, FindParticipant, ReadContact};
use crate::clock::london_day;
use crate::id::{ErasureId, ParticipantId};
use crate::index::{Reader, tables};
use crate::model::participant::Contact;
use crate::model::{
    Actor, Consent, ErasureStage, Event, Participant, Permissions, Scope, Source, Standing, Study,
    Text,
};

/// Somebody to be added to a study.
#[derive(Debug)]
pub struct NewParticipant {
    /// What they permit.
    pub permissions: Permissions,
    /// What names them, and the fields the study declares (R9).
    pub contact: Contact,
    /// The group they are spoken of by.
    pub group: Option<Text>,
    /// Where they came from (R5).
    pub source: Option<Source>,
    /// The day they gave their consent, if it is known.
    pub given: Option<Date>,
    /// The version of the privacy notice they were given; the one in force, when none is named.
    pub notice: Option<u32>,
}

impl NewParticipant {
    /// Somebody who permits this, with nothing more known of them.
    pub fn permitting(permissions: Permissions, contact: Contact) -> Self {
        Self {
            permissions,
            contact,
            group: None,
            source: None,
            given: None,
            notice: None,
        }
    }
}

/// Adds a participant, with the first version of their consent. What names them is sealed under a
/// key of its own (R3, R24, R25).
///
/// # Errors
/// [`WorkError::Unacceptable`] when they permit nothing, for a field or a group that the study does
/// not have, a consent of a day that has not come, or a notice there is not.
pub async fn add(
    service: &Service,
    grant: Grant<AddParticipant>,
    new: NewParticipant,
) -> Result<ParticipantId, WorkError> {
    if new.permissions.is_empty() {
        return Err(WorkError::Unacceptable(
            "a participant who permits nothing cannot be recorded; give what they permit"
                .to_owned(),
        ));
    }
    let vault = service.vault();
    let id = ParticipantId::random(&*vault.means().entropy)?;
    let by = grant.person();
    let study = grant.loaded().id;
    vault
        .commit(Actor::Person(by), |draft| {
            let study = draft.reader().get(&tables::STUDIES, &study)?;
            let study = study.ok_or(WorkError::NoSuchThing)?;
            check_declared(&study, new.contact.fields.keys())?;
            check_group(&study, new.group.as_ref())?;
            let today = london_day(draft.now());
            let notice = consent::notice_of(draft.reader(), &study, today, new.given, new.notice)?;
            let [(contact_leaf, contact_key), (material_leaf, _)] = draft.new_keys()?;
            let contact = match new.contact.is_empty() {
                true => None,
                false => Some(vault.seal_contact(id, &contact_key, &new.contact)?),
            };
            let consent = Consent {
                participant: id,
                version: 1,
                permissions: new.permissions.clone(),
                given: new.given,
                notice,
                lawful_basis: study.lawful_basis,
                evidence: None,
                recorded_by: by,
                recorded: draft.now(),
            };
            let participant = Participant {
                id,
                study: study.id,
                permissions: new.permissions,
                consent: consent.version,
                notice,
                group: new.group,
                source: new.source,
                contact,
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

/// What is looked for.
pub enum Sought {
    /// An e-mail address, whole, in letters of any case.
    Email(Text),
    /// Words that all occur in a name, in letters of any case.
    Name(Text),
}

impl std::fmt::Debug for Sought {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sought(redacted)")
    }
}

impl Sought {
    fn names(&self, contact: &Contact) -> bool {
        let plain = |text: &Text| text.as_str().trim().to_lowercase();
        match self {
            Self::Email(sought) => {
                let held = contact.email.as_ref();
                held.is_some_and(|held| plain(held) == plain(sought))
            }
            Self::Name(sought) => contact.name.as_ref().is_some_and(|held| {
                let (held, sought) = (plain(held), plain(sought));
                let held: Vec<&str> = held.split_whitespace().collect();
                sought.split_whitespace().all(|word| held.contains(&word))
            }),
        }
    }
}

/// The participants of a study whom `sought` names: each one's contact details are opened and looked
/// at, and nothing of them outlives the call (R24). That there was a search is on record; the words
/// are not.
///
/// # Errors
/// Those of the vault.
pub async fn find(
    service: &Arc<Service>,
    grant: Grant<FindParticipant>,
    sought: Sought,
) -> Result<Vec<Participant>, WorkError> {
    let (searching, study) = (Arc::clone(service), grant.loaded().id);
    let search = move || {
        let vault = searching.vault();
        let ids = vault.search_contacts(study, |contact| sought.names(contact))?;
        let view = vault.view()?;
        let rows = ids
            .iter()
            .map(|id| Ok(view.reader().get(&tables::PARTICIPANTS, id)?));
        let rows = rows.collect::<Result<Vec<_>, WorkError>>()?;
        let here = |row: &Participant| row.standing != Standing::Erased;
        Ok(rows.into_iter().flatten().filter(here).collect())
    };
    tokio::task::spawn_blocking(search)
        .await
        .map_err(|error| WorkError::Internal(error.to_string()))?
}

/// A participant, and what names them.
///
/// # Errors
/// [`WorkError::NoSuchThing`] once their contact key is gone.
pub fn contact(
    service: &Service,
    grant: Grant<ReadContact>,
) -> Result<(Participant, Contact), WorkError> {
    let view = service.vault().view()?;
    let row = live(view.reader(), grant.loaded().id)?;
    let contact = view.contact(&row)?;
    Ok((row, contact))
}

/// What is to be different in somebody's contact details; what is not named stays.
#[derive(Default)]
pub struct Correction {
    /// What they are called.
    pub name: Option<Text>,
    /// Where to write to them.
    pub email: Option<Text>,
    /// Fields the study declares, by name; one without a value is taken out.
    pub fields: BTreeMap<Text, Option<Text>>,
}

impl std::fmt::Debug for Correction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Correction(redacted)")
    }
}

/// Corrects what names somebody (R15). It is sealed under a new key; the old one goes with the next
/// epoch, and with it every copy of what was wrong.
///
/// # Errors
/// [`WorkError::Unacceptable`] when nothing is to be corrected, or for a field the study does not
/// declare; [`WorkError::Conflict`] when the details are destroyed or about to be.
pub async fn correct(
    service: &Service,
    grant: Grant<ChangeParticipant>,
    correction: Correction,
) -> Result<(), WorkError> {
    if correction.name.is_none() && correction.email.is_none() && correction.fields.is_empty() {
        return Err(WorkError::Unacceptable(
            "nothing is to be corrected; give a name, an e-mail address or a field".to_owned(),
        ));
    }
    let vault = service.vault();
    let id = grant.loaded().id;
    vault
        .commit(Actor::Person(grant.person()), |draft| {
            let row = live(draft.reader(), id)?;
            let study = draft.reader().get(&tables::STUDIES, &row.study)?;
            let study = study.ok_or(WorkError::NoSuchThing)?;
            check_declared(&study, correction.fields.keys())?;
            if let Some(erasure) = contact_erasure(draft.reader(), id)? {
                return Err(WorkError::Conflict(format!(
                    "they asked for their contact details to be destroyed ({erasure}); none are kept any more"
                )));
            }
            let mut contact = draft.view().contact(&row)?;
            if correction.name.is_some() {
                contact.name = correction.name;
            }
            if correction.email.is_some() {
                contact.email = correction.email;
            }
            for (name, value) in correction.fields {
                match value {
                    Some(value) => contact.fields.insert(name, value),
                    None => contact.fields.remove(&name),
                };
            }
            let [(contact_key, key)] = draft.new_keys()?;
            let corrected = Event::ContactCorrected {
                participant: id,
                contact: vault.seal_contact(id, &key, &contact)?,
                contact_key,
            };
            Ok((corrected, ()))
        })
        .await
}

/// Somebody who is not erased.
pub(super) fn live(reader: &Reader<'_>, id: ParticipantId) -> Result<Participant, WorkError> {
    let row = reader.get(&tables::PARTICIPANTS, &id)?;
    row.filter(|row| row.standing != Standing::Erased)
        .ok_or(WorkError::NoSuchThing)
}

/// The erasure, asked for or carried out, of somebody's contact details alone.
fn contact_erasure(reader: &Reader<'_>, id: ParticipantId) -> Result<Option<ErasureId>, WorkError> {
    for ((_, erasure), ()) in reader.page(&tables::ERASURES_OF, &id, None, usize::MAX)? {
        let row = reader.get(&tables::ERASURES, &erasure)?;
        let stands = row.is_some_and(|row| {
            let scope = row.withdrawal().map(|withdrawal| &withdrawal.scope);
            scope == Some(&Scope::ContactOnly) && row.stage != ErasureStage::Refused
        });
        if stands {
            return Ok(Some(erasure));
        }
    }
    Ok(None)
}

fn check_declared<'a>(
    study: &Study,
    mut names: impl Iterator<Item = &'a Text>,
) -> Result<(), WorkError> {
    let unknown = names.find(|name| !study.fields.iter().any(|field| field.name == **name));
    let Some(unknown) = unknown else {
        return Ok(());
    };
    let declared: Vec<_> = study
        .fields
        .iter()
        .map(|field| field.name.as_str())
        .collect();
    Err(WorkError::Unacceptable(match declared.is_empty() {
        true => format!(
            "{unknown:?} is no field of this study, which declares none beyond name and e-mail address; have it declared with the reason it is needed, or leave it out",
            unknown = unknown.as_str()
        ),
        false => format!(
            "{unknown:?} is no field of this study; it declares {}",
            declared.join(", "),
            unknown = unknown.as_str()
        ),
    }))
}

fn check_group(study: &Study, group: Option<&Text>) -> Result<(), WorkError> {
    let Some(group) = group.filter(|group| !study.groups.contains(group)) else {
        return Ok(());
    };
    let groups: Vec<_> = study.groups.iter().map(Text::as_str).collect();
    Err(WorkError::Unacceptable(match groups.is_empty() {
        true => format!(
            "{group:?} is no participant group of this study, which has none; have it added, or leave it out",
            group = group.as_str()
        ),
        false => format!(
            "{group:?} is no participant group of this study; it has {}",
            groups.join(", "),
            group = group.as_str()
        ),
    }))
}
