//! Headers: a file key wrapped to recipients, and read back within bounds.
//!
//! The `age` crate's own reader parses the header again for every line and knows no bound, so a
//! 204 KB header costs it 53 s. Here the header is gathered first, bounded in bytes and stanzas,
//! and then parsed once, with the crate's own stanza parser.

use std::io::{BufRead, Read};

use age::{DecryptError, EncryptError, Identity};
use age_core::format::{FileKey, Stanza, is_arbitrary_string, read, write};
use age_core::secrecy::ExposeSecret;
use base64::prelude::{BASE64_STANDARD_NO_PAD, Engine};
use ring::hmac::{self, HMAC_SHA256};

use super::{AgeError, Recipients};
use crate::limits::{AGE_HEADER_MAX, AGE_STANZAS_MAX};
use crate::sealing::derive;

const MAGIC: &[u8] = b"age-encryption.org/";
const VERSION_LINE: &[u8] = b"age-encryption.org/v1\n";
const STANZA_MARK: &[u8] = b"-> ";
const MAC_MARK: &[u8] = b"---";
const SCRYPT: &str = "scrypt";

/// Writes the header that lets `recipients` open the payloads of `file_key`, up to and including
/// the newline after its MAC: a stored payload, from its nonce on, completes the age file.
///
/// A plugin recipient runs its program, and waits for it.
///
/// # Errors
/// [`AgeError::Recipient`] when the key cannot be wrapped, [`AgeError::RecipientsDoNotMix`] when
/// their labels differ, and [`AgeError::TooManyStanzas`] or [`AgeError::HeaderTooLong`] when the
/// header could not be read back.
pub fn write_header(file_key: &FileKey, recipients: &Recipients) -> Result<Vec<u8>, AgeError> {
    let stanzas = wrap(file_key, recipients)?;
    if stanzas.len() > AGE_STANZAS_MAX {
        return Err(AgeError::TooManyStanzas);
    }
    let mut header = VERSION_LINE.to_vec();
    for stanza in &stanzas {
        header = write::age_stanza(&stanza.tag, &stanza.args, &stanza.body)(header.into())
            .map_err(|_| AgeError::HeaderTooLong)?
            .write;
    }
    header.extend_from_slice(MAC_MARK);
    let mac = hmac::sign(&mac_key(file_key), &header);
    header.push(b' ');
    header.extend_from_slice(BASE64_STANDARD_NO_PAD.encode(mac).as_bytes());
    header.push(b'\n');
    if header.len() > AGE_HEADER_MAX {
        return Err(AgeError::HeaderTooLong);
    }
    Ok(header)
}

/// Reads a header with the first of `identities` that fits, and leaves `input` at the payload's nonce.
///
/// The input may be the beginning of a file: [`AgeError::HeaderTruncated`] then asks for more of it.
/// No more than [`AGE_HEADER_MAX`] bytes and [`AGE_STANZAS_MAX`] stanzas are read, whatever the input holds.
///
/// # Errors
/// [`AgeError::NotAge`], [`AgeError::UnknownVersion`], [`AgeError::HeaderTruncated`],
/// [`AgeError::HeaderTooLong`], [`AgeError::TooManyStanzas`] and [`AgeError::HeaderMalformed`] for
/// a header that cannot be read; [`AgeError::NoIdentityFits`] and [`AgeError::Identity`] for one
/// that cannot be opened; [`AgeError::HeaderAltered`] for one that was changed.
pub fn open_header<'a>(
    input: &mut impl BufRead,
    identities: impl IntoIterator<Item = &'a dyn Identity>,
) -> Result<FileKey, AgeError> {
    let bytes = gather(input)?;
    let header = Header::parse(&bytes).ok_or(AgeError::HeaderMalformed)?;
    let file_key = identities
        .into_iter()
        .find_map(|identity| identity.unwrap_stanzas(&header.stanzas))
        .ok_or(AgeError::NoIdentityFits)?
        .map_err(|error| match error {
            DecryptError::NoMatchingKeys => AgeError::NoIdentityFits,
            DecryptError::InvalidHeader => AgeError::HeaderMalformed,
            other => AgeError::Identity(other),
        })?;
    hmac::verify(&mac_key(&file_key), header.authenticated, &header.mac)
        .map_err(|_| AgeError::HeaderAltered)?;
    Ok(file_key)
}

struct Header<'a> {
    stanzas: Vec<Stanza>,
    authenticated: &'a [u8],
    mac: Vec<u8>,
}

impl<'a> Header<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut stanzas = Vec::new();
        let mut rest = bytes.strip_prefix(VERSION_LINE)?;
        while !rest.starts_with(MAC_MARK) {
            let (later, stanza) = read::age_stanza(rest).ok()?;
            stanzas.push(Stanza::from(stanza));
            rest = later;
        }
        let encoded = rest
            .strip_prefix(MAC_MARK)?
            .strip_prefix(b" ")?
            .strip_suffix(b"\n")?;
        let mac = BASE64_STANDARD_NO_PAD.decode(encoded).ok()?;
        let authenticated = bytes.get(..bytes.len() - rest.len() + MAC_MARK.len())?;
        let whole = !stanzas.is_empty() && passphrase_stands_alone(&stanzas);
        (whole && mac.len() == HMAC_SHA256.digest_algorithm().output_len()).then_some(Self {
            stanzas,
            authenticated,
            mac,
        })
    }
}

/// Reads up to the end of the line that holds the MAC, within the bounds.
fn gather(input: &mut impl BufRead) -> Result<Vec<u8>, AgeError> {
    let mut header = Vec::new();
    let mut stanzas = 0;
    let mut bounded = input.take(AGE_HEADER_MAX as u64);
    loop {
        let begin = header.len();
        bounded
            .read_until(b'\n', &mut header)
            .map_err(AgeError::Read)?;
        let line = header.get(begin..).unwrap_or_default();
        if begin == 0 && line != VERSION_LINE {
            return Err(not_version_1(line));
        }
        if !line.ends_with(b"\n") {
            return Err(match bounded.limit() {
                0 => AgeError::HeaderTooLong,
                _ => AgeError::HeaderTruncated,
            });
        }
        if line.starts_with(MAC_MARK) {
            return Ok(header);
        }
        stanzas += usize::from(line.starts_with(STANZA_MARK));
        if stanzas > AGE_STANZAS_MAX {
            return Err(AgeError::TooManyStanzas);
        }
    }
}

fn not_version_1(line: &[u8]) -> AgeError {
    if !line.is_empty() && VERSION_LINE.starts_with(line) {
        AgeError::HeaderTruncated
    } else if line.starts_with(MAGIC) {
        AgeError::UnknownVersion
    } else {
        AgeError::NotAge
    }
}

/// Wraps the key to each recipient, under the `age` crate's rule: all have the same set of labels.
fn wrap(file_key: &FileKey, recipients: &Recipients) -> Result<Vec<Stanza>, AgeError> {
    let mut stanzas = Vec::new();
    let mut common = None;
    for recipient in recipients.iter() {
        let (wrapped, labels) = recipient
            .wrap_file_key(file_key)
            .map_err(AgeError::Recipient)?;
        if !labels.iter().all(is_arbitrary_string) {
            return Err(AgeError::Recipient(EncryptError::InvalidRecipientLabels(
                labels,
            )));
        }
        if *common.get_or_insert_with(|| labels.clone()) != labels {
            return Err(AgeError::RecipientsDoNotMix);
        }
        stanzas.extend(wrapped);
    }
    if !passphrase_stands_alone(&stanzas) {
        return Err(AgeError::RecipientsDoNotMix);
    }
    Ok(stanzas)
}

/// A header with a passphrase stanza has no other, so that whoever opens it knows who wrote it.
fn passphrase_stands_alone(stanzas: &[Stanza]) -> bool {
    stanzas.len() == 1 || stanzas.iter().all(|stanza| stanza.tag != SCRYPT)
}

fn mac_key(file_key: &FileKey) -> hmac::Key {
    let key = derive(file_key.expose_secret(), b"", b"header");
    hmac::Key::new(HMAC_SHA256, key.expose_secret())
}
