//! The index as it lay on the disk at some moment: every row that its own engine finds there.
//!
//! `anchor` begins with `"SRMINDEX" ‖ format (4) ‖ salt (32)`. A row's value is sealed under
//! HKDF-SHA256(journal key, salt, "strongroom index: sealing rows") and bound to the row's name.

use std::path::Path;

use crate::formats::{Cipher, Key, Sealed, derive};

const HEAD: usize = 8 + 4;

/// The rows of one index, and what its key is derived with.
pub struct Rows {
    salt: Vec<u8>,
    rows: Vec<Sealed>,
}

impl Rows {
    /// Opens a copy of the index in `folder`; nothing when there is none, or none that opens.
    pub fn of(folder: &Path, scratch: &Path) -> Option<Self> {
        let (mut salt, mut engine) = (None, None);
        for entry in std::fs::read_dir(folder).ok()? {
            let path = entry.ok()?.path();
            if path.is_dir() {
                engine = Some(path);
            } else if let Ok(bytes) = std::fs::read(&path)
                && bytes.starts_with(b"SRMINDEX")
            {
                salt = bytes.get(HEAD..HEAD + 32).map(<[u8]>::to_vec);
            }
        }
        let (salt, engine) = (salt?, engine?);
        let copy = scratch.join("index");
        copy_all(&engine, &copy).ok()?;
        // An image of a moment in the middle of a write may be beyond the engine.
        let read = std::panic::catch_unwind(|| rows(&copy));
        let _ = std::fs::remove_dir_all(&copy);
        let rows = read.ok()??;
        Some(Self { salt, rows })
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Every row that opens with that journal key.
    pub fn open(&self, journal_key: &Key) -> Vec<Vec<u8>> {
        let key = derive(journal_key, &self.salt, b"strongroom index: sealing rows");
        let cipher = Cipher::of(&key);
        self.rows
            .iter()
            .filter_map(|row| row.open(&cipher))
            .collect()
    }
}

fn rows(folder: &Path) -> Option<Vec<Sealed>> {
    let config = sled::Config::new().path(folder).cache_capacity(8 << 20);
    let engine = config.open().ok()?;
    let mut rows = Vec::new();
    for name in engine.tree_names() {
        for row in engine.open_tree(name).ok()?.iter() {
            let (context, bytes) = row.ok()?;
            rows.push(Sealed {
                context: context.to_vec(),
                bytes: bytes.to_vec(),
            });
        }
    }
    Some(rows)
}

fn copy_all(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_all(&entry.path(), &target)?,
            false => drop(std::fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}
