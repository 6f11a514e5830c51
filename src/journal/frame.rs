//! One record as it lies in a segment.
//!
//! ```text
//! length of the sealed part   4   big-endian, like every number here
//! length of the public part   4
//! CRC-32 of the two lengths   4
//! public part                     readable, authenticated
//! sealed part                     AES-256-GCM, tag included
//! CRC-32 of the two parts     4
//! end mark                    1   never zero: a frame that ends in zero was not wholly written
//! ```
//!
//! The sealed part's nonce is the record's place in its segment, and its additional data are the
//! segment's whole header, the record's position and the public part. So a record opens only in
//! the vault, history, segment and position it was written in.

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{Context, SHA256};
use tlog_tiles::Hash;

use super::error::Damage;
use crate::limits::JOURNAL_RECORD_MAX;
use crate::secret::Key;

pub(super) const HEADER_BYTES: usize = 12;
pub(super) const TRAILER_BYTES: usize = 5;
pub(super) const TAG_BYTES: usize = 16;
const END_MARK: u8 = 0xA5;

/// The two lengths that a frame begins with, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) sealed: u32,
    pub(super) public: u32,
}

impl Lengths {
    /// The lengths of a record to be written, or nothing when it is longer than the bound.
    pub(super) fn of(public: &[u8], plaintext: &[u8]) -> Option<Self> {
        let lengths = Self {
            sealed: u32::try_from(plaintext.len().checked_add(TAG_BYTES)?).ok()?,
            public: u32::try_from(public.len()).ok()?,
        };
        (lengths.parts() <= JOURNAL_RECORD_MAX as u64).then_some(lengths)
    }

    /// Reads a frame's header.
    pub(super) fn parse(header: &[u8; HEADER_BYTES]) -> Result<Self, Damage> {
        let [s0, s1, s2, s3, p0, p1, p2, p3, c0, c1, c2, c3] = *header;
        let lengths = Self {
            sealed: u32::from_be_bytes([s0, s1, s2, s3]),
            public: u32::from_be_bytes([p0, p1, p2, p3]),
        };
        if lengths.header() != [s0, s1, s2, s3, p0, p1, p2, p3, c0, c1, c2, c3] {
            return Err(Damage::FrameHeader);
        }
        if lengths.parts() > JOURNAL_RECORD_MAX as u64 || (lengths.sealed as usize) < TAG_BYTES {
            return Err(Damage::Length(lengths.parts()));
        }
        Ok(lengths)
    }

    pub(super) fn header(self) -> [u8; HEADER_BYTES] {
        let [s0, s1, s2, s3] = self.sealed.to_be_bytes();
        let [p0, p1, p2, p3] = self.public.to_be_bytes();
        let [c0, c1, c2, c3] = crc32fast::hash(&[s0, s1, s2, s3, p0, p1, p2, p3]).to_be_bytes();
        [s0, s1, s2, s3, p0, p1, p2, p3, c0, c1, c2, c3]
    }

    /// The public and sealed part together.
    fn parts(self) -> u64 {
        u64::from(self.sealed) + u64::from(self.public)
    }

    /// The whole frame, header and trailer included.
    pub(super) fn frame(self) -> u64 {
        self.parts() + (HEADER_BYTES + TRAILER_BYTES) as u64
    }
}

/// What a record's leaf in the Merkle tree is made of.
///
/// The leaf's data are `sealed length (4) ‖ public length (4) ‖ public part ‖ SHA-256(sealed part)`:
/// enough to check that the public part is in the log, without handing out the ciphertext.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    lengths: Lengths,
    sealed: [u8; 32],
}

impl Leaf {
    /// The leaf's data, as whoever checks a proof needs them.
    pub(super) fn data(&self, public: &[u8]) -> Vec<u8> {
        let mut data = Vec::with_capacity(8 + public.len() + self.sealed.len());
        data.extend_from_slice(&self.lengths.sealed.to_be_bytes());
        data.extend_from_slice(&self.lengths.public.to_be_bytes());
        data.extend_from_slice(public);
        data.extend_from_slice(&self.sealed);
        data
    }

    /// `record_hash(data)` of tlog, without copying the data together.
    pub(super) fn hash(&self, public: &[u8]) -> Hash {
        let mut context = Context::new(&SHA256);
        context.update(&[0]);
        context.update(&self.lengths.sealed.to_be_bytes());
        context.update(&self.lengths.public.to_be_bytes());
        context.update(public);
        context.update(&self.sealed);
        finish(context)
    }
}

/// The cipher of one segment.
pub(super) struct Cipher {
    key: LessSafeKey,
    /// The segment's header, then room for each record's own additional data.
    aad: Vec<u8>,
    header_bytes: usize,
    first: u64,
}

impl Cipher {
    pub(super) fn new(key: &Key, header: &[u8], first: u64) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, key.expose_secret())
            .unwrap_or_else(|_| unreachable!("a key is as long as AES-256-GCM's"));
        Self {
            key: LessSafeKey::new(unbound),
            aad: header.to_vec(),
            header_bytes: header.len(),
            first,
        }
    }

    /// Writes the frame of a record into `frame`, which holds nothing but ciphertext afterwards.
    /// Nothing comes back if the cipher refuses; `frame` is then empty.
    pub(super) fn seal(
        &mut self,
        frame: &mut Vec<u8>,
        position: u64,
        lengths: Lengths,
        public: &[u8],
        plaintext: &[u8],
    ) -> Option<Leaf> {
        frame.clear();
        // Reserved in one go: growing later would leave a copy of the plaintext behind.
        frame.reserve(usize::try_from(lengths.frame()).ok()?);
        frame.extend_from_slice(&lengths.header());
        frame.extend_from_slice(public);
        frame.extend_from_slice(plaintext);
        let nonce = self.nonce(position);
        self.bind(position, public);
        let (_, rest) = frame.split_at_mut(HEADER_BYTES);
        let (_, text) = rest.split_at_mut(public.len());
        let Ok(tag) = self
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(&self.aad), text)
        else {
            zeroize::Zeroize::zeroize(frame);
            return None;
        };
        frame.extend_from_slice(tag.as_ref());
        let (_, parts) = frame.split_at(HEADER_BYTES);
        let checksum = crc32fast::hash(parts);
        let (_, sealed) = parts.split_at(public.len());
        let leaf = Leaf {
            lengths,
            sealed: digest(sealed),
        };
        frame.extend_from_slice(&checksum.to_be_bytes());
        frame.push(END_MARK);
        Some(leaf)
    }

    /// Checks and opens the frame `body`, which is a frame without its header, in place.
    pub(super) fn open<'b>(
        &mut self,
        body: &'b mut [u8],
        position: u64,
        lengths: Lengths,
    ) -> Result<(&'b [u8], &'b [u8], Leaf), Damage> {
        let parts = body
            .len()
            .checked_sub(TRAILER_BYTES)
            .ok_or(Damage::Checksum)?;
        let (parts, trailer) = body.split_at_mut(parts);
        let [c0, c1, c2, c3] = crc32fast::hash(parts).to_be_bytes();
        if *trailer != [c0, c1, c2, c3, END_MARK] {
            return Err(Damage::Checksum);
        }
        let (public, sealed) = parts
            .split_at_mut_checked(lengths.public as usize)
            .ok_or(Damage::Checksum)?;
        let leaf = Leaf {
            lengths,
            sealed: digest(sealed),
        };
        let nonce = self.nonce(position);
        self.bind(position, public);
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(&self.aad), sealed)
            .map_err(|_| Damage::DoesNotOpen)?;
        Ok((public, opened, leaf))
    }

    fn nonce(&self, position: u64) -> Nonce {
        let [a, b, c, d, e, f, g, h] = position.wrapping_sub(self.first).to_be_bytes();
        let nonce: [u8; NONCE_LEN] = [0, 0, 0, 0, a, b, c, d, e, f, g, h];
        Nonce::assume_unique_for_key(nonce)
    }

    fn bind(&mut self, position: u64, public: &[u8]) {
        self.aad.truncate(self.header_bytes);
        self.aad.extend_from_slice(&position.to_be_bytes());
        self.aad.extend_from_slice(public);
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(bytes);
    finish(context).0
}

fn finish(context: Context) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    Hash(hash)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cipher(first: u64) -> Cipher {
        let key = Key::from_slice(&[7; 32]).expect("32 bytes");
        Cipher::new(&key, b"header", first)
    }

    proptest! {
        #[test]
        fn what_is_framed_is_read_back_and_only_there(
            public in proptest::collection::vec(any::<u8>(), 0..60),
            text in proptest::collection::vec(any::<u8>(), 0..200),
            position in 5_u64..1000,
        ) {
            let lengths = Lengths::of(&public, &text).expect("short");
            let mut frame = Vec::new();
            let leaf = cipher(5).seal(&mut frame, position, lengths, &public, &text).expect("seals");
            prop_assert_eq!(frame.len() as u64, lengths.frame());
            prop_assert_ne!(frame.last(), Some(&0));
            let (header, body) = frame.split_first_chunk::<HEADER_BYTES>().expect("longer");
            prop_assert_eq!(Lengths::parse(header), Ok(lengths));
            let mut here = body.to_vec();
            let (seen, opened, again) = cipher(5).open(&mut here, position, lengths).expect("opens");
            prop_assert_eq!(seen, &public[..]);
            prop_assert_eq!(opened, &text[..]);
            prop_assert_eq!(leaf.data(&public), again.data(&public));
            prop_assert_eq!(leaf.hash(&public), tlog_tiles::record_hash(&leaf.data(&public)));
            let elsewhere = cipher(5).open(&mut body.to_vec(), position + 1, lengths).map(|_| ());
            prop_assert_eq!(elsewhere, Err(Damage::DoesNotOpen));
            let other_segment = cipher(4).open(&mut body.to_vec(), position, lengths).map(|_| ());
            prop_assert_eq!(other_segment, Err(Damage::DoesNotOpen));
        }

        #[test]
        fn a_header_with_a_changed_bit_is_refused(
            public in any::<u16>(), sealed in 16_u32..70_000, bit in 0_usize..96,
        ) {
            let lengths = Lengths { sealed, public: u32::from(public) };
            let mut header = lengths.header();
            prop_assert_eq!(Lengths::parse(&header), Ok(lengths));
            header[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(Lengths::parse(&header), Err(Damage::FrameHeader));
        }
    }

    #[test]
    fn lengths_no_record_has_are_refused() {
        let (max, tag) = (JOURNAL_RECORD_MAX as u32, TAG_BYTES as u32);
        for (sealed, public) in [(tag - 1, 0), (max, 1), (u32::MAX, u32::MAX)] {
            let lengths = Lengths { sealed, public };
            assert_eq!(
                Lengths::parse(&lengths.header()),
                Err(Damage::Length(lengths.parts()))
            );
        }
        assert!(Lengths::of(&[], &vec![0; JOURNAL_RECORD_MAX - TAG_BYTES]).is_some());
        assert!(Lengths::of(&[0], &vec![0; JOURNAL_RECORD_MAX - TAG_BYTES]).is_none());
    }

    /// Zeros, as an unwritten block reads, are never a frame.
    #[test]
    fn zeros_are_not_a_header() {
        assert_eq!(Lengths::parse(&[0; HEADER_BYTES]), Err(Damage::FrameHeader));
    }
}
