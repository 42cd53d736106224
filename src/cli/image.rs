//! Images and paths in them, as people name them.

use std::fs;
use std::path::Path;

use anyhow::Context;
use cimsnap::cim::dump::show;
use cimsnap::cim::reader::File;
use cimsnap::cim::wsl::{self, LinuxMetadata};
use cimsnap::cim::{CimError, Image, ImagePath};
use zerocopy::little_endian::U16;

use super::failure::Failure;

const SEPARATOR: u16 = 0x5C;

/// Returns whether an image came from Linux: its names are unescaped then.
pub(crate) fn is_linux(image: &Image) -> Result<bool, CimError> {
    let root = image.file(image.root())?;
    let metadata = LinuxMetadata::read(image.eas(&root)?);
    // Broken EAs are found by whoever looks at them.
    Ok(metadata.is_ok_and(|metadata| metadata.is_present()))
}

/// Makes a path in an image of a path of Linux: forbidden characters are escaped, empty names and dots left out.
pub(crate) fn linux_path(text: &[u8]) -> anyhow::Result<ImagePath> {
    let mut units: Vec<U16> = Vec::with_capacity(text.len());
    for (index, name) in clean(text)?.into_iter().enumerate() {
        let separator = (index > 0).then_some(SEPARATOR);
        units.extend(separator.into_iter().chain(wsl::name_units(name)).map(U16::new));
    }
    Ok(ImagePath::from_units(&units)?)
}

/// Makes a path in an image of names that must be valid there.
pub(crate) fn windows_path(text: &[u8]) -> anyhow::Result<ImagePath> {
    Ok(ImagePath::parse(clean(text)?.join(&b'/'))?)
}

/// Makes a path in an image of what somebody has typed.
pub(crate) fn typed_path(image: &Image, text: &str) -> anyhow::Result<ImagePath> {
    if is_linux(image)? {
        linux_path(text.as_bytes())
    } else {
        windows_path(text.replace('\\', "/").as_bytes())
    }
}

/// Finds what somebody has typed.
pub(crate) fn find(image: &Image, text: &str) -> anyhow::Result<(ImagePath, File)> {
    let path = typed_path(image, text)?;
    let file = image.find(&path)?;
    let missing = || Failure::NotInImage { image: image.name().to_string(), path: shown(&path) };
    let file = file.ok_or_else(missing)?;
    Ok((path, file))
}

/// Shows a path from the root.
pub(crate) fn shown(path: &ImagePath) -> String {
    format!("/{}", show(path.units()))
}

/// Names a directory as people know it.
pub(crate) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Checks that an image lies where its parent does.
pub(crate) fn same_directory(parent: &Path, new: &Path) -> anyhow::Result<()> {
    let real = |path: &Path| {
        let directory = directory_of(path);
        fs::canonicalize(directory).with_context(|| format!("cannot find {}", directory.display()))
    };
    if real(parent)? == real(new)? {
        return Ok(());
    }
    let directory = directory_of(parent).display().to_string();
    Err(Failure::OtherDirectory { new: new.display().to_string(), directory }.into())
}

/// Splits a path of Linux into its names.
fn clean(text: &[u8]) -> Result<Vec<&[u8]>, Failure> {
    let names = text.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
    let names: Vec<&[u8]> = names.collect();
    if names.contains(&&b".."[..]) {
        return Err(Failure::LeavesRoot(String::from_utf8_lossy(text).into_owned()));
    }
    Ok(names)
}
