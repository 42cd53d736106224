//! What a Linux layer says of a file of an image.

use tar::EntryType;

use super::archive::{Description, RecordMap};
use super::error::EntryError;
use crate::cim::ea::{EaList, is_purged};
use crate::cim::reader::File;
use crate::cim::reparse::{Reparse, Tag};
use crate::cim::wsl::{self, FileType, LinuxLink, LinuxMetadata, Namespace};
use crate::cim::{FileTime, Image};
use crate::layer::pax::{encode, format_time, key, percent_encode};

/// What a file may of which nothing is known.
const FILE_PERMISSIONS: u32 = 0o644;
const DIRECTORY_PERMISSIONS: u32 = 0o755;
const LINK_PERMISSIONS: u32 = 0o777;

/// Returns what a file is. Links of Windows are none of Linux.
pub(super) fn file_type(file: &File) -> Result<FileType, EntryError> {
    let unknown = || EntryError::Reparse(file.reparse_tag);
    match (file.is_reparse_point(), file.is_directory()) {
        (false, true) => Ok(FileType::Directory),
        (false, false) => Ok(FileType::Regular),
        (true, true) => Err(unknown()),
        (true, false) => match Tag(file.reparse_tag) {
            Tag::SYMLINK | Tag::MOUNT_POINT => Err(unknown()),
            tag => FileType::of_tag(tag).ok_or_else(unknown),
        },
    }
}

/// Describes a file.
pub(super) fn describe(image: &Image, file: &File) -> Result<Description, EntryError> {
    let file_type = file_type(file)?;
    if !image.streams(file)?.is_empty() {
        return Err(EntryError::Streams);
    }
    let eas = EaList::parse(image.eas(file)?);
    let eas = eas.map_err(|error| image.regions().corrupt(file.eas, error.into()))?;
    let metadata = LinuxMetadata::read(image.eas(file)?);
    let metadata = metadata.map_err(|fault| image.regions().corrupt(file.eas, fault))?;
    let mut once = RecordMap::new();
    for ea in eas.iter().filter(|ea| !wsl::is_metadata(ea) && !is_purged(ea.name)) {
        let unknown = || EntryError::Ea(String::from_utf8_lossy(ea.name).into_owned());
        let (name, value) = wsl::xattr(&ea).ok_or_else(unknown)?;
        once.extend(xattr(&name, value)?);
    }
    let link = if file_type == FileType::Symlink { link(image, file)? } else { Vec::new() };
    let is_device = matches!(file_type, FileType::CharDevice | FileType::BlockDevice);
    Ok(Description {
        link,
        mode: permissions(file_type, &metadata),
        uid: metadata.uid.unwrap_or(0),
        gid: metadata.gid.unwrap_or(0),
        device: metadata.device.filter(|_| is_device).unwrap_or_default(),
        modified: file.last_write_time.unix_nanos(),
        records: times(file),
        once,
        ..Description::bare(entry_type(file_type))
    })
}

/// The key and the value of a record.
type Record = (Vec<u8>, Vec<u8>);

/// Returns the record of an extended attribute; `None` for those of the host's administrator, which no layer may have.
pub(super) fn xattr(name: &[u8], value: &[u8]) -> Result<Option<Record>, EntryError> {
    if Namespace::of(name) == Namespace::Trusted {
        return Ok(None);
    }
    if !name.contains(&b'=') {
        return Ok(Some(([key::XATTR_PREFIX.as_bytes(), name].concat(), value.to_vec())));
    }
    // The other form has names of any bytes, but no empty values.
    if value.is_empty() {
        return Err(EntryError::Ea(String::from_utf8_lossy(name).into_owned()));
    }
    let key = [key::ENCODED_XATTR_PREFIX.as_bytes(), &percent_encode(name)].concat();
    Ok(Some((key, encode(value))))
}

/// Returns the type of the entry of a file. No tar has sockets; they are left out.
pub(super) fn entry_type(file_type: FileType) -> EntryType {
    match file_type {
        FileType::Regular | FileType::Socket => EntryType::Regular,
        FileType::Directory => EntryType::Directory,
        FileType::Symlink => EntryType::Symlink,
        FileType::Fifo => EntryType::Fifo,
        FileType::CharDevice => EntryType::Char,
        FileType::BlockDevice => EntryType::Block,
    }
}

fn permissions(file_type: FileType, metadata: &LinuxMetadata) -> u32 {
    let otherwise = match file_type {
        FileType::Symlink => return LINK_PERMISSIONS,
        FileType::Directory => DIRECTORY_PERMISSIONS,
        _ => FILE_PERMISSIONS,
    };
    metadata.permissions(file_type).unwrap_or(otherwise)
}

/// Returns records for the times that an import would not take from the one in the header.
fn times(file: &File) -> RecordMap {
    let others = [
        (key::ATIME, file.last_access_time),
        (key::CTIME, file.change_time),
        (key::CREATION_TIME, file.creation_time),
    ];
    let others = others.into_iter().filter(|&(_, time)| time != file.last_write_time);
    let record = |(key, time): (&str, FileTime)| (key.into(), format_time(time.unix_nanos()).into());
    others.map(record).collect()
}

fn link(image: &Image, file: &File) -> Result<Vec<u8>, EntryError> {
    let buffer = image.reparse(file)?.unwrap_or_default();
    let reparse =
        Reparse::parse(buffer).map_err(|error| image.regions().corrupt(file.reparse, error.into()))?;
    match wsl::linux_link(reparse) {
        Some(LinuxLink::Target(target)) => Ok(target.to_vec()),
        // An older form of the same link.
        Some(LinuxLink::InData) => {
            let mut target = vec![0; crate::cim::reparse::MAX_LX_TARGET];
            let len = image.data(file.data)?.read_at(&mut target, 0);
            target.truncate(len);
            Ok(target)
        }
        None => Err(EntryError::Reparse(file.reparse_tag)),
    }
}
