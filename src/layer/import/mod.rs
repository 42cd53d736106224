//! From the blob of a layer to a layer in an engine, in one pass and without its parent.
//!
//! ```text
//!   LayerStream ──► TarReader ──► names, whiteouts, metadata, links ──► LayerSink ──► layer
//! ```
//!
//! What an entry means depends on the system that the layer is for; the rules are in `linux` and `windows`. Common to
//! both:
//!
//! * Whiteouts and opaque marks act on what the parent has, wherever in the layer they stand.
//! * Of entries with the same name the last one wins. A file in place of a directory ends what was in it.
//! * Directories that no entry names are made, unless the parent has them.
//! * Hard links are made at the end of the layer, each after the link that it leads to.
//!
//! The layer is finished only after its stream has proved to be what was expected; until then nothing is visible.

mod data;
mod error;
mod importer;
mod links;
mod linux;
mod os;
mod place;
mod windows;

pub use error::{EntryError, ImportError, NameError};
pub use os::{LayerOs, UnknownOs};

use super::metadata::Remark;
use super::stream::{LayerStream, StreamSummary};
use super::tar::TarReader;
use crate::engine::{Engine, LayerSink};
use importer::Importer;

/// How to import a layer.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// The system that the layer is for. Without it the first entry decides.
    pub os: Option<LayerOs>,
    /// What a hostile layer may cost, beyond what its stream may.
    pub limits: ImportLimits,
}

/// Limits on what a hostile layer can cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportLimits {
    /// Most entries, and directories that are made for them.
    pub entries: u64,
    /// Most bytes of memory that hard links may take, which wait for the end of the layer.
    pub link_bytes: usize,
    /// Most bytes of memory that the paths of deletions may take, which come before all else.
    pub deletion_bytes: usize,
    /// Most zeros that the holes of sparse files may take in the image.
    pub hole_bytes: u64,
}

/// Four million entries, where the largest images have some hundred thousand; links of a quarter of a million short
/// names, or a hundred thousand long ones; a hundred thousand deletions; as many zeros as a stream may have before it is suspect.
impl Default for ImportLimits {
    fn default() -> Self {
        Self { entries: 4_000_000, link_bytes: 48 << 20, deletion_bytes: 16 << 20, hole_bytes: 16 << 30 }
    }
}

/// A layer that was imported.
#[derive(Debug)]
pub struct Imported<L> {
    /// What the engine made of it.
    pub layer: L,
    /// The system that it is for.
    pub os: LayerOs,
    /// What the blob turned out to be.
    pub stream: StreamSummary,
    /// What was in it.
    pub report: Report,
}

/// What was in a layer, in figures and in words.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How much there was of everything.
    pub counts: Counts,
    /// Odd things about entries, as far as there was room.
    pub remarks: Vec<(String, Remark)>,
}

/// How much there was of everything in a layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Files, symbolic links and devices.
    pub files: u64,
    /// Directories that entries name.
    pub directories: u64,
    /// Hard links.
    pub links: u64,
    /// Alternate streams.
    pub streams: u64,
    /// Whiteouts and opaque marks.
    pub deletions: u64,
    /// Bytes of all files and streams, holes included.
    pub bytes: u64,
    /// Remarks, whether there was room for them or not.
    pub remarks: u64,
}

/// Imports a layer.
pub fn import<E: Engine>(
    stream: LayerStream,
    engine: E,
    options: &ImportOptions,
) -> Result<Imported<<E::Sink as LayerSink>::Output>, ImportError> {
    let Imported { layer, os, stream, report } = prepare(stream, engine, options)?;
    Ok(Imported { layer: layer.finish()?, os, stream, report })
}

/// Imports a layer but for its last step, for whoever wants to name it by what its stream turned out to be.
pub fn prepare<E: Engine>(
    stream: LayerStream,
    engine: E,
    options: &ImportOptions,
) -> Result<Imported<E::Sink>, ImportError> {
    let mut tar = TarReader::new(stream);
    match read(&mut tar, engine, options) {
        Ok((layer, os, report)) => {
            let stream = tar.into_inner().finish()?;
            Ok(Imported { layer, os, stream, report })
        }
        // Bytes that make no sense are often not the bytes that were asked for.
        Err(error) if error.is_of_content() => Err(match tar.into_inner().verdict() {
            Some(other) => ImportError::Stream(other),
            None => error,
        }),
        Err(error) => Err(error),
    }
}

/// Imports all entries.
fn read<E: Engine>(
    tar: &mut TarReader<LayerStream>,
    engine: E,
    options: &ImportOptions,
) -> Result<(E::Sink, LayerOs, Report), ImportError> {
    let mut next = tar.next_entry()?;
    let os = match (options.os, &next) {
        (Some(os), _) => os,
        (None, Some(first)) => LayerOs::of_entry(first),
        (None, None) => LayerOs::Linux,
    };
    let mut importer = Importer::new(os, engine.begin(os.case())?, options.limits)?;
    while let Some(entry) = next {
        importer.entry(&entry, tar)?;
        next = tar.next_entry()?;
    }
    let (sink, report) = importer.finish()?;
    Ok((sink, os, report))
}
