//! What lies below a root, in memory: a state that can be changed, compared, and brought to a directory.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Names a file or directory, whatever its path is or will be.
pub(crate) type Number = usize;

/// Something that is done to files and directories.
#[derive(Debug)]
pub(crate) enum Change {
    Make {
        parent: Number,
        path: PathBuf,
        number: Number,
        mode: Option<u32>,
    },
    Rename {
        parents: [Number; 2],
        from: PathBuf,
        to: PathBuf,
        number: Number,
    },
    Remove {
        parent: Number,
        path: PathBuf,
    },
    Mode {
        number: Number,
        mode: u32,
    },
    Write {
        number: Number,
        offset: usize,
        bytes: Arc<[u8]>,
    },
    SetLen {
        number: Number,
        len: usize,
    },
    /// What was done before to this file, or to the names in this directory, is on the disk.
    Sync {
        number: Number,
        names: bool,
    },
}

#[derive(Clone, Debug)]
struct Node {
    /// Of directories; files have all the same.
    mode: Option<u32>,
    bytes: Arc<Vec<u8>>,
    /// When what was loaded was last changed, which layers say of files.
    time: Option<SystemTime>,
    /// Whether it is not what it was when the state was loaded.
    touched: bool,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        (self.mode, &self.bytes) == (other.mode, &other.bytes)
    }
}

/// All that lies below a root, which has the empty path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    names: BTreeMap<PathBuf, Number>,
    nodes: HashMap<Number, Node>,
}

impl Disk {
    /// Reads a root that has no mounts.
    pub(crate) fn load(root: &Path) -> Self {
        let mut disk = Self::default();
        disk.add(root, Path::new(""));
        disk
    }

    fn add(&mut self, root: &Path, path: &Path) {
        let at = root.join(path);
        let metadata = at.symlink_metadata().unwrap();
        let directory = metadata.is_dir();
        assert!(directory || metadata.is_file(), "{}: neither file nor directory", at.display());
        let mode = directory.then_some(metadata.mode() & 0o7777);
        let bytes = Arc::new(if directory { Vec::new() } else { fs::read(&at).unwrap() });
        let number = self.unused();
        self.names.insert(path.to_owned(), number);
        self.nodes.insert(number, Node { mode, bytes, time: metadata.modified().ok(), touched: false });
        if directory {
            for entry in fs::read_dir(&at).unwrap() {
                self.add(root, &path.join(entry.unwrap().file_name()));
            }
        }
    }

    /// Returns a number that nothing has.
    pub(crate) fn unused(&self) -> Number {
        self.nodes.len()
    }

    /// Returns what has a path.
    pub(crate) fn at(&self, path: &Path) -> Option<Number> {
        self.names.get(path).copied()
    }

    /// Does what a change does. Nothing can be done to what never came to be.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Make { path, number, mode, .. } => {
                self.names.insert(path.clone(), *number);
                self.nodes
                    .insert(*number, Node { mode: *mode, bytes: Arc::default(), time: None, touched: true });
            }
            Change::Rename { from, to, .. } => {
                let number = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), number);
            }
            Change::Remove { path, .. } => drop(self.names.remove(path).unwrap()),
            Change::Mode { number, mode } => {
                self.node(*number).into_iter().for_each(|node| node.mode = Some(*mode));
            }
            Change::Write { number, offset, bytes } => self.write(*number, *offset, bytes),
            Change::SetLen { number, len } => self.set_len(*number, *len),
            Change::Sync { .. } => {}
        }
    }

    pub(crate) fn write(&mut self, number: Number, offset: usize, bytes: &[u8]) {
        let Some(contents) = self.contents(number) else { return };
        let end = offset + bytes.len();
        contents.resize(contents.len().max(end), 0);
        contents[offset..end].copy_from_slice(bytes);
    }

    pub(crate) fn set_len(&mut self, number: Number, len: usize) {
        self.contents(number).into_iter().for_each(|contents| contents.resize(len, 0));
    }

    /// Returns how long a file is.
    pub(crate) fn len(&self, number: Number) -> usize {
        self.nodes.get(&number).map_or(0, |node| node.bytes.len())
    }

    fn contents(&mut self, number: Number) -> Option<&mut Vec<u8>> {
        self.node(number).map(|node| Arc::make_mut(&mut node.bytes))
    }

    fn node(&mut self, number: Number) -> Option<&mut Node> {
        let node = self.nodes.get_mut(&number)?;
        node.touched = true;
        Some(node)
    }

    /// Returns paths, and what has them.
    fn all(&self) -> impl Iterator<Item = (&Path, Number, &Node)> {
        self.names.iter().map(|(path, number)| (path.as_path(), *number, &self.nodes[number]))
    }

    /// Returns what is the same for states that are, as long as they come from the same one.
    pub(crate) fn digest(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for (path, number, node) in self.all() {
            let contents = match node.touched {
                true => blake3::hash(&node.bytes).to_string(),
                false => number.to_string(),
            };
            hasher.update(format!("{}\n{:?}\n{contents}\n", path.display(), node.mode).as_bytes());
        }
        hasher.finalize()
    }

    /// Writes everything to a directory, which is the root.
    pub(crate) fn write_to(&self, root: &Path) {
        for (path, _, node) in self.all() {
            let at = root.join(path);
            let Some(mode) = node.mode else {
                fs::write(&at, &**node.bytes).unwrap();
                // As all files of a root: opening it has nothing to restrict.
                fs::set_permissions(&at, Permissions::from_mode(0o600)).unwrap();
                continue;
            };
            fs::create_dir_all(&at).unwrap();
            fs::set_permissions(&at, Permissions::from_mode(mode)).unwrap();
        }
        for (path, _, node) in self.all() {
            let at = File::open(root.join(path)).unwrap();
            node.time.into_iter().for_each(|time| at.set_modified(time).unwrap());
        }
    }

    /// Returns paths that are not the same in two states.
    pub(crate) fn differences(&self, other: &Self) -> Vec<PathBuf> {
        let [one, two] = [self, other].map(|disk| {
            disk.all().map(|(path, _, node)| (path.to_owned(), node)).collect::<BTreeMap<_, _>>()
        });
        let paths = one.keys().chain(two.keys()).filter(|path| one.get(*path) != two.get(*path));
        paths.cloned().collect()
    }
}
