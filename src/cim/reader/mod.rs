//! Reading an image: open, look up, list, read.
//!
//! Opening maps the region files and checks their headers; the rest is checked when it is looked at, so that a huge
//! image opens as fast as a small one. An [`Image`] can be used by many threads at once.

mod budget;
mod data;
mod directory;
mod file;
mod links;
mod record;
mod regions;
mod walk;

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use zerocopy::FromBytes;
use zerocopy::little_endian::U16;

pub(in crate::cim) use budget::Budget;
pub use data::{Chunk, Data};
pub use directory::{Entries, Streams};
pub use file::File;
pub use links::Links;
pub use record::{Feature, Record};
pub use regions::{Region, Regions};
pub use walk::Visit;

use super::error::{CimError, Fault, NotFound, Place, Unsupported};
use super::files::{self, ImageName};
use super::format::{
    CommonHeader, FileKind, FileTable, Filesystem, ImageHeader, Major, RawFileTable, RawFilesystem,
    RawImageHeader, Version,
};
use super::io::{Directory, DiskDirectory, Lock};
use super::names::upcase::{UPCASE_LEN, Upcase};
use super::units::FileId;

/// An image, open for reading.
#[derive(Debug)]
pub struct Image {
    directory: Arc<dyn Directory>,
    name: ImageName,
    header: ImageHeader,
    major: Major,
    regions: Regions,
    filesystem: Filesystem,
    links: OnceLock<Links>,
    /// The directory of each file's first name, found by a walk where records do not state it.
    parents: OnceLock<HashMap<FileId, FileId>>,
}

impl Image {
    /// Opens an image by the path of its `.cim` file.
    pub fn open(path: &Path) -> Result<Self, CimError> {
        let (directory, name) = files::split_image_path(path)?;
        Self::open_in(Arc::new(DiskDirectory::new(directory)), &name)
    }

    /// Opens an image by its name in a containing directory.
    pub fn open_in(directory: Arc<dyn Directory>, name: &ImageName) -> Result<Self, CimError> {
        let header = read_header(&*directory, name)?;
        let major = require_known(name.as_str(), header.version)?;
        let regions = Regions::open(&*directory, header.sets())?;
        let bytes = regions.object("the filesystem object", header.filesystem, size::<RawFilesystem>())?;
        let filesystem =
            Filesystem::parse(bytes).map_err(|fault| regions.corrupt(header.filesystem, fault))?;
        let (name, links, parents) = (name.clone(), OnceLock::new(), OnceLock::new());
        let image = Self { directory, name, header, major, regions, filesystem, links, parents };
        image.raw_upcase()?;
        image.raw_tables()?;
        Ok(image)
    }

    /// Returns the name of the `.cim` file.
    pub fn name(&self) -> &ImageName {
        &self.name
    }

    /// Returns the containing directory.
    pub fn containing_directory(&self) -> &Arc<dyn Directory> {
        &self.directory
    }

    /// Keeps the image from being replaced, until the lock is dropped: for as long as it is mounted.
    pub fn hold(&self) -> Result<Lock, CimError> {
        let held = self.directory.hold(self.name.as_str());
        held.map_err(|error| CimError::io("lock", self.directory.path().join(self.name.as_str()), error))
    }

    /// Returns the contents of the `.cim` file.
    pub fn header(&self) -> &ImageHeader {
        &self.header
    }

    /// Returns the format version of the `.cim` file. Region files may have another: a fork keeps its parent's.
    pub fn version(&self) -> Version {
        self.header.version
    }

    /// Returns whether a file of the image has a version that is known in part: it can be read, but not written over.
    pub fn is_experimental(&self) -> bool {
        self.major.is_experimental() || self.regions.is_experimental()
    }

    /// Returns the filesystem object.
    pub fn filesystem(&self) -> &Filesystem {
        &self.filesystem
    }

    /// Returns the region files.
    pub fn regions(&self) -> &Regions {
        &self.regions
    }

    /// Returns the table that names are compared through.
    pub fn upcase(&self) -> Upcase<'_> {
        Upcase::new(self.raw_upcase().expect("checked when the image was opened"))
    }

    /// Returns the root directory.
    pub fn root(&self) -> FileId {
        self.filesystem.root
    }

    /// Reads a file's record.
    pub fn file(&self, id: FileId) -> Result<File, CimError> {
        let record = self.record(id)?;
        if record.is_free() && id != self.root() {
            return Err(self.regions.corrupt(record.place, Fault::FreeRecord { id: id.raw() }));
        }
        let file = File::new(id, &record.raw);
        Ok(match self.unknown_feature(&record) {
            Some(feature) => file.with_unknown(feature),
            None => file,
        })
    }

    /// Returns the number of file ids: the highest id that a file may have.
    pub fn file_id_limit(&self) -> u32 {
        let tables = self.filesystem.table_count;
        tables.saturating_mul(FileId::PER_TABLE)
    }

    /// Returns the entries of the file table directory.
    pub fn tables(&self) -> &[RawFileTable] {
        self.raw_tables().expect("checked when the image was opened")
    }

    /// Returns a file table with its bytes.
    pub fn table(&self, index: usize) -> Result<Option<(FileTable, &[u8])>, CimError> {
        let Some(&raw) = self.tables().get(index) else { return Ok(None) };
        let tables = self.filesystem.tables;
        let table = FileTable::try_from(raw).map_err(|fault| self.regions.corrupt(tables, fault))?;
        if table.is_empty() {
            return Ok(Some((table, &[])));
        }
        let bytes = self.regions.object("a file table", table.offset, table.len())?;
        Ok(Some((table, bytes)))
    }

    /// Returns the version that the records of a table are of: the lower one of the image and of the region that holds the
    /// table, because a fork keeps tables of its parent.
    pub(in crate::cim) fn table_major(&self, table: FileTable) -> Major {
        let region = self.regions.get(table.offset.region());
        region.map_or(self.major, |region| region.major().min(self.major))
    }

    fn raw_upcase(&self) -> Result<&[U16; UPCASE_LEN], CimError> {
        let bytes =
            self.regions.object("the upcase table", self.filesystem.upcase, size::<[U16; UPCASE_LEN]>())?;
        Ok(FromBytes::ref_from_bytes(bytes).expect("the object has the size that was asked for"))
    }

    fn raw_tables(&self) -> Result<&[RawFileTable], CimError> {
        let count = u64::from(self.filesystem.table_count);
        let len = count * size::<RawFileTable>();
        let bytes = self.regions.object("the file table directory", self.filesystem.tables, len)?;
        Ok(FromBytes::ref_from_bytes(bytes).expect("the object has the size that was asked for"))
    }
}

/// Reads the `.cim` file alone: enough to know which region files an image uses.
pub fn read_header(directory: &dyn Directory, name: &ImageName) -> Result<ImageHeader, CimError> {
    let path = directory.path().join(name.as_str());
    let bytes = directory.open(name.as_str()).map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => NotFound::Directory(directory.path().to_owned()).into(),
        io::ErrorKind::NotFound => match directory.list() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                NotFound::Directory(directory.path().to_owned()).into()
            }
            _ => NotFound::Image(path.clone()).into(),
        },
        _ => CimError::io("open", &path, error),
    })?;
    let corrupt = |fault| CimError::corrupt(Place { file: name.to_string(), offset: 0 }, fault);
    let version =
        CommonHeader::check(bytes.as_slice(), FileKind::IMAGE, size::<RawImageHeader>()).map_err(corrupt)?;
    require_known(name.as_str(), version)?;
    ImageHeader::parse(bytes.as_slice()).map_err(corrupt)
}

/// Refuses versions whose layout is not known.
fn require_known(file: &str, version: Version) -> Result<Major, CimError> {
    version.known().ok_or_else(|| Unsupported::Version { file: file.to_owned(), version }.into())
}

/// Returns a structure's size as the format counts.
fn size<T>() -> u64 {
    u64::try_from(size_of::<T>()).expect("a usize fits a u64")
}
