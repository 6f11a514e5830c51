//! Something old put back: the vault starts sealed and says why, or repairs what loses nothing by
//! it; nobody who was erased comes back either way.
//!
//! The one copy that would bring somebody back is that of an earlier root slot together with the
//! journal of its time, which is why slots are outside backups (`keys/README.md`).

use std::collections::BTreeMap;
use std::fs;

use strongroom::id::{ItemId, ParticipantId};
use strongroom::index::tables;
use strongroom::journal::{Damage, Error as JournalError};
use strongroom::keyring::SlotError;
use strongroom::model::Standing;
use strongroom::vault::VaultError;
use strongroom::work::WorkError;

use crate::support::house::{self, Folder, House, noise};
use crate::support::rows::rows;

const KEPT: &[u8] = b"he stays";

/// A vault before and after an erasure, both closed properly, and what to look for in it.
struct Story {
    /// A house that knows the people; its own folder is another.
    house: House,
    before: Folder,
    after: Folder,
    /// Images at every step between the two.
    film: Vec<Folder>,
    rows_after: BTreeMap<String, String>,
    her: ParticipantId,
    hers: ItemId,
    his: ItemId,
}

impl Story {
    async fn told() -> Self {
        let house = House::new().await;
        let (her, hers) = house.interview("Wilhelmina Osgood", &noise(500, 1)).await;
        let (_, his) = house.interview("Bartholomew Quick", KEPT).await;
        let (house, before) = house.reopened().await;
        let withdrawn = house.withdraw(her, false).await;
        let film = house.film();
        house.approve(withdrawn.erasure).await;
        let film = film.end();
        house.fetch(his).await.expect("opens");
        let (house, after) = house.reopened().await;
        let rows_after = all_rows(&house);
        Self {
            house,
            before,
            after,
            film,
            rows_after,
            her,
            hers,
            his,
        }
    }

    /// Opens what is left after, with `parts` of it as they were before.
    async fn with_old(&self, parts: &[&str]) -> Result<House, WorkError> {
        let folder = self.after.copy();
        for part in parts {
            folder.put_back(&self.before, part);
        }
        self.house.open_image(folder).await
    }

    /// She is gone, and he is there.
    async fn she_is_gone(&self, house: &House) {
        let fetched = house.fetch(self.hers).await;
        assert!(
            matches!(fetched, Err(WorkError::NoSuchThing)),
            "{fetched:?}"
        );
        assert_eq!(house.name_of(self.her), None);
        let view = house.service.vault().view().expect("runs");
        let row = view.reader().get(&tables::PARTICIPANTS, &self.her);
        let row = row.expect("runs").expect("a row");
        assert_eq!(row.standing, Standing::Erased);
        assert!(view.key(row.material_key).is_err() && view.key(row.contact_key).is_err());
        drop(view);
        assert_eq!(house.fetch(self.his).await.expect("opens"), KEPT);
    }
}

impl House {
    /// Closed properly and opened again, with what lay there in between.
    async fn reopened(self) -> (Self, Folder) {
        let (world, staff) = (self.world.clone(), self.staff.clone());
        let folder = self.close().await;
        let closed = folder.copy();
        let (service, opening) = house::open(&folder, &world, None).await.expect("opens");
        let house = Self {
            folder,
            service,
            world,
            staff,
            opening,
            remote: None,
        };
        (house, closed)
    }
}

fn all_rows(house: &House) -> BTreeMap<String, String> {
    let view = house.service.vault().view().expect("runs");
    rows(view.reader())
}

fn sealed(opened: Result<House, WorkError>) -> VaultError {
    match opened {
        Err(WorkError::Vault(reason)) => {
            let words = reason.to_string();
            assert!(words.len() > 40, "it says what to do: {words}");
            reason
        }
        Err(other) => panic!("{other}"),
        Ok(house) => panic!("it opened: {:?}", house.opening),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_index_is_brought_up_to_date_without_loss() {
    let story = Story::told().await;
    let house = story.with_old(&["index"]).await.expect("opens");
    assert!(house.opening.replayed > 0, "{:?}", house.opening);
    assert_eq!(all_rows(&house), story.rows_after);
    story.she_is_gone(&house).await;

    // Part of it old and part of it new is noticed, and it is rebuilt.
    let folder = story.after.copy();
    folder.put_back(&story.before, "index/sled");
    let house = story.house.open_image(folder).await.expect("opens");
    let told = house.opening.remarks.join("\n");
    assert!(told.contains("rebuilt"), "{told}");
    assert_eq!(all_rows(&house), story.rows_after);
    story.she_is_gone(&house).await;

    // Invariant 6: none at all is no loss either.
    let folder = story.after.copy();
    fs::remove_dir_all(folder.join("index")).expect("removed");
    let house = story.house.open_image(folder).await.expect("opens");
    assert_eq!(all_rows(&house), story.rows_after);
    story.she_is_gone(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_journal_is_noticed() {
    let story = Story::told().await;
    let backup = ["journal", "index", "store", "vault.json", "lock"];
    let whole: &[&str] = &backup;
    for parts in [
        &["journal"][..],
        &["journal", "index"],
        &["journal", "store"],
        whole,
    ] {
        let reason = sealed(story.with_old(parts).await);
        let VaultError::Journal(JournalError::RolledBack { records, anchor }) = reason else {
            panic!("{parts:?}: {reason}");
        };
        assert!(records < anchor.size, "{parts:?}");
    }
    // Without its last records it is as old, however new the rest.
    let folder = story.after.copy();
    let files = folder.files();
    let segments = files.iter().filter(|(path, bytes)| {
        path.extension().is_some_and(|kind| kind == "seg") && !bytes.is_empty()
    });
    let (last, _) = segments.max().expect("a segment");
    fs::remove_file(folder.join(&last.to_string_lossy())).expect("removed");
    let reason = sealed(story.house.open_image(folder).await);
    assert!(
        matches!(reason, VaultError::Journal(JournalError::RolledBack { .. })),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_slot_is_noticed_and_so_is_none() {
    let story = Story::told().await;
    for parts in [
        &["root.slot"][..],
        &["root.slot", "index"],
        &["root.slot", "store"],
    ] {
        let reason = sealed(story.with_old(parts).await);
        let VaultError::SlotsBehindJournal {
            slots: 0,
            journal: 1,
        } = reason
        else {
            panic!("{parts:?}: {reason}");
        };
    }
    let folder = story.after.copy();
    fs::remove_file(folder.join("root.slot")).expect("removed");
    let place = folder.join("root.slot");
    let reason = sealed(story.house.open_image(folder).await);
    assert!(
        matches!(reason, VaultError::Slot(SlotError::Missing { .. })),
        "{reason}"
    );
    assert!(!place.exists(), "no new one is made");
    let folder = story.after.copy();
    let slot = fs::read(folder.join("root.slot")).expect("read");
    fs::write(folder.join("root.slot"), vec![0; slot.len()]).expect("written");
    let reason = sealed(story.house.open_image(folder).await);
    assert!(
        matches!(reason, VaultError::Slot(SlotError::NoWholeRoot { .. })),
        "{reason}"
    );
}

/// Whatever moment of an erasure the slot is of, an older journal brings nobody back once the
/// slot has let go of the old root; and before that nobody has been told of an erasure.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_journal_is_noticed_at_every_step_of_an_erasure() {
    let story = Story::told().await;
    let (mut behind, mut rolled_back) = (0, 0);
    for (step, moment) in story.film.iter().enumerate() {
        let folder = moment.copy();
        for part in ["journal", "index", "store"] {
            folder.put_back(&story.before, part);
        }
        let slot = fs::read(folder.join("root.slot")).expect("read");
        let with_old_root = crate::closure::epochs(&slot).contains(&0);
        match story.house.open_image(folder).await {
            Ok(house) => {
                assert!(with_old_root, "step {step}: it opened without its root");
                assert_eq!(house.service.vault().epoch(), 0);
            }
            Err(WorkError::Vault(VaultError::JournalBehindSlots {
                slots: 1,
                journal: 0,
            })) => {
                assert!(!with_old_root, "step {step}");
                behind += 1;
            }
            Err(WorkError::Vault(VaultError::Journal(JournalError::RolledBack { .. }))) => {
                rolled_back += 1;
            }
            Err(other) => panic!("step {step}: {other}"),
        }
    }
    assert!(behind > 0 && rolled_back > 0, "{behind} and {rolled_back}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_folders_of_two_vaults_do_not_mix() {
    let ours = House::new().await;
    let (_, item) = ours.interview("Agnes", &noise(3000, 1)).await;
    let rows_of_ours = all_rows(&ours);
    let (ours, closed) = ours.reopened().await;
    let theirs = House::new().await;
    theirs.interview("Basil", &noise(3000, 2)).await;
    let theirs_folder = theirs.close().await;
    let mixed = async |parts: &[&str]| {
        let folder = closed.copy();
        for part in parts {
            folder.put_back(&theirs_folder, part);
        }
        ours.open_image(folder).await
    };

    let reason = sealed(mixed(&["root.slot", "unlock-identity.txt"]).await);
    assert!(
        matches!(reason, VaultError::Slot(SlotError::ForeignVault { .. })),
        "{reason}"
    );
    let reason = sealed(mixed(&["root.slot"]).await);
    assert!(
        matches!(reason, VaultError::Slot(SlotError::ForeignVault { .. })),
        "{reason}"
    );
    let reason = sealed(mixed(&["unlock-identity.txt"]).await);
    assert!(
        matches!(reason, VaultError::Slot(SlotError::WrongIdentity { .. })),
        "{reason}"
    );
    let reason = sealed(mixed(&["vault.json"]).await);
    assert!(
        matches!(reason, VaultError::Slot(SlotError::ForeignVault { .. })),
        "{reason}"
    );
    let reason = sealed(mixed(&["journal"]).await);
    let VaultError::Journal(JournalError::Damaged { what, .. }) = reason else {
        panic!("{reason}");
    };
    assert!(matches!(what, Damage::WrongVault(_)), "{what}");
    // All but the journal is theirs, consistently: still not theirs to open.
    let reason = sealed(mixed(&["journal", "index"]).await);
    assert!(
        matches!(reason, VaultError::Journal(JournalError::Damaged { .. })),
        "{reason}"
    );

    let house = mixed(&["index"]).await.expect("opens");
    assert!(
        house.opening.remarks.join(" ").contains("rebuilt"),
        "{:?}",
        house.opening
    );
    assert_eq!(house.fetch(item).await.expect("opens"), noise(3000, 1));
    let mut rows = all_rows(&house);
    rows.retain(|name, _| rows_of_ours.contains_key(name));
    assert_eq!(rows, rows_of_ours);
    let house = mixed(&["store"]).await.expect("opens");
    let fetched = house.fetch(item).await;
    assert!(matches!(fetched, Err(WorkError::Store(_))), "{fetched:?}");
}

/// Damage anywhere in what is the truth keeps the vault sealed, and is left as it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_journal_is_left_as_it_is() {
    let house = House::new().await;
    house.interview("Agnes", &noise(3000, 1)).await;
    let (house, image) = house.reopened().await;
    let journals: Vec<_> = image
        .files()
        .into_iter()
        .filter(|(path, _)| path.extension().is_some_and(|kind| kind == "seg"))
        .collect();
    for (path, bytes) in journals {
        for place in [8, 60, bytes.len() / 2, bytes.len() - 1] {
            let folder = image.copy();
            let mut changed = bytes.clone();
            changed[place] ^= 0x40;
            let file = folder.path().join(&path);
            fs::write(&file, &changed).expect("written");
            let image = folder.copy();
            let reason = sealed(house.open_image(image).await);
            assert!(
                matches!(
                    reason,
                    VaultError::Journal(
                        JournalError::Damaged { .. } | JournalError::RolledBack { .. }
                    )
                ),
                "{} at {place}: {reason}",
                path.display()
            );
            assert_eq!(fs::read(&file).expect("read"), changed);
        }
    }
}
