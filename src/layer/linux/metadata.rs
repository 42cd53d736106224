//! Metadata of a Linux layer, by the conventions of WSL: owner, mode, device and extended attributes become EAs; what
//! is neither file nor directory becomes a reparse point. [`cim::wsl`](crate::cim::wsl) reads it back.

#[cfg(test)]
mod tests;

use tar::Header;

use crate::cim::ea::{EaBuilder, EaError};
use crate::cim::reparse::{ReparseError, build};
use crate::cim::wsl::{Device, FileType, LinuxMetadata};
use crate::cim::{Attributes, FileTime};
use crate::layer::metadata::{FileMetadata, Kind, Member, MetadataError, Remark, Times, header_number};
use crate::layer::pax::{Records, key};

const UID: &[u8] = b"$LXUID";
const GID: &[u8] = b"$LXGID";
const MODE: &[u8] = b"$LXMOD";
const DEVICE: &[u8] = b"$LXDEV";

/// Begins the name of an EA that holds an extended attribute, and its value.
const XATTR_PREFIX: &[u8] = b"LX.";
const XATTR_MAGIC: &[u8] = b"aexl";

/// The extended attributes that WSL shows.
const SHOWN_XATTRS: [&[u8]; 3] = [b"security.", b"trusted.", b"user."];

/// The permission bits of a mode, with set-id and sticky bits.
const PERMISSION_MASK: u32 = 0o7777;

/// What a symbolic link may; nobody asks.
const LINK_PERMISSIONS: u32 = 0o777;

/// What a directory may that the tar does not describe.
const IMPLIED_PERMISSIONS: u32 = 0o755;

/// Reads what a member says of the file that it becomes. Hard links become none.
pub fn read(member: &Member<'_>) -> Result<FileMetadata, MetadataError> {
    let file_type = file_type(member.kind()).ok_or_else(|| member.wrong_type("Linux"))?;
    let mut remarks = Vec::new();
    let mut eas = EaBuilder::new();
    append_metadata(&mut eas, &metadata(member, file_type)?)?;
    append_xattrs(&mut eas, member.records, &mut remarks)?;
    Ok(FileMetadata {
        eas: eas.in_order(),
        reparse: reparse(file_type, member.link)?,
        remarks,
        ..FileMetadata::plain(attributes(file_type), times(member)?)
    })
}

/// Describes a directory that the tar names only in the paths of others, and a root that it does not name at all.
pub fn implied_directory(time: FileTime) -> FileMetadata {
    let mode = Some(FileType::Directory.mode_bits() | IMPLIED_PERMISSIONS);
    let metadata = LinuxMetadata { uid: Some(0), gid: Some(0), mode, device: None };
    let mut eas = EaBuilder::new();
    append_metadata(&mut eas, &metadata).expect("three small attributes fit a list");
    let plain = FileMetadata::plain(attributes(FileType::Directory), Times::all(time));
    FileMetadata { eas: eas.in_order(), ..plain }
}

fn file_type(kind: Kind) -> Option<FileType> {
    match kind {
        Kind::File => Some(FileType::Regular),
        Kind::Directory => Some(FileType::Directory),
        Kind::Symlink => Some(FileType::Symlink),
        Kind::CharDevice => Some(FileType::CharDevice),
        Kind::BlockDevice => Some(FileType::BlockDevice),
        Kind::Fifo => Some(FileType::Fifo),
        Kind::HardLink | Kind::Other => None,
    }
}

/// The mode says who may write, so that nothing becomes read-only for Windows.
fn attributes(file_type: FileType) -> Attributes {
    match file_type {
        FileType::Directory => Attributes::DIRECTORY,
        _ => Attributes::empty(),
    }
}

fn times(member: &Member<'_>) -> Result<Times, MetadataError> {
    let last_write = member.last_write_time()?;
    Ok(Times {
        change: member.records.time(key::CTIME)?.unwrap_or(last_write),
        last_access: member.records.time(key::ATIME)?.unwrap_or(last_write),
        ..Times::all(last_write)
    })
}

fn metadata(member: &Member<'_>, file_type: FileType) -> Result<LinuxMetadata, MetadataError> {
    let raw = member.header.as_old();
    let permissions = match file_type {
        FileType::Symlink => LINK_PERMISSIONS,
        // Some archivers add the type, which the tar says better.
        _ => narrow("mode", &raw.mode)? & PERMISSION_MASK,
    };
    let is_device = matches!(file_type, FileType::CharDevice | FileType::BlockDevice);
    Ok(LinuxMetadata {
        uid: Some(owner("user", member.records.number(key::UID)?, "uid", &raw.uid)?),
        gid: Some(owner("group", member.records.number(key::GID)?, "gid", &raw.gid)?),
        mode: Some(file_type.mode_bits() | permissions),
        device: if is_device { Some(device(member.header)?) } else { None },
    })
}

/// Takes a user or group from its record or else from the header.
fn owner(
    what: &'static str,
    record: Option<u64>,
    field: &'static str,
    bytes: &[u8],
) -> Result<u32, MetadataError> {
    let value = match record {
        Some(value) => i128::from(value),
        None => header_number(field, bytes)?.into(),
    };
    // The largest number stands for nobody.
    let owner = u32::try_from(value).ok().filter(|&owner| owner != u32::MAX);
    owner.ok_or(MetadataError::Owner { what, value })
}

/// Headers of the oldest form have no device numbers.
fn device(header: &Header) -> Result<Device, MetadataError> {
    let ustar = header.as_ustar().map(|header| (&header.dev_major, &header.dev_minor));
    let fields = ustar.or_else(|| header.as_gnu().map(|header| (&header.dev_major, &header.dev_minor)));
    let Some((major, minor)) = fields else { return Ok(Device::default()) };
    Ok(Device { major: narrow("devmajor", major)?, minor: narrow("devminor", minor)? })
}

fn narrow(field: &'static str, bytes: &[u8]) -> Result<u32, MetadataError> {
    let number = header_number(field, bytes)?;
    u32::try_from(number).map_err(|_| MetadataError::Header { field, value: number.to_string() })
}

/// Adds what WSL knows of a file; what is `None` is left out.
fn append_metadata(eas: &mut EaBuilder, metadata: &LinuxMetadata) -> Result<(), EaError> {
    for (name, number) in [(UID, metadata.uid), (GID, metadata.gid), (MODE, metadata.mode)] {
        if let Some(number) = number {
            eas.push(0, name, &number.to_le_bytes())?;
        }
    }
    if let Some(Device { major, minor }) = metadata.device {
        eas.push(0, DEVICE, &[major.to_le_bytes(), minor.to_le_bytes()].concat())?;
    }
    Ok(())
}

/// Adds extended attributes by name, so that the same ones always give the same bytes.
fn append_xattrs(
    eas: &mut EaBuilder,
    records: &Records<'_>,
    remarks: &mut Vec<Remark>,
) -> Result<(), MetadataError> {
    let mut xattrs = Vec::new();
    for xattr in records.xattrs() {
        let (name, value) = xattr?;
        if !SHOWN_XATTRS.iter().any(|shown| name.starts_with(shown)) {
            remarks.push(Remark::HiddenXattr(String::from_utf8_lossy(&name).into_owned()));
        }
        // NTFS keeps names in upper case, and WSL looks for them so.
        xattrs.push(([XATTR_PREFIX, &name].concat().to_ascii_uppercase(), value));
    }
    xattrs.sort_unstable();
    for (name, value) in xattrs {
        eas.push(0, &name, &[XATTR_MAGIC, &value].concat())?;
    }
    Ok(())
}

/// Returns what makes a file one of the types that Windows does not have. No tar has sockets; trees do.
fn reparse(file_type: FileType, link: &[u8]) -> Result<Vec<u8>, ReparseError> {
    match file_type {
        FileType::Regular | FileType::Directory => Ok(Vec::new()),
        FileType::Symlink => build::lx_symlink(link),
        FileType::Fifo => Ok(build::lx_fifo()),
        FileType::CharDevice => Ok(build::lx_chr()),
        FileType::BlockDevice => Ok(build::lx_blk()),
        FileType::Socket => Ok(build::af_unix()),
    }
}
