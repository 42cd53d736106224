//! What an image must hold after edits.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::content::Content;
use crate::cim::Attributes;
use crate::cim::names::MAX_NAME_UNITS;

/// A file or directory.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) attributes: Attributes,
    /// Creation, last write, change, last access.
    pub(super) times: [u64; 4],
    pub(super) security: Vec<u8>,
    pub(super) eas: Vec<u8>,
    pub(super) reparse: Vec<u8>,
    /// Empty for directories.
    pub(super) data: Content,
    pub(super) streams: BTreeMap<String, Content>,
}

impl Item {
    pub(super) fn is_directory(&self) -> bool {
        self.attributes.contains(Attributes::DIRECTORY)
    }

    pub(super) fn is_link(&self) -> bool {
        !self.reparse.is_empty()
    }
}

/// A change of an image. Paths have `/` between the names.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Put(String, Box<Item>),
    Link { new: String, existing: String },
    Delete(String),
}

/// The files of an image by their paths. The root is not among them.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    items: Vec<Item>,
    names: BTreeMap<String, usize>,
    /// Names that an edit removed, some of which may be there again.
    removed: BTreeSet<String>,
}

impl Tree {
    /// Applies edits, whose order makes sense.
    pub(super) fn apply(&mut self, edits: &[Edit]) {
        for edit in edits {
            match edit {
                Edit::Put(path, item) => self.put(path, item),
                Edit::Link { new, existing } => {
                    let item = self.names[existing];
                    self.delete(new);
                    self.names.insert(new.clone(), item);
                }
                Edit::Delete(path) => self.delete(path),
            }
        }
    }

    fn put(&mut self, path: &str, item: &Item) {
        let keeps_children = self.get(path).is_some_and(|old| {
            old.is_directory() && !old.is_link() && item.is_directory() && !item.is_link()
        });
        if !keeps_children {
            self.delete(path);
        }
        self.names.insert(path.to_owned(), self.items.len());
        self.items.push(item.clone());
    }

    fn delete(&mut self, path: &str) {
        let below = format!("{path}/");
        let removed = self.names.keys().filter(|name| *name == path || name.starts_with(&below)).cloned();
        for name in removed.collect::<Vec<_>>() {
            self.names.remove(&name);
            self.removed.insert(name);
        }
    }

    /// Returns what is at a path.
    pub(super) fn get(&self, path: &str) -> Option<&Item> {
        self.names.get(path).and_then(|&item| self.items.get(item))
    }

    /// Yields all paths in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Item)> {
        self.names.iter().map(|(path, &item)| (path.as_str(), &self.items[item]))
    }

    /// Returns how many names the file at a path has.
    pub(super) fn links(&self, path: &str) -> u32 {
        let item = self.names.get(path);
        u32::try_from(self.names.values().filter(|other| Some(*other) == item).count()).unwrap_or(u32::MAX)
    }

    /// Returns paths that nothing is at: those that were removed, and others beside each name and below each file.
    pub(super) fn absent(&self) -> Vec<String> {
        let mut absent = vec!["absent".to_owned(), "absent/below".to_owned()];
        for (path, item) in self.iter() {
            absent.push(format!("{path}x"));
            let shorter: String = path.chars().take(path.chars().count() - 1).collect();
            absent.extend((!shorter.is_empty() && !shorter.ends_with('/')).then_some(shorter));
            absent.extend((!item.is_directory() && !item.is_link()).then(|| format!("{path}/below")));
        }
        absent.extend(self.removed.iter().cloned());
        absent.retain(|path| !self.has_in_any_case(path) && is_valid(path));
        absent
    }

    fn has_in_any_case(&self, path: &str) -> bool {
        self.names.contains_key(path)
            || self.names.keys().any(|name| name.to_lowercase() == path.to_lowercase())
    }

    /// Returns the total size of all data.
    pub(super) fn bytes(&self) -> u64 {
        self.iter().map(|(_, item)| item.data.size).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns the names in a directory.
    pub(super) fn children<'t>(&'t self, directory: &str) -> impl Iterator<Item = &'t str> + 't {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let start = Bound::Included(prefix.clone());
        self.names
            .range((start, Bound::Unbounded))
            .map(|(name, _)| name.as_str())
            .take_while({
                let prefix = prefix.clone();
                move |name| name.starts_with(&prefix)
            })
            .filter_map(move |name| name.get(prefix.len()..))
            .filter(|name| !name.contains('/'))
    }
}

/// Returns whether all names of a path are short enough to be looked up.
fn is_valid(path: &str) -> bool {
    path.split('/').all(|name| name.encode_utf16().count() <= MAX_NAME_UNITS)
}
