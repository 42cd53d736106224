//! Where the edits of a layer go: one trait, and the engines behind it.
//!
//! `layer` says once what a layer means; an engine writes it. The *portable* engine writes a layer set, which needs no
//! parent and becomes a fork at commit. The *native* engine has the library of Windows write an image over the parent's.

mod choice;
pub mod native;
mod portable;

pub use choice::{Decision, EngineChoice, EngineKind, Engines, NoNativeEngine, Probe, choose};
pub use native::Native;
pub use portable::Portable;

use crate::cim::{CaseRule, CimError, ImagePath, Metadata, Name};

/// Begins layers.
pub trait Engine {
    /// Takes the edits of one layer.
    type Sink: LayerSink;

    /// Begins a layer whose names are compared in a certain way.
    fn begin(self, case: CaseRule) -> Result<Self::Sink, CimError>;
}

/// Takes the edits of one layer, in the order of the layer. One that is dropped unfinished leaves nothing behind.
///
/// Paths are final, and a directory is made before what lies in it; whether that holds for what the parent has shows
/// when both come together.
pub trait LayerSink {
    /// What a finished layer is.
    type Output;

    /// Takes the data of one file.
    type Data<'s>: DataSink
    where
        Self: 's;

    /// Makes a directory in place of whatever has the path. In place of a directory it takes over the children.
    fn create_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError>;

    /// Makes a directory, unless the path is one already. The root is there if the layer has a parent.
    fn ensure_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError>;

    /// Makes a file of `size` bytes, in place of whatever has the path.
    fn create_file(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
        size: u64,
    ) -> Result<Self::Data<'_>, CimError>;

    /// Makes an alternate stream of `size` bytes.
    fn create_stream(&mut self, path: &ImagePath, name: &Name, size: u64)
    -> Result<Self::Data<'_>, CimError>;

    /// Gives a file, of this layer or of the parent, another name, in place of whatever has it.
    fn link(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), CimError>;

    /// Deletes a name of the parent, with all below it. What this layer has there stays, and comes when it may.
    fn delete(&mut self, path: &ImagePath) -> Result<(), CimError>;

    /// Deletes everything that the parent has in a directory. What this layer has there stays.
    fn clear_directory(&mut self, path: &ImagePath) -> Result<(), CimError>;

    /// Makes the layer last.
    fn finish(self) -> Result<Self::Output, CimError>;
}

/// Takes the data of a file or stream. It is made when this is finished; dropping it leaves the layer as it was, or unfit
/// to be finished.
pub trait DataSink {
    /// Appends bytes.
    fn append(&mut self, bytes: &[u8]) -> Result<(), CimError>;

    /// Makes what the data belongs to. What was not appended reads as zeros.
    fn finish(self) -> Result<(), CimError>;
}
