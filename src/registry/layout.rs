//! The directory of a layout: its blobs and documents, each compared with its descriptor.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use oci_spec::image::{ImageIndex, OciLayout};

use super::blob::{Blob, Bytes, MAX_DOCUMENT, Source, Top, parse};
use super::error::{RegistryError, quoted};

/// An OCI layout.
#[derive(Clone, Debug)]
pub struct Layout {
    directory: PathBuf,
}

impl Layout {
    /// Opens a layout, and checks that it is one.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, RegistryError> {
        let layout = Self { directory: directory.into() };
        let path = layout.directory.join("oci-layout");
        let bytes = match limited(&path) {
            Err(RegistryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(RegistryError::NotALayout(layout.directory));
            }
            other => other?,
        };
        let marker: OciLayout = parse(&path.display().to_string(), &bytes)?;
        let version = marker.image_layout_version();
        if version.split('.').next() != Some("1") {
            let version = quoted(version);
            return Err(RegistryError::Version { path: layout.directory, version });
        }
        Ok(layout)
    }

    /// Opens a blob of the size that its descriptor says. Whether it has the digest shows when it is read.
    fn open_blob(&self, blob: &Blob) -> Result<File, RegistryError> {
        // The digits of a digest are a plain file name.
        let path = self.directory.join("blobs").join("sha256").join(blob.digest.hex());
        let (file, size) = match open(&path) {
            Err(RegistryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Err(RegistryError::Missing {
                    noun: self.noun(),
                    kind: blob.kind,
                    digest: blob.digest,
                });
            }
            other => other?,
        };
        if size != blob.size {
            return Err(RegistryError::Size { name: blob.name(), expected: blob.size, found: size });
        }
        Ok(file)
    }
}

impl Source for Layout {
    fn noun(&self) -> &'static str {
        "layout"
    }

    fn top(&self) -> Result<Top, RegistryError> {
        let path = self.directory.join("index.json");
        let name = path.display().to_string();
        let index: ImageIndex = parse(&name, &limited(&path)?)?;
        Ok(Top { name: "index.json".to_owned(), descriptors: index.manifests().clone() })
    }

    fn open(&self, blob: &Blob, _: &[String]) -> Result<Bytes, RegistryError> {
        Ok(Box::new(self.open_blob(blob)?))
    }
}

/// Opens a file, and nothing but a file: opening a pipe would wait for somebody to write to it.
fn open(path: &Path) -> Result<(File, u64), RegistryError> {
    let failed = |source| RegistryError::Io { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(RegistryError::NotAFile(path.to_owned()));
    }
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    Ok((file, size))
}

/// Reads a document that no descriptor names.
fn limited(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let (file, size) = open(path)?;
    if size > MAX_DOCUMENT {
        let name = path.display().to_string();
        return Err(RegistryError::TooLarge { name, size, limit: MAX_DOCUMENT });
    }
    let mut bytes = Vec::new();
    let read = file.take(MAX_DOCUMENT).read_to_end(&mut bytes);
    read.map_err(|source| RegistryError::Io { path: path.to_owned(), source })?;
    Ok(bytes)
}
