//! A comparison of what a view shows with what was written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::report::Trouble;
use super::tree::{Item, Tree};
use crate::cim::Attributes;
use crate::cim::ea::{EaError, EaList};
use crate::cim::security::{AclSlot, Control, Descriptor, SecurityError, Sid};
use crate::sys::asked_to_end;

/// The attributes that images keep.
const KEPT: Attributes = Attributes::READ_ONLY
    .union(Attributes::HIDDEN)
    .union(Attributes::SYSTEM)
    .union(Attributes::DIRECTORY)
    .union(Attributes::ARCHIVE)
    .union(Attributes::SPARSE_FILE)
    .union(Attributes::REPARSE_POINT);

/// A way to look at an image.
pub(super) trait View {
    /// Returns the names in a directory; `None` where the view cannot list any.
    fn names(&mut self, directory: &str) -> Result<Option<BTreeSet<String>>, Trouble>;

    /// Returns what is at a path; `None` where nothing is.
    fn look(&mut self, path: &str) -> Result<Option<Shown>, Trouble>;

    /// Reads the data of a file.
    fn data(&mut self, path: &str) -> Result<Vec<u8>, Trouble>;

    /// Reads an alternate stream.
    fn stream(&mut self, path: &str, stream: &str) -> Result<Vec<u8>, Trouble>;
}

/// What a view shows of a file. What it cannot show is `None`.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) attributes: u32,
    /// Creation, last write, change, last access.
    pub(super) times: [u64; 4],
    pub(super) size: u64,
    pub(super) links: Option<u32>,
    pub(super) reparse_tag: Option<u32>,
    pub(super) reparse: Option<Vec<u8>>,
    pub(super) security: Option<Vec<u8>>,
    pub(super) eas: Option<Vec<u8>>,
    pub(super) streams: Option<BTreeSet<String>>,
}

/// Compares everything; returns what was compared.
pub(super) fn compare(tree: &Tree, view: &mut dyn View) -> Result<((), String), Trouble> {
    let mut comparison = Comparison { view, differences: Vec::new() };
    comparison.directory(tree, "")?;
    for (path, item) in tree.iter() {
        if asked_to_end() {
            return Err(Trouble::new("interrupted").skip());
        }
        comparison.item(tree, path, item).map_err(|trouble| trouble.at(path))?;
    }
    let absent = tree.absent();
    for path in &absent {
        if comparison.view.look(path).map_err(|trouble| trouble.at(path))?.is_some() {
            comparison.differ(path, "is found", "nothing there");
        }
    }
    match comparison.differences.is_empty() {
        true => Ok(((), format!("{} names, {} lookups of absent names", tree.len(), absent.len()))),
        false => Err(Trouble::differences(comparison.differences)),
    }
}

struct Comparison<'v> {
    view: &'v mut dyn View,
    differences: Vec<String>,
}

impl Comparison<'_> {
    fn differ(&mut self, path: &str, found: impl fmt::Display, wanted: impl fmt::Display) {
        self.differences.push(format!("{path}: {found}, expected {wanted}"));
    }

    fn same<T: PartialEq + fmt::Debug>(&mut self, path: &str, what: &str, found: T, wanted: T) {
        if found != wanted {
            self.differ(path, format_args!("{what} {found:?}"), format_args!("{wanted:?}"));
        }
    }

    /// Compares bytes, of which only a digest of the difference is reported.
    fn bytes(&mut self, path: &str, what: &str, found: &[u8], wanted: &[u8]) {
        if found == wanted {
            return;
        }
        let first = found.iter().zip(wanted).position(|(found, wanted)| found != wanted);
        let first = first.unwrap_or(found.len().min(wanted.len()));
        let (found, wanted) = (found.len(), wanted.len());
        self.differ(
            path,
            format_args!("{what} of {found} bytes differ from byte {first} on"),
            format_args!("{wanted} bytes"),
        );
    }

    fn directory(&mut self, tree: &Tree, path: &str) -> Result<(), Trouble> {
        let Some(found) = self.view.names(path)? else { return Ok(()) };
        let wanted: BTreeSet<String> = tree.children(path).map(str::to_owned).collect();
        for name in wanted.difference(&found) {
            self.differ(path, format_args!("{name} is not listed"), "its name");
        }
        for name in found.difference(&wanted) {
            self.differ(path, format_args!("{name} is listed"), "no such name");
        }
        Ok(())
    }

    fn item(&mut self, tree: &Tree, path: &str, item: &Item) -> Result<(), Trouble> {
        let Some(shown) = self.view.look(path)? else {
            self.differ(path, "is not found", "a file");
            return Ok(());
        };
        self.metadata(tree, path, item, &shown);
        let other = in_other_case(path);
        if self.view.look(&other)?.is_none() {
            self.differ(&other, "is not found", path);
        }
        if item.is_directory() && !item.is_link() {
            self.directory(tree, path)?;
        }
        if !item.is_directory() && !item.is_link() {
            let data = self.view.data(path)?;
            self.bytes(path, "data", &data, &item.data.expected());
        }
        for (stream, content) in &item.streams {
            let data =
                self.view.stream(path, stream).map_err(|trouble| trouble.at(format_args!(":{stream}")))?;
            self.bytes(&format!("{path}:{stream}"), "data", &data, &content.expected());
        }
        Ok(())
    }

    fn metadata(&mut self, tree: &Tree, path: &str, item: &Item, shown: &Shown) {
        let mut attributes = item.attributes;
        attributes.set(Attributes::REPARSE_POINT, item.is_link());
        let found = Attributes::from_bits_retain(shown.attributes).intersection(KEPT);
        self.same(path, "attributes", format!("{:#x}", found.bits()), format!("{:#x}", attributes.bits()));
        self.same(path, "times", shown.times, item.times);
        if !item.is_directory() {
            self.same(path, "size", shown.size, item.data.size);
        }
        if let Some(links) = shown.links.filter(|_| !item.is_directory()) {
            self.same(path, "link count", links, tree.links(path));
        }
        if let Some(tag) = shown.reparse_tag {
            let wanted = item.reparse.first_chunk().map_or(0, |tag| u32::from_le_bytes(*tag));
            self.same(path, "reparse tag", format!("{tag:#x}"), format!("{wanted:#x}"));
        }
        if let Some(reparse) = &shown.reparse {
            self.bytes(path, "reparse data", reparse, &item.reparse);
        }
        if let Some(eas) = &shown.eas {
            match (attributes_of(eas), attributes_of(&item.eas)) {
                (Ok(found), Ok(wanted)) => self.same(path, "extended attributes", found, wanted),
                (Err(error), _) | (_, Err(error)) => self.differ(path, error, "extended attributes"),
            }
        }
        if let Some(security) = &shown.security {
            match same_security(security, &item.security) {
                Ok(true) => {}
                Ok(false) => self.differ(
                    path,
                    format_args!("security descriptor {security:02x?}"),
                    "the one that was written",
                ),
                Err(error) => self.differ(path, error, "a security descriptor"),
            }
        }
        if let Some(streams) = &shown.streams {
            self.same(path, "streams", streams.clone(), item.streams.keys().cloned().collect());
        }
    }
}

/// Attributes that the library adds to programs: digests for code integrity.
const ADDED: &[u8] = b"$KERNEL.PURGE.";

/// Returns the attributes of a list by their names, but for those that the library adds.
fn attributes_of(list: &[u8]) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, EaError> {
    let list = EaList::parse(list)?;
    let kept = list.iter().filter(|ea| !ea.name.starts_with(ADDED));
    Ok(kept.map(|ea| (ea.name.to_vec(), ea.value.to_vec())).collect())
}

/// Returns whether two descriptors have the same owner, group and list, wherever in the descriptor these lie.
fn same_security(one: &[u8], other: &[u8]) -> Result<bool, SecurityError> {
    let parts = |bytes| {
        let descriptor = Descriptor::parse(bytes)?;
        let list = match descriptor.dacl() {
            AclSlot::Absent | AclSlot::Null => None,
            AclSlot::List(list) => Some(
                list.aces()
                    .map(|ace| format!("{:?} {:?} {:?}", ace.kind(), ace.flags(), ace.parts()))
                    .collect::<Vec<_>>(),
            ),
        };
        let control = descriptor.control() & (Control::DACL_PRESENT | Control::DACL_PROTECTED);
        let sid = |sid: Option<Sid<'_>>| sid.map(|sid| sid.as_bytes().to_vec());
        Ok((control, sid(descriptor.owner()), sid(descriptor.group()), list))
    };
    Ok(parts(one)? == parts(other)?)
}

/// Changes the case of every letter that has one other form.
fn in_other_case(path: &str) -> String {
    let other = |c: char| {
        let (mut upper, mut lower) = (c.to_uppercase(), c.to_lowercase());
        match (upper.len(), lower.len(), upper.next(), lower.next()) {
            (1, 1, Some(upper), Some(lower)) if upper != c && upper.to_lowercase().eq([c]) => {
                debug_assert_eq!(lower, c);
                upper
            }
            (1, 1, Some(_), Some(lower)) if lower != c && lower.to_uppercase().eq([c]) => lower,
            _ => c,
        }
    };
    path.chars().map(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_with_one_other_form_change_case() {
        assert_eq!(in_other_case("Files/name 7"), "fILES/NAME 7");
        assert_eq!(in_other_case("Gr\u{FC}\u{DF}e"), "gR\u{DC}\u{DF}E");
        assert_eq!(in_other_case("\u{6F22}"), "\u{6F22}");
    }
}
