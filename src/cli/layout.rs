//! How the objects of images are laid out.

use cimsnap::cim::ObjectLayout;
use cimsnap::cim::format::DigestKind;
use clap::ValueEnum;

/// The choice, as arguments.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct LayoutArgs {
    /// Store executables of Windows with their sections page-aligned, as Windows does
    #[arg(long)]
    expand_pe: bool,
    /// How the digests in object-id files are computed
    #[arg(long, value_enum, default_value_t, value_name = "KIND")]
    object_ids: ObjectIds,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ObjectIds {
    /// BLAKE3, of all objects that can be shared
    #[default]
    Blake3,
    /// SHA-512, of all objects, as Windows does: slower
    Windows,
}

impl LayoutArgs {
    pub(crate) fn layout(self) -> ObjectLayout {
        let object_ids = match self.object_ids {
            ObjectIds::Blake3 => DigestKind::Blake3,
            ObjectIds::Windows => DigestKind::Sha512,
        };
        ObjectLayout { expand_pe: self.expand_pe, object_ids, ..ObjectLayout::default() }
    }
}
