//! Rows packed together: sealed, stored and verified as one.
//!
//! sled takes nearly as long over a row of 200 bytes as over one of 4,000, and so does whoever
//! verifies them. So what is made from the whole journal is packed: rows in the order of their keys,
//! some KiB of them under one seal. A pack is never changed: a row that changes later lies by itself
//! and hides the one in the pack.
//!
//! A pack is, for each row, `key length (4) ‖ value length and 1, or 0 for a row that is removed (4)
//! ‖ key ‖ value`, the lengths big-endian.

use super::seal::Seals;
use super::table::RESERVED;
use crate::entropy::{Entropy, EntropyError};
use crate::secret::SecretBytes;

/// What the keys of packs in sled begin with: less than that of any row.
pub(super) const PACKS: [u8; 2] = [RESERVED, 1];
/// Greater than the keys of all packs in sled, and less than that of any row.
pub(super) const AFTER_PACKS: [u8; 2] = [RESERVED, 2];
/// What a pack in a run is sealed to begins with.
const IN_A_RUN: [u8; 2] = [RESERVED, 2];

/// Where a pack is kept: it opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In sled.
    Sled,
    /// In the run of that number.
    Run(u32),
}

impl Place {
    /// What the pack that begins with the row `first` is sealed to; in sled, its key as well.
    pub(super) fn of(self, first: &[u8]) -> Vec<u8> {
        match self {
            Self::Sled => [&PACKS[..], first].concat(),
            Self::Run(number) => [&IN_A_RUN[..], &number.to_be_bytes(), first].concat(),
        }
    }
}

/// Puts rows, given in order, into packs.
#[derive(Default)]
pub(super) struct Packer {
    first: Vec<u8>,
    bytes: Vec<u8>,
}

/// A pack that is not sealed yet.
pub(super) struct Loose {
    first: Vec<u8>,
    bytes: Vec<u8>,
}

impl Packer {
    /// Adds the next row; nothing stands for a row that is removed. Gives the pack that is full with it.
    pub(super) fn push(
        &mut self,
        row: &[u8],
        value: Option<&[u8]>,
        pack_bytes: usize,
    ) -> Option<Loose> {
        if self.bytes.is_empty() {
            self.first = row.to_vec();
        }
        let valued = value.map_or(0, |value| length(value) + 1);
        self.bytes.extend_from_slice(&length(row).to_be_bytes());
        self.bytes.extend_from_slice(&valued.to_be_bytes());
        self.bytes.extend_from_slice(row);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        match self.bytes.len() >= pack_bytes {
            true => self.take(),
            false => None,
        }
    }

    /// The last pack, if there is anything in it.
    pub(super) fn take(&mut self) -> Option<Loose> {
        let capacity = self.bytes.len();
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(capacity));
        let first = std::mem::take(&mut self.first);
        (!bytes.is_empty()).then_some(Loose { first, bytes })
    }
}

impl Loose {
    /// Seals the pack to its place: the key of its first row, what it is sealed to, and the sealed pack.
    pub(super) fn seal(
        self,
        place: Place,
        seals: &Seals,
        entropy: &dyn Entropy,
    ) -> Result<SealedPack, EntropyError> {
        let key = place.of(&self.first);
        let sealed = seals.seal_row(&key, &self.bytes, entropy)?;
        Ok(SealedPack {
            first: self.first,
            key,
            sealed,
        })
    }
}

/// A pack as it is stored.
pub(super) struct SealedPack {
    /// The key of its first row.
    pub(super) first: Vec<u8>,
    /// What it is sealed to.
    pub(super) key: Vec<u8>,
    /// The pack itself.
    pub(super) sealed: Vec<u8>,
}

/// A pack that was opened.
pub(super) struct Pack(SecretBytes);

impl Pack {
    /// Opens a pack that is sealed to `key`; nothing when it is not what was sealed.
    pub(super) fn open(seals: &Seals, key: &[u8], sealed: &[u8]) -> Option<Self> {
        seals.open_row(key, sealed).ok().map(Self)
    }

    /// Its rows, in order.
    pub(super) fn rows(&self) -> PackedRows<'_> {
        PackedRows(self.0.expose_secret())
    }

    /// What it says of `row`: nothing, or its value, or that it is removed.
    pub(super) fn find(&self, row: &[u8]) -> Option<Option<&[u8]>> {
        let mut rows = self.rows().skip_while(|(key, _)| *key < row);
        rows.next()
            .filter(|(key, _)| *key == row)
            .map(|(_, value)| value)
    }
}

/// The rows of a pack.
pub(super) struct PackedRows<'a>(&'a [u8]);

impl<'a> Iterator for PackedRows<'a> {
    type Item = (&'a [u8], Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let (row, rest) = self.0.split_first_chunk()?;
        let (valued, rest) = rest.split_first_chunk()?;
        let row_bytes = u32::from_be_bytes(*row) as usize;
        let value_bytes = u32::from_be_bytes(*valued).checked_sub(1);
        let (row, rest) = rest.split_at_checked(row_bytes)?;
        let (value, rest) = rest.split_at_checked(value_bytes.unwrap_or(0) as usize)?;
        self.0 = rest;
        Some((row, value_bytes.map(|_| value)))
    }
}

fn length(bytes: &[u8]) -> u32 {
    let length = u32::try_from(bytes.len()).ok().filter(|n| *n < u32::MAX);
    length.unwrap_or_else(|| unreachable!("a row comes out of a journal record, which is bounded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::secret::Key;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Model = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

    fn packs(rows: &Model, pack_bytes: usize) -> Vec<Loose> {
        let mut packer = Packer::default();
        let mut packs: Vec<Loose> = rows
            .iter()
            .filter_map(|(row, value)| packer.push(row, value.as_deref(), pack_bytes))
            .collect();
        packs.extend(packer.take());
        packs
    }

    proptest! {
        #[test]
        fn rows_come_out_as_they_went_in(
            rows in proptest::collection::btree_map(
                proptest::collection::vec(1_u8..4, 1..5),
                proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40)),
                0..40,
            ),
            pack_bytes in 1_usize..300,
        ) {
            let entropy = SystemEntropy::new();
            let key = Key::random(&entropy).expect("entropy");
            let seals = Seals::draw(&key, &entropy).expect("entropy");
            let mut found = Model::new();
            for loose in packs(&rows, pack_bytes) {
                let sealed = loose.seal(Place::Run(3), &seals, &entropy).expect("entropy");
                let pack = Pack::open(&seals, &sealed.key, &sealed.sealed).expect("opens");
                prop_assert!(pack.rows().next().is_some_and(|(row, _)| row == sealed.first));
                for (row, value) in pack.rows() {
                    prop_assert_eq!(pack.find(row), Some(value));
                    found.insert(row.to_vec(), value.map(<[u8]>::to_vec));
                }
                prop_assert_eq!(pack.find(&[9]), None);
                for elsewhere in [Place::Sled, Place::Run(2)] {
                    let key = elsewhere.of(&sealed.first);
                    prop_assert!(Pack::open(&seals, &key, &sealed.sealed).is_none());
                }
            }
            prop_assert_eq!(found, rows);
        }
    }
}
