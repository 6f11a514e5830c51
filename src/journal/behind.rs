//! What lies behind an anchor: verified while the journal is already in use.
//!
//! The anchor holds the root of the tree, and the derived hashes lead from there to any part of it, so
//! how the journal ends can be verified without its beginning. A record from the beginning still opens
//! only in the vault, history, segment and position it was written in; what is left to find out is
//! whether any was damaged, and that the derived hashes are what the records come to.

use std::fs::File;
use std::path::Path;

use tlog_tiles::{Hash, check_tree, prove_tree, stored_hash_count};

use super::anchor::{Anchor, Frontier};
use super::error::{Damage, Error};
use super::hashes::Hashes;
use super::reader::{self, Next, Opened, Reader};
use super::writer::Segment;
use super::{Keys, segment};

/// What was not verified when the journal was opened.
pub(super) struct Behind {
    /// How far it was verified since.
    tree: Frontier,
    /// How far there is anything to verify, as the anchor proves it.
    end: Anchor,
}

impl Behind {
    /// Everything before the record at `first`, if the stored hashes show that `anchor` vouches for it:
    /// with the tree of it.
    pub(super) fn proven(hashes: &Hashes, first: u64, anchor: Anchor) -> Option<(Self, Frontier)> {
        let tree = Frontier::of(first, hashes)?;
        let root = tree.root();
        if first == anchor.size {
            (root.0 == anchor.root).then_some(())?;
        } else {
            let proof = prove_tree(anchor.size, first, hashes).ok()?;
            check_tree(&proof, anchor.size, Hash(anchor.root), first, root).ok()?;
        }
        let behind = Self {
            tree: Frontier::default(),
            end: tree.anchor(),
        };
        Some((behind, tree))
    }

    /// The position the next segment to verify begins at; nothing when all are verified.
    pub(super) fn next(&self) -> Option<u64> {
        (self.tree.size() < self.end.size).then_some(self.tree.size())
    }

    /// Verifies the segment that comes next, which is said to be as `known`. Gives what is known of it
    /// now, and the hashes it adds to the stored ones from the given place on.
    pub(super) fn verify(
        &mut self,
        dir: &Path,
        keys: &Keys,
        known: &Segment,
    ) -> Result<(Segment, u64, Vec<u8>), Error> {
        let first = known.first;
        let path = segment::path(dir, first);
        let file = File::open(&path).map_err(|source| Error::io("open", &path, source))?;
        let cut_short = |offset| reader::damaged(first, offset, Damage::CutShort);
        let opened = Reader::open(dir, first, file, known.length, keys)?;
        let Opened::Reader(mut reader) = opened else {
            return Err(cut_short(0));
        };
        if reader.root_before() != self.tree.root().0 {
            return Err(reader::damaged(first, 0, Damage::History));
        }
        let (mut found, mut hashes) = (Segment::new(first), Vec::new());
        let place = stored_hash_count(first);
        loop {
            match reader.next()? {
                Next::End => break,
                Next::Torn { offset, .. } => return Err(cut_short(offset)),
                Next::Record(record) => {
                    let hash = record.leaf.hash(record.public);
                    self.tree
                        .push(hash, |hash| hashes.extend_from_slice(&hash.0));
                }
            }
            found.add(reader.offset());
        }
        if found.records != known.records {
            let gap = Damage::Gap {
                expected: first + found.records,
                found: first + known.records,
            };
            return Err(reader::damaged(first, found.length, gap));
        }
        if self.next().is_none() && self.tree.anchor() != self.end {
            return Err(Error::AnotherHistory {
                anchor: self.end,
                found: self.tree.root().0,
            });
        }
        Ok((found, place, hashes))
    }
}
