//! An erasure that is interrupted, at every step of it, goes on by itself to its end.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex};

use strongroom::access::acts;
use strongroom::id::{ErasureId, ItemId, ParticipantId};
use strongroom::keyring::{FileSlot, RootSlot as _, SlotError};
use strongroom::model::{Erasure, ErasureStage};
use strongroom::objects::ObjectKey;
use strongroom::vault::VaultError;
use strongroom::work::{WorkError, certificate, erase};

use crate::closure::{Attack, epochs};
use crate::support::house::{Folder, House, noise};
use crate::support::remote::Remote;

const SAID: &[u8] = b"she said that it went on until the morning";
const KEPT: &[u8] = b"he said that he would rather stay in it";

/// Somebody who withdraws, somebody who stays, and an item with both.
struct Story {
    her: ParticipantId,
    hers: ItemId,
    his: ItemId,
    theirs: ItemId,
}

impl Story {
    async fn told_in(house: &House) -> Self {
        let (her, hers) = house.interview("Wilhelmina Osgood", SAID).await;
        let (him, his) = house.interview("Bartholomew Quick", KEPT).await;
        let session = house.session(&[her, him]).await;
        let theirs = house.deposit(session, noise(9000, 3), "group.wav").await;
        Self {
            her,
            hers,
            his,
            theirs,
        }
    }

    /// She is gone with a certificate that verifies, and he is there.
    async fn is_over_in(&self, house: &House, erasure: ErasureId, epoch: u64) {
        let row = house.erasure(erasure);
        assert_eq!(row.stage, ErasureStage::Certified);
        assert_eq!(row.epoch, Some(epoch));
        certified(house, &row);
        for gone in [self.hers, self.theirs] {
            let fetched = house.fetch(gone).await;
            assert!(
                matches!(fetched, Err(WorkError::NoSuchThing)),
                "{fetched:?}"
            );
            let object = ObjectKey::Material(gone);
            let head = house.service.store().head(object).await.expect("asked");
            assert_eq!(head, None);
        }
        assert_eq!(house.fetch(self.his).await.expect("opens"), KEPT);
        assert_eq!(house.name_of(self.her), None);
    }
}

/// The certificate is signed by this vault and says what was done.
fn certified(house: &House, erasure: &Erasure) {
    let vault = house.service.vault();
    let note = erasure.certificate.as_ref().expect("a certificate");
    let read = certificate::verify(note, &vault.signer().verifier_key()).expect("verifies");
    let read = read.statement;
    assert_eq!((read.vault, read.erasure), (vault.id(), erasure.id));
    assert_eq!(read.participants, erasure.target.participants);
    assert_eq!(Some(read.epoch_after), erasure.epoch);
    assert_eq!(read.epoch_before + 1, read.epoch_after);
    assert_eq!(read.verified.keys_absent, erasure.target.keys.len() as u64);
    assert_eq!(read.slots.len(), vault.slots().len());
    assert_eq!(read.items_erased(), erasure.target.items);
    assert_eq!(
        read.verified.objects_absent,
        erasure.target.items.len() as u64
    );
}

fn held(folder: &Folder, slot: &str) -> Vec<u64> {
    let slot = FileSlot::open(&folder.join(slot)).expect("a slot");
    slot.held().expect("readable").epochs
}

/// Invariants 3 and 5: a crash at any step leaves the old root or the new one, the erasure goes on
/// to its end at the restart, and what lay there at the crash is no help afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_step_is_gone_on_from() {
    let slots = ["first.slot", "second.slot"];
    let house = House::with_slots(&slots).await;
    let story = Story::told_in(&house).await;
    let withdrawn = house.withdraw(story.her, false).await;
    let before = house.image();
    let film = house.film();
    house.approve(withdrawn.erasure).await;
    let mut film = film.end();
    story.is_over_in(&house, withdrawn.erasure, 1).await;
    // Between the first slot and the second nothing of the vault's can be watched.
    let one_has_it = before.copy();
    let both_have_it = film
        .iter()
        .find(|image| held(image, "first.slot").len() == 2);
    one_has_it.put_back(both_have_it.expect("an image"), "first.slot");
    film.push(one_has_it);

    let (mut stages, mut roots) = (BTreeSet::new(), BTreeSet::new());
    for (step, image) in film.into_iter().enumerate() {
        let roots_then = slots.map(|slot| held(&image, slot));
        let then = image.copy();
        let again = house.open_image(image).await;
        let again = again.unwrap_or_else(|error| panic!("step {step}: {error}"));
        let stage = again.erasure(withdrawn.erasure).stage;
        let finished = erase::resume(&again.service).await.expect("goes on");
        match stage {
            ErasureStage::Requested => {
                assert_eq!(finished, 0, "nobody has approved it");
                again.approve(withdrawn.erasure).await;
            }
            ErasureStage::Certified => assert_eq!(finished, 0),
            _ => assert_eq!(finished, 1, "step {step}"),
        }
        story.is_over_in(&again, withdrawn.erasure, 1).await;
        assert_eq!(again.service.vault().epoch(), 1);
        assert_eq!(slots.map(|slot| held(&again.image(), slot)), [[1], [1]]);
        if !(stages.insert(stage) | roots.insert(roots_then)) {
            continue;
        }
        // For each kind of moment once: again from the disk, and with everything that lay there.
        let again = again.crash().await;
        story.is_over_in(&again, withdrawn.erasure, 1).await;
        let found = Attack::quick()
            .earlier(&before.path())
            .earlier(&then.path())
            .now(&again.image().path())
            .canary("goes", std::str::from_utf8(SAID).expect("text"))
            .canary("stays", std::str::from_utf8(KEPT).expect("text"))
            .run(&format!("after a crash at step {step}"));
        let reached: Vec<_> = found.reached().into_iter().collect();
        assert_eq!(reached, ["stays"], "step {step}");
    }
    use ErasureStage::{Approved, CiphertextDeleted, Inaccessible, KeysDestroyed, Requested};
    for stage in [
        Requested,
        Approved,
        KeysDestroyed,
        Inaccessible,
        CiphertextDeleted,
    ] {
        assert!(stages.contains(&stage), "no crash at {stage:?}: {stages:?}");
    }
    let moments: [[&[u64]; 2]; 5] = [
        [&[0], &[0]],
        [&[0, 1], &[0]],
        [&[0, 1], &[0, 1]],
        [&[1], &[0, 1]],
        [&[1], &[1]],
    ];
    for moment in moments {
        let moment = moment.map(<[u64]>::to_vec);
        assert!(
            roots.contains(&moment),
            "no crash with the roots at {moment:?}: {roots:?}"
        );
    }
}

/// The keys do not wait for the store: what is gone is gone, and the ciphertext follows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_holds_up_only_the_ciphertext() {
    let house = House::at(Remote::start().await).await;
    let remote = house.remote.clone().expect("a store elsewhere");
    let story = Story::told_in(&house).await;
    let withdrawn = house.withdraw(story.her, false).await;
    remote.cut();
    let erasure = house.approve(withdrawn.erasure).await;
    assert_eq!(erasure.stage, ErasureStage::Inaccessible);
    assert_eq!(house.service.vault().epoch(), 1);
    assert_eq!(held(&house.image(), "root.slot"), [1]);
    let fetched = house.fetch(story.hers).await;
    assert!(
        matches!(fetched, Err(WorkError::NoSuchThing)),
        "{fetched:?}"
    );
    assert_eq!(house.name_of(story.her), None);
    let who = &house.staff.governance;
    let grant = house.admit::<acts::ReadErasure>(who, erasure.id).await;
    let note = erase::certificate(&house.service, grant.expect("granted")).await;
    assert!(matches!(note, Err(WorkError::Conflict(_))), "{note:?}");

    let resumed = erase::resume(&house.service).await;
    assert!(matches!(resumed, Err(WorkError::Store(_))), "{resumed:?}");
    assert_eq!(house.erasure(erasure.id).stage, ErasureStage::Inaccessible);

    remote.mend();
    assert_eq!(erase::resume(&house.service).await.expect("ends"), 1);
    story.is_over_in(&house, erasure.id, 1).await;
    assert_eq!(remote.files().len(), 1, "his alone is left");
}

/// A slot that is not where it was keeps an erasure from beginning, and loses nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_is_away_keeps_it_from_beginning() {
    let house = House::with_slots(&["first.slot", "second.slot"]).await;
    let story = Story::told_in(&house).await;
    let withdrawn = house.withdraw(story.her, false).await;
    let (place, elsewhere) = (house.folder.join("second.slot"), house.folder.join("away"));
    fs::rename(&place, &elsewhere).expect("moved");
    let erasure = house.approve(withdrawn.erasure).await;
    assert_eq!(erasure.stage, ErasureStage::Approved);
    assert_eq!(house.service.vault().epoch(), 0);
    assert_eq!(house.fetch(story.his).await.expect("opens"), KEPT);
    let resumed = erase::resume(&house.service).await;
    let Err(WorkError::Vault(VaultError::Slot(SlotError::Moved { .. }))) = resumed else {
        panic!("{resumed:?}");
    };
    fs::rename(&elsewhere, &place).expect("moved back");
    assert_eq!(erase::resume(&house.service).await.expect("ends"), 1);
    story.is_over_in(&house, erasure.id, 1).await;
}

/// "Erased" is said only when every slot has let go of the old root.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_keeps_the_old_root_keeps_it_from_being_said() {
    let slots = ["first.slot", "second.slot"];
    let house = House::with_slots(&slots).await;
    let story = Story::told_in(&house).await;
    let withdrawn = house.withdraw(story.her, false).await;
    let (place, elsewhere) = (house.folder.join("second.slot"), house.folder.join("away"));
    let (root, moved) = (house.folder.path(), Arc::new(Mutex::new(false)));
    let (from, to, done) = (place.clone(), elsewhere.clone(), Arc::clone(&moved));
    house.world.watched(move || {
        let mut done = done.lock().expect("no panic");
        // Both have both roots: it is about to be committed.
        if !*done && slots.iter().all(|slot| roots_in(&root.join(slot)) == 2) {
            fs::rename(&from, &to).expect("moved");
            *done = true;
        }
    });
    let erasure = house.approve(withdrawn.erasure).await;
    house.world.unwatched();
    assert!(*moved.lock().expect("no panic"));
    assert_eq!(erasure.stage, ErasureStage::KeysDestroyed);
    let fetched = house.fetch(story.hers).await;
    assert!(
        matches!(fetched, Err(WorkError::NoSuchThing)),
        "{fetched:?}"
    );
    fs::rename(&elsewhere, &place).expect("moved back");
    assert_eq!(
        slots.map(|slot| held(&house.image(), slot)),
        [vec![1], vec![0, 1]]
    );

    let image = house.image();
    assert_eq!(erase::resume(&house.service).await.expect("ends"), 1);
    story.is_over_in(&house, erasure.id, 1).await;
    // And a restart in that state says what it does about it.
    let again = house.open_image(image).await.expect("opens");
    let settled = again.opening.remarks.iter();
    assert!(
        settled.clone().any(|line| line.contains("second.slot")),
        "{:?}",
        again.opening
    );
    erase::resume(&again.service).await.expect("ends");
    story.is_over_in(&again, erasure.id, 1).await;
}

fn roots_in(slot: &std::path::Path) -> usize {
    let file = fs::read(slot).unwrap_or_default();
    epochs(&file).len()
}
