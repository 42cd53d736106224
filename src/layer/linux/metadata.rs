//! Metadata of a Linux layer, by the conventions of WSL: owner, mode, device and extended attributes become EAs; what
//! is neither file nor directory becomes a reparse point. [`cim::wsl`](crate::cim::wsl) reads it back.

#[cfg(test)]
mod tests;

use tar::Header;

use crate::cim::posix_acl::{AclError, AclKind, PosixAcl};
use crate::cim::reparse::{ReparseError, build};
use crate::cim::wsl::{Device, FileType, LinuxMetadata, Namespace};
use crate::cim::{Attributes, FileTime};
use crate::layer::metadata::{FileMetadata, Kind, Member, MetadataError, Remark, Times, header_number};
use crate::layer::pax::key;

/// The permission bits of a mode, with set-id and sticky bits.
const PERMISSION_MASK: u32 = 0o7777;

/// What a symbolic link may; nobody asks.
const LINK_PERMISSIONS: u32 = 0o777;

/// What a directory may that the tar does not describe.
const IMPLIED_PERMISSIONS: u32 = 0o755;

/// Reads what a member says of the file that it becomes. Hard links become none.
pub fn read(member: &Member<'_>) -> Result<FileMetadata, MetadataError> {
    let file_type = file_type(member.kind()).ok_or_else(|| member.wrong_type("Linux"))?;
    let xattrs = member.records.xattrs().collect::<Result<Vec<_>, _>>()?;
    let xattrs = xattrs.iter().map(|(name, value)| (&name[..], &value[..]));
    let described = describe(file_type, &metadata(member, file_type)?, xattrs, member.link, times(member)?)?;
    let mut remarks = member.clamped_times()?;
    remarks.extend(described.remarks);
    Ok(FileMetadata { remarks, ..described })
}

/// Describes a file of any type. `link` is where a symbolic link leads. Extended attributes that containerd would drop
/// are dropped with a remark.
pub fn describe<'a>(
    file_type: FileType,
    metadata: &LinuxMetadata,
    xattrs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>,
    link: &[u8],
    times: Times,
) -> Result<FileMetadata, MetadataError> {
    let (mut kept, mut remarks) = (Vec::new(), Vec::new());
    for (name, value) in xattrs {
        match fate(file_type, name, value)? {
            Fate::Kept => kept.push((name, value)),
            Fate::Absent => {}
            Fate::Dropped(why) => {
                remarks.push(Remark::DroppedXattr { name: String::from_utf8_lossy(name).into_owned(), why });
            }
        }
    }
    let (eas, reparse) = (metadata.write(kept)?, reparse(file_type, link)?);
    Ok(FileMetadata { eas, reparse, remarks, ..FileMetadata::plain(attributes(file_type), times) })
}

/// Describes a directory that the tar names only in the paths of others, and a root that it does not name at all.
pub fn implied_directory(time: FileTime) -> FileMetadata {
    let mode = Some(FileType::Directory.mode_bits() | IMPLIED_PERMISSIONS);
    let metadata = LinuxMetadata { uid: Some(0), gid: Some(0), mode, device: None };
    let described = describe(FileType::Directory, &metadata, [], b"", Times::all(time));
    described.expect("three small attributes fit a list")
}

/// What becomes of an extended attribute.
enum Fate {
    Kept,
    /// It says that there is none.
    Absent,
    Dropped(&'static str),
}

/// Decides as the kernel does when containerd sets the attribute: what the file system does not support is dropped, other
/// errors fail the layer.
fn fate(file_type: FileType, name: &[u8], value: &[u8]) -> Result<Fate, MetadataError> {
    let namespace = Namespace::of(name);
    Ok(match namespace {
        Namespace::Trusted => Fate::Dropped("a layer may not have attributes of the host's administrator"),
        Namespace::Unknown => Fate::Dropped("file systems of Linux have no attributes of its kind"),
        Namespace::User if !namespace.is_of(file_type) => {
            Fate::Dropped("only files and directories have attributes of users")
        }
        Namespace::User | Namespace::Security if matches!(name, b"user." | b"security.") => {
            return Err(MetadataError::XattrName(String::from_utf8_lossy(name).into_owned()));
        }
        Namespace::User | Namespace::Security => Fate::Kept,
        Namespace::Acl(kind) => acl_fate(file_type, kind, value)?,
    })
}

fn acl_fate(file_type: FileType, kind: AclKind, value: &[u8]) -> Result<Fate, AclError> {
    let acl = match PosixAcl::parse(value) {
        Err(AclError::Version(_)) => return Ok(Fate::Dropped("its version is unknown")),
        acl => acl?,
    };
    if file_type == FileType::Symlink {
        return Ok(Fate::Dropped("a symbolic link has no ACL"));
    }
    let Some(acl) = acl else { return Ok(Fate::Absent) };
    if kind == AclKind::Default && file_type != FileType::Directory {
        return Err(AclError::DefaultOfFile);
    }
    acl.check()?;
    Ok(Fate::Kept)
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
        creation: member.records.time(key::CREATION_TIME)?.unwrap_or(last_write),
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
