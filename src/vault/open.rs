//! Making a vault, and opening one: unlock, verify, settle, catch up.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};

use jiff::SignedDuration;
use tokio::sync::watch;

use super::config::{self, Config, Lock, StoreChoice};
use super::error::VaultError;
use super::opening::{self, Opening};
use super::rotate::clear_unfinished_slots;
use super::{Means, Rooted, Vault, replay};
use crate::id::VaultId;
use crate::index::{Index, set_aside, tables};
use crate::journal::{self, Anchor, Journal, NoteSigner};
use crate::keyring::{
    Contents, Identities, Pins, Recipients, Root, SlotAnchor, SlotMeans, SlotPlace, SlotSet,
};
use crate::model::{Actor, Attestation, Event};

/// What a new vault is to be.
#[derive(Debug)]
pub struct NewVault {
    /// Where its material is stored.
    pub store: StoreChoice,
    /// An operator's word on where the store lies.
    pub attestation: Option<Attestation>,
    /// Where its root slots go; relative paths start at the vault's folder.
    pub slots: Vec<SlotPlace>,
    /// Who can unlock it.
    pub recipients: Recipients,
    /// Where the PINs of tokens come from.
    pub pins: Pins,
}

impl Vault {
    /// Makes a vault in `dir`, which must be empty or not exist yet, and opens it.
    ///
    /// It is a vault once [`Vault::establish`] says so: whatever its first hours need is put there
    /// before, so that a crash leaves either all of it or nothing that opens.
    ///
    /// # Errors
    /// [`VaultError::AlreadyThere`], and whatever keeps a part from being made. What was begun is
    /// not a vault: delete it and begin again.
    pub fn create(dir: &Path, new: NewVault, means: Means) -> Result<Self, VaultError> {
        config::make_folder(dir)?;
        let lock = Lock::hold(dir)?;
        let entropy = &means.entropy;
        let vault = VaultId::random(&**entropy)?;
        let root = Root::first(vault, &**entropy)?;
        let config = Config::new(vault, new.slots, new.store);
        let keys = journal_keys(vault, &root);
        let journal = Journal::create(&config::journal_dir(dir), keys, Arc::clone(entropy))?;
        let index = Index::create(
            &config::index_dir(dir),
            &root.journal_key,
            Arc::clone(entropy),
        )?;
        let slots = SlotMeans {
            vault,
            dir,
            pins: &new.pins,
            entropy,
        };
        let slots = config
            .slots
            .iter()
            .map(|place| slots.create(place, &root, &new.recipients))
            .collect::<Result<Vec<_>, _>>()?;
        let vault = assemble(
            dir,
            config,
            means,
            lock,
            journal,
            index,
            root,
            SlotSet::new(slots)?,
        )?;
        vault.record_creation(new.attestation)?;
        Ok(vault)
    }

    /// Makes what [`Vault::create`] began a vault, durably: from here on it opens.
    ///
    /// # Errors
    /// [`VaultError::Slot`] and [`VaultError::Io`] when that cannot be written down.
    pub fn establish(&self) -> Result<(), VaultError> {
        self.anchor()?;
        self.config.write(&self.dir)
    }

    /// Opens the vault in `dir` with the `identities` that unlock its root.
    ///
    /// Everything is verified first. The index is caught up with the journal, or set aside and
    /// rebuilt; the slots are settled on the root the journal ends with.
    ///
    /// # Errors
    /// Anything that does not verify leaves the vault sealed and unaltered, and says what it is.
    pub fn open(
        dir: &Path,
        identities: &Identities,
        means: Means,
    ) -> Result<(Self, Opening), VaultError> {
        Self::open_with(dir, identities, means, How::ALONE)
    }

    /// Opens the vault as [`Vault::open`] does, for a gateway. Of one with more records than
    /// `verified_first`, or more rows, only what is needed is verified: what comes after the slots' anchor,
    /// and every row before the first answer that could be from it; [`Vault::verify_next`] has to verify
    /// the rest. An old root stays beside the new one until
    /// [`Vault::destroy`] is asked again, which waits for what has to be done before, or, when no erasure
    /// brought the new one, [`Vault::let_go_of_what_was_left`].
    ///
    /// # Errors
    /// Those of [`Vault::open`].
    pub fn open_to_serve(
        dir: &Path,
        identities: &Identities,
        means: Means,
        verified_first: u64,
    ) -> Result<(Self, Opening), VaultError> {
        let how = How {
            settling: Settling::WithItsErasure,
            verified_first,
            ..How::ALONE
        };
        Self::open_with(dir, identities, means, how)
    }

    /// Opens a vault whose journal was put back from a backup and ends before what its root slots
    /// vouch for. What came after is lost, which goes on record; nobody erased comes back.
    ///
    /// # Errors
    /// Those of [`Vault::open`], but for a journal that was rolled back within its epoch.
    pub fn open_after_loss(
        dir: &Path,
        identities: &Identities,
        means: Means,
    ) -> Result<(Self, Opening), VaultError> {
        let how = How {
            loss: Loss::Accepted,
            ..How::ALONE
        };
        Self::open_with(dir, identities, means, how)
    }

    fn open_with(
        dir: &Path,
        identities: &Identities,
        means: Means,
        how: How,
    ) -> Result<(Self, Opening), VaultError> {
        Config::read(dir)?;
        let lock = Lock::hold(dir)?;
        let mut config = Config::read(dir)?;
        let slots = slots_of(&config, dir, identities.pins(), &means)?;
        let contents = slots.read(config.vault, identities)?;
        let mut opening = Opening::default();
        for slot in clear_unfinished_slots(dir, &mut config, &means)? {
            opening.say(format!(
                "the root slot {slot} was never finished and its file was effaced; add it again if it is wanted, and first delete the keys it may have left in a token"
            ));
        }

        let any_root = contents
            .roots
            .last()
            .ok_or(VaultError::SlotsBehindJournal {
                slots: contents.locked.last().copied().unwrap_or(0),
                journal: contents.anchor.map_or(0, |anchor| anchor.epoch),
            })?;
        let keys = journal_keys(config.vault, any_root);
        let vouched = contents.anchor.map(journal_anchor);
        let anchored = vouched.filter(|_| how.loss == Loss::Refused);
        let entropy = &means.entropy;
        let journal_dir = config::journal_dir(dir);
        let index_dir = config::index_dir(dir);
        let (journal, opened) = opening::both(
            &journal_dir,
            &index_dir,
            keys,
            anchored,
            how.verified_first,
            entropy,
        );
        let ((journal, recovery), opened) = (journal?, opened?);
        opening.journal(&recovery);
        let index = opening.index(&index_dir, opened, &journal, any_root, entropy)?;
        check_owner(&journal, config.vault)?;
        let epoch = index.read()?.get(&tables::EPOCH, &tables::THE_ONE)?;
        let mut held: Vec<u64> = contents.roots.iter().map(|root| root.epoch).collect();
        held.extend(&contents.locked);
        let root = root_of(contents, epoch.unwrap_or(0))?;
        held.retain(|epoch| *epoch != root.epoch);
        let may_wait = how.settling == Settling::WithItsErasure
            && matches!(config.store, StoreChoice::S3 { .. })
            && slots.all_hold(root.epoch)?;
        let erasing = may_wait && is_being_erased(&index, root.epoch)?;
        // Newer ones were never in force, and are taken back at once.
        let left = may_wait
            && !erasing
            && !held.is_empty()
            && held.iter().all(|epoch| *epoch < root.epoch);
        if left {
            opening.say("an old root is still beside the new; it is let go of when the bucket has every record".to_owned());
        } else if !erasing {
            for settled in slots.settle(&root, &**entropy)? {
                opening.say(format!("an interrupted erasure was settled: {settled}"));
            }
        }
        let mut vault = assemble(dir, config, means, lock, journal, index, root, slots)?;
        vault.left = AtomicBool::new(left);
        if let Some(vouched) = vouched.filter(|vouched| vouched.size > vault.journal.size()) {
            let lost = vouched.size - vault.journal.size();
            opening.say(format!(
                "the last {lost} records are lost; that is on record"
            ));
            vault.commit_blocking(Actor::Operator, |_| {
                Ok::<_, VaultError>((Event::RecordsLost { lost }, ()))
            })?;
        }
        vault.anchor()?;
        Ok((vault, opening))
    }

    /// Sets the index of the vault in `dir` aside, so that the next opening builds it anew.
    ///
    /// # Errors
    /// [`VaultError::InUse`] while another process has the vault open.
    pub fn set_index_aside(dir: &Path) -> Result<(), VaultError> {
        Config::read(dir)?;
        let _lock = Lock::hold(dir)?;
        set_aside(&config::index_dir(dir))?;
        Ok(())
    }

    fn record_creation(&self, attestation: Option<Attestation>) -> Result<(), VaultError> {
        let bucket = self.config.store.bucket().to_owned();
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let vault = self.id();
        self.commit_blocking(Actor::Operator, |_| {
            let created = Event::VaultCreated {
                vault,
                bucket,
                program,
            };
            Ok::<_, VaultError>((created, ()))
        })?;
        attestation.map_or(Ok(()), |attestation| {
            self.commit_blocking(Actor::Operator, |_| {
                Ok::<_, VaultError>((Event::StoreAttested { attestation }, ()))
            })
        })
    }
}

#[expect(
    clippy::too_many_arguments,
    reason = "the parts of a vault, put together in one place"
)]
fn assemble(
    dir: &Path,
    config: Config,
    means: Means,
    lock: Lock,
    journal: Journal,
    index: Index,
    root: Root,
    slots: SlotSet,
) -> Result<Vault, VaultError> {
    let name = journal::origin(&config.vault);
    let signer = NoteSigner::from_seed(&name, root.signing_seed.duplicate())?;
    let latest = replay::last_moment(&journal)?;
    let behind = latest.duration_since(means.clock.now());
    if behind > CLOCK_SLACK {
        tracing::warn!(%latest, "the clock is behind the last record: the vault counts time from there; set the clock right");
    }
    Ok(Vault {
        dir: dir.to_path_buf(),
        config,
        means,
        journal,
        index,
        root: RwLock::new(Rooted::new(root)),
        slots,
        signer,
        committing: Mutex::new(()),
        destroying: tokio::sync::Mutex::new(()),
        left: AtomicBool::new(false),
        narrowed: watch::Sender::new(0),
        latest: Mutex::new(latest),
        _lock: lock,
    })
}

/// What a vault is opened for.
#[derive(Debug, Clone, Copy)]
struct How {
    loss: Loss,
    settling: Settling,
    /// Most records, and most rows, that are all verified before anything else.
    verified_first: u64,
}

impl How {
    /// Nobody is answered meanwhile.
    const ALONE: Self = Self {
        loss: Loss::Refused,
        settling: Settling::AtOnce,
        verified_first: u64::MAX,
    };
}

/// Whether a journal may end before what the slots vouch for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// Never: the vault stays sealed.
    Refused,
    /// The operator knows, and says so.
    Accepted,
}

/// When an old root that was left beside the new one is let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settling {
    /// Before anything else.
    AtOnce,
    /// When its erasure is gone on with, or the bucket has a copy of what made it old.
    WithItsErasure,
}

/// Whether the epoch began with an erasure whose old root is not gone yet.
fn is_being_erased(index: &Index, epoch: u64) -> Result<bool, VaultError> {
    let reader = index.read()?;
    for (id, ()) in reader.page(&tables::ERASURES_UNDER_WAY, &(), None, usize::MAX)? {
        let erasure = reader.get(&tables::ERASURES, &id)?;
        if erasure.is_some_and(|one| one.epoch == Some(epoch) && one.old_root_effaced.is_none()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How far the clock may be behind the last record without a word.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(60);

/// The root of the epoch the journal ends with.
fn root_of(contents: Contents, journal: u64) -> Result<Root, VaultError> {
    let epochs = || contents.roots.iter().map(|root| root.epoch);
    let newest = epochs().max().unwrap_or(0);
    let oldest = epochs().min().unwrap_or(0);
    let wrong = if newest < journal {
        VaultError::SlotsBehindJournal {
            slots: newest,
            journal,
        }
    } else {
        VaultError::JournalBehindSlots {
            slots: oldest,
            journal,
        }
    };
    let found = contents
        .roots
        .into_iter()
        .find(|root| root.epoch == journal);
    found.ok_or(wrong)
}

fn check_owner(journal: &Journal, expected: VaultId) -> Result<(), VaultError> {
    if journal.size() == 0 {
        return Ok(());
    }
    let mut owner = Ok(());
    journal.read(0..1, |record| {
        if let Event::VaultCreated { vault: found, .. } = replay::entry_of(&record)?.event
            && found != expected
        {
            owner = Err(VaultError::ForeignJournal { expected, found });
        }
        Ok::<(), VaultError>(())
    })?;
    owner
}

fn journal_keys(vault: VaultId, root: &Root) -> journal::Keys {
    journal::Keys {
        vault,
        journal: root.journal_key.duplicate(),
    }
}

fn journal_anchor(anchor: SlotAnchor) -> Anchor {
    Anchor {
        size: anchor.journal_size,
        root: anchor.merkle_root,
    }
}

/// Every slot that the configuration names.
pub(super) fn slots_of(
    config: &Config,
    dir: &Path,
    pins: &Pins,
    means: &Means,
) -> Result<SlotSet, VaultError> {
    let reach = SlotMeans {
        vault: config.vault,
        dir,
        pins,
        entropy: &means.entropy,
    };
    let slots = config.slots.iter().map(|place| reach.open(place));
    Ok(SlotSet::new(slots.collect::<Result<Vec<_>, _>>()?)?)
}
