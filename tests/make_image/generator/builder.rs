//! A layer under construction, and what it may count on from those below it.

use std::collections::HashSet;

use super::item::{Body, Item, Kind};
use super::random::Random;

/// What the layers so far amount to, as far as the next ones need it.
#[derive(Default)]
pub(super) struct World {
    /// Files that no layer has touched since they were made. Each is used for one thing at most.
    files: Vec<(Vec<u8>, Body)>,
    /// Directories of a few files each, for layers to do away with.
    pub(super) rooms: Vec<Vec<u8>>,
    /// All paths that were ever used, without their case.
    used: HashSet<Vec<u8>>,
}

impl World {
    /// Hands out a file that is still as it was made.
    pub(super) fn untouched(&mut self, random: &mut Random) -> Option<(Vec<u8>, Body)> {
        (!self.files.is_empty()).then(|| self.files.swap_remove(random.index(self.files.len())))
    }

    /// Returns a path that none has used, which is the given one if possible.
    pub(super) fn unused(&mut self, path: &str) -> String {
        let (front, extension) = match path.rsplit_once('.') {
            Some((front, extension)) if !extension.contains('/') => (front, format!(".{extension}")),
            _ => (path, String::new()),
        };
        let others = (2..).map(|number| format!("{front}-{number}{extension}"));
        let mut all = std::iter::once(path.to_owned()).chain(others);
        all.find(|path| self.used.insert(path.to_lowercase().into_bytes())).unwrap_or_default()
    }
}

/// What tells the layers of one tool from those of another.
#[derive(Clone, Copy)]
pub(super) struct Habits {
    /// Gives an entry its metadata.
    pub(super) dress: fn(&mut Random, &mut Item),
    /// The directories that lead to an entry have entries of their own.
    pub(super) lists_parents: bool,
    /// Targets of hard links lack the directory at the top.
    pub(super) bare_links: bool,
    /// Whether two names that differ in case are two.
    pub(super) case_counts: bool,
}

/// A layer under construction.
pub(super) struct Builder<'w> {
    pub(super) random: Random,
    pub(super) world: &'w mut World,
    habits: Habits,
    items: Vec<Item>,
    listed: HashSet<Vec<u8>>,
    left: u64,
}

impl<'w> Builder<'w> {
    pub(super) fn new(random: Random, world: &'w mut World, habits: Habits, size: u64) -> Self {
        Self { random, world, habits, items: Vec::new(), listed: HashSet::new(), left: size }
    }

    pub(super) fn finish(self) -> Vec<Item> {
        self.items
    }

    /// Bytes of the tar that are still to be filled.
    pub(super) fn left(&self) -> u64 {
        self.left
    }

    /// Adds an entry as it is.
    pub(super) fn add(&mut self, item: Item) {
        if item.path.contains(&b'/') {
            let parent = parent(&item.path).to_vec();
            if self.habits.lists_parents {
                self.directory(&parent);
            }
        }
        if matches!(item.kind, Kind::Directory) {
            let key = self.key(&item.path);
            self.listed.insert(key);
        }
        self.left = self.left.saturating_sub(item.weight());
        self.items.push(item);
    }

    /// Adds an entry with the metadata that such an entry has.
    pub(super) fn dressed(&mut self, path: &[u8], kind: Kind) -> &mut Item {
        let mut item = Item::new(path, kind);
        (self.habits.dress)(&mut self.random, &mut item);
        self.add(item);
        self.items.last_mut().expect("an item was added")
    }

    /// Returns the entry of that name.
    pub(super) fn last(&mut self, path: &[u8]) -> &mut Item {
        self.items.iter_mut().rfind(|item| item.path == path).expect("an item of that name")
    }

    /// Adds a file that later layers leave alone.
    pub(super) fn file(&mut self, path: &[u8], body: Body) -> &mut Item {
        self.dressed(path, Kind::File(body))
    }

    /// Adds a file that later layers may replace, delete, or link to.
    pub(super) fn fair_game(&mut self, path: &[u8], body: Body) -> &mut Item {
        self.offer(path, body.clone());
        self.file(path, body)
    }

    /// Offers a file to later layers.
    pub(super) fn offer(&mut self, path: &[u8], body: Body) {
        self.world.files.push((path.to_vec(), body));
    }

    pub(super) fn is_listed(&self, directory: &[u8]) -> bool {
        self.listed.contains(&self.key(directory))
    }

    /// Leaves a directory without an entry of its own, such as one that is a link in truth.
    pub(super) fn leave_out(&mut self, directory: &[u8]) {
        let key = self.key(directory);
        self.listed.insert(key);
    }

    /// Adds a directory, unless it is listed.
    pub(super) fn directory(&mut self, path: &[u8]) {
        if !self.is_listed(path) {
            self.dressed(path, Kind::Directory);
        }
    }

    pub(super) fn link(&mut self, path: &[u8], target: &[u8]) {
        let start = if self.habits.bare_links { target.iter().position(|&byte| byte == b'/') } else { None };
        let target = start.map_or(target, |slash| &target[slash + 1..]).to_vec();
        self.dressed(path, Kind::Link(target));
    }

    pub(super) fn symlink(&mut self, path: &[u8], target: &str) -> &mut Item {
        self.dressed(path, Kind::Symlink(target.as_bytes().to_vec()))
    }

    /// Adds a whiteout: nothing but a name.
    pub(super) fn whiteout(&mut self, path: &[u8]) {
        let (directory, name) = (parent(path), name(path));
        self.add(Item::new([directory, b"/.wh.", name].concat(), Kind::File(Body::Bytes(Vec::new()))));
    }

    pub(super) fn opaque(&mut self, directory: &[u8]) {
        let path = [directory, b"/.wh..wh..opq"].concat();
        self.add(Item::new(path, Kind::File(Body::Bytes(Vec::new()))));
    }

    /// Makes a directory of a few files for later layers to do away with.
    pub(super) fn room(&mut self, path: &str) {
        for name in ["one.txt", "two.txt", "inner/three.txt"] {
            let seed = self.random.next();
            self.file(format!("{path}/{name}").as_bytes(), Body::Text { len: 200, seed });
        }
        self.world.rooms.push(path.as_bytes().to_vec());
    }

    pub(super) fn text(&mut self, max: u64) -> Body {
        Body::Text { len: self.random.below(max), seed: self.random.next() }
    }

    fn key(&self, path: &[u8]) -> Vec<u8> {
        if self.habits.case_counts { path.to_vec() } else { path.to_ascii_lowercase() }
    }
}

/// Returns the directory of a path.
pub(super) fn parent(path: &[u8]) -> &[u8] {
    &path[..path.iter().rposition(|&byte| byte == b'/').unwrap_or(0)]
}

/// Returns the last name of a path.
pub(super) fn name(path: &[u8]) -> &[u8] {
    &path[path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1)..]
}
