//! How rows are sealed, and how it is known that all of them are there and no other.
//!
//! Every sealed row has a fingerprint under a key that is nowhere on disk. Their sum modulo 2¹²⁸ is
//! sealed with the position, so that rows left out, added or put back from an older copy are
//! noticed in whatever number (MSet-Add-Hash of Clarke, Devadas, van Dijk, Gassend and Suh,
//! "Incremental Multiset Hash Functions", Asiacrypt 2003).

use std::fmt;

use ring::{digest, hmac};

use super::FORMAT;
use super::error::Unusable;
use crate::entropy::{Entropy, EntropyError};
use crate::sealing::{self, Cipher, DoesNotOpen};
use crate::secret::{Key, SecretBytes};

const MAGIC: [u8; 8] = *b"SRMINDEX";
const SALT_BYTES: usize = 32;
const ROOT_BYTES: usize = 32;
const TALLY_BYTES: usize = 8 + 16;
const STANDING_BYTES: usize = 8 + ROOT_BYTES + TALLY_BYTES;

/// What rows come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Rows there are.
    pub(super) rows: u64,
    /// The sum of the rows' fingerprints.
    pub(super) checksum: u128,
}

impl Tally {
    /// Counts a row with this fingerprint.
    pub(super) fn take_in(&mut self, fingerprint: u128) {
        self.rows = self.rows.wrapping_add(1);
        self.checksum = self.checksum.wrapping_add(fingerprint);
    }

    /// Counts a row with this fingerprint no more.
    pub(super) fn leave_out(&mut self, fingerprint: u128) {
        self.rows = self.rows.wrapping_sub(1);
        self.checksum = self.checksum.wrapping_sub(fingerprint);
    }

    /// Counts the rows of `other` too.
    pub(super) fn add(&mut self, other: Self) {
        self.rows = self.rows.wrapping_add(other.rows);
        self.checksum = self.checksum.wrapping_add(other.checksum);
    }

    pub(super) fn to_bytes(self) -> [u8; TALLY_BYTES] {
        let mut bytes = [0; TALLY_BYTES];
        let (rows, checksum) = bytes.split_at_mut(8);
        rows.copy_from_slice(&self.rows.to_be_bytes());
        checksum.copy_from_slice(&self.checksum.to_be_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; TALLY_BYTES]) -> Self {
        let rows = bytes.first_chunk().copied().unwrap_or_default();
        let checksum = bytes.last_chunk().copied().unwrap_or_default();
        Self {
            rows: u64::from_be_bytes(rows),
            checksum: u128::from_be_bytes(checksum),
        }
    }
}

/// What has been applied, and what the rows come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Journal records applied.
    pub(super) position: u64,
    /// The journal's Merkle root at that position.
    pub(super) root: [u8; ROOT_BYTES],
    /// What all rows come to.
    pub(super) tally: Tally,
}

impl Standing {
    /// Nothing applied: RFC 6962's root of no leaves, no rows.
    pub(super) fn beginning() -> Self {
        let mut root = [0; ROOT_BYTES];
        root.copy_from_slice(digest::digest(&digest::SHA256, b"").as_ref());
        Self {
            position: 0,
            root,
            tally: Tally::default(),
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(STANDING_BYTES);
        bytes.extend_from_slice(&self.position.to_be_bytes());
        bytes.extend_from_slice(&self.root);
        bytes.extend_from_slice(&self.tally.to_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (standing, rest) = Self::split_from(bytes)?;
        rest.is_empty().then_some(standing)
    }

    /// The standing that `bytes` begin with, and the rest.
    fn split_from(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (position, rest) = bytes.split_first_chunk()?;
        let (root, rest) = rest.split_first_chunk()?;
        let (tally, rest) = rest.split_first_chunk()?;
        let standing = Self {
            position: u64::from_be_bytes(*position),
            root: *root,
            tally: Tally::from_bytes(tally),
        };
        Some((standing, rest))
    }
}

/// Where a [`Standing`] is kept: each place's is sealed so that it does not open in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The row that every batch carries.
    Row,
    /// The anchor file.
    Anchor,
    /// The file of sections.
    Sections,
}

/// The keys of one index, from its creation to its end.
pub(super) struct Seals {
    salt: [u8; SALT_BYTES],
    rows: Cipher,
    counting: Key,
}

impl Seals {
    /// The keys of a new index.
    pub(super) fn draw(journal_key: &Key, entropy: &dyn Entropy) -> Result<Self, EntropyError> {
        let mut salt = [0; SALT_BYTES];
        entropy.fill(&mut salt)?;
        Ok(Self::of(journal_key, salt))
    }

    fn of(journal_key: &Key, salt: [u8; SALT_BYTES]) -> Self {
        let derive = |info: &[u8]| sealing::derive(journal_key.expose_secret(), &salt, info);
        Self {
            salt,
            rows: Cipher::new(&derive(b"strongroom index: sealing rows")),
            counting: derive(b"strongroom index: fingerprints of rows"),
        }
    }

    /// Seals a row's value to its place.
    pub(super) fn seal_row(
        &self,
        row: &[u8],
        value: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyError> {
        self.rows.seal(row, value, entropy)
    }

    /// Opens what [`seal_row`](Self::seal_row) made for that row.
    pub(super) fn open_row(&self, row: &[u8], sealed: &[u8]) -> Result<SecretBytes, DoesNotOpen> {
        self.rows.open(row, sealed)
    }

    /// What takes the rows' fingerprints.
    pub(super) fn fingerprints(&self) -> Fingerprints {
        let key = self.counting.expose_secret();
        Fingerprints(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// `magic (8) ‖ format (4) ‖ salt (32) ‖ sealed standing`.
    pub(super) fn seal_standing(
        &self,
        standing: Standing,
        place: Place,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyError> {
        self.seal_with(standing.to_bytes(), place, entropy)
    }

    /// Seals the sections of an index that stands there, as [`seal_standing`](Self::seal_standing) does.
    pub(super) fn seal_sections(
        &self,
        standing: Standing,
        sections: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyError> {
        let value = [&standing.to_bytes()[..], sections].concat();
        self.seal_with(value, Place::Sections, entropy)
    }

    /// Opens what [`seal_sections`](Self::seal_sections) made.
    pub(super) fn open_sections(&self, stamp: &[u8]) -> Option<(Standing, Vec<u8>)> {
        let (salt, sealed) = split(stamp).ok().filter(|(salt, _)| *salt == self.salt)?;
        let context = context(&head(&salt), Place::Sections);
        let opened = self.rows.open(&context, sealed).ok()?;
        let (standing, sections) = Standing::split_from(opened.expose_secret())?;
        Some((standing, sections.to_vec()))
    }

    fn seal_with(
        &self,
        value: Vec<u8>,
        place: Place,
        entropy: &dyn Entropy,
    ) -> Result<Vec<u8>, EntropyError> {
        let mut stamp = head(&self.salt);
        let context = context(&stamp, place);
        stamp.extend_from_slice(&self.rows.seal(&context, &value, entropy)?);
        Ok(stamp)
    }

    /// Opens the anchor file, and with it the index's keys.
    pub(super) fn open_anchor(
        journal_key: &Key,
        stamp: &[u8],
    ) -> Result<(Self, Standing), Unusable> {
        let (salt, sealed) = split(stamp).map_err(|format| match format {
            Some(found) => Unusable::OtherFormat { found },
            None => Unusable::AnchorDamaged,
        })?;
        let seals = Self::of(journal_key, salt);
        let standing = seals.open_standing(sealed, Place::Anchor);
        standing
            .map(|standing| (seals, standing))
            .ok_or(Unusable::OtherKey)
    }

    /// Opens the row that every batch carries.
    pub(super) fn open_standing_row(&self, stamp: &[u8]) -> Result<Standing, Unusable> {
        let (salt, sealed) = split(stamp).map_err(|_| Unusable::StandingDamaged)?;
        if salt != self.salt {
            return Err(Unusable::OtherIndex);
        }
        self.open_standing(sealed, Place::Row)
            .ok_or(Unusable::StandingDamaged)
    }

    fn open_standing(&self, sealed: &[u8], place: Place) -> Option<Standing> {
        let context = context(&head(&self.salt), place);
        let opened = self.rows.open(&context, sealed).ok()?;
        Standing::from_bytes(opened.expose_secret())
    }
}

impl fmt::Debug for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seals(redacted)")
    }
}

/// What is sealed in place of a row that a pack has and that is removed: no value is as short.
pub(super) const REMOVED: &[u8] = b"";

/// Whether a sealed row stands for one that is removed.
pub(super) fn is_removed(sealed: &[u8]) -> bool {
    sealed.len() == sealing::OVERHEAD + REMOVED.len()
}

/// Takes the fingerprints of rows.
pub(super) struct Fingerprints(hmac::Key);

impl Fingerprints {
    /// The fingerprint of a row as it is stored.
    pub(super) fn of(&self, row: &[u8], sealed: &[u8]) -> u128 {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&(row.len() as u64).to_be_bytes());
        context.update(row);
        context.update(sealed);
        let tag = context.sign();
        let half = tag.as_ref().first_chunk().copied();
        u128::from_be_bytes(half.unwrap_or_else(|| unreachable!("the tag is 32 bytes")))
    }
}

fn head(salt: &[u8; SALT_BYTES]) -> Vec<u8> {
    let mut head = MAGIC.to_vec();
    head.extend_from_slice(&FORMAT.to_be_bytes());
    head.extend_from_slice(salt);
    head
}

fn context(head: &[u8], place: Place) -> Vec<u8> {
    // No row's key begins with 0, so none of these is one.
    let place: &[u8] = match place {
        Place::Row => b"\0row",
        Place::Anchor => b"\0anchor",
        Place::Sections => b"\0sections",
    };
    [place, head].concat()
}

/// The salt and the sealed part; the error is the format, if it is another one's.
fn split(stamp: &[u8]) -> Result<([u8; SALT_BYTES], &[u8]), Option<u32>> {
    let rest = stamp.strip_prefix(&MAGIC[..]).ok_or(None)?;
    let (format, rest) = rest.split_first_chunk().ok_or(None)?;
    let format = u32::from_be_bytes(*format);
    if format != FORMAT {
        return Err(Some(format));
    }
    let (salt, sealed) = rest.split_first_chunk().ok_or(None)?;
    Ok((*salt, sealed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;

    fn seals() -> (Key, Seals) {
        let entropy = SystemEntropy::new();
        let key = Key::random(&entropy).expect("entropy");
        let seals = Seals::draw(&key, &entropy).expect("entropy");
        (key, seals)
    }

    fn standing() -> Standing {
        Standing {
            position: 1 << 40,
            root: [7; 32],
            tally: Tally {
                rows: 12,
                checksum: u128::MAX - 5,
            },
        }
    }

    #[test]
    fn a_standing_opens_only_in_its_place() {
        let (key, seals) = seals();
        let entropy = SystemEntropy::new();
        let anchor = seals.seal_standing(standing(), Place::Anchor, &entropy);
        let anchor = anchor.expect("entropy");
        let (again, opened) = Seals::open_anchor(&key, &anchor).expect("opens");
        assert_eq!(opened, standing());
        assert_eq!(
            again.open_standing_row(&anchor),
            Err(Unusable::StandingDamaged)
        );
        let row = seals.seal_standing(standing(), Place::Row, &entropy);
        assert_eq!(
            again.open_standing_row(&row.expect("entropy")),
            Ok(standing())
        );
    }

    #[test]
    fn the_reason_an_anchor_does_not_open_is_told() {
        let (key, seals) = seals();
        let entropy = SystemEntropy::new();
        let anchor = seals.seal_standing(standing(), Place::Anchor, &entropy);
        let anchor = anchor.expect("entropy");
        let opened = |key: &Key, bytes: &[u8]| Seals::open_anchor(key, bytes).map(|_| ());
        let (other_key, _) = self::seals();
        assert_eq!(opened(&other_key, &anchor), Err(Unusable::OtherKey));
        let mut later = anchor.clone();
        later[MAGIC.len() + 3] += 1;
        let found = FORMAT + 1;
        assert_eq!(opened(&key, &later), Err(Unusable::OtherFormat { found }));
        for short in 0..anchor.len() {
            assert!(opened(&key, &anchor[..short]).is_err());
        }
        assert_eq!(opened(&key, b"else"), Err(Unusable::AnchorDamaged));
    }

    #[test]
    fn fingerprints_tell_where_the_key_ends() {
        let (_, seals) = seals();
        let fingerprints = seals.fingerprints();
        assert_ne!(fingerprints.of(b"ab", b"c"), fingerprints.of(b"a", b"bc"));
        assert_eq!(fingerprints.of(b"ab", b"c"), fingerprints.of(b"ab", b"c"));
    }
}
