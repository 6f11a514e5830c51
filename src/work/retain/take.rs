//! What goes of what was found: looked at one by one, with the keys that go with it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::find::{Found, Reason, Thing};
use crate::id::{ErasureId, ItemId, ParticipantId, StudyId, UploadId};
use crate::index::{Reader, tables};
use crate::limits::{RETENTION_REWRAPPED_MAX, RETENTION_THINGS_MAX};
use crate::model::key::FAN_OUT;
use crate::model::{ErasureTarget, Item, LeafNumber, NodeId, Participant, Standing};
use crate::work::error::WorkError;

/// Why something that is due stays for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptBack {
    /// Somebody's data are restricted (UK GDPR article 18).
    Restricted,
    /// An erasure under way takes it already.
    UnderWay(ErasureId),
}

/// The rows that decide whether something goes, read once each.
pub(super) struct Rows<'r, 'i> {
    reader: &'r Reader<'i>,
    people: HashMap<ParticipantId, Option<Participant>>,
    under_way: HashMap<Thing, ErasureId>,
}

impl<'r, 'i> Rows<'r, 'i> {
    pub(super) fn new(reader: &'r Reader<'i>) -> Result<Self, WorkError> {
        let mut under_way = HashMap::new();
        for (id, ()) in reader.page(&tables::ERASURES_UNDER_WAY, &(), None, usize::MAX)? {
            let Some(row) = reader.get(&tables::ERASURES, &id)? else {
                continue;
            };
            let ErasureTarget {
                items,
                uploads,
                participants,
                contacts,
                ..
            } = row.target;
            let items = items.into_iter().map(Thing::Item);
            let uploads = uploads.into_iter().map(Thing::Upload);
            let people = participants
                .into_iter()
                .flat_map(|person| [Thing::Participant(person), Thing::Contact(person)]);
            let contacts = contacts.into_iter().map(Thing::Contact);
            let things = items.chain(uploads).chain(people).chain(contacts);
            under_way.extend(things.map(|thing| (thing, id)));
        }
        Ok(Self {
            reader,
            people: HashMap::new(),
            under_way,
        })
    }

    pub(super) fn person(&mut self, id: ParticipantId) -> Result<Option<&Participant>, WorkError> {
        if !self.people.contains_key(&id) {
            let row = self.reader.get(&tables::PARTICIPANTS, &id)?;
            let row = row.filter(|row| row.standing != Standing::Erased);
            self.people.insert(id, row);
        }
        Ok(self.people.get(&id).and_then(Option::as_ref))
    }

    /// The item, unless it is erased.
    pub(super) fn item(&self, id: ItemId) -> Result<Option<Item>, WorkError> {
        let row = self.reader.get(&tables::ITEMS, &id)?;
        Ok(row.filter(|row| !row.erased))
    }

    /// Why a thing of these people stays for now.
    pub(super) fn kept_back(
        &mut self,
        thing: Thing,
        people: &[ParticipantId],
    ) -> Result<Option<KeptBack>, WorkError> {
        if let Some(erasure) = self.under_way.get(&thing) {
            return Ok(Some(KeptBack::UnderWay(*erasure)));
        }
        for id in people {
            if self.person(*id)?.is_some_and(|row| row.restricted) {
                return Ok(Some(KeptBack::Restricted));
            }
        }
        Ok(None)
    }

    /// Whether nothing somebody is in is left but what `goes`.
    pub(super) fn nothing_left(
        &self,
        id: ParticipantId,
        goes: impl Fn(Thing) -> bool,
    ) -> Result<bool, WorkError> {
        for ((_, item), ()) in self
            .reader
            .page(&tables::ITEMS_WITH, &id, None, usize::MAX)?
        {
            if !goes(Thing::Item(item)) && self.item(item)?.is_some() {
                return Ok(false);
            }
        }
        let uploads = self
            .reader
            .page(&tables::UPLOADS_WITH, &id, None, usize::MAX)?;
        Ok(uploads
            .into_iter()
            .all(|((_, upload), ())| goes(Thing::Upload(upload))))
    }

    /// Whether nothing and nobody would be left of a study that once held something.
    pub(super) fn is_emptied(
        &self,
        study: StudyId,
        due: &HashMap<Thing, jiff::civil::Date>,
    ) -> Result<bool, WorkError> {
        let more = due.len() + 1;
        let began = self.reader.page(&tables::SESSIONS_OF, &study, None, 1)?;
        let items = self.reader.page(&tables::ITEMS_OF, &study, None, more)?;
        let mut goes = !(began.is_empty() && items.is_empty());
        for ((_, item), ()) in items {
            goes &= due.contains_key(&Thing::Item(item));
        }
        let people = self
            .reader
            .page(&tables::PARTICIPANTS_OF, &study, None, more)?;
        for ((_, person), ()) in people {
            let listed = match self.reader.get(&tables::PARTICIPANTS, &person)? {
                Some(row) => self.is_listed(&row)?,
                None => false,
            };
            goes &= !listed || due.contains_key(&Thing::Contact(person));
        }
        Ok(goes)
    }

    /// Whether somebody's contact details have not come due yet, as the lists have it.
    pub(super) fn is_listed(&self, row: &Participant) -> Result<bool, WorkError> {
        let day = row.last_session.unwrap_or(jiff::civil::Date::MIN);
        let on = (row.study, day, row.id);
        Ok(self.reader.contains(&tables::PEOPLE_ON, &on)?)
    }
}

/// What one epoch takes.
#[derive(Debug, Default)]
pub(super) struct Taken<'s> {
    pub(super) target: ErasureTarget,
    pub(super) reasons: Vec<Reason<'s>>,
    /// Whether there was no room for all of it.
    pub(super) more: bool,
}

/// Takes of what was found as much as one epoch has room for, as the rows stand now.
pub(super) fn take<'s>(reader: &Reader<'_>, found: &Found<'s>) -> Result<Taken<'s>, WorkError> {
    let mut taking = Taking {
        rows: Rows::new(reader)?,
        taken: Taken::default(),
        goes: HashSet::new(),
        nodes: BTreeSet::new(),
        touched: BTreeMap::new(),
    };
    for (id, reason) in &found.uploads {
        taking.upload(*id, *reason)?;
    }
    for (id, reason) in &found.items {
        if taking.is_full() {
            taking.taken.more = true;
            break;
        }
        taking.item(*id, *reason)?;
    }
    for (id, reason) in &found.people {
        if taking.is_full() {
            taking.taken.more = true;
            break;
        }
        taking.contact(*id, *reason)?;
    }
    taking.emptied()?;
    if let Some(reason) = found.outputs
        && !taking.taken.more
        && taking.nothing_but_outputs(found.study.id, found.study.ended)?
    {
        taking.key(found.study.key);
        taking.taken.target.study = true;
        taking.taken.reasons.push(reason);
    }
    Ok(taking.taken)
}

struct Taking<'r, 'i, 's> {
    rows: Rows<'r, 'i>,
    taken: Taken<'s>,
    goes: HashSet<Thing>,
    /// Inner nodes on the paths of the keys taken: each has its children wrapped anew.
    nodes: BTreeSet<NodeId>,
    /// People in what was taken, with the last reason.
    touched: BTreeMap<ParticipantId, Reason<'s>>,
}

impl<'s> Taking<'_, '_, 's> {
    fn is_full(&self) -> bool {
        let rewrapped = self.nodes.len() as u64 * FAN_OUT;
        self.taken.target.keys.len() >= RETENTION_THINGS_MAX || rewrapped >= RETENTION_REWRAPPED_MAX
    }

    fn key(&mut self, key: LeafNumber) {
        self.taken.target.keys.push(key);
        if let Some(parent) = NodeId::of_leaf(key).parent() {
            self.nodes.extend(parent.path());
        }
    }

    fn item(&mut self, id: ItemId, reason: Reason<'s>) -> Result<(), WorkError> {
        let Some(item) = self.rows.item(id)? else {
            return Ok(());
        };
        let thing = Thing::Item(id);
        if self.rows.kept_back(thing, &item.participants)?.is_some() {
            return Ok(());
        }
        self.key(item.key);
        self.taken.target.items.push(id);
        self.went(thing, &item.participants, reason);
        Ok(())
    }

    fn upload(&mut self, id: UploadId, reason: Reason<'s>) -> Result<(), WorkError> {
        let Some(upload) = self.rows.reader.get(&tables::UPLOADS, &id)? else {
            return Ok(());
        };
        let (thing, people) = (Thing::Upload(id), &upload.item.participants);
        if self.rows.kept_back(thing, people)?.is_some() {
            return Ok(());
        }
        self.key(upload.item.key);
        self.taken.target.items.push(upload.item.id);
        self.taken.target.uploads.push(id);
        self.went(thing, people, reason);
        Ok(())
    }

    fn went(&mut self, thing: Thing, people: &[ParticipantId], reason: Reason<'s>) {
        self.goes.insert(thing);
        self.taken.reasons.push(reason);
        for id in people {
            self.touched.insert(*id, reason);
        }
    }

    /// Somebody's contact details are due; they go altogether when nothing else is left of them.
    fn contact(&mut self, id: ParticipantId, reason: Reason<'s>) -> Result<(), WorkError> {
        self.touched.remove(&id);
        let kept_back = self.rows.kept_back(Thing::Contact(id), &[id])?;
        let Some(row) = self.rows.person(id)?.filter(|_| kept_back.is_none()) else {
            return Ok(());
        };
        let (contact, material) = (row.contact_key, row.material_key);
        let goes = &self.goes;
        let whole = self.rows.nothing_left(id, |thing| goes.contains(&thing))?;
        self.key(contact);
        self.taken.reasons.push(reason);
        if whole {
            self.key(material);
            self.taken.target.participants.push(id);
            self.goes.insert(Thing::Participant(id));
        } else {
            self.taken.target.contacts.push(id);
        }
        Ok(())
    }

    /// Those whose contact details went before, and now the last of what they are in.
    fn emptied(&mut self) -> Result<(), WorkError> {
        for (id, reason) in std::mem::take(&mut self.touched) {
            let kept_back = self.rows.kept_back(Thing::Participant(id), &[id])?;
            let Some(row) = self
                .rows
                .person(id)?
                .filter(|_| kept_back.is_none())
                .cloned()
            else {
                continue;
            };
            let goes = &self.goes;
            if self.rows.is_listed(&row)?
                || !self.rows.nothing_left(id, |thing| goes.contains(&thing))?
            {
                continue;
            }
            self.key(row.contact_key);
            self.key(row.material_key);
            self.taken.target.participants.push(id);
            self.taken.reasons.push(reason);
            self.goes.insert(Thing::Participant(id));
        }
        Ok(())
    }

    /// Whether the study held something once, and with this nothing and nobody is left in it.
    fn nothing_but_outputs(&self, study: StudyId, ended: bool) -> Result<bool, WorkError> {
        let reader = self.rows.reader;
        let began = !self.taken.target.items.is_empty()
            || !reader
                .page(&tables::SESSIONS_OF, &study, None, 1)?
                .is_empty();
        let goes = |thing| self.goes.contains(&thing);
        let more = self.goes.len() + 1;
        Ok(began
            && !ended
            && reader
                .page(&tables::ITEMS_OF, &study, None, more)?
                .into_iter()
                .all(|((_, item), ())| goes(Thing::Item(item)))
            && reader
                .page(&tables::PARTICIPANTS_OF, &study, None, more)?
                .into_iter()
                .all(|((_, person), ())| goes(Thing::Participant(person)))
            && reader
                .page(&tables::UPLOADS, &(), None, usize::MAX)?
                .into_iter()
                .all(|(id, upload)| upload.item.study != study || goes(Thing::Upload(id))))
    }
}
