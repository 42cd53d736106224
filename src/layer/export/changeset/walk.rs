//! The walk through both trees.

use std::io::Write;
use std::iter::Peekable;
use std::rc::Rc;
use std::vec::IntoIter;

use super::writer::{ChangeWriter, Directory};
use super::{ChangesetOptions, Node, Tree, join, list, node};
use crate::cim::diff::Side;
use crate::cim::reader::File;
use crate::cim::wsl::FileType;
use crate::cim::{FileId, Image};
use crate::layer::export::error::ExportError;
use crate::layer::export::{ExportSummary, names};

const NANOS: i128 = 1_000_000_000;

/// Writes the changes from an image, or from nothing, to a tree.
pub(in crate::layer::export) fn run<T: Tree, W: Write>(
    base: Option<&Image>,
    tree: T,
    options: ChangesetOptions,
    out: W,
) -> Result<ExportSummary, ExportError> {
    let base = base.map(|image| Base { image, side: Side::new(image) });
    Walk { base, tree, writer: ChangeWriter::new(out, options) }.run()
}

struct Walk<'a, T, W> {
    base: Option<Base<'a>>,
    tree: T,
    writer: ChangeWriter<W>,
}

struct Base<'a> {
    image: &'a Image,
    side: Side<'a>,
}

/// A directory that the walk is in.
struct Level<F> {
    directory: Rc<Directory>,
    steps: IntoIter<Step<F>>,
}

/// A name, and what each tree has by it.
struct Step<F> {
    name: Vec<u8>,
    base: Option<FileId>,
    top: Option<Node<F>>,
}

impl<T: Tree, W: Write> Walk<'_, T, W> {
    fn run(mut self) -> Result<ExportSummary, ExportError> {
        let root = self.tree.root()?;
        let base = self.base.as_ref().map(|base| base.image.file(base.image.root())).transpose()?;
        let mut open = vec![self.enter(Directory::root(), &root, base)?];
        while let Some(level) = open.last_mut() {
            let Some(step) = level.steps.next() else {
                open.pop();
                continue;
            };
            let text = join(level.directory.text(), &step.name);
            let base = self.base.as_ref().zip(step.base).map(|(base, id)| base.image.file(id)).transpose()?;
            let parent = level.directory.clone();
            let Some(top) = step.top else {
                if base.is_some() {
                    self.writer.delete(&text, &parent)?;
                }
                continue;
            };
            let is_unchanged = match &base {
                Some(base) => self.is_unchanged(base, &text, &top)?,
                None => false,
            };
            if top.file_type == FileType::Directory {
                let Node { description, file, .. } = top;
                let directory = Directory::new(text, description, parent);
                if !is_unchanged {
                    self.writer.directory(&directory)?;
                }
                open.push(self.enter(directory, &file, base.filter(File::is_directory))?);
            } else {
                self.writer.file(&mut self.tree, text, top, is_unchanged, &parent)?;
            }
        }
        self.writer.finish()
    }

    /// Lists a directory of both trees.
    fn enter(
        &mut self,
        directory: Rc<Directory>,
        top: &T::File,
        base: Option<File>,
    ) -> Result<Level<T::File>, ExportError> {
        let text = directory.text();
        let listing = self.tree.list(top, text)?;
        let base_names = match (&mut self.base, base) {
            (Some(base), Some(below)) if listing.is_complete => list(&mut base.side, below, text)?,
            (Some(base), Some(below)) => find(base.image, &below, &listing.names)?,
            _ => Vec::new(),
        };
        let steps = merge(base_names.into_iter().peekable(), listing.names.into_iter().peekable());
        Ok(Level { directory, steps: steps.into_iter() })
    }

    /// Returns whether containerd takes two files by one name for the same.
    fn is_unchanged(&mut self, base: &File, text: &[u8], top: &Node<T::File>) -> Result<bool, ExportError> {
        let Some(Base { image, .. }) = self.base else { return Ok(false) };
        if self.tree.is_unchanged(base, top)? {
            return Ok(true);
        }
        let before = node(image, *base, None, text)?;
        let (old, new) = (&before.description, &top.description);
        let owner = (old.uid, old.gid) == (new.uid, new.gid);
        let kind = (before.file_type, old.mode, old.device) == (top.file_type, new.mode, new.device);
        if !owner || !kind || old.records != new.records {
            return Ok(false);
        }
        if top.file_type == FileType::Directory {
            return Ok(true);
        }
        if before.size != top.size || old.modified != new.modified {
            return Ok(false);
        }
        // A time in whole seconds may have been cut, and then says nothing of the data.
        Ok(new.modified.rem_euclid(NANOS) != 0
            || match top.file_type {
                FileType::Symlink => old.link == new.link,
                FileType::Regular => self.tree.has_same_data((image, base), text, top)?,
                _ => true,
            })
    }
}

/// Finds the names of a listing in a directory of the base.
fn find<N>(
    base: &Image,
    directory: &File,
    listed: &[(Vec<u8>, N)],
) -> Result<Vec<(Vec<u8>, FileId)>, ExportError> {
    let mut found = Vec::new();
    for (name, _) in listed {
        if let Some(id) = names::find_linux(base, directory, name)? {
            found.push((name.clone(), id));
        }
    }
    Ok(found)
}

/// Names with what each stands for, in order.
type Named<T> = Peekable<IntoIter<(Vec<u8>, T)>>;

/// Merges two lists of names that are sorted alike.
fn merge<F>(mut base: Named<FileId>, mut top: Named<Option<Node<F>>>) -> Vec<Step<F>> {
    let mut steps = Vec::with_capacity(base.len().max(top.len()));
    loop {
        let order = match (base.peek(), top.peek()) {
            (Some((base, _)), Some((top, _))) => base.cmp(top),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (None, None) => return steps,
        };
        let old = if order.is_le() { base.next() } else { None };
        let new = if order.is_ge() { top.next() } else { None };
        let (new_name, top) = new.map_or((None, None), |(name, node)| (Some(name), node));
        let (old_name, base) = old.map_or((None, None), |(name, id)| (Some(name), Some(id)));
        let Some(name) = new_name.or(old_name) else { return steps };
        steps.push(Step { name, base, top });
    }
}
