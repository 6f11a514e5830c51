//! Finding people by what names them: every contact of a study is opened and looked at.
//!
//! There is no index of names or addresses, so that none can outlive a key (R24). What is sealed is
//! gathered first and opened in the order of the keys, which lie together in the tree.

use super::error::VaultError;
use super::material::opened_contact;
use super::{Nodes, Vault, View};
use crate::id::{ParticipantId, StudyId};
use crate::index::tables;
use crate::limits::{SEARCH_AT_ONCE, SEARCH_PAGE};
use crate::model::participant::{Contact, HeldContact};
use crate::model::{LeafNumber, Sealed};

/// Somebody's contact details as they lie in the index.
struct Held {
    leaf: LeafNumber,
    id: ParticipantId,
    sealed: Sealed,
}

impl Vault {
    /// The participants of a study whose contact details `matches` says it looked for, in the order
    /// of their identifiers. Blocks its thread and uses another beside it: each contact is opened.
    /// Between pages others may write, and who is erased meanwhile is not found.
    ///
    /// # Errors
    /// As [`View::contact`].
    pub fn search_contacts(
        &self,
        study: StudyId,
        matches: impl Fn(&Contact) -> bool + Sync,
    ) -> Result<Vec<ParticipantId>, VaultError> {
        let (mut held, mut found, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let view = self.view()?;
            let page = view.reader().page(
                &tables::PARTICIPANTS_OF,
                &study,
                after.as_ref(),
                SEARCH_PAGE,
            )?;
            let ids: Vec<ParticipantId> = page.iter().map(|((_, id), ())| *id).collect();
            held.extend(by_two(&ids, |ids| view.held(ids))?);
            drop(view);
            after = page.last().map(|(last, ())| *last);
            let ended = page.len() < SEARCH_PAGE;
            if ended || held.len() >= SEARCH_AT_ONCE {
                held.sort_unstable_by_key(|held| held.leaf);
                for some in held.chunks(SEARCH_PAGE) {
                    let view = self.view()?;
                    found.extend(by_two(some, |some| view.looked_for(some, &matches))?);
                }
                held.clear();
            }
            if ended {
                found.sort_unstable();
                return Ok(found);
            }
        }
    }
}

impl View<'_> {
    /// The sealed contact details of those who have some.
    fn held(&self, ids: &[ParticipantId]) -> Result<Vec<Held>, VaultError> {
        let mut held = Vec::with_capacity(ids.len());
        for id in ids {
            let row = self.reader().get(&tables::CONTACTS_HELD, id)?;
            if let Some(HeldContact {
                contact: Some(sealed),
                contact_key: leaf,
            }) = row
            {
                held.push(Held {
                    leaf,
                    id: *id,
                    sealed,
                });
            }
        }
        Ok(held)
    }

    /// Those of `held`, which are in the order of their keys, that are looked for.
    fn looked_for(
        &self,
        held: &[Held],
        matches: &impl Fn(&Contact) -> bool,
    ) -> Result<Vec<ParticipantId>, VaultError> {
        let leaves: Vec<LeafNumber> = held.iter().map(|held| held.leaf).collect();
        let mut found = Vec::new();
        let tree = &self.rooted.tree;
        tree.unwrap_in_order(&Nodes(&self.reader), &leaves, |place, key| {
            let Some(held) = held.get(place) else {
                return Ok(());
            };
            let contact = match key {
                Some(key) => Some(opened_contact(held.id, &key, &held.sealed)?),
                // Corrected since it was gathered, or destroyed.
                None => self.contact_now(held.id)?,
            };
            if contact.as_ref().is_some_and(matches) {
                found.push(held.id);
            }
            Ok::<_, VaultError>(())
        })?;
        Ok(found)
    }

    fn contact_now(&self, id: ParticipantId) -> Result<Option<Contact>, VaultError> {
        let row = self.reader().get(&tables::PARTICIPANTS, &id)?;
        let row = row.filter(|row| row.contact.is_some());
        row.map(|row| self.contact(&row)).transpose()
    }
}

/// Does some work in halves, the second on a thread of its own; gives what both gave.
fn by_two<T: Sync, R: Send>(
    all: &[T],
    work: impl Fn(&[T]) -> Result<Vec<R>, VaultError> + Sync,
) -> Result<Vec<R>, VaultError> {
    let (here, there) = all.split_at(all.len() / 2);
    let (first, second) = rayon::join(|| work(here), || work(there));
    let mut both = first?;
    both.extend(second?);
    Ok(both)
}
