//! Folders as they are at one moment.

use std::path::Path;

/// Copies what is there, while others write; what goes away meanwhile is left out.
pub(crate) fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("made");
    let Ok(entries) = std::fs::read_dir(from) else {
        return;
    };
    for entry in entries.flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => copy_all(&entry.path(), &target),
            _ => drop(std::fs::copy(entry.path(), target)),
        }
    }
}
