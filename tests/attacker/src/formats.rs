//! What lies on the disk, as it is published, read by somebody with nothing but this page.
//!
//! Numbers are big-endian, `‖` joins bytes, `"…"` are bytes of text.
//!
//! *Root slot* (a file): two positions of 65,536 bytes. A position is `"strslot\n" (8) ‖ version (4)
//! ‖ epoch (8) ‖ vault (21, text) ‖ length of recipients (4) ‖ length of sealed root (4) ‖ SHA-256
//! (32) ‖ recipients ‖ sealed root`. The sealed root is an age file; in it lies `1 ‖ vault (21) ‖
//! epoch (8) ‖ root key (32) ‖ journal key (32) ‖ signing seed (32)`.
//!
//! *Index* (a folder): see the module of that name.
//!
//! *Journal segment* (a file): a header of 116 bytes, `"strongroom-log" 0 1 ‖ vault (24, text and
//! zeros) ‖ first position (8) ‖ salt (32) ‖ Merkle root (32) ‖ CRC (4)`, then frames: `length of
//! the sealed part (4) ‖ length of the public part (4) ‖ CRC (4) ‖ public part ‖ sealed part ‖ CRC
//! (4) ‖ mark (1)`. The sealed part is AES-256-GCM under HKDF-SHA256(journal key, salt,
//! "strongroom/journal/v1"); its nonce is the record's number in the segment, its additional data
//! header ‖ position (8) ‖ public part. In it lies an entry in JSON.
//!
//! *Sealed value*: `nonce (12) ‖ AES-256-GCM`, in JSON in base64 without padding. It is bound to:
//! - a node of the key tree: `"strongroom key tree v1 " ‖ vault ‖ level (1) ‖ index (4)`. In it lies
//!   the node's key, and around it goes the parent's: level − 1, index ÷ 64; over level 1, the root.
//!   A node comes in an entry's `keys.put` as `[[level, index], sealed]`; leaves are on level 5.
//! - contact details: `"strongroom/contact/v1 " ‖ participant`, under the leaf `contact_key`.
//! - an item's particulars: item, study and participants, joined by spaces, under
//!   HKDF-SHA256(salt vault, the key of leaf `key` ‖ those of each participant's leaf
//!   `material_key`, "strongroom/item/v1"). In them lie `file_key` and `payload_nonce`, 16 bytes each.
//!
//! *Object* (in the bucket): an age payload without its header: `nonce (16)`, then chunks of 65,536
//! bytes of ChaCha20-Poly1305 under HKDF-SHA256(file key, nonce, "payload"), with the nonce
//! `counter (11) ‖ whether it is the last (1)`.

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use ring::aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};

use crate::json::Json;

pub type Key = [u8; 32];

const POSITION_BYTES: usize = 65_536;
const SEGMENT_HEADER: usize = 116;
const FRAME_HEADER: usize = 12;
const FRAME_TRAILER: usize = 5;
const CHUNK: usize = 65_536 + 16;

/// The age files in the positions of a root slot.
pub fn sealed_roots(file: &[u8]) -> Vec<&[u8]> {
    let mut roots = Vec::new();
    for position in file.chunks(POSITION_BYTES) {
        let Some(rest) = position.strip_prefix(b"strslot\n") else {
            continue;
        };
        let number = |at: usize| -> Option<usize> {
            let bytes = rest.get(at..at + 4)?.try_into().ok()?;
            usize::try_from(u32::from_be_bytes(bytes)).ok()
        };
        let (Some(recipients), Some(sealed)) = (number(33), number(37)) else {
            continue;
        };
        let start = 41 + 32 + recipients;
        roots.extend(rest.get(start..start + sealed));
    }
    roots
}

/// A journal segment whose frames can be told apart; what is not whole at its end is left out.
pub struct Segment<'a> {
    header: &'a [u8],
    first: u64,
    /// Public part and sealed part of every record.
    frames: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Segment<'a> {
    pub fn parse(file: &'a [u8]) -> Option<Self> {
        let (header, mut rest) = file.split_at_checked(SEGMENT_HEADER)?;
        header.strip_prefix(b"strongroom-log\0\x01")?;
        let mut frames = Vec::new();
        while let Some((lengths, after)) = rest.split_at_checked(FRAME_HEADER) {
            let number = |at: usize| {
                let bytes: [u8; 4] = lengths[at..at + 4].try_into().expect("four bytes");
                usize::try_from(u32::from_be_bytes(bytes)).expect("fits")
            };
            let (sealed, public) = (number(0), number(4));
            let Some(frame) = after.get(..public + sealed) else {
                break;
            };
            if sealed == 0 {
                break;
            }
            frames.push(frame.split_at(public));
            rest = after
                .get(public + sealed + FRAME_TRAILER..)
                .unwrap_or_default();
        }
        Some(Self {
            header,
            first: u64::from_be_bytes(header[40..48].try_into().expect("eight bytes")),
            frames,
        })
    }

    /// The vault's name.
    pub fn vault(&self) -> String {
        let text = String::from_utf8_lossy(&self.header[16..40]);
        text.trim_end_matches('\0').to_owned()
    }

    /// Every record that opens with that journal key.
    pub fn open(&self, journal_key: &Key) -> Vec<Vec<u8>> {
        let key = derive(journal_key, &self.header[48..80], b"strongroom/journal/v1");
        let cipher = Cipher::new(&AES_256_GCM, &key);
        let numbered = (0_u64..).zip(&self.frames);
        let opened = numbered.filter_map(|(number, (public, sealed))| {
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&number.to_be_bytes());
            let position = (self.first + number).to_be_bytes();
            cipher.open(nonce, &[self.header, &position, public].concat(), sealed)
        });
        opened.collect()
    }
}

/// Something sealed, and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sealed {
    pub context: Vec<u8>,
    pub bytes: Vec<u8>,
}

impl Sealed {
    pub fn node(vault: &str, level: u8, index: u32, text: &str) -> Option<Self> {
        let mut context = b"strongroom key tree v1 ".to_vec();
        context.extend_from_slice(vault.as_bytes());
        context.push(level);
        context.extend_from_slice(&index.to_be_bytes());
        let bytes = from_base64(text).filter(|bytes| bytes.len() == 60)?;
        Some(Self { context, bytes })
    }

    pub fn contact(participant: &str, text: &str) -> Option<Self> {
        Some(Self {
            context: format!("strongroom/contact/v1 {participant}").into_bytes(),
            bytes: from_base64(text)?,
        })
    }

    pub fn particulars(
        item: &str,
        study: &str,
        participants: &[String],
        text: &str,
    ) -> Option<Self> {
        let words = [&[item.to_owned(), study.to_owned()], participants].concat();
        Some(Self {
            context: words.join(" ").into_bytes(),
            bytes: from_base64(text)?,
        })
    }

    pub fn open(&self, cipher: &Cipher) -> Option<Vec<u8>> {
        let (nonce, body) = self.bytes.split_first_chunk()?;
        cipher.open(*nonce, &self.context, body)
    }
}

/// The key that seals an item's particulars.
pub fn item_key(vault: &str, item: &Key, people: &[Key]) -> Key {
    let secret = [std::slice::from_ref(item), people].concat().concat();
    derive(&secret, vault.as_bytes(), b"strongroom/item/v1")
}

/// The file key in an item's particulars.
pub fn file_key(particulars: &[u8]) -> Option<[u8; 16]> {
    let read = Json::parse(particulars)?;
    read.get("file_key")?.bytes()?.try_into().ok()
}

/// Everything in an object, if that is its file key.
pub fn open_object(object: &[u8], file_key: &[u8; 16]) -> Option<Vec<u8>> {
    let (nonce, _) = object.split_first_chunk::<16>()?;
    open_payload(object, &derive(file_key, nonce, b"payload"))
}

/// Everything in an object, if that is its payload key; of one that is not finished, what is whole.
pub fn open_payload(object: &[u8], key: &Key) -> Option<Vec<u8>> {
    let cipher = Cipher::for_payloads(key);
    let (_, body) = object.split_first_chunk::<16>()?;
    let mut plain = Vec::new();
    for (counter, chunk) in body.chunks(CHUNK).enumerate() {
        let open = |is_last: bool| {
            let mut nonce = [0; 12];
            nonce[3..11].copy_from_slice(&(counter as u64).to_be_bytes());
            nonce[11] = u8::from(is_last);
            cipher.open(nonce, &[], chunk)
        };
        match open(chunk.len() < CHUNK).or_else(|| open(chunk.len() == CHUNK)) {
            Some(opened) => plain.extend(opened),
            None => break,
        }
    }
    (!plain.is_empty()).then_some(plain)
}

/// A key made ready to be tried on many things.
pub struct Cipher(LessSafeKey);

impl Cipher {
    /// For sealed values.
    pub fn of(key: &Key) -> Self {
        Self::new(&AES_256_GCM, key)
    }

    /// For age payloads and file keys.
    pub fn for_payloads(key: &Key) -> Self {
        Self::new(&CHACHA20_POLY1305, key)
    }

    fn new(algorithm: &'static Algorithm, key: &Key) -> Self {
        Self(LessSafeKey::new(
            UnboundKey::new(algorithm, key).expect("32 bytes"),
        ))
    }

    pub fn open(&self, nonce: [u8; 12], context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(context), &mut bytes);
        let length = opened.ok()?.len();
        bytes.truncate(length);
        Some(bytes)
    }
}

pub fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Key {
    struct Length;
    impl KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let mut key = [0; 32];
    let drawn = Salt::new(HKDF_SHA256, salt).extract(secret);
    let filled = drawn.expand(&[info], Length).and_then(|k| k.fill(&mut key));
    filled.expect("32 bytes");
    key
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    let standard = GeneralPurpose::new(&STANDARD, LENIENT).decode(text).ok();
    standard.or_else(|| GeneralPurpose::new(&URL_SAFE, LENIENT).decode(text).ok())
}

pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    text.len()
        .is_multiple_of(2)
        .then(|| digits.map(byte).collect())?
}
