//! Disks and tokens played in memory, with everything that a crash may leave of them.
//!
//! A crash keeps everything written before the last sync, and of what was written since, any of
//! the disk's 512-byte sectors and none of the others. A token does a thing whole or not at all.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::entropy::SystemEntropy;
use crate::id::VaultId;
use crate::sealing;
use crate::secret::{Key, SecretBytes};

use super::disk::Disk;
use super::file_slot::FileSlot;
use super::position::{Form, Whole};
use super::recipients::Recipients;
use super::slot::Root;
use super::slot_file::{FILE_BYTES, SlotFile};
use super::token::{Token, TokenError};
use super::token_slot::TokenSlot;
use super::unlock::{Identities, generate_identity, identities_from_bytes, no_answer};

const SECTOR: usize = 512;
const SCATTERED: usize = 16;

#[derive(Debug, Clone)]
pub(super) enum Op {
    Write(usize, Vec<u8>),
    Sync,
    Make(u64, [u8; 32]),
    Destroy(u64),
}

/// A disk in memory that remembers what was asked of it, and fails from the step it is told.
#[derive(Debug, Clone, Default)]
pub(super) struct SimDisk(Arc<Mutex<Sim>>);

#[derive(Debug, Default)]
pub(super) struct Sim {
    pub(super) bytes: Vec<u8>,
    pub(super) keys: BTreeMap<u64, [u8; 32]>,
    pub(super) ops: Vec<Op>,
    pub(super) fail_from: Option<usize>,
    /// The token says that it destroyed a key, and keeps it.
    pub(super) lies: bool,
}

impl SimDisk {
    pub(super) fn holding(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Sim {
            bytes,
            ..Sim::default()
        })))
    }

    pub(super) fn sim(&self) -> MutexGuard<'_, Sim> {
        self.0.lock().expect("not poisoned")
    }

    pub(super) fn slot(&self) -> FileSlot {
        let disk = Box::new(self.clone());
        FileSlot::on(SlotFile::on(Path::new("simulated"), disk, Form::File))
    }

    /// The slot whose keys are in a token beside the disk.
    pub(super) fn token_slot(&self) -> TokenSlot {
        let disk = Box::new(self.clone());
        let file = SlotFile::on(Path::new("simulated"), disk, Form::Token);
        TokenSlot::on(file, Box::new(SimToken(self.clone())))
    }

    /// The same disk and token after a crash that left this.
    pub(super) fn left(bytes: Vec<u8>, keys: BTreeMap<u64, [u8; 32]>) -> Self {
        let disk = Self::holding(bytes);
        disk.sim().keys = keys;
        disk
    }

    fn step(&self, op: Op) -> io::Result<()> {
        let mut sim = self.sim();
        if sim.fail_from.is_some_and(|from| sim.ops.len() >= from) {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        match &op {
            Op::Write(offset, bytes) => {
                sim.bytes[*offset..offset + bytes.len()].copy_from_slice(bytes);
            }
            Op::Destroy(_) if sim.lies => {}
            Op::Make(..) | Op::Destroy(_) => apply(&mut sim.keys, &op),
            Op::Sync => {}
        }
        sim.ops.push(op);
        Ok(())
    }
}

impl Disk for SimDisk {
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let offset = offset as usize;
        out.copy_from_slice(&self.sim().bytes[offset..offset + out.len()]);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.step(Op::Write(offset as usize, bytes.to_vec()))
    }

    fn sync(&self) -> io::Result<()> {
        self.step(Op::Sync)
    }

    fn punch(&self, offset: u64, length: u64) -> io::Result<bool> {
        self.step(Op::Write(offset as usize, vec![0; length as usize]))?;
        self.step(Op::Sync).map(|()| true)
    }

    fn in_its_place(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn overwrites(&self) -> bool {
        true
    }
}

/// A token whose keys are in the same simulation as the disk, so that crashes fall between both.
#[derive(Debug)]
struct SimToken(SimDisk);

impl SimToken {
    fn key(&self, epoch: u64) -> Result<Key, TokenError> {
        let key = self.0.sim().keys.get(&epoch).copied();
        let key = key.ok_or(TokenError::NoKey { epoch })?;
        Ok(Key::from_slice(&key).expect("32 bytes"))
    }

    fn step(&self, op: Op) -> Result<(), TokenError> {
        self.0.step(op).map_err(|error| TokenError::Gone {
            answer: error.to_string(),
        })
    }
}

impl Token for SimToken {
    fn describe(&self) -> String {
        "simulated token".to_owned()
    }

    fn made_by(&self) -> String {
        "nobody".to_owned()
    }

    fn epochs(&self) -> Result<Vec<u64>, TokenError> {
        Ok(self.0.sim().keys.keys().copied().collect())
    }

    fn make(&self, epoch: u64) -> Result<(), TokenError> {
        let key = Key::random(&SystemEntropy::new()).expect("entropy");
        self.step(Op::Make(epoch, *key.expose_secret()))
    }

    fn seal(&self, epoch: u64, context: &[u8], value: &[u8]) -> Result<Vec<u8>, TokenError> {
        let entropy = SystemEntropy::new();
        Ok(sealing::seal(&self.key(epoch)?, context, value, &entropy).expect("entropy"))
    }

    fn open(&self, epoch: u64, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, TokenError> {
        let opened = sealing::open(&self.key(epoch)?, context, sealed);
        let opened = opened.map_err(|_| TokenError::Refused {
            doing: "opening",
            answer: "it does not open".to_owned(),
        })?;
        Ok(opened.expose_secret().to_vec())
    }

    fn destroy(&self, epoch: u64) -> Result<(), TokenError> {
        self.step(Op::Destroy(epoch))
    }
}

fn apply(keys: &mut BTreeMap<u64, [u8; 32]>, op: &Op) {
    match op {
        Op::Make(epoch, key) => drop(keys.insert(*epoch, *key)),
        Op::Destroy(epoch) => drop(keys.remove(epoch)),
        Op::Write(..) | Op::Sync => {}
    }
}

/// The keys of a token that held `before` once the operations up to `step` were done.
pub(super) fn keys_after(
    before: &BTreeMap<u64, [u8; 32]>,
    ops: &[Op],
    step: usize,
) -> BTreeMap<u64, [u8; 32]> {
    let mut keys = before.clone();
    ops.iter()
        .take(step + 1)
        .for_each(|op| apply(&mut keys, op));
    keys
}

/// Every image that a crash during `ops` may leave of a disk that held `before`.
pub(super) fn images(before: &[u8], ops: &[Op]) -> Vec<(usize, Vec<u8>)> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    // Xorshift (Marsaglia, 2003): the same images in every run.
    let mut below_100 = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % 100
    };
    let mut found = Vec::new();
    let mut durable = before.to_vec();
    let mut pending: Vec<(usize, Vec<u8>)> = Vec::new();
    for (step, op) in ops.iter().enumerate() {
        match op {
            Op::Write(offset, bytes) => pending.extend(
                bytes
                    .chunks(SECTOR)
                    .enumerate()
                    .map(|(index, chunk)| (offset + index * SECTOR, chunk.to_vec())),
            ),
            Op::Sync => {
                for (at, sector) in pending.drain(..) {
                    durable[at..at + SECTOR].copy_from_slice(&sector);
                }
            }
            Op::Make(..) | Op::Destroy(_) => {}
        }
        let scattered = (0..SCATTERED).map(|_| {
            let density = below_100();
            (0..pending.len()).map(|_| below_100() < density).collect()
        });
        let first = (0..=pending.len()).map(|cut| (0..pending.len()).map(|at| at < cut).collect());
        let last = (0..=pending.len()).map(|cut| (0..pending.len()).map(|at| at >= cut).collect());
        let choices: Vec<Vec<bool>> = scattered.chain(first).chain(last).collect();
        let mut seen = HashSet::new();
        for choice in choices {
            let mut image = durable.clone();
            for ((at, sector), _) in pending.iter().zip(&choice).filter(|(_, kept)| **kept) {
                image[*at..at + SECTOR].copy_from_slice(sector);
            }
            if seen.insert(image.clone()) {
                found.push((step, image));
            }
        }
    }
    found
}

pub(super) struct Story {
    pub(super) identities: Identities,
    pub(super) recipients: Recipients,
    pub(super) old: Root,
    pub(super) new: Root,
    pub(super) entropy: SystemEntropy,
    pub(super) begun: Vec<u8>,
}

pub(super) fn story() -> Story {
    let entropy = SystemEntropy::new();
    let (secret, recipient) = generate_identity();
    let secret = secrecy::ExposeSecret::expose_secret(&secret)
        .as_bytes()
        .to_vec();
    let identities = identities_from_bytes(&SecretBytes::new(secret), &no_answer());
    // With several recipients a root is several sectors long, so that it can be torn.
    let others = std::iter::repeat_with(|| generate_identity().1).take(4);
    let recipients = Recipients::parse(others.chain([recipient])).expect("recipients");
    let vault = VaultId::random(&entropy).expect("entropy");
    let mut old = Root::first(vault, &entropy).expect("entropy");
    old.epoch = 4;
    let destruction = old
        .tree()
        .destroy(&super::MemoryNodes::default(), &[], &entropy);
    let new = old.after(&destruction.expect("an empty tree"));
    let position = Whole::seal(&old, &recipients)
        .expect("sealed")
        .to_bytes(Form::File);
    let mut begun = position.expect("fits");
    begun.resize(FILE_BYTES as usize, 0);
    Story {
        identities: identities.expect("an identity"),
        recipients,
        old,
        new,
        entropy,
        begun,
    }
}
