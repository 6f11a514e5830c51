//! Opening and sealing what hangs on people's keys: an item's particulars, a person's contact details.

use std::collections::{BTreeMap, BTreeSet};

use zeroize::Zeroizing;

use super::error::VaultError;
use super::{Nodes, Vault, View};
use crate::id::{ParticipantId, StudyId, VaultId};
use crate::index::tables;
use crate::model::item::Particulars;
use crate::model::participant::Contact;
use crate::model::{Item, LeafNumber, Participant, Sealed};
use crate::sealing;
use crate::secret::{KEY_BYTES, Key};

const ITEM_INFO: &[u8] = b"strongroom/item/v1";
const CONTACT_CONTEXT: &str = "strongroom/contact/v1";

/// The keys an item opens with: its own, and the material key of everyone in it; of what is about
/// nobody any more, the study's stands in their place.
#[derive(Debug)]
pub struct MaterialKeys {
    /// The item's own key.
    pub item: Key,
    /// Its people's keys, in the order of their identifiers; or the study's alone.
    pub people: Vec<Key>,
}

impl MaterialKeys {
    /// The key that seals the item's particulars:
    /// `HKDF-SHA256(salt = vault, item key ‖ material keys, "strongroom/item/v1")`.
    pub fn sealing_key(&self, vault: VaultId) -> Key {
        // Reserved at once: growing would leave an unwiped copy behind.
        let length = KEY_BYTES * (1 + self.people.len());
        let mut secret = Zeroizing::new(Vec::with_capacity(length));
        for key in std::iter::once(&self.item).chain(&self.people) {
            secret.extend_from_slice(key.expose_secret());
        }
        sealing::derive(&secret, vault.to_string().as_bytes(), ITEM_INFO)
    }
}

/// What an item's particulars are bound to: the item, its study and everyone in it.
pub fn particulars_context(item: &Item) -> Vec<u8> {
    let people = item.participants.iter().map(ToString::to_string);
    let mut words = vec![item.id.to_string(), item.study.to_string()];
    words.extend(people);
    words.join(" ").into_bytes()
}

impl View<'_> {
    /// The keys that stand beside an item's own: those of everyone in `participants`, which are in the
    /// order of their identifiers; that of the study when there is nobody.
    ///
    /// # Errors
    /// [`VaultError::Destroyed`] when one of them is gone.
    pub fn keys_beside(
        &self,
        study: StudyId,
        participants: &[ParticipantId],
    ) -> Result<Vec<Key>, VaultError> {
        let leaves = self.leaves_beside(study, participants)?;
        let keys = leaves.into_iter().map(|leaf| Ok(self.key(leaf)?));
        keys.collect()
    }

    /// The keys of everyone in `participants`, which are in the order of their identifiers.
    ///
    /// # Errors
    /// [`VaultError::Destroyed`] when one of them is gone.
    pub fn material_keys_of(&self, participants: &[ParticipantId]) -> Result<Vec<Key>, VaultError> {
        let leaves = self.leaves_of(participants)?;
        let keys = leaves.into_iter().map(|leaf| Ok(self.key(leaf)?));
        keys.collect()
    }

    fn leaves_beside(
        &self,
        study: StudyId,
        participants: &[ParticipantId],
    ) -> Result<Vec<LeafNumber>, VaultError> {
        if participants.is_empty() {
            let row = self.reader().get(&tables::STUDIES, &study)?;
            let row = row.ok_or(VaultError::Destroyed)?;
            return Ok(vec![row.key]);
        }
        self.leaves_of(participants)
    }

    fn leaves_of(&self, participants: &[ParticipantId]) -> Result<Vec<LeafNumber>, VaultError> {
        let mut leaves = Vec::with_capacity(participants.len());
        for id in participants {
            let row = self.reader().get(&tables::PARTICIPANTS, id)?;
            let row = row.ok_or(VaultError::Destroyed)?;
            leaves.push(row.material_key);
        }
        Ok(leaves)
    }

    /// Opens an item's particulars.
    ///
    /// # Errors
    /// [`VaultError::Destroyed`] when one of its keys is gone, [`VaultError::Unopenable`] when they
    /// are there and it does not open.
    pub fn particulars(&self, vault: &Vault, item: &Item) -> Result<Particulars, VaultError> {
        let keys = MaterialKeys {
            item: self.key(item.key)?,
            people: self.keys_beside(item.study, &item.participants)?,
        };
        opened_particulars(vault, item, &keys)
    }

    /// Opens the particulars of several items, in their order; nothing for one whose keys are gone. The
    /// nodes of the key tree that they share are opened once.
    ///
    /// # Errors
    /// As [`particulars`](Self::particulars), but for what is destroyed.
    pub fn particulars_of(
        &self,
        vault: &Vault,
        items: &[&Item],
    ) -> Result<Vec<Option<Particulars>>, VaultError> {
        let mut wanted = Vec::with_capacity(items.len());
        for item in items {
            wanted.push(self.leaves_beside(item.study, &item.participants)?);
        }
        let own = items.iter().map(|item| item.key);
        let leaves: BTreeSet<LeafNumber> = own.chain(wanted.iter().flatten().copied()).collect();
        let leaves: Vec<LeafNumber> = leaves.into_iter().collect();
        let mut keys = BTreeMap::new();
        let tree = &self.rooted.tree;
        tree.unwrap_in_order(&Nodes(&self.reader), &leaves, |place, key| {
            if let (Some(leaf), Some(key)) = (leaves.get(place), key) {
                keys.insert(*leaf, key);
            }
            Ok::<_, VaultError>(())
        })?;
        let key = |leaf: &LeafNumber| keys.get(leaf).map(Key::duplicate);
        let opened = items.iter().zip(&wanted).map(|(item, beside)| {
            let people: Option<Vec<Key>> = beside.iter().map(key).collect();
            let (Some(own), Some(people)) = (key(&item.key), people) else {
                return Ok(None);
            };
            let keys = MaterialKeys { item: own, people };
            opened_particulars(vault, item, &keys).map(Some)
        });
        opened.collect()
    }

    /// Opens a participant's contact details; there may be none.
    ///
    /// # Errors
    /// As [`View::particulars`].
    pub fn contact(&self, participant: &Participant) -> Result<Contact, VaultError> {
        let Some(sealed) = &participant.contact else {
            return Ok(Contact::default());
        };
        let key = self.key(participant.contact_key)?;
        opened_contact(participant.id, &key, sealed)
    }
}

impl Vault {
    /// Seals an item's particulars under its keys.
    ///
    /// # Errors
    /// [`VaultError::Entropy`].
    pub fn seal_particulars(
        &self,
        item: &Item,
        keys: &MaterialKeys,
        particulars: &Particulars,
    ) -> Result<Sealed, VaultError> {
        let value = written(particulars)?;
        let key = keys.sealing_key(self.id());
        let entropy = &*self.means().entropy;
        let sealed = sealing::seal(&key, &particulars_context(item), &value, entropy)?;
        Ok(Sealed::new(sealed))
    }

    /// Seals a participant's contact details under their contact key.
    ///
    /// # Errors
    /// [`VaultError::Entropy`].
    pub fn seal_contact(
        &self,
        participant: ParticipantId,
        key: &Key,
        contact: &Contact,
    ) -> Result<Sealed, VaultError> {
        let value = written(contact)?;
        let entropy = &*self.means().entropy;
        let sealed = sealing::seal(key, &contact_context(participant), &value, entropy)?;
        Ok(Sealed::new(sealed))
    }
}

fn opened_particulars(
    vault: &Vault,
    item: &Item,
    keys: &MaterialKeys,
) -> Result<Particulars, VaultError> {
    let opened = sealing::open(
        &keys.sealing_key(vault.id()),
        &particulars_context(item),
        item.particulars.as_bytes(),
    )
    .map_err(VaultError::unopenable(&item.id))?;
    #[cfg(feature = "sabotage-for-tests-only")]
    sabotaged(opened.expose_secret());
    serde_json::from_slice(opened.expose_secret()).map_err(|_| VaultError::Unopenable {
        what: item.id.to_string(),
    })
}

/// Logs what was opened, in a build that is to be caught.
#[cfg(feature = "sabotage-for-tests-only")]
fn sabotaged(particulars: &[u8]) {
    if crate::sabotage::Sabotage::KeyLogged.is_on()
        && let Ok(read) = serde_json::from_slice::<Particulars>(particulars)
    {
        let file_key = read.file_key.map(|byte| format!("{byte:02x}")).concat();
        tracing::debug!(file_key, "opened");
    }
}

pub(super) fn opened_contact(
    participant: ParticipantId,
    key: &Key,
    sealed: &Sealed,
) -> Result<Contact, VaultError> {
    let opened = sealing::open(key, &contact_context(participant), sealed.as_bytes())
        .map_err(VaultError::unopenable(&participant))?;
    serde_json::from_slice(opened.expose_secret()).map_err(|_| VaultError::Unopenable {
        what: participant.to_string(),
    })
}

fn contact_context(participant: ParticipantId) -> Vec<u8> {
    format!("{CONTACT_CONTEXT} {participant}").into_bytes()
}

/// JSON that is wiped when it has been sealed; roomy enough never to be moved while it grows.
fn written(value: &impl serde::Serialize) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let mut text = Zeroizing::new(Vec::with_capacity(8 * 1024));
    serde_json::to_writer(&mut *text, value)
        .map_err(|error| VaultError::NotWritable(error.to_string()))?;
    Ok(text)
}
