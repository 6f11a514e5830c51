//! Founding a vault, and opening one for work.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::enrol;
use super::error::WorkError;
use super::service::Service;
use crate::access::EnrolmentCode;
use crate::id::{PersonId, VaultId};
use crate::index::tables;
use crate::keyring::{Identities, Pins, Recipients, SlotPlace, unlock};
use crate::model::{Actor, Attestation, Event, Role, Text};
use crate::objects::embedded::Embedded;
use crate::objects::{
    self, CredentialsSource, Endpoint, ObjectsError, Residency, Store, StoreConfig, StoreReport,
};
use crate::vault::{Means, NewVault, Opening, STORE_DIR, StoreChoice, Vault, VaultError};

/// Where an unlock identity goes that nobody gave a place.
const IDENTITY_FILE: &str = "unlock-identity.txt";
const SLOT_FILE: &str = "root.slot";

/// What a new vault is to be.
#[derive(Debug)]
pub struct NewHouse {
    /// Where its material is stored.
    pub store: StoreChoice,
    /// Where the access key to the store comes from.
    pub credentials: CredentialsSource,
    /// A region, and the name of the operator who vouches that the store lies in it.
    pub attest: Option<(String, Text)>,
    /// Where its root slots go; one in the vault's folder when none is named.
    pub slots: Vec<SlotPlace>,
    /// The age recipients who can unlock it; when there are none, an identity is made.
    pub recipients: Vec<String>,
    /// Where the PINs of tokens come from.
    pub pins: Pins,
    /// What the first administrator is called.
    pub admin: Text,
}

/// A vault that was founded.
#[derive(Debug)]
pub struct Founded {
    /// Which.
    pub vault: VaultId,
    /// Its first administrator.
    pub admin: PersonId,
    /// The code they enrol with.
    pub code: EnrolmentCode,
    /// When it stops working.
    pub expires: Timestamp,
    /// Where the unlock identity was written, if one was made.
    pub identity: Option<PathBuf>,
}

/// Founds a vault in `dir`. The store is asked where it lies first: nothing is made for one that is
/// outside the rule of residency (R39).
///
/// # Errors
/// Whatever is wrong with the store, the recipients or the folder.
pub async fn found(dir: &Path, new: NewHouse, means: Means) -> Result<Founded, WorkError> {
    let attestation = attestation_of(new.attest, &means);
    let known = match &new.recipients[..] {
        [] => None,
        texts => Some(parse_recipients(texts)?),
    };
    if let StoreChoice::S3 { .. } = &new.store {
        let config = s3_config(&new.store, new.credentials, attestation.as_ref())?;
        Store::connect(config, &*means.entropy).await?;
    }
    let (recipients, made) = match known {
        Some(recipients) => (recipients, None),
        None => {
            let (secret, recipient) = unlock::generate_identity();
            (parse_recipients(&[recipient])?, Some(secret))
        }
    };
    let slots = match new.slots.is_empty() {
        true => vec![PathBuf::from(SLOT_FILE).into()],
        false => new.slots,
    };
    let embedded = matches!(new.store, StoreChoice::Embedded { .. });
    let new_vault = NewVault {
        store: new.store,
        attestation,
        slots,
        recipients,
        pins: new.pins,
    };
    let vault = Vault::create(dir, new_vault, means)?;
    let identity = match made {
        Some(secret) => {
            let path = dir.join(IDENTITY_FILE);
            unlock::write_identity(&path, &secret).map_err(slot_error)?;
            Some(path)
        }
        None => None,
    };
    if embedded {
        let (_, running) = connect_embedded(&vault).await?;
        running.stop().await;
    }
    let invited = vault.commit_blocking(Actor::Operator, |draft| {
        enrol::invitation_of(&vault, draft, new.admin, Role::Administrator, None)
    })?;
    let founded = Founded {
        vault: vault.id(),
        admin: invited.person,
        code: invited.code,
        expires: invited.expires,
        identity,
    };
    // Last, so that no crash leaves a vault without its identity or its administrator.
    vault.establish()?;
    vault.close()?;
    Ok(founded)
}

/// Opens the vault in `dir`, finds its store where it must be, and is ready for work.
///
/// # Errors
/// Whatever keeps the vault sealed, and whatever is wrong with the store.
pub async fn open(
    dir: &Path,
    identities: &Identities,
    credentials: CredentialsSource,
    means: Means,
) -> Result<(Arc<Service>, Opening), WorkError> {
    open_to_serve(dir, identities, credentials, means, u64::MAX).await
}

/// Opens the vault in `dir` as [`open`] does, and verifies what has more records or rows than
/// `verified_first` as [`Vault::open_to_serve`] has it.
///
/// # Errors
/// Those of [`open`].
pub async fn open_to_serve(
    dir: &Path,
    identities: &Identities,
    credentials: CredentialsSource,
    means: Means,
    verified_first: u64,
) -> Result<(Arc<Service>, Opening), WorkError> {
    let (vault, opening) = Vault::open_to_serve(dir, identities, means, verified_first)?;
    let (store, embedded) = match &vault.config().store {
        StoreChoice::Embedded { .. } => {
            let (store, running) = connect_embedded(&vault).await?;
            (store, Some(running))
        }
        choice @ StoreChoice::S3 { .. } => {
            let attestation = {
                let view = vault.view()?;
                view.reader().get(&tables::ATTESTATION, &tables::THE_ONE)?
            };
            let config = s3_config(choice, credentials, attestation.as_ref())?;
            (
                Store::connect(config, &*vault.means().entropy).await?.0,
                None,
            )
        }
    };
    let service = Service::new(vault, store, embedded)?;
    let region = region_of(service.store().report());
    let program = env!("CARGO_PKG_VERSION").to_owned();
    let started = Event::GatewayStarted { region, program };
    service.note(Actor::Gateway, started).await?;
    Ok((service, opening))
}

async fn connect_embedded(vault: &Vault) -> Result<(Store, Embedded), WorkError> {
    let dir = vault.dir().join(STORE_DIR);
    let entropy = Arc::clone(&vault.means().entropy);
    let bucket = vault.config().store.bucket().parse()?;
    let running = Embedded::start(&dir, bucket, entropy).await?;
    let config = running.config(Residency::Uk)?;
    let (store, _) = Store::connect(config, &*vault.means().entropy).await?;
    Ok((store, running))
}

pub(super) fn s3_config(
    choice: &StoreChoice,
    credentials: CredentialsSource,
    attestation: Option<&Attestation>,
) -> Result<StoreConfig, WorkError> {
    let region: objects::RegionName = choice.region().parse()?;
    let endpoint: Endpoint = match choice {
        StoreChoice::S3 {
            endpoint: Some(url),
            ..
        } => url.parse()?,
        _ => format!("https://s3.{region}.amazonaws.com").parse()?,
    };
    let attestation = attestation.map(word_of).transpose()?;
    Ok(StoreConfig {
        prefix: objects::KeyPrefix::default(),
        endpoint,
        bucket: choice.bucket().parse()?,
        region,
        credentials,
        residency: Residency::Uk,
        attestation,
    })
}

fn word_of(attestation: &Attestation) -> Result<objects::Attestation, ObjectsError> {
    let region = attestation.region.parse()?;
    let by = attestation.by.as_str();
    objects::Attestation::new(by, region, "given when the vault was made", attestation.at)
}

pub(super) fn attestation_of(attest: Option<(String, Text)>, means: &Means) -> Option<Attestation> {
    attest.map(|(region, by)| Attestation {
        by,
        region,
        at: means.clock.now(),
    })
}

fn region_of(report: &StoreReport) -> String {
    report.location.to_string()
}

fn parse_recipients(texts: &[String]) -> Result<Recipients, WorkError> {
    Recipients::parse(texts).map_err(|error| WorkError::Unacceptable(error.to_string()))
}

fn slot_error(error: crate::keyring::UnlockError) -> WorkError {
    VaultError::from(crate::keyring::SlotError::from(error)).into()
}
