//! Short texts about a participant, sealed under their material key so that they go with them.

use std::fmt::Display;

use super::error::VaultError;
use super::{Vault, View};
use crate::id::ParticipantId;
use crate::model::{Sealed, Text};
use crate::sealing;
use crate::secret::{KEY_BYTES, Key};
use zeroize::Zeroizing;

const CONTEXT: &str = "strongroom/note/v1";
const INFO: &[u8] = b"strongroom/note/v1";

impl View<'_> {
    /// The key of what is noted about `people`, in the order of their identifiers:
    /// `HKDF-SHA256(salt = vault, material keys, "strongroom/note/v1")`.
    ///
    /// # Errors
    /// [`VaultError::Destroyed`] when the key of one of them is gone.
    pub fn note_key(&self, vault: &Vault, people: &[ParticipantId]) -> Result<Key, VaultError> {
        let keys = self.material_keys_of(people)?;
        // Reserved at once: growing would leave an unwiped copy behind.
        let mut secret = Zeroizing::new(Vec::with_capacity(KEY_BYTES * keys.len()));
        for key in &keys {
            secret.extend_from_slice(key.expose_secret());
        }
        let salt = vault.id().to_string();
        Ok(sealing::derive(&secret, salt.as_bytes(), INFO))
    }
}

impl Vault {
    /// Seals a note under [`View::note_key`], bound to what it belongs to.
    ///
    /// # Errors
    /// [`VaultError::Entropy`].
    pub fn seal_note(
        &self,
        key: &Key,
        to: &impl Display,
        note: &Text,
    ) -> Result<Sealed, VaultError> {
        let entropy = &*self.means().entropy;
        let note = note.as_str().as_bytes();
        Ok(Sealed::new(sealing::seal(
            key,
            &context(to),
            note,
            entropy,
        )?))
    }

    /// Opens a note.
    ///
    /// # Errors
    /// [`VaultError::Unopenable`].
    pub fn open_note(
        &self,
        key: &Key,
        to: &impl Display,
        note: &Sealed,
    ) -> Result<Text, VaultError> {
        let opened = sealing::open(key, &context(to), note.as_bytes())
            .map_err(VaultError::unopenable(to))?;
        let text = std::str::from_utf8(opened.expose_secret()).ok();
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| VaultError::Unopenable {
                what: to.to_string(),
            })
    }
}

fn context(to: &impl Display) -> Vec<u8> {
    format!("{CONTEXT} {to}").into_bytes()
}
