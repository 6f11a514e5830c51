//! Destroying one leaf of a thousand, a hundred thousand and a million: the tree alone, and with
//! the root replaced in a real slot file.
//!
//! The promise: with the slot, a million costs at most three times what a thousand does.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use strongroom::entropy::SystemEntropy;
use strongroom::id::VaultId;
use strongroom::keyring::unlock::generate_identity;
use strongroom::keyring::{FileSlot, LeafNumber, MemoryNodes, Recipients, Root, SlotSet};

const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];
const ADDED_AT_ONCE: usize = 10_000;

fn grown(root: &Root, leaves: u64, entropy: &SystemEntropy) -> MemoryNodes {
    let tree = root.tree();
    let mut nodes = MemoryNodes::default();
    let numbers: Vec<LeafNumber> = (0..leaves).filter_map(LeafNumber::new).collect();
    for batch in numbers.chunks(ADDED_AT_ONCE) {
        let (_, change) = tree.add(&nodes, batch, entropy).expect("added");
        nodes.apply(&change);
    }
    nodes
}

fn destroy_one(criterion: &mut Criterion) {
    let entropy = SystemEntropy::new();
    let vault = VaultId::random(&entropy).expect("entropy");
    let first = Root::first(vault, &entropy).expect("entropy");
    let (_, recipient) = generate_identity();
    let recipients = Recipients::parse([recipient]).expect("a recipient");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let mut group = criterion.benchmark_group("destroy one leaf of");
    group.sample_size(20);
    for leaves in SIZES {
        let nodes = grown(&first, leaves, &entropy);
        let tree = first.tree();
        let doomed = [LeafNumber::new(leaves / 2).expect("a leaf")];
        let drawn = || tree.destroy(&nodes, &doomed, &entropy).expect("drawn");
        group.bench_function(BenchmarkId::new("tree alone", leaves), |bencher| {
            bencher.iter(|| black_box(drawn()));
        });

        let path = directory.path().join(format!("slot-{leaves}"));
        let slot = FileSlot::create(&path, &first, &recipients).expect("made");
        let slots = SlotSet::new(vec![Box::new(slot)]).expect("a slot");
        let mut epoch = 0;
        group.bench_function(BenchmarkId::new("with the slot", leaves), |bencher| {
            bencher.iter(|| {
                let mut next = first.after(&drawn());
                next.epoch = epoch + 1;
                slots.prepare(&next, None, &entropy).expect("prepared");
                black_box(slots.retire(epoch, &entropy).expect("retired"));
                epoch += 1;
            });
        });
    }
    group.finish();
}

criterion_group!(benches, destroy_one);
criterion_main!(benches);
