//! What a Windows layer says of a file of an image.

use tar::EntryType;

use super::archive::{Description, RecordMap};
use super::error::EntryError;
use crate::cim::Image;
use crate::cim::ea::{EaList, is_purged};
use crate::cim::reader::File;
use crate::cim::reparse::{Reparse, ReparseError, Tag, build};
use crate::cim::security;
use crate::layer::pax::{encode, format_time, key};

/// What programs of Linux see, who know nothing of descriptors.
const FILE_MODE: u32 = 0o644;
const DIRECTORY_MODE: u32 = 0o755;

/// Describes a file. All four times have their records: without them, some importers make up others.
pub(super) fn describe(image: &Image, file: &File) -> Result<Description, EntryError> {
    let is_link = file.is_reparse_point();
    let (kind, mode) = match file.is_directory() {
        _ if is_link => (EntryType::Symlink, FILE_MODE),
        true => (EntryType::Directory, DIRECTORY_MODE),
        false => (EntryType::Regular, FILE_MODE),
    };
    let mut records = RecordMap::new();
    let mut add = |key: &str, value: String| records.insert(key.into(), value.into());
    add(key::FILE_ATTRIBUTES, file.attributes().bits().to_string());
    for (key, time) in [
        (key::MTIME, file.last_write_time),
        (key::ATIME, file.last_access_time),
        (key::CTIME, file.change_time),
        (key::CREATION_TIME, file.creation_time),
    ] {
        add(key, format_time(time.unix_nanos()));
    }
    let mut once = eas(image, file)?;
    if let Some(descriptor) = image.security(file)? {
        security::check(descriptor)?;
        once.insert(key::RAW_SECURITY.into(), encode(descriptor));
    }
    let mut link = Vec::new();
    if is_link {
        link = self::link(image, file)?;
        if Tag(file.reparse_tag) == Tag::MOUNT_POINT {
            once.insert(key::MOUNT_POINT.into(), b"1".into());
        }
    }
    let modified = file.last_write_time.unix_nanos();
    Ok(Description { link, mode, modified, records, once, ..Description::bare(kind) })
}

/// Records have no flags, no empty values and no equals signs in their keys. What Windows keeps as a cache of the contents
/// is left out: another file system has to make its own.
fn eas(image: &Image, file: &File) -> Result<RecordMap, EntryError> {
    let list = EaList::parse(image.eas(file)?);
    let list = list.map_err(|error| image.regions().corrupt(file.eas, error.into()))?;
    let mut records = RecordMap::new();
    for ea in list.iter().filter(|ea| !is_purged(ea.name)) {
        if ea.flags != 0 || ea.value.is_empty() || ea.name.contains(&b'=') {
            return Err(EntryError::Ea(String::from_utf8_lossy(ea.name).into_owned()));
        }
        records.insert([key::EA_PREFIX.as_bytes(), ea.name].concat(), encode(ea.value));
    }
    Ok(records)
}

/// Returns the text of a link, of which an importer makes it again.
fn link(image: &Image, file: &File) -> Result<Vec<u8>, EntryError> {
    let corrupt = |error: ReparseError| image.regions().corrupt(file.reparse, error.into());
    let buffer = image.reparse(file)?.unwrap_or_default();
    let reparse = Reparse::parse(buffer).map_err(corrupt)?;
    let build = match reparse {
        Reparse::Symlink { .. } => build::symlink,
        Reparse::MountPoint { .. } => build::mount_point,
        _ => return Err(EntryError::Reparse(file.reparse_tag)),
    };
    let text = reparse.link_text().ok_or(EntryError::LinkText)?;
    let again = build(&text).map_err(|_| EntryError::LinkText)?;
    let again = Reparse::parse(&again).map_err(|_| EntryError::LinkText)?;
    if leads(again) == leads(reparse) { Ok(text) } else { Err(EntryError::LinkText) }
}

/// Returns where the kernel goes by a link. The print name is for people.
fn leads(reparse: Reparse<'_>) -> Option<(Vec<u16>, bool)> {
    let (substitute, relative) = match reparse {
        Reparse::Symlink { substitute, relative, .. } => (substitute, relative),
        Reparse::MountPoint { substitute, .. } => (substitute, false),
        _ => return None,
    };
    Some((substitute.iter().map(|unit| unit.get()).collect(), relative))
}
