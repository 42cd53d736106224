//! An image in the making, as far as it takes to complete it.

use std::io::Write;

use super::CommitError;
use crate::cim::format::StreamKind;
use crate::cim::reader::Regions;
use crate::cim::{CimError, ImagePath, Metadata, RegionOffset, Writer};
use crate::engine::native::{Item, NativeData, NativeLayer};
use crate::engine::{DataSink, LayerSink};

/// The bytes of a hive, wherever they lie.
pub(super) type Hive = Box<dyn AsRef<[u8]>>;

/// An image in the making, with all of its layer in it.
pub(super) trait Draft {
    /// Takes the data of a file.
    type Data<'s>: DataSink + Write
    where
        Self: 's;

    /// Finds what is at a path now.
    fn find(&self, path: &ImagePath) -> Result<Option<Item>, CimError>;

    /// Returns whether the layer has brought a file, rather than its parent.
    fn is_of_layer(&self, path: &ImagePath) -> Result<bool, CimError>;

    /// Returns the bytes of a hive; `None` for what is no plain file.
    fn hive(&self, path: &ImagePath) -> Result<Option<Hive>, CommitError>;

    /// Makes a directory.
    fn create_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError>;

    /// Makes a file.
    fn create_file(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
        size: u64,
    ) -> Result<Self::Data<'_>, CimError>;

    /// Gives a file another name.
    fn link(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), CimError>;

    /// Makes a link that does not say where it leads one to a directory.
    fn lead_to_directory(&mut self, link: &ImagePath) -> Result<(), CimError>;
}

impl Draft for Writer {
    type Data<'s> = crate::cim::writer::StreamWriter<'s>;

    fn find(&self, path: &ImagePath) -> Result<Option<Item>, CimError> {
        let Some(file) = self.find(path)? else { return Ok(None) };
        let directory = file.is_directory();
        Ok(Some(match (file.is_reparse_point(), directory) {
            (false, true) => Item::Directory,
            (false, false) => Item::File,
            (true, _) => {
                let bytes = self.inherited_regions().counted("reparse data", file.reparse)?;
                Item::Link { directory, reparse: bytes.unwrap_or_default().into() }
            }
        }))
    }

    fn is_of_layer(&self, path: &ImagePath) -> Result<bool, CimError> {
        Ok(self.find(path)?.is_some_and(|file| self.is_added(&file)))
    }

    fn hive(&self, path: &ImagePath) -> Result<Option<Hive>, CommitError> {
        let Some(file) = self.find(path)? else { return Ok(None) };
        let (offset, len) = (file.data.offset, file.data.len.get());
        let is_plain = len == 0 || file.data.kind == StreamKind::Data;
        if file.is_directory() || file.is_reparse_point() || !is_plain {
            return Ok(None);
        }
        let regions = self.inherited_regions().clone();
        regions.object(InRegion::WHAT, offset, len)?;
        Ok(Some(Box::new(InRegion { regions, offset, len })))
    }

    fn create_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        self.create_directory(path, metadata)
    }

    fn create_file(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
        size: u64,
    ) -> Result<Self::Data<'_>, CimError> {
        self.create_file(path, metadata, size)
    }

    fn link(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), CimError> {
        self.link(new, existing)
    }

    fn lead_to_directory(&mut self, link: &ImagePath) -> Result<(), CimError> {
        self.lead_to_directory(link)
    }
}

/// Bytes that lie in regions, in one piece.
struct InRegion {
    regions: Regions,
    offset: RegionOffset,
    len: u64,
}

impl InRegion {
    const WHAT: &str = "a registry hive";
}

impl AsRef<[u8]> for InRegion {
    /// Checked when this was made, and what lies in regions does not change.
    fn as_ref(&self) -> &[u8] {
        self.regions.object(Self::WHAT, self.offset, self.len).unwrap_or_default()
    }
}

impl Draft for NativeLayer {
    type Data<'s> = NativeData<'s>;

    fn find(&self, path: &ImagePath) -> Result<Option<Item>, CimError> {
        self.find(path)
    }

    fn is_of_layer(&self, path: &ImagePath) -> Result<bool, CimError> {
        Ok(self.is_of_layer(path))
    }

    fn hive(&self, path: &ImagePath) -> Result<Option<Hive>, CommitError> {
        Ok(self.contents(path)?.map(|contents| Box::new(contents) as Hive))
    }

    fn create_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        LayerSink::create_directory(self, path, metadata)
    }

    fn create_file(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
        size: u64,
    ) -> Result<Self::Data<'_>, CimError> {
        LayerSink::create_file(self, path, metadata, size)
    }

    fn link(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), CimError> {
        LayerSink::link(self, new, existing)
    }

    fn lead_to_directory(&mut self, link: &ImagePath) -> Result<(), CimError> {
        self.lead_to_directory(link)
    }
}
