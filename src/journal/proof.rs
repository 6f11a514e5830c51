//! Proofs that anyone can check without the vault: inclusion, consistency, and the C2SP
//! `tlog-proof` text that carries the first with its checkpoint.

use serde::{Deserialize, Serialize};
use tlog_tiles::{Checkpoint, Hash, check_record, check_tree, record_hash};

use super::anchor::{Anchor, hash_from_text};
use super::error::Error;
use super::notes::{NoteSigner, NoteVerifier};
use crate::id::VaultId;

const TLOG_PROOF: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2⁶⁴ records is 64 levels high, so no honest path is longer, in hashes.
const PATH_MAX: usize = 64;
/// Length of the digest that leaf data end in, in bytes.
const DIGEST_BYTES: usize = 32;

/// Where a record lies and the hashes that lead from it to a root (RFC 6962, section 2.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inclusion {
    /// Position of the record.
    pub position: u64,
    /// Audit path, from the leaf's sibling to the root's child.
    #[serde(with = "base64_hashes")]
    pub path: Vec<[u8; 32]>,
}

impl Inclusion {
    /// Checks that the tree `anchor` pins has, at this position, the record whose leaf data
    /// ([`Record::leaf`](super::Record::leaf)) are `leaf`.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when it does not.
    pub fn verify(&self, leaf: &[u8], anchor: &Anchor) -> Result<(), Error> {
        let (path, root) = (hashes(&self.path)?, Hash(anchor.root));
        check_record(&path, anchor.size, root, self.position, record_hash(leaf))
            .map_err(|_| Error::ProofRefused)
    }

    /// This proof and the signed `checkpoint` it leads to in one text, as C2SP `tlog-proof` has it.
    pub fn to_tlog_proof(&self, checkpoint: &str) -> String {
        let mut text = format!("{TLOG_PROOF}\nindex {}\n", self.position);
        for hash in &self.path {
            text.push_str(&format!("{}\n", Hash(*hash)));
        }
        text.push('\n');
        text.push_str(checkpoint);
        text
    }
}

/// The hashes that show one tree to begin with another (RFC 6962, section 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consistency {
    /// The proof's hashes.
    #[serde(with = "base64_hashes")]
    pub path: Vec<[u8; 32]>,
}

impl Consistency {
    /// Checks that the tree `new` pins begins with the one `old` pins; every tree begins with the empty one.
    ///
    /// # Errors
    /// [`Error::ProofRefused`] when it does not.
    pub fn verify(&self, old: &Anchor, new: &Anchor) -> Result<(), Error> {
        let path = hashes(&self.path)?;
        if *old == Anchor::EMPTY {
            return path.is_empty().then_some(()).ok_or(Error::ProofRefused);
        }
        check_tree(&path, new.size, Hash(new.root), old.size, Hash(old.root))
            .map_err(|_| Error::ProofRefused)
    }
}

/// The name of a vault's log: the first line of its checkpoints and the name of the key that signs them.
pub fn origin(vault: &VaultId) -> String {
    format!("strongroom/{vault}")
}

/// Signs `anchor` as a checkpoint of the log that `signer` is named for.
pub(super) fn sign_checkpoint(anchor: &Anchor, signer: &NoteSigner) -> Result<String, Error> {
    let checkpoint = Checkpoint::new(signer.name(), anchor.size, Hash(anchor.root), "")
        .map_err(|_| Error::MalformedNote)?;
    let text = checkpoint.to_bytes();
    signer.sign(&String::from_utf8_lossy(&text))
}

/// Checks a signed checkpoint (C2SP `tlog-checkpoint`) of the log that `verifier` is named for,
/// and gives the tree it pins.
///
/// # Errors
/// What [`NoteVerifier::verify`] gives, and [`Error::NotACheckpoint`] when the signed text is
/// not a checkpoint of that log.
pub fn verify_checkpoint(note: &str, verifier: &NoteVerifier) -> Result<Anchor, Error> {
    let text = verifier.verify(note)?;
    Checkpoint::from_bytes(text.as_bytes())
        .ok()
        .filter(|checkpoint| checkpoint.origin() == verifier.name())
        .map(|checkpoint| Anchor {
            size: checkpoint.size(),
            root: checkpoint.hash().0,
        })
        .ok_or_else(|| Error::NotACheckpoint(verifier.name().to_owned()))
}

/// The public part in a record's leaf data ([`Record::leaf`](super::Record::leaf)); nothing when
/// the data are not those of a leaf.
pub fn public_part(leaf: &[u8]) -> Option<&[u8]> {
    let (_, rest) = leaf.split_first_chunk::<4>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (public, digest) = rest.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)?;
    (digest.len() == DIGEST_BYTES).then_some(public)
}

/// Checks a C2SP `tlog-proof` for the record whose leaf data are `leaf`, and gives the record's
/// position and the tree it is in. Extra data in the text are not looked at.
///
/// # Errors
/// [`Error::MalformedProof`] for another text, what [`verify_checkpoint`] gives, and
/// [`Error::ProofRefused`] when the proof does not lead to the checkpoint.
pub fn verify_tlog_proof(
    text: &str,
    leaf: &[u8],
    verifier: &NoteVerifier,
) -> Result<(u64, Anchor), Error> {
    let (inclusion, checkpoint) = parse_tlog_proof(text).ok_or(Error::MalformedProof)?;
    let anchor = verify_checkpoint(checkpoint, verifier)?;
    inclusion.verify(leaf, &anchor)?;
    Ok((inclusion.position, anchor))
}

fn parse_tlog_proof(text: &str) -> Option<(Inclusion, &str)> {
    let (proof, checkpoint) = text.split_once("\n\n")?;
    let mut lines = proof.split('\n');
    lines.next().filter(|line| *line == TLOG_PROOF)?;
    let mut index = lines.next()?;
    if index.starts_with("extra ") {
        index = lines.next()?;
    }
    let position: u64 = index.strip_prefix("index ")?.parse().ok()?;
    if index != format!("index {position}") {
        return None;
    }
    let path = lines.map(hash_from_text).collect::<Option<_>>()?;
    Some((Inclusion { position, path }, checkpoint))
}

/// The hashes as tlog's functions take them; those copy a path once a level, so its length is checked first.
fn hashes(path: &[[u8; 32]]) -> Result<Vec<Hash>, Error> {
    (path.len() <= PATH_MAX)
        .then(|| path.iter().copied().map(Hash).collect())
        .ok_or(Error::ProofRefused)
}

mod base64_hashes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use tlog_tiles::Hash;

    use super::hash_from_text;

    pub(super) fn serialize<S: Serializer>(path: &[[u8; 32]], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(path.iter().map(|hash| Hash(*hash).to_string()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<[u8; 32]>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let path = texts.iter().map(|text| hash_from_text(text)).collect();
        Option::ok_or_else(path, || {
            D::Error::custom("a hash is 32 bytes in standard base64")
        })
    }
}
