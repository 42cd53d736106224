//! Ways to look at an image: through the portable reader, through the library, and as a mounted volume.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::compare::{Shown, View};
use super::platform;
use super::report::Trouble;
use crate::cim::check::{CheckOptions, check_in};
use crate::cim::format::Stream;
use crate::cim::io::DiskDirectory;
use crate::cim::reader::File;
use crate::cim::{Image, ImagePath, Name, files};
use crate::sys::Hresult;
use crate::sys::cimfs::{Cimfs, CimfsError, WideString};

/// Findings of a check that are reported.
const MAX_FINDINGS: usize = 20;

/// Bytes that the library is asked for at once.
const PIECE: usize = 40_000;

/// Checks every rule of the format.
pub(super) fn check(image: &Path) -> Result<((), String), Trouble> {
    let (directory, name) = files::split_image_path(image)?;
    let options = CheckOptions { deep: true, max_findings: MAX_FINDINGS };
    let report = check_in(std::sync::Arc::new(DiskDirectory::new(&directory)), &name, options)?;
    if report.is_sound() {
        return Ok(((), format!("{} files, {} notes", report.seen.files, report.notes)));
    }
    Err(Trouble::differences(report.findings.iter().map(ToString::to_string).collect()))
}

/// The portable reader.
pub(super) struct Portable(Image);

impl Portable {
    pub(super) fn open(image: &Path) -> Result<Self, Trouble> {
        Ok(Self(Image::open(image)?))
    }

    fn file(&self, path: &str) -> Result<Option<File>, Trouble> {
        Ok(self.0.find(&ImagePath::parse(path)?)?)
    }

    fn require(&self, path: &str) -> Result<File, Trouble> {
        self.file(path)?.ok_or_else(|| Trouble::new("is not found"))
    }

    fn bytes(&self, stream: Stream) -> Result<Vec<u8>, Trouble> {
        let data = self.0.data(stream)?;
        let mut bytes = vec![0; usize::try_from(data.len()).unwrap_or(0)];
        let read = data.read_at(&mut bytes, 0);
        bytes.truncate(read);
        Ok(bytes)
    }
}

impl View for Portable {
    fn names(&mut self, directory: &str) -> Result<Option<BTreeSet<String>>, Trouble> {
        let directory = self.require(directory)?;
        let mut names = BTreeSet::new();
        for entry in self.0.list(&directory)? {
            names.insert(entry?.0.to_string());
        }
        Ok(Some(names))
    }

    fn look(&mut self, path: &str) -> Result<Option<Shown>, Trouble> {
        let Some(file) = self.file(path)? else { return Ok(None) };
        let mut streams = BTreeSet::new();
        for entry in self.0.list_streams(&file)? {
            streams.insert(entry?.0.to_string());
        }
        let times = [file.creation_time, file.last_write_time, file.change_time, file.last_access_time];
        Ok(Some(Shown {
            attributes: file.attributes().bits(),
            times: times.map(|time| time.raw()),
            size: file.size(),
            links: Some(self.0.links()?.count(file.id)),
            reparse_tag: Some(file.reparse_tag),
            reparse: Some(self.0.reparse(&file)?.unwrap_or_default().to_vec()),
            security: Some(self.0.security(&file)?.unwrap_or_default().to_vec()),
            eas: Some(self.0.eas(&file)?.to_vec()),
            streams: Some(streams),
        }))
    }

    fn data(&mut self, path: &str) -> Result<Vec<u8>, Trouble> {
        self.bytes(self.require(path)?.data)
    }

    fn stream(&mut self, path: &str, stream: &str) -> Result<Vec<u8>, Trouble> {
        let file = self.require(path)?;
        let found = self.0.stream(&file, Name::new(stream)?.as_ref())?;
        self.bytes(found.ok_or_else(|| Trouble::new("the stream is not found"))?)
    }
}

/// The functions of the library that read images which are not mounted.
pub(super) struct ThroughLibrary<'l> {
    library: &'l Cimfs,
    image: WideString,
}

impl<'l> ThroughLibrary<'l> {
    pub(super) fn open(library: &'l Cimfs, image: &Path) -> Result<Self, Trouble> {
        Ok(Self { library, image: WideString::path(image)? })
    }

    fn bytes(&self, path: &str) -> Result<Vec<u8>, Trouble> {
        let path = wide(path)?;
        let mut bytes = Vec::new();
        loop {
            let mut piece = vec![0; PIECE];
            let offset = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            match self.library.read(&self.image, &path, offset, &mut piece)? {
                0 => return Ok(bytes),
                read => bytes.extend_from_slice(&piece[..read]),
            }
        }
    }
}

impl View for ThroughLibrary<'_> {
    fn names(&mut self, _directory: &str) -> Result<Option<BTreeSet<String>>, Trouble> {
        Ok(None)
    }

    fn look(&mut self, path: &str) -> Result<Option<Shown>, Trouble> {
        let found = match self.library.stat(&self.image, &wide(path)?) {
            Err(error) if is_absent(&error) => return Ok(None),
            found => found?,
        };
        let times = [found.creation_time, found.last_write_time, found.change_time, found.last_access_time];
        Ok(Some(Shown {
            attributes: found.file_attributes,
            times: times.map(i64::cast_unsigned),
            size: found.end_of_file.cast_unsigned(),
            links: Some(found.number_of_links),
            reparse_tag: Some(found.reparse_tag),
            reparse: None,
            security: None,
            eas: None,
            streams: None,
        }))
    }

    fn data(&mut self, path: &str) -> Result<Vec<u8>, Trouble> {
        self.bytes(path)
    }

    fn stream(&mut self, path: &str, stream: &str) -> Result<Vec<u8>, Trouble> {
        self.bytes(&format!("{path}:{stream}"))
    }
}

/// Returns a path as the library takes it.
pub(super) fn wide(path: &str) -> Result<WideString, CimfsError> {
    WideString::text(&path.replace('/', "\\"))
}

fn is_absent(error: &CimfsError) -> bool {
    matches!(error.result(), Some(Hresult::FILE_NOT_FOUND | Hresult::PATH_NOT_FOUND))
}

/// A mounted volume.
pub(super) struct Mounted {
    root: PathBuf,
}

impl Mounted {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn at(&self, path: &str) -> PathBuf {
        path.split('/').filter(|name| !name.is_empty()).fold(self.root.clone(), |path, name| path.join(name))
    }
}

impl View for Mounted {
    fn names(&mut self, directory: &str) -> Result<Option<BTreeSet<String>>, Trouble> {
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(self.at(directory))? {
            names.insert(entry?.file_name().to_string_lossy().into_owned());
        }
        Ok(Some(names))
    }

    fn look(&mut self, path: &str) -> Result<Option<Shown>, Trouble> {
        match platform::look(&self.at(path)) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            shown => Ok(Some(shown?)),
        }
    }

    fn data(&mut self, path: &str) -> Result<Vec<u8>, Trouble> {
        Ok(fs::read(self.at(path))?)
    }

    fn stream(&mut self, path: &str, stream: &str) -> Result<Vec<u8>, Trouble> {
        Ok(platform::read_stream(&self.at(path), stream)?)
    }
}
