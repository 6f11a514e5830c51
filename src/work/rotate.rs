//! Replacing the root of a vault no gateway has open, with the bucket's copies brought up first.

use std::path::Path;

use tokio::time::timeout;

use super::copies::{self, Copier};
use super::error::WorkError;
use super::found::s3_config;
use crate::index::tables;
use crate::keyring::Identities;
use crate::limits::ERASURE_COPY_WAIT;
use crate::objects::{CredentialsSource, Store};
use crate::vault::{Means, Rotated, Rotation, StoreChoice, Vault};

/// Whether the old root waits for the bucket.
#[derive(Debug)]
pub enum Copying {
    /// It is let go of once the bucket has every record, the new root's included: from then on a copy
    /// that lacks them would open with no root.
    First(CredentialsSource),
    /// It does not wait: the operator knows.
    Omitted,
}

/// Rotates the root of the vault in `dir`, as [`Vault::rotate`] does. Where the store is elsewhere its
/// copies of the journal are brought up to date before anything is changed, and again before the old
/// root goes; a store in the vault's own folder has none.
///
/// # Errors
/// Those of [`Vault::rotate`].
pub async fn rotate(
    dir: &Path,
    identities: Identities,
    means: Means,
    rotation: Rotation,
    copying: Copying,
) -> Result<Rotated, WorkError> {
    let (dir, here) = (dir.to_path_buf(), tokio::runtime::Handle::current());
    let rotated = tokio::task::spawn_blocking(move || {
        let mut bucket = match copying {
            Copying::First(credentials) => Bucket::Named(credentials),
            Copying::Omitted => Bucket::LeftOut,
        };
        let copied = |vault: &Vault| here.block_on(bucket.bring_up_to(vault));
        Vault::rotate(&dir, &identities, means, rotation, copied)
    });
    let rotated = rotated.await;
    Ok(rotated.map_err(|error| WorkError::Internal(error.to_string()))??)
}

/// The bucket with a vault's copies.
enum Bucket {
    LeftOut,
    Named(CredentialsSource),
    Connected(Store),
}

impl Bucket {
    /// Has it hold every record there is; says why it does not.
    async fn bring_up_to(&mut self, vault: &Vault) -> Result<(), String> {
        if matches!(vault.config().store, StoreChoice::Embedded { .. }) {
            return Ok(());
        }
        match timeout(ERASURE_COPY_WAIT, self.bring(vault)).await {
            Ok(brought) => brought.map_err(|error| error.to_string()),
            Err(_) => Err("the store is slow".to_owned()),
        }
    }

    async fn bring(&mut self, vault: &Vault) -> Result<(), WorkError> {
        let store = match std::mem::replace(self, Self::LeftOut) {
            Self::LeftOut => return Ok(()),
            Self::Named(credentials) => connect(vault, credentials).await?,
            Self::Connected(store) => store,
        };
        *self = Self::Connected(store.clone());
        let mut copier = Copier::survey(store, vault.id(), vault.journal_dir()).await?;
        copier.settings(vault.config()).await?;
        copies::bring_up(&mut copier, vault).await.map(drop)
    }
}

async fn connect(vault: &Vault, credentials: CredentialsSource) -> Result<Store, WorkError> {
    let attestation = {
        let view = vault.view()?;
        view.reader().get(&tables::ATTESTATION, &tables::THE_ONE)?
    };
    let config = s3_config(&vault.config().store, credentials, attestation.as_ref())?;
    Ok(Store::connect(config, &*vault.means().entropy).await?.0)
}
