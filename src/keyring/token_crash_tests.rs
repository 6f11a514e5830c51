//! Crashes, refusals and lies at every step of a slot in a token, played out in memory. The same steps
//! are taken with a real module in `tests/it/keyring/token.rs`.

use std::collections::BTreeMap;

use crate::model::SlotKind;

use super::position::{Form, POSITION_BYTES, Whole};
use super::recipients::Recipients;
use super::simulated::{Op, SimDisk, Story, images, keys_after, story};
use super::slot::{Held, Root, RootSlot, SlotError};
use super::slot_file::FILE_BYTES;
use super::slot_set::SlotSet;
use super::token::TokenError;
use super::unlock::generate_identity;

type Keys = BTreeMap<u64, [u8; 32]>;

/// A slot in a token that holds the old root, with what its file and its token held at first.
fn begun(story: &Story) -> (SimDisk, Vec<u8>, Keys) {
    let disk = SimDisk::holding(vec![0; FILE_BYTES as usize]);
    // As `create` does, on a disk that is there already.
    let first = Root {
        epoch: story.old.epoch - 1,
        ..duplicate(&story.old)
    };
    let slot = disk.token_slot();
    slot.write_root(0, &first, &story.recipients).expect("made");
    slot.prepare(&story.old, None).expect("prepared");
    slot.keep_only(story.old.epoch, &story.entropy)
        .expect("kept");
    let (bytes, keys) = as_it_is(&disk);
    disk.sim().ops.clear();
    (disk, bytes, keys)
}

/// What the file and the token hold now.
fn as_it_is(disk: &SimDisk) -> (Vec<u8>, Keys) {
    let sim = disk.sim();
    (sim.bytes.clone(), sim.keys.clone())
}

fn duplicate(root: &Root) -> Root {
    Root {
        vault: root.vault,
        epoch: root.epoch,
        root_key: root.root_key.duplicate(),
        journal_key: root.journal_key.duplicate(),
        signing_seed: root.signing_seed.duplicate(),
    }
}

/// A restart from what a crash left finds `true_root`, and settles on it leaving nothing of the other.
fn settles(story: &Story, bytes: Vec<u8>, keys: Keys, true_root: &Root, open: bool) {
    let disk = SimDisk::left(bytes, keys);
    let held = disk.token_slot().held().expect("readable");
    assert!(held.epochs.contains(&true_root.epoch), "{held:?}");
    let set = SlotSet::new(vec![Box::new(disk.token_slot())]).expect("a slot");
    set.settle(true_root, &story.entropy).expect("settles");
    let settled = Held {
        epochs: vec![true_root.epoch],
        torn: false,
    };
    assert_eq!(disk.token_slot().held().expect("readable"), settled);
    let left: Vec<u64> = disk.sim().keys.keys().copied().collect();
    assert_eq!(left, [true_root.epoch], "no other key is in the token");
    if open {
        let contents = disk.token_slot().read(true_root.vault, &story.identities);
        let roots = contents.expect("opens").roots;
        assert!(roots.iter().any(|root| root.agrees_with(true_root)));
    }
    let sim = disk.sim();
    let (first, rest) = sim.bytes.split_at(POSITION_BYTES);
    let (second, _) = rest.split_at(POSITION_BYTES);
    let blank = |position: &[u8]| position.iter().all(|byte| *byte == 0);
    assert_ne!(blank(first), blank(second));
}

/// What a token does is whole at once, and every such moment is tried.
fn is_of_token(op: &Op) -> bool {
    matches!(op, Op::Make(..) | Op::Destroy(_))
}

/// "Either the old root or the new one, never neither", between file and token as within each.
#[test]
fn a_crash_at_any_step_leaves_the_old_root_or_the_new() {
    let story = story();
    let (disk, bytes, keys) = begun(&story);
    let slot = disk.token_slot();
    slot.prepare(&story.new, None).expect("prepared");
    let committed = disk.sim().ops.len();
    let retired = slot.keep_only(story.new.epoch, &story.entropy);
    assert_eq!(retired.expect("retired").effaced.kind(), SlotKind::Token);
    let ops = disk.sim().ops.clone();
    let crashes = images(&bytes, &ops);
    assert!(crashes.len() > 300, "both were torn in many places");
    for (index, (step, image)) in crashes.into_iter().enumerate() {
        if !(index % 6 == 0 || is_of_token(&ops[step])) {
            continue;
        }
        let true_root = match step < committed {
            true => &story.old,
            false => &story.new,
        };
        let keys = keys_after(&keys, &ops, step);
        settles(&story, image, keys, true_root, index % 50 == 0);
    }
}

/// Crashes while a crash is being settled are no different, whichever root is the true one.
#[test]
fn a_crash_while_settling_is_settled_again() {
    let story = story();
    for true_root in [&story.old, &story.new] {
        let (disk, ..) = begun(&story);
        let slot = disk.token_slot();
        slot.prepare(&story.new, None).expect("prepared");
        let (bytes, keys) = as_it_is(&disk);
        disk.sim().ops.clear();
        let set = SlotSet::new(vec![Box::new(disk.token_slot())]).expect("a slot");
        set.settle(true_root, &story.entropy).expect("settles");
        let ops = disk.sim().ops.clone();
        for (index, (step, image)) in images(&bytes, &ops).into_iter().enumerate() {
            if !(index % 40 == 0 || is_of_token(&ops[step])) {
                continue;
            }
            let keys = keys_after(&keys, &ops, step);
            settles(&story, image, keys, true_root, false);
        }
    }
}

/// Once it is retired, no image that the file ever had opens with the keys there are.
#[test]
fn no_earlier_image_of_the_file_brings_the_old_root_back() {
    let story = story();
    let (disk, bytes, _) = begun(&story);
    let slot = disk.token_slot();
    slot.prepare(&story.new, None).expect("prepared");
    slot.keep_only(story.new.epoch, &story.entropy)
        .expect("retired");
    let ops = disk.sim().ops.clone();
    let keys = disk.sim().keys.clone();
    let images = images(&bytes, &ops).into_iter().step_by(8);
    let mut earlier: Vec<_> = images.map(|(_, image)| image).collect();
    earlier.push(bytes);
    for image in earlier {
        let disk = SimDisk::left(image, keys.clone());
        let held = disk.token_slot().held().expect("readable");
        assert!(!held.epochs.contains(&story.old.epoch), "{held:?}");
        let contents = disk.token_slot().read(story.old.vault, &story.identities);
        match contents {
            Ok(contents) => assert!(contents.roots.iter().all(|root| root.epoch == 5)),
            Err(error) => assert!(matches!(error, SlotError::NoWholeRoot { .. }), "{error}"),
        }
    }
}

#[test]
fn a_token_or_disk_that_fails_at_any_step_is_settled_later() {
    let story = story();
    let (disk, ..) = begun(&story);
    disk.token_slot()
        .prepare(&story.new, None)
        .expect("prepared");
    let preparing = disk.sim().ops.len();
    let slot = disk.token_slot();
    slot.keep_only(5, &story.entropy).expect("retired");
    let all = disk.sim().ops.len();
    for fail_from in 0..all {
        let (disk, ..) = begun(&story);
        disk.sim().fail_from = Some(fail_from);
        let slot = disk.token_slot();
        let prepared = slot.prepare(&story.new, None);
        assert_eq!(prepared.is_ok(), fail_from >= preparing, "step {fail_from}");
        let true_root = match prepared {
            Ok(()) => {
                let refused = slot.keep_only(5, &story.entropy);
                refused.expect_err("complete only when every step was done");
                &story.new
            }
            Err(_) => &story.old,
        };
        let (bytes, keys) = as_it_is(&disk);
        settles(&story, bytes, keys, true_root, true);
    }
}

#[test]
fn a_key_that_is_still_there_is_not_destroyed_whatever_the_token_says() {
    let story = story();
    let (disk, ..) = begun(&story);
    let slot = disk.token_slot();
    slot.prepare(&story.new, None).expect("prepared");
    disk.sim().lies = true;
    match slot.keep_only(5, &story.entropy) {
        Err(SlotError::Token { source, .. }) => {
            assert!(matches!(*source, TokenError::StillThere { epoch: 4 }));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn no_key_is_destroyed_while_the_root_to_keep_does_not_open() {
    let story = story();
    let (disk, ..) = begun(&story);
    let slot = disk.token_slot();
    slot.prepare(&story.new, None).expect("prepared");
    // Another key of the same epoch, as if somebody had put one in its place.
    disk.sim().keys.insert(5, [7; 32]);
    slot.keep_only(5, &story.entropy)
        .expect_err("it does not open");
    assert!(
        disk.sim().keys.contains_key(&4),
        "the old one is still there"
    );
    let refused = slot.keep_only(9, &story.entropy);
    assert!(matches!(refused, Err(SlotError::LastRoot { keep: 9, .. })));
}

#[test]
fn files_and_tokens_go_through_an_erasure_together_and_change_recipients() {
    let story = story();
    let (token, ..) = begun(&story);
    let file = SimDisk::holding(story.begun.clone());
    let set = SlotSet::new(vec![Box::new(file.slot()), Box::new(token.token_slot())]);
    let set = set.expect("slots");
    let (_, other) = generate_identity();
    let recipients = Recipients::parse([other]).expect("a recipient");
    set.prepare(&story.new, Some(&recipients), &story.entropy)
        .expect("prepared");
    // The token is pulled out after the first slot let go.
    let done = token.sim().ops.len();
    token.sim().fail_from = Some(done);
    set.retire(4, &story.entropy)
        .expect_err("one has not let go");
    token.sim().fail_from = None;
    let retired = set.retire(4, &story.entropy).expect("both let go");
    let kinds: Vec<_> = retired.iter().map(|slot| slot.effaced.kind()).collect();
    assert_eq!(kinds, [SlotKind::File, SlotKind::Token]);
    assert!(retired[1].to_string().contains("destroyed in the token"));
    assert_eq!(set.recipients().expect("recipients"), recipients);
    let refused = set.read(story.old.vault, &story.identities);
    assert!(matches!(refused, Err(SlotError::WrongIdentity { .. })));
}

#[test]
fn the_two_kinds_are_not_taken_for_each_other() {
    let story = story();
    let (token, bytes, _) = begun(&story);
    let refused = SimDisk::holding(bytes).slot().held();
    assert!(matches!(refused, Err(SlotError::OtherKind { .. })));
    token.sim().bytes = Whole::seal(&story.old, &story.recipients)
        .expect("sealed")
        .to_bytes(Form::File)
        .expect("fits");
    token.sim().bytes.resize(FILE_BYTES as usize, 0);
    let refused = token.token_slot().held();
    assert!(matches!(refused, Err(SlotError::OtherKind { .. })));
}
