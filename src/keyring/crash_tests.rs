//! Power loss and failing writes at every step of a slot file's life, played out in memory.

use super::anchor::SlotAnchor;
use super::position::POSITION_BYTES;
use super::simulated::{SimDisk, Story, images, story};
use super::slot::{Held, Root, RootSlot, SlotError};
use super::slot_set::SlotSet;

impl Story {
    /// A restart from `image` finds `true_root`, and settles on it leaving nothing of the other.
    fn settles(&self, image: Vec<u8>, true_root: &Root, open: bool) {
        let disk = SimDisk::holding(image);
        let held = disk.slot().held().expect("readable");
        assert!(held.epochs.contains(&true_root.epoch), "{held:?}");
        if open {
            let contents = disk.slot().read(true_root.vault, &self.identities);
            let roots = contents.expect("opens").roots;
            assert!(roots.iter().any(|root| root.agrees_with(true_root)));
        }
        let set = SlotSet::new(vec![Box::new(disk.slot())]).expect("a slot");
        set.settle(true_root, &self.entropy).expect("settles");
        let settled = Held {
            epochs: vec![true_root.epoch],
            torn: false,
        };
        assert_eq!(disk.slot().held().expect("readable"), settled);
        let sim = disk.sim();
        let (first, rest) = sim.bytes.split_at(POSITION_BYTES);
        let (second, _) = rest.split_at(POSITION_BYTES);
        let blank = |position: &[u8]| position.iter().all(|byte| *byte == 0);
        assert_ne!(
            blank(first),
            blank(second),
            "one holds the root, the other nothing"
        );
    }
}

/// "Either the old root or the new one, never neither" (invariant 3; the order of an erasure).
#[test]
fn a_crash_at_any_sector_leaves_the_old_root_or_the_new() {
    let story = story();
    let disk = SimDisk::holding(story.begun.clone());
    disk.slot().prepare(&story.new, None).expect("prepared");
    let committed = disk.sim().ops.len();
    disk.slot()
        .keep_only(story.new.epoch, &story.entropy)
        .expect("retired");
    let crashes = images(&story.begun, &disk.sim().ops);
    let before = crashes.iter().filter(|(step, _)| *step < committed);
    assert!(before.count() > 5, "the write was torn in several places");
    assert!(crashes.len() > 300, "so was the effacement");
    for (index, (step, image)) in crashes.into_iter().enumerate() {
        let true_root = match step < committed {
            true => &story.old,
            false => &story.new,
        };
        story.settles(image, true_root, index % 50 == 0);
    }
}

/// Crashes while a crash is being settled are no different.
#[test]
fn a_crash_while_settling_is_settled_again() {
    let story = story();
    let disk = SimDisk::holding(story.begun.clone());
    disk.slot().prepare(&story.new, None).expect("prepared");
    disk.sim().ops.clear();
    let before = disk.sim().bytes.clone();
    let set = SlotSet::new(vec![Box::new(disk.slot())]).expect("a slot");
    set.settle(&story.old, &story.entropy).expect("settles");
    for (_, image) in images(&before, &disk.sim().ops).into_iter().step_by(7) {
        story.settles(image, &story.old, false);
    }
}

#[test]
fn a_failing_disk_refuses_and_keeps_what_it_held() {
    let story = story();
    for fail_from in 0..2 {
        let disk = SimDisk::holding(story.begun.clone());
        disk.sim().fail_from = Some(fail_from);
        let refused = disk.slot().prepare(&story.new, None);
        assert!(matches!(refused, Err(SlotError::Io { .. })));
        let held = disk.slot().held().expect("readable").epochs;
        assert!(held.contains(&story.old.epoch));
        disk.sim().fail_from = None;
        story.settles(disk.sim().bytes.clone(), &story.old, false);
    }
    for fail_from in 2..8 {
        let disk = SimDisk::holding(story.begun.clone());
        disk.slot().prepare(&story.new, None).expect("prepared");
        disk.sim().fail_from = Some(fail_from);
        let refused = disk.slot().keep_only(story.new.epoch, &story.entropy);
        assert!(
            matches!(refused, Err(SlotError::Io { .. })),
            "step {fail_from}"
        );
        disk.sim().fail_from = None;
        story.settles(disk.sim().bytes.clone(), &story.new, false);
    }
}

#[test]
fn a_second_slot_that_fails_leaves_the_first_as_it_was() {
    let story = story();
    let disks = [0, 1].map(|_| SimDisk::holding(story.begun.clone()));
    disks[1].sim().fail_from = Some(0);
    let slots = disks
        .iter()
        .map(|disk| Box::new(disk.slot()) as _)
        .collect();
    let set = SlotSet::new(slots).expect("slots");
    let refused = set.prepare(&story.new, None, &story.entropy);
    assert!(matches!(refused, Err(SlotError::Io { .. })));
    for disk in &disks {
        let held = disk.slot().held().expect("readable").epochs;
        assert_eq!(held, [story.old.epoch]);
    }
    disks[1].sim().fail_from = None;
    set.prepare(&story.new, None, &story.entropy)
        .expect("now it does");
    disks[1].sim().fail_from = Some(4);
    let refused = set.retire(story.old.epoch, &story.entropy);
    assert!(
        refused.is_err(),
        "complete only when every slot has confirmed"
    );
    disks[1].sim().fail_from = None;
    assert_eq!(
        set.settle(&story.new, &story.entropy)
            .expect("settles")
            .len(),
        1
    );
}

#[test]
fn a_torn_anchor_falls_back_to_the_other_copy() {
    let story = story();
    let anchor = |size| SlotAnchor {
        epoch: 4,
        journal_size: size,
        merkle_root: [size as u8; 32],
    };
    let disk = SimDisk::holding(story.begun.clone());
    let read = |bytes: Vec<u8>| SimDisk::holding(bytes).slot().anchor(&story.old);
    assert_eq!(read(story.begun.clone()).expect("readable"), None);
    for size in 1..6 {
        let before = disk.sim().bytes.clone();
        disk.sim().ops.clear();
        disk.slot()
            .write_anchor(&story.old, &anchor(size))
            .expect("written");
        let earlier = (size > 1).then(|| anchor(size - 1));
        for (step, image) in images(&before, &disk.sim().ops) {
            let found = read(image).expect("one copy is whole");
            let now = Some(anchor(size));
            assert!(found == now || step == 0 && found == earlier, "{found:?}");
        }
        assert_eq!(
            read(disk.sim().bytes.clone()).expect("readable"),
            Some(anchor(size))
        );
    }
    let roots = 2 * POSITION_BYTES;
    assert_eq!(
        disk.sim().bytes[..roots],
        story.begun[..roots],
        "the root is not written again"
    );
    let mut damaged = disk.sim().bytes.clone();
    damaged[roots + 20] ^= 1;
    assert_eq!(
        read(damaged.clone())
            .expect("one is whole")
            .map(|a| a.journal_size),
        Some(4)
    );
    damaged[roots + 4096 + 20] ^= 1;
    assert!(matches!(
        read(damaged),
        Err(SlotError::AnchorDamaged { .. })
    ));
}

#[test]
fn two_roots_of_one_epoch_and_a_third_root_are_refused() {
    let story = story();
    let mut twice = story.begun.clone();
    twice.copy_within(..POSITION_BYTES, POSITION_BYTES);
    let refused = SimDisk::holding(twice)
        .slot()
        .read(story.old.vault, &story.identities);
    assert!(matches!(
        refused,
        Err(SlotError::TwoOfOneEpoch { epoch: 4, .. })
    ));
    let slot = SimDisk::holding(story.begun.clone()).slot();
    slot.prepare(&story.new, Some(&story.recipients))
        .expect("prepared");
    let mut third = story.new.after(
        &story
            .new
            .tree()
            .destroy(&super::MemoryNodes::default(), &[], &story.entropy)
            .expect("an empty tree"),
    );
    let refused = slot.prepare(&third, None);
    assert!(matches!(
        refused,
        Err(SlotError::Unresolved {
            older: 4,
            newer: 5,
            ..
        })
    ));
    slot.keep_only(5, &story.entropy).expect("retired");
    third.epoch = 5;
    let refused = slot.prepare(&third, None);
    assert!(matches!(
        refused,
        Err(SlotError::NotNewer {
            held: 5,
            offered: 5,
            ..
        })
    ));
    let refused = slot.keep_only(4, &story.entropy);
    assert!(matches!(refused, Err(SlotError::LastRoot { keep: 4, .. })));
}

#[test]
fn an_outdated_slot_gets_the_root_and_a_slot_ahead_of_the_journal_is_not_touched() {
    let story = story();
    let away = SimDisk::holding(story.begun.clone());
    let set = SlotSet::new(vec![Box::new(away.slot())]).expect("a slot");
    let mut later = story.new.after(
        &story
            .new
            .tree()
            .destroy(&super::MemoryNodes::default(), &[], &story.entropy)
            .expect("an empty tree"),
    );
    set.settle(&later, &story.entropy)
        .expect("brought up to date");
    let held = away.slot().held().expect("readable").epochs;
    assert_eq!(held, [6]);
    later.epoch = 9;
    away.slot().prepare(&later, None).expect("prepared");
    let before = away.sim().bytes.clone();
    let refused = set.settle(&story.new, &story.entropy);
    assert!(matches!(
        refused,
        Err(SlotError::NotNewer {
            held: 9,
            offered: 5,
            ..
        })
    ));
    assert_eq!(away.sim().bytes, before);
}
