//! The keyring: what is destroyed stays destroyed, what is not stays readable, and the root slot
//! never holds neither root.

mod slots;
mod tree;
mod unlock;

use secrecy::ExposeSecret as _;
use strongroom::entropy::SystemEntropy;
use strongroom::id::VaultId;
use strongroom::keyring::unlock::{generate_identity, identities_from_bytes, no_answer};
use strongroom::keyring::{Ask, FileSlot, Identities, MemoryNodes, Recipients, Root, UnlockError};
use strongroom::secret::SecretBytes;

fn entropy() -> SystemEntropy {
    SystemEntropy::new()
}

fn vault() -> VaultId {
    VaultId::random(&entropy()).expect("entropy")
}

/// A slot's story: a vault, an identity that opens it, and a directory for the files.
struct Slots {
    directory: tempfile::TempDir,
    identities: Identities,
    recipients: Recipients,
    root: Root,
}

impl Slots {
    fn new() -> Self {
        let (identities, recipient) = identity();
        Self {
            directory: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory"),
            identities,
            recipients: Recipients::parse([recipient]).expect("a recipient"),
            root: Root::first(vault(), &entropy()).expect("entropy"),
        }
    }

    fn create(&self, name: &str) -> FileSlot {
        let path = self.directory.path().join(name);
        FileSlot::create(&path, &self.root, &self.recipients).expect("made")
    }

    fn next(&self) -> Root {
        let drawn = self
            .root
            .tree()
            .destroy(&MemoryNodes::default(), &[], &entropy());
        self.root.after(&drawn.expect("an empty tree"))
    }
}

fn identity() -> (Identities, String) {
    let (secret, recipient) = generate_identity();
    (
        parse(secret.expose_secret(), &no_answer()).expect("an identity"),
        recipient,
    )
}

fn parse(text: &str, ask: &Ask) -> Result<Identities, UnlockError> {
    identities_from_bytes(&SecretBytes::new(text.as_bytes().to_vec()), ask)
}
