//! Copies of a real journal in a real store, brought up to date record by record.

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;

use super::copier::{Copier, Segments, key_of, pieces};
use crate::entropy::{Entropy, SystemEntropy};
use crate::id::VaultId;
use crate::journal::{Journal, Keys};
use crate::objects::embedded::Embedded;
use crate::objects::{Residency, Store};
use crate::secret::Key;
use crate::work::WorkError;
use crate::work::restore::fetch;

struct Scene {
    folder: TempDir,
    store: Store,
    running: Embedded,
    vault: VaultId,
    key: Key,
    entropy: Arc<dyn Entropy>,
}

impl Scene {
    async fn set() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::new());
        let bucket = "copies".parse().expect("a bucket");
        let lies = folder.path().join("store");
        let running = Embedded::start(&lies, bucket, Arc::clone(&entropy)).await;
        let running = running.expect("the store starts");
        let config = running.config(Residency::Uk).expect("a configuration");
        let (store, _) = Store::connect(config, &*entropy).await.expect("connects");
        Self {
            vault: VaultId::random(&*entropy).expect("entropy"),
            key: Key::random(&*entropy).expect("entropy"),
            folder,
            store,
            running,
            entropy,
        }
    }

    fn dir(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn keys(&self) -> Keys {
        Keys {
            vault: self.vault,
            journal: self.key.duplicate(),
        }
    }

    fn begin(&self, name: &str) -> Journal {
        Journal::create(&self.dir(name), self.keys(), Arc::clone(&self.entropy)).expect("begun")
    }

    /// Every open begins a segment.
    fn reopen(&self, name: &str) -> Journal {
        let opened = Journal::open::<crate::journal::Error>(
            &self.dir(name),
            self.keys(),
            None,
            u64::MAX,
            Arc::clone(&self.entropy),
            |_| Ok(()),
        );
        opened.expect("opens").0
    }

    async fn copier(&self, name: &str) -> Result<Copier, WorkError> {
        Copier::survey(self.store.clone(), self.vault, self.dir(name)).await
    }

    async fn pieces(&self) -> Segments {
        pieces(&self.store, self.vault).await.expect("listed")
    }

    /// What comes of the bucket is the journal, to the byte.
    async fn comes_back(&self, name: &str, to: &str) {
        let place = self.dir(to);
        fetch(&self.store, self.vault, &place)
            .await
            .expect("fetched");
        assert_eq!(segments(&place), segments(&self.dir(name)));
    }
}

/// The segments of a journal that have a record in them.
fn segments(dir: &Path) -> Vec<(std::ffi::OsString, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("listed") {
        let entry = entry.expect("listed");
        let bytes = std::fs::read(entry.path()).expect("read");
        let is_segment = entry.path().extension().is_some_and(|kind| kind == "seg");
        if is_segment && bytes.len() > 200 {
            found.push((entry.file_name(), bytes));
        }
    }
    found.sort();
    found
}

fn append(journal: &Journal, text: &[u8]) -> u64 {
    let position = journal.append(&[], text).expect("written");
    journal.durable_blocking(position).expect("durable");
    position + 1
}

#[tokio::test]
async fn small_pieces_are_put_together_and_the_journal_comes_back_to_the_byte() {
    let scene = Scene::set().await;
    let journal = scene.begin("journal");
    let mut copier = scene.copier("journal").await.expect("nothing is there yet");
    for number in 0..70_u8 {
        let size = append(&journal, &[number; 90]);
        assert!(copier.advance(size).await.expect("copied") > 90);
        copier.tidy().await.expect("tidied");
        if number == 40 {
            // A restart looks up how far it came, and copies nothing twice.
            copier = scene.copier("journal").await.expect("a beginning of it");
            assert_eq!(copier.records(), 41);
            assert_eq!(copier.advance(size).await.expect("nothing to do"), 0);
        }
    }
    let all = scene.pieces().await;
    let count: usize = all.values().map(Vec::len).sum();
    assert!(count <= 32, "70 pieces became {count}");
    scene.comes_back("journal", "back").await;
    journal.close().expect("closed");
    let journal = scene.reopen("journal");
    let size = append(&journal, b"in the next segment");
    copier.advance(size).await.expect("copied");
    assert_eq!(scene.pieces().await.len(), 2);
    scene.comes_back("journal", "again").await;
    let again = scene.copier("journal").await.expect("a beginning of it");
    assert_eq!(again.records(), 71);
    scene.running.stop().await;
}

#[tokio::test]
async fn a_piece_that_is_lost_is_copied_again_and_another_history_is_not_mixed_in() {
    let scene = Scene::set().await;
    let journal = scene.begin("journal");
    let mut copier = scene.copier("journal").await.expect("nothing is there yet");
    for number in 0..5_u8 {
        let size = append(&journal, &[number; 90]);
        copier.advance(size).await.expect("copied");
    }
    let all = scene.pieces().await;
    let second = key_of(scene.vault, 0, &all[&0][1]);
    scene
        .store
        .delete_everything(second)
        .await
        .expect("deleted");
    let mut copier = scene.copier("journal").await.expect("a beginning of it");
    assert_eq!(copier.records(), 1);
    copier.advance(5).await.expect("copied");
    scene.comes_back("journal", "back").await;
    // The same vault begun elsewhere from nothing: another salt, other bytes under the same names.
    let other = scene.begin("other");
    for number in 0..5_u8 {
        append(&other, &[number; 90]);
    }
    let refused = scene.copier("other").await.expect_err("another history");
    assert!(refused.to_string().contains("another history"), "{refused}");
    // One that is shorter than the copy: records that it lost are there.
    let shorter = scene.begin("shorter");
    append(&shorter, &[0; 90]);
    scene.copier("shorter").await.expect_err("it lost records");
    scene.running.stop().await;
}
