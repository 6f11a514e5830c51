//! Folders and files in memory, as a disk would hold them: names lead to nodes, and a node keeps its
//! number whatever it is called.

use std::collections::{BTreeMap, HashSet};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path};
use std::sync::Arc;

/// A node's number.
pub(super) type Node = usize;

/// The node every path begins at.
pub(super) const ROOT: Node = 0;

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    Folder(BTreeMap<String, Node>),
    File(Arc<Vec<u8>>),
}

/// A tree of folders and files.
#[derive(Debug, Clone)]
pub(super) struct Tree(Vec<Content>);

impl Tree {
    /// A folder with nothing in it.
    pub(super) fn empty() -> Self {
        Self(vec![Content::Folder(BTreeMap::new())])
    }

    /// Everything under a folder on the real disk.
    pub(super) fn read(folder: &Path) -> Self {
        let mut tree = Self::empty();
        tree.read_into(ROOT, folder);
        tree
    }

    fn read_into(&mut self, node: Node, folder: &Path) {
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("listed").path();
            let name = name_of(&path);
            let is_folder = path.is_dir();
            let made = self.grow(is_folder);
            match is_folder {
                true => self.read_into(made, &path),
                false => self.0[made] = Content::File(Arc::new(bytes_of(&path))),
            }
            self.link(node, &name, made);
        }
    }

    /// Writes everything into a new folder on the real disk.
    pub(super) fn write(&self, folder: &Path) {
        self.write_from(ROOT, folder);
    }

    fn write_from(&self, node: Node, path: &Path) {
        match &self.0[node] {
            Content::Folder(entries) => {
                let mut builder = std::fs::DirBuilder::new();
                builder.mode(0o700).create(path).expect("a new folder");
                for (name, node) in entries {
                    self.write_from(*node, &path.join(name));
                }
            }
            Content::File(bytes) => {
                let mut options = std::fs::OpenOptions::new();
                let file = options.write(true).create_new(true).mode(0o600).open(path);
                std::io::Write::write_all(&mut file.expect("a new file"), bytes).expect("written");
            }
        }
    }

    /// How many nodes there are; the number of the next.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// A new node with nothing in it and no name.
    pub(super) fn grow(&mut self, folder: bool) -> Node {
        self.0.push(match folder {
            true => Content::Folder(BTreeMap::new()),
            false => Content::File(Arc::default()),
        });
        self.0.len() - 1
    }

    pub(super) fn is_folder(&self, node: Node) -> bool {
        matches!(self.0[node], Content::Folder(_))
    }

    /// What a name in a folder leads to.
    pub(super) fn entry(&self, folder: Node, name: &str) -> Option<Node> {
        match &self.0[folder] {
            Content::Folder(entries) => entries.get(name).copied(),
            Content::File(_) => None,
        }
    }

    /// The node at a path from the root.
    pub(super) fn find(&self, path: &Path) -> Option<Node> {
        path.components().try_fold(ROOT, |node, part| match part {
            Component::Normal(name) => self.entry(node, name.to_str()?),
            _ => None,
        })
    }

    /// The folder a path from the root lies in, and its name there.
    pub(super) fn place(&self, path: &Path) -> Option<(Node, String)> {
        let folder = self.find(path.parent()?)?;
        Some((folder, name_of(path)))
    }

    pub(super) fn link(&mut self, folder: Node, name: &str, node: Node) {
        if let Content::Folder(entries) = &mut self.0[folder] {
            entries.insert(name.to_owned(), node);
        }
    }

    /// Takes a name away, if it still leads to `node`.
    pub(super) fn unlink(&mut self, folder: Node, name: &str, node: Node) {
        if let Content::Folder(entries) = &mut self.0[folder]
            && entries.get(name) == Some(&node)
        {
            entries.remove(name);
        }
    }

    pub(super) fn bytes(&self, node: Node) -> &[u8] {
        match &self.0[node] {
            Content::File(bytes) => bytes,
            Content::Folder(_) => &[],
        }
    }

    fn file(&mut self, node: Node) -> &mut Vec<u8> {
        match &mut self.0[node] {
            Content::File(bytes) => Arc::make_mut(bytes),
            Content::Folder(_) => panic!("a folder is not written to"),
        }
    }

    /// Writes into a file, which grows as it must.
    pub(super) fn put(&mut self, node: Node, offset: usize, bytes: &[u8]) {
        let file = self.file(node);
        if file.len() < offset + bytes.len() {
            file.resize(offset + bytes.len(), 0);
        }
        file[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// Makes a file just as long as that.
    pub(super) fn resize(&mut self, node: Node, length: usize) {
        self.file(node).resize(length, 0);
    }

    /// Makes a file at least as long as that.
    pub(super) fn extend(&mut self, node: Node, length: usize) {
        let file = self.file(node);
        file.resize(length.max(file.len()), 0);
    }

    /// Replaces a stretch of a file, as far as it goes, with zeros.
    pub(super) fn clear(&mut self, node: Node, offset: usize, length: usize) {
        let file = self.file(node);
        let end = (offset + length).min(file.len());
        if let Some(stretch) = file.get_mut(offset..end) {
            stretch.fill(0);
        }
    }

    /// A folder and everything in it.
    pub(super) fn under(&self, folder: Node) -> HashSet<Node> {
        let mut found = HashSet::from([folder]);
        let mut folders = vec![folder];
        while let Some(node) = folders.pop() {
            if let Content::Folder(entries) = &self.0[node] {
                found.extend(entries.values());
                folders.extend(entries.values());
            }
        }
        found
    }

    /// Every path from the root, with its bytes; a folder has none.
    pub(super) fn paths(&self) -> BTreeMap<String, Option<Arc<Vec<u8>>>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![(String::new(), ROOT)];
        while let Some((path, node)) = folders.pop() {
            let Content::Folder(entries) = &self.0[node] else {
                continue;
            };
            for (name, node) in entries {
                let path = format!("{path}/{name}");
                match &self.0[*node] {
                    Content::Folder(_) => {
                        found.insert(path.clone(), None);
                        folders.push((path, *node));
                    }
                    Content::File(bytes) => {
                        found.insert(path, Some(Arc::clone(bytes)));
                    }
                }
            }
        }
        found
    }
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().expect("a name");
    name.to_str().expect("a plain name").to_owned()
}

/// A file's bytes; a socket or the like has none.
fn bytes_of(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("read")
}
