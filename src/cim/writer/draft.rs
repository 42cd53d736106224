//! What all writers share: leaf objects go to a set, and edits to whatever keeps them.

use super::expand::PeContent;
use super::leaves::{Content, Leaves};
use super::metadata::{LeafRecord, Metadata};
use super::set::SetWriter;
use super::tree::Tree;
use crate::cim::error::{CimError, InvalidInput};
use crate::cim::format::Stream;
use crate::cim::names::{ImagePath, Name, NameRef};

/// Keeps edits: a tree applies them, a journal notes them down.
pub(super) trait Edits {
    /// Checks that a file or directory can be made at a path.
    fn check_place(&mut self, path: &ImagePath) -> Result<(), CimError>;

    /// Checks that a file or directory exists, as far as that can be known.
    fn check_exists(&mut self, path: &ImagePath) -> Result<(), CimError>;

    /// Makes a file, or a directory where `data` is one.
    fn put(&mut self, path: &ImagePath, leaf: &LeafRecord, data: Stream) -> Result<(), CimError>;

    /// Makes a file whose data is an expanded executable.
    fn put_image(&mut self, path: &ImagePath, leaf: &LeafRecord, image: &PeContent) -> Result<(), CimError>;

    /// Gives a file an alternate stream.
    fn put_stream(&mut self, path: &ImagePath, name: NameRef<'_>, data: Stream) -> Result<(), CimError>;
}

/// Leaf objects and edits in the making; at most one stream is open.
#[derive(Debug)]
pub(super) struct Draft<E> {
    pub(super) edits: E,
    leaves: Leaves,
    pending: Option<Pending>,
}

/// What the open stream belongs to.
#[derive(Debug)]
struct Pending {
    path: ImagePath,
    target: Target,
}

#[derive(Debug)]
enum Target {
    File(LeafRecord),
    /// A file that may turn out to be an executable, with its extended attributes, which are written at the end.
    Expandable(LeafRecord, Vec<u8>),
    Stream(Name),
}

impl<E: Edits> Draft<E> {
    pub(super) fn new(edits: E, set: SetWriter) -> Self {
        Self { edits, leaves: Leaves::new(set), pending: None }
    }

    pub(super) fn set(&mut self) -> &mut SetWriter {
        self.leaves.set()
    }

    /// Returns what keeps the edits, for one that needs no stream. Fails while a stream is open.
    pub(super) fn edit(&mut self) -> Result<&mut E, CimError> {
        self.leaves.require_no_stream()?;
        Ok(&mut self.edits)
    }

    /// Takes the draft apart, to be published. Fails while a stream is open.
    pub(super) fn require_no_stream(&self) -> Result<(), CimError> {
        self.leaves.require_no_stream()
    }

    /// Writes what a directory has beside its names.
    pub(super) fn directory_leaf(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
    ) -> Result<LeafRecord, CimError> {
        self.edit()?.check_place(path)?;
        self.leaves.metadata(metadata)
    }

    pub(super) fn create_directory(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
    ) -> Result<(), CimError> {
        let leaf = self.directory_leaf(path, metadata)?;
        self.edits.put(path, &leaf, Stream::EMPTY_DIRECTORY)
    }

    pub(super) fn begin_file(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
        size: u64,
    ) -> Result<(), CimError> {
        if path.is_root() {
            return Err(InvalidInput::Root("replaced by a file").into());
        }
        if metadata.is_directory() {
            return Err(InvalidInput::DirectoryData { path: path.to_string() }.into());
        }
        self.edit()?.check_place(path)?;
        if !self.set().layout().expand_pe {
            let leaf = self.leaves.metadata(metadata)?;
            return self.begin(path, Target::File(leaf), size);
        }
        metadata.check()?;
        let leaf = self.leaves.metadata(&Metadata { eas: &[], ..*metadata })?;
        self.begin(path, Target::Expandable(leaf, metadata.eas.to_vec()), size)
    }

    pub(super) fn begin_stream(&mut self, path: &ImagePath, name: &Name, size: u64) -> Result<(), CimError> {
        self.edit()?.check_exists(path)?;
        self.begin(path, Target::Stream(name.clone()), size)
    }

    /// Writes extended attributes that waited for the data.
    fn with_eas(&mut self, leaf: LeafRecord, eas: &[u8]) -> Result<LeafRecord, CimError> {
        let ea_len = u16::try_from(eas.len()).expect("a list that was checked has at most 65,535 bytes");
        Ok(LeafRecord { eas: self.leaves.eas(eas)?, ea_len, ..leaf })
    }

    fn begin(&mut self, path: &ImagePath, target: Target, size: u64) -> Result<(), CimError> {
        self.leaves.begin(size, matches!(target, Target::Expandable(..)))?;
        self.pending = Some(Pending { path: path.clone(), target });
        Ok(())
    }
}

impl Draft<Tree> {
    /// Returns whether the open stream is the data of the file at a path.
    pub(super) fn is_open_file(&self, path: &ImagePath) -> Result<bool, CimError> {
        match &self.pending {
            Some(Pending { path: open, target: Target::File(_) }) => self.edits.is_same_place(open, path),
            _ => Ok(false),
        }
    }

    /// Returns whether the open stream is an alternate stream of that name of the file at a path.
    pub(super) fn is_open_stream(&self, path: &ImagePath, name: &Name) -> Result<bool, CimError> {
        match &self.pending {
            Some(Pending { path: open, target: Target::Stream(stream) }) => {
                Ok(self.edits.is_same_name(stream.as_ref(), name.as_ref())
                    && self.edits.is_same_place(open, path)?)
            }
            _ => Ok(false),
        }
    }
}

/// Takes the data of the open stream.
pub(super) trait StreamSink {
    /// Appends all of `bytes`, or nothing where they would pass the declared size.
    fn append(&mut self, bytes: &[u8]) -> Result<(), CimError>;

    /// Closes the stream and makes the file or stream that it belongs to.
    fn finish(&mut self) -> Result<(), CimError>;

    /// Closes the stream and forgets what it belongs to.
    fn abandon(&mut self) -> Result<(), CimError>;
}

impl<E: Edits> StreamSink for Draft<E> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        self.leaves.write(bytes)
    }

    fn finish(&mut self) -> Result<(), CimError> {
        let Pending { path, target } = self.pending.take().ok_or(InvalidInput::NoStream)?;
        match (self.leaves.finish()?, target) {
            (Content::Stream(data), Target::File(leaf)) => self.edits.put(&path, &leaf, data),
            (Content::Stream(data), Target::Stream(name)) => {
                self.edits.put_stream(&path, name.as_ref(), data)
            }
            (Content::Stream(data), Target::Expandable(leaf, eas)) => {
                let leaf = self.with_eas(leaf, &eas)?;
                self.edits.put(&path, &leaf, data)
            }
            (Content::Image(image, hash), Target::Expandable(leaf, eas)) => {
                let leaf = self.with_eas(leaf, &hash.add_to(&eas))?;
                self.edits.put_image(&path, &leaf, &image)
            }
            (Content::Image(..), Target::File(_) | Target::Stream(_)) => {
                unreachable!("only expandable files are expanded")
            }
        }
    }

    fn abandon(&mut self) -> Result<(), CimError> {
        self.pending = None;
        self.leaves.abandon()
    }
}
