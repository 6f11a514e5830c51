//! The changes a program made to a disk, taken from the trace of its calls.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::trace::{self, Call};
use super::tree::{Node, Tree};

/// One change.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// A new node comes under a name.
    Make {
        folder: Node,
        name: String,
        node: Node,
        is_folder: bool,
    },
    /// A node gets another name besides.
    Link {
        folder: Node,
        name: String,
        node: Node,
    },
    /// A name is taken away.
    Unlink {
        folder: Node,
        name: String,
        node: Node,
    },
    /// A node gets another name instead; what had that name gets the old one, or none.
    Rename {
        from: (Node, String),
        to: (Node, String),
        node: Node,
        exchanged: Option<Node>,
    },
    /// Bytes are written.
    Write {
        node: Node,
        offset: usize,
        bytes: Vec<u8>,
    },
    /// A file is cut or extended.
    Resize { node: Node, length: usize },
    /// A stretch becomes zeros.
    Clear {
        node: Node,
        offset: usize,
        length: usize,
    },
    /// What was done to a node before the change of that number is durable.
    Sync { node: Node, before: usize },
}

impl Change {
    /// Does it to a tree, whatever became of those before.
    pub(super) fn apply(&self, tree: &mut Tree) {
        match self {
            Self::Make {
                folder,
                name,
                node,
                is_folder,
            } => {
                // Both of a disk's two views of itself grow alike.
                if *node == tree.len() {
                    tree.grow(*is_folder);
                }
                tree.link(*folder, name, *node);
            }
            Self::Link { folder, name, node } => tree.link(*folder, name, *node),
            Self::Unlink { folder, name, node } => tree.unlink(*folder, name, *node),
            Self::Rename {
                from,
                to,
                node,
                exchanged,
            } => {
                tree.unlink(from.0, &from.1, *node);
                tree.link(to.0, &to.1, *node);
                if let Some(other) = exchanged {
                    tree.link(from.0, &from.1, *other);
                }
            }
            Self::Write {
                node,
                offset,
                bytes,
            } => tree.put(*node, *offset, bytes),
            Self::Resize { node, length } => tree.resize(*node, *length),
            Self::Clear {
                node,
                offset,
                length,
            } => tree.clear(*node, *offset, *length),
            Self::Sync { .. } => {}
        }
    }

    /// The folders whose names it changes.
    pub(super) fn folders(&self) -> Vec<Node> {
        match self {
            Self::Make { folder, .. } | Self::Link { folder, .. } | Self::Unlink { folder, .. } => {
                vec![*folder]
            }
            Self::Rename { from, to, .. } => vec![from.0, to.0],
            _ => Vec::new(),
        }
    }

    /// The file whose bytes it changes.
    pub(super) fn file(&self) -> Option<Node> {
        match self {
            Self::Write { node, .. } | Self::Resize { node, .. } | Self::Clear { node, .. } => {
                Some(*node)
            }
            _ => None,
        }
    }

    /// What it is, in a word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Make { .. } => "make",
            Self::Link { .. } => "link",
            Self::Unlink { .. } => "unlink",
            Self::Rename { .. } => "rename",
            Self::Write { .. } => "write",
            Self::Resize { .. } => "truncate",
            Self::Clear { .. } => "hole-punch",
            Self::Sync { .. } => "fsync",
        }
    }
}

/// What a program did: the disk before, every change, and how many answers it had given by then.
#[derive(Debug)]
pub(super) struct Film {
    pub(super) before: Tree,
    pub(super) changes: Vec<Change>,
    /// For each change, how many answers had been given before it ended.
    answers: Vec<usize>,
    /// Answers in all.
    pub(super) answered: usize,
    after: Tree,
    /// What a device does with its own memory, which is done altogether or not at all and not lost:
    /// for each change, whether it is of that.
    sure: Vec<bool>,
}

impl Film {
    /// What the program whose trace this is did to the disk under `root`, which was `before`. An
    /// answer is what `is_answer` takes for one among what is written or sent elsewhere.
    pub(super) fn of(before: Tree, root: &Path, trace: &str, is_answer: fn(&[u8]) -> bool) -> Self {
        let calls = trace::read(trace);
        let mut camera = Camera {
            root,
            now: before.clone(),
            open: HashMap::new(),
            files: Vec::new(),
            changes: Vec::new(),
            ends: Vec::new(),
        };
        let mut said = Vec::new();
        for call in &calls {
            if call.gave < 0 {
                continue;
            }
            if let Some(bytes) = camera.said(call) {
                if is_answer(&bytes) {
                    said.push(call.began);
                }
                continue;
            }
            camera.see(call);
        }
        let Camera {
            now, changes, ends, ..
        } = camera;
        said.sort_unstable();
        let answers = ends
            .iter()
            .map(|end| said.partition_point(|line| line < end));
        Self {
            sure: vec![false; changes.len()],
            before,
            answers: answers.collect(),
            answered: said.len(),
            changes,
            after: now,
        }
    }

    /// Changes that were told, and no answers.
    pub(super) fn told(before: Tree, changes: Vec<Change>) -> Self {
        Self {
            after: before.clone(),
            before,
            sure: vec![false; changes.len()],
            answers: vec![0; changes.len()],
            answered: 0,
            changes,
        }
    }

    /// The film with what lies under `path` as the memory of a device. What SoftHSM does to its files in
    /// place stands for what a token does inside, where no crash of this machine reaches.
    pub(super) fn with_device(mut self, path: &Path) -> Self {
        let folder = self.before.find(path).expect("a folder");
        let mut inside = self.before.under(folder);
        for (change, sure) in self.changes.iter().zip(&mut self.sure) {
            let of = change.folders().into_iter().chain(change.file());
            *sure = of.into_iter().any(|node| inside.contains(&node));
            match change {
                Change::Make { node, .. } if *sure => drop(inside.insert(*node)),
                Change::Sync { node, .. } => *sure = inside.contains(node),
                _ => {}
            }
        }
        self
    }

    /// Whether a change is one of a device's.
    pub(super) fn is_sure(&self, number: usize) -> bool {
        self.sure.get(number).copied().unwrap_or(false)
    }

    /// The first moment, from that on, at which no device is in the middle of something.
    pub(super) fn at_rest(&self, mut count: usize) -> usize {
        while count > 0 && self.is_sure(count - 1) && self.is_sure(count) {
            count += 1;
        }
        count
    }

    /// How many answers had been given when `count` changes were made and the next was not.
    pub(super) fn answers_before(&self, count: usize) -> usize {
        self.answers.get(count).copied().unwrap_or(self.answered)
    }

    /// That the trace tells everything: the disk is now what the changes make of it.
    pub(super) fn is_complete(&self, root: &Path) {
        let (told, found) = (self.after.paths(), Tree::read(root).paths());
        let differ = |path: &&String| told.get(*path) != found.get(*path);
        let differing: Vec<_> = told.keys().chain(found.keys()).filter(differ).collect();
        assert!(
            differing.is_empty(),
            "the trace does not account for {differing:?}"
        );
    }
}

/// What is known of an open file.
struct Opened {
    node: Node,
    path: PathBuf,
    at: usize,
    appends: bool,
}

struct Camera<'a> {
    root: &'a Path,
    now: Tree,
    /// What each descriptor leads to; those that were duplicated share it, and where it stands.
    open: HashMap<i64, usize>,
    files: Vec<Opened>,
    changes: Vec<Change>,
    /// For each change, the line of the trace at which its call ended.
    ends: Vec<usize>,
}

impl Camera<'_> {
    /// What a call says to somebody else than this disk, if that is what it does.
    fn said(&self, call: &Call) -> Option<Vec<u8>> {
        let elsewhere = || !self.is_inside(&call.descriptor(0).1);
        match call.name.as_str() {
            "write" | "sendto" if elsewhere() => Some(call.bytes(1)),
            "writev" | "sendmsg" if elsewhere() => Some(call.bytes(1)),
            "sendto" | "sendmsg" => Some(Vec::new()),
            _ => None,
        }
    }

    fn is_inside(&self, path: &Path) -> bool {
        path.starts_with(self.root)
    }

    /// A path from the root, for one that lies under it.
    fn within(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(self.root).ok().map(Path::to_path_buf)
    }

    fn change(&mut self, call: &Call, change: Change) {
        change.apply(&mut self.now);
        self.changes.push(change);
        self.ends.push(call.ended);
    }

    /// The node a descriptor leads to, if it is of this disk and still has a name.
    fn node(&self, call: &Call, place: usize) -> Option<Node> {
        let (descriptor, path) = call.descriptor(place);
        let within = self.within(&path)?;
        let opened = self.opened(descriptor);
        match opened.filter(|opened| opened.path == path) {
            Some(opened) => Some(opened.node),
            None => self.now.find(&within),
        }
    }

    fn opened(&self, descriptor: i64) -> Option<&Opened> {
        self.files.get(*self.open.get(&descriptor)?)
    }

    fn place(&self, path: &Path) -> Option<(Node, String)> {
        self.now.place(&self.within(path)?)
    }

    fn see(&mut self, call: &Call) {
        match call.name.as_str() {
            "open" => self.opens(call, call.path(0, None), call.argument(1)),
            "creat" => self.opens(call, call.path(0, None), "O_CREAT|O_TRUNC"),
            "openat" => self.opens(call, call.path(1, Some(0)), call.argument(2)),
            "mkdir" => self.makes(call, &call.path(0, None), true),
            "mkdirat" => self.makes(call, &call.path(1, Some(0)), true),
            "rename" => self.renames(call, &call.path(0, None), &call.path(1, None), ""),
            "renameat" | "renameat2" => {
                let (from, to) = (call.path(1, Some(0)), call.path(3, Some(2)));
                self.renames(call, &from, &to, call.argument(4));
            }
            "unlink" | "rmdir" => self.unlinks(call, &call.path(0, None)),
            "unlinkat" => self.unlinks(call, &call.path(1, Some(0))),
            "link" => self.links(call, &call.path(0, None), &call.path(1, None)),
            "linkat" => self.links(call, &call.path(1, Some(0)), &call.path(3, Some(2))),
            "symlink" | "symlinkat" => panic!("a symbolic link was made: {call:?}"),
            "write" | "writev" => self.writes_on(call),
            "pwrite64" => {
                let bytes = call.bytes(1);
                self.writes(call, 0, call.number(3), bytes);
            }
            "pwritev" | "pwritev2" => {
                let bytes = call.bytes(1);
                self.writes(call, 0, call.number(3), bytes);
            }
            "copy_file_range" => self.copies(call),
            "sendfile" => assert!(
                self.node(call, 0).is_none(),
                "a file was written by sendfile: {call:?}"
            ),
            "ftruncate" => {
                if let Some(node) = self.node(call, 0) {
                    let length = call.number(1);
                    self.change(call, Change::Resize { node, length });
                }
            }
            "truncate" => assert!(
                self.within(&call.path(0, None)).is_none(),
                "a file was cut by its name: {call:?}"
            ),
            "fallocate" => self.allocates(call),
            "fsync" | "fdatasync" => {
                if let Some(node) = self.node(call, 0) {
                    let before = self.ends_before(call.began);
                    self.change(call, Change::Sync { node, before });
                }
            }
            "lseek" => {
                let to = usize::try_from(call.gave).expect("a place");
                let file = self.open.get(&call.descriptor(0).0);
                if let Some(opened) = file.and_then(|file| self.files.get_mut(*file)) {
                    opened.at = to;
                }
            }
            "dup" | "dup2" | "dup3" => self.duplicates(call),
            "fcntl" if call.argument(1).contains("F_DUPFD") => self.duplicates(call),
            "fcntl" => {}
            "mmap" => {
                let shared = call.argument(3).contains("MAP_SHARED");
                let writable = call.argument(2).contains("PROT_WRITE");
                let inside = self.is_inside(&call.descriptor(4).1);
                assert!(
                    !(shared && writable && inside),
                    "a file is written through memory, which no trace shows: {call:?}"
                );
            }
            // It starts writing, and promises nothing.
            "sync_file_range" => {}
            other => panic!("{other} is not understood"),
        }
    }

    /// How many changes had ended when the call at that line began. A sync answers for no others.
    fn ends_before(&self, line: usize) -> usize {
        self.ends.partition_point(|ended| *ended < line)
    }

    fn opens(&mut self, call: &Call, path: PathBuf, flags: &str) {
        self.open.remove(&call.gave);
        let Some(within) = self.within(&path) else {
            return;
        };
        if flags.contains("O_CREAT") && self.now.find(&within).is_none() {
            self.makes(call, &path, false);
        }
        let Some(node) = self.now.find(&within) else {
            panic!("{} was opened and is not known", path.display());
        };
        if flags.contains("O_TRUNC") && !self.now.bytes(node).is_empty() {
            self.change(call, Change::Resize { node, length: 0 });
        }
        let opened = Opened {
            node,
            path,
            at: 0,
            appends: flags.contains("O_APPEND"),
        };
        self.open.insert(call.gave, self.files.len());
        self.files.push(opened);
    }

    fn duplicates(&mut self, call: &Call) {
        match self.open.get(&call.descriptor(0).0).copied() {
            Some(file) => self.open.insert(call.gave, file),
            None => self.open.remove(&call.gave),
        };
    }

    fn makes(&mut self, call: &Call, path: &Path, is_folder: bool) {
        if let Some((folder, name)) = self.place(path) {
            let node = self.now.len();
            self.change(
                call,
                Change::Make {
                    folder,
                    name,
                    node,
                    is_folder,
                },
            );
        }
    }

    fn renames(&mut self, call: &Call, from: &Path, to: &Path, flags: &str) {
        let (Some(from), Some(to)) = (self.place(from), self.place(to)) else {
            return;
        };
        let node = self.now.entry(from.0, &from.1).expect("it was there");
        let other = self.now.entry(to.0, &to.1);
        let exchanged = other.filter(|_| flags.contains("RENAME_EXCHANGE"));
        self.change(
            call,
            Change::Rename {
                from,
                to,
                node,
                exchanged,
            },
        );
    }

    fn unlinks(&mut self, call: &Call, path: &Path) {
        if let Some((folder, name)) = self.place(path) {
            let node = self.now.entry(folder, &name).expect("it was there");
            self.change(call, Change::Unlink { folder, name, node });
        }
    }

    fn links(&mut self, call: &Call, from: &Path, to: &Path) {
        let from = self.within(from).and_then(|from| self.now.find(&from));
        if let (Some(node), Some((folder, name))) = (from, self.place(to)) {
            self.change(call, Change::Link { folder, name, node });
        }
    }

    fn gave(call: &Call) -> usize {
        usize::try_from(call.gave).expect("a length")
    }

    fn writes(&mut self, call: &Call, place: usize, offset: usize, mut bytes: Vec<u8>) {
        bytes.truncate(Self::gave(call));
        if let Some(node) = self.node(call, place).filter(|_| !bytes.is_empty()) {
            self.change(
                call,
                Change::Write {
                    node,
                    offset,
                    bytes,
                },
            );
        }
    }

    /// Writes where the file stands.
    fn writes_on(&mut self, call: &Call) {
        let bytes = call.bytes(1);
        let offset = self.advances(call, 0);
        self.writes(call, 0, offset, bytes);
    }

    /// Where an open file stands, which moves on by what the call gave.
    fn advances(&mut self, call: &Call, place: usize) -> usize {
        let (descriptor, path) = call.descriptor(place);
        let file = self.open.get(&descriptor);
        let opened = file.and_then(|file| self.files.get_mut(*file));
        let opened = opened.unwrap_or_else(|| panic!("{} was never opened", path.display()));
        if opened.appends {
            opened.at = self.now.bytes(opened.node).len();
        }
        let at = opened.at;
        opened.at += Self::gave(call);
        at
    }

    fn copies(&mut self, call: &Call) {
        if self.node(call, 2).is_none() {
            return;
        }
        assert_eq!((call.argument(1), call.argument(3)), ("NULL", "NULL"));
        let (from, at) = (self.node(call, 0), self.advances(call, 0));
        let from = from.expect("a copy is of something on this disk");
        let bytes = self.now.bytes(from)[at..at + Self::gave(call)].to_vec();
        let offset = self.advances(call, 2);
        self.writes(call, 2, offset, bytes);
    }

    fn allocates(&mut self, call: &Call) {
        let Some(node) = self.node(call, 0) else {
            return;
        };
        let (mode, offset, length) = (call.argument(1), call.number(2), call.number(3));
        if mode.contains("PUNCH_HOLE") {
            self.change(
                call,
                Change::Clear {
                    node,
                    offset,
                    length,
                },
            );
        } else if !mode.contains("KEEP_SIZE") {
            let length = self.now.bytes(node).len().max(offset + length);
            self.change(call, Change::Resize { node, length });
        }
    }
}
