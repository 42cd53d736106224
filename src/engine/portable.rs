//! The portable engine: layers become layer sets, on any system.

use super::{DataSink, Engine, LayerSink};
use crate::cim::format::RegionSet;
use crate::cim::writer::StreamWriter;
use crate::cim::{
    CaseRule, CimError, Guid, ImagePath, LayerSetWriter, Metadata, Name, ObjectLayout, Site, WriterOptions,
};

/// Writes one layer set.
#[derive(Debug)]
pub struct Portable {
    site: Site,
    set: Option<Guid>,
    sync: bool,
    layout: ObjectLayout,
    layout_of_linux: ObjectLayout,
}

impl Portable {
    /// Prepares a layer set in a containing directory. `sync` says whether finishing it waits for the disk.
    pub fn new(site: impl Into<Site>, set: Guid, sync: bool) -> Self {
        Self { set: Some(set), ..Self::unnamed(site, sync) }
    }

    /// Prepares a layer set whose id is not known before its end: [`LayerSetWriter::finish_as`] gives it one.
    pub fn unnamed(site: impl Into<Site>, sync: bool) -> Self {
        let (layout, layout_of_linux) = (ObjectLayout::default(), ObjectLayout::default());
        Self { site: site.into(), set: None, sync, layout, layout_of_linux }
    }

    /// Lays the objects of all layers out in some other way than usual.
    pub fn laid_out(self, layout: ObjectLayout) -> Self {
        Self { layout, layout_of_linux: layout, ..self }
    }

    /// Lays the objects of Windows layers out in some other way than usual.
    pub fn laid_out_for_windows(self, layout: ObjectLayout) -> Self {
        Self { layout, ..self }
    }
}

impl Engine for Portable {
    type Sink = LayerSetWriter;

    fn begin(self, case: CaseRule) -> Result<LayerSetWriter, CimError> {
        let layout = match case {
            CaseRule::Fold => self.layout,
            CaseRule::Distinguish => self.layout_of_linux,
        };
        let options = WriterOptions { case, sync: self.sync, layout, set: None };
        match self.set {
            Some(set) => LayerSetWriter::create(self.site, set, options),
            None => LayerSetWriter::unnamed(self.site, options),
        }
    }
}

impl LayerSink for LayerSetWriter {
    type Output = RegionSet;
    type Data<'s> = StreamWriter<'s>;

    fn create_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        self.create_directory(path, metadata)
    }

    fn ensure_directory(&mut self, path: &ImagePath, metadata: &Metadata<'_>) -> Result<(), CimError> {
        self.ensure_directory(path, metadata)
    }

    fn create_file(
        &mut self,
        path: &ImagePath,
        metadata: &Metadata<'_>,
        size: u64,
    ) -> Result<StreamWriter<'_>, CimError> {
        self.create_file(path, metadata, size)
    }

    fn create_stream(
        &mut self,
        path: &ImagePath,
        name: &Name,
        size: u64,
    ) -> Result<StreamWriter<'_>, CimError> {
        self.create_stream(path, name, size)
    }

    fn link(&mut self, new: &ImagePath, existing: &ImagePath) -> Result<(), CimError> {
        self.link(new, existing)
    }

    fn delete(&mut self, path: &ImagePath) -> Result<(), CimError> {
        self.delete(path)
    }

    fn clear_directory(&mut self, path: &ImagePath) -> Result<(), CimError> {
        self.clear_directory(path)
    }

    fn finish(self) -> Result<RegionSet, CimError> {
        self.finish()
    }
}

impl DataSink for StreamWriter<'_> {
    fn append(&mut self, bytes: &[u8]) -> Result<(), CimError> {
        self.append(bytes)
    }

    fn finish(self) -> Result<(), CimError> {
        self.finish()
    }
}
