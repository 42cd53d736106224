//! Changes become entries: the parents of each, and every name of a file that has one.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::Write;
use std::rc::Rc;

use tar::EntryType;

use super::{ChangesetOptions, Inode, Node, Tree};
use crate::cim::wsl::FileType;
use crate::layer::export::archive::{Archive, Description};
use crate::layer::export::error::ExportError;
use crate::layer::export::{ExportSummary, names};

const NANOS: i128 = 1_000_000_000;

/// A directory of the top tree.
pub(super) struct Directory {
    text: Box<[u8]>,
    description: Description,
    /// `None` for the root, which has no entry.
    parent: Option<Rc<Directory>>,
    is_written: Cell<bool>,
}

impl Directory {
    pub(super) fn root() -> Rc<Self> {
        let description = Description::bare(EntryType::Directory);
        Rc::new(Self { text: Box::default(), description, parent: None, is_written: Cell::new(true) })
    }

    pub(super) fn new(text: Vec<u8>, description: Description, parent: Rc<Self>) -> Rc<Self> {
        let is_written = Cell::new(false);
        Rc::new(Self { text: text.into(), description, parent: Some(parent), is_written })
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns the directories from this one up that have no entry yet, the lowest first.
    fn unwritten(self: &Rc<Self>) -> Vec<Rc<Self>> {
        let up = std::iter::successors(Some(self), |directory| directory.parent.as_ref());
        up.take_while(|directory| !directory.is_written.get()).cloned().collect()
    }
}

/// Names that precede the entry with the data, each with its directory.
type Earlier = Vec<(Vec<u8>, Rc<Directory>)>;

pub(super) struct ChangeWriter<W> {
    archive: Archive<W>,
    options: ChangesetOptions,
    /// The entry with the data of each file with several names.
    sources: HashMap<Inode, Box<[u8]>>,
    /// Unmodified names of files of which no entry has the data yet.
    unmodified: HashMap<Inode, Earlier>,
    summary: ExportSummary,
}

impl<W: Write> ChangeWriter<W> {
    pub(super) fn new(out: W, options: ChangesetOptions) -> Self {
        Self {
            archive: Archive::new(out),
            options,
            sources: HashMap::new(),
            unmodified: HashMap::new(),
            summary: ExportSummary::default(),
        }
    }

    /// Writes a directory, and those above it, unless they are written.
    pub(super) fn directory(&mut self, directory: &Rc<Directory>) -> Result<(), ExportError> {
        for directory in directory.unwritten().iter().rev() {
            let description = self.limited(directory.description.clone());
            self.archive.entry(&[directory.text(), b"/"].concat(), &description)?;
            directory.is_written.set(true);
            self.summary.directories += 1;
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, text: &[u8], parent: &Rc<Directory>) -> Result<(), ExportError> {
        self.directory(parent)?;
        self.summary.whiteouts += 1;
        self.archive.entry(&names::whiteout(text), &Description::bare(EntryType::Regular))
    }

    /// Writes a file that is no directory. One that is unmodified has entries only if it has more names than before.
    pub(super) fn file<T: Tree>(
        &mut self,
        tree: &mut T,
        text: Vec<u8>,
        mut node: Node<T::File>,
        is_unmodified: bool,
        parent: &Rc<Directory>,
    ) -> Result<(), ExportError> {
        if node.file_type == FileType::Socket {
            self.summary.sockets += 1;
            return Ok(());
        }
        let source = node.inode.and_then(|inode| self.sources.get(&inode)).cloned();
        if let Some(source) = source {
            return self.link(text, &node.description, &source, parent);
        }
        let earlier = match node.inode {
            Some(inode) if is_unmodified => {
                self.unmodified.entry(inode).or_default().push((text, parent.clone()));
                return Ok(());
            }
            None if is_unmodified => return Ok(()),
            Some(inode) => {
                self.sources.insert(inode, text.as_slice().into());
                self.unmodified.remove(&inode).unwrap_or_default()
            }
            None => Vec::new(),
        };
        self.directory(parent)?;
        node.description = self.limited(node.description);
        self.summary.files += 1;
        if node.file_type == FileType::Regular {
            self.summary.bytes = self.summary.bytes.saturating_add(node.size);
            tree.write_data(&text, &node, &mut self.archive)?;
        } else {
            self.archive.entry(&text, &node.description)?;
        }
        earlier.into_iter().try_for_each(|(name, parent)| self.link(name, &node.description, &text, &parent))
    }

    /// Writes one more name of a file. As containerd has it, the entry repeats everything but the data.
    fn link(
        &mut self,
        text: Vec<u8>,
        description: &Description,
        source: &[u8],
        parent: &Rc<Directory>,
    ) -> Result<(), ExportError> {
        self.directory(parent)?;
        self.summary.links += 1;
        let link = Description { kind: EntryType::Link, link: source.to_vec(), ..description.clone() };
        let link = self.limited(link);
        self.archive.entry(&text, &link)
    }

    /// Limits the time of an entry, and cuts it to whole seconds.
    fn limited(&self, mut description: Description) -> Description {
        let latest = self.options.latest_time.unwrap_or(i128::MAX);
        description.modified = description.modified.min(latest).div_euclid(NANOS).saturating_mul(NANOS);
        description
    }

    pub(super) fn finish(self) -> Result<ExportSummary, ExportError> {
        self.archive.finish()?;
        Ok(self.summary)
    }
}
