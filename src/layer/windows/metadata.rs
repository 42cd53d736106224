//! Metadata of a Windows layer: attributes, times, descriptor, extended attributes and links, each in a record of its
//! own or else a default. Mode and owner of the tar header mean nothing.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::cim::ea::EaBuilder;
use crate::cim::reparse::build;
use crate::cim::security::{self, DEFAULT};
use crate::cim::{Attributes, FileTime};
use crate::layer::metadata::{FileMetadata, Kind, Member, MetadataError, Remark, Times};
use crate::layer::pax::{Records, key};
use crate::layer::sddl;

/// FILE_ATTRIBUTE_RECALL_ON_DATA_ACCESS
const RECALL_ON_DATA_ACCESS: Attributes = Attributes::from_bits_retain(0x40_0000);

/// What the importer of Windows makes of an absent time: Go's zero time, which overflows on the way. It lies in 1754.
const INBOX_ABSENT: FileTime = FileTime::from_raw(0x00AC_4663_BED0_AE15);

/// What times of last access and of change are where no record says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AbsentTimes {
    /// That of the last write. Layers of Microsoft say no change time.
    #[default]
    LastWrite,
    /// What the importer of Windows makes of it, to compare bytes with its images.
    Inbox,
}

/// Reads what a member says of the file that it becomes. Hard links become none.
pub fn read(member: &Member<'_>, absent: AbsentTimes) -> Result<FileMetadata, MetadataError> {
    let kind = member.kind();
    if !matches!(kind, Kind::File | Kind::Directory | Kind::Symlink) {
        return Err(member.wrong_type("Windows"));
    }
    let mut remarks = member.clamped_times()?;
    let shown = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    remarks.extend(member.records.empty_eas().map(|name| Remark::EmptyEa(shown(name))));
    Ok(FileMetadata {
        attributes: attributes(kind, member.records, &mut remarks)?,
        times: times(member, absent)?,
        security: security(member.records)?,
        eas: eas(member.records)?,
        reparse: if kind == Kind::Symlink { reparse(member, &mut remarks)? } else { Vec::new() },
        remarks,
    })
}

/// Describes a directory that the tar names only in the paths of others.
pub fn implied_directory(time: FileTime) -> FileMetadata {
    FileMetadata::plain(Attributes::DIRECTORY, Times::all(time))
}

fn attributes(
    kind: Kind,
    records: &Records<'_>,
    remarks: &mut Vec<Remark>,
) -> Result<Attributes, MetadataError> {
    let said = records.file_attributes()?;
    let mut attributes = said.unwrap_or(Attributes::empty());
    // Of a link, only this bit tells whether it leads to a directory.
    if kind != Kind::Symlink {
        attributes.set(Attributes::DIRECTORY, kind == Kind::Directory);
    }
    if let Some(said) = said.filter(|&said| said != attributes) {
        remarks.push(Remark::DirectoryBit(said.bits()));
    }
    if attributes.contains(RECALL_ON_DATA_ACCESS) {
        remarks.push(Remark::RecallOnDataAccess(attributes.bits()));
    }
    attributes.remove(Attributes::REPARSE_POINT);
    Ok(attributes)
}

fn times(member: &Member<'_>, absent: AbsentTimes) -> Result<Times, MetadataError> {
    let records = member.records;
    let last_write = member.last_write_time()?;
    let absent = match absent {
        AbsentTimes::LastWrite => last_write,
        AbsentTimes::Inbox => INBOX_ABSENT,
    };
    Ok(Times {
        creation: records.time(key::CREATION_TIME)?.unwrap_or(last_write),
        last_write,
        change: records.time(key::CTIME)?.unwrap_or(absent),
        last_access: records.time(key::ATIME)?.unwrap_or(absent),
    })
}

/// Returns the descriptor in its bytes, else the one as text, else the default. Bytes are checked, not changed.
fn security(records: &Records<'_>) -> Result<Cow<'static, [u8]>, MetadataError> {
    if let Some(bytes) = records.raw_security()? {
        security::check(&bytes)?;
        return Ok(bytes.into());
    }
    match records.sddl()? {
        Some(text) => Ok(sddl::parse(text)?.into()),
        None => Ok(Cow::Borrowed(&DEFAULT)),
    }
}

fn eas(records: &Records<'_>) -> Result<Vec<u8>, MetadataError> {
    let mut eas = EaBuilder::new();
    for attribute in records.eas() {
        let (name, value) = attribute?;
        eas.push(0, name, &value)?;
    }
    Ok(eas.sorted())
}

fn reparse(member: &Member<'_>, remarks: &mut Vec<Remark>) -> Result<Vec<u8>, MetadataError> {
    if member.link.is_empty() {
        remarks.push(Remark::EmptyLink);
        return Ok(Vec::new());
    }
    let build = if member.records.is_mount_point() { build::mount_point } else { build::symlink };
    Ok(build(member.link)?)
}
