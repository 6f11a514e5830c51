//! Finding people by what names them: every contact of a study is opened and looked at.
//!
//! There is no index of names or addresses, so that none can outlive a key (R24).

use super::error::VaultError;
use super::material::opened_contact;
use super::{Nodes, Vault, View};
use crate::id::{ParticipantId, StudyId};
use crate::index::tables;
use crate::keyring::OpenNodes;
use crate::limits::SEARCH_PAGE;
use crate::model::participant::Contact;

impl Vault {
    /// The participants of a study whose contact details `matches` says it looked for, in the order
    /// of their identifiers. Blocks its thread: each contact is opened. Between pages others may
    /// write, and who is erased meanwhile is not found.
    ///
    /// # Errors
    /// As [`View::contact`].
    pub fn search_contacts(
        &self,
        study: StudyId,
        matches: impl Fn(&Contact) -> bool,
    ) -> Result<Vec<ParticipantId>, VaultError> {
        let mut open = OpenNodes::default();
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let view = self.view()?;
            let page = view.reader().page(
                &tables::PARTICIPANTS_OF,
                &study,
                after.as_ref(),
                SEARCH_PAGE,
            )?;
            for ((_, id), ()) in &page {
                if let Some(contact) = view.contact_among(*id, &mut open)?
                    && matches(&contact)
                {
                    found.push(*id);
                }
            }
            match page.last() {
                Some((last, ())) if page.len() == SEARCH_PAGE => after = Some(*last),
                _ => return Ok(found),
            }
        }
    }
}

impl View<'_> {
    /// Opens somebody's contact details, if there are any, with what `open` has open already.
    fn contact_among(
        &self,
        id: ParticipantId,
        open: &mut OpenNodes,
    ) -> Result<Option<Contact>, VaultError> {
        let Some(row) = self.reader().get(&tables::PARTICIPANTS, &id)? else {
            return Ok(None);
        };
        let Some(sealed) = &row.contact else {
            return Ok(None);
        };
        let nodes = Nodes(&self.reader);
        let key = self
            .rooted
            .tree
            .unwrap_among(&nodes, row.contact_key, open)?;
        opened_contact(id, &key, sealed).map(Some)
    }
}
