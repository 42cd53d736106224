//! What lies below a layer: the parent's image, read by this library where it knows the format, and by that of Windows
//! where it does not.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use super::error::failed;
use super::item::Item;
use super::kept::{Contents, Kept};
use crate::cim::format::StreamKind;
use crate::cim::io::DiskDirectory;
use crate::cim::{Attributes, CimError, ErrorKind, Image, ImageName, ImagePath, Name};
use crate::sys::Hresult;
use crate::sys::cimfs::{Cimfs, CimfsError, StatBasicInformation, WideString};

/// What lies below a layer.
pub(super) trait Lower: Debug + Send {
    /// Finds a file or directory.
    fn find(&self, path: &ImagePath) -> Result<Option<Item>, CimError>;

    /// Lists a directory. One that is not there has nothing in it. `None` where nobody can tell.
    fn children(&self, directory: &ImagePath) -> Result<Option<Vec<Name>>, CimError>;

    /// Returns the data of a file; `None` for what is no plain file.
    fn contents(&self, path: &ImagePath) -> Result<Option<Contents>, CimError>;
}

/// Opens what lies below a layer.
pub(super) fn open(
    library: &Cimfs,
    directory: &Path,
    parent: Option<&ImageName>,
) -> Result<Box<dyn Lower>, CimError> {
    let Some(parent) = parent else { return Ok(Box::new(Nothing)) };
    match Image::open_in(Arc::new(DiskDirectory::new(directory)), parent) {
        Ok(image) if image.is_experimental() => {
            let image = Arc::new(image);
            Ok(Box::new(Experimental { image, foreign: Foreign::new(library, directory, parent).ok() }))
        }
        Ok(image) => Ok(Box::new(Arc::new(image))),
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            Ok(Box::new(Foreign::new(library, directory, parent)?))
        }
        Err(error) => Err(error),
    }
}

/// A lowest layer has nothing below it.
#[derive(Debug)]
struct Nothing;

impl Lower for Nothing {
    fn find(&self, _path: &ImagePath) -> Result<Option<Item>, CimError> {
        Ok(None)
    }

    fn children(&self, _directory: &ImagePath) -> Result<Option<Vec<Name>>, CimError> {
        Ok(Some(Vec::new()))
    }

    fn contents(&self, _path: &ImagePath) -> Result<Option<Contents>, CimError> {
        Ok(None)
    }
}

impl Lower for Arc<Image> {
    fn find(&self, path: &ImagePath) -> Result<Option<Item>, CimError> {
        let Some(file) = Image::find(self, path)? else { return Ok(None) };
        let directory = file.is_directory();
        Ok(Some(match self.reparse(&file)? {
            Some(bytes) => Item::Link { directory, reparse: bytes.into() },
            None if directory => Item::Directory,
            None => Item::File,
        }))
    }

    fn children(&self, directory: &ImagePath) -> Result<Option<Vec<Name>>, CimError> {
        let found = Image::find(self, directory)?.filter(|file| file.is_directory());
        let Some(file) = found else { return Ok(Some(Vec::new())) };
        let names = self.list(&file)?.map(|entry| entry.map(|(name, _)| name.to_owned()));
        names.collect::<Result<_, _>>().map(Some)
    }

    fn contents(&self, path: &ImagePath) -> Result<Option<Contents>, CimError> {
        let found = Image::find(self, path)?.filter(|file| !file.is_directory() && !file.is_reparse_point());
        let Some(data) = found.map(|file| file.data) else { return Ok(None) };
        let (offset, len) = (data.offset, data.len.get());
        if len == 0 {
            return Ok(Some(Contents::Nothing));
        }
        if let StreamKind::Unknown(_) = data.kind {
            self.data(data)?;
        }
        if data.kind != StreamKind::Data {
            return Ok(None);
        }
        self.regions().object("the data of a file", offset, len)?;
        Ok(Some(Contents::InImage { image: self.clone(), offset, len }))
    }
}

/// An image of a version that this library knows in part: the library of Windows, where it can read at all, answers what
/// this one cannot.
#[derive(Debug)]
struct Experimental {
    image: Arc<Image>,
    foreign: Option<Foreign>,
}

impl Experimental {
    fn ask<T>(
        &self,
        known: Result<T, CimError>,
        other: impl FnOnce(&Foreign) -> Result<T, CimError>,
    ) -> Result<T, CimError> {
        match (known, &self.foreign) {
            (Err(error), Some(foreign)) if error.kind() == ErrorKind::Unsupported => other(foreign),
            (known, _) => known,
        }
    }
}

impl Lower for Experimental {
    fn find(&self, path: &ImagePath) -> Result<Option<Item>, CimError> {
        self.ask(Lower::find(&self.image, path), |foreign| foreign.find(path))
    }

    fn children(&self, directory: &ImagePath) -> Result<Option<Vec<Name>>, CimError> {
        self.ask(Lower::children(&self.image, directory), |foreign| foreign.children(directory))
    }

    fn contents(&self, path: &ImagePath) -> Result<Option<Contents>, CimError> {
        self.ask(Lower::contents(&self.image, path), |foreign| foreign.contents(path))
    }
}

/// An image that only the library of Windows can read.
#[derive(Debug)]
struct Foreign {
    library: Cimfs,
    directory: std::path::PathBuf,
    image: WideString,
}

impl Foreign {
    fn new(library: &Cimfs, directory: &Path, parent: &ImageName) -> Result<Self, CimError> {
        let path = directory.join(parent.as_str());
        let image = WideString::path(&path).map_err(failed("open", path.display()))?;
        let foreign = Self { library: library.clone(), directory: directory.to_owned(), image };
        // Whether the library can read at all shows here, and not in the midst of a layer.
        foreign.stat(&ImagePath::ROOT)?;
        Ok(foreign)
    }

    fn stat(&self, path: &ImagePath) -> Result<Option<StatBasicInformation>, CimError> {
        let found = wide(path).and_then(|wide| self.library.stat(&self.image, &wide));
        match found {
            Ok(found) => Ok(Some(found)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(failed("look up", path)(error)),
        }
    }
}

impl Lower for Foreign {
    /// Where links lead is not known: the library does not tell.
    fn find(&self, path: &ImagePath) -> Result<Option<Item>, CimError> {
        let Some(found) = self.stat(path)? else { return Ok(None) };
        let attributes = Attributes::from_bits_retain(found.file_attributes);
        let directory = attributes.contains(Attributes::DIRECTORY);
        Ok(Some(if attributes.contains(Attributes::REPARSE_POINT) {
            Item::Link { directory, reparse: Box::default() }
        } else if directory {
            Item::Directory
        } else {
            Item::File
        }))
    }

    fn children(&self, directory: &ImagePath) -> Result<Option<Vec<Name>>, CimError> {
        Ok(match self.find(directory)? {
            Some(Item::Directory) => None,
            _ => Some(Vec::new()),
        })
    }

    fn contents(&self, path: &ImagePath) -> Result<Option<Contents>, CimError> {
        let Some(Item::File) = self.find(path)? else { return Ok(None) };
        let wide = wide(path).map_err(failed("read", path))?;
        let mut copy = Kept::new(&self.directory)?;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = self.library.read(&self.image, &wide, copy.len(), &mut buffer);
            match read.map_err(failed("read", path))? {
                0 => return copy.contents().map(Some),
                count => copy.append(buffer.get(..count).unwrap_or_default())?,
            }
        }
    }
}

/// Returns a path as the library takes it.
pub(super) fn wide(path: &ImagePath) -> Result<WideString, CimfsError> {
    WideString::new(path.units().iter().map(|unit| unit.get()))
}

/// Returns whether something is not there, whichever way the library says so.
pub(super) fn is_absent(error: &CimfsError) -> bool {
    matches!(error.result(), Some(Hresult::FILE_NOT_FOUND | Hresult::PATH_NOT_FOUND))
}
