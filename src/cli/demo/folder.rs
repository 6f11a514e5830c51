//! A private folder that goes when the story ends, copies of folders, and looking through them.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cli::profile::refused_by_system;
use crate::entropy::Entropy;

/// How often, and how far apart, a folder is removed again when something was still written to it.
const REMOVAL_TRIES: usize = 10;
const REMOVAL_WAIT: Duration = Duration::from_millis(100);

/// A folder of a random name that nobody else can look into; dropping it removes it.
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Makes one where temporary files go.
    pub(super) fn new(entropy: &dyn Entropy) -> Result<Self, Failure> {
        let mut name = [0; 8];
        let drawn = entropy.fill(&mut name);
        drawn.map_err(|error| Failure::failed(error.to_string()))?;
        let path = std::env::temp_dir().join(format!("strongroom-demo-{}", hex(&name)));
        make(&path)?;
        Ok(Self(path))
    }

    /// A path in it.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A new folder in it.
    pub(super) fn make(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.join(name);
        make(&path)?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let mut removed = std::fs::remove_dir_all(&self.0);
        for _ in 0..REMOVAL_TRIES {
            if removed.is_ok() {
                return;
            }
            // A gateway that was interrupted may still be writing.
            std::thread::sleep(REMOVAL_WAIT);
            removed = std::fs::remove_dir_all(&self.0);
        }
        if let Err(error) = removed {
            let place = self.0.display();
            tracing::error!(%error, "the demo's folder {place} could not be removed: remove it yourself");
        }
    }
}

fn make(path: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(|error| refused_by_system("create", path, &error))
}

/// Bytes in hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A length in the unit it is best told in.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..1_000_000 => format!("{} KB", bytes / 1000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

/// The bytes of a file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| refused_by_system("read", path, &error))
}

/// Copies a folder with everything in it, as a backup program would.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    make(to)?;
    for entry in entries(from)? {
        let name = entry.file_name().unwrap_or_default();
        let there = to.join(name);
        match entry.is_dir() {
            true => copy(&entry, &there)?,
            false => std::fs::copy(&entry, &there)
                .map(drop)
                .map_err(|error| refused_by_system("copy", &entry, &error))?,
        }
    }
    Ok(())
}

/// Something to look for: what it is, and its bytes.
pub(super) type Trace = (&'static str, Vec<u8>);

/// What looking through a folder found.
pub(super) struct Search {
    /// Files looked through.
    pub(super) files: usize,
    /// Bytes looked through.
    pub(super) bytes: u64,
    /// What was found, and in which file.
    pub(super) found: Vec<String>,
}

/// Looks for `traces` in every byte of every file in `dir`, and in the files' names.
pub(super) fn search(dir: &Path, traces: &[Trace]) -> Result<Search, Failure> {
    let mut search = Search {
        files: 0,
        bytes: 0,
        found: Vec::new(),
    };
    let mut folders = vec![dir.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for path in entries(&folder)? {
            let name = path.file_name().unwrap_or_default();
            search.note(&path, name.as_bytes(), traces);
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            match std::fs::read(&path) {
                Ok(bytes) => {
                    search.files += 1;
                    search.bytes += bytes.len() as u64;
                    search.note(&path, &bytes, traces);
                }
                // The gateway is at work meanwhile, and has files that come and go.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(refused_by_system("read", &path, &error)),
            }
        }
    }
    Ok(search)
}

impl Search {
    fn note(&mut self, path: &Path, bytes: &[u8], traces: &[Trace]) {
        let begins: Vec<u8> = traces
            .iter()
            .filter_map(|(_, t)| t.first().copied())
            .collect();
        let begins: Vec<bool> = (0..=u8::MAX).map(|byte| begins.contains(&byte)).collect();
        for (at, byte) in bytes.iter().enumerate() {
            if begins.get(usize::from(*byte)) != Some(&true) {
                continue;
            }
            let here = bytes.get(at..).unwrap_or_default();
            let found = traces.iter().filter(|(_, trace)| here.starts_with(trace));
            let found = found.map(|(what, _)| format!("{what} in {}", path.display()));
            self.found.extend(found);
        }
    }
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| refused_by_system("read", folder, &error);
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries
        .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_trace_is_found_in_contents_and_names_and_the_folder_goes() {
        let folder = Folder::new(&SystemEntropy::new()).expect("a folder");
        let mode = std::fs::metadata(&folder.0)
            .expect("it is there")
            .permissions();
        assert_eq!(mode.mode() & 0o777, 0o700);
        let inner = folder.make("inner").expect("a folder in it");
        std::fs::write(inner.join("a.bin"), b"..cacanary..").expect("written");
        std::fs::write(inner.join("canary.txt"), b"nothing").expect("written");
        let copied = folder.join("copied");
        copy(&inner, &copied).expect("copied");
        let traces = [("the bird", b"canary".to_vec()), ("a cat", b"cat".to_vec())];
        let search = search(&copied, &traces).expect("searched");
        assert_eq!((search.files, search.bytes), (2, 19));
        assert_eq!(search.found.len(), 2, "{:?}", search.found);
        let path = folder.0.clone();
        drop(folder);
        assert!(!path.exists());
    }
}
