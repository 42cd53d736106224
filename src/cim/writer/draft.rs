//! What all writers share: leaf objects go to a set, and edits to whatever keeps them.

use super::leaves::Leaves;
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
        let leaf = self.leaves.metadata(metadata)?;
        self.begin(path, Target::File(leaf), size)
    }

    pub(super) fn begin_stream(&mut self, path: &ImagePath, name: &Name, size: u64) -> Result<(), CimError> {
        self.edit()?.check_exists(path)?;
        self.begin(path, Target::Stream(name.clone()), size)
    }

    fn begin(&mut self, path: &ImagePath, target: Target, size: u64) -> Result<(), CimError> {
        self.leaves.begin(size)?;
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
        let data = self.leaves.finish()?;
        match target {
            Target::File(leaf) => self.edits.put(&path, &leaf, data),
            Target::Stream(name) => self.edits.put_stream(&path, name.as_ref(), data),
        }
    }

    fn abandon(&mut self) -> Result<(), CimError> {
        self.pending = None;
        self.leaves.abandon()
    }
}
