//! One position of a slot file: a clear header, the recipients, and the root sealed to them with age.
//!
//! Numbers are big-endian. The header is `magic (8) ‖ version (4) ‖ epoch (8) ‖ vault (21, text) ‖
//! length of recipients (4) ‖ length of sealed root (4) ‖ SHA-256 (32)`, and the checksum is over
//! everything else. Vault and epoch are repeated inside the seal, which is where they are believed.

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};

use crate::id::VaultId;

use super::recipients::Recipients;
use super::slot::{Root, VAULT_BYTES};
use super::unlock::{Identities, UnlockError};

/// What disks and file systems write at once, in bytes.
pub(super) const BLOCK: usize = 4096;
/// Length of a position: room for 20 recipients of the longest classical kind (RSA-4096).
pub(super) const POSITION_BYTES: usize = 16 * BLOCK;

const MAGIC_BYTES: usize = 8;
const VERSION: u32 = 1;
/// Length of what comes before the checksum.
const HEAD_BYTES: usize = MAGIC_BYTES + 4 + 8 + VAULT_BYTES + 4 + 4;

/// What stands between a root and whoever has the file; each form has a mark of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The unlock recipients alone.
    File,
    /// A key in a token, and the unlock recipients within.
    Token,
}

impl Form {
    fn magic(self) -> &'static [u8; MAGIC_BYTES] {
        match self {
            Self::File => b"strslot\n",
            Self::Token => b"strtokn\n",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::File => Self::Token,
            Self::Token => Self::File,
        }
    }
}

/// What lies in a position.
#[derive(Debug)]
pub(super) enum Position {
    /// Nothing: it was never written, or was effaced to the end.
    Blank,
    /// Something that is not whole: a write or an effacement was interrupted.
    Torn,
    /// A root in a format of a later version.
    Newer(u32),
    /// A root of the other form.
    OtherForm,
    /// A whole root.
    Whole(Whole),
}

/// A root as it lies in a position.
#[derive(Debug)]
pub(super) struct Whole {
    pub(super) vault: VaultId,
    pub(super) epoch: u64,
    pub(super) recipients: Recipients,
    pub(super) sealed: Vec<u8>,
}

/// What comes of opening a whole root.
#[derive(Debug)]
pub(super) enum Opened {
    /// The root.
    Root(Root),
    /// Nothing: none of the identities opens it.
    SealedToOthers,
    /// A root that is not the one its header names.
    Contradiction,
}

impl Whole {
    pub(super) fn seal(root: &Root, recipients: &Recipients) -> Result<Self, UnlockError> {
        Ok(Self {
            vault: root.vault,
            epoch: root.epoch,
            recipients: recipients.clone(),
            sealed: recipients.seal(&root.to_bytes())?,
        })
    }

    pub(super) fn open(&self, identities: &Identities) -> Result<Opened, UnlockError> {
        self.open_sealed(&self.sealed, identities)
    }

    /// Opens what a token's key was taken off from.
    pub(super) fn open_sealed(
        &self,
        sealed: &[u8],
        identities: &Identities,
    ) -> Result<Opened, UnlockError> {
        let Some(bytes) = identities.open(sealed)? else {
            return Ok(Opened::SealedToOthers);
        };
        let root = Root::from_bytes(&bytes)
            .filter(|root| root.vault == self.vault && root.epoch == self.epoch);
        Ok(root.map_or(Opened::Contradiction, Opened::Root))
    }

    /// The whole position as it is written, or nothing when it does not fit.
    pub(super) fn to_bytes(&self, form: Form) -> Option<Vec<u8>> {
        let recipients = self.recipients.to_lines();
        let mut head = Vec::new();
        head.extend_from_slice(form.magic());
        head.extend_from_slice(&VERSION.to_be_bytes());
        head.extend_from_slice(&self.epoch.to_be_bytes());
        head.extend_from_slice(self.vault.to_string().as_bytes());
        head.extend_from_slice(&u32::try_from(recipients.len()).ok()?.to_be_bytes());
        head.extend_from_slice(&u32::try_from(self.sealed.len()).ok()?.to_be_bytes());
        let sum = checksum(&head, recipients.as_bytes(), &self.sealed);
        let mut bytes = head;
        bytes.extend_from_slice(&sum);
        bytes.extend_from_slice(recipients.as_bytes());
        bytes.extend_from_slice(&self.sealed);
        let fits = bytes.len() <= POSITION_BYTES;
        bytes.resize(POSITION_BYTES, 0);
        fits.then_some(bytes)
    }
}

impl Position {
    /// Says what lies in the bytes of a position.
    pub(super) fn parse(bytes: &[u8], form: Form) -> Self {
        if bytes.iter().all(|byte| *byte == 0) {
            return Self::Blank;
        }
        if bytes.starts_with(form.other().magic()) {
            return Self::OtherForm;
        }
        match parse(bytes, form) {
            Some((VERSION, Some(whole))) => Self::Whole(whole),
            Some((VERSION, None)) | None => Self::Torn,
            Some((version, _)) => Self::Newer(version),
        }
    }

    pub(super) fn whole(&self) -> Option<&Whole> {
        match self {
            Self::Whole(whole) => Some(whole),
            _ => None,
        }
    }
}

fn parse(bytes: &[u8], form: Form) -> Option<(u32, Option<Whole>)> {
    let mut rest = Rest(bytes);
    let head = bytes.get(..HEAD_BYTES)?;
    if rest.take(MAGIC_BYTES)? != form.magic() {
        return None;
    }
    let version = rest.u32()?;
    let epoch = rest.u64()?;
    let vault = rest.take(VAULT_BYTES)?;
    let recipients_length = rest.u32()?;
    let sealed_length = rest.u32()?;
    let sum = rest.take(SHA256_OUTPUT_LEN)?;
    let recipients = rest.take(usize::try_from(recipients_length).ok()?)?;
    let sealed = rest.take(usize::try_from(sealed_length).ok()?)?;
    if sum != checksum(head, recipients, sealed) {
        return None;
    }
    Some((version, whole(vault, epoch, recipients, sealed)))
}

fn whole(vault: &[u8], epoch: u64, recipients: &[u8], sealed: &[u8]) -> Option<Whole> {
    Some(Whole {
        vault: std::str::from_utf8(vault).ok()?.parse().ok()?,
        epoch,
        recipients: Recipients::parse(std::str::from_utf8(recipients).ok()?.lines()).ok()?,
        sealed: sealed.to_vec(),
    })
}

fn checksum(head: &[u8], recipients: &[u8], sealed: &[u8]) -> [u8; SHA256_OUTPUT_LEN] {
    let mut context = Context::new(&SHA256);
    for part in [head, recipients, sealed] {
        context.update(part);
    }
    let mut sum = [0; SHA256_OUTPUT_LEN];
    sum.copy_from_slice(context.finish().as_ref());
    sum
}

/// The bytes not read yet.
pub(super) struct Rest<'a>(pub(super) &'a [u8]);

impl<'a> Rest<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use crate::keyring::unlock::generate_identity;
    use proptest::prelude::*;

    /// A position, and how much of it is in use.
    fn written() -> (Vec<u8>, usize) {
        let entropy = SystemEntropy::new();
        let vault = VaultId::random(&entropy).expect("entropy");
        let root = Root::first(vault, &entropy).expect("entropy");
        let (_, recipient) = generate_identity();
        let recipients = Recipients::parse([recipient]).expect("a recipient");
        let whole = Whole::seal(&root, &recipients).expect("sealed");
        let used =
            HEAD_BYTES + SHA256_OUTPUT_LEN + recipients.to_lines().len() + whole.sealed.len();
        (whole.to_bytes(Form::File).expect("fits"), used)
    }

    #[test]
    fn a_changed_byte_tears_it() {
        let (bytes, used) = written();
        assert!(Position::parse(&bytes, Form::File).whole().is_some());
        for place in 0..used {
            let mut changed = bytes.clone();
            changed[place] ^= 0x10;
            assert!(
                matches!(Position::parse(&changed, Form::File), Position::Torn),
                "byte {place}"
            );
        }
    }

    #[test]
    fn a_root_of_another_form_is_told_from_damage() {
        let (bytes, _) = written();
        let read = Position::parse(&bytes, Form::Token);
        assert!(matches!(read, Position::OtherForm));
    }

    #[test]
    fn a_later_format_is_told_from_damage() {
        let (mut bytes, used) = written();
        bytes[11] = 2;
        let body = HEAD_BYTES + SHA256_OUTPUT_LEN;
        let sum = checksum(&bytes[..HEAD_BYTES], &bytes[body..used], &[]);
        bytes[HEAD_BYTES..body].copy_from_slice(&sum);
        assert!(matches!(
            Position::parse(&bytes, Form::File),
            Position::Newer(2)
        ));
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(mut bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Position::parse(&bytes, Form::File);
            bytes.splice(0..0, *Form::File.magic());
            prop_assert!(Position::parse(&bytes, Form::File).whole().is_none());
        }
    }
}
