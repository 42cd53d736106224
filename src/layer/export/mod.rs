//! From a change to the layer that says it: the difference of two images, or of an image and the upper directory of an
//! overlay, as a tar. Importing it over the one image gives the other.
//!
//! ```text
//!   base ─┐
//!         ├─► walk through both ──► names, whiteouts, links, metadata ──► tar
//!   top ──┘
//! ```
//!
//! * Entries come in the order of their names: a directory, the whiteouts in it, then what it holds. Alternate streams
//!   follow their file. Above each entry stand the directories that lead to it, changed or not.
//! * A name that changes its case goes and comes.
//! * Of a new file with several names the first one carries the data. A file that the parent has under the same name
//!   is not written again when it gets another one.
//! * The bytes follow from the trees alone: not from the order in which they were made, and not from where or when.
//!
//! What a layer cannot say is an error that names the path. Left out are sockets, which no tar has, and what an import
//! makes by itself: the merged hives and the file `layout` of Windows. The root of a Windows image has no entry.

mod archive;
mod changes;
mod changeset;
mod error;
mod hives;
mod links;
mod linux;
mod names;
#[cfg_attr(not(target_os = "linux"), path = "no_upper.rs")]
mod upper;
mod windows;

use std::io::Write;

pub use changeset::{ChangesetOptions, export_changeset};
pub use error::{EntryError, ExportError};
pub use upper::{export_upper, export_upper_changeset};

use super::import::LayerOs;
use crate::cim::Image;
use changes::Changes;

/// How much there was of everything in an exported layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExportSummary {
    /// Files, symbolic links and devices.
    pub files: u64,
    /// Directories, those included that only lead to an entry.
    pub directories: u64,
    /// Hard links.
    pub links: u64,
    /// Alternate streams.
    pub streams: u64,
    /// Whiteouts and opaque marks.
    pub whiteouts: u64,
    /// Sockets, which were left out.
    pub sockets: u64,
    /// Bytes of all files and streams.
    pub bytes: u64,
}

/// Writes the layer that makes `top` of `base`, or of nothing, as an uncompressed tar.
///
/// Nothing in memory grows with the sizes of files; names of hard-linked files are kept.
pub fn export(
    base: Option<&Image>,
    top: &Image,
    os: LayerOs,
    out: impl Write,
) -> Result<ExportSummary, ExportError> {
    Changes::new(base, top, os, out)?.run(base)
}
