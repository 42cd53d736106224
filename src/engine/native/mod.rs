//! The native engine: layers written through the library of Windows, `cimfs.dll`, or another that speaks `cimfs.h`.
//!
//! ```text
//!   edits of a layer ──► layer.rs  deletions.rs ──► sys::cimfs
//!                                │ ask
//!             overlay.rs  notes.rs       lower.rs
//!             what the layer changed     what the parent has
//! ```
//!
//! The library takes edits in order, over the parent's tree, and cannot be asked what the image under construction
//! holds. So a layer is begun with its parent, and written in the order in which its image lies over others; what is
//! needed again before the end is kept aside. One layer at a time is written in a directory.
//!
//! A layer that was converted without its parent comes in the same way: `replay.rs` makes its edits once more.

mod data;
mod deletions;
mod error;
mod item;
mod kept;
mod layer;
mod lower;
mod notes;
mod overlay;
mod replay;
mod turn;

use std::path::PathBuf;

pub use data::NativeData;
pub use item::Item;
pub use kept::Contents;
pub use layer::NativeLayer;

use super::Engine;
use crate::cim::{CaseRule, CimError, ImageName, ImagePath};
pub use crate::sys::cimfs::Cimfs;
use error::Refusal;

/// Writes one image.
#[derive(Debug)]
pub struct Native {
    library: Cimfs,
    directory: PathBuf,
    parent: Option<ImageName>,
    new: ImageName,
    keep: Vec<ImagePath>,
}

impl Native {
    /// Prepares an image in a containing directory, over that of the parent if there is one.
    pub fn new(
        library: Cimfs,
        directory: impl Into<PathBuf>,
        parent: Option<ImageName>,
        new: ImageName,
    ) -> Self {
        Self { library, directory: directory.into(), parent, new, keep: Vec::new() }
    }

    /// Names files that will be read before the image is whole, should the layer have them.
    pub fn keeping(mut self, files: impl IntoIterator<Item = ImagePath>) -> Self {
        self.keep.extend(files);
        self
    }
}

impl Engine for Native {
    type Sink = NativeLayer;

    fn begin(self, case: CaseRule) -> Result<NativeLayer, CimError> {
        if case == CaseRule::Distinguish {
            return Err(Refusal::CaseMatters.into());
        }
        let functions = self.library.lacks_to_write();
        if !functions.is_empty() {
            return Err(Refusal::TooLittle { library: self.library.path().to_owned(), functions }.into());
        }
        NativeLayer::begin(self)
    }
}
