//! Root slots in real files.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use strongroom::keyring::{
    FileSlot, Recipients, Root, RootSlot as _, SlotAnchor, SlotError, SlotSet,
};

use super::{Slots, entropy, identity, vault};

fn epochs(slot: &FileSlot) -> Vec<u64> {
    slot.held().expect("readable").epochs
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

/// The old root's ciphertext is gone from the file, which is still the same file.
#[test]
fn a_retired_root_leaves_no_byte_in_the_file() {
    let slots = Slots::new();
    let slot = slots.create("slot");
    let path = slots.directory.path().join("slot");
    let before = fs::read(&path).expect("the file");
    let about = fs::metadata(&path).expect("the file");
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    assert_eq!(about.len() % 4096, 0);
    let header = b"age-encryption.org/v1\n-> X25519 ";
    let start = before
        .windows(header.len())
        .position(|window| window == header);
    let start = start.expect("an age file") + header.len();
    let used = before.iter().rposition(|byte| *byte != 0).expect("written");
    let old: Vec<&[u8]> = before
        .get(start..=used)
        .expect("the root")
        .chunks_exact(16)
        .collect();
    assert!(old.len() > 10);

    let next = slots.next();
    slot.prepare(&next, None).expect("prepared");
    assert_eq!(epochs(&slot), [0, 1]);
    let both = slot
        .read(slots.root.vault, &slots.identities)
        .expect("opens");
    assert_eq!(
        both.roots.iter().map(|root| root.epoch).collect::<Vec<_>>(),
        [0, 1]
    );
    let retired = slot.keep_only(1, &entropy()).expect("retired");
    assert_eq!(retired.kept, 1);
    assert_eq!(slot.keep_only(1, &entropy()).expect("again"), retired);

    let after = fs::read(&path).expect("the file");
    for chunk in old {
        assert!(
            !contains(&after, chunk),
            "a part of the old root is still there"
        );
    }
    let now = fs::metadata(&path).expect("the file");
    assert_eq!(
        (now.ino(), now.len()),
        (about.ino(), about.len()),
        "never renamed over"
    );
    let left = slot
        .read(slots.root.vault, &slots.identities)
        .expect("opens");
    let [root] = &left.roots[..] else {
        panic!("one root")
    };
    assert_eq!(root.root_key.expose_secret(), next.root_key.expose_secret());
    assert_eq!(
        root.journal_key.expose_secret(),
        slots.root.journal_key.expose_secret()
    );
    assert_eq!(
        root.signing_seed.expose_secret(),
        slots.root.signing_seed.expose_secret()
    );
}

/// A wrong or missing root slot refuses; a new one is never made quietly.
#[test]
fn a_wrong_or_missing_slot_is_refused_by_cause() {
    let slots = Slots::new();
    let path = slots.directory.path().join("slot");
    assert!(matches!(
        FileSlot::open(&path),
        Err(SlotError::Missing { .. })
    ));
    assert!(!path.exists());
    let slot = slots.create("slot");
    let again = FileSlot::create(&path, &slots.root, &slots.recipients);
    assert!(matches!(again, Err(SlotError::Exists { .. })));
    assert!(matches!(FileSlot::open(&path), Err(SlotError::Busy { .. })));
    let (stranger, _) = identity();
    let refused = slot.read(slots.root.vault, &stranger);
    assert!(matches!(refused, Err(SlotError::WrongIdentity { .. })));
    let refused = slot.read(vault(), &slots.identities);
    assert!(matches!(refused, Err(SlotError::ForeignVault { .. })));
    let foreign = Root {
        epoch: 1,
        ..Root::first(vault(), &entropy()).expect("entropy")
    };
    let refused = slot.prepare(&foreign, None);
    assert!(matches!(refused, Err(SlotError::ForeignVault { .. })));
    assert_eq!(slot.recipients().expect("recipients"), slots.recipients);
    drop(slot);

    let open = |path: &Path| FileSlot::open(path).map(drop);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("chmod");
    assert!(matches!(
        open(&path),
        Err(SlotError::TooOpen { mode: 0o640, .. })
    ));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("chmod");
    open(&path).expect("opens");
    let bytes = fs::read(&path).expect("the file");
    fs::write(&path, bytes.get(..bytes.len() - 1).expect("shorter")).expect("cut");
    assert!(matches!(open(&path), Err(SlotError::NotASlot { .. })));
    fs::write(&path, vec![0; bytes.len()]).expect("blanked");
    let blank = FileSlot::open(&path).expect("opens");
    let refused = blank.read(slots.root.vault, &slots.identities);
    assert!(matches!(refused, Err(SlotError::NoWholeRoot { .. })));
    assert!(matches!(
        blank.prepare(&slots.next(), None),
        Err(SlotError::NoWholeRoot { .. })
    ));
    assert!(matches!(
        open(slots.directory.path()),
        Err(SlotError::Io { .. })
    ));
    assert!(matches!(SlotSet::new(Vec::new()), Err(SlotError::NoSlots)));
}

/// A slot that the next start would not find takes no root.
#[test]
fn a_slot_moved_while_in_use_is_not_written() {
    let slots = Slots::new();
    let slot = slots.create("slot");
    let path = slots.directory.path().join("slot");
    fs::rename(&path, slots.directory.path().join("elsewhere")).expect("moved");
    let next = slots.next();
    assert!(matches!(
        slot.prepare(&next, None),
        Err(SlotError::Moved { .. })
    ));
    fs::copy(slots.directory.path().join("elsewhere"), &path).expect("copied back");
    assert!(matches!(
        slot.prepare(&next, None),
        Err(SlotError::Moved { .. })
    ));
    assert!(matches!(
        slot.keep_only(0, &entropy()),
        Err(SlotError::Moved { .. })
    ));
}

/// Changing who unlocks the vault: the new root is sealed to the new recipients alone.
#[test]
fn recipients_change_with_an_epoch() {
    let slots = Slots::new();
    let slot = slots.create("slot");
    let (successor, recipient) = identity();
    let recipients = Recipients::parse([recipient]).expect("a recipient");
    slot.prepare(&slots.next(), Some(&recipients))
        .expect("prepared");
    let contents = slot.read(slots.root.vault, &successor).expect("opens");
    assert_eq!((contents.roots.len(), contents.locked), (1, vec![0]));
    slot.keep_only(1, &entropy()).expect("retired");
    let refused = slot.read(slots.root.vault, &slots.identities);
    assert!(matches!(refused, Err(SlotError::WrongIdentity { .. })));
    assert_eq!(slot.recipients().expect("recipients"), recipients);
}

#[test]
fn two_slots_go_through_an_erasure_together() {
    let slots = Slots::new();
    let boxed = |slot| Box::new(slot) as _;
    let files = ["one", "two"].map(|name| boxed(slots.create(name)));
    let set = SlotSet::new(files.into()).expect("slots");
    let anchor = SlotAnchor {
        epoch: 0,
        journal_size: 12,
        merkle_root: [7; 32],
    };
    set.write_anchor(&slots.root, &anchor).expect("written");
    let next = slots.next();
    set.prepare(&next, None, &entropy()).expect("prepared");
    let both = set
        .read(slots.root.vault, &slots.identities)
        .expect("opens");
    assert_eq!((both.roots.len(), both.anchor), (2, Some(anchor)));
    let confirmed = set.retire(0, &entropy()).expect("retired");
    assert_eq!(confirmed.len(), 2);
    assert!(confirmed.iter().all(|slot| slot.kept == 1));
    assert!(matches!(
        set.retire(1, &entropy()),
        Err(SlotError::LastRoot { keep: 2, .. })
    ));
    assert!(matches!(
        set.discard(1, &entropy()),
        Err(SlotError::LastRoot { .. })
    ));
    assert_eq!(set.settle(&next, &entropy()).expect("nothing to do"), []);
    let left = set
        .read(slots.root.vault, &slots.identities)
        .expect("opens");
    assert_eq!(
        (left.roots.len(), left.torn, left.anchor),
        (1, false, Some(anchor))
    );
}

/// A crash between preparing the first slot and the second, and between retiring them.
#[test]
fn slots_left_at_different_stages_are_reconciled() {
    let slots = Slots::new();
    let [one, two] = ["one", "two"].map(|name| slots.create(name));
    let next = slots.next();
    one.prepare(&next, None).expect("prepared");
    let set = SlotSet::new(vec![Box::new(one), Box::new(two)]).expect("slots");
    let found = set
        .read(slots.root.vault, &slots.identities)
        .expect("opens");
    assert_eq!(
        found
            .roots
            .iter()
            .map(|root| root.epoch)
            .collect::<Vec<_>>(),
        [0, 1]
    );
    assert_eq!(
        set.settle(&slots.root, &entropy()).expect("settled").len(),
        1
    );

    set.prepare(&next, None, &entropy()).expect("prepared");
    drop(set);
    let open = |name| FileSlot::open(&slots.directory.path().join(name)).expect("opens");
    let (one, two) = (open("one"), open("two"));
    one.keep_only(1, &entropy()).expect("retired");
    let set = SlotSet::new(vec![Box::new(one), Box::new(two)]).expect("slots");
    assert_eq!(set.settle(&next, &entropy()).expect("settled").len(), 1);
    drop(set);
    assert_eq!(
        (epochs(&open("one")), epochs(&open("two"))),
        (vec![1], vec![1])
    );
}

#[test]
fn slots_that_hold_different_roots_are_refused() {
    let slots = Slots::new();
    let one = slots.create("one");
    let imposter = Root {
        vault: slots.root.vault,
        ..Root::first(vault(), &entropy()).expect("entropy")
    };
    let path = slots.directory.path().join("two");
    let two = FileSlot::create(&path, &imposter, &slots.recipients).expect("made");
    let set = SlotSet::new(vec![Box::new(one), Box::new(two)]).expect("slots");
    let refused = set.read(slots.root.vault, &slots.identities);
    assert!(matches!(
        refused,
        Err(SlotError::RootsDisagree { epoch: 0 })
    ));
}
